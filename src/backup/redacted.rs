//! The registry's rows without their secrets, and the rows that had some. A kind of row that is not known here is left
//! out whole.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::hooks::masking;

/// The rows of a registry, taken apart.
#[derive(Debug, Default)]
pub(super) struct Redacted {
    /// What anybody may see who gets hold of a backup.
    pub(super) rows: BTreeMap<String, Value>,
    /// Keys of the rows among them from which something was left out.
    pub(super) incomplete: Vec<String>,
    /// The rows from which something was left out, whole.
    pub(super) left_out: BTreeMap<String, Value>,
}

/// What is left of a row.
enum Rest {
    All,
    Some(Value),
    Nothing,
}

/// Takes them apart.
pub(super) fn redacted(rows: BTreeMap<String, Value>) -> Redacted {
    let mut redacted = Redacted::default();
    for (key, row) in rows {
        match rest(&key, &row) {
            Rest::All => drop(redacted.rows.insert(key, row)),
            Rest::Some(shown) => {
                redacted.incomplete.push(key.clone());
                redacted.rows.insert(key.clone(), shown);
                redacted.left_out.insert(key, row);
            }
            Rest::Nothing => drop(redacted.left_out.insert(key, row)),
        }
    }
    redacted
}

fn rest(key: &str, row: &Value) -> Rest {
    let kind = key.split_once('/').map_or(key, |(kind, _)| kind);
    match kind {
        // The hash of a device's key tells nothing of it: it has 256 random bits.
        "device" if row["sensor"].is_object() => {
            let mut shown = row.clone();
            let secrets = ["bind_key", "link_key"].map(|key| shown["sensor"].as_object_mut()?.remove(key));
            if secrets.iter().all(Option::is_none) { Rest::All } else { Rest::Some(shown) }
        }
        "owner" | "gateway-name" | "last-product" | "product" | "device" | "released" => Rest::All,
        "user" => without(row, &["password", "otp"]),
        "client" | "secret" => without(row, &["secret", "value"]),
        "hook" => {
            let mut shown = row.clone();
            if let Some(definition) = shown.get_mut("definition") {
                *definition = masking::shown_definition(&row["definition"]);
            }
            if shown == *row { Rest::All } else { Rest::Some(shown) }
        }
        // Of a token there is nothing but its hash.
        _ => Rest::Nothing,
    }
}

fn without(row: &Value, fields: &[&str]) -> Rest {
    let Value::Object(row) = row else { return Rest::Nothing };
    let kept = row.iter().filter(|(name, _)| !fields.contains(&name.as_str()));
    Rest::Some(Value::Object(kept.map(|(name, value)| (name.clone(), value.clone())).collect()))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn nothing_secret_is_left_and_nothing_is_lost() {
        let rows: BTreeMap<String, Value> = [
            ("owner", json!("1")),
            ("last-product", json!(1_001)),
            ("device/1", json!({ "key_hash": "00ff" })),
            ("device/2", json!({ "sensor": { "address": "A4:C1:38:11:22:33", "bind_key": "s3cret" } })),
            ("device/3", json!({ "sensor": { "address": "A4:C1:38:11:22:34" } })),
            (
                "device/4",
                json!({ "sensor": { "address": "A4:C1:38:11:22:35", "link": "farhook", "link_key": "s3cret" } }),
            ),
            ("user/1", json!({ "name": "me", "password": "s3cret", "otp": [115, 51] })),
            ("client/1", json!({ "name": "c", "secret": "s3cret" })),
            ("secret/1/API_KEY", json!({ "value": "s3cret", "created_at": 1 })),
            ("token/s3cret", json!({ "hash": "s3cret" })),
            ("hook/1", json!({ "definition": { "event": "e", "url": "https://a.example" } })),
            ("hook/2", json!({ "definition": { "event": "e", "headers": { "X-Api-Key": "s3cret" } } })),
            ("unheard-of/1", json!("s3cret")),
        ]
        .into_iter()
        .map(|(key, row)| (key.to_owned(), row))
        .collect();
        let Redacted { rows: shown, incomplete, left_out } = redacted(rows.clone());
        assert!(!format!("{shown:?}").contains("s3cret"), "{shown:?}");
        assert_eq!(incomplete, ["client/1", "device/2", "device/4", "hook/2", "secret/1/API_KEY", "user/1"]);
        assert_eq!(shown["hook/1"], rows["hook/1"]);
        assert_eq!(shown["user/1"], json!({ "name": "me" }));
        let mut whole = shown;
        whole.extend(left_out);
        assert_eq!(whole, rows);
    }
}
