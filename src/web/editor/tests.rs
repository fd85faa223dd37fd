//! Rules that hold for the whole way: a definition, its form, what a browser sends of it, and the definition again.

use proptest::prelude::*;
use serde_json::Value;
use serde_json::json;

use crate::hooks::masking;
use crate::hooks::unmasking::restored;
use crate::http::Body;
use crate::web::editor::form::Content;
use crate::web::editor::form::Form;
use crate::web::editor::rows::Row;

/// What a browser makes of the form on the page, read again.
fn through_the_browser(form: &Form) -> Form {
    let mut fields = url::form_urlencoded::Serializer::new(String::new());
    let shown = serde_json::to_value(form).unwrap();
    for (name, value) in shown.as_object().unwrap() {
        match value {
            Value::Array(rows) => {
                for (at, row) in rows.iter().enumerate() {
                    for part in ["name", "value"] {
                        fields.append_pair(&format!("{name}_{part}[{at}]"), row[part].as_str().unwrap());
                    }
                }
                fields.append_pair(&format!("{name}_name[{}]", rows.len()), "");
                fields.append_pair(&format!("{name}_value[{}]", rows.len()), "");
            }
            Value::Bool(is_ticked) => {
                fields.append_pair(name, "false");
                if *is_ticked {
                    fields.append_pair(name, "true");
                }
            }
            Value::String(text) => drop(fields.append_pair(name, &text.replace('\n', "\r\n"))),
            other => panic!("{name} is {other}"),
        }
    }
    let body = Body::new("application/x-www-form-urlencoded", fields.finish().as_bytes());
    Form::read(body.fields().unwrap())
}

fn unusual() -> Vec<Value> {
    vec![
        json!({"event": "temp", "url": "http://a.example/"}),
        json!({
            "event": "custom_templates", "url": "http://my-awesome-website.particle/{{my-var}}", "requestType": "POST",
            "json": {"my-temp": "{{my-temp}}", "n": 5, "deep": {"a": [true, null, 1.5]}}, "mydevices": true,
        }),
        json!({
            "deviceid": "0123456789abcdef01234567", "nodefaults": "true", "errorTopic": "e", "eventName": "e",
            "url": "http://h/", "requestType": "put", "headers": "{\"a\":\"b\"}", "query": "",
            "auth": "{\"username\":\"u\",\"realm\":\"r\"}", "json": "{\"a\":\"{{x}}\",\r\n \"n\": {{n}} }",
            "rejectUnauthorized": "False", "max_waiting": "10", "max_age_s": 60, "integration_type": "Webhook",
        }),
        json!({
            "event": "e", "eventName": "e", "url": "http://{{h}}/", "allowed_hosts": ["a.example", "[::1]:80"],
            "form": {"n": 5, "b": false, "z": null, "deep": {"a": 1}, "text": "a\nb", "": "x", "key\n": 1},
            "auth": {"username": "u", "password": "p", "more": [1]}, "requestType": "{{method}}",
            "responseTemplate": {"a": "{{b}}"}, "signing_secret": ["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"],
            "rejectUnauthorized": true, "noDefaults": false, "retry": "network", "disabled": null, "name": "",
        }),
        json!({"event": "e", "url": "http://h/", "json": "", "body": "a\r\nb\rc\n", "form": "", "responseTemplate": "{{a}}\r\n"}),
        json!({"event": "e", "url": "http://h/", "form": {}, "headers": {"n": 5, "absent": null}}),
    ]
}

#[test]
fn unusual_definitions_are_valid_and_come_back_to_the_letter() {
    for definition in unusual() {
        crate::hooks::HookDefinition::parse(&definition).unwrap();
        let form = Form::of(&definition);
        assert_eq!(through_the_browser(&form), form);
        assert_eq!(form.onto(&definition).to_string(), definition.to_string());
    }
}

#[test]
fn one_change_changes_one_key_and_stays_in_its_spelling() {
    let all = unusual();
    let (old, new) = (all[2].clone(), all[3].clone());
    let mut form = Form::of(&old);
    form.event = "other".to_owned();
    form.no_defaults = false;
    form.max_age_s = "90".to_owned();
    form.max_waiting_bytes = "2000".to_owned();
    form.headers[0].value = "c".to_owned();
    let mut expected = old.clone();
    expected["eventName"] = json!("other");
    expected.as_object_mut().unwrap().shift_remove("nodefaults");
    expected["max_age_s"] = json!(90);
    expected["max_waiting_bytes"] = json!(2000);
    expected["headers"] = json!({"a": "c"});
    assert_eq!(form.onto(&old).to_string().len(), expected.to_string().len());
    assert_eq!(form.onto(&old), expected);

    let mut form = Form::of(&new);
    form.event = "other".to_owned();
    form.form[0].value = "6".to_owned();
    form.form[3].value = r#"{"a":2}"#.to_owned();
    form.password.clear();
    form.allowed_hosts = "a.example, b.example".to_owned();
    form.signing_secret.push_str(" whsec_more");
    let mut expected = new.clone();
    (expected["event"], expected["eventName"]) = (json!("other"), json!("other"));
    (expected["form"]["n"], expected["form"]["deep"]) = (json!(6), json!({"a": 2}));
    expected["auth"] = json!({"username": "u", "more": [1]});
    expected["allowed_hosts"] = json!(["a.example", "b.example"]);
    expected["signing_secret"].as_array_mut().unwrap().push(json!("whsec_more"));
    assert_eq!(form.onto(&new), expected);
}

#[test]
fn a_new_form_says_only_what_was_filled_in() {
    let form = Form {
        event: "temp".to_owned(),
        url: "http://a.example/".to_owned(),
        content: Content::Json,
        json: "{\"t\": \"{{t}}\"}".to_owned(),
        body: "not chosen".to_owned(),
        password: "p".to_owned(),
        headers: vec![Row { name: "X-A".to_owned(), value: "5".to_owned() }],
        ..Form::default()
    };
    let expected = concat!(
        r#"{"event":"temp","url":"http://a.example/","headers":{"X-A":"5"},"#,
        r#""auth":{"username":"","password":"p"},"json":{"t":"{{t}}"}}"#
    );
    assert_eq!(form.onto(&json!({})).to_string(), expected);
    assert_eq!(form.onto(&Value::Null).to_string(), expected);
}

#[test]
fn another_kind_of_body_takes_the_place_of_the_old_one() {
    let before = json!({"event": "e", "json": {"a": 1}, "form": "", "url": "http://h/"});
    let with = |content| {
        let row = Row { name: "b".to_owned(), value: "2".to_owned() };
        let form = Form { content, form: vec![row], body: "c".to_owned(), ..Form::of(&before) };
        form.onto(&before).to_string()
    };
    assert_eq!(with(Content::Json), before.to_string());
    assert_eq!(with(Content::Form), r#"{"event":"e","form":{"b":"2"},"url":"http://h/"}"#);
    assert_eq!(with(Content::Body), r#"{"event":"e","body":"c","url":"http://h/"}"#);
    assert_eq!(with(Content::Default), r#"{"event":"e","url":"http://h/"}"#);
}

#[test]
fn secrets_that_were_never_shown_survive_an_edit() {
    let original = json!({
        "event": "e", "url": "https://u:s3cret@h/?key=s3cret", "form": {"api_key": "s3cret", "n": 12, "token": 34},
        "headers": {"Authorization": "Bearer s3cret"}, "auth": {"username": "u", "password": "s3cret"},
        "signing_secret": ["whsec_s3cret", "whsec_s4cret"],
    });
    let shown = masking::shown_definition(&original);
    assert!(!serde_json::to_string(&Form::of(&shown)).unwrap().contains("3cret"));
    let mut form = through_the_browser(&Form::of(&shown));
    form.form.push(Row { name: "more".to_owned(), value: "1".to_owned() });
    form.url.push_str("&a=b");
    form.username = "v".to_owned();
    let mut expected = original.clone();
    expected["form"]["more"] = json!("1");
    expected["url"] = json!("https://u:s3cret@h/?key=s3cret&a=b");
    expected["auth"]["username"] = json!("v");
    assert_eq!(restored(&form.onto(&shown), &original).unwrap().to_string(), expected.to_string());
    // Another kind of body.
    form.content = Content::Json;
    form.json = r#"{"api_key": "[[SENSITIVE]]"}"#.to_owned();
    let as_json = restored(&form.onto(&shown), &original).unwrap();
    assert_eq!((&as_json["json"], as_json.get("form")), (&json!({"api_key": "s3cret"}), None));
}

/// Any JSON in a few keys.
fn any_definition() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i32>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "[a-c\"{}\\\\ \r\n\té]{0,6}|true|\\{\"a\":1\\}".prop_map(Value::from),
    ];
    let value = leaf.prop_recursive(3, 16, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
            prop::collection::vec(("[a-c \n]{0,2}", inner), 0..3).prop_map(|map| map.into_iter().collect()),
        ]
    });
    let key = prop::sample::select(vec![
        "event",
        "eventName",
        "url",
        "allowed_hosts",
        "requestType",
        "deviceID",
        "coreid",
        "name",
        "disabled",
        "json",
        "form",
        "body",
        "query",
        "headers",
        "auth",
        "noDefaults",
        "nodefaults",
        "responseTopic",
        "errorTopic",
        "responseTemplate",
        "unchunked",
        "rejectUnauthorized",
        "allow_lan",
        "retry",
        "signing_secret",
        "max_waiting",
        "when_full",
        "unknown",
    ]);
    prop::collection::vec((key, value), 0..8)
        .prop_map(|fields| fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
}

/// What somebody typed.
fn any_form() -> impl Strategy<Value = Form> {
    let word = || "([a-c]{1,4})?";
    let rows = || {
        prop::collection::btree_map("[a-c]{1,3}", "[d-f]{0,3}", 0..3)
            .prop_map(|rows| rows.into_iter().map(|(name, value)| Row { name, value }).collect::<Vec<_>>())
    };
    let content = prop::sample::select(vec![Content::Default, Content::Json, Content::Form, Content::Body]);
    let texts = (prop::collection::vec(word(), 12), prop::collection::vec(any::<bool>(), 6));
    (texts, rows(), rows(), rows(), content, "a\\{\\{x\\}\\}|\\{\n  \"a\": [\n    1\n  ]\n\\}", "[a-c][a-c\n ]{0,6}")
        .prop_map(|((texts, flags), form, query, headers, content, json, body)| {
            let mut texts = texts.into_iter();
            let mut text = || texts.next().unwrap_or_default();
            Form {
                event: text(),
                url: text(),
                allowed_hosts: text(),
                request_type: if flags[0] { "GET".to_owned() } else { "POST".to_owned() },
                device_id: text(),
                name: text(),
                disabled: flags[0],
                content,
                json,
                form,
                body,
                query,
                headers,
                username: text(),
                password: text(),
                reject_unauthorized: flags[1],
                no_defaults: flags[2],
                response_topic: text(),
                error_response_topic: text(),
                response_template: text(),
                unchunked: flags[3],
                data_url_response_event: flags[4],
                retry: if flags[5] { "always".to_owned() } else { "network".to_owned() },
                signing_secret: text(),
                allow_lan: flags[5],
                max_waiting: text(),
                max_waiting_bytes: "5".to_owned(),
                max_age_s: String::new(),
                when_full: String::new(),
            }
        })
}

/// Without the bodies that were not chosen: a definition has no place for them.
fn said(mut form: Form) -> Form {
    if form.content != Content::Json {
        form.json.clear();
    }
    if form.content != Content::Form {
        form.form.clear();
    }
    if form.content != Content::Body {
        form.body.clear();
    }
    form
}

proptest! {
    #[test]
    fn an_untouched_definition_comes_back_unchanged(definition in any_definition()) {
        let form = Form::of(&definition);
        let back = through_the_browser(&form).onto(&definition);
        prop_assert_eq!(back.to_string(), definition.to_string(), "{:?}", form);
    }

    #[test]
    fn an_untouched_definition_comes_back_unchanged_from_its_masked_form(definition in any_definition()) {
        let shown = masking::shown_definition(&definition);
        let back = restored(&through_the_browser(&Form::of(&shown)).onto(&shown), &definition);
        prop_assert_eq!(back.unwrap().to_string(), definition.to_string());
    }

    #[test]
    fn changing_one_field_changes_no_other_key(definition in any_definition(), name in "[a-c]{1,4}") {
        let form = Form { name: name.clone(), ..through_the_browser(&Form::of(&definition)) };
        let mut expected = definition.clone();
        if form != Form::of(&definition) {
            expected["name"] = name.into();
        }
        prop_assert_eq!(form.onto(&definition).to_string(), expected.to_string());
    }

    #[test]
    fn what_the_form_says_the_definition_says(form in any_form(), base in any_definition()) {
        let definition = form.onto(&base);
        prop_assert_eq!(said(Form::of(&definition)), said(form));
    }
}
