//! A hook as Particle's clients know one: its definition as its owner wrote it, and what the gateway adds.

use serde_json::Map;
use serde_json::Value;
use serde_json::json;

use crate::http::as_json;
use crate::registry::Hook;
use crate::store::Fate;
use crate::store::StoredAttempt;

/// What stands in the place of a secret that signs requests.
const SENSITIVE: &str = crate::hooks::masking::SENSITIVE;

/// A hook in a list. Its owner gets back what they wrote, unknown keys included: tools store it and send it again. Only
/// what signs requests is not told: nobody else could make such signatures.
pub(super) fn one(hook: &Hook) -> Map<String, Value> {
    let mut shown = Map::new();
    shown.insert("id".to_owned(), json!(hook.id));
    if let Value::Object(definition) = hook.definition.original() {
        shown
            .extend(definition.iter().filter(|(key, _)| *key != "id").map(|(key, value)| (key.clone(), value.clone())));
    }
    if let Some(secret) = shown.get_mut("signing_secret") {
        *secret = json!(SENSITIVE);
    }
    let added = [
        ("event", json!(hook.definition.event_prefix())),
        ("name", json!(hook.definition.name())),
        ("integration_type", json!("Webhook")),
        ("noDefaults", json!(hook.definition.is_without_defaults())),
        ("rejectUnauthorized", json!(hook.definition.rejects_unauthorized())),
        ("disabled", json!(hook.definition.is_disabled())),
    ];
    for (key, value) in added {
        shown.entry(key).or_insert(value);
    }
    if let Some(device) = hook.definition.device() {
        // Under this name alone clients look for it.
        shown.entry("deviceID").or_insert(json!(device));
    }
    shown.insert("created_at".to_owned(), json!(hook.created_at.to_string()));
    if let Some(product) = hook.product {
        shown.insert("product_id".to_owned(), json!(product));
    }
    shown
}

/// As Particle's cloud answers when one was created.
pub(super) fn created(hook: &Hook, base: &str) -> Value {
    let mut shown = one(hook);
    shown.insert("ok".to_owned(), json!(true));
    let whose = hook.product.map(|product| format!("/products/{product}")).unwrap_or_default();
    shown.insert("hookUrl".to_owned(), json!(format!("{base}/v1{whose}/webhooks/{}", hook.id)));
    Value::Object(shown)
}

/// An attempt, secrets masked.
pub(super) fn attempt(attempt: &StoredAttempt) -> Value {
    json!({
        "event": attempt.name,
        "event_id": attempt.event,
        "at": attempt.at.to_string(),
        "type": if is_success(attempt) { "success" } else { "error" },
        "summary": attempt.summary,
        "request": as_json(&attempt.request),
        "response": as_json(&attempt.answer),
    })
}

/// Whether the target took it.
pub(super) fn is_success(attempt: &StoredAttempt) -> bool {
    attempt.fate == Fate::Delivered
}
