//! From a hook's JSON to its definition. Every field is read even after a bad one, so that all problems are told at
//! once. Keys that are not known are left alone: tools of both ages send keys that mean nothing here.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::hooks::InvalidHook;
use crate::hooks::aliases;
use crate::hooks::bounds;
use crate::hooks::definition::Auth;
use crate::hooks::definition::Body;
use crate::hooks::definition::HookDefinition;
use crate::hooks::definition::Method;
use crate::hooks::definition::RequestMethod;
use crate::hooks::definition::ResponseRule;
use crate::hooks::fields::Fields;
use crate::hooks::fields::wrong_type;
use crate::hooks::headers;
use crate::hooks::problem::Flaw;
use crate::hooks::problem::Path;
use crate::hooks::problem::Problem;
use crate::hooks::retry::RetryPolicy;
use crate::hooks::signing;
use crate::hooks::target::Target;
use crate::hooks::tree::Entries;
use crate::hooks::tree::Tree;
use crate::hooks::tree::compile_entries;
use crate::hooks::variables::Wanted;
use crate::model::DeviceId;
use crate::model::EventName;
use crate::model::SecretName;

/// Bytes of a definition as JSON. Ours, as the other bounds here; the largest hook files in use have some kilobytes.
const DEFINITION_BYTES: usize = 64 * 1024;

/// How deep a definition may be nested.
const DEPTH: usize = 32;

/// Values of all kinds that a definition may hold.
const VALUES: usize = 2_048;

/// Characters of a label.
const NAME_CHARS: usize = 256;

/// Reads a definition; see [`HookDefinition::parse`].
pub(super) fn parse(hook: &Value) -> Result<HookDefinition, InvalidHook> {
    let whole = |flaw| InvalidHook::new(vec![Problem { field: String::new(), flaw }]);
    let map = hook.as_object().ok_or_else(|| whole(wrong_type("an object", hook)))?;
    if let Some(flaw) = oversize(hook) {
        return Err(whole(flaw));
    }
    let mut fields = Fields::new(map);
    let event_prefix = event_prefix(&mut fields);
    let target = Target::parse(&mut fields);
    let method = method(&mut fields);
    let retry = retry(&mut fields);
    let response = response(&mut fields);
    let hook = HookDefinition {
        original: hook.clone(),
        event_prefix: event_prefix.unwrap_or_default(),
        device: device(&mut fields),
        name: name(&mut fields),
        is_disabled: fields.flag(&["disabled"], false),
        method: method.unwrap_or(Method::Fixed(RequestMethod::Post)),
        query: entries("query", &mut fields).unwrap_or_default(),
        headers: headers::parse(&mut fields),
        auth: auth(&mut fields),
        body: body(&mut fields).unwrap_or(Body::Default),
        without_defaults: fields.flag(&aliases::NO_DEFAULTS, false),
        reject_unauthorized: fields.flag(&["rejectUnauthorized"], true),
        allow_lan: fields.flag(&["allow_lan"], false),
        queue: bounds::parse(&mut fields),
        retry: retry.unwrap_or_default(),
        signing: signing::parse(&mut fields),
        response,
        wanted: Wanted::default(),
        secret_names: Box::default(),
        target: match target {
            Some(target) => target,
            None => return Err(InvalidHook::new(fields.into_problems())),
        },
    };
    let problems = fields.into_problems();
    if problems.is_empty() { Ok(with_wanted(hook)) } else { Err(InvalidHook::new(problems)) }
}

/// Notes once which variables the templates name, so that no event has to make the others.
fn with_wanted(mut hook: HookDefinition) -> HookDefinition {
    let named = Wanted::in_definition(&hook.original);
    let mut wanted = named;
    let mut secrets = BTreeSet::new();
    hook.visit_request(&mut |template| {
        wanted = wanted.and(template);
        secrets.extend(template.names().filter_map(|name| SecretName::try_from(name.to_owned()).ok()));
    });
    hook.wanted = wanted;
    hook.secret_names = secrets.into_iter().collect();
    let topics = hook.response.topic.iter().chain(&hook.response.error_topic);
    hook.response.wanted = topics.fold(named, Wanted::and);
    hook
}

/// What is too large about a definition as a whole. Depth comes first: the rest of the code recurses.
fn oversize(hook: &Value) -> Option<Flaw> {
    let mut values = 0;
    if !is_within(hook, DEPTH, &mut values) {
        let too_many = Flaw::TooMany { most: VALUES, unit: "values" };
        return Some(if values > VALUES { too_many } else { Flaw::TooMany { most: DEPTH, unit: "levels" } });
    }
    (hook.to_string().len() > DEFINITION_BYTES).then_some(Flaw::TooMany { most: DEFINITION_BYTES, unit: "bytes" })
}

fn is_within(value: &Value, depth: usize, values: &mut usize) -> bool {
    *values += 1;
    if depth == 0 || *values > VALUES {
        return false;
    }
    match value {
        Value::Array(items) => items.iter().all(|item| is_within(item, depth - 1, values)),
        Value::Object(map) => map.values().all(|item| is_within(item, depth - 1, values)),
        _ => true,
    }
}

fn event_prefix(fields: &mut Fields<'_>) -> Option<String> {
    let Some((name, prefix)) = fields.text(&aliases::EVENT) else {
        // A wrong type was reported while reading.
        if fields.value(&aliases::EVENT).is_none_or(|(_, value)| value.is_string()) {
            fields.report(&Path::Root("event"), Flaw::Missing);
        }
        return None;
    };
    // What could not be published as a whole name cannot be the beginning of one either.
    match EventName::published(prefix) {
        Ok(_) => Some(prefix.to_owned()),
        Err(error) => {
            fields.report(&Path::Root(name), Flaw::Event(error));
            None
        }
    }
}

fn device(fields: &mut Fields<'_>) -> Option<DeviceId> {
    let (name, id) = fields.text(&aliases::DEVICE)?;
    id.parse().map_err(|error| fields.report(&Path::Root(name), Flaw::Device(error))).ok()
}

fn name(fields: &mut Fields<'_>) -> Option<String> {
    let (field, name) = fields.text(&["name"])?;
    if name.chars().count() > NAME_CHARS {
        fields.report(&Path::Root(field), Flaw::TooMany { most: NAME_CHARS, unit: "characters" });
        return None;
    }
    Some(name.to_owned())
}

fn method(fields: &mut Fields<'_>) -> Option<Method> {
    let (name, text) = fields.text(&["requestType"])?;
    let path = Path::Root(name);
    let template = fields.compile(&path, text)?;
    if !template.is_constant() {
        return Some(Method::Templated(template));
    }
    let method = text.parse().ok().map(Method::Fixed);
    if method.is_none() {
        fields.report(&path, Flaw::Unknown { known: RequestMethod::KNOWN });
    }
    method
}

fn retry(fields: &mut Fields<'_>) -> Option<RetryPolicy> {
    let (name, text) = fields.text(&["retry"])?;
    let policy = RetryPolicy::from_name(text);
    if policy.is_none() {
        fields.report(&Path::Root(name), Flaw::Unknown { known: RetryPolicy::KNOWN });
    }
    policy
}

fn entries(name: &'static str, fields: &mut Fields<'_>) -> Option<Entries> {
    let (_, map) = fields.object(&[name])?;
    compile_entries(&map, &Path::Root(name), fields)
}

fn auth(fields: &mut Fields<'_>) -> Option<Auth> {
    let (name, map) = fields.object(&["auth"])?;
    let auth = Path::Root(name);
    let mut part = |key: &str| match map.get(key) {
        None | Some(Value::Null) => None,
        Some(Value::String(text)) => fields.compile(&Path::Key(&auth, key), text),
        Some(other) => {
            fields.report(&Path::Key(&auth, key), wrong_type("a text", other));
            None
        }
    };
    let (username, password) = (part("username"), part("password"));
    if map.get("username").is_none_or(Value::is_null) {
        fields.report(&Path::Key(&auth, "username"), Flaw::Missing);
    }
    Some(Auth { username: username?, password })
}

fn body(fields: &mut Fields<'_>) -> Option<Body> {
    let is_given = |value: &Value| value.as_str() != Some("");
    let given: Vec<_> = ["json", "form", "body"]
        .into_iter()
        .filter(|name| fields.value(&[name]).is_some_and(|(_, v)| is_given(v)))
        .collect();
    if let [first, others @ ..] = given.as_slice() {
        for other in others {
            fields.report(&Path::Root(other), Flaw::Excluded { other: first });
        }
    }
    match *given.first()? {
        "json" => json_body(fields),
        "form" => entries("form", fields).map(Body::Form),
        name => fields.template(&[name]).map(Body::Raw),
    }
}

fn json_body(fields: &mut Fields<'_>) -> Option<Body> {
    let (name, value) = fields.value(&["json"])?;
    let path = Path::Root(name);
    match value {
        Value::Object(_) | Value::Array(_) => Tree::compile(value, &path, fields).map(Body::Json),
        Value::String(text) => match parsed_text(text) {
            Some(tree) => Some(Body::Json(tree)),
            None => fields.compile(&path, text).map(Body::JsonText),
        },
        other => {
            fields.report(&path, wrong_type("an object, an array or a text", other));
            None
        }
    }
}

/// A text that is JSON before anything is rendered is taken as if it had been given as JSON: then no value can break
/// it. Not so when a section reaches from one string into another.
fn parsed_text(text: &str) -> Option<Tree> {
    let value: Value = serde_json::from_str(text).ok()?;
    let is_document = (value.is_object() || value.is_array()) && is_within(&value, DEPTH, &mut 0);
    let none = serde_json::Map::new();
    is_document.then(|| Tree::compile(&value, &Path::Root("json"), &mut Fields::new(&none)))?
}

fn response(fields: &mut Fields<'_>) -> ResponseRule {
    ResponseRule {
        topic: fields.template(&["responseTopic"]),
        error_topic: fields.template(&aliases::ERROR_TOPIC),
        template: response_template(fields),
        is_unchunked: fields.flag(&["unchunked"], false),
        as_data_url: fields.flag(&["dataUrlResponseEvent"], false),
        wanted: Wanted::default(),
    }
}

fn response_template(fields: &mut Fields<'_>) -> Option<Tree> {
    let (name, value) = fields.value(&["responseTemplate"])?;
    let path = Path::Root(name);
    match value {
        Value::String(text) if text.is_empty() => None,
        Value::String(_) | Value::Object(_) | Value::Array(_) => Tree::compile(value, &path, fields),
        other => {
            fields.report(&path, wrong_type("a text or an object", other));
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn refused(hook: &Value) -> Vec<String> {
        HookDefinition::parse(hook).unwrap_err().problems().iter().map(ToString::to_string).collect()
    }

    fn accepted(more: &Value) -> HookDefinition {
        let mut hook = json!({"event": "temp", "url": "http://a.example/"});
        hook.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        HookDefinition::parse(&hook).unwrap()
    }

    #[test]
    fn the_hook_of_the_guide_is_taken_and_kept_unchanged() {
        let json = json!({
            "event": "custom_templates", "url": "http://my-awesome-website.particle/{{my-var}}", "requestType": "POST",
            "json": {"my-temp": "{{my-temp}}", "source": "{{SPARK_CORE_ID}}"}, "mydevices": true,
        });
        let hook = HookDefinition::parse(&json).unwrap();
        assert_eq!(hook.original(), &json);
        assert_eq!((hook.event_prefix(), hook.host()), ("custom_templates", Some("my-awesome-website.particle")));
        assert_eq!((hook.device(), hook.is_disabled(), hook.retry()), (None, false, RetryPolicy::Network));
    }

    #[test]
    fn what_both_command_line_tools_send_is_taken() {
        let today = json!({
            "event": "weather/", "deviceid": "0123456789abcdef01234567", "url": "http://127.0.0.1:18081/{{my-var}}",
            "requestType": "POST", "name": "My weather", "mydevices": true, "noDefaults": true,
            "rejectUnauthorized": false, "auth": {"username": "u", "password": "p"},
            "headers": {"X-A": "{{PARTICLE_DEVICE_ID}}"}, "query": {"q": "{{{PARTICLE_EVENT_VALUE}}}"},
            "eventName": "weather/", "integration_type": "Webhook", "x-unknown": [1],
        });
        let hook = HookDefinition::parse(&today).unwrap();
        assert_eq!((hook.name(), hook.reject_unauthorized), (Some("My weather"), false));
        assert_eq!(hook.device().unwrap().to_string(), "0123456789abcdef01234567");
        let form_posted = json!({
            "event": "e", "url": "http://h/", "deviceid": "", "requestType": "put", "noDefaults": "true",
            "headers": "{\"a\":\"b\"}", "auth": "{\"username\":\"u\"}", "json": "{\"a\":\"{{x}}\"}", "query": "",
        });
        let hook = HookDefinition::parse(&form_posted).unwrap();
        assert_eq!((hook.headers.len(), hook.without_defaults, hook.device()), (1, true, None));
        assert!(matches!(hook.method, Method::Fixed(RequestMethod::Put)));
        assert!(hook.auth.is_some() && matches!(hook.body, Body::Json(Tree::Map(_))));
    }

    #[test]
    fn the_aliases_of_the_device_all_filter() {
        for alias in ["deviceID", "deviceid", "deviceId", "coreID", "coreid"] {
            assert!(accepted(&json!({alias: "0123456789ABCDEF01234567"})).device().is_some(), "{alias}");
        }
    }

    #[test]
    fn everything_wrong_is_told_at_once_by_field() {
        let problems = refused(&json!({
            "event": "a+b", "url": "ftp://a.example/", "requestType": "FETCH", "deviceID": "kitchen", "disabled": 2,
            "json": {"a": 1}, "form": {"b": 2}, "body": "c", "auth": {"user": "u", "password": 5}, "query": [1],
            "headers": {"X-A": ["a"]}, "retry": "often", "responseTemplate": 5, "responseTopic": {}, "name": [],
        }));
        assert_eq!(
            problems,
            [
                "event can match no event: an event name has no '+': MQTT keeps it for topic filters",
                "url must begin with http:// or https://",
                "requestType must be one of GET, POST, PUT, DELETE, PATCH",
                "retry must be one of network, none, always",
                "responseTopic must be a text, not an object",
                "responseTemplate must be a text or an object, not a number",
                "deviceID is no device id: an id has 24 hex digits, \"kitchen\" is not one",
                "name must be a text, not an array",
                "disabled must be true or false, not a number",
                "query must be an object, not an array",
                "headers.X-A must be a text, not an array",
                "auth.password must be a text, not a number",
                "auth.username is required",
                "form cannot be used together with json",
                "body cannot be used together with json",
            ]
        );
        assert_eq!(refused(&json!({})), ["event is required", "url is required"]);
        assert_eq!(refused(&json!([])), ["the hook must be an object, not an array"]);
        assert_eq!(
            refused(&json!({"event": 5, "url": null})),
            ["event must be a text, not a number", "url is required"]
        );
    }

    #[test]
    fn a_prefix_that_could_never_match_is_refused() {
        for prefix in ["hook-response/temp", "é", "$SYS", &"x".repeat(65), "spark/"] {
            let problems = refused(&json!({"event": prefix, "url": "http://a.example/"}));
            assert!(problems[0].starts_with("event can match no event: "), "{problems:?}");
        }
        for prefix in ["hook-", "sparkle", &"x".repeat(64), "my-hooks/"] {
            assert!(HookDefinition::parse(&json!({"event": prefix, "url": "http://a.example/"})).is_ok(), "{prefix}");
        }
    }

    #[test]
    fn a_json_text_is_taken_apart_only_if_it_is_json_already() {
        let text = |text: &str| accepted(&json!({"json": text})).body;
        assert!(matches!(text("{\"a\": \"{{{x}}}\"}"), Body::Json(_)));
        assert!(matches!(text("{\"a\": {{{x}}} }"), Body::JsonText(_)));
        assert!(matches!(text("{{{x}}}"), Body::JsonText(_)));
    }

    #[test]
    fn definitions_are_bounded() {
        let hook = |json: Value| json!({"event": "e", "url": "http://h/", "json": json});
        let deep = (0..100).fold(json!(1), |inner, _| json!([inner]));
        assert_eq!(refused(&hook(deep)), ["the hook has more than 32 levels"]);
        assert_eq!(refused(&hook(json!(vec![0; 3_000]))), ["the hook has more than 2048 values"]);
        assert_eq!(refused(&hook(json!({"a": "x".repeat(65_536)}))), ["the hook has more than 65536 bytes"]);
    }
}
