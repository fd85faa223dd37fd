//! JSON values in the fields of a page, and what was typed there as JSON values.

use serde_json::Map;
use serde_json::Value;

/// A value in a field of one line: a text as it is, anything else, and a text that a line cannot hold, as JSON.
pub(super) fn shown(value: Option<&Value>) -> String {
    match value {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) if is_one_line(text) => text.clone(),
        Some(other) => other.to_string(),
    }
}

/// What was typed into the field of `before`: that again, if nobody changed it. What was shown as JSON is read as JSON,
/// if it still is that.
pub(super) fn written(text: &str, before: Option<&Value>) -> Value {
    let as_text = || Value::String(text.to_owned());
    match before {
        None | Some(Value::Null) if !text.is_empty() => as_text(),
        Some(before) if shown(Some(before)) == text => before.clone(),
        Some(Value::String(before)) if is_one_line(before) => as_text(),
        _ => serde_json::from_str(text).unwrap_or_else(|_| as_text()),
    }
}

/// A value in a field of many lines: a text as it is, but for its line ends, anything else as JSON.
pub(super) fn shown_long(value: Option<&Value>) -> String {
    match value {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => with_plain_lines(text),
        Some(other) => serde_json::to_string_pretty(other).unwrap_or_default(),
    }
}

/// A text with the line ends of this machine. Browsers send others, whatever they were given.
pub(super) fn with_plain_lines(text: &str) -> String {
    text.replace("\r\n", "\n").replace('\r', "\n")
}

/// What was typed into a field of many lines. A document is taken as JSON, if it was JSON before or, without a text
/// before, `prefers_json`.
pub(super) fn written_long(text: &str, before: Option<&Value>, prefers_json: bool) -> Value {
    let as_json = match before {
        Some(Value::String(before)) if !before.is_empty() => false,
        Some(Value::Object(_) | Value::Array(_)) => true,
        _ => prefers_json,
    };
    let document = serde_json::from_str(text).ok().filter(|json: &Value| json.is_object() || json.is_array());
    document.filter(|_| as_json).unwrap_or_else(|| Value::String(text.to_owned()))
}

/// An object, which may also be given as its text.
pub(super) fn object(value: Option<&Value>) -> Map<String, Value> {
    match value {
        Some(Value::Object(map)) => map.clone(),
        Some(Value::String(text)) => serde_json::from_str(text).unwrap_or_default(),
        _ => Map::new(),
    }
}

/// `true` or `false`, also as text.
pub(super) fn flag(value: Option<&Value>, default: bool) -> bool {
    match value {
        Some(Value::Bool(flag)) => *flag,
        Some(Value::String(text)) if text.eq_ignore_ascii_case("true") => true,
        Some(Value::String(text)) if text.eq_ignore_ascii_case("false") => false,
        _ => default,
    }
}

/// Texts without blanks in one line; one that is no array of those as [`shown`].
pub(super) fn shown_list(value: Option<&Value>) -> String {
    let is_word = |item: &Value| item.as_str().is_some_and(|text| !text.is_empty() && !text.contains(is_separator));
    match value {
        Some(Value::Array(items)) if items.iter().all(is_word) => {
            items.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(" ")
        }
        other => shown(other),
    }
}

/// The texts that were typed into one line.
pub(super) fn words(text: &str) -> Vec<Value> {
    text.split(is_separator).filter(|word| !word.is_empty()).map(Value::from).collect()
}

pub(super) fn is_one_line(text: &str) -> bool {
    !text.contains(char::is_control)
}

fn is_separator(c: char) -> bool {
    c.is_whitespace() || c == ','
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_was_not_changed_keeps_its_type() {
        for value in [json!("a"), json!("5"), json!(5), json!(null), json!("a\nb"), json!({"a": [1]}), json!(1.50)] {
            assert_eq!(written(&shown(Some(&value)), Some(&value)), value);
        }
        assert_eq!(shown(Some(&json!("a\nb"))), r#""a\nb""#);
    }

    #[test]
    fn what_was_changed_is_a_text_unless_json_was_shown() {
        assert_eq!(written("6", Some(&json!(5))), 6);
        assert_eq!(written("six", Some(&json!(5))), "six");
        assert_eq!(written("6", Some(&json!("5"))), "6");
        assert_eq!(written("6", None), "6");
        assert_eq!(written("6", Some(&json!(null))), "6");
        assert_eq!(written(r#""a\nc""#, Some(&json!("a\nb"))), "a\nc");
        assert_eq!(written(r#"{"a":2}"#, Some(&json!({"a": 1}))), json!({"a": 2}));
    }

    #[test]
    fn a_long_text_is_json_where_it_was_json() {
        assert_eq!(written_long("{}", None, true), json!({}));
        assert_eq!(written_long("{}", None, false), "{}");
        assert_eq!(written_long("[1]", Some(&json!({})), false), json!([1]));
        assert_eq!(written_long("{}", Some(&json!("[]")), true), "{}");
        assert_eq!(written_long(r#"{"a": {{a}} }"#, Some(&json!({})), true), r#"{"a": {{a}} }"#);
        assert_eq!(shown_long(Some(&json!("a\r\nb\rc"))), "a\nb\nc");
    }

    #[test]
    fn a_list_is_shown_in_one_line() {
        assert_eq!(shown_list(Some(&json!(["a", "b:80"]))), "a b:80");
        assert_eq!(shown_list(Some(&json!(["a b", 5]))), r#"["a b",5]"#);
        assert_eq!(words(" a, b\n"), [json!("a"), json!("b")]);
    }
}
