//! Nothing is hidden about a delivery: what waits, what was tried, what was given up, and how it is sent after all.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;

use serde_json::Value;
use serde_json::json;

use crate::gateway::Gateway;
use crate::gateway::Setup;
use crate::mqtt::Client;
use crate::receiver::Answer;
use crate::receiver::Closed;
use crate::receiver::Receiver;

/// A receiver that answers with `status` until it is mended.
fn ill_receiver(status: u16) -> (Receiver, Arc<AtomicBool>) {
    let is_mended = Arc::new(AtomicBool::new(false));
    let mended = Arc::clone(&is_mended);
    let answer = move |_: &_| if mended.load(Ordering::SeqCst) { Answer::ok("fine") } else { Answer::status(status) };
    (Receiver::with(answer), is_mended)
}

fn body_hook(event: &str, url: &str, more: &Value) -> Value {
    let mut hook = json!({ "event": event, "url": url, "body": "{{{PARTICLE_EVENT_VALUE}}}" });
    hook.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    hook
}

fn list(value: &Value) -> &[Value] {
    value.as_array().unwrap()
}

#[tokio::test]
async fn what_failed_is_kept_with_its_answer_and_replayed_one_by_one_or_together() {
    let mut gateway = Gateway::start().await;
    let (mut receiver, is_mended) = ill_receiver(404);
    let device = gateway.device("kitchen").await;
    let hook = gateway.hook(&body_hook("temp", &receiver.url("/?token=s3cret"), &json!({}))).await;
    let mut client = gateway.login(&device).await;
    for number in 1..=4 {
        client.publish("temp", &number.to_string()).await;
    }
    receiver.bodies(4).await;
    gateway.wait_for_queue("dead", 4).await;

    // Neither a stop nor a kill takes them away.
    gateway.stop().await;
    gateway.start_again().await;
    gateway.kill().await;
    gateway.start_again().await;
    let dead = gateway.json(&["dead"]).await;
    let letters = list(&dead);
    assert_eq!(letters.len(), 4);
    let newest = &letters[0];
    assert_eq!(
        (&newest["cause"], &newest["status"], &newest["reason"]),
        (&json!("failed"), &json!(404), &json!("status 404"))
    );
    assert_eq!((&newest["event"]["data"], &newest["event"]["coreid"]), (&json!("4"), &json!(device.id)));

    is_mended.store(true, Ordering::SeqCst);
    let second = letters[2]["id"].as_str().unwrap();
    assert_eq!(gateway.json(&["replay", second]).await, json!({ "replayed": 1, "refused": null }));
    let replayed = receiver.next().await;
    assert_eq!(replayed.body, "2");
    assert!(gateway.refused(&["replay", second], "").await.contains("no dead letter"), "it is one no more");
    assert!(gateway.refused(&["replay", "--hook", &hook, "--from", "0m"], "").await.contains("no such dead letters"));
    assert!(gateway.refused(&["replay"], "").await.contains("--all"), "all is not meant by saying nothing");
    assert_eq!(
        gateway.json(&["replay", "--hook", &hook, "--from", "2h"]).await,
        json!({ "replayed": 3, "refused": null })
    );
    assert_eq!(receiver.bodies(3).await, ["1", "3", "4"], "in the order in which they were published");
    gateway.wait_for_queue("dead", 0).await;
    gateway.wait_for_queue("waiting", 0).await;

    let log = gateway.json(&["log", &hook]).await;
    let attempts = list(&log);
    assert_eq!(
        (attempts.len(), &attempts[0]["outcome"], &attempts[7]["outcome"]),
        (8, &json!("delivered"), &json!("dead"))
    );
    let (request, response) = (&attempts[0]["request"], &attempts[0]["response"]);
    assert_eq!((&request["method"], &request["body"], &response["status"]), (&json!("POST"), &json!("4"), &json!(200)));
    assert_eq!((&response["body"], &attempts[0]["event"]["name"]), (&json!("fine"), &json!("temp")));
    assert!(attempts[0]["timing"]["total_ms"].is_u64() && !log.to_string().contains("s3cret"), "{log}");
}

#[tokio::test]
async fn dead_letters_can_be_thrown_away() {
    let gateway = Gateway::start().await;
    let (receiver, _) = ill_receiver(410);
    gateway.device("kitchen").await;
    let hook = gateway.hook(&body_hook("temp", &receiver.url("/"), &json!({}))).await;
    for number in 0..3 {
        gateway.json(&["publish", "temp", &number.to_string()]).await;
    }
    gateway.wait_for_queue("dead", 3).await;
    let first = gateway.json(&["dead", "-n", "1"]).await[0]["id"].as_str().unwrap().to_owned();
    assert_eq!(gateway.json(&["discard", &first]).await, json!({ "discarded": 1 }));
    assert_eq!(gateway.json(&["discard", "--hook", &hook]).await, json!({ "discarded": 2 }));
    assert_eq!(gateway.json(&["dead"]).await, json!([]));
}

#[tokio::test]
async fn a_disabled_hook_has_a_notice_until_it_is_read_and_is_tried_once() {
    let mut gateway = Setup::new().with("[limits]\ndevice_per_minute = 0").start().await;
    let (receiver, is_mended) = ill_receiver(500);
    let device = gateway.device("kitchen").await;
    let hook = gateway.hook(&body_hook("temp", &receiver.url("/"), &json!({}))).await;
    assert!(gateway.refused(&["hook", "try", &hook], "").await.contains("not been disabled"));
    let mut client = gateway.login(&device).await;
    for number in 0..13 {
        client.publish("temp", &number.to_string()).await;
    }
    gateway.wait_for_queue("dead", 10).await;
    assert!(gateway.refused(&["hook", "try", &hook], "").await.contains("500"));
    gateway.wait_for_queue("dead", 11).await;
    gateway.stop().await;
    gateway.start_again().await;

    let notices = gateway.json(&["notices"]).await;
    assert_eq!(
        (list(&notices).len(), &notices[0]["kind"], &notices[0]["hook"]),
        (1, &json!("hook_disabled"), &json!(hook))
    );
    let number = notices[0]["number"].to_string();
    gateway.json(&["notices", "--read", &number]).await;
    assert_eq!(gateway.json(&["notices"]).await, json!([]));
    assert!(gateway.refused(&["notices", "--read", &number], "").await.contains("no notice"));

    is_mended.store(true, Ordering::SeqCst);
    assert_eq!(gateway.json(&["hook", "try", &hook]).await, json!({ "ok": true, "summary": "status 200" }));
    gateway.wait_for_queue("delivered", 2).await;
    assert_eq!(gateway.json(&["hook", "show", &hook]).await["state"], "enabled");
}

#[tokio::test]
async fn what_waits_is_told_and_cancelled_and_can_be_brought_back() {
    let gateway = Gateway::start().await;
    let target = Closed::new();
    gateway.device("kitchen").await;
    let hook = gateway.hook(&body_hook("temp", &target.url("/"), &json!({ "max_waiting": 50 }))).await;
    for number in 0..5 {
        gateway.json(&["publish", "temp", &number.to_string()]).await;
    }
    gateway.wait_for_queue("targets_down", 1).await;
    let queue = gateway.json(&["queue"]).await;
    assert_eq!((&queue["waiting"], &queue["state"], &queue["dead"]), (&json!(5), &json!("offline"), &json!(0)));
    assert!(queue["bytes"].as_u64().unwrap() > 5 && queue["oldest_s"].is_u64());
    let of_hook = &queue["hooks"][0];
    assert_eq!((&of_hook["id"], &of_hook["waiting"], &of_hook["max_waiting"]), (&json!(hook), &json!(5), &json!(50)));
    assert_eq!(queue["targets"][0]["is_down"], true);

    let listed = gateway.json(&["queue", &hook]).await;
    let data: Vec<_> = listed.as_array().unwrap().iter().map(|delivery| &delivery["event"]["data"]).collect();
    assert_eq!(data, ["0", "1", "2", "3", "4"]);
    let log = gateway.json(&["log", &hook]).await;
    let tried: Vec<_> = log.as_array().unwrap().iter().map(|attempt| &attempt["delivery"]).collect();
    assert_eq!(tried, [&listed[0]["id"]], "that it is asked again and again is not in the log");

    // One may be under way just then: it asks its target, and goes on.
    let cancelled = gateway.json(&["cancel", "--hook", &hook]).await["cancelled"].as_u64().unwrap();
    assert!((4..=5).contains(&cancelled), "{cancelled}");
    gateway.wait_for_queue("dead", cancelled).await;
    assert_eq!(gateway.json(&["replay", "--all"]).await["replayed"], cancelled);
    let mut receiver = target.open(|_| Answer::status(204));
    let mut bodies = receiver.bodies(5).await;
    bodies.sort();
    assert_eq!(bodies, ["0", "1", "2", "3", "4"]);
    gateway.wait_for_queue("waiting", 0).await;
    assert_eq!(gateway.json(&["queue"]).await["state"], "online");
}

#[tokio::test]
async fn a_full_hook_refuses_drops_its_oldest_or_drops_the_newest() {
    let gateway = Setup::new().with("[limits]\ndevice_per_minute = 0").start().await;
    let target = Closed::new();
    let device = gateway.device("kitchen").await;
    let mut hooks = Vec::new();
    for when_full in ["drop_oldest", "drop_newest", "reject"] {
        let more = json!({ "max_waiting": 3, "when_full": when_full });
        hooks.push(gateway.hook(&body_hook(when_full, &target.url(&format!("/{when_full}")), &more)).await);
    }
    let mut client = gateway.login(&device).await;
    client.subscribe("hook-error/#").await;
    for number in 1..=6 {
        client.publish("drop_oldest", &number.to_string()).await;
        client.publish("drop_newest", &number.to_string()).await;
    }
    let told = client.hear_on("hook-error/drop_newest/0").await;
    assert!(told.data.contains(&hooks[1]) && told.data.contains("max_waiting"), "{}", told.data);
    for number in 1..=3 {
        client.publish("reject", &number.to_string()).await;
    }
    // Under another client id than the one that publishes.
    let mut listener = Client::login(gateway.mqtt, &device.id, &device.key).await.unwrap();
    listener.subscribe("farhook/#").await;
    assert_eq!(client.try_publish("reject", "4").await, Err(None), "3.1.1 has no words for it");
    assert!(listener.hear_on("farhook/refused").await.data.contains(&hooks[2]));
    let mut modern = Client::login_5(gateway.mqtt, &device.name, &device.key).await.unwrap();
    assert_eq!(modern.try_publish("reject", "4").await, Err(Some(0x97)), "quota exceeded");
    assert_eq!(gateway.json(&["hook", "show", &hooks[2]]).await["refused"], 2);
    gateway.wait_for_queue("waiting", 9).await;
    for (hook, dropped) in hooks.iter().zip([3, 3, 0]) {
        assert_eq!(gateway.json(&["hook", "show", hook]).await["dropped"], dropped);
    }
    let notices = gateway.json(&["notices"]).await;
    assert_eq!((&notices[0]["kind"], &notices[0]["hook"]), (&json!("events_dropped"), &json!(hooks[0])));

    let mut receiver = target.open(|_| Answer::status(204));
    let mut arrived: Vec<(String, u32)> = Vec::new();
    for _ in 0..9 {
        let request = receiver.next().await;
        arrived.push((request.path.clone(), request.body.parse().unwrap()));
    }
    let of =
        |path: &str| arrived.iter().filter(|(other, _)| other == path).map(|(_, number)| *number).collect::<Vec<_>>();
    assert_eq!((of("/drop_newest"), of("/reject")), (vec![1, 2, 3], vec![1, 2, 3]));
    // The first may have been under way when others had to go.
    assert!([vec![4, 5, 6], vec![1, 5, 6]].contains(&of("/drop_oldest")), "{arrived:?}");
}

#[tokio::test]
async fn a_delivery_that_waits_too_long_for_its_hook_expires_without_its_target() {
    let gateway = Gateway::start().await;
    let target = Closed::new();
    gateway.device("kitchen").await;
    gateway.hook(&body_hook("temp", &target.url("/"), &json!({ "max_age_s": 1 }))).await;
    let mut observer = gateway.observer().await;
    for number in 0..3 {
        gateway.json(&["publish", "temp", &number.to_string()]).await;
    }
    for _ in 0..3 {
        assert_eq!(observer.hear_on("hook-error/temp/0").await.data, "given up after 1 s without an answer");
    }
    gateway.wait_for_queue("dead", 3).await;
    let dead = gateway.json(&["dead"]).await;
    assert!(list(&dead).iter().all(|letter| letter["cause"] == "expired") && list(&dead).len() == 3);
}

#[tokio::test]
async fn what_is_used_of_the_limits_is_shown_to_the_command_line_and_over_http() {
    let gateway = Gateway::start().await;
    let mut receiver = Receiver::start();
    let device = gateway.device("kitchen").await;
    gateway.hook(&body_hook("temp", &receiver.url("/"), &json!({}))).await;
    let mut client = gateway.login(&device).await;
    for number in 0..12 {
        client.publish("temp", &number.to_string()).await;
    }
    receiver.bodies(10).await;
    gateway.wait_for_queue("waiting", 0).await;

    let limits = gateway.json(&["limits"]).await;
    let kitchen = &limits["devices"][0];
    assert_eq!((&kitchen["name"], &kitchen["used"], &kitchen["allowed"]), (&json!("kitchen"), &json!(10), &json!(10)));
    assert!((1..=60).contains(&kitchen["free_in_s"].as_u64().unwrap()) && kitchen["free_at"].is_string());
    let host = &limits["hosts"][0];
    assert_eq!((&host["host"], &host["used"], &host["free_in_s"]), (&json!("127.0.0.1"), &json!(10), &Value::Null));
    assert_eq!((&limits["hooks"][0]["over_limit"], &limits["hooks_of_user"]["used"]), (&json!(2), &json!(1)));

    let token = gateway.json(&["token", "create"]).await;
    let secret = token["token"].as_str().unwrap();
    for (path, key) in [("limits", "devices"), ("queue", "state")] {
        let answer = gateway.get(&format!("/v1/{path}?access_token={secret}")).await;
        let body: Value = serde_json::from_str(answer.split_once("\r\n\r\n").unwrap().1).unwrap();
        assert!(answer.starts_with("HTTP/1.1 200 ") && !body[key].is_null(), "{answer}");
    }
    assert!(gateway.get("/v1/queue").await.starts_with("HTTP/1.1 400 "));
}

#[tokio::test]
async fn an_event_that_cannot_be_stored_is_507_over_http() {
    let gateway = Setup::new().with("[queue]\nmin_free_mb = 1048576").start().await;
    let mut receiver = Receiver::start();
    let device = gateway.device("kitchen").await;
    gateway.hook(&body_hook("temp", &receiver.url("/"), &json!({}))).await;
    let full = gateway.post("/v1/devices/events", &device.key, r#"{"name":"temp","data":"72"}"#).await;
    assert!(full.starts_with("HTTP/1.1 507 ") && full.contains("the disk is nearly full"), "{full}");
    let passed_on = gateway.post("/v1/devices/events", &device.key, r#"{"name":"door","data":"72"}"#).await;
    assert!(passed_on.starts_with("HTTP/1.1 200 "), "what no hook wants needs no room: {passed_on}");
    assert!(receiver.unexpected().is_none());
}

#[tokio::test]
async fn a_device_may_publish_over_http_with_its_key() {
    let gateway = Gateway::start().await;
    let mut receiver = Receiver::start();
    let device = gateway.device("kitchen").await;
    gateway.hook(&json!({ "event": "temp", "url": receiver.url("/") })).await;
    let published = gateway.post("/v1/devices/events", &device.key, r#"{"name":"temp","data":21.5}"#).await;
    assert!(published.starts_with("HTTP/1.1 200 "), "{published}");
    let body = receiver.next().await.json();
    assert_eq!((&body["data"], &body["coreid"]), (&json!("21.5"), &json!(device.id)));
}

#[tokio::test]
async fn triggers_over_a_devices_limit_wait_if_they_are_to() {
    let gateway = Setup::new().with("[limits]\ndevice_per_minute = 2\ndevice_over = \"queue\"").start().await;
    let mut receiver = Receiver::with(|_| Answer::status(200));
    let device = gateway.device("kitchen").await;
    gateway.hook(&body_hook("temp", &receiver.url("/"), &json!({}))).await;
    let mut client = gateway.login(&device).await;
    for number in 1..=4 {
        client.publish("temp", &number.to_string()).await;
    }
    assert_eq!(receiver.bodies(2).await, ["1", "2"]);
    gateway.wait_for_queue("delivered", 2).await;
    gateway.wait_for_queue("waiting", 2).await;
    assert!(receiver.unexpected().is_none());
}
