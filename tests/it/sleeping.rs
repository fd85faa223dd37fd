//! Devices that sleep: what comes meanwhile is there when they wake, also after a SIGKILL.

use std::time::Duration;

use rand::RngExt;
use rand::SeedableRng;
use rand::rngs::StdRng;
use serde_json::Value;
use serde_json::json;
use tokio::time::timeout;

use crate::gateway::Device;
use crate::gateway::Gateway;
use crate::gateway::PATIENCE;
use crate::gateway::Setup;
use crate::mqtt::Client;
use crate::mqtt::Message;
use crate::receiver::Answer;
use crate::receiver::Receiver;

const KILLS: usize = 10;

/// Parts of an [`answer`].
const PARTS: usize = 3;

/// What the target answers: three parts of at most 512 bytes, which can be told apart.
fn answer() -> String {
    ["a", "b", "c"].map(|letter| letter.repeat(500)).concat()
}

/// What the device is told of an event, in order.
fn told_of(event: &str) -> Vec<(String, String)> {
    let (answer, sent) = (answer(), (format!("hook-sent/{event}"), "undefined".to_owned()));
    let part = |part: usize| {
        let data = &answer[part * 512..answer.len().min((part + 1) * 512)];
        (format!("hook-response/{event}/{part}"), data.to_owned())
    };
    [sent].into_iter().chain((0..PARTS).map(part)).collect()
}

/// What was heard of an event, without what came again.
fn heard_of(event: &str, heard: &[Message]) -> Vec<(String, String)> {
    let mut once: Vec<(String, String)> = Vec::new();
    for Message { topic, data, .. } in heard {
        let message = (topic.clone(), data.clone());
        if topic.split('/').nth(1) == Some(event) && !once.contains(&message) {
            once.push(message);
        }
    }
    once
}

async fn wake(gateway: &Gateway, device: &Device) -> (Client, bool) {
    Client::resume(gateway.mqtt, &device.name, &device.key).await
}

async fn sessions(gateway: &Gateway) -> Vec<Value> {
    gateway.json(&["session", "list"]).await.as_array().unwrap().clone()
}

#[tokio::test]
async fn what_a_target_answers_while_the_device_sleeps_is_there_when_it_wakes_although_the_daemon_was_killed() {
    let mut gateway = Setup::new().without_limits().start().await;
    let mut receiver = Receiver::with(|_| Answer::ok(&answer()));
    gateway.hook(&json!({ "event": "temp", "url": receiver.url("/") })).await;
    let device = gateway.device("kitchen").await;

    let (mut client, was_there) = wake(&gateway, &device).await;
    assert!(!was_there);
    client.subscribe("hook-sent/#").await;
    client.subscribe("hook-response/#").await;
    gateway.json(&["queue", "pause"]).await;
    client.publish("temp", "21.5").await;
    assert!(client.leave().await.is_empty());
    gateway.json(&["queue", "resume"]).await;
    receiver.next().await;
    gateway.wait_for_queue("delivered", 1).await;
    let kept = sessions(&gateway).await;
    assert_eq!((&kept[0]["name"], &kept[0]["connected"]), (&json!("kitchen"), &json!(false)), "{kept:?}");
    assert_eq!(kept[0]["waiting"], 1 + PARTS, "{kept:?}");
    gateway.kill().await;
    gateway.start_again().await;

    let (mut client, was_there) = wake(&gateway, &device).await;
    assert!(was_there);
    let mut heard = Vec::new();
    for _ in 0..=PARTS {
        heard.push(client.hear().await);
    }
    let in_order: Vec<_> = heard.into_iter().map(|Message { topic, data, .. }| (topic, data)).collect();
    assert_eq!(in_order, told_of("temp"));
    assert!(client.leave().await.is_empty());
    assert_eq!(sessions(&gateway).await[0]["waiting"], 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_is_answered_is_heard_in_order_although_the_daemon_is_killed_ten_times() {
    let seed = std::env::var("FARHOOK_SEED").map_or_else(|_| rand::random(), |seed| seed.parse().unwrap());
    eprintln!("FARHOOK_SEED={seed}");
    let mut chance = StdRng::seed_from_u64(seed);
    let mut gateway = Setup::new().without_limits().start().await;
    let receiver = Receiver::with(|_| Answer::ok(&answer()));
    gateway.hook(&json!({ "event": "event", "url": receiver.url("/") })).await;
    let device = gateway.device("kitchen").await;
    let events: Vec<_> = (0..KILLS).map(|number| format!("event-{number}-")).collect();

    let mut heard = Vec::new();
    for (kill, event) in events.iter().enumerate() {
        let (mut client, was_there) = wake(&gateway, &device).await;
        assert_eq!(was_there, kill > 0);
        if kill == 0 {
            client.subscribe("hook-sent/#").await;
            client.subscribe("hook-response/#").await;
        }
        client.publish(event, "21.5").await;
        let moment = Duration::from_millis(chance.random_range(0..200));
        // Sometimes it sleeps when the daemon is killed, and sometimes it does not.
        if kill % 2 == 0 {
            heard.extend(client.leave().await);
            tokio::time::sleep(moment).await;
            gateway.kill().await;
        } else {
            tokio::time::sleep(moment).await;
            gateway.kill().await;
            heard.extend(client.rest().await);
        }
        gateway.start_again().await;
    }

    let (mut client, was_there) = wake(&gateway, &device).await;
    assert!(was_there);
    for event in &events {
        while heard_of(event, &heard).len() < told_of(event).len() {
            let message = timeout(PATIENCE, client.hear()).await;
            heard.push(message.unwrap_or_else(|_| panic!("{event}: {:?}", heard_of(event, &heard))));
        }
        assert_eq!(heard_of(event, &heard), told_of(event));
    }
}

#[tokio::test]
async fn a_device_that_is_removed_takes_its_session_with_it() {
    let mut gateway = Gateway::start().await;
    let device = gateway.device("kitchen").await;
    let (mut client, _) = wake(&gateway, &device).await;
    client.subscribe("#").await;
    client.leave().await;
    gateway.json(&["publish", "temp", "21.5"]).await;
    let figures = |status: Value| status["sessions"].clone();
    let none = json!({ "connected": 0, "away": 0, "waiting": 0, "waiting_bytes": 0, "dropped": 0 });
    assert_eq!(sessions(&gateway).await[0]["waiting"], 1);
    let before = figures(gateway.json(&["status"]).await);
    assert_eq!((&before["away"], &before["waiting"]), (&json!(1), &json!(1)));

    gateway.json(&["device", "remove", "kitchen"]).await;
    assert!(sessions(&gateway).await.is_empty());
    gateway.wait_for_log("a lasting MQTT session is over").await;
    assert_eq!(figures(gateway.json(&["status"]).await), none);
    gateway.stop().await;
    gateway.start_again().await;
    assert_eq!(figures(gateway.json(&["status"]).await), none);
    assert!(!gateway.log().contains("a lasting MQTT session is over"), "nothing of it was stored any more");
}

#[tokio::test]
async fn a_session_is_ended_while_it_is_away_and_what_waits_goes_with_it() {
    let gateway = Gateway::start().await;
    let device = gateway.device("kitchen").await;
    let refused = gateway.refused(&["session", "end", "kitchen"], "").await;
    assert_eq!(refused, "farhook: \"kitchen\" has no lasting session\n");
    let (mut client, _) = wake(&gateway, &device).await;
    client.subscribe("temp").await;
    let listed = &sessions(&gateway).await[0];
    assert_eq!((&listed["connected"], &listed["away_since"]), (&json!(true), &Value::Null));
    assert_eq!((&listed["filters"], &listed["client_id"]), (&json!(["temp"]), &json!("kitchen")));
    let refused = gateway.refused(&["session", "end", "kitchen"], "").await;
    assert!(refused.contains("is connected as \"kitchen\""), "{refused}");
    client.leave().await;
    gateway.json(&["publish", "temp", "21.5"]).await;

    let refused = gateway.refused(&["session", "end", "kitchen", "other"], "").await;
    assert!(refused.contains("with the client id \"other\""), "{refused}");
    let ended = gateway.json(&["session", "end", &device.id, "kitchen"]).await;
    assert_eq!((&ended["name"], &ended["waiting"]), (&json!("kitchen"), &json!(1)));
    assert!(sessions(&gateway).await.is_empty());
    let (mut client, was_there) = wake(&gateway, &device).await;
    assert!(!was_there);
    assert!(client.heard_so_far().await.is_empty());
}

#[tokio::test]
async fn a_member_sees_and_ends_only_their_own_sessions() {
    let gateway = Gateway::start().await;
    let mut tokens = Vec::new();
    for (user, name) in [("me", "kitchen"), ("you", "cellar")] {
        gateway.json_with(&["user", "add", user, "--password-stdin"], "correct horse").await;
        let added = gateway.json(&["device", "add", name, "--user", user]).await;
        let (id, key) = (added["id"].as_str().unwrap(), added["key"].as_str().unwrap());
        let (client, _) = Client::resume(gateway.mqtt, id, key).await;
        client.leave().await;
        let token = gateway.json(&["token", "create", "--user", user]).await["token"].as_str().unwrap().to_owned();
        tokens.push((token, id.to_owned()));
    }
    let [(owner, kitchen), (member, cellar)] = tokens.as_slice() else { unreachable!("there are two") };
    let everybodys = sessions(&gateway).await;
    assert_eq!(everybodys.len(), 2, "{everybodys:?}");

    for (token, own, other) in [(owner, "kitchen", "cellar"), (member, "cellar", "kitchen")] {
        let listed = gateway.post("/v1/command", token, r#"{"ask":"session-list"}"#).await;
        assert!(listed.contains(own) && !listed.contains(other), "{listed}");
    }
    let end = |id: &str| json!({ "ask": "session-end", "device": id }).to_string();
    let refused = gateway.post("/v1/command", member, &end(kitchen)).await;
    assert!(refused.contains("refused") && refused.contains("has no lasting session"), "{refused}");
    let done = gateway.post("/v1/command", member, &end(cellar)).await;
    assert!(done.contains("done"), "{done}");
    let left = sessions(&gateway).await;
    assert_eq!((left.len(), &left[0]["name"]), (1, &json!("kitchen")), "{left:?}");
}
