//! Subscriptions: what is granted, and what is heard.

use std::sync::Arc;

use farhook::model::DeviceId;
use farhook::model::Source;
use farhook::mqtt::Settings;

use crate::client::Client;
use crate::client::Connect;
use crate::client::V4;
use crate::client::V5;
use crate::client::packet;
use crate::gateway::CELLAR;
use crate::gateway::Gateway;
use crate::gateway::KITCHEN;
use crate::gateway::login;
use crate::gateway::registered;
use crate::gateway::result_for;
use crate::gateway::settings;

#[tokio::test]
async fn every_filter_is_granted_or_refused_by_itself() {
    let gateway = Gateway::start().await;
    let wishes =
        [("a", 0), ("a/+", 1), ("#", 2), ("$SYS/#", 0), ("$share/g/a", 0), ("a/#/b", 0), ("", 0), ("hook-sent/a", 2)];
    let mut v4 = gateway.device(V4, "kitchen").await;
    assert_eq!(v4.subscribe(&wishes).await, [0, 1, 2, 0x80, 0x80, 0x80, 0x80, 2]);
    let mut v5 = gateway.device(V5, "kitchen").await;
    assert_eq!(v5.subscribe(&wishes).await, [0, 1, 2, 0x87, 0x9E, 0x8F, 0x8F, 2]);
}

#[tokio::test]
async fn an_unsubscribe_is_always_answered() {
    let gateway = Gateway::start().await;
    let mut v4 = gateway.device(V4, "kitchen").await;
    v4.send(&packet(0xA2, &[0, 9, 0, 1, b'a'])).await;
    v4.expect(&[0xB0, 2, 0, 9]).await;
    let mut v5 = gateway.device(V5, "kitchen").await;
    v5.subscribe(&[("a", 0)]).await;
    v5.send(&packet(0xA2, &[0, 9, 0, 0, 1, b'a', 0, 1, b'b'])).await;
    v5.expect(&[0xB0, 5, 0, 9, 0, 0, 0x11]).await;
    gateway.announce("a", "", Source::Api).await;
    v5.ping().await;
}

#[tokio::test]
async fn events_are_delivered_with_the_granted_qos() {
    let gateway = Gateway::start().await;
    let mut client = gateway.device(V4, "kitchen").await;
    client.subscribe(&[("zero", 0), ("one", 1), ("two", 2)]).await;
    gateway.announce("zero", "0", Source::Api).await;
    assert_eq!(client.heard().await, (0x30, "zero".into(), 0, b"0".to_vec()));
    gateway.announce("one", "1", Source::Api).await;
    assert_eq!(client.heard().await, (0x32, "one".into(), 1, b"1".to_vec()));
    client.send(&[0x40, 2, 0, 1]).await;
    gateway.announce("two", "2", Source::Api).await;
    assert_eq!(client.heard().await, (0x34, "two".into(), 2, b"2".to_vec()));
    client.send(&[0x50, 2, 0, 2]).await;
    client.expect(&[0x62, 2, 0, 2]).await;
    client.send(&[0x70, 2, 0, 2]).await;
    client.ping().await;
}

#[tokio::test]
async fn one_copy_comes_with_all_subscription_identifiers() {
    let gateway = Gateway::start().await;
    let mut client = gateway.device(V5, "kitchen").await;
    for (id, filter, qos) in [(1, "t/#", 0), (2, "t/+", 1), (3, "u", 2)] {
        let subscribe = client.subscribe_bytes(id, &[0x0B, u8::try_from(id).unwrap()], &[(filter, qos)]);
        client.send(&subscribe).await;
        client.receive().await.unwrap();
    }
    gateway.announce("t/x", "data", Source::Api).await;
    let (first, topic, _, rest) = client.heard().await;
    assert_eq!((first, topic.as_str()), (0x32, "t/x"));
    assert_eq!(rest, [&[4, 0x0B, 1, 0x0B, 2][..], b"data"].concat());
    client.ping().await;
}

#[tokio::test]
async fn no_local_silences_what_the_device_itself_published() {
    let gateway = Gateway::start().await.accept_all();
    let mut quiet = gateway.device(V5, "kitchen").await;
    quiet.subscribe(&[("t", 0b100)]).await;
    let mut other = gateway.device(V5, "cellar").await;
    other.subscribe(&[("t", 0)]).await;
    quiet.publish(0x30, "t", 0, b"mine").await;
    assert_eq!(other.heard().await.3, b"\0mine");
    other.publish(0x30, "t", 0, b"yours").await;
    assert_eq!(other.heard().await.3, b"\0yours");
    assert_eq!(quiet.heard().await.3, b"\0yours");
}

#[tokio::test]
async fn results_are_heard_by_their_device_and_by_observers_alone() {
    let gateway = Gateway::start().await.accept_all();
    let mut kitchen = gateway.device(V4, "kitchen").await;
    let mut cellar = gateway.device(V4, "cellar").await;
    let mut other = gateway.device(V4, "other").await;
    let mut observer = gateway.observer(V5).await;
    for client in [&mut kitchen, &mut cellar, &mut other, &mut observer] {
        client.subscribe(&[("#", 0)]).await;
    }
    gateway.announce("hook-response/t/0", "21.5", result_for(KITCHEN)).await;
    gateway.announce("refused", "why", Source::Gateway { device: Some(CELLAR) }).await;
    kitchen.publish(0x30, "last", 0, b"").await;
    other.publish(0x30, "strange", 0, b"").await;

    assert_eq!(kitchen.heard().await.1, "hook-response/t/0");
    assert_eq!(kitchen.heard().await.1, "last");
    assert_eq!(cellar.heard().await.1, "refused");
    assert_eq!(cellar.heard().await.1, "last");
    assert_eq!(other.heard().await.1, "strange");
    for topic in ["hook-response/t/0", "refused", "last"] {
        assert_eq!(observer.heard().await.1, topic);
    }
    for mut client in [kitchen, cellar, other, observer] {
        client.ping().await;
    }
}

#[tokio::test]
async fn the_right_to_read_all_results_comes_with_the_registry() {
    let gateway = Gateway::start().await;
    let mut cellar = gateway.device(V4, "cellar").await;
    cellar.subscribe(&[("#", 0)]).await;
    let mut snapshot = registered();
    Arc::make_mut(snapshot.devices.get_mut(&CELLAR).unwrap()).reads_all_results = true;
    gateway.registry.send_replace(Arc::new(snapshot));
    // The session sees the change before it answers what comes after it, though not in one step.
    let mut tries = 0;
    loop {
        cellar.ping().await;
        gateway.announce("hook-sent/t", "", result_for(KITCHEN)).await;
        gateway.announce("marker", "", Source::Api).await;
        if cellar.heard().await.1 == "hook-sent/t" {
            break;
        }
        tries += 1;
        assert!(tries < 1_000);
    }
}

#[tokio::test]
async fn a_client_gets_no_more_at_once_than_it_asked_for() {
    let gateway = Gateway::start().await;
    let two = Connect { properties: vec![0x21, 0, 2], ..login(V5, "kitchen") };
    let mut client = Client::open(gateway.at, &two).await;
    client.subscribe(&[("t", 1)]).await;
    for number in 0..5_u8 {
        gateway.announce("t", &number.to_string(), Source::Api).await;
    }
    assert_eq!((client.heard().await.2, client.heard().await.2), (1, 2));
    client.ping().await;
    // In any order, and with ones that nobody waits for.
    client.send(&[0x40, 2, 0, 9, 0x40, 2, 0, 2]).await;
    assert_eq!(client.heard().await.2, 3);
    client.ping().await;
    client.send(&[0x40, 2, 0, 1, 0x40, 2, 0, 3]).await;
    assert_eq!((client.heard().await.2, client.heard().await.2), (4, 5));
}

#[tokio::test]
async fn an_event_that_is_too_large_for_a_client_is_left_out() {
    let gateway = Gateway::start().await;
    let small = Connect { properties: vec![0x27, 0, 0, 0, 50], ..login(V5, "kitchen") };
    let mut client = Client::open(gateway.at, &small).await;
    client.subscribe(&[("t", 1)]).await;
    gateway.announce("t", &"x".repeat(50), Source::Api).await;
    gateway.announce("t", "small", Source::Api).await;
    assert_eq!(client.heard().await.3, b"\0small");
}

#[tokio::test]
async fn the_largest_result_arrives_whole() {
    let gateway = Gateway::start().await;
    let mut client = gateway.device(V4, "kitchen").await;
    client.subscribe(&[("#", 2)]).await;
    let data = "0123456789".repeat(10_240);
    gateway.announce("hook-response/t", &data, result_for(KITCHEN)).await;
    assert_eq!(client.heard().await.3, data.as_bytes());
}

#[tokio::test]
async fn a_burst_of_response_parts_waits_for_a_reader_that_is_slow_for_a_while() {
    let gateway = Gateway::start().await;
    let mut client = gateway.device(V4, "kitchen").await;
    client.subscribe(&[("hook-response/#", 1)]).await;
    for part in 0..200 {
        gateway.announce(&format!("hook-response/t/{part}"), &"x".repeat(512), result_for(KITCHEN)).await;
    }
    // Nothing is acknowledged before all that may be in flight is.
    for part in 0..200_u16 {
        let (_, topic, packet_id, _) = client.heard().await;
        assert_eq!(topic, format!("hook-response/t/{part}"));
        if part >= 31 {
            client.send(&[&[0x40, 2][..], &(packet_id - 31).to_be_bytes()].concat()).await;
        }
    }
}

#[tokio::test]
async fn a_reader_that_would_miss_events_is_disconnected_and_the_others_miss_none() {
    let gateway = Gateway::start_with(Settings { max_waiting_events: 40, ..settings() }).await;
    let mut lazy = gateway.device(V5, "kitchen").await;
    lazy.subscribe(&[("t", 1)]).await;
    let mut keen = gateway.device(V5, "cellar").await;
    keen.subscribe(&[("t", 0)]).await;
    for number in 0..100 {
        gateway.announce("t", &number.to_string(), Source::Api).await;
        assert_eq!(keen.heard().await.3, format!("\0{number}").as_bytes());
    }
    for number in 0..32 {
        assert_eq!(lazy.heard().await.3, format!("\0{number}").as_bytes());
    }
    lazy.expect_end(0x97).await;
}

#[tokio::test]
async fn thousands_of_events_arrive_in_order_and_none_is_missed() {
    let gateway = Gateway::start().await;
    let mut clients = Vec::new();
    for name in ["kitchen", "cellar"] {
        let mut client = gateway.device(V4, name).await;
        client.subscribe(&[("#", 0)]).await;
        clients.push(client);
    }
    let readers: Vec<_> = clients
        .into_iter()
        .map(|mut client| {
            tokio::spawn(async move {
                for number in 0..5_000 {
                    assert_eq!(client.heard().await.3, format!("{number}").as_bytes());
                }
            })
        })
        .collect();
    for number in 0..5_000 {
        gateway.announce("t", &number.to_string(), Source::Api).await;
    }
    for reader in readers {
        reader.await.unwrap();
    }
}

#[tokio::test]
async fn a_session_hears_nothing_of_who_had_its_slot_before() {
    let gateway = Gateway::start_with(Settings { max_connections: 1, ..settings() }).await.accept_all();
    for round in 0..20 {
        let mut before = gateway.device(V4, "kitchen").await;
        before.subscribe(&[("#", 0)]).await;
        for _ in 0..50 {
            gateway.announce("t", "not for strangers", Source::Api).await;
        }
        before.heard().await;
        before.send(&[0xE0, 0]).await;
        while before.receive().await.is_some() {}
        let mut after = gateway.device(V4, "other").await;
        after.subscribe(&[("#", 0)]).await;
        let mine = round.to_string();
        after.publish(0x30, "t", 0, mine.as_bytes()).await;
        assert_eq!(after.heard().await.3, mine.as_bytes());
        after.send(&[0xE0, 0]).await;
        assert_eq!(after.receive().await, None);
    }
}

#[tokio::test]
async fn ten_thousand_filters_in_one_packet_are_answered() {
    let gateway = Gateway::start().await;
    let mut client = gateway.device(V4, "kitchen").await;
    let names: Vec<String> = (0..10_000).map(|number| format!("f/{number}")).collect();
    let wishes: Vec<(&str, u8)> = names.iter().map(|name| (name.as_str(), 0)).collect();
    let codes = client.subscribe(&wishes).await;
    assert!(codes[..100].iter().all(|code| *code == 0));
    assert!(codes[100..].iter().all(|code| *code == 0x80));
    gateway.announce("f/99", "", Source::Device(DeviceId::from_bytes([9; 12]))).await;
    assert_eq!(client.heard().await.1, "f/99");
}
