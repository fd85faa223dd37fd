//! The wire samples of the guide and of both references, and what an event can do to a request.

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::hooks::sample_event::tests::event;
use crate::model::Secret;
use crate::model::SecretName;
use crate::model::WallTime;

const COREID: &str = "0123456789abcdef01234567";

fn hook(more: &Value) -> HookDefinition {
    let mut hook = json!({"event": "demo", "url": "http://host.com"});
    hook.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    HookDefinition::parse(&hook).unwrap()
}

fn request(more: &Value, event: &Event) -> HookRequest {
    build(&hook(more), event, &Secrets::new(), DefaultBody::Json).unwrap()
}

fn refused(more: &Value, event: &Event) -> String {
    build(&hook(more), event, &Secrets::new(), DefaultBody::Json).unwrap_err().to_string()
}

fn body(request: &HookRequest) -> &str {
    std::str::from_utf8(&request.body).unwrap()
}

fn json_of(request: &HookRequest) -> Value {
    serde_json::from_slice(&request.body).unwrap()
}

#[test]
fn a_bare_hook_posts_the_event_as_json() {
    let request = request(&json!({}), &event("demo", "mydata"));
    assert_eq!((request.method, request.url.as_str()), (RequestMethod::Post, "http://host.com/"));
    let expected =
        format!(r#"{{"event":"demo","data":"mydata","published_at":"2017-02-01T21:08:05.763Z","coreid":"{COREID}"}}"#);
    assert_eq!(body(&request), expected);
    let headers = [
        ("user-agent", concat!("farhook/", env!("CARGO_PKG_VERSION"))),
        ("content-type", "application/json"),
        ("accept", "application/json"),
        ("webhook-id", "070707070707070707070707"),
    ];
    assert_eq!(request.headers, headers.map(|(name, value)| (name.to_owned(), value.to_owned())));
    assert!(request.reject_unauthorized && !request.allow_lan);
}

#[test]
fn a_bare_hook_posts_a_form_if_so_configured() {
    let request = build(&hook(&json!({})), &event("demo", "mydata"), &Secrets::new(), DefaultBody::Form).unwrap();
    let expected = format!("event=demo&data=mydata&published_at=2017-02-01T21%3A08%3A05.763Z&coreid={COREID}");
    assert_eq!(body(&request), expected);
    assert_eq!(request.header("content-type"), Some("application/x-www-form-urlencoded"));
    assert_eq!(request.header("accept"), None);
}

#[test]
fn the_form_for_thingspeak_is_sent_with_the_default_data() {
    let form = json!({
        "event": "temp", "url": "https://api.thingspeak.com/update", "requestType": "POST",
        "form": {"api_key": "YOUR_API_KEY", "field1": "{{PARTICLE_EVENT_VALUE}}"},
    });
    let request = request(&form, &event("temp", "72"));
    assert_eq!(
        body(&request),
        format!(
            "api_key=YOUR_API_KEY&field1=72&event=temp&data=72&published_at=2017-02-01T21%3A08%3A05.763Z&coreid={COREID}"
        )
    );
}

#[test]
fn the_custom_templates_of_the_guide_fill_address_and_body() {
    let templates = json!({
        "url": "http://my-awesome-website.particle/{{my-var}}",
        "json": {"my-temp": "{{my-temp}}", "source": "{{SPARK_CORE_ID}}"},
    });
    let request = request(&templates, &event("custom_templates", r#"{ "my-var": "foo", "my-temp": "98.6F" }"#));
    assert_eq!(request.url.as_str(), "http://my-awesome-website.particle/foo");
    let sent = json_of(&request);
    assert_eq!((&sent["my-temp"], &sent["source"]), (&json!("98.6F"), &json!(COREID)));
    assert_eq!((&sent["event"], &sent["coreid"]), (&json!("custom_templates"), &json!(COREID)));
}

#[test]
fn simple_data_is_sent_as_in_the_reference() {
    let simple = json!({
        "event": "Temperature/", "url": "https://example.com/123456789", "noDefaults": true,
        "json": {"{{PARTICLE_EVENT_NAME}}": "{{{PARTICLE_EVENT_VALUE}}}"},
    });
    let request = request(&simple, &event("Temperature/Kitchen", "20.00"));
    assert_eq!(body(&request), r#"{"Temperature/Kitchen":"20.00"}"#);
    assert_eq!(request.header("Content-Type"), Some("application/json"));
}

#[test]
fn complex_data_is_sent_as_in_the_reference() {
    let event = event("Elevation", r#"{"lat":39.739155, "lng":-104.984703}"#);
    let strings = json!({
        "json": {"coordinates": {"lat": "{{{lat}}}", "lng": "{{{lng}}}"}}, "noDefaults": true,
    });
    assert_eq!(body(&request(&strings, &event)), r#"{"coordinates":{"lat":"39.739155","lng":"-104.984703"}}"#);
    let numbers = json!({
        "headers": {"content-type": "application/json"}, "noDefaults": true,
        "body": r#"{ "coordinates": { "lat": {{{lat}}}, "lng": {{{lng}}} } }"#,
    });
    let request = request(&numbers, &event);
    assert_eq!(body(&request), r#"{ "coordinates": { "lat": 39.739155, "lng": -104.984703 } }"#);
    assert_eq!((request.header("content-type"), request.header("accept")), (Some("application/json"), None));
}

#[test]
fn the_elevation_service_is_asked_as_in_the_reference() {
    let get = json!({
        "url": "https://maps.googleapis.com/maps/api/elevation/json", "requestType": "GET", "noDefaults": true,
        "query": {"key": "XXXXXXXXXX", "locations": "{{{lat}}},{{{lng}}}"},
    });
    let request = request(&get, &event("Elevation", r#"{"lat": 39.7, "lng": -104.9}"#));
    assert_eq!(
        request.url.as_str(),
        "https://maps.googleapis.com/maps/api/elevation/json?key=XXXXXXXXXX&locations=39.7%2C-104.9"
    );
    assert_eq!((request.method, request.body.len(), request.header("content-type")), (RequestMethod::Get, 0, None));
}

#[test]
fn a_get_carries_form_and_default_data_in_its_query() {
    let get = json!({
        "url": "http://host.com/?data=own", "requestType": "get", "query": {"q": "a b"}, "form": {"event": "mine"},
    });
    let request = request(&get, &event("demo", "mydata"));
    let expected = format!("data=own&q=a%20b&event=mine&published_at=2017-02-01T21%3A08%3A05.763Z&coreid={COREID}");
    assert_eq!(request.url.query(), Some(expected.as_str()));
    assert!(request.body.is_empty());
}

#[test]
fn default_data_never_reaches_a_raw_body_or_the_query_of_a_post() {
    let raw = request(&json!({"body": "just {{{PARTICLE_EVENT_VALUE}}}", "query": {"q": "1"}}), &event("demo", "x"));
    assert_eq!((body(&raw), raw.header("content-type")), ("just x", None));
    assert_eq!(raw.url.as_str(), "http://host.com/?q=1");
}

#[test]
fn without_defaults_and_body_the_data_is_sent_as_it_is() {
    let raw = request(&json!({"noDefaults": true}), &event("demo", "my data"));
    assert_eq!((body(&raw), raw.header("content-type")), ("my data", None));
    let get = request(&json!({"noDefaults": "true", "requestType": "GET"}), &event("demo", "my data"));
    assert_eq!((get.url.as_str(), get.body.len()), ("http://host.com/", 0));
}

#[test]
fn the_users_key_wins_over_a_default_one() {
    let own = request(&json!({"json": {"data": 5, "coreid": null}}), &event("demo", "mydata"));
    let sent = json_of(&own);
    assert_eq!((&sent["data"], &sent["coreid"], &sent["event"]), (&json!(5), &Value::Null, &json!("demo")));
    let list = request(&json!({"json": ["{{PARTICLE_EVENT_VALUE}}"]}), &event("demo", "mydata"));
    assert_eq!(body(&list), r#"["mydata"]"#);
}

#[test]
fn a_json_text_keeps_its_numbers_and_gets_the_default_data() {
    let text = json!({"json": "{ \"t\": {{t}}, \"data\": 1.50 } "});
    let request = request(&text, &event("demo", r#"{"t": 21.1}"#));
    assert!(body(&request).starts_with(r#"{ "t": 21.1, "data": 1.50 ,"event":"demo","#), "{}", body(&request));
    assert_eq!(json_of(&request)["coreid"], COREID);
    let bare = json!({"json": "{{{PARTICLE_EVENT_VALUE}}}", "noDefaults": true});
    assert_eq!(
        body(&super::build(&hook(&bare), &event("demo", "[1.0]"), &Secrets::new(), DefaultBody::Json).unwrap()),
        "[1.0]"
    );
    let empty = json!({"json": "{{{PARTICLE_EVENT_VALUE}}}"});
    let built = super::build(&hook(&empty), &event("demo", "{}"), &Secrets::new(), DefaultBody::Json).unwrap();
    assert_eq!(json_of(&built)["data"], "{}");
}

#[test]
fn a_json_text_that_does_not_become_json_is_an_error_of_its_field() {
    let text = json!({"json": "{ \"t\": {{t}} }"});
    let error = refused(&text, &event("demo", r#"{"t": "warm"}"#));
    assert!(error.starts_with("json: this event makes no JSON: "), "{error}");
}

#[test]
fn the_event_may_choose_the_method() {
    let templated = json!({"requestType": "{{m}}", "noDefaults": true});
    assert_eq!(request(&templated, &event("demo", r#"{"m": "put"}"#)).method, RequestMethod::Put);
    assert!(request(&templated, &event("demo", r#"{"m": "get"}"#)).body.is_empty());
    let error = refused(&templated, &event("demo", r#"{"m": "TRACE"}"#));
    assert_eq!(error, "requestType: this event makes none of GET, POST, PUT, DELETE, PATCH");
}

#[test]
fn credentials_become_a_header() {
    let auth = json!({"auth": {"username": "{{u}}", "password": "{{p}}"}});
    let data = event("demo", r#"{"u": "user@email.com", "p": "API_KEY"}"#);
    assert_eq!(request(&auth, &data).header("authorization"), Some("Basic dXNlckBlbWFpbC5jb206QVBJX0tFWQ=="));
    let in_url = request(&json!({"url": "http://us%40er:pass@host.com/x"}), &event("demo", ""));
    assert_eq!(in_url.header("authorization"), Some("Basic dXNAZXI6cGFzcw=="));
    assert_eq!(in_url.url.as_str(), "http://host.com/x");
    let header = json!({"headers": {"AUTHORIZATION": "Bearer 12345"}, "auth": {"username": "u"}});
    assert_eq!(request(&header, &event("demo", "")).header("authorization"), Some("Bearer 12345"));
}

#[test]
fn the_users_headers_replace_ours() {
    let own = json!({"headers": {"User-Agent": "mine", "Accept": "*/*", "Content-Type": "text/x", "X-{{k}}": "v"}});
    let request = request(&own, &event("demo", r#"{"k": "K"}"#));
    let names: Vec<_> = request.headers.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["User-Agent", "Accept", "Content-Type", "X-K", "webhook-id"]);
}

#[test]
fn a_request_is_bounded() {
    let many: Vec<_> = (0..20).map(|_| "{{{PARTICLE_EVENT_VALUE}}}").collect();
    let error = refused(&json!({"json": many}), &event("demo", &"x".repeat(16_384)));
    assert!(error.starts_with("json[15]: the templates make more than 262144 bytes"), "{error}");
    let escaped: Vec<_> = (0..15).map(|_| "{{{PARTICLE_EVENT_VALUE}}}").collect();
    let error = refused(&json!({"json": escaped}), &event("demo", &"\u{1}".repeat(16_384)));
    assert_eq!(error, "the request has more than 262144 bytes");
}

#[test]
fn debug_output_shows_no_secret() {
    let secret = json!({
        "url": "http://u:s3cret@host.com/?token=s3cret", "headers": {"X-Api-Key": "s3cret"}, "json": {"key": "s3cret"},
    });
    let shown = format!("{:?} {:?}", hook(&secret), request(&secret, &event("demo", "")));
    assert!(!shown.contains("s3cret") && !shown.contains("Basic"), "{shown}");
}

fn with_secrets(more: &Value, event: &Event, secrets: &[(&str, &str)]) -> HookRequest {
    build(&hook(more), event, &named(secrets), DefaultBody::Json).unwrap()
}

fn named(secrets: &[(&str, &str)]) -> Secrets {
    let at = WallTime::from_millis(0);
    let secret = |value: &str| Secret { value: value.to_owned(), created_at: at, updated_at: at };
    let named = |(name, value): &(&str, &str)| (SecretName::try_from((*name).to_owned()).unwrap(), secret(value));
    secrets.iter().map(named).collect()
}

/// A request as it is shown, all of it in one text.
fn shown(request: &HookRequest) -> String {
    let shown = masking::shown_request(request);
    format!("{} {} {:?}\n{}", shown.method, shown.url, shown.headers, shown.body)
}

#[test]
fn secrets_fill_the_templates_of_a_request() {
    let everywhere = json!({
        "url": "http://host.com/{{{KEY}}}", "requestType": "{{VERB}}", "query": {"{{{KEY}}}": "{{{KEY}}}"},
        "headers": {"X-{{{VERB}}}": "{{{KEY}}}"}, "auth": {"username": "u", "password": "{{{KEY}}}"},
        "json": {"{{{VERB}}}": ["<{{{KEY}}}>", "{{#l}}{{{KEY}}}{{/l}}", "{{{UNSET}}}"]}, "noDefaults": true,
    });
    let data = event("demo", r#"{"KEY": "forged", "l": [{"KEY": "forged"}]}"#);
    let request = with_secrets(&everywhere, &data, &[("KEY", "a \"b"), ("VERB", "put"), ("OTHER", "x")]);
    assert_eq!(request.method, RequestMethod::Put);
    assert_eq!(request.url.as_str(), "http://host.com/a%20%22b?a%20%22b=a%20%22b");
    assert_eq!(request.header("x-put"), Some("a \"b"));
    assert_eq!(request.header("authorization"), Some("Basic dTphICJi"));
    assert_eq!(json_of(&request), json!({"put": ["<a \"b>", "a \"b", ""]}));
}

#[test]
fn a_shown_request_has_the_mask_in_the_place_of_each_secret() {
    let form = json!({
        "url": "http://host.com/bot{{{KEY}}}/send?n=1", "headers": {"X-Sender": "me {{{KEY}}}"},
        "form": {"text": "{{{PARTICLE_EVENT_VALUE}}}", "{{{KEY}}}": "of {{KEY}}"}, "noDefaults": true,
        "signing_secret": "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD",
    });
    let mut request = with_secrets(&form, &event("demo", "5 is not a<b\" nor a%3cb"), &[("KEY", "a<b\"")]);
    crate::hooks::signing::sign(&hook(&form), &mut request, WallTime::from_millis(5_000));
    let shown = masking::shown_request(&request);
    assert_eq!(shown.url, "http://host.com/bot[[SENSITIVE]]/send?n=1");
    let body = "text=5%20is%20not%20[[SENSITIVE]]%20nor%20a%253cb&[[SENSITIVE]]=of%20[[SENSITIVE]]";
    assert_eq!(shown.body, body);
    assert!(shown.headers.contains(&("X-Sender".to_owned(), "me [[SENSITIVE]]".to_owned())), "{:?}", shown.headers);
    assert!(shown.headers.contains(&("webhook-timestamp".to_owned(), "5".to_owned())), "{:?}", shown.headers);
    assert_eq!(format!("{request:?}"), format!("{shown:?}"));
}

#[test]
fn what_can_be_sent_but_not_with_a_mask_is_hidden_as_a_whole() {
    let number =
        json!({"url": "http://host.com/x/{{{PIN}}}?y=1", "json": "{ \"pin\": {{{PIN}}} }", "noDefaults": true});
    let request = with_secrets(&number, &event("demo", "21.5"), &[("PIN", "12345")]);
    assert_eq!(body(&request), r#"{ "pin": 12345 }"#);
    let expected = r#"POST http://host.com/[[SENSITIVE]] [("webhook-id", "070707070707070707070707")]"#;
    assert_eq!(shown(&request), format!("{expected}\n[[SENSITIVE]]"));
}

#[test]
fn a_hook_that_uses_no_secret_has_none_to_hide() {
    let secrets = [("KEY", "s3cret")];
    assert_eq!(with_secrets(&json!({"json": {"KEY": "KEY"}}), &event("demo", "s3cret"), &secrets).secrecy, None);
    assert_eq!(with_secrets(&json!({"json": {"a": "{{{OTHER}}}"}}), &event("demo", "s3cret"), &secrets).secrecy, None);
    let uses =
        hook(&json!({"json": {"a": "{{#x}}{{KEY}}{{/x}} {{temp}}", "KEY_2": "KEY_3"}, "responseTopic": "{{TOPIC}}"}));
    assert_eq!(uses.secret_names().iter().map(SecretName::as_str).collect::<Vec<_>>(), ["KEY"]);
}

#[test]
fn an_echo_is_shown_without_the_secrets() {
    let all = json!({
        "auth": {"username": "u", "password": "{{{KEY}}}"}, "json": {"a": "{{{SHORT}}}{{{LONG}}}{{{LINE}}}"},
    });
    let secrets = [("KEY", "p\"q/r"), ("LONG", "p\"q/r and more"), ("SHORT", "abc"), ("LINE", "one line\n")];
    let request = with_secrets(&all, &event("demo", ""), &secrets);
    for (echo, hidden) in [
        ("nothing", "nothing"),
        (r#"{"a":"p\"q/r"}"#, r#"{"a":"[[SENSITIVE]]"}"#),
        (r#"{"a":"p\u0022q\/r and more, abc"}"#, r#"{"a":"[[SENSITIVE]], abc"}"#),
        ("?a=p%22q%2fr&b=", "?a=[[SENSITIVE]]&b="),
        ("Basic dTpwInEvcg==.", "Basic [[SENSITIVE]]==."),
        ("one line", "[[SENSITIVE]]"),
    ] {
        assert_eq!(request.without_secrets(echo), hidden);
    }
    assert!(request.without_secrets(&"é".repeat(500_000)).len() <= 128 * 1024);
}

proptest! {
    #[test]
    fn no_secret_is_shown_whatever_a_hook_does_with_it(
        value in r##"[ !"#$%&'()*+,./:;<=>?@\\^`{|}~a-zé😀0-9]{4,24}"##,
        braces in prop::sample::select(vec!["{{{KEY}}}", "{{KEY}}", "{{&KEY}}", "{{#KEY}}{{{KEY}}}{{/KEY}}"]),
        body in prop::sample::select(vec!["json", "text", "form", "body", "none"]),
        method in prop::sample::select(vec!["GET", "POST"]),
        own_auth in any::<bool>(),
    ) {
        // What is shorter is not looked for in what comes back.
        prop_assume!(value.trim().chars().count() >= 4);
        let tag = format!("x{braces}y");
        let mut definition = json!({
            "url": format!("http://host.com/{tag}?q={tag}"), "requestType": method, "query": {"k": tag, tag.as_str(): "v"},
            "noDefaults": true, "headers": {"X-Sender": tag},
        });
        match body {
            "json" => definition["json"] = json!({"a": [tag], tag.as_str(): tag}),
            "text" => definition["json"] = json!(format!("{{\"n\": {{{{n}}}}, \"a\": \"{tag}\"}}")),
            "form" => definition["form"] = json!({"a": tag, tag.as_str(): tag}),
            "body" => definition["body"] = json!(format!("<token>{tag}</token> password: {tag}")),
            _ => {}
        }
        if own_auth {
            definition["auth"] = json!({"username": tag, "password": tag});
        } else {
            definition["headers"]["Authorization"] = json!(format!("Bearer {tag}"));
        }
        let request = build(&hook(&definition), &event("demo", r#"{"n": 1}"#), &named(&[("KEY", &value)]), DefaultBody::Json);
        // Some values are no header, or no JSON.
        match request {
            Ok(request) => {
                let shown = masking::shown_request(&request);
                let whole = format!("{}\n{:?}\n{}", shown.url, shown.headers, shown.body);
                // The text for debugging escapes once more; the values themselves are looked at one by one.
                let texts = shown.headers.iter().flat_map(|(name, value)| [name, value]).chain([&shown.url, &shown.body]);
                for text in texts {
                    prop_assert!(!text.contains(value.trim()), "{text}");
                }
                let encoded = percent_encoding::utf8_percent_encode(value.trim(), percent_encoding::NON_ALPHANUMERIC);
                prop_assert!(!whole.contains(&encoded.to_string()), "{whole}");
                let echo = String::from_utf8_lossy(&request.body).into_owned();
                prop_assert!(!request.without_secrets(&echo).contains(value.trim()));
                prop_assert!(!request.without_secrets(request.url.as_str()).contains(value.trim()));
            }
            Err(error) => prop_assert!(!error.to_string().contains(value.trim()), "{error}"),
        }
    }

    #[test]
    fn no_value_ever_breaks_a_json_body(value in "(?s).{0,40}|[\"\\\\{}\\[\\],:\n]{0,12}", as_text in any::<bool>()) {
        let tree = json!({"a": "{{{PARTICLE_EVENT_VALUE}}}", "b": ["<{{{v}}}>", 5], "{{{v}}}": true});
        let tree = if as_text { Value::String(tree.to_string()) } else { tree };
        let hook = hook(&json!({"json": tree, "noDefaults": true}));
        let data = json!({"v": value}).to_string();
        let sent = json_of(&build(&hook, &event("demo", &data), &Secrets::new(), DefaultBody::Json).unwrap());
        prop_assert!(value == "a" || sent["a"] == data.as_str());
        let list = json!([format!("<{value}>"), 5]);
        prop_assert!(value == "b" || sent["b"] == list);
        prop_assert_eq!(&sent[value.as_str()], &json!(true));
    }
}
