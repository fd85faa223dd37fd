//! Sessions that outlive their connection, over real sockets and a real store.

use std::sync::Arc;

use farhook::sessions::Bounds;

use crate::client::Client;
use crate::client::Connect;
use crate::client::V4;
use crate::client::V5;
use crate::gateway::Gateway;
use crate::gateway::Kept;
use crate::gateway::login;
use crate::gateway::settings;

/// Session expiry interval. Source: MQTT 5, 3.1.2.11.2.
const EXPIRY: u8 = 0x11;

/// A login whose session outlives its connection.
fn lasting(level: u8, name: &str) -> Connect {
    let properties = if level == V5 { vec![EXPIRY, 0, 0, 0, 60] } else { Vec::new() };
    Connect { flags: 0, properties, ..login(level, name) }
}

/// Connects, and says whether the session was there before.
async fn come(gateway: &Gateway, connect: &Connect) -> (Client, bool) {
    let (client, connack) = Client::knock(gateway.at, connect).await;
    assert_eq!(connack[3], 0, "{connack:02x?}");
    (client, connack[2] == 1)
}

/// Leaves as clients do.
async fn leave(mut client: Client) {
    client.send(&[0xE0, 0]).await;
    assert_eq!(client.receive().await, None);
}

async fn publish(gateway: &Gateway, topic: &str, data: &str) {
    let mut publisher = gateway.device(V4, "cellar").await;
    publisher.publish(0x32, topic, 1, data.as_bytes()).await;
    publisher.expect(&[0x40, 2, 0, 1]).await;
    leave(publisher).await;
}

fn data(level: u8, heard: (u8, String, u16, Vec<u8>)) -> (u8, u16, String) {
    let (first, _, packet_id, mut rest) = heard;
    if level == V5 {
        assert_eq!(rest.remove(0), 0, "no properties");
    }
    (first, packet_id, String::from_utf8(rest).unwrap())
}

#[tokio::test]
async fn who_sleeps_finds_what_came_meanwhile() {
    let gateway = Gateway::start().await.accept_all();
    for level in [V4, V5] {
        let (mut sleeper, was_there) = come(&gateway, &lasting(level, "kitchen")).await;
        assert_eq!((was_there, sleeper.subscribe(&[("t/#", 1)]).await), (false, vec![1]));
        leave(sleeper).await;
        for number in ["1", "2", "3"] {
            publish(&gateway, "t/x", number).await;
        }

        let (mut sleeper, was_there) = come(&gateway, &lasting(level, "kitchen")).await;
        assert!(was_there);
        for number in ["1", "2", "3"] {
            let (first, packet_id, data) = data(level, sleeper.heard().await);
            assert_eq!((first, data.as_str()), (0x32, number));
            let [high, low] = packet_id.to_be_bytes();
            sleeper.send(&[0x40, 2, high, low]).await;
        }
        sleeper.ping().await;
        leave(sleeper).await;

        let (mut sleeper, _) = come(&gateway, &lasting(level, "kitchen")).await;
        sleeper.ping().await;
        publish(&gateway, "t/y", "live").await;
        assert_eq!(data(level, sleeper.heard().await).2, "live");
        leave(sleeper).await;

        let (mut newcomer, was_there) = come(&gateway, &login(level, "kitchen")).await;
        assert!(!was_there);
        publish(&gateway, "t/x", "for nobody").await;
        newcomer.ping().await;
    }
}

#[tokio::test]
async fn what_was_not_acknowledged_comes_again_as_a_duplicate_even_after_a_kill() {
    let gateway = Gateway::start().await.accept_all();
    let (mut sleeper, _) = come(&gateway, &lasting(V4, "kitchen")).await;
    sleeper.subscribe(&[("t", 2)]).await;
    publish(&gateway, "t", "1").await;
    publish(&gateway, "t", "2").await;
    assert_eq!(data(V4, sleeper.heard().await), (0x32, 1, "1".to_owned()));
    assert_eq!(data(V4, sleeper.heard().await), (0x32, 2, "2".to_owned()));
    sleeper.send(&[0x40, 2, 0, 1]).await;
    sleeper.ping().await;
    drop(sleeper);

    let recalled = Arc::new(gateway.kept.recalled().await);
    let gateway = Gateway::restart(settings(), recalled).await.accept_all();
    let (mut sleeper, was_there) = come(&gateway, &lasting(V4, "kitchen")).await;
    assert!(was_there);
    assert_eq!(data(V4, sleeper.heard().await), (0x3A, 2, "2".to_owned()));
    sleeper.send(&[0x40, 2, 0, 2]).await;
    publish(&gateway, "t", "3").await;
    assert_eq!(data(V4, sleeper.heard().await), (0x32, 3, "3".to_owned()));
}

#[tokio::test]
async fn a_qos_2_message_that_the_client_has_is_only_released_even_after_a_kill() {
    let gateway = Gateway::start().await.accept_all();
    let mut publisher = gateway.device(V4, "cellar").await;
    let (mut sleeper, _) = come(&gateway, &lasting(V4, "kitchen")).await;
    sleeper.subscribe(&[("t", 2)]).await;
    publisher.publish(0x34, "t", 9, b"once").await;
    publisher.expect(&[0x50, 2, 0, 9]).await;
    assert_eq!(data(V4, sleeper.heard().await), (0x34, 1, "once".to_owned()));
    sleeper.send(&[0x50, 2, 0, 1]).await;
    sleeper.expect(&[0x62, 2, 0, 1]).await;
    drop(sleeper);

    let recalled = Arc::new(gateway.kept.recalled().await);
    let gateway = Gateway::restart(settings(), recalled).await.accept_all();
    let (mut sleeper, _) = come(&gateway, &lasting(V4, "kitchen")).await;
    sleeper.expect(&[0x62, 2, 0, 1]).await;
    sleeper.send(&[0x70, 2, 0, 1]).await;
    sleeper.ping().await;
    leave(sleeper).await;
    let (mut sleeper, _) = come(&gateway, &lasting(V4, "kitchen")).await;
    sleeper.ping().await;
}

#[tokio::test]
async fn a_qos_2_publish_is_one_event_over_two_connections_and_a_kill() {
    let gateway = Gateway::start().await.accept_all();
    let (mut client, _) = come(&gateway, &lasting(V4, "kitchen")).await;
    client.publish(0x34, "t", 7, b"once").await;
    client.expect(&[0x50, 2, 0, 7]).await;
    drop(client);
    let (mut client, _) = come(&gateway, &lasting(V4, "kitchen")).await;
    client.publish(0x3C, "t", 7, b"once").await;
    client.expect(&[0x50, 2, 0, 7]).await;
    drop(client);

    let mut gateway = Gateway::restart(settings(), Arc::new(gateway.kept.recalled().await)).await;
    let (mut client, _) = come(&gateway, &lasting(V4, "kitchen")).await;
    client.publish(0x3C, "t", 7, b"once").await;
    client.expect(&[0x50, 2, 0, 7]).await;
    client.send(&[0x62, 2, 0, 7]).await;
    client.expect(&[0x70, 2, 0, 7]).await;
    client.publish(0x34, "t", 7, b"next").await;
    assert_eq!(&gateway.submission().await.publication.data[..], b"next", "of nothing else was an event made");
}

#[tokio::test]
async fn a_version_5_session_ends_when_its_client_says_so() {
    let gateway = Gateway::start().await.accept_all();
    let connect = lasting(V5, "kitchen");
    let (mut client, _) = come(&gateway, &connect).await;
    client.send(&[0xE0, 7, 0, 5, EXPIRY, 0, 0, 0, 0]).await;
    assert_eq!(client.receive().await, None);
    let (client, was_there) = come(&gateway, &connect).await;
    assert!(!was_there);
    leave(client).await;

    let (mut briefly, was_there) = come(&gateway, &Connect { properties: Vec::new(), ..lasting(V5, "kitchen") }).await;
    assert!(was_there, "without an expiry it is resumed for the last time");
    briefly.ping().await;
    leave(briefly).await;
    let (client, was_there) = come(&gateway, &connect).await;
    assert!(!was_there);
    leave(client).await;

    let (mut clean, _) = come(&gateway, &login(V5, "kitchen")).await;
    clean.send(&[0xE0, 7, 0, 5, EXPIRY, 0, 0, 0, 9]).await;
    clean.expect_end(0x82).await;
}

#[tokio::test]
async fn a_session_that_is_unsubscribed_hears_nothing_after_a_kill() {
    let gateway = Gateway::start().await.accept_all();
    let (mut sleeper, _) = come(&gateway, &lasting(V4, "kitchen")).await;
    sleeper.subscribe(&[("t", 1), ("u", 1)]).await;
    sleeper.send(&[0xA2, 5, 0, 9, 0, 1, b't']).await;
    sleeper.expect(&[0xB0, 2, 0, 9]).await;
    drop(sleeper);
    let gateway = Gateway::restart(settings(), Arc::new(gateway.kept.recalled().await)).await.accept_all();
    publish(&gateway, "t", "not heard").await;
    publish(&gateway, "u", "heard").await;
    let (mut sleeper, _) = come(&gateway, &lasting(V4, "kitchen")).await;
    assert_eq!(data(V4, sleeper.heard().await).2, "heard");
}

#[tokio::test]
async fn qos_0_is_for_who_is_awake() {
    let gateway = Gateway::start().await.accept_all();
    let (mut sleeper, _) = come(&gateway, &lasting(V4, "kitchen")).await;
    sleeper.subscribe(&[("t", 0), ("u", 1)]).await;
    publish(&gateway, "t", "live").await;
    assert_eq!(data(V4, sleeper.heard().await), (0x30, 0, "live".to_owned()));
    leave(sleeper).await;
    publish(&gateway, "t", "gone").await;
    let mut publisher = gateway.device(V4, "cellar").await;
    publisher.publish(0x30, "u", 0, b"gone, too").await;
    publisher.ping().await;
    let (mut sleeper, _) = come(&gateway, &lasting(V4, "kitchen")).await;
    sleeper.ping().await;
}

#[tokio::test]
async fn a_full_outbox_lets_the_oldest_go_and_counts_it() {
    let bounds = Bounds { messages: 2, ..Bounds::default() };
    let gateway = Gateway::restart(settings(), Arc::new(Kept::bounded(bounds))).await.accept_all();
    let (mut sleeper, _) = come(&gateway, &lasting(V4, "kitchen")).await;
    sleeper.subscribe(&[("t", 1)]).await;
    leave(sleeper).await;
    for number in ["1", "2", "3"] {
        publish(&gateway, "t", number).await;
    }
    let report = &gateway.kept.sessions.reports(0)[0];
    assert_eq!((report.waiting, report.dropped, gateway.kept.sessions.dropped()), (2, 1, 1));
    let (mut sleeper, _) = come(&gateway, &lasting(V4, "kitchen")).await;
    assert_eq!(data(V4, sleeper.heard().await).2, "2");
    assert_eq!(data(V4, sleeper.heard().await).2, "3");
}

#[tokio::test]
async fn a_device_with_ever_new_client_ids_keeps_a_few_sessions() {
    let gateway = Gateway::start().await.accept_all();
    for number in 0..20 {
        let connect = Connect { client_id: format!("id-{number}"), ..lasting(V4, "kitchen") };
        let (mut client, _) = come(&gateway, &connect).await;
        client.subscribe(&[("t", 1)]).await;
        leave(client).await;
    }
    assert_eq!(gateway.kept.sessions.reports(0).len(), Bounds::default().sessions_per_holder);
    let newest = Connect { client_id: "id-19".to_owned(), ..lasting(V4, "kitchen") };
    assert!(come(&gateway, &newest).await.1);
}

#[tokio::test]
async fn more_waits_than_the_client_takes_at_once() {
    let gateway = Gateway::start().await.accept_all();
    let (mut sleeper, _) = come(&gateway, &lasting(V4, "kitchen")).await;
    sleeper.subscribe(&[("t", 1)]).await;
    leave(sleeper).await;
    let mut publisher = gateway.device(V4, "cellar").await;
    for number in 1..=200_u16 {
        publisher.publish(0x32, "t", number, number.to_string().as_bytes()).await;
        publisher.receive().await.expect("a PUBACK");
    }
    let (mut sleeper, _) = come(&gateway, &lasting(V4, "kitchen")).await;
    for number in 1..=200_u16 {
        assert_eq!(data(V4, sleeper.heard().await), (0x32, number, number.to_string()));
        let [high, low] = number.to_be_bytes();
        sleeper.send(&[0x40, 2, high, low]).await;
    }
    sleeper.ping().await;
}
