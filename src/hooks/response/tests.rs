//! What becomes of answers of every kind.

use serde_json::json;

use super::*;
use crate::hooks::sample_event::tests::event;

fn hook(more: &Value) -> HookDefinition {
    let mut hook = json!({"event": "my-hooks", "url": "http://host.com"});
    hook.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    HookDefinition::parse(&hook).unwrap()
}

fn answer(body: &[u8]) -> Answer<'_> {
    Answer { status: 200, content_type: None, body, host: "host.com" }
}

fn parts(more: &Value, answer: &Answer<'_>) -> Vec<(String, String)> {
    let event = event("my-hooks/get_weather", r#"{"room": "kitchen"}"#);
    let parts = results(&hook(more), &event, answer, ResponseLimits::default());
    parts.map(|part| (part.name.to_string(), part.data)).collect()
}

fn one(name: &str, data: &str) -> Vec<(String, String)> {
    vec![(name.to_owned(), data.to_owned())]
}

#[test]
fn the_triggering_event_names_the_results() {
    let event = event("my-hooks/get_weather", "");
    let sent = sent(&event);
    assert_eq!((sent.name.as_str(), sent.data.as_str()), ("hook-sent/my-hooks/get_weather", "undefined"));
    assert_eq!(parts(&json!({}), &answer(b"ok")), one("hook-response/my-hooks/get_weather/0", "ok"));
}

#[test]
fn an_empty_answer_is_no_event() {
    assert_eq!(parts(&json!({}), &answer(b"")), []);
    assert_eq!(parts(&json!({"responseTemplate": "x", "dataUrlResponseEvent": true}), &answer(b"")), []);
}

#[test]
fn a_large_response_comes_in_numbered_parts_and_the_rest_is_dropped() {
    let parts = parts(&json!({}), &answer("x".repeat(110_000).as_bytes()));
    assert_eq!(parts.len(), 200);
    assert!(parts.iter().all(|(_, data)| data.len() == 512));
    assert_eq!(parts[199].0, "hook-response/my-hooks/get_weather/199");
}

#[test]
fn a_character_at_the_limit_is_left_out_whole() {
    let body = format!("{}é", "x".repeat(102_399));
    let parts = parts(&json!({"unchunked": true}), &answer(body.as_bytes()));
    assert_eq!((parts.len(), parts[0].1.len()), (1, 102_399));
}

#[test]
fn an_unchunked_response_is_one_part() {
    let parts = parts(&json!({"unchunked": true}), &answer(&[b'x'; 2_000]));
    assert_eq!((parts.len(), parts[0].0.as_str()), (1, "hook-response/my-hooks/get_weather/0"));
}

#[test]
fn an_error_is_told_with_status_and_host_alone() {
    let failed = Answer { status: 404, body: b"long page", ..answer(b"") };
    let text = "error status 404 from host.com";
    assert_eq!(parts(&json!({}), &failed), one("hook-error/my-hooks/get_weather/0", text));
    let custom = json!({"errorResponseTopic": "save_failed_for_{{PARTICLE_DEVICE_ID}}"});
    assert_eq!(parts(&custom, &failed), one("save_failed_for_0123456789abcdef01234567/0", text));
    assert_eq!(parts(&json!({"errorTopic": "e"}), &failed), one("e/0", text));
}

#[test]
fn a_redirect_is_an_answer() {
    let moved = Answer { status: 302, ..answer(b"moved") };
    assert_eq!(parts(&json!({}), &moved), one("hook-response/my-hooks/get_weather/0", "moved"));
}

#[test]
fn a_topic_of_its_own_is_rendered_from_the_event() {
    let custom = json!({"responseTopic": "{{SPARK_CORE_ID}}/hook-response/{{room}}"});
    assert_eq!(parts(&custom, &answer(b"ok")), one("0123456789abcdef01234567/hook-response/kitchen/0", "ok"));
    let empty = json!({"responseTopic": "{{nothing}}"});
    assert_eq!(parts(&empty, &answer(b"ok")), one("hook-response/my-hooks/get_weather/0", "ok"));
}

#[test]
fn no_topic_can_upset_the_broker() {
    assert_eq!(parts(&json!({"responseTopic": "$SYS/#/+/é"}), &answer(b"ok")), one("_SYS/_/_/_/0", "ok"));
    let long = parts(&json!({"responseTopic": "x".repeat(300)}), &answer(&[b'x'; 600]));
    assert!(long[1].0.ends_with("x/1") && long[1].0.len() <= spec::EMITTED_NAME_CHARS);
}

#[test]
fn a_json_response_is_told_in_the_hooks_own_words() {
    let elevation =
        br#"{"results": [{"elevation": 1608.637939453125, "location": {"lat": 39.7391536, "lng": "a\"b"}}]}"#;
    let name = "hook-response/my-hooks/get_weather/0";
    let text = json!({"responseTemplate": "{{{results.0.elevation}}}"});
    assert_eq!(parts(&text, &answer(elevation)), one(name, "1608.637939453125"));
    let object =
        json!({"responseTemplate": {"lat": "{{{results.0.location.lat}}}", "lng": "{{{results.0.location.lng}}}"}});
    assert_eq!(parts(&object, &answer(elevation)), one(name, r#"{"lat":"39.7391536","lng":"a\"b"}"#));
    assert_eq!(parts(&json!({"responseTemplate": "{{{1.a}}}"}), &answer(br#"[0, {"a": 2}]"#)), one(name, "2"));
    assert_eq!(parts(&text, &answer(b"<html>")), one(name, "<html>"));
    assert_eq!(parts(&text, &answer(b"{}")), []);
}

#[test]
fn a_template_that_makes_too_much_is_told_as_an_error() {
    let body = json!({"a": "x".repeat(90_000)}).to_string();
    let template = json!({"responseTemplate": {"a": "{{{a}}}", "b": "{{{a}}}", "c": "{{{a}}}"}});
    let parts = parts(&template, &answer(body.as_bytes()));
    assert_eq!(parts[0].0, "hook-error/my-hooks/get_weather/0");
    assert!(parts[0].1.starts_with("responseTemplate.c: "), "{}", parts[0].1);
}

#[test]
fn bytes_that_are_no_text_are_replaced_or_encoded() {
    let name = "hook-response/my-hooks/get_weather/0";
    let png = Answer { content_type: Some("image/png; x=y"), ..answer(b"\x89PNG") };
    assert_eq!(parts(&json!({}), &png), one(name, "\u{fffd}PNG"));
    assert_eq!(parts(&json!({"dataUrlResponseEvent": true}), &png), one(name, "data:image/png;base64,iVBORw=="));
    let unknown = Answer { content_type: Some("\"><script>"), ..png };
    let expected = "data:application/octet-stream;base64,iVBORw==";
    assert_eq!(parts(&json!({"dataUrlResponseEvent": "true"}), &unknown), one(name, expected));
}

#[test]
fn a_long_binary_response_can_be_decoded_as_far_as_it_goes() {
    let parts = parts(&json!({"dataUrlResponseEvent": true, "unchunked": true}), &answer(&vec![0xff; 102_400]));
    let encoded = parts[0].1.strip_prefix("data:application/octet-stream;base64,").unwrap();
    assert!(parts[0].1.len() <= 102_400 && STANDARD.decode(encoded).unwrap().len() > 76_000);
}

#[test]
fn the_texts_of_the_guide_are_kept() {
    assert_eq!(TOO_MANY_ERRORS, "Too many errors, webhook disabled");
    assert_eq!(device_limit(10), "device limit: 10 hooks per minute");
    let error = error(&hook(&json!({})), &event("temp", ""), &"é".repeat(600));
    assert_eq!((error.name.as_str(), error.data.len()), ("hook-error/temp/0", 512));
}
