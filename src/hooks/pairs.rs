//! Names and values of a web form or a query, and how they are written: percent-encoded as RFC 3986 has it, blanks too,
//! as the wire samples of Particle's reference show.

use percent_encoding::AsciiSet;
use percent_encoding::NON_ALPHANUMERIC;
use percent_encoding::utf8_percent_encode;
use serde_json::Map;
use serde_json::Value;
use url::Url;

use crate::model::Event;

/// Everything but letters, digits and `-._~`.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Names and values in their order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Pairs(Vec<(String, String)>);

/// What a request tells of its event unless the hook says otherwise.
pub(super) struct DefaultData;

impl DefaultData {
    /// Source: guide, "What's in a request?".
    pub(super) fn of(event: &Event) -> [(&'static str, String); 4] {
        [
            ("event", event.name.to_string()),
            ("data", event.data.clone()),
            ("published_at", event.published_at.to_string()),
            ("coreid", event.source.coreid()),
        ]
    }
}

impl Pairs {
    /// The entries of an object. An array or object in it becomes its JSON text, null nothing.
    pub(super) fn from_json(map: Map<String, Value>) -> Self {
        let text = |value| match value {
            Value::String(text) => text,
            Value::Null => String::new(),
            other => other.to_string(),
        };
        Self(map.into_iter().map(|(name, value)| (name, text(value))).collect())
    }

    pub(super) fn extend(&mut self, more: Self) {
        self.0.extend(more.0);
    }

    /// Adds those of which the name is not there yet.
    pub(super) fn add_missing<'a>(&mut self, more: impl Iterator<Item = (&'a str, String)>) {
        for (name, value) in more {
            if !self.0.iter().any(|(given, _)| given == name) {
                self.0.push((name.to_owned(), value));
            }
        }
    }

    /// As a form's body or a query: `a=1&b=2`.
    pub(super) fn encoded(&self) -> String {
        let encode = |text| utf8_percent_encode(text, ENCODED);
        let pairs: Vec<_> = self.0.iter().map(|(name, value)| format!("{}={}", encode(name), encode(value))).collect();
        pairs.join("&")
    }

    /// Adds all to the address's own query.
    pub(super) fn append_to(&self, url: &mut Url) {
        if self.0.is_empty() {
            return;
        }
        let query = match url.query() {
            Some(own) if !own.is_empty() => format!("{own}&{}", self.encoded()),
            _ => self.encoded(),
        };
        url.set_query(Some(&query));
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn pairs(value: &Value) -> Pairs {
        Pairs::from_json(value.as_object().unwrap().clone())
    }

    #[test]
    fn pairs_are_written_as_in_the_reference() {
        let form = pairs(&json!({"Body": "Hi there!", "To": "TO_PHONE_NUMBER", "From": "FROM_PHONE_NUMBER"}));
        assert_eq!(form.encoded(), "Body=Hi%20there%21&To=TO_PHONE_NUMBER&From=FROM_PHONE_NUMBER");
    }

    #[test]
    fn what_is_no_text_becomes_one() {
        let form = pairs(&json!({"n": 1.5, "b": true, "z": null, "o": {"a": [1]}}));
        assert_eq!(form.encoded(), "n=1.5&b=true&z=&o=%7B%22a%22%3A%5B1%5D%7D");
    }

    #[test]
    fn the_query_of_an_address_is_kept() {
        for (own, all) in [("http://h/?a=%20", "a=%20&b=c"), ("http://h/?", "b=c"), ("http://h/", "b=c")] {
            let mut url = Url::parse(own).unwrap();
            pairs(&json!({"b": "c"})).append_to(&mut url);
            assert_eq!(url.query(), Some(all));
        }
    }

    proptest! {
        #[test]
        fn a_receiver_reads_what_was_put_in(given in prop::collection::vec(("\\PC{0,8}", "(?s).{0,16}"), 0..6)) {
            let read: Vec<_> = url::form_urlencoded::parse(Pairs(given.clone()).encoded().as_bytes()).into_owned().collect();
            prop_assert_eq!(read, given);
        }
    }
}
