//! The wire samples of the guide and of both references, and what an event can do to a request.

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::hooks::sample_event::tests::event;

const COREID: &str = "0123456789abcdef01234567";

fn hook(more: &Value) -> HookDefinition {
    let mut hook = json!({"event": "demo", "url": "http://host.com"});
    hook.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    HookDefinition::parse(&hook).unwrap()
}

fn request(more: &Value, event: &Event) -> HookRequest {
    build(&hook(more), event, DefaultBody::Json).unwrap()
}

fn refused(more: &Value, event: &Event) -> String {
    build(&hook(more), event, DefaultBody::Json).unwrap_err().to_string()
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
    let request = build(&hook(&json!({})), &event("demo", "mydata"), DefaultBody::Form).unwrap();
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
    assert_eq!(body(&super::build(&hook(&bare), &event("demo", "[1.0]"), DefaultBody::Json).unwrap()), "[1.0]");
    let empty = json!({"json": "{{{PARTICLE_EVENT_VALUE}}}"});
    let built = super::build(&hook(&empty), &event("demo", "{}"), DefaultBody::Json).unwrap();
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

proptest! {
    #[test]
    fn no_value_ever_breaks_a_json_body(value in "(?s).{0,40}|[\"\\\\{}\\[\\],:\n]{0,12}", as_text in any::<bool>()) {
        let tree = json!({"a": "{{{PARTICLE_EVENT_VALUE}}}", "b": ["<{{{v}}}>", 5], "{{{v}}}": true});
        let tree = if as_text { Value::String(tree.to_string()) } else { tree };
        let hook = hook(&json!({"json": tree, "noDefaults": true}));
        let data = json!({"v": value}).to_string();
        let sent = json_of(&build(&hook, &event("demo", &data), DefaultBody::Json).unwrap());
        prop_assert!(value == "a" || sent["a"] == data.as_str());
        let list = json!([format!("<{value}>"), 5]);
        prop_assert!(value == "b" || sent["b"] == list);
        prop_assert_eq!(&sent[value.as_str()], &json!(true));
    }
}
