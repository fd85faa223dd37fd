//! What a device publishes: `{"t":"<event name>","d":<data>}`, in a PUBLISH and as a line alike.

use serde::de::DeserializeOwned;
use serde::de::IgnoredAny;
use serde_json::Deserializer;

/// What a device wants to be an event. Whether its name and its data may be is the intake's to say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Published {
    /// The name of the event.
    pub name: String,
    /// Its data: the text of a `d` that is a string, the JSON of any other as the device wrote it, nothing without `d`.
    pub data: String,
}

/// Why nothing can be published.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadPublish {
    /// It is not text.
    #[error("it is not UTF-8")]
    NotUtf8,
    /// It is no JSON object.
    #[error("it is no JSON object, from byte {at} on")]
    NotJson {
        /// Where it stops being one, counted from 0.
        at: usize,
    },
    /// It has no name.
    #[error("it has no \"t\", the name of the event")]
    NoName,
    /// What should be the name is something else.
    #[error("its \"t\", the name of the event, is no string")]
    NameIsNoString,
}

/// Reads what a device publishes. Keys beside `t` and `d` are passed over; of a key that comes twice, the last counts.
///
/// # Errors
/// Says what is wrong, in words for the device's log.
pub fn read(bytes: &[u8]) -> Result<Published, BadPublish> {
    let text = std::str::from_utf8(bytes).map_err(|_| BadPublish::NotUtf8)?;
    let (mut name, mut data) = (None, None);
    for (key, value) in members(text)? {
        match key.as_str() {
            "t" => name = Some(value),
            "d" => data = Some(value),
            _ => {}
        }
    }
    let name = string(name.ok_or(BadPublish::NoName)?).ok_or(BadPublish::NameIsNoString)?;
    let data = data.map(|value| string(value).unwrap_or_else(|| value.to_owned())).unwrap_or_default();
    Ok(Published { name, data })
}

fn string(json: &str) -> Option<String> {
    serde_json::from_str(json).ok()
}

/// The members of the object that `text` is, each value as it is written.
fn members(text: &str) -> Result<Vec<(String, &str)>, BadPublish> {
    let mut rest = Rest { text, at: 0 };
    let mut members = Vec::new();
    rest.pass(b'{')?;
    if rest.next() == Some(b'}') {
        rest.pass(b'}')?;
        return rest.end(members);
    }
    loop {
        let key = rest.value::<String>()?.0;
        rest.pass(b':')?;
        members.push((key, rest.value::<IgnoredAny>()?.1));
        if rest.next() != Some(b',') {
            rest.pass(b'}')?;
            return rest.end(members);
        }
        rest.pass(b',')?;
    }
}

/// What is still to be read, from `at` on.
struct Rest<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Rest<'a> {
    fn next(&mut self) -> Option<u8> {
        let is_blank = |byte: &u8| matches!(byte, b' ' | b'\t' | b'\r' | b'\n');
        self.at += self.text.as_bytes()[self.at..].iter().take_while(|byte| is_blank(byte)).count();
        self.text.as_bytes().get(self.at).copied()
    }

    fn pass(&mut self, wanted: u8) -> Result<(), BadPublish> {
        if self.next() != Some(wanted) {
            return Err(BadPublish::NotJson { at: self.at });
        }
        self.at += 1;
        Ok(())
    }

    /// A whole value, and how it is written.
    fn value<T: DeserializeOwned>(&mut self) -> Result<(T, &'a str), BadPublish> {
        self.next();
        let rest = &self.text[self.at..];
        let mut values = Deserializer::from_str(rest).into_iter();
        match values.next() {
            Some(Ok(value)) => {
                let length = values.byte_offset();
                self.at += length;
                Ok((value, &rest[..length]))
            }
            _ => Err(BadPublish::NotJson { at: self.at }),
        }
    }

    fn end<T>(mut self, value: T) -> Result<T, BadPublish> {
        if self.next().is_some() { Err(BadPublish::NotJson { at: self.at }) } else { Ok(value) }
    }
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
        assert_eq!(data(r#"{"t":"temp","d": null }"#), "null");
        assert_eq!(data(r#"{"d":12345678901234567890123,"t":"temp"}"#), "12345678901234567890123");
    }

    #[test]
    fn without_data_it_is_empty_and_other_keys_are_passed_over() {
        assert_eq!(data(r#"{"t":"temp"}"#), "");
        assert_eq!(data(r#"{"t":"x","n":7,"d":1,"t":"temp","d":2}"#), "2");
    }

    #[test]
    fn what_cannot_be_published_says_why() {
        assert_eq!(problem(b"{\"t\":\"\xff\"}"), BadPublish::NotUtf8);
        assert_eq!(problem(b""), BadPublish::NotJson { at: 0 });
        assert_eq!(problem(b"[1]"), BadPublish::NotJson { at: 0 });
        assert_eq!(problem(br#"{"t":"temp""#), BadPublish::NotJson { at: 11 });
        assert_eq!(problem(br#"{"t":"temp","d":nan}"#), BadPublish::NotJson { at: 16 });
        assert_eq!(problem(br#"{"t":"temp",}"#), BadPublish::NotJson { at: 12 });
        assert_eq!(problem(br#"{"t":"temp"} x"#), BadPublish::NotJson { at: 13 });
        assert_eq!(problem(b"{}"), BadPublish::NoName);
        assert_eq!(problem(br#"{"T":"temp"}"#), BadPublish::NoName);
        assert_eq!(problem(br#"{"t":7}"#), BadPublish::NameIsNoString);
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
