//! Topic aliases, both ways.

use farhook::model::Source;

use crate::client::Client;
use crate::client::Connect;
use crate::client::V5;
use crate::client::packet;
use crate::client::text;
use crate::gateway::Gateway;
use crate::gateway::login;

/// A PUBLISH of QoS 0 with an alias.
fn publish(topic: &str, alias: u16, data: &str) -> Vec<u8> {
    let [high, low] = alias.to_be_bytes();
    packet(0x30, &[text(topic), vec![3, 0x23, high, low], data.as_bytes().to_vec()].concat())
}

#[tokio::test]
async fn a_client_may_let_a_number_stand_for_a_topic() {
    let mut gateway = Gateway::start().await;
    let mut client = gateway.device(V5, "kitchen").await;
    for (topic, alias, meant) in [("temp", 16, "temp"), ("", 16, "temp"), ("hum", 16, "hum"), ("", 16, "hum")] {
        client.send(&publish(topic, alias, "x")).await;
        assert_eq!(gateway.submission().await.publication.name, meant);
    }
    // On the next connection it stands for nothing.
    let mut again = gateway.device(V5, "kitchen").await;
    again.send(&publish("", 16, "x")).await;
    again.expect_end(0x82).await;
    for wrong in [0, 17] {
        let mut client = gateway.device(V5, "kitchen").await;
        client.send(&publish("temp", wrong, "x")).await;
        client.expect_end(0x94).await;
    }
}

#[tokio::test]
async fn a_client_that_takes_numbers_is_told_each_topic_once() {
    let gateway = Gateway::start().await;
    let mut plain = gateway.device(V5, "cellar").await;
    let connect = Connect { properties: vec![0x22, 0, 1], ..login(V5, "kitchen") };
    let mut client = Client::open(gateway.at, &connect).await;
    for client in [&mut plain, &mut client] {
        client.subscribe(&[("#", 0)]).await;
    }
    for (topic, rest) in [("temp", b"\x03\x23\x00\x01x"), ("", b"\x03\x23\x00\x01x")] {
        gateway.announce("temp", "x", Source::Api).await;
        assert_eq!(client.heard().await, (0x30, topic.into(), 0, rest.to_vec()));
        assert_eq!(plain.heard().await, (0x30, "temp".into(), 0, b"\0x".to_vec()));
    }
    gateway.announce("other", "x", Source::Api).await;
    assert_eq!(client.heard().await, (0x30, "other".into(), 0, b"\0x".to_vec()));
}

#[tokio::test]
async fn an_event_that_fits_only_without_a_new_number_comes_without() {
    let gateway = Gateway::start().await;
    let connect = Connect { properties: vec![0x22, 0, 9, 0x27, 0, 0, 0, 100], ..login(V5, "kitchen") };
    let mut client = Client::open(gateway.at, &connect).await;
    client.subscribe(&[("#", 0)]).await;
    let data = "x".repeat(100 - 2 - 6 - 1);
    for _ in 0..2 {
        gateway.announce("temp", &data, Source::Api).await;
        assert_eq!(client.heard().await.1, "temp");
    }
    gateway.announce("temp", "short", Source::Api).await;
    assert_eq!(client.heard().await.3, b"\x03\x23\x00\x01short");
}
