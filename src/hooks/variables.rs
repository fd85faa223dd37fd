//! The variables of a hook's templates: the predefined ones, the keys of the event's JSON data, and for requests the
//! owner's secrets.
//!
//! Data never replaces a predefined variable or a secret: a device that publishes `{"PARTICLE_DEVICE_ID": …}` is still
//! itself.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Map;
use serde_json::Value;
use serde_json::json;

use crate::hooks::template::Template;
use crate::hooks::template::Variables;
use crate::model::Event;

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

/// The variables of `event`, and beside them `secrets`, names and values. Of those that nobody wants, some are missing.
pub(super) fn of<'a>(
    event: &Event,
    wanted: Wanted,
    secrets: impl IntoIterator<Item = (&'a str, &'a str)>,
) -> Variables {
    let mut fixed: Map<_, _> =
        secrets.into_iter().map(|(name, value)| (name.to_owned(), Value::String(value.to_owned()))).collect();
    // Last, though no secret can have the name of one of them.
    predefine(event, wanted, &mut fixed);
    let data = if wanted.data { from_data(&event.data) } else { Map::new() };
    Variables::with_fixed(&fixed, &data)
}

/// What the gateway itself says of `event`. A product's variables are there without a product, too: empty, so that no
/// data can pretend to be one.
fn predefine(event: &Event, wanted: Wanted, variables: &mut Map<String, Value>) {
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
    let product = event.product;
    let of_product = |value: Option<String>| value.unwrap_or_default();
    set(&["PRODUCT_ID"], of_product(product.map(|product| product.id.to_string())));
    set(&["PRODUCT_VERSION"], of_product(product.and_then(|product| Some(product.version?.to_string()))));
    // A product and its events have the same owner.
    set(&["PRODUCT_USER_ID"], of_product(product.map(|_| event.owner.to_string())));
    if wanted.json {
        set(&[EVENT_JSON], whole(event));
    }
    if wanted.base64 {
        set(&[EVENT_BASE64], STANDARD.encode(whole(event)));
    }
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
    serde_json::from_str(data).map(from_json).unwrap_or_default()
}

/// The event as the event stream of the guide shows it, with its id.
fn whole(event: &Event) -> String {
    let mut whole = json!({
        "name": event.name.as_str(),
        "data": event.data,
        "ttl": event.ttl_s,
        "published_at": event.published_at.to_string(),
        "coreid": event.source.coreid(),
        "id": event.id.to_string(),
    });
    if let Some(product) = event.product {
        whole["productID"] = json!(product.id.number());
    }
    whole.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hooks::sample_event::tests::event;
    use crate::model::EventProduct;
    use crate::model::ProductId;

    fn rendered(template: &str, event: &Event) -> String {
        let compiled = Template::compile(template).unwrap();
        let wanted = Wanted::in_definition(&json!({"json": [template]})).and(&compiled);
        compiled.render(&of(event, wanted, [("API_KEY", "s3cret")])).unwrap()
    }

    #[test]
    fn the_predefined_variables_tell_of_the_event() {
        let event = event("temp", "21.5");
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
            assert_eq!(rendered(&format!("{{{{{name}}}}}"), &event), value, "{name}");
        }
        let whole = rendered("{{{PARTICLE_EVENT_JSON}}}", &event);
        let read: Value = serde_json::from_str(&whole).unwrap();
        assert_eq!((&read["name"], &read["data"], &read["ttl"]), (&json!("temp"), &json!("21.5"), &json!(60)));
        assert_eq!(read.get("productID"), None);
        assert_eq!(rendered("{{{PARTICLE_EVENT_BASE64}}}", &event), STANDARD.encode(whole));
    }

    #[test]
    fn a_products_variables_are_those_of_the_event_and_empty_without_one() {
        let template = "{{PRODUCT_ID}}/{{PRODUCT_VERSION}}/{{PRODUCT_USER_ID}}";
        let mut event = event("temp", r#"{"PRODUCT_ID": 9, "PRODUCT_VERSION": 9, "PRODUCT_USER_ID": 9}"#);
        assert_eq!(rendered(template, &event), "//");
        event.product = Some(EventProduct { id: ProductId::from_number(7), version: Some(3) });
        assert_eq!(rendered(template, &event), "7/3/090909090909090909090909");
        event.product = Some(EventProduct { id: ProductId::from_number(7), version: None });
        assert_eq!(rendered(template, &event), "7//090909090909090909090909");
        let whole: Value = serde_json::from_str(&rendered("{{{PARTICLE_EVENT_JSON}}}", &event)).unwrap();
        assert_eq!(whole["productID"], 7);
    }

    #[test]
    fn the_keys_of_json_data_are_variables() {
        let data = r#"{"my-var": "foo", "n": 1, "deep": {"a": [2]}}"#;
        assert_eq!(rendered("{{my-var}} {{n}} {{deep.a.0}}", &event("x", data)), "foo 1 2");
        assert_eq!(rendered("{{0}} {{1.a}}", &event("x", " [5, {\"a\": 6}]")), "5 6");
    }

    #[test]
    fn data_replaces_neither_a_predefined_variable_nor_a_secret() {
        let forged = r#""PARTICLE_DEVICE_ID": "other", "SPARK_CORE_ID": "other", "API_KEY": "other""#;
        let event = event("x", &format!(r#"{{{forged}, "a": 1, "l": [{{{forged}}}], "o": {{{forged}}}}}"#));
        let names = "{{PARTICLE_DEVICE_ID}} {{SPARK_CORE_ID}} {{API_KEY}}";
        let template = format!("{names}|{{{{#l}}}}{names}{{{{/l}}}}|{{{{#o}}}}{names}{{{{/o}}}}|{{{{a}}}}");
        let own = "0123456789abcdef01234567 0123456789abcdef01234567 s3cret";
        assert_eq!(rendered(&template, &event), format!("{own}|{own}|{own}|1"));
    }

    #[test]
    fn what_is_no_json_document_brings_no_variables() {
        for data in ["21.5", "null", "\"a\"", "{\"a\":", "", &"[".repeat(16_000)] {
            assert_eq!(from_data(data), Map::new(), "{data:.20}");
        }
    }

    #[test]
    fn only_what_a_template_asks_for_is_wanted() {
        let wanted =
            |text: &str| Wanted::in_definition(&json!({"json": [text]})).and(&Template::compile(text).unwrap());
        assert_eq!(wanted("text"), Wanted::default());
        let inside = wanted("{{#PARTICLE_EVENT_NAME}}{{PARTICLE_EVENT_JSON}}{{/PARTICLE_EVENT_NAME}}");
        assert_eq!(inside, Wanted { data: true, json: true, base64: false });
    }
}
