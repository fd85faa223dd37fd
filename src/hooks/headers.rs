//! The headers of a hook: names and values may be templates, but neither a definition nor an event can break out of a
//! header, name the request's host, or touch what the connection itself decides.

use http::HeaderName;
use http::HeaderValue;
use serde_json::Value;

use crate::hooks::fields::Fields;
use crate::hooks::fields::wrong_type;
use crate::hooks::problem::Flaw;
use crate::hooks::problem::Path;
use crate::hooks::rendering::FieldError;
use crate::hooks::rendering::Rendering;
use crate::hooks::template::Template;
use crate::hooks::tree::Key;
use crate::hooks::tree::Tree;

const HEADERS: Path<'static> = Path::Root("headers");

/// Headers that one hook may have. Ours; common servers take about 100.
const MOST_HEADERS: usize = 64;

/// Headers that belong to the connection. Hook files name them, since other senders let them; they have no effect.
const OF_THE_CONNECTION: [&str; 9] = [
    "connection",
    "content-length",
    "expect",
    "keep-alive",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// Headers by which a receiver recognises and verifies a delivery. Source: Standard Webhooks 1.0.0.
const OF_FARHOOK: [&str; 3] = ["webhook-id", "webhook-timestamp", "webhook-signature"];

/// One header of a hook.
#[derive(Debug, Clone)]
pub(super) struct HeaderRule {
    name: Key,
    value: Tree,
}

/// Why the headers cannot be sent for this event.
#[derive(Debug, thiserror::Error)]
pub enum HeaderError {
    /// A template failed.
    #[error(transparent)]
    Field(#[from] FieldError),
    /// The templates make no legal name.
    #[error("{field}: this event makes no legal header name")]
    Name {
        /// The header's path.
        field: String,
    },
    /// The templates make a name that an event may not choose.
    #[error("{field}: an event cannot choose the header {name}")]
    ReservedName {
        /// The header's path.
        field: String,
        /// What was chosen, in lower case.
        name: String,
    },
    /// The templates make a value with a line break or another control character.
    #[error("{field}: this event makes a header value with a line break or another control character")]
    Value {
        /// The header's path.
        field: String,
    },
}

impl HeaderError {
    /// The header's path.
    pub fn field(&self) -> &str {
        match self {
            Self::Field(error) => error.field(),
            Self::Name { field } | Self::ReservedName { field, .. } | Self::Value { field } => field,
        }
    }
}

/// Reads `headers`.
pub(super) fn parse(fields: &mut Fields<'_>) -> Vec<HeaderRule> {
    let Some((_, map)) = fields.object(&["headers"]) else { return Vec::new() };
    if map.len() > MOST_HEADERS {
        fields.report(&HEADERS, Flaw::TooMany { most: MOST_HEADERS, unit: "headers" });
        return Vec::new();
    }
    map.iter().filter_map(|(name, value)| parse_one(name, value, fields)).collect()
}

/// The headers for one event, in their order. A name given twice, in whatever case, has its last value.
pub(super) fn render(
    rules: &[HeaderRule],
    rendering: &mut Rendering<'_>,
) -> Result<Vec<(String, String)>, HeaderError> {
    let mut headers: Vec<(String, String)> = Vec::with_capacity(rules.len() + 4);
    for rule in rules {
        let (name, value) = rule.render(rendering)?;
        headers.retain(|(earlier, _)| !earlier.eq_ignore_ascii_case(&name));
        headers.push((name, value));
    }
    Ok(headers)
}

fn parse_one(name: &str, value: &Value, fields: &mut Fields<'_>) -> Option<HeaderRule> {
    let path = Path::Key(&HEADERS, name);
    let key = Key::compile(name, &path, fields);
    let value = match value {
        Value::Null => return None,
        Value::String(_) => Tree::compile(value, &path, fields),
        Value::Number(_) | Value::Bool(_) => Some(Tree::Fixed(Value::String(value.to_string()))),
        other => {
            fields.report(&path, wrong_type("a text", other));
            None
        }
    };
    let rule = HeaderRule { name: key?, value: value? };
    match rule.flaw() {
        None => Some(rule).filter(|rule| !rule.is_of_the_connection()),
        Some(flaw) => {
            fields.report(&path, flaw);
            None
        }
    }
}

impl HeaderRule {
    pub(super) fn visit<'a>(&'a self, visit: &mut impl FnMut(&'a Template)) {
        self.name.visit(visit);
        self.value.visit(visit);
    }

    fn flaw(&self) -> Option<Flaw> {
        if let Tree::Fixed(Value::String(value)) = &self.value {
            if HeaderValue::from_bytes(value.as_bytes()).is_err() {
                return Some(Flaw::HeaderValue);
            }
        }
        if self.name.is_templated() {
            return None;
        }
        match HeaderName::from_bytes(self.name.written().as_bytes()) {
            Err(_) => Some(Flaw::HeaderName),
            Ok(name) if OF_FARHOOK.contains(&name.as_str()) => Some(Flaw::OwnHeader),
            Ok(name) if name == "host" && !matches!(self.value, Tree::Fixed(_)) => Some(Flaw::FixedHeader),
            Ok(_) => None,
        }
    }

    fn is_of_the_connection(&self) -> bool {
        !self.name.is_templated() && OF_THE_CONNECTION.iter().any(|name| name.eq_ignore_ascii_case(self.name.written()))
    }

    fn render(&self, rendering: &mut Rendering<'_>) -> Result<(String, String), HeaderError> {
        let path = Path::Key(&HEADERS, self.name.written());
        let name = self.name.render(rendering, &path)?;
        let Ok(lower) = HeaderName::from_bytes(name.as_bytes()) else {
            return Err(HeaderError::Name { field: path.to_string() });
        };
        let is_reserved =
            |name: &str| name == "host" || OF_THE_CONNECTION.contains(&name) || OF_FARHOOK.contains(&name);
        if self.name.is_templated() && is_reserved(lower.as_str()) {
            return Err(HeaderError::ReservedName { field: path.to_string(), name: lower.to_string() });
        }
        match self.value.render(rendering, &path)? {
            Value::String(value) if HeaderValue::from_bytes(value.as_bytes()).is_ok() => Ok((name, value)),
            _ => Err(HeaderError::Value { field: path.to_string() }),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::hooks::template::Variables;

    fn parsed(headers: &Value) -> (Vec<HeaderRule>, Vec<String>) {
        let hook = json!({"headers": headers});
        let mut fields = Fields::new(hook.as_object().unwrap());
        let rules = parse(&mut fields);
        (rules, fields.into_problems().iter().map(ToString::to_string).collect())
    }

    fn rendered(headers: &Value, x: &str) -> Result<Vec<(String, String)>, String> {
        let (rules, problems) = parsed(headers);
        assert_eq!(problems, [""; 0]);
        let variables = Variables::new(json!({"x": x}).as_object().unwrap());
        render(&rules, &mut Rendering::new(&variables)).map_err(|error| error.to_string())
    }

    #[test]
    fn names_and_values_are_rendered() {
        let headers = json!({"X-{{x}}": "v {{{x}}}", "n": 5, "absent": null});
        let expected = [("X-a".to_owned(), "v a".to_owned()), ("n".to_owned(), "5".to_owned())];
        assert_eq!(rendered(&headers, "a").unwrap(), expected);
    }

    #[test]
    fn an_event_cannot_break_out_of_a_header() {
        let value = rendered(&json!({"X-A": "{{{x}}}"}), "a\r\nX-B: b").unwrap_err();
        assert_eq!(
            value,
            "headers.X-A: this event makes a header value with a line break or another control character"
        );
        let name = rendered(&json!({"{{{x}}}": "a"}), "a: b\r\n").unwrap_err();
        assert_eq!(name, "headers.{{{x}}}: this event makes no legal header name");
        let host = rendered(&json!({"{{{x}}}": "a"}), "Host").unwrap_err();
        assert_eq!(host, "headers.{{{x}}}: an event cannot choose the header host");
    }

    #[test]
    fn what_can_never_be_sent_is_refused_by_name() {
        let (_, problems) = parsed(&json!({
            "": "a", "a b": "a", "c": "\n", "d": {}, "Webhook-Id": "a", "Host": "{{x}}", "ok": "a",
        }));
        assert_eq!(
            problems,
            [
                "headers. is no legal header name",
                "headers.a b is no legal header name",
                "headers.c is no legal header value: it has a line break or another control character",
                "headers.d must be a text, not an object",
                "headers.Webhook-Id is set by farhook itself",
                "headers.Host must be a fixed text, without templates",
            ]
        );
        let many: serde_json::Map<_, _> = (0..65).map(|n| (format!("h{n}"), json!("a"))).collect();
        assert_eq!(parsed(&Value::Object(many)).1, ["headers has more than 64 headers"]);
    }

    #[test]
    fn what_the_connection_decides_has_no_effect() {
        let headers =
            json!({"Content-Length": "5", "connection": "close", "Host": "inner.example", "A": "1", "a": "2"});
        let expected = [("Host".to_owned(), "inner.example".to_owned()), ("a".to_owned(), "2".to_owned())];
        assert_eq!(rendered(&headers, "").unwrap(), expected);
    }
}
