//! Signed requests, as Standard Webhooks defines them: the target can tell that a request is the gateway's own, whole,
//! and not an old one sent again. Source: standard-webhooks/standard-webhooks, `spec/standard-webhooks.md`, version
//! 1.0.0.
//!
//! A hook may have several secrets while they are being changed: the request then has a signature of each, and a target
//! that knows any of them is content.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::Hmac;
use hmac::KeyInit;
use hmac::Mac;
use serde_json::Value;
use sha2::Sha256;

use crate::hooks::HookDefinition;
use crate::hooks::HookRequest;
use crate::hooks::fields::Fields;
use crate::hooks::fields::wrong_type;
use crate::hooks::problem::Flaw;
use crate::hooks::problem::Path;
use crate::model::WallTime;

const FIELD: &str = "signing_secret";

/// What a secret's text begins with. Source: the specification, "Secret and key encoding".
const PREFIX: &str = "whsec_";

/// Bytes of a secret. Source: the specification, "Signature scheme".
const SECRET_BYTES: std::ops::RangeInclusive<usize> = 24..=64;

/// Secrets that one hook may have. Ours: the old one, the new one, and room.
const SECRETS: usize = 4;

/// A key that requests are signed with. `Debug` never shows it.
#[derive(Clone)]
pub(super) struct SigningSecret(Vec<u8>);

impl std::fmt::Debug for SigningSecret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SigningSecret(…)")
    }
}

/// Reads `signing_secret`: a secret or an array of them.
pub(super) fn parse(fields: &mut Fields<'_>) -> Vec<SigningSecret> {
    let path = Path::Root(FIELD);
    match fields.value(&[FIELD]) {
        None | Some((_, Value::Null)) => Vec::new(),
        Some((_, Value::Array(given))) if given.len() > SECRETS => {
            fields.report(&path, Flaw::TooMany { most: SECRETS, unit: "secrets" });
            Vec::new()
        }
        Some((_, Value::Array(given))) => {
            given.iter().enumerate().filter_map(|(at, one)| secret(one, &Path::Index(&path, at), fields)).collect()
        }
        Some((_, one)) => secret(one, &path, fields).into_iter().collect(),
    }
}

/// Signs a request at the time of its attempt; nothing happens without a secret.
pub fn sign(hook: &HookDefinition, request: &mut HookRequest, now: WallTime) {
    if hook.signing.is_empty() {
        return;
    }
    let timestamp = now.as_millis().div_euclid(1_000).to_string();
    let id = request.header("webhook-id").unwrap_or_default().to_owned();
    let signatures: Vec<_> =
        hook.signing.iter().map(|secret| signature(secret, &id, &timestamp, &request.body)).collect();
    request.push_header("webhook-timestamp", &timestamp);
    request.push_header("webhook-signature", &signatures.join(" "));
}

fn secret(value: &Value, path: &Path<'_>, fields: &mut Fields<'_>) -> Option<SigningSecret> {
    let Value::String(text) = value else {
        fields.report(path, wrong_type("a text", value));
        return None;
    };
    let bytes = text.strip_prefix(PREFIX).and_then(|encoded| STANDARD.decode(encoded).ok());
    let bytes = bytes.filter(|bytes| SECRET_BYTES.contains(&bytes.len()));
    if bytes.is_none() {
        fields.report(path, Flaw::SigningSecret);
    }
    bytes.map(SigningSecret)
}

fn signature(secret: &SigningSecret, id: &str, timestamp: &str, body: &[u8]) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(&secret.0).expect("HMAC takes keys of any length");
    for part in [id.as_bytes(), b".", timestamp.as_bytes(), b".", body] {
        mac.update(part);
    }
    format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use standardwebhooks::Webhook;

    use super::*;
    use crate::hooks::request;
    use crate::hooks::sample_event::tests::event;
    use crate::model::DefaultBody;
    use crate::model::Secrets;

    /// Source: the specification's own libraries, `libraries/rust/src/lib.rs`, `test_sign`.
    const PUBLISHED: &str = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";
    const OTHER: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

    fn hook(secrets: &Value) -> HookDefinition {
        let hook = json!({ "event": "temp", "url": "http://example.com/", "signing_secret": secrets });
        HookDefinition::parse(&hook).unwrap()
    }

    fn problem(secrets: &Value) -> String {
        let hook = json!({ "event": "temp", "url": "http://example.com/", "signing_secret": secrets });
        HookDefinition::parse(&hook).unwrap_err().to_string()
    }

    #[test]
    fn the_published_vector_is_signed_as_published() {
        let key = hook(&json!(PUBLISHED)).signing.remove(0);
        let body = br#"{"email":"test@example.com","username":"test_user"}"#;
        let made = signature(&key, "msg_27UH4WbU6Z5A5EzD8u03UvzRbpk", "1649367553", body);
        assert_eq!(made, "v1,tZ1I4/hDygAJgO5TYxiSd6Sd0kDW6hPenDe+bTa3Kkw=");
    }

    #[test]
    fn a_target_verifies_with_any_of_the_secrets() {
        let hook = hook(&json!([PUBLISHED, OTHER]));
        let mut request = request::build(&hook, &event("temp", "21.5"), &Secrets::new(), DefaultBody::Json).unwrap();
        // The verifier refuses old requests.
        let now = WallTime::from_millis(jiff::Timestamp::now().as_millisecond());
        sign(&hook, &mut request, now);
        let mut headers = http::HeaderMap::new();
        for (name, value) in &request.headers {
            headers.insert(http::HeaderName::try_from(name).unwrap(), value.parse().unwrap());
        }
        for secret in [PUBLISHED, OTHER] {
            Webhook::new(secret).unwrap().verify(&request.body, &headers).unwrap();
        }
        let stranger = format!("{PREFIX}{}", STANDARD.encode([7; 24]));
        assert!(Webhook::new(&stranger).unwrap().verify(&request.body, &headers).is_err());
        assert!(Webhook::new(OTHER).unwrap().verify(b"another body", &headers).is_err());
    }

    #[test]
    fn a_hook_without_a_secret_signs_nothing() {
        let hook = hook(&Value::Null);
        let mut request = request::build(&hook, &event("temp", "21.5"), &Secrets::new(), DefaultBody::Json).unwrap();
        let before = request.clone();
        sign(&hook, &mut request, WallTime::from_millis(0));
        assert_eq!(request, before);
    }

    #[test]
    fn a_secret_that_is_none_is_refused_by_place_and_never_repeated() {
        assert!(problem(&json!("hunter2")).contains("signing_secret must be whsec_"));
        assert!(!problem(&json!("hunter2")).contains("hunter2"));
        assert!(problem(&json!([PUBLISHED, "whsec_c2hvcnQ="])).contains("signing_secret[1]"));
        assert!(problem(&json!(5)).contains("signing_secret must be a text"));
        assert!(problem(&json!([PUBLISHED, PUBLISHED, PUBLISHED, PUBLISHED, PUBLISHED])).contains("signing_secret"));
    }

    #[test]
    fn a_secret_shows_nowhere() {
        let hook = hook(&json!([PUBLISHED]));
        assert_eq!(format!("{:?}", hook.signing), "[SigningSecret(…)]");
        let shown = crate::hooks::masking::shown_definition(hook.original()).to_string();
        assert!(!shown.contains("C2FVsBQ"), "{shown}");
    }
}
