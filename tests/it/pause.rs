//! Nothing is sent while the owner wants it so, and what is down is asked when they do.

use std::time::Duration;

use serde_json::Value;
use serde_json::json;
use tokio::time::Instant;

use crate::gateway::Gateway;
use crate::gateway::PATIENCE;
use crate::gateway::stderr;
use crate::receiver::Answer;
use crate::receiver::Closed;
use crate::receiver::Receiver;

#[tokio::test]
async fn while_sending_is_paused_events_are_acknowledged_and_wait_also_over_a_restart() {
    let mut gateway = Gateway::start().await;
    let mut receiver = Receiver::with(|_| Answer::status(200));
    let device = gateway.device("kitchen").await;
    let definition = json!({ "event": "temp", "url": receiver.url("/"), "body": "{{PARTICLE_EVENT_VALUE}}" });
    let hook = gateway.hook(&definition).await;
    let mut client = gateway.login(&device).await;
    let since = gateway.json(&["queue", "pause"]).await["paused_since"].clone();
    assert!(since.is_string(), "{since}");
    for number in 1..=3 {
        client.publish("temp", &number.to_string()).await;
    }
    gateway.wait_for_queue("waiting", 3).await;
    assert!(gateway.refused(&["queue", "wake"], "").await.contains("paused"));

    gateway.stop().await;
    gateway.start_again().await;

    assert_eq!(gateway.json(&["status"]).await["queue"]["paused_since"], since);
    assert_eq!(gateway.json(&["queue"]).await["paused_since"], since);
    let told = gateway.cli(&["status"]).await;
    let told = String::from_utf8(told.stdout).unwrap();
    assert!(told.contains(&format!("paused since {}", since.as_str().unwrap())), "{told}");
    let mut client = gateway.login(&device).await;
    for number in 4..=5 {
        client.publish("temp", &number.to_string()).await;
    }
    gateway.wait_for_queue("waiting", 5).await;
    // What a person tries out is sent, and passes those that wait.
    let tested = gateway.json_with(&["hook", "test", &hook, "--event", "-"], r#"{"name":"temp","data":"tried"}"#).await;
    assert_eq!(tested["ok"], true, "{tested}");
    assert_eq!(receiver.next().await.body, "tried");
    assert!(receiver.unexpected().is_none());

    gateway.json(&["queue", "resume"]).await;

    assert_eq!(receiver.bodies(5).await, ["1", "2", "3", "4", "5"]);
    gateway.wait_for_queue("waiting", 0).await;
    assert!(receiver.unexpected().is_none());
    assert_eq!(gateway.json(&["status"]).await["queue"]["paused_since"], Value::Null);
    assert!(gateway.refused(&["queue", "resume"], "").await.contains("not paused"));
    gateway.stop().await;
    gateway.start_again().await;
    assert_eq!(gateway.json(&["status"]).await["queue"]["paused_since"], Value::Null);
}

#[tokio::test]
async fn a_target_that_came_back_is_asked_before_its_time_when_the_owner_wants_it() {
    let gateway = Gateway::start().await;
    let (target, well) = (Closed::new(), Receiver::with(|_| Answer::status(200)));
    let name = target.url("");
    let device = gateway.device("kitchen").await;
    gateway.hook(&json!({ "event": "temp", "url": target.url("/") })).await;
    gateway.hook(&json!({ "event": "other", "url": well.url("/") })).await;
    let mut client = gateway.login(&device).await;
    client.publish("temp", "72").await;
    gateway.wait_for_queue("targets_down", 1).await;
    // Others answer: it is silent alone, and left alone for longer each time.
    client.publish("other", "1").await;
    gateway.wait_for_queue("delivered", 1).await;
    let probed_in_s = left_alone(&gateway, &name, 5).await;
    let wrong = gateway.cli(&["queue", "wake", "http://nobody.example:80"]).await;
    assert!(stderr(&wrong).contains("nobody.example"), "{wrong:?}");

    let mut receiver = target.open(|_| Answer::status(200));
    let asked = gateway.json(&["queue", "wake", &name]).await;

    assert_eq!(asked["asked"], json!([name]));
    receiver.next_within(Duration::from_secs(probed_in_s - 2)).await;
    gateway.wait_for_queue("targets_down", 0).await;
    gateway.wait_for_queue("waiting", 0).await;
    assert!(receiver.unexpected().is_none());
    assert_eq!(gateway.json(&["queue", "wake"]).await["asked"], json!([]));
}

/// Waits until a target is not asked again for so many seconds. Gives for how many.
async fn left_alone(gateway: &Gateway, name: &str, seconds: u64) -> u64 {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let queue = gateway.json(&["queue"]).await;
        let targets = queue["targets"].as_array().unwrap();
        let target = targets.iter().find(|target| target["target"] == name).unwrap();
        assert_eq!(target["host"], "127.0.0.1", "{target}");
        match target["next_probe_s"].as_u64() {
            Some(wait_s) if wait_s >= seconds => return wait_s,
            _ => assert!(Instant::now() < deadline, "it is never left alone: {queue}"),
        }
    }
}
