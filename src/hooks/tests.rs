//! Rules that hold for everything together: no definition, event or answer can make any of it panic.

use proptest::prelude::*;
use serde_json::Value;
use serde_json::json;

use super::*;
use crate::hooks::response::Answer;
use crate::hooks::response::ResponseLimits;
use crate::hooks::sample_event::tests::event;
use crate::model::DefaultBody;
use crate::model::Secrets;

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        "\\PC{0,12}".prop_map(Value::from),
        "(http://)?(a|\\{\\{\\{?x?\\}\\}\\}?|[:/@#]){0,6}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec(("\\PC{0,6}", inner), 0..4).prop_map(|map| map.into_iter().collect()),
        ]
    })
}

const FIELDS: [&str; 16] = [
    "event",
    "url",
    "requestType",
    "deviceID",
    "headers",
    "auth",
    "query",
    "form",
    "json",
    "body",
    "noDefaults",
    "responseTemplate",
    "responseTopic",
    "allowed_hosts",
    "retry",
    "name",
];

/// A hook with anything in a few of its fields; event and address are sound in every second.
pub(super) fn any_hook() -> impl Strategy<Value = Value> {
    let field = prop::option::weighted(0.25, any_json());
    (prop::collection::vec(field, FIELDS.len()), any::<bool>()).prop_map(|(values, is_sound)| {
        let fields = FIELDS.into_iter().zip(values).filter_map(|(name, value)| Some((name.to_owned(), value?)));
        let mut hook: serde_json::Map<_, _> = fields.collect();
        if is_sound {
            hook.insert("event".to_owned(), json!("temp"));
            hook.insert("url".to_owned(), json!("http://a.example/{{x}}"));
        }
        Value::Object(hook)
    })
}

proptest! {
    #[test]
    fn no_definition_event_or_answer_makes_anything_panic(
        hook in any_hook(),
        data in any_json(),
        body in prop_oneof![any_json().prop_map(|json| json.to_string().into_bytes()), any::<Vec<u8>>()],
    ) {
        let event = event("temp", &json!({"x": data}).to_string());
        let _ = masking::shown_definition(&hook);
        match HookDefinition::parse(&hook) {
            Ok(parsed) => {
                prop_assert_eq!(parsed.original(), &hook);
                let _ = matching::matches(&parsed, &event);
                if let Ok(request) = request::build(&parsed, &event, &Secrets::new(), DefaultBody::Json) {
                    prop_assert!(request.header("webhook-id").is_some());
                    let _ = masking::shown_request(&request);
                }
                let answer = Answer { status: 200, content_type: None, body: &body, host: "a.example" };
                for part in response::results(&parsed, &event, &answer, ResponseLimits::default()) {
                    prop_assert!(!part.name.as_str().starts_with('$'));
                }
            }
            Err(invalid) => prop_assert!(!invalid.problems().is_empty()),
        }
    }
}
