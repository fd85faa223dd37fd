//! What a device publishes: `{"t":"<event name>","d":<data>}`, in a PUBLISH and as a line alike.

use serde::Deserialize;
use serde_json::value::RawValue;

/// What a device wants to be an event. Whether its name and its data may be is the intake's to say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Published {
    /// The name of the event.
    pub name: String,
    /// Its data: the text of a `d` that is a string, the JSON of any other as the device wrote it, nothing without `d`.
    pub data: String,
}

/// Why nothing can be published.
#[derive(Debug, thiserror::Error)]
pub enum BadPublish {
    /// It is no JSON object, or one with a key twice.
    #[error("it is no JSON object with a \"t\" and a \"d\": {0}")]
    NotJson(#[from] serde_json::Error),
    /// What should be the name is something else, or not there.
    #[error("its \"t\", the name of the event, is no string")]
    NoName,
}

/// As a device writes it: what it is exactly, is kept.
#[derive(Deserialize)]
struct Written<'a> {
    #[serde(borrow)]
    t: Option<&'a RawValue>,
    #[serde(borrow)]
    d: Option<&'a RawValue>,
}

/// Reads what a device publishes. Keys beside `t` and `d` are passed over, and a `d` that is null is none.
///
/// # Errors
/// Says what is wrong, in words for the device's log.
pub fn read(bytes: &[u8]) -> Result<Published, BadPublish> {
    let Written { t, d } = serde_json::from_slice(bytes)?;
    let name = t.and_then(string).ok_or(BadPublish::NoName)?;
    let data = d.map(|value| string(value).unwrap_or_else(|| value.get().to_owned())).unwrap_or_default();
    Ok(Published { name, data })
}

fn string(value: &RawValue) -> Option<String> {
    serde_json::from_str(value.get()).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;
    use serde_json::json;

    use super::*;

    fn data(text: &str) -> String {
        let published = read(text.as_bytes()).unwrap();
        assert_eq!(published.name, "temp");
        published.data
    }

    fn problem(bytes: &[u8]) -> BadPublish {
        read(bytes).unwrap_err()
    }

    #[test]
    fn a_string_is_the_data_as_it_is() {
        assert_eq!(data(r#"{"t":"temp","d":"21.5"}"#), "21.5");
        assert_eq!(data(r#"{"t":"temp","d":"a\n\"b\" \u00e9"}"#), "a\n\"b\" é");
        assert_eq!(data(r#" { "d" : "" , "t" : "temp" } "#), "");
    }

    #[test]
    fn anything_else_is_its_json_as_it_was_written() {
        assert_eq!(data(r#"{"t":"temp","d":21.50}"#), "21.50");
        assert_eq!(data(r#"{"t":"temp","d":{"b": 1, "a": [2, "}"]}}"#), r#"{"b": 1, "a": [2, "}"]}"#);
        assert_eq!(data(r#"{"t":"temp","d":true}"#), "true");
        assert_eq!(data(r#"{"d":12345678901234567890123,"t":"temp"}"#), "12345678901234567890123");
    }

    #[test]
    fn without_data_it_is_empty_and_other_keys_are_passed_over() {
        assert_eq!(data(r#"{"t":"temp"}"#), "");
        assert_eq!(data(r#"{"n":7,"t":"temp","d":2}"#), "2");
        assert_eq!(data(r#"{"t":"temp","d": null }"#), "");
    }

    #[test]
    fn what_cannot_be_published_says_why() {
        for text in ["", "[1]", r#"{"t":"temp""#, r#"{"t":"temp","d":nan}"#, r#"{"t":"temp",}"#, r#"{"t":"temp"} x"#] {
            assert!(matches!(problem(text.as_bytes()), BadPublish::NotJson(_)), "{text}");
        }
        assert!(matches!(problem(b"{\"t\":\"\xff\"}"), BadPublish::NoName | BadPublish::NotJson(_)));
        for text in ["{}", r#"{"T":"temp"}"#, r#"{"t":7}"#, r#"{"t":null}"#] {
            assert!(matches!(problem(text.as_bytes()), BadPublish::NoName), "{text}");
        }
    }

    #[test]
    fn what_is_nested_deeply_is_not_read_deeply() {
        let deep = format!(r#"{{"t":"temp","d":{}1{}}}"#, "[".repeat(2_000), "]".repeat(2_000));
        assert_eq!(data(&deep).len(), 4_001);
    }

    proptest! {
        #[test]
        fn what_serde_json_writes_is_read(name in ".*", text in ".*", number in any::<f64>()) {
            for value in [json!(text), json!(number), json!([{ text.clone(): number }])] {
                let published = read(json!({ "t": name, "d": value }).to_string().as_bytes()).unwrap();
                prop_assert_eq!(&published.name, &name);
                prop_assert_eq!(published.data, value.as_str().map_or_else(|| value.to_string(), str::to_owned));
            }
        }

        #[test]
        fn no_bytes_make_it_panic_and_only_json_is_taken(text in "[{}\\[\\]:,\"td0-9\\\\ é]{0,40}") {
            let whole = format!("{{\"t\":\"x\"{text}");
            for text in [&text, &whole] {
                if read(text.as_bytes()).is_ok() {
                    prop_assert!(serde_json::from_str::<Value>(text).is_ok(), "{}", text);
                }
            }
        }

        #[test]
        fn no_random_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..100)) {
            let _ = read(&bytes);
        }
    }
}
