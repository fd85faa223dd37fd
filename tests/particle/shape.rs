//! What an answer has to look like, when its values are not known before.

use serde_json::Value;

/// Checks that `value` is an object with these fields, each written as `name:type` or `name:type|type`. More fields
/// may be there.
#[track_caller]
pub fn has(value: &Value, fields: &[&str]) {
    for field in fields {
        let (name, types) = field.split_once(':').expect("a field is written as name:type");
        let found = value.get(name).unwrap_or_else(|| panic!("there is no {name} in {value}"));
        assert!(types.split('|').any(|kind| kind == kind_of(found)), "{name} is not {types} in {value}");
    }
}

/// Whether this is an id as the cloud writes it.
pub fn is_id(value: &Value) -> bool {
    value.as_str().is_some_and(|id| id.len() == 24 && id.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "bool",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}
