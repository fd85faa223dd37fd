//! What is sent as a hook comes back: created, listed and shown, over both names of the API, with every key as it was,
//! known or not.

use serde_json::Value;
use serde_json::json;

use crate::account::Account;
use crate::gateway::Setup;
use crate::hook_files;

#[tokio::test]
async fn a_hook_comes_back_with_every_key_that_was_sent() {
    let gateway = Setup::new().without_limits().start().await;
    let account = Account::new(&gateway, "me@example.com").await;
    let device = account.device(&gateway, "kitchen").await;
    let mut hooks = hook_files::all();
    for name in ["deviceID", "deviceid", "deviceId"] {
        hooks.push((name, json!({ "event": "temp", "url": "http://a.example/", name: device.id })));
    }
    for (path, wrapper) in [("/v1/webhooks", "webhook"), ("/v1/integrations", "integration")] {
        let mut sent = Vec::new();
        for (what, hook) in &hooks {
            let answer = account.tell("POST", path, hook).await;
            assert_eq!(answer.status, 201, "{path}, {what}: {answer:?}");
            sent.push((what, answer.json()["id"].clone(), hook));
        }
        let listed = account.ask("GET", path).await.json();
        for (what, id, hook) in sent {
            let in_list = listed.as_array().unwrap().iter().find(|listed| listed["id"] == id);
            assert_has_all(in_list.unwrap_or_else(|| panic!("{what} is not listed")), hook, what);
            let shown = account.ask("GET", &format!("{path}/{}", id.as_str().unwrap())).await.json();
            assert_has_all(&shown[wrapper], hook, what);
            for log in ["logs", "errors", "counters"] {
                assert!(shown[wrapper][log].is_array(), "{shown}");
            }
        }
    }
}

#[tokio::test]
async fn what_is_changed_comes_back_changed_and_the_rest_as_it_was() {
    let gateway = Setup::new().start().await;
    let account = Account::new(&gateway, "me@example.com").await;
    let hook = json!({ "event": "temp", "url": "http://a.example/", "json": { "a": "{{a}}" }, "_note": "kept" });
    let id = account.tell("POST", "/v1/integrations", &hook).await.json()["id"].as_str().unwrap().to_owned();
    let path = format!("/v1/integrations/{id}");

    let changed = account.tell("PUT", &path, &json!({ "url": "http://b.example/", "disabled": true })).await;
    assert_eq!(changed.status, 200, "{changed:?}");
    let shown = account.ask("GET", &path).await.json();
    let wanted = json!({
        "event": "temp", "url": "http://b.example/", "json": { "a": "{{a}}" }, "_note": "kept", "disabled": true,
    });
    assert_has_all(&shown["integration"], &wanted, "changed");
}

#[track_caller]
fn assert_has_all(found: &Value, sent: &Value, what: &str) {
    for (name, value) in sent.as_object().unwrap() {
        assert_eq!(found.get(name), Some(value), "{name} of {what}: {found}");
    }
}
