//! Retained messages, as those get them who subscribe later.

use farhook::model::Properties;
use farhook::model::Publishing;
use farhook::model::Qos;
use farhook::model::Source;

use crate::client::Client;
use crate::client::Connect;
use crate::client::V4;
use crate::client::V5;
use crate::gateway::Gateway;
use crate::gateway::KITCHEN;
use crate::gateway::login;

/// Retain handling, retain as published and no local, as they stand in the options of a filter.
const WHEN_NEW: u8 = 0x10;
const NEVER: u8 = 0x20;
const AS_PUBLISHED: u8 = 0x08;
const NO_LOCAL: u8 = 0x04;

fn of(properties: Properties) -> Publishing {
    Publishing { properties: Some(Box::new(properties)), ..Publishing::default() }
}

#[tokio::test]
async fn a_new_subscription_begins_with_the_last_of_each_topic() {
    for level in [V4, V5] {
        let gateway = Gateway::start().await.accept_all();
        let mut sensor = gateway.device(level, "kitchen").await;
        let mut listening = gateway.device(level, "cellar").await;
        listening.subscribe(&[("#", 0)]).await;
        for (first, topic, data) in [(0x33, "a", "1"), (0x31, "b/c", "2"), (0x33, "a", "3"), (0x30, "d", "4")] {
            sensor.publish(first, topic, 1, data.as_bytes()).await;
            if first == 0x33 {
                sensor.receive().await.unwrap();
            }
            // Who listens already hears them as they come.
            assert_eq!(listening.heard().await.0, 0x30);
        }
        let mut late = gateway.observer(level).await;
        late.subscribe(&[("#", 2)]).await;
        let (first, topic, packet_id, rest) = late.heard().await;
        assert_eq!((first, topic.as_str(), packet_id), (0x33, "a", 1));
        assert!(rest.ends_with(b"3"));
        let (first, topic, _, rest) = late.heard().await;
        assert_eq!((first, topic.as_str()), (0x31, "b/c"));
        assert!(rest.ends_with(b"2"));
        late.ping().await;
    }
}

#[tokio::test]
async fn without_data_nothing_is_retained_any_more_and_everybody_hears_so() {
    let gateway = Gateway::start().await.accept_all();
    gateway.retain("t", "old", Source::Device(KITCHEN), Publishing::default());
    let mut client = gateway.device(V4, "kitchen").await;
    client.subscribe(&[("t", 0)]).await;
    assert_eq!(client.heard().await, (0x31, "t".into(), 0, b"old".to_vec()));
    client.publish(0x31, "t", 0, b"").await;
    assert_eq!(client.heard().await, (0x30, "t".into(), 0, Vec::new()));
    client.subscribe(&[("t", 0)]).await;
    client.ping().await;
}

#[tokio::test]
async fn a_subscription_says_which_retained_messages_it_wants() {
    let gateway = Gateway::start().await.accept_all();
    gateway.retain("t", "kept", Source::Device(KITCHEN), Publishing::default());
    let mut client = gateway.device(V5, "cellar").await;
    client.subscribe(&[("t", NEVER)]).await;
    client.subscribe(&[("t", WHEN_NEW)]).await;
    client.ping().await;
    client.subscribe(&[("+", WHEN_NEW), ("t", 0)]).await;
    assert_eq!(client.heard().await.0, 0x31);
    client.subscribe(&[("t", AS_PUBLISHED)]).await;
    assert_eq!(client.heard().await.0, 0x31);
    client.ping().await;
    client.publish(0x31, "t", 0, b"live").await;
    assert_eq!(client.heard().await.0, 0x31);

    let mut own = gateway.device(V5, "kitchen").await;
    own.subscribe(&[("t", NO_LOCAL)]).await;
    // By now it is the other device's.
    assert_eq!(own.heard().await.3, b"\0live");
    client.subscribe(&[("t", NO_LOCAL)]).await;
    client.ping().await;
}

#[tokio::test]
async fn a_retained_message_comes_with_its_properties_and_the_identifiers_of_its_filters() {
    let gateway = Gateway::start().await;
    let said = Properties { is_text: Some(true), expiry_s: Some(100), ..Properties::default() };
    let publishing = Publishing { qos: Qos::AtLeastOnce, ..of(said) };
    gateway.retain("t", "x", Source::Device(KITCHEN), publishing);
    let mut client = gateway.device(V5, "cellar").await;
    let subscribe = client.subscribe_bytes(1, &[0x0B, 7], &[("t", 2)]);
    client.send(&subscribe).await;
    client.receive().await.unwrap();
    let (first, _, packet_id, rest) = client.heard().await;
    assert_eq!((first, packet_id), (0x33, 1));
    assert!([99, 100].contains(&rest[5]), "{rest:02x?}");
    assert_eq!(rest, [&[9, 2, 0, 0, 0, rest[5], 0x0B, 7, 1, 1][..], b"x"].concat());
}

#[tokio::test]
async fn nobody_gets_what_is_retained_of_another_owner_or_what_has_expired() {
    let gateway = Gateway::start().await;
    gateway.retain("t", "x", Source::Device(KITCHEN), Publishing::default());
    gateway.retain("u", "x", Source::Api, of(Properties { expiry_s: Some(0), ..Properties::default() }));
    let mut stranger = gateway.device(V5, "other").await;
    stranger.subscribe(&[("#", 0)]).await;
    stranger.ping().await;
    let mut client = gateway.device(V5, "cellar").await;
    client.subscribe(&[("#", 0)]).await;
    assert_eq!(client.heard().await.1, "t");
    client.ping().await;
}

#[tokio::test]
async fn all_that_is_retained_reaches_a_client_that_takes_its_time() {
    let gateway = Gateway::start().await;
    let data = "x".repeat(700);
    for number in 0..1_000 {
        gateway.retain(&format!("t/{number:03}"), &data, Source::Api, Publishing::default());
    }
    let mut client = gateway.device(V5, "kitchen").await;
    // More than may wait of what is published: that would end the connection.
    for _ in 0..2 {
        client.subscribe(&[("#", 1)]).await;
        take_all(&mut client, 1_000).await;
    }
}

async fn take_all(client: &mut Client, count: usize) {
    for number in 0..count {
        let (_, topic, packet_id, _) = client.heard().await;
        assert_eq!(topic, format!("t/{number:03}"));
        let [high, low] = packet_id.to_be_bytes();
        client.send(&[0x40, 2, high, low]).await;
    }
}

#[tokio::test]
async fn who_subscribes_without_reading_is_refused_more() {
    let gateway = Gateway::start().await;
    for number in 0..1_000 {
        gateway.retain(&format!("t/{number:03}"), "x", Source::Api, Publishing::default());
    }
    let mut client = gateway.device(V5, "kitchen").await;
    let subscribe = client.subscribe_bytes(1, &[], &[("#", 1)]);
    client.send(&subscribe.repeat(9)).await;
    let mut grants = Vec::new();
    while grants.len() < 9 {
        let packet = client.receive().await.unwrap();
        if packet[0] == 0x90 {
            grants.push(packet[packet.len() - 1]);
        }
    }
    assert_eq!((grants[..4].to_vec(), grants[8]), (vec![1; 4], 0x97), "{grants:02x?}");
}

#[tokio::test]
async fn a_session_that_outlives_its_connection_gets_what_is_retained_until_it_acknowledges_it() {
    let gateway = Gateway::start().await;
    let said = Properties { content_type: Some("c".into()), ..Properties::default() };
    gateway.retain("t", "x", Source::Device(KITCHEN), of(said));
    gateway.retain("u", "y", Source::Device(KITCHEN), Publishing { qos: Qos::AtMostOnce, ..Publishing::default() });
    // It lasts for a minute.
    let lasting = |flags| Connect { flags, properties: vec![0x11, 0, 0, 0, 60], ..login(V5, "cellar") };
    let mut client = Client::open(gateway.at, &lasting(0b10)).await;
    client.subscribe(&[("#", 1)]).await;
    let mut heard = [client.heard().await, client.heard().await];
    heard.sort();
    assert_eq!(heard[0], (0x31, "u".into(), 0, b"\0y".to_vec()));
    let (first, topic, packet_id, rest) = heard[1].clone();
    assert_eq!((first, topic.as_str(), &rest[..]), (0x33, "t", &b"\x04\x03\0\x01cx"[..]));
    drop(client);

    let (mut again, connack) = Client::knock(gateway.at, &lasting(0)).await;
    assert_eq!(connack[2], 1, "the session is present");
    assert_eq!(again.heard().await, (0x3B, "t".into(), packet_id, b"\x04\x03\0\x01cx".to_vec()));
    let [high, low] = packet_id.to_be_bytes();
    again.send(&[0x40, 2, high, low]).await;
    again.ping().await;
}
