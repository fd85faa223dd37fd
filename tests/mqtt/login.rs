//! Who is let in, and how the others are told.

use std::sync::Arc;

use farhook::mqtt::Settings;
use tokio::time::timeout;

use crate::client::Client;
use crate::client::Connect;
use crate::client::PATIENCE;
use crate::client::V4;
use crate::client::V5;
use crate::client::packet;
use crate::client::text;
use crate::gateway::CELLAR;
use crate::gateway::Gateway;
use crate::gateway::KITCHEN;
use crate::gateway::STRANGER;
use crate::gateway::login;
use crate::gateway::registered;
use crate::gateway::settings;

#[tokio::test]
async fn a_device_logs_in_by_name_or_id_and_an_observer_by_token() {
    let gateway = Gateway::start().await;
    for level in [V4, V5] {
        for (client_id, name, secret) in [
            ("a", "kitchen", "key of kitchen"),
            ("b", "KITCHEN", "key of kitchen"),
            ("c", "111111111111111111111111", "key of kitchen"),
            ("d", "anything", "token of the owner"),
        ] {
            Client::open(gateway.at, &Connect::new(level, client_id, name, secret)).await.ping().await;
        }
    }
}

#[tokio::test]
async fn who_cannot_log_in_is_told_why_and_the_connection_ends() {
    let gateway = Gateway::start().await;
    let wrong = |level, name: &str, secret: &str| Connect::new(level, "x", name, secret);
    let anonymous = |level| Connect { login: None, ..wrong(level, "", "") };
    for (connect, connack) in [
        (wrong(V4, "kitchen", "key of cellar"), vec![0x20, 2, 0, 4]),
        (wrong(V4, "nobody", "key of kitchen"), vec![0x20, 2, 0, 4]),
        (wrong(V4, "kitchen", ""), vec![0x20, 2, 0, 4]),
        (anonymous(V4), vec![0x20, 2, 0, 5]),
        (wrong(V5, "kitchen", "key of cellar"), vec![0x20, 3, 0, 0x86, 0]),
        (anonymous(V5), vec![0x20, 3, 0, 0x87, 0]),
        (
            Connect { properties: [vec![0x15], text("SCRAM")].concat(), ..login(V5, "kitchen") },
            vec![0x20, 3, 0, 0x8C, 0],
        ),
    ] {
        let (mut client, answer) = Client::knock(gateway.at, &connect).await;
        assert_eq!(answer, connack);
        assert_eq!(client.receive().await, None);
    }
    assert_eq!(gateway.presence.of(KITCHEN).connections, 0);
}

#[tokio::test]
async fn other_versions_are_refused_in_words_that_they_know() {
    let gateway = Gateway::start().await;
    let mut mqtt_3_1 = text("MQIsdp");
    mqtt_3_1.extend([3, 2, 0, 0]);
    mqtt_3_1.extend(text("x"));
    let mut mqtt_6 = text("MQTT");
    mqtt_6.extend([6, 2, 0, 0]);
    for (body, connack) in [(mqtt_3_1, vec![0x20, 2, 0, 1]), (mqtt_6, vec![0x20, 3, 0, 0x84, 0])] {
        let mut client = Client::raw(gateway.at, V4).await;
        client.send(&packet(0x10, &body)).await;
        client.expect(&connack).await;
        assert_eq!(client.receive().await, None);
    }
}

#[tokio::test]
async fn a_client_without_a_client_id_is_given_one() {
    let gateway = Gateway::start().await;
    let nameless = |level| Connect { client_id: String::new(), ..login(level, "kitchen") };
    let mut first = Client::open(gateway.at, &nameless(V4)).await;
    let mut second = Client::open(gateway.at, &nameless(V4)).await;
    first.ping().await;
    second.ping().await;
    let (mut third, connack) = Client::knock(gateway.at, &nameless(V5)).await;
    let at = connack.windows(8).position(|part| part == b"farhook-").expect("an assigned client id");
    assert_eq!(connack[at - 3], 0x12);
    third.ping().await;
    let lasting = Connect { flags: 0, ..nameless(V4) };
    assert_eq!(Client::knock(gateway.at, &lasting).await.1, [0x20, 2, 0, 2]);
}

#[tokio::test]
async fn a_version_5_client_is_told_what_is_offered() {
    let gateway = Gateway::start().await;
    let (_, connack) = Client::knock(gateway.at, &login(V5, "kitchen")).await;
    let properties = [
        &[0x21, 0, 64][..],
        &[0x25, 1], // messages are retained
        &[0x27, 0, 0, 0x50, 0],
        &[0x22, 0, 16],
        &[0x28, 1],
        &[0x29, 1],
        &[0x2A, 0],          // no shared subscriptions
        &[0x13, 0x0E, 0x10], // no keep alive was asked for: an hour
    ]
    .concat();
    assert_eq!(connack[..5], [0x20, 25, 0, 0, 22]);
    assert_eq!(connack[5..], properties);
}

#[tokio::test]
async fn a_version_5_client_gets_the_keep_alive_that_it_asks_for_up_to_an_hour() {
    let gateway = Gateway::start().await;
    for (asked, told) in [(60, false), (3_600, false), (3_601, true), (u16::MAX, true), (0, true)] {
        let (_, connack) = Client::knock(gateway.at, &Connect { keep_alive_s: asked, ..login(V5, "kitchen") }).await;
        assert_eq!(connack.ends_with(&[0x13, 0x0E, 0x10]), told, "{asked}");
    }
}

#[tokio::test]
async fn who_asks_is_told_where_answers_for_it_alone_can_be_published() {
    let gateway = Gateway::start().await.accept_all();
    let connect = Connect { properties: vec![0x19, 1], keep_alive_s: 60, ..login(V5, "kitchen") };
    let (mut client, connack) = Client::knock(gateway.at, &connect).await;
    let prefix = format!("reply/{KITCHEN}/");
    assert!(connack.ends_with(&[&[0x1A][..], &text(&prefix)].concat()), "{connack:02x?}");
    client.subscribe(&[("#", 0)]).await;
    let mut other = gateway.device(V5, "cellar").await;
    other.subscribe(&[("#", 0)]).await;
    other.publish(0x30, &format!("{prefix}1"), 0, b"21.5").await;
    other.publish(0x30, "end", 0, b"").await;
    assert_eq!(client.heard().await.1, format!("{prefix}1"));
    assert_eq!(other.heard().await.1, "end");
}

#[tokio::test]
async fn presence_knows_who_is_connected() {
    let gateway = Gateway::start().await;
    let mut client = gateway.device(V4, "kitchen").await;
    client.ping().await;
    assert_eq!(gateway.presence.of(KITCHEN).connections, 1);
    assert!(gateway.presence.of(KITCHEN).last_heard.is_some());
    assert_eq!(gateway.presence.of(CELLAR).connections, 0);
    client.send(&[0xE0, 0]).await;
    assert_eq!(client.receive().await, None);
    assert_eq!(gateway.presence.of(KITCHEN).connections, 0);
}

#[tokio::test]
async fn a_session_is_taken_over_by_its_second_connection() {
    let gateway = Gateway::start().await;
    for level in [V4, V5] {
        let mut old = gateway.device(level, "kitchen").await;
        let mut bystander = Client::open(gateway.at, &Connect::new(level, "kitchen", "cellar", "key of cellar")).await;
        let mut new = gateway.device(level, "kitchen").await;
        old.expect_end(0x8E).await;
        new.ping().await;
        bystander.ping().await;
        assert_eq!(gateway.presence.of(KITCHEN).connections, 1);
    }
}

#[tokio::test]
async fn a_session_may_be_taken_over_many_times() {
    let gateway = Gateway::start_with(Settings { max_connections: 1, ..settings() }).await;
    let mut client = gateway.device(V5, "kitchen").await;
    for _ in 0..50 {
        let mut next = gateway.device(V5, "kitchen").await;
        client.expect_end(0x8E).await;
        next.ping().await;
        client = next;
    }
}

#[tokio::test]
async fn who_is_one_too_many_is_refused_until_somebody_leaves() {
    let gateway = Gateway::start_with(Settings { max_connections: 1, ..settings() }).await;
    let mut first = gateway.device(V4, "kitchen").await;
    // The same refused client id again and again does no harm.
    for _ in 0..3 {
        assert_eq!(Client::knock(gateway.at, &login(V4, "cellar")).await.1, [0x20, 2, 0, 3]);
        assert_eq!(Client::knock(gateway.at, &login(V5, "cellar")).await.1, [0x20, 3, 0, 0x89, 0]);
    }
    first.send(&[0xE0, 0]).await;
    assert_eq!(first.receive().await, None);
    gateway.device(V4, "cellar").await.ping().await;
}

#[tokio::test]
async fn client_ids_with_wildcards_are_only_names() {
    let gateway = Gateway::start().await;
    for client_id in ["a/b", "a/b", "+", "#", "$SYS", "é"] {
        let connect = Connect::new(V4, client_id, "kitchen", "key of kitchen");
        Client::open(gateway.at, &connect).await.ping().await;
    }
}

#[tokio::test]
async fn a_device_that_is_removed_or_gets_another_key_or_owner_is_cut_off() {
    let gateway = Gateway::start().await;
    let changes: [fn(&mut farhook::registry::Snapshot); 3] = [
        |snapshot| drop(snapshot.devices.remove(&KITCHEN)),
        |snapshot| {
            Arc::make_mut(snapshot.devices.get_mut(&KITCHEN).unwrap()).key_hash = farhook::model::KeyHash::of("x");
        },
        |snapshot| Arc::make_mut(snapshot.devices.get_mut(&KITCHEN).unwrap()).owner = STRANGER,
    ];
    for change in changes {
        let mut revoked = gateway.device(V5, "kitchen").await;
        let mut bystander = gateway.device(V5, "cellar").await;
        let mut snapshot = registered();
        change(&mut snapshot);
        gateway.registry.send_replace(Arc::new(snapshot));
        revoked.expect_end(0x87).await;
        bystander.ping().await;
        gateway.registry.send_replace(Arc::new(registered()));
    }
}

#[tokio::test]
async fn a_port_that_is_taken_is_had_once_it_is_free() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let at = taken.local_addr().unwrap();
    let gateway = Gateway::start_with(Settings { listen: at, ..settings() }).await;
    let mut port = gateway.server.plain();
    let problem = port.borrow().problem.clone().expect("there is one");
    assert!(problem.contains(&at.to_string()) && problem.contains("another program"), "{problem}");

    drop(taken);

    timeout(PATIENCE, port.wait_for(|port| port.problem.is_none())).await.expect("it is tried again").unwrap();
    assert_eq!(port.borrow().address, at);
    gateway.device(4, "kitchen").await.ping().await;
}
