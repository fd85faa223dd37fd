//! When the target is away, and when it is there but unwell.

use std::sync::atomic::AtomicU32;
use std::sync::atomic::Ordering;
use std::time::Duration;

use serde_json::json;

use crate::gateway::Gateway;
use crate::gateway::Setup;
use crate::receiver::Answer;
use crate::receiver::Closed;
use crate::receiver::Receiver;

#[tokio::test]
async fn while_a_target_is_down_events_wait_and_then_all_are_delivered_in_order() {
    let mut gateway = Gateway::start().await;
    let target = Closed::new();
    let device = gateway.device("kitchen").await;
    let definition = json!({ "event": "temp", "url": target.url("/"), "body": "{{PARTICLE_EVENT_VALUE}}" });
    let hook = gateway.hook(&definition).await;
    let mut client = gateway.login(&device).await;
    client.subscribe("hook-error/#").await;
    for number in 1..=3 {
        client.publish("temp", &number.to_string()).await;
    }
    gateway.wait_for_queue("targets_down", 1).await;
    gateway.wait_for_queue("waiting", 3).await;
    let shown = gateway.json(&["hook", "show", &hook]).await;
    assert_eq!((&shown["errors_in_a_row"], &shown["failed"]), (&json!(0), &json!(0)), "{shown}");
    assert_eq!(client.heard_so_far().await.len(), 0);

    gateway.stop().await;
    gateway.start_again().await;
    let mut client = gateway.login(&device).await;
    client.subscribe("#").await;
    for number in 4..=5 {
        client.publish("temp", &number.to_string()).await;
    }
    gateway.wait_for_queue("targets_down", 1).await;
    let mut receiver = target.open(|_| Answer::status(200));

    assert_eq!(receiver.bodies(5).await, ["1", "2", "3", "4", "5"]);
    for _ in 0..5 {
        assert_eq!(client.hear_on("hook-sent/temp").await.data, "undefined");
    }
    gateway.wait_for_queue("waiting", 0).await;
    gateway.wait_for_queue("targets_down", 0).await;
    assert!(receiver.unexpected().is_none());
}

#[tokio::test]
async fn what_waits_for_a_silent_target_goes_where_its_hook_sends_from_now_on() {
    let gateway = Setup::new().with("[limits]\nhost_per_minute = 3").start().await;
    let mut receiver = Receiver::start();
    let silent = Closed::new();
    let device = gateway.device("kitchen").await;
    let definition = |url: &str| json!({ "event": "temp", "url": url, "body": "{{PARTICLE_EVENT_VALUE}}" });
    let hook = gateway.hook(&definition(&silent.url("/").replace("127.0.0.1", "localhost"))).await;
    let mut client = gateway.login(&device).await;
    client.publish("temp", "1").await;
    gateway.wait_for_queue("targets_down", 1).await;
    client.publish("temp", "2").await;

    let edited = definition(&receiver.url("/")).to_string();
    gateway.json_with(&["hook", "edit", &hook, "-"], &edited).await;
    assert_eq!(receiver.bodies(2).await, ["1", "2"]);
    client.publish("temp", "3").await;
    assert_eq!(receiver.bodies(1).await, ["3"]);
    gateway.wait_for_queue("waiting", 0).await;
    // The limit of the new host counts them, and nothing is left of the old one.
    let hosts = gateway.json(&["limits"]).await["hosts"].clone();
    let used: Vec<_> = hosts.as_array().unwrap().iter().map(|host| (&host["host"], &host["used"])).collect();
    assert_eq!(used, [(&json!("127.0.0.1"), &json!(3))], "{hosts}");
    gateway.wait_for_queue("targets_down", 0).await;
}

#[tokio::test]
async fn an_answer_of_4xx_is_told_and_not_tried_again() {
    let gateway = Gateway::start().await;
    let mut receiver = Receiver::with(|_| Answer::status(404));
    let device = gateway.device("kitchen").await;
    let hook = gateway.hook(&json!({ "event": "temp", "url": receiver.url("/") })).await;
    let mut client = gateway.login(&device).await;
    client.subscribe("hook-sent/#").await;
    client.subscribe("hook-error/#").await;

    client.publish("temp", "72").await;

    let told = client.hear().await;
    assert_eq!((told.topic.as_str(), told.data.as_str()), ("hook-error/temp/0", "error status 404 from 127.0.0.1"));
    receiver.next().await;
    gateway.wait_for_queue("waiting", 0).await;
    assert!(receiver.unexpected().is_none());
    let shown = gateway.json(&["hook", "show", &hook]).await;
    assert_eq!((&shown["errors_in_a_row"], &shown["last_outcome"]), (&json!(1), &json!("status 404")));
}

#[tokio::test]
async fn a_503_that_says_when_to_come_again_is_tried_then_with_the_same_id() {
    let gateway = Gateway::start().await;
    let asked = AtomicU32::new(0);
    let mut receiver = Receiver::with(move |_| match asked.fetch_add(1, Ordering::SeqCst) {
        0 => Answer::Status(503, vec![("retry-after", "1".to_owned())], String::new()),
        _ => Answer::status(200),
    });
    let device = gateway.device("kitchen").await;
    gateway.hook(&json!({ "event": "temp", "url": receiver.url("/") })).await;
    let mut client = gateway.login(&device).await;
    client.subscribe("#").await;

    client.publish("temp", "72").await;

    let (first, second) = (receiver.next().await, receiver.next().await);
    assert!(second.at - first.at >= Duration::from_secs(1), "after {:?}", second.at - first.at);
    assert_eq!(first.header("webhook-id"), second.header("webhook-id"));
    assert!(first.header("webhook-id").is_some_and(|id| id.len() == 24));
    assert_eq!(first.body, second.body);
    let topics = [client.hear().await.topic, client.hear().await.topic];
    assert_eq!(topics, ["temp", "hook-sent/temp"]);
}
