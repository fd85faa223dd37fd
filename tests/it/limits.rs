//! The limits of the guide.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;

use serde_json::json;

use crate::gateway::Gateway;
use crate::gateway::Setup;
use crate::receiver::Answer;
use crate::receiver::Receiver;

#[tokio::test]
async fn the_eleventh_trigger_of_a_device_in_a_minute_is_dropped_and_the_device_is_told() {
    let mut gateway = Gateway::start().await;
    let mut receiver = Receiver::with(|_| Answer::status(200));
    let (device, other) = (gateway.device("kitchen").await, gateway.device("cellar").await);
    gateway.hook(&json!({ "event": "temp", "url": receiver.url("/"), "body": "{{PARTICLE_EVENT_VALUE}}" })).await;
    let mut client = gateway.login(&device).await;
    client.subscribe("hook-error/#").await;

    for number in 1..=10 {
        client.publish("temp", &number.to_string()).await;
    }
    assert_eq!(client.heard_so_far().await.len(), 0);
    client.publish("temp", "11").await;

    let told = client.hear().await;
    assert_eq!((told.topic.as_str(), told.data.as_str()), ("hook-error/temp/0", "device limit: 10 hooks per minute"));
    let numbers: Vec<String> = (1..=10).map(|number| number.to_string()).collect();
    assert_eq!(receiver.bodies(10).await, numbers);
    // Another device has a minute of its own, and a restart forgives nothing.
    gateway.login(&other).await.publish("temp", "other").await;
    assert_eq!(receiver.next().await.body, "other");
    gateway.kill().await;
    gateway.start_again().await;
    let mut client = gateway.login(&device).await;
    client.subscribe("hook-error/#").await;
    client.publish("temp", "12").await;
    assert_eq!(client.hear().await.data, "device limit: 10 hooks per minute");
    gateway.wait_for_queue("waiting", 0).await;
    // What was sent just before the kill may be sent again, but nothing else.
    while let Some(request) = receiver.unexpected() {
        assert!(!["11", "12"].contains(&request.body.as_str()), "{request:?}");
    }
}

#[tokio::test]
async fn a_user_has_at_most_twenty_hooks() {
    let gateway = Gateway::start().await;
    let definition = |number: usize| json!({ "event": format!("temp{number}"), "url": "http://127.0.0.1:9/" });
    for number in 0..20 {
        gateway.hook(&definition(number)).await;
    }
    let reason = gateway.refused(&["hook", "create", "-"], &definition(20).to_string()).await;
    assert!(reason.contains("20"), "{reason}");
    assert_eq!(gateway.json(&["hook", "list"]).await.as_array().unwrap().len(), 20);

    let first = gateway.json(&["hook", "list"]).await[0]["id"].as_str().unwrap().to_owned();
    gateway.json(&["hook", "delete", &first]).await;
    gateway.hook(&definition(20)).await;
}

#[tokio::test]
async fn ten_errors_in_a_row_disable_a_hook_and_what_waits_is_sent_when_it_is_resumed() {
    let mut gateway = Setup::new().with("[limits]\ndevice_per_minute = 0").start().await;
    let is_mended = Arc::new(AtomicBool::new(false));
    let mended = Arc::clone(&is_mended);
    let mut receiver = Receiver::with(move |_| Answer::status(if mended.load(Ordering::SeqCst) { 200 } else { 500 }));
    let device = gateway.device("kitchen").await;
    let hook =
        gateway.hook(&json!({ "event": "temp", "url": receiver.url("/"), "body": "{{PARTICLE_EVENT_VALUE}}" })).await;
    let mut client = gateway.login(&device).await;
    client.subscribe("hook-error/#").await;

    for number in 1..=12 {
        client.publish("temp", &number.to_string()).await;
    }

    for _ in 0..10 {
        let told = client.hear().await;
        assert_eq!((told.topic.as_str(), told.data.as_str()), ("hook-error/temp/0", "error status 500 from 127.0.0.1"));
    }
    assert_eq!(client.hear().await.data, "Too many errors, webhook disabled");
    assert_eq!(receiver.bodies(10).await.last().unwrap(), "10");
    gateway.wait_for_queue("waiting", 2).await;
    let shown = gateway.json(&["hook", "show", &hook]).await;
    assert_eq!((&shown["state"], &shown["failed"]), (&json!("too many errors"), &json!(10)));
    assert_eq!(client.heard_so_far().await.len(), 0, "nothing follows the last error");

    // A restart changes nothing about it.
    gateway.stop().await;
    gateway.start_again().await;
    gateway.wait_for_queue("waiting", 2).await;
    assert_eq!(gateway.json(&["hook", "show", &hook]).await["state"], "too many errors");
    assert!(receiver.unexpected().is_none());
    is_mended.store(true, Ordering::SeqCst);
    gateway.json(&["hook", "resume", &hook]).await;
    assert_eq!(receiver.bodies(2).await, ["11", "12"]);
    assert_eq!(gateway.json(&["hook", "show", &hook]).await["state"], "enabled");
}

#[tokio::test]
async fn requests_over_a_hosts_limit_wait_and_a_reload_that_raises_it_lets_them_go() {
    let mut gateway = Setup::new().with("[limits]\nhost_per_minute = 3").start().await;
    let mut receiver = Receiver::with(|_| Answer::status(200));
    let device = gateway.device("kitchen").await;
    gateway.hook(&json!({ "event": "temp", "url": receiver.url("/"), "body": "{{PARTICLE_EVENT_VALUE}}" })).await;
    let mut client = gateway.login(&device).await;

    for number in 1..=6 {
        client.publish("temp", &number.to_string()).await;
    }

    assert_eq!(receiver.bodies(3).await, ["1", "2", "3"]);
    gateway.wait_for_queue("delivered", 3).await;
    gateway.wait_for_queue("waiting", 3).await;
    // A restart is no way around it. Another host is another matter, and shows that everything that may go has gone.
    gateway.stop().await;
    gateway.start_again().await;
    let mut elsewhere = Receiver::with(|_| Answer::status(200));
    let url = format!("http://localhost:{}/", elsewhere.port());
    gateway.hook(&json!({ "event": "elsewhere", "url": url })).await;
    gateway.login(&device).await.publish("elsewhere", "").await;
    elsewhere.next().await;
    gateway.wait_for_queue("waiting", 3).await;
    assert!(receiver.unexpected().is_none());
    gateway.reload(Setup::new().with("[limits]\nhost_per_minute = 100")).await;
    assert_eq!(receiver.bodies(3).await, ["4", "5", "6"]);
}

#[tokio::test]
async fn requests_that_hung_when_the_daemon_stopped_count_against_their_hosts_limit() {
    let (mut gateway, receiver) = with_three_requests_that_hang().await;
    gateway.stop().await;
    gateway.start_again().await;
    assert_no_more_go(&gateway, receiver).await;
}

#[tokio::test]
async fn requests_that_hung_when_the_daemon_was_killed_count_against_their_hosts_limit() {
    let (mut gateway, receiver) = with_three_requests_that_hang().await;
    gateway.kill().await;
    gateway.start_again().await;
    assert_no_more_go(&gateway, receiver).await;
}

/// A gateway whose limit for the receiver is used up by requests that get no answer, with one more that waits.
async fn with_three_requests_that_hang() -> (Gateway, Receiver) {
    let gateway = Setup::new().with("[limits]\nhost_per_minute = 3").start().await;
    let mut receiver = Receiver::with(|_| Answer::Silence);
    gateway.hook(&json!({ "event": "temp", "url": receiver.url("/"), "body": "{{PARTICLE_DEVICE_ID}}" })).await;
    for number in 0..4 {
        let device = gateway.device(&format!("device-{number}")).await;
        gateway.login(&device).await.publish("temp", "72").await;
    }
    receiver.bodies(3).await;
    gateway.wait_for_queue("waiting", 4).await;
    (gateway, receiver)
}

/// Another host is another matter, and shows that everything that may go has gone.
async fn assert_no_more_go(gateway: &Gateway, mut receiver: Receiver) {
    let mut elsewhere = Receiver::with(|_| Answer::status(200));
    let url = format!("http://localhost:{}/", elsewhere.port());
    gateway.hook(&json!({ "event": "elsewhere", "url": url })).await;
    gateway.json(&["publish", "elsewhere"]).await;
    elsewhere.next().await;
    gateway.wait_for_queue("waiting", 4).await;
    assert!(receiver.unexpected().is_none());
}
