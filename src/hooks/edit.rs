//! Changing a hook's JSON: what a change does not say stays. Pure.

use serde_json::Map;
use serde_json::Value;

use crate::hooks::aliases;
use crate::hooks::masking::SENSITIVE;

/// The kinds of body that a hook has one of.
const BODIES: [&str; 3] = ["json", "form", "body"];

/// A definition after a change: a key that the change has wins, under whichever of its names; `null` takes it away. A
/// new body takes the place of the old one, of whatever kind that was. What was masked when it was shown is left as it
/// is.
pub fn edited(before: &Value, change: Map<String, Value>) -> Value {
    let mut edited = before.as_object().cloned().unwrap_or_default();
    let change: Map<_, _> = change.into_iter().filter(|(_, value)| value != SENSITIVE).collect();
    if BODIES.iter().any(|body| change.get(*body).is_some_and(|value| !value.is_null())) {
        edited.retain(|key, _| !BODIES.contains(&key.as_str()));
    }
    for names in aliases::ALL.iter().filter(|names| names.iter().any(|name| change.contains_key(*name))) {
        edited.retain(|key, _| !names.contains(&key.as_str()));
    }
    for (key, value) in change {
        if value.is_null() {
            edited.remove(&key);
        } else {
            edited.insert(key, value);
        }
    }
    Value::Object(edited)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn after(before: &Value, change: &Value) -> Value {
        edited(before, change.as_object().unwrap().clone())
    }

    #[test]
    fn what_a_change_does_not_say_stays() {
        let before = json!({ "event": "e", "url": "u", "json": { "a": 1 }, "unknown": [1], "name": "n" });
        let expected = json!({ "event": "f", "url": "u", "unknown": [1], "form": { "b": "2" } });
        assert_eq!(after(&before, &json!({ "event": "f", "form": { "b": "2" }, "name": null })), expected);
    }

    #[test]
    fn a_key_may_be_changed_under_another_of_its_names() {
        let before = json!({ "eventName": "e", "deviceid": "1", "nodefaults": true, "errorTopic": "t" });
        let change = json!({ "event": "f", "deviceID": "2", "noDefaults": false, "errorResponseTopic": null });
        assert_eq!(after(&before, &change), json!({ "event": "f", "deviceID": "2", "noDefaults": false }));
        assert_eq!(after(&before, &json!({ "deviceID": null }))["deviceid"], Value::Null);
    }

    #[test]
    fn a_mask_is_no_value() {
        let before = json!({ "signing_secret": "whsec_x", "url": "u" });
        assert_eq!(
            after(&before, &json!({ "signing_secret": SENSITIVE, "url": "v" })),
            json!({ "signing_secret": "whsec_x", "url": "v" })
        );
    }
}
