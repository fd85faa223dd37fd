//! Everything that kills or hangs rumqttd's own listener, and more: it must end one connection at most.

use std::time::Duration;

use farhook::model::Source;
use farhook::mqtt::Settings;

use crate::client::Client;
use crate::client::Connect;
use crate::client::PATIENCE;
use crate::client::V4;
use crate::client::V5;
use crate::client::packet;
use crate::client::text;
use crate::gateway::Gateway;
use crate::gateway::KITCHEN;
use crate::gateway::login;
use crate::gateway::result_for;
use crate::gateway::settings;

/// A gateway and somebody who hears and publishes while others misbehave.
struct Witnessed {
    gateway: Gateway,
    witness: Client,
}

impl Witnessed {
    async fn start() -> Self {
        let gateway = Gateway::start().await.accept_all();
        let mut witness = gateway.device(V4, "cellar").await;
        witness.subscribe(&[("#", 1)]).await;
        Self { gateway, witness }
    }

    /// Publishing and hearing work as ever.
    async fn nobody_else_notices(mut self) {
        self.witness.publish(0x32, "still", 1, b"here").await;
        let (mut acknowledged, mut heard) = (false, false);
        while !(acknowledged && heard) {
            let packet = self.witness.receive().await.expect("the witness stays connected");
            acknowledged |= packet == [0x40, 2, 0, 1];
            heard |= packet.ends_with(b"here");
        }
        let mut newcomer = self.gateway.device(V5, "kitchen").await;
        newcomer.ping().await;
    }
}

#[tokio::test]
async fn a_topic_that_begins_with_a_multibyte_character_is_refused_and_nobody_else_notices() {
    let witnessed = Witnessed::start().await;
    let mut v4 = witnessed.gateway.device(V4, "kitchen").await;
    v4.publish(0x32, "é/x", 1, b"").await;
    v4.expect(&[0x40, 2, 0, 1]).await;
    let mut v5 = witnessed.gateway.device(V5, "kitchen").await;
    v5.publish(0x32, "é/x", 1, b"").await;
    assert_eq!(v5.receive().await.unwrap()[4], 0x90);
    v5.publish(0x30, "é/x", 0, b"").await;
    v5.subscribe(&[("é/#", 0)]).await;
    v5.ping().await;
    witnessed.nobody_else_notices().await;
}

#[tokio::test]
async fn a_member_of_a_shared_group_that_leaves_an_event_unacknowledged_cannot_be() {
    let witnessed = Witnessed::start().await;
    let lasting = Connect { flags: 0, ..login(V4, "kitchen") };
    let mut client = Client::open(witnessed.gateway.at, &lasting).await;
    assert_eq!(client.subscribe(&[("$share/g/#", 1)]).await, [0x80]);
    drop(client);
    witnessed.nobody_else_notices().await;
}

#[tokio::test]
async fn subscribers_that_leave_in_a_flood_harm_nobody() {
    let witnessed = Witnessed::start().await;
    let live = witnessed.gateway.live.clone();
    let (flooding, mut flooded) = tokio::sync::oneshot::channel::<()>();
    let flood = tokio::spawn({
        let gateway_event = {
            let mut probe = live.watch();
            witnessed.gateway.announce("flood", "x", result_for(KITCHEN)).await;
            probe.recv().await.unwrap()
        };
        async move {
            while flooded.try_recv() == Err(tokio::sync::oneshot::error::TryRecvError::Empty) {
                live.announce(gateway_event.clone()).await;
            }
        }
    });
    for round in 0..20 {
        let mut leaver = witnessed.gateway.device(V4, "kitchen").await;
        leaver.send(&leaver.subscribe_bytes(1, &[], &[("#", 1)])).await;
        leaver.receive().await.unwrap();
        let (_, _, packet_id, _) = leaver.heard().await;
        if round % 2 == 0 {
            leaver.send(&[0xE0, 0]).await;
        } else {
            // Out of order, and one that never was.
            leaver.send(&[&[0x40, 2][..], &(packet_id + 3).to_be_bytes(), &[0x40, 2, 9, 9]].concat()).await;
        }
    }
    drop(flooding);
    flood.await.unwrap();
    witnessed.nobody_else_notices().await;
}

#[tokio::test]
async fn a_user_property_reaches_a_version_3_subscriber_as_nothing() {
    let mut witnessed = Witnessed::start().await;
    let mut v5 = witnessed.gateway.device(V5, "kitchen").await;
    let properties = [&[0x26][..], &text("key"), &text("value")].concat();
    let mut body = text("t");
    body.push(u8::try_from(properties.len()).unwrap());
    body.extend(properties);
    body.extend(b"data");
    v5.send(&packet(0x30, &body)).await;
    let (_, topic, _, data) = witnessed.witness.heard().await;
    assert_eq!((topic.as_str(), &data[..]), ("t", &b"data"[..]));
    witnessed.nobody_else_notices().await;
}

#[tokio::test]
async fn packets_that_only_servers_send_end_their_connection_and_free_its_place() {
    let gateway = Gateway::start_with(Settings { max_connections: 2, ..settings() }).await.accept_all();
    let mut witness = gateway.device(V4, "cellar").await;
    witness.subscribe(&[("#", 1)]).await;
    for from_server in [&[0x20, 2, 0, 0][..], &[0xB0, 2, 0, 1], &[0x90, 3, 0, 1, 0], &[0xD0, 1, 0], &[0xD0, 0]] {
        for level in [V4, V5] {
            let mut client = gateway.device(level, "kitchen").await;
            client.send(from_server).await;
            client.expect_end(0x82).await;
            let mut before_connect = Client::raw(gateway.at, level).await;
            before_connect.send(from_server).await;
            assert_eq!(before_connect.receive().await, None);
        }
    }
    Witnessed { gateway, witness }.nobody_else_notices().await;
}

#[tokio::test]
async fn broken_packets_end_their_connection_with_the_reason() {
    let witnessed = Witnessed::start().await;
    for (bytes, reason) in [
        (&[0x36, 5, 0, 1, b't', 0, 1][..], 0x81),            // QoS 3
        (&[0x38, 4, 0, 1, b't', 0], 0x81),                   // DUP without a packet id
        (&[0x32, 6, 0, 1, b't', 0, 0, 0], 0x82),             // packet id 0
        (&[0x32, 3, 0, 1, b't'], 0x81),                      // ends before the packet id
        (&[0x30, 4, 0, 9, b't', 0], 0x81),                   // a topic that goes on behind the packet
        (&[0x30, 4, 0, 1, 0xFF, 0], 0x81),                   // a topic that is no text
        (&[0x30, 4, 0, 1, 0, 0], 0x81),                      // a topic with NUL
        (&[0x30, 3, 0, 0, 0], 0x82),                         // no topic
        (&[0x30, 7, 0, 1, b't', 3, 0x23, 0, 0], 0x94),       // topic alias 0
        (&[0x30, 6, 0, 1, b't', 2, 0x0B, 1], 0x82),          // a subscription identifier
        (&[0x30, 6, 0, 1, b't', 2, 0x99, 1], 0x81),          // an unknown property
        (&[0x30, 9, 0, 1, b't', 1, 0x26, 0, 0, 0, 0], 0x81), // properties that reach into the data
        (&[0x80, 7, 0, 1, 0, 0, 1, b't', 0], 0x81),          // SUBSCRIBE with wrong flags
        (&[0x82, 7, 0, 0, 0, 0, 1, b't', 0], 0x82),          // packet id 0
        (&[0x82, 3, 0, 1, 0], 0x82),                         // no filter
        (&[0x82, 7, 0, 1, 0, 0, 1, b't', 3], 0x81),          // QoS 3
        (&[0x82, 9, 0, 1, 2, 0x0B, 0, 0, 1, b't', 0], 0x82), // subscription identifier 0
        (&[0xA2, 3, 0, 1, 0], 0x82),                         // no filter
        (&[0xA2, 6, 0, 0, 0, 0, 1, b't'], 0x82),             // packet id 0
        (&[0x40, 2, 0, 0], 0x82),                            // packet id 0
        (&[0x60, 2, 0, 1], 0x81),                            // PUBREL with wrong flags
        (&[0xC0, 1, 0], 0x81),                               // a ping with something in it
        (&[0x00, 0], 0x81),                                  // no type
        (&[0xF0, 0], 0x8C),                                  // AUTH
        (&[0x30, 0xFF, 0xFF, 0xFF, 0xFF], 0x81),             // a length of five bytes
        (&login(V5, "kitchen").bytes(), 0x82),               // a second CONNECT
    ] {
        let mut client = witnessed.gateway.device(V5, "kitchen").await;
        client.send(bytes).await;
        client.expect_end(reason).await;
    }
    witnessed.nobody_else_notices().await;
}

#[tokio::test]
async fn what_is_no_connect_is_closed_without_an_answer() {
    let witnessed = Witnessed::start().await;
    let flawless = login(V4, "kitchen").bytes();
    let mut reserved_flag = flawless.clone();
    reserved_flag[9] |= 1;
    let mut wrong_name = flawless.clone();
    wrong_name[4] = b'X';
    let mut password_alone = flawless.clone();
    password_alone[9] &= 0x7F;
    for bytes in
        [&b"GET / HTTP/1.1\r\n\r\n"[..], &[0x16, 3, 1, 0], &[0xC0, 0], &reserved_flag, &wrong_name, &password_alone]
    {
        let mut client = Client::raw(witnessed.gateway.at, V4).await;
        client.send(bytes).await;
        assert_eq!(client.receive().await, None);
    }
    witnessed.nobody_else_notices().await;
}

#[tokio::test]
async fn a_packet_cut_short_anywhere_harms_nobody() {
    let witnessed = Witnessed::start().await;
    for level in [V4, V5] {
        let connect = Connect { will: Some(("hook-sent/x".into(), "x".into())), ..login(level, "kitchen") }.bytes();
        for cut in 0..connect.len() {
            let mut client = Client::raw(witnessed.gateway.at, level).await;
            client.send(&connect[..cut]).await;
        }
        let mut client = witnessed.gateway.device(level, "kitchen").await;
        let publish = client.publish_bytes(0x32, "t", 1, b"data");
        for cut in 0..publish.len() {
            client.send(&publish[..cut]).await;
            client = witnessed.gateway.device(level, "kitchen").await;
        }
    }
    witnessed.nobody_else_notices().await;
}

#[tokio::test]
async fn a_packet_that_comes_byte_by_byte_is_understood() {
    let mut gateway = Gateway::start().await;
    let mut client = Client::raw(gateway.at, V5).await;
    client.stream.set_nodelay(true).unwrap();
    for byte in login(V5, "kitchen").bytes() {
        client.send(&[byte]).await;
    }
    assert_eq!(client.receive().await.unwrap()[3], 0);
    for byte in client.publish_bytes(0x32, "t", 1, &[b'x'; 300]) {
        client.send(&[byte]).await;
    }
    assert_eq!(gateway.submission().await.publication.data.len(), 300);
}

#[tokio::test]
async fn a_payload_of_a_megabyte_is_refused_from_its_first_bytes() {
    let witnessed = Witnessed::start().await;
    for level in [V4, V5] {
        let mut client = witnessed.gateway.device(level, "kitchen").await;
        let huge = client.publish_bytes(0x32, "t", 1, &vec![b'x'; 1_000_000]);
        client.send(&huge[..5]).await;
        client.expect_end(0x95).await;
        let mut client = witnessed.gateway.device(level, "kitchen").await;
        client.send(&huge).await;
        client.expect_end(0x95).await;
    }
    witnessed.nobody_else_notices().await;
}

#[tokio::test]
async fn the_largest_event_fits() {
    let mut gateway = Gateway::start().await;
    let mut client = gateway.device(V5, "kitchen").await;
    client.publish(0x32, &"t".repeat(64), 1, &[b'x'; 16_384]).await;
    assert_eq!(gateway.submission().await.publication.data.len(), 16_384);
}

#[tokio::test]
async fn a_silent_newcomer_is_closed_and_hinders_nobody() {
    let settings = Settings { connect_timeout: Duration::from_millis(300), ..settings() };
    let gateway = Gateway::start_with(settings).await;
    let mut silent = Client::raw(gateway.at, V4).await;
    gateway.device(V4, "kitchen").await.ping().await;
    assert_eq!(silent.receive().await, None);
}

#[tokio::test]
async fn who_is_silent_for_longer_than_its_keep_alive_is_disconnected() {
    let gateway = Gateway::start().await;
    let mut steady = Client::open(gateway.at, &Connect { keep_alive_s: 0, ..login(V5, "cellar") }).await;
    let mut silent = Client::open(gateway.at, &Connect { keep_alive_s: 1, ..login(V5, "kitchen") }).await;
    silent.expect_end(0x8D).await;
    steady.ping().await;
}

#[tokio::test]
async fn a_client_that_takes_nothing_is_cut_off() {
    let settings = Settings {
        write_timeout: Duration::from_millis(300),
        max_waiting_bytes: 64 << 20,
        max_waiting_events: 10_000,
        ..settings()
    };
    let gateway = Gateway::start_with(settings).await;
    let mut deaf = gateway.device(V5, "kitchen").await;
    deaf.subscribe(&[("t", 0)]).await;
    let data = "x".repeat(100_000);
    // More than the sockets' buffers take.
    for _ in 0..300 {
        gateway.announce("t", &data, Source::Api).await;
    }
    let mut other = gateway.device(V5, "cellar").await;
    let cut_off = async {
        while gateway.presence.of(KITCHEN).connections == 1 {
            other.ping().await;
        }
    };
    tokio::time::timeout(PATIENCE, cut_off).await.expect("the deaf client is cut off");
    // Whatever arrived before the end arrived whole.
    while let Some(packet) = deaf.receive().await {
        assert!(packet[0] == 0x30 && packet.len() > 100_000, "{:02x?}", &packet[..8]);
    }
}
