//! The commands, talking to a daemon.

use serde_json::Value;
use serde_json::json;
use tokio::time::timeout;

use crate::gateway::Gateway;
use crate::gateway::PATIENCE;
use crate::gateway::farhook;
use crate::gateway::stderr;
use crate::mosquitto;
use crate::mosquitto::Subscriber;
use crate::mqtt::Client;
use crate::receiver::Answer;
use crate::receiver::Receiver;

#[tokio::test]
async fn a_device_is_added_listed_shown_rekeyed_and_removed() {
    let gateway = Gateway::start().await;
    let device = gateway.device("kitchen").await;
    assert!(device.id.len() == 24 && device.id.bytes().all(|byte| byte.is_ascii_hexdigit()), "{}", device.id);
    assert!(gateway.refused(&["device", "add", "kitchen"], "").await.contains(&device.id));
    let is_online = async || gateway.json(&["device", "show", "kitchen"]).await["online"].clone();
    assert_eq!(is_online().await, false);

    let mut first = gateway.login(&device).await;
    assert_eq!(is_online().await, true);
    let renewed = gateway.json(&["device", "key", "kitchen"]).await;
    first.wait_for_end().await;
    assert!(Client::login(gateway.mqtt, "kitchen", &device.key).await.is_none(), "the old key holds no longer");

    let key = renewed["key"].as_str().unwrap();
    // By its id it may log in as well.
    let mut second = Client::login(gateway.mqtt, &device.id, key).await.expect("the new key holds");
    let listed = gateway.json(&["device", "list"]).await;
    assert_eq!((listed.as_array().unwrap().len(), &listed[0]["id"]), (1, &json!(device.id)));
    assert!(!listed.to_string().contains(key), "a key is shown only once");
    gateway.json(&["device", "remove", &device.id]).await;
    second.wait_for_end().await;
    assert!(Client::login(gateway.mqtt, "kitchen", key).await.is_none());
    assert!(gateway.refused(&["device", "show", "kitchen"], "").await.contains("kitchen"));
    assert_eq!(gateway.json(&["device", "list"]).await, json!([]));
}

#[tokio::test]
async fn a_hook_is_edited_with_its_secrets_where_they_are_masked() {
    let gateway = Gateway::start().await;
    let mut receiver = Receiver::with(|_| Answer::status(200));
    let device = gateway.device("kitchen").await;
    let definition = |path: &str, key: &str| {
        let form = json!({ "api_key": key, "v": "{{{PARTICLE_EVENT_VALUE}}}" });
        json!({ "event": "temp", "url": receiver.url(path), "form": form, "noDefaults": true })
    };
    let hook = gateway.hook(&definition("/a", "s3cret")).await;
    let masked = definition("/b", "[[SENSITIVE]]");
    let edited = gateway.json_with(&["hook", "edit", &hook, "-"], &masked.to_string()).await;
    assert_eq!((&edited["id"], &edited["url"]), (&json!(hook), &masked["url"]));
    // A mask where there was no secret is none.
    let mut elsewhere = masked.clone();
    elsewhere["headers"] = json!({ "x-key": "[[SENSITIVE]]" });
    let refused = gateway.cli_with(&["hook", "edit", &hook, "-"], &elsewhere.to_string()).await;
    let error = String::from_utf8_lossy(&refused.stderr);
    assert!(!refused.status.success() && error.contains("headers.x-key"), "{error}");
    gateway.login(&device).await.publish("temp", "1").await;
    let request = receiver.next().await;
    assert_eq!((request.path.as_str(), request.body.as_str()), ("/b", "api_key=s3cret&v=1"));
}

#[tokio::test]
async fn a_hook_is_created_listed_shown_switched_and_deleted() {
    let gateway = Gateway::start().await;
    let mut receiver = Receiver::with(|_| Answer::status(200));
    let device = gateway.device("kitchen").await;
    let url = receiver.url("/");
    let mut client = gateway.login(&device).await;
    let created = gateway.json(&["hook", "create", "temp", &url]).await;
    let hook = created["id"].as_str().unwrap();
    let again = ["hook", "create", "temp", &url];
    gateway.refused(&again, "").await;
    let state = async || gateway.json(&["hook", "show", hook]).await["state"].clone();
    assert_eq!(state().await, "enabled");

    client.publish("temp", "1").await;
    assert_eq!(receiver.next().await.json()["data"], "1");
    gateway.json(&["hook", "disable", hook]).await;
    assert_eq!(state().await, "disabled");
    client.publish("temp", "skipped").await;
    gateway.json(&["hook", "enable", hook]).await;
    client.publish("temp", "2").await;
    assert_eq!(receiver.next().await.json()["data"], "2", "what came while its user had it off is not sent later");

    gateway.wait_for_queue("delivered", 2).await;
    let listed = gateway.json(&["hook", "list"]).await;
    assert_eq!((&listed[0]["id"], &listed[0]["delivered"]), (&json!(hook), &json!(2)));
    gateway.json(&["hook", "delete", hook]).await;
    client.publish("temp", "3").await;
    assert_eq!(gateway.json(&["hook", "list"]).await, json!([]));
    gateway.refused(&["hook", "show", hook], "").await;
    gateway.wait_for_queue("waiting", 0).await;
    assert!(receiver.unexpected().is_none());
}

#[tokio::test]
async fn the_secrets_of_a_hook_are_not_shown_again() {
    let gateway = Gateway::start().await;
    let definition = json!({
        "event": "temp", "url": "http://127.0.0.1:9/?api_key=s3cret-1", "form": { "api_key": "s3cret-2" },
        "headers": { "Authorization": "Bearer s3cret-3" }, "auth": { "username": "me", "password": "s3cret-4" },
    });
    let hook = gateway.hook(&definition).await;
    for args in [["hook", "list"].as_slice(), &["hook", "show", &hook], &["hook", "list", "--json"]] {
        let shown = String::from_utf8(gateway.cli(args).await.stdout).unwrap();
        assert!(shown.contains("temp") && !shown.contains("s3cret"), "{args:?}: {shown}");
    }
    assert!(!gateway.log().contains("s3cret"));
}

#[tokio::test]
async fn a_hook_can_be_tried_out_without_telling_a_device() {
    let gateway = Gateway::start().await;
    let mut receiver = Receiver::with(|request| match request.path.as_str() {
        "/good" => Answer::ok("fine"),
        _ => Answer::status(418),
    });
    let mut observer = gateway.observer().await;
    let hook = gateway.hook(&json!({ "event": "temp", "url": receiver.url("/good") })).await;

    let report = gateway.json(&["hook", "test", &hook]).await;
    assert_eq!((&report["ok"], &report["status"]), (&json!(true), &json!(200)));
    assert_eq!(report["results"][1], json!({ "name": "hook-response/temp/0", "data": "fine" }));
    assert_eq!(receiver.next().await.json()["event"], "temp");
    let event = json!({ "name": "temp/x", "data": "98.6" }).to_string();
    gateway.json_with(&["hook", "test", &hook, "--event", "-"], &event).await;
    assert_eq!(receiver.next().await.json()["data"], "98.6");

    let bad = gateway.hook(&json!({ "event": "temp", "url": receiver.url("/bad") })).await;
    let reason = gateway.refused(&["hook", "test", &bad], "").await;
    assert!(reason.contains("418"), "{reason}");
    assert_eq!(observer.heard_so_far().await.len(), 0);
}

#[tokio::test]
async fn what_the_owner_publishes_triggers_hooks_and_is_heard() {
    let gateway = Gateway::start().await;
    let mut receiver = Receiver::start();
    gateway.hook(&json!({ "event": "temp", "url": receiver.url("/") })).await;
    let mut observer = gateway.observer().await;

    // Nobody may trigger a hook who has no device; that is the guide's rule.
    gateway.json(&["publish", "temp", "-1"]).await;
    let told = observer.hear_on("hook-error/temp/0").await;
    assert!(told.data.contains("at least one device"), "{}", told.data);
    gateway.device("kitchen").await;
    gateway.json(&["publish", "temp", "-2"]).await;

    let body = receiver.next().await.json();
    assert_eq!((&body["data"], &body["coreid"]), (&json!("-2"), &json!("api")));
    assert_eq!(observer.hear_on("hook-response/temp/0").await.data, "ok");
}

#[tokio::test]
async fn with_a_token_mosquitto_hears_the_results_of_every_device() {
    if mosquitto::are_missing() {
        return;
    }
    let gateway = Gateway::start().await;
    let receiver = Receiver::start();
    gateway.hook(&json!({ "event": "temp", "url": receiver.url("/") })).await;
    let token = gateway.json(&["token", "create"]).await;
    let secret = token["token"].as_str().unwrap();
    let mut observer = Subscriber::start(&gateway, "whoever", secret, "hook-response/#").await;
    for name in ["kitchen", "cellar"] {
        let device = gateway.device(name).await;
        gateway.login(&device).await.publish("temp", "72").await;
        assert_eq!(observer.hear().await, "hook-response/temp/0 ok");
    }
    observer.end().await;

    gateway.json(&["token", "revoke", token["id"].as_str().unwrap()]).await;
    assert!(Client::login(gateway.mqtt, "whoever", secret).await.is_none());
    assert_eq!(gateway.json(&["token", "list"]).await, json!([]));
}

#[tokio::test]
async fn the_demo_shows_the_three_events_of_the_guide() {
    let folder = tempfile::tempdir().unwrap();
    let demo = async |json: bool| {
        let mut command = farhook();
        command.arg("demo").args(json.then_some("--json")).current_dir(folder.path()).env("TMPDIR", folder.path());
        let output = timeout(PATIENCE, command.output()).await.expect("it ends").unwrap();
        assert!(output.status.success(), "{}", stderr(&output));
        String::from_utf8(output.stdout).unwrap()
    };

    let told = demo(false).await;
    for line in ["temp                  21.5", "hook-sent/temp        undefined", "hook-response/temp/0  1"] {
        assert!(told.lines().any(|told| told.trim() == line), "{line}: {told}");
    }
    let value: Value = serde_json::from_str(&demo(true).await).unwrap();
    assert_eq!((&value["ok"], value["events"].as_array().map(Vec::len)), (&json!(true), Some(3)));
    assert_eq!(folder.path().read_dir().unwrap().count(), 0, "it leaves nothing behind");
}

#[tokio::test]
async fn what_is_not_understood_ends_with_2() {
    for args in [["walk"].as_slice(), &["device"], &["hook", "show", "no-id"], &["events", "--count", "0"]] {
        let output = farhook().args(args).output().await.unwrap();
        assert_eq!(output.status.code(), Some(2), "{args:?}: {output:?}");
    }
}
