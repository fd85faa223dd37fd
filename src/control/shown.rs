//! How things look in replies: the JSON that `--json` prints. Scripts rely on it; snapshots hold it.

use serde_json::Value;
use serde_json::json;

use crate::bus::HookReport;
use crate::bus::Sighting;
use crate::hooks::masking;
use crate::model::Device;
use crate::model::Event;
use crate::registry::Hook;
use crate::registry::Token;

/// An event as the guide shows it; `ttl` is a text there.
pub(super) fn event(event: &Event) -> Value {
    json!({
        "name": event.name,
        "data": event.data,
        "ttl": event.ttl_s.to_string(),
        "published_at": event.published_at.to_string(),
        "coreid": event.source.coreid(),
    })
}

/// A device.
pub(super) fn device(device: &Device, sighting: Sighting) -> Value {
    json!({
        "id": device.id,
        "name": device.name,
        "online": sighting.connections > 0,
        "last_heard": sighting.last_heard.map(|at| at.to_string()),
        "created_at": device.created_at.to_string(),
    })
}

/// A hook: its definition with the secrets masked, and how it does. The gateway's own keys win over a definition's.
pub(super) fn hook(hook: &Hook, report: &HookReport) -> Value {
    let mut shown = serde_json::Map::new();
    shown.insert("id".to_owned(), json!(hook.id));
    if let Value::Object(definition) = masking::shown_definition(hook.definition.original()) {
        shown.extend(definition.into_iter().filter(|(key, _)| key != "id"));
    }
    shown.insert("created_at".to_owned(), json!(hook.created_at.to_string()));
    shown.insert("state".to_owned(), json!(state(hook, report)));
    shown.insert("delivered".to_owned(), json!(report.delivered));
    shown.insert("failed".to_owned(), json!(report.failed));
    shown.insert("errors_in_a_row".to_owned(), json!(report.errors_in_a_row));
    shown.insert("last_outcome".to_owned(), json!(report.last_outcome));
    shown.insert("last_at".to_owned(), json!(report.last_at.map(|at| at.to_string())));
    Value::Object(shown)
}

/// A token, without what it is.
pub(super) fn token(token: &Token) -> Value {
    json!({ "id": token.id(), "created_at": token.created_at.to_string() })
}

fn state(hook: &Hook, report: &HookReport) -> &'static str {
    if hook.definition.is_disabled() {
        "disabled"
    } else if report.too_many_errors {
        "too many errors"
    } else {
        "enabled"
    }
}
