//! How things look in replies: the JSON that `--json` prints. Scripts rely on it; snapshots hold it.

use serde_json::Value;
use serde_json::json;

use crate::bus::HookReport;
use crate::bus::HookState;
use crate::bus::Sighting;
use crate::history::HookHistory;
use crate::hooks::masking;
use crate::model::Device;
use crate::model::DeviceId;
use crate::model::Event;
use crate::model::HookId;
use crate::model::Secret;
use crate::model::SecretName;
use crate::model::Source;
use crate::model::WallTime;
use crate::registry::Hook;
use crate::registry::Product;
use crate::registry::Token;
use crate::registry::User;
use crate::sessions::Holder;
use crate::sessions::SessionReport;
use crate::store::DeadLetter;
use crate::store::DeliveryId;
use crate::store::StoredAttempt;
use crate::store::StoredDelivery;
use crate::store::StoredNotice;

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
pub(super) fn device(device: &Device, sighting: &Sighting) -> Value {
    let offered = sighting.description.as_ref();
    json!({
        "id": device.id,
        "name": device.name,
        "online": sighting.connections > 0,
        "last_heard": sighting.last_heard.map(|at| at.to_string()),
        "product": device.product,
        "notes": device.notes,
        "variables": offered.map(|offered| offered.variables.iter().map(|(name, _)| name).collect::<Vec<_>>()),
        "functions": offered.map(|offered| &offered.functions),
        "version": offered.and_then(|offered| offered.product_version),
        "created_at": device.created_at.to_string(),
    })
}

/// A hook: its definition with the secrets masked, how it does, and how it did in the last 30 days. The gateway's own keys win over a definition's.
pub(super) fn hook(hook: &Hook, report: &HookReport, counted: &HookHistory) -> Value {
    let mut shown = serde_json::Map::new();
    shown.insert("id".to_owned(), json!(hook.id));
    if let Value::Object(definition) = masking::shown_definition(hook.definition.original()) {
        shown.extend(definition.into_iter().filter(|(key, _)| key != "id"));
    }
    if let Some(product) = hook.product {
        shown.insert("product".to_owned(), json!(product));
    }
    shown.insert("created_at".to_owned(), json!(hook.created_at.to_string()));
    shown.insert("state".to_owned(), json!(HookState::of(hook.definition.is_disabled(), report.too_many_errors)));
    shown.insert("delivered".to_owned(), json!(report.delivered));
    shown.insert("failed".to_owned(), json!(report.failed));
    shown.insert("dropped".to_owned(), json!(report.dropped));
    shown.insert("refused".to_owned(), json!(report.refused));
    shown.insert("over_limit".to_owned(), json!(report.over_limit));
    let month = json!({
        "delivered": counted.month_delivered,
        "failed": counted.month_failed,
        "skipped": counted.month_skipped,
    });
    shown.insert("last_30_days".to_owned(), month);
    shown.insert("errors_in_a_row".to_owned(), json!(report.errors_in_a_row));
    shown.insert("last_outcome".to_owned(), json!(report.last_outcome));
    shown.insert("last_at".to_owned(), json!(report.last_at.map(|at| at.to_string())));
    Value::Object(shown)
}

/// An attempt of the log.
pub(super) fn attempt(hook: HookId, attempt: &StoredAttempt) -> Value {
    json!({
        "hook": hook,
        "at": attempt.at.to_string(),
        "delivery": DeliveryId { hook, seq: attempt.seq }.to_string(),
        "event": { "id": attempt.event, "name": attempt.name, "coreid": coreid(attempt.device) },
        "outcome": attempt.fate,
        "summary": attempt.summary,
        "next_try": attempt.next_try.map(|at| at.to_string()),
        "timing": attempt.timing,
        "request": attempt.request,
        "response": attempt.answer,
    })
}

/// A delivery that waits.
pub(super) fn waiting(id: DeliveryId, delivery: &StoredDelivery) -> Value {
    json!({
        "id": id.to_string(),
        "answers": delivery.attempts,
        "not_before": delivery.not_before.map(|moment| moment.wall.to_string()),
        "event": event(&delivery.event),
    })
}

/// A dead letter.
pub(super) fn letter(id: DeliveryId, letter: &DeadLetter) -> Value {
    let DeadLetter { delivery, end } = letter;
    json!({
        "id": id.to_string(),
        "hook": id.hook,
        "at": end.at.to_string(),
        "cause": end.cause,
        "reason": end.reason,
        "status": end.status,
        "answer": end.answer,
        "event": event(&delivery.event),
    })
}

/// A session that outlives its connection, and what its device or user is called.
pub(super) fn session(report: &SessionReport, name: Option<&str>, now: WallTime) -> Value {
    let since = |away_s: u64| {
        let away_ms = i64::try_from(away_s.saturating_mul(1_000)).unwrap_or(i64::MAX);
        WallTime::from_millis(now.as_millis().saturating_sub(away_ms)).to_string()
    };
    json!({
        "holder": match report.key.holder {
            Holder::Device(_) => "device",
            Holder::User(_) => "user",
        },
        "id": report.key.holder.id(),
        "name": name,
        "client_id": report.key.client_id,
        "connected": report.away_s.is_none(),
        "away_since": report.away_s.map(since),
        "filters": report.filters,
        "waiting": report.waiting,
        "waiting_bytes": report.waiting_bytes,
        "dropped": report.dropped,
    })
}

/// Something that a person should read.
pub(super) fn notice(number: u64, notice: &StoredNotice) -> Value {
    json!({
        "number": number,
        "at": notice.at.to_string(),
        "kind": notice.kind,
        "hook": notice.hook,
        "text": notice.text,
        "times": notice.times,
    })
}

/// A token, without what it is.
pub(super) fn token(token: &Token) -> Value {
    json!({
        "id": token.id(),
        "created_at": token.created_at.to_string(),
        "expires_at": token.expires_at.map(|at| at.to_string()),
        "client": token.client,
    })
}

/// A user, without their password.
pub(super) fn user(user: &User) -> Value {
    json!({
        "id": user.id,
        "name": user.name,
        "role": user.role,
        "mfa": user.otp.is_some(),
        "created_at": user.created_at.to_string(),
    })
}

/// A product, and how much is in it.
pub(super) fn product(product: &Product, devices: usize, hooks: usize) -> Value {
    json!({
        "id": product.id,
        "slug": product.slug,
        "name": product.name,
        "description": product.description,
        "devices": devices,
        "hooks": hooks,
        "created_at": product.created_at.to_string(),
    })
}

/// A secret, without what it is.
pub(super) fn secret(name: &SecretName, secret: &Secret) -> Value {
    json!({
        "name": name,
        "created_at": secret.created_at.to_string(),
        "updated_at": secret.updated_at.to_string(),
    })
}

fn coreid(device: Option<DeviceId>) -> String {
    device.map_or(Source::Api, Source::Device).coreid()
}
