//! Hooks and requests as they may be shown: on pages, in API answers, previews and logs. What looks like a secret by
//! its name is replaced; a bare `{{variable}}` is no secret and stays, also behind an authorization scheme. So is what
//! stands in the place of a named secret, whatever it is called.
//!
//! A secret in an address's path cannot be told from the path and is shown.

use serde_json::Map;
use serde_json::Value;

use crate::hooks::RequestMethod;
use crate::hooks::hiding_places;
use crate::hooks::hiding_places::HidingPlace;
use crate::hooks::request::HookRequest;

/// What stands in the place of a secret. Source: reference, "Variables".
pub const SENSITIVE: &str = "[[SENSITIVE]]";

/// Pieces of a name, without its separators, that say that the value is a secret.
const TELLING_PIECES: [&str; 17] = [
    "apikey",
    "accesskey",
    "authkey",
    "privatekey",
    "readkey",
    "secretkey",
    "subscriptionkey",
    "writekey",
    "token",
    "secret",
    "passw",
    "passphrase",
    "credential",
    "authoriz",
    "bearer",
    "cookie",
    "signature",
];

/// Whole words of a name that say the same.
const TELLING_WORDS: [&str; 5] = ["key", "pwd", "pass", "auth", "sig"];

/// What stands before the secret in an `Authorization` header and is none. Source: RFC 7617, RFC 6750; the third is
/// that of Django's REST framework.
const SCHEMES: [&str; 3] = ["Basic", "Bearer", "Token"];

/// A request as it may be shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShownRequest {
    /// The HTTP method.
    pub method: RequestMethod,
    /// The address.
    pub url: String,
    /// Names and values.
    pub headers: Vec<(String, String)>,
    /// The body as text.
    pub body: String,
}

/// A definition without its secrets. It is for reading: as a hook it would send the mask.
pub fn shown_definition(hook: &Value) -> Value {
    let Value::Object(fields) = hook else { return masked_value(hook) };
    let shown = fields.iter().map(|(name, value)| {
        let shown = match (name.as_str(), value) {
            ("url", Value::String(url)) => Value::String(masked_url(url)),
            ("auth", value) => in_json(value, |auth| map_entries(auth, |name, _| name != "username")),
            ("json" | "form" | "query" | "headers", value) => in_json(value, masked_value),
            ("responseTemplate" | "responseTopic", value) => value.clone(),
            ("body", Value::String(text)) => Value::String(masked_text(text)),
            (name, value) if is_telling(name) => masked_leaf(value),
            (_, value) => masked_value(value),
        };
        (name.clone(), shown)
    });
    Value::Object(shown.collect())
}

/// A request without its secrets, those among them that have names.
pub fn shown_request(request: &HookRequest) -> ShownRequest {
    let shown = request.secrecy.as_ref().map_or(request, |secrecy| &secrecy.stand_in);
    let shown = ShownRequest {
        method: request.method,
        url: masked_url(shown.url.as_str()),
        headers: shown_headers(&shown.headers),
        body: shown_body(&String::from_utf8_lossy(&shown.body)),
    };
    if request.secrecy.is_none() {
        return shown;
    }
    // The event may have repeated a secret.
    let hide = |text: &str| request.without_secrets(text).into_owned();
    let headers = shown.headers.iter().map(|(name, value)| (hide(name), hide(value))).collect();
    ShownRequest { method: shown.method, url: hide(&shown.url), headers, body: hide(&shown.body) }
}

/// Headers without their secrets.
pub fn shown_headers(headers: &[(String, String)]) -> Vec<(String, String)> {
    let shown = |(name, value): &(String, String)| {
        let value = match value {
            _ if is_telling(name) => SENSITIVE.to_owned(),
            address if address.contains("://") => masked_url(address),
            value => value.clone(),
        };
        (name.clone(), value)
    };
    headers.iter().map(shown).collect()
}

/// A body of any kind without its secrets.
pub fn shown_body(body: &str) -> String {
    masked_json_text(body).unwrap_or_else(|| masked_text(body))
}

/// Whether a field's name says that its value is a secret.
pub(super) fn is_telling(name: &str) -> bool {
    let squeezed: String = name.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect();
    TELLING_PIECES.iter().any(|piece| squeezed.contains(piece))
        || words(name).any(|word| TELLING_WORDS.iter().any(|telling| word.eq_ignore_ascii_case(telling)))
}

/// The words of a name: `x-api_key` and `apiKey` both have `key`.
fn words(name: &str) -> impl Iterator<Item = &str> {
    name.split(|c: char| !c.is_ascii_alphanumeric()).flat_map(|piece| {
        let is_start = |at: &usize| {
            let bytes = piece.as_bytes();
            *at == 0 || bytes[*at].is_ascii_uppercase() && !bytes[*at - 1].is_ascii_uppercase()
        };
        let starts: Vec<_> = (0..piece.len()).filter(is_start).chain([piece.len()]).collect();
        starts.windows(2).map(|ends| &piece[ends[0]..ends[1]]).collect::<Vec<_>>()
    })
}

/// JSON with the values of all telling keys masked, however deep.
fn masked_value(value: &Value) -> Value {
    match value {
        Value::Array(items) => Value::Array(items.iter().map(masked_value).collect()),
        Value::Object(_) => map_entries(value, |name, _| is_telling(name)),
        other => other.clone(),
    }
}

/// An object with the chosen entries masked and the others looked into; anything else is masked.
fn map_entries(value: &Value, is_secret: impl Fn(&str, &Value) -> bool) -> Value {
    let Value::Object(map) = value else { return masked_leaf(value) };
    let shown = |(name, value): (&String, &Value)| {
        let value = if is_secret(name, value) { masked_leaf(value) } else { masked_value(value) };
        (name.clone(), value)
    };
    Value::Object(map.iter().map(shown).collect::<Map<_, _>>())
}

fn masked_leaf(value: &Value) -> Value {
    match value {
        Value::String(text) => Value::String(masked(text).to_owned()),
        Value::Null | Value::Bool(_) => value.clone(),
        _ => Value::String(SENSITIVE.to_owned()),
    }
}

/// A field that may be given as JSON or as its text.
fn in_json(value: &Value, mask: impl Fn(&Value) -> Value) -> Value {
    match value {
        Value::String(text) => match serde_json::from_str::<Value>(text) {
            Ok(json @ (Value::Object(_) | Value::Array(_))) => Value::String(mask(&json).to_string()),
            _ => Value::String(masked_text(text)),
        },
        other => mask(other),
    }
}

fn masked_json_text(text: &str) -> Option<String> {
    match serde_json::from_str(text) {
        Ok(json @ (Value::Object(_) | Value::Array(_))) => Some(masked_value(&json).to_string()),
        _ => None,
    }
}

fn masked(secret: &str) -> &str {
    if is_open(secret) { secret } else { SENSITIVE }
}

/// Whether nothing has to be masked: there is nothing, or a bare tag.
pub(super) fn is_open(secret: &str) -> bool {
    let trimmed = secret.trim();
    let trimmed = match trimmed.split_once(' ') {
        Some((scheme, tag)) if SCHEMES.iter().any(|known| known.eq_ignore_ascii_case(scheme)) => tag.trim_start(),
        _ => trimmed,
    };
    let inner = trimmed.strip_prefix("{{").and_then(|rest| rest.strip_suffix("}}"));
    let inner = inner.map(|inner| inner.strip_prefix('{').and_then(|i| i.strip_suffix('}')).unwrap_or(inner));
    let is_bare_tag = inner.is_some_and(|inner| !inner.contains(['{', '}', '!']));
    secret.is_empty() || is_bare_tag
}

/// A text with the secrets at these places masked.
fn masked_at(text: &str, places: &[HidingPlace<'_>]) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut from = 0;
    for place in places {
        shown.push_str(&text[from..place.span.start]);
        shown.push_str(SENSITIVE);
        from = place.span.end;
    }
    shown + &text[from..]
}

fn masked_url(url: &str) -> String {
    masked_at(url, &hiding_places::in_url(url))
}

fn masked_text(text: &str) -> String {
    masked_at(text, &hiding_places::in_text(text))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn names_tell_of_secrets_in_every_spelling() {
        for name in [
            "api_key",
            "apikey",
            "apiKey",
            "X-API-Key",
            "X-AIO-Key",
            "key",
            "token",
            "access_token",
            "Authorization",
            "Proxy-Authorization",
            "Cookie",
            "Set-Cookie",
            "password",
            "passwd",
            "pwd",
            "client_secret",
            "auth",
            "x-ms-signature",
            "azure_sas_token",
            "writeKey",
            "sig",
        ] {
            assert!(is_telling(name), "{name}");
        }
        for name in ["monkey", "temp", "keyboard", "author", "field1", "source", "passenger", "Content-Type", "bypass"]
        {
            assert!(!is_telling(name), "{name}");
        }
    }

    #[test]
    fn a_definition_is_shown_without_secrets() {
        let hook = json!({
            "event": "temp",
            "url": "https://bob:s3cret@a.example/{{x}}?api_key=s3cret&q=1&token={{{t}}}#f",
            "auth": {"username": "bob", "password": "s3cret"},
            "headers": {"Authorization": "Bearer s3cret", "X-Api-Key": "s3cret", "X-Sender": "me", "Cookie": "{{c}}"},
            "json": {"list": [{"apiKey": "s3cret", "temp": "{{t}}"}], "secret": {"deep": "s3cret"}, "key": 12_345},
            "azure_sas_token": {"key_name": "n", "key": "s3cret"},
            "custom": {"password": "s3cret"},
        });
        let shown = shown_definition(&hook);
        assert_eq!(
            shown,
            json!({
                "event": "temp",
                "url": "https://[[SENSITIVE]]@a.example/{{x}}?api_key=[[SENSITIVE]]&q=1&token={{{t}}}#f",
                "auth": {"username": "bob", "password": SENSITIVE},
                "headers": {"Authorization": SENSITIVE, "X-Api-Key": SENSITIVE, "X-Sender": "me", "Cookie": "{{c}}"},
                "json": {"list": [{"apiKey": SENSITIVE, "temp": "{{t}}"}], "secret": SENSITIVE, "key": SENSITIVE},
                "azure_sas_token": SENSITIVE,
                "custom": {"password": SENSITIVE},
            })
        );
    }

    #[test]
    fn a_tag_that_names_a_secret_stays_as_it_is() {
        let hook = json!({
            "event": "temp", "url": "https://a.example/{{{ID}}}?key={{{API_KEY}}}",
            "auth": {"username": "u", "password": "{{{PASSWORD}}}"},
            "headers": {"Authorization": "Bearer {{{TOKEN}}}", "X-Api-Key": "{{{API_KEY}}}"},
            "form": {"api_key": "{{{API_KEY}}}"},
        });
        assert_eq!(shown_definition(&hook), hook);
        let beside = json!({"headers": {"Authorization": "Bearer s3cret {{{TOKEN}}}", "Cookie": "s3cret={{{TOKEN}}}"}});
        assert!(!shown_definition(&beside).to_string().contains("s3cret"));
    }

    #[test]
    fn texts_that_hold_json_or_forms_are_masked_too() {
        for (name, text, expected) in [
            ("json", r#"{"token":"s3cret","a":1}"#, r#"{"token":"[[SENSITIVE]]","a":1}"#),
            ("json", r#"{"token": "s3\"cret", "a": {{a}} }"#, r#"{"token": "[[SENSITIVE]]", "a": {{a}} }"#),
            ("json", r#"{ "a": {{a}}, "key": s3cret}"#, r#"{ "a": {{a}}, "key": [[SENSITIVE]]}"#),
            ("json", r#"{ "key": {{{k}}} }"#, r#"{ "key": {{{k}}} }"#),
            ("body", "api_key=s3cret&field1={{t}}", "api_key=[[SENSITIVE]]&field1={{t}}"),
            ("body", "Authorization: Bearer s3cret\nx: y", "Authorization: [[SENSITIVE]]\nx: y"),
            ("body", "<token>s3cret</token><t>1</t>", "<token>[[SENSITIVE]]</token><t>1</t>"),
            ("body", "temp={{t}}", "temp={{t}}"),
            ("headers", r#"{"authorization":"s3cret"}"#, r#"{"authorization":"[[SENSITIVE]]"}"#),
            ("auth", r#"{"username":"u","password":"s3cret"}"#, r#"{"username":"u","password":"[[SENSITIVE]]"}"#),
        ] {
            assert_eq!(shown_definition(&json!({name: text}))[name], expected);
        }
    }
}
