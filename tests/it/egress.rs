//! Where requests may not go.

use serde_json::json;

use crate::gateway::Setup;
use crate::receiver::Receiver;

#[tokio::test]
async fn without_leave_no_hook_reaches_this_machine_by_whatever_name() {
    let gateway = Setup::bare().start().await;
    let mut receiver = Receiver::start();
    let port = receiver.port();
    let device = gateway.device("kitchen").await;
    let mut client = gateway.login(&device).await;
    client.subscribe("hook-error/#").await;
    client.subscribe("hook-sent/#").await;

    for (number, host) in ["127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]", "2130706433"].iter().enumerate() {
        let event = format!("temp{number}");
        gateway.hook(&json!({ "event": event, "url": format!("http://{host}:{port}/"), "allow_lan": true })).await;
        client.publish(&event, "72").await;
        let told = client.hear().await;
        assert_eq!(told.topic, format!("hook-error/{event}/0"), "{host}");
        assert!(told.data.contains("hooks may not reach"), "{host}: {}", told.data);
    }
    gateway.wait_for_queue("waiting", 0).await;
    assert!(receiver.unexpected().is_none());
}

#[tokio::test]
async fn leave_for_a_range_is_leave_for_every_name_in_it() {
    let gateway = Setup::new().start().await;
    let mut receiver = Receiver::start();
    let device = gateway.device("kitchen").await;
    let url = format!("http://localhost:{}/", receiver.port());
    gateway.hook(&json!({ "event": "temp", "url": url })).await;

    gateway.login(&device).await.publish("temp", "72").await;

    let host = receiver.next().await.header("host").unwrap().to_owned();
    assert_eq!(host, format!("localhost:{}", receiver.port()));
}

#[tokio::test]
async fn a_redirect_is_an_answer_and_is_not_followed() {
    let gateway = Setup::new().start().await;
    let mut elsewhere = Receiver::start();
    let to = elsewhere.url("/secret");
    let mut receiver = Receiver::with(move |_| {
        crate::receiver::Answer::Status(302, vec![("location", to.clone())], "moved".to_owned())
    });
    let device = gateway.device("kitchen").await;
    gateway.hook(&json!({ "event": "temp", "url": receiver.url("/") })).await;
    let mut client = gateway.login(&device).await;
    client.subscribe("hook-response/#").await;

    client.publish("temp", "72").await;

    assert_eq!(client.hear().await.data, "moved");
    receiver.next().await;
    assert!(elsewhere.unexpected().is_none());
}
