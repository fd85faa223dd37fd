//! The variables that an event brings to a hook's templates: the predefined ones and the keys of its JSON data.
//!
//! Data never replaces a predefined variable: a device that publishes `{"PARTICLE_DEVICE_ID": …}` is still itself.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Map;
use serde_json::Value;
use serde_json::json;

use crate::hooks::template::Template;
use crate::hooks::template::Variables;
use crate::model::Event;

/// Names that only the gateway gives. `PRODUCT_*` is kept for products, so that no data can pretend to be one.
const PREDEFINED: [&str; 14] = [
    "PARTICLE_DEVICE_ID",
    "PARTICLE_EVENT_NAME",
    "PARTICLE_EVENT_VALUE",
    "PARTICLE_PUBLISHED_AT",
    "PARTICLE_EVENT_ID",
    EVENT_JSON,
    EVENT_BASE64,
    "SPARK_CORE_ID",
    "SPARK_EVENT_NAME",
    "SPARK_EVENT_VALUE",
    "SPARK_PUBLISHED_AT",
    "PRODUCT_ID",
    "PRODUCT_USER_ID",
    "PRODUCT_VERSION",
];

const EVENT_JSON: &str = "PARTICLE_EVENT_JSON";
const EVENT_BASE64: &str = "PARTICLE_EVENT_BASE64";

/// What a set of templates asks for, of the variables that cost something to make.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Wanted {
    data: bool,
    json: bool,
    base64: bool,
}

impl Wanted {
    /// What the templates of a definition ask for. Names are looked for in all of its text: a template does not tell
    /// those that stand inside of a section.
    pub(super) fn in_definition(original: &Value) -> Self {
        let text = original.to_string();
        Self { data: false, json: text.contains(EVENT_JSON), base64: text.contains(EVENT_BASE64) }
    }

    /// With what `template` may ask for.
    pub(super) fn and(self, template: &Template) -> Self {
        Self { data: self.data || !template.is_constant(), ..self }
    }
}

/// The variables of `event`. Of those that nobody wants, some are missing.
pub(super) fn of(event: &Event, wanted: Wanted) -> Variables {
    Variables::new(&map_of(event, wanted))
}

fn map_of(event: &Event, wanted: Wanted) -> Map<String, Value> {
    let mut variables = if wanted.data { from_data(&event.data) } else { Map::new() };
    let mut set = |names: &[&str], value: String| {
        for name in names {
            variables.insert((*name).to_owned(), Value::String(value.clone()));
        }
    };
    set(&["PARTICLE_DEVICE_ID", "SPARK_CORE_ID"], event.source.coreid());
    set(&["PARTICLE_EVENT_NAME", "SPARK_EVENT_NAME"], event.name.to_string());
    set(&["PARTICLE_EVENT_VALUE", "SPARK_EVENT_VALUE"], event.data.clone());
    set(&["PARTICLE_PUBLISHED_AT", "SPARK_PUBLISHED_AT"], event.published_at.to_string());
    set(&["PARTICLE_EVENT_ID"], event.id.to_string());
    if wanted.json {
        set(&[EVENT_JSON], whole(event));
    }
    if wanted.base64 {
        set(&[EVENT_BASE64], STANDARD.encode(whole(event)));
    }
    variables
}

/// A JSON document as variables: the keys of an object, the indices of an array, nothing of anything else.
pub(super) fn from_json(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(map) => map,
        Value::Array(items) => items.into_iter().enumerate().map(|(at, item)| (at.to_string(), item)).collect(),
        _ => Map::new(),
    }
}

fn from_data(data: &str) -> Map<String, Value> {
    // Most data is a bare number or word; those have no keys, parsed or not.
    if !data.trim_start().starts_with(['{', '[']) {
        return Map::new();
    }
    let mut map = serde_json::from_str(data).map(from_json).unwrap_or_default();
    map.retain(|name, _| !PREDEFINED.contains(&name.as_str()));
    map
}

/// The event as the event stream of the guide shows it, with its id.
fn whole(event: &Event) -> String {
    let event = json!({
        "name": event.name.as_str(),
        "data": event.data,
        "ttl": event.ttl_s,
        "published_at": event.published_at.to_string(),
        "coreid": event.source.coreid(),
        "id": event.id.to_string(),
    });
    event.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hooks::sample_event::tests::event;

    fn wanted(text: &str) -> Wanted {
        Wanted::in_definition(&json!({"json": [text]})).and(&Template::compile(text).unwrap())
    }

    #[test]
    fn the_predefined_variables_tell_of_the_event() {
        let variables = map_of(&event("temp", "21.5"), wanted("{{PARTICLE_EVENT_JSON}}{{PARTICLE_EVENT_BASE64}}"));
        for (name, value) in [
            ("PARTICLE_DEVICE_ID", "0123456789abcdef01234567"),
            ("SPARK_CORE_ID", "0123456789abcdef01234567"),
            ("PARTICLE_EVENT_NAME", "temp"),
            ("SPARK_EVENT_NAME", "temp"),
            ("PARTICLE_EVENT_VALUE", "21.5"),
            ("SPARK_EVENT_VALUE", "21.5"),
            ("PARTICLE_PUBLISHED_AT", "2017-02-01T21:08:05.763Z"),
            ("SPARK_PUBLISHED_AT", "2017-02-01T21:08:05.763Z"),
            ("PARTICLE_EVENT_ID", "070707070707070707070707"),
        ] {
            assert_eq!(variables[name], value, "{name}");
        }
        let whole = variables["PARTICLE_EVENT_JSON"].as_str().unwrap();
        let read: Value = serde_json::from_str(whole).unwrap();
        assert_eq!((&read["name"], &read["data"], &read["ttl"]), (&json!("temp"), &json!("21.5"), &json!(60)));
        assert_eq!(variables["PARTICLE_EVENT_BASE64"], STANDARD.encode(whole));
    }

    #[test]
    fn the_keys_of_json_data_are_variables() {
        let data = r#"{"my-var": "foo", "n": 1, "deep": {"a": [2]}}"#;
        let variables = map_of(&event("x", data), wanted("{{my-var}}"));
        assert_eq!(variables["my-var"], "foo");
        assert_eq!(variables["deep"]["a"][0], 2);
        assert_eq!(map_of(&event("x", " [5, {\"a\": 6}]"), wanted("{{0}}"))["1"]["a"], 6);
    }

    #[test]
    fn data_cannot_replace_a_predefined_variable() {
        let data = r#"{"PARTICLE_DEVICE_ID": "other", "SPARK_CORE_ID": "other", "PRODUCT_ID": "5", "a": 1}"#;
        let variables = map_of(&event("x", data), wanted("{{a}}"));
        assert_eq!(variables["PARTICLE_DEVICE_ID"], "0123456789abcdef01234567");
        assert_eq!(variables["SPARK_CORE_ID"], "0123456789abcdef01234567");
        assert_eq!((variables.get("PRODUCT_ID"), &variables["a"]), (None, &json!(1)));
    }

    #[test]
    fn what_is_no_json_document_brings_no_variables() {
        let bare = map_of(&event("x", "21.5"), Wanted::default()).len();
        for data in ["21.5", "null", "\"a\"", "{\"a\":", "", &"[".repeat(16_000)] {
            assert_eq!(map_of(&event("x", data), wanted("{{a}}")).len(), bare, "{data:.20}");
        }
    }

    #[test]
    fn nothing_is_made_that_no_template_asks_for() {
        let variables = map_of(&event("x", r#"{"a": 1}"#), wanted("text"));
        assert_eq!((variables.get("a"), variables.get(EVENT_JSON), variables.get(EVENT_BASE64)), (None, None, None));
        let inside = wanted("{{#PARTICLE_EVENT_NAME}}{{PARTICLE_EVENT_JSON}}{{/PARTICLE_EVENT_NAME}}");
        assert_eq!(inside, Wanted { data: true, json: true, base64: false });
    }
}
