//! What a hook would make of an event: the request, what is missing for it, and whether the event triggers the hook at
//! all. The command line and the pages show it; nothing is sent.

use crate::hooks::HookDefinition;
use crate::hooks::HookRequest;
use crate::hooks::masking;
use crate::hooks::masking::ShownRequest;
use crate::hooks::matching;
use crate::hooks::matching::Mismatch;
use crate::hooks::request;
use crate::hooks::request::RequestError;
use crate::hooks::signing;
use crate::model::DefaultBody;
use crate::model::Event;
use crate::model::SecretName;
use crate::model::Secrets;
use crate::model::WallTime;

/// A request that was not sent, and what there is to say about it.
#[derive(Debug, Clone)]
pub struct Preview {
    /// The request as it may be shown.
    pub request: ShownRequest,
    /// The request as it would be sent, secrets included.
    pub exact: HookRequest,
    /// The variables that there are not. Their tags are empty.
    pub missing: Vec<Missing>,
    /// Why the event would not trigger the hook.
    pub mismatch: Option<Mismatch>,
}

/// A variable that a template names, and that neither the event nor the secrets have. What a section brings along
/// is there, and so is what the template itself has an answer for, `{{^name}}`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Missing {
    /// The variable, as the template names it: `temp`, `room.temp`.
    pub name: String,
    /// The path of the field in which it stands: `form.field1`, `url`, `headers.X-A`.
    pub field: String,
}

/// No request can be made. What is missing may be the reason.
#[derive(Debug, thiserror::Error)]
#[error("{reason}")]
pub struct NoPreview {
    /// Why; its [field](RequestError::field) can be marked.
    pub reason: RequestError,
    /// The variables that there are not, up to where it failed.
    pub missing: Vec<Missing>,
    /// Why the event would not even trigger the hook.
    pub mismatch: Option<Mismatch>,
}

impl Missing {
    /// Its name, if a secret can have it.
    pub fn secret_name(&self) -> Option<SecretName> {
        SecretName::try_from(self.name.clone()).ok()
    }
}

/// The request that `hook` would make of `event`, signed as if it were sent `now`. `secrets` are those of the hook's
/// owner, `default_body` is for hooks that say nothing of a body. Fields that this request does not send, as the body
/// of a GET, are not looked at.
///
/// # Errors
/// When this event makes no request.
pub fn preview(
    hook: &HookDefinition,
    event: &Event,
    secrets: &Secrets,
    default_body: DefaultBody,
    now: WallTime,
) -> Result<Preview, NoPreview> {
    let mismatch = matching::check(hook, event).err();
    let (made, missing) = request::build_watched(hook, event, secrets, default_body);
    match made {
        Ok(mut exact) => {
            signing::sign(hook, &mut exact, now);
            Ok(Preview { request: masking::shown_request(&exact), exact, missing, mismatch })
        }
        Err(reason) => Err(NoPreview { reason, missing, mismatch }),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;
    use serde_json::json;

    use super::*;
    use crate::hooks::sample_event::tests::event;
    use crate::model::Secret;

    fn of(more: &Value, data: &str) -> Result<Preview, NoPreview> {
        let mut hook = json!({"event": "temp", "url": "http://a.example/"});
        hook.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let never = WallTime::from_millis(0);
        let secret = Secret { value: "s3cret".to_owned(), created_at: never, updated_at: never };
        let secrets = [(SecretName::try_from("API_KEY".to_owned()).unwrap(), secret)].into();
        let hook = HookDefinition::parse(&hook).unwrap();
        preview(&hook, &event("temp", data), &secrets, DefaultBody::Json, never)
    }

    fn missing(more: &Value, data: &str) -> Vec<(String, String)> {
        let missing = of(more, data).map_or_else(|failed| failed.missing, |preview| preview.missing);
        missing.into_iter().map(|missing| (missing.field, missing.name)).collect()
    }

    fn pairs(expected: &[(&str, &str)]) -> Vec<(String, String)> {
        expected.iter().map(|(field, name)| ((*field).to_owned(), (*name).to_owned())).collect()
    }

    #[test]
    fn what_the_event_does_not_have_is_told_with_its_field_once_and_in_order() {
        let hook = json!({
            "url": "http://a.example/{{room}}/{{c}}/{{room}}",
            "query": {"q": "{{q}}"},
            "headers": {"X-A": "{{PARTICLE_DEVICE_ID}} {{OTHER_KEY}} {{API_KEY}}", "X-{{h}}": "{{h}}"},
            "auth": {"username": "{{user}}", "password": "p"},
            "form": {"field1": "{{c}}", "field2": "{{{PRODUCT_ID}}}{{PARTICLE_EVENT_JSON}}{{PARTICLE_X}}"},
        });
        let expected = pairs(&[
            ("url", "room"),
            ("query.q", "q"),
            ("form.field2", "PARTICLE_X"),
            ("headers.X-A", "OTHER_KEY"),
            ("headers.X-{{h}}", "h"),
            ("auth.username", "user"),
        ]);
        assert_eq!(missing(&hook, r#"{"c": 21.5}"#), expected);
    }

    #[test]
    fn what_sections_bring_along_is_not_missing() {
        let hook = json!({"json": {"a": [
            "{{#rooms}}{{name}} {{temp}} {{length}}{{/rooms}}", "{{#words}}{{.}}{{/words}}", "{{room.name}} {{room.temp}}",
            "{{#none}}{{inside}}{{/none}}", "{{^absent}}nothing{{/absent}}", "{{}}{{.}}", "{{null}}",
        ]}});
        let data = r#"{"rooms": [{"name": "cellar"}], "words": ["a"], "room": {"name": "attic"}, "null": null}"#;
        let expected = pairs(&[("json.a[0]", "temp"), ("json.a[2]", "room.temp"), ("json.a[3]", "none")]);
        assert_eq!(missing(&hook, data), expected);
        assert_eq!(missing(&json!({"body": "{{#PARTICLE_EVENT_VALUE}}{{c}}{{/PARTICLE_EVENT_VALUE}}"}), "5").len(), 1);
    }

    #[test]
    fn what_is_missing_is_told_also_when_it_is_why_there_is_no_request() {
        let failed = of(&json!({"json": "{\"t\": {{t}} }"}), "21.5").unwrap_err();
        assert_eq!((failed.reason.field(), failed.missing[0].name.as_str()), (Some("json"), "t"));
        assert!(failed.to_string().starts_with("json: this event makes no JSON: "), "{failed}");
        let failed = of(&json!({"requestType": "{{m}}"}), "").unwrap_err();
        assert_eq!((failed.reason.field(), failed.missing.len()), (Some("requestType"), 1));
        let failed = of(&json!({"headers": {"X-A": "{{{a}}}"}}), r#"{"a": "b\nc"}"#).unwrap_err();
        assert_eq!(failed.reason.field(), Some("headers.X-A"));
    }

    #[test]
    fn secrets_are_filled_in_and_not_shown() {
        let made = of(&json!({"form": {"k": "{{{API_KEY}}}"}, "noDefaults": true}), "").unwrap();
        assert_eq!((made.exact.body.as_ref(), made.request.body.as_str()), (&b"k=s3cret"[..], "k=[[SENSITIVE]]"));
        assert_eq!((made.missing, made.mismatch), (vec![], None));
        let unset = of(&json!({"form": {"k": "{{{MY_KEY}}} {{small}}"}}), "").unwrap().missing;
        let names: Vec<_> = unset.iter().map(|missing| missing.secret_name().map(String::from)).collect();
        assert_eq!(names, [Some("MY_KEY".to_owned()), None]);
    }

    #[test]
    fn an_event_that_does_not_trigger_the_hook_is_previewed_all_the_same() {
        assert_eq!(of(&json!({"disabled": true}), "").unwrap().mismatch, Some(Mismatch::Disabled));
        let failed = of(&json!({"event": "humidity", "requestType": "{{m}}"}), "").unwrap_err();
        assert_eq!(failed.mismatch, Some(Mismatch::Name));
    }
}
