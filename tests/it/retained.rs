//! What is retained is there for those who subscribe later, whatever happened to the daemon in between.

use crate::gateway::Gateway;
use crate::gateway::Setup;

#[tokio::test]
async fn a_retained_message_that_was_acknowledged_survives_a_kill_and_so_does_its_end() {
    let mut gateway = Setup::new().start().await;
    let device = gateway.device("kitchen").await;
    let long = "x".repeat(16_384);
    let mut client = gateway.login(&device).await;
    client.publish_retained("state", "on").await;
    client.publish_retained("long", &long).await;
    client.publish_retained("ended", "x").await;
    client.publish_retained("ended", "").await;
    gateway.kill().await;
    gateway.start_again().await;

    let mut late = gateway.login(&device).await;
    late.subscribe("#").await;
    let heard = late.heard_so_far().await;
    let heard: Vec<_> = heard.iter().map(|message| (message.topic.as_str(), message.data.as_str())).collect();
    assert_eq!(heard, [("long", long.as_str()), ("state", "on")]);
    late.publish_retained("long", "").await;
    gateway.kill().await;
    gateway.start_again().await;
    assert_eq!(retained(&gateway).await, ["state"]);

    gateway.json(&["device", "remove", "kitchen"]).await;
    gateway.kill().await;
    gateway.start_again().await;
    assert_eq!(retained(&gateway).await, [""; 0]);
}

/// The topics of what a client that subscribes to everything gets.
async fn retained(gateway: &Gateway) -> Vec<String> {
    let mut observer = gateway.observer().await;
    observer.heard_so_far().await.into_iter().map(|message| message.topic).collect()
}
