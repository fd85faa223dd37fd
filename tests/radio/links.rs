//! Links that begin, fail, end, and are taken up again.

use std::collections::BTreeSet;
use std::sync::Arc;

use tokio::sync::Notify;
use tokio::time::Duration;
use tokio::time::Instant;

use crate::bluez::Bluez;
use crate::bluez::Happened;
use crate::bluez::Manner;
use crate::bluez::Sent;
use crate::frames;
use crate::frames::Message;
use crate::linked;
use crate::linked::ADDRESS;
use crate::linked::Linked;
use crate::linked::NAME;
use crate::linked::adopt;
use crate::linked::link;
use crate::linked::wait_for_link;
use crate::linked::wait_until_link;
use crate::peripheral::Peripheral;
use crate::peripheral::UART_TX;
use crate::peripheral::event;
use crate::receiver::Answer;
use crate::receiver::Closed;
use crate::receiver::Receiver;
use crate::scene;
use crate::scene::ADAPTER;
use crate::scene::wait_for;
use crate::scene::wait_for_state;

const OTHER: &str = "C0:00:00:00:00:02";

#[tokio::test]
async fn an_answer_that_comes_while_the_link_is_down_is_written_when_it_is_back() {
    if scene::is_missing() {
        return;
    }
    let leave = Arc::new(Notify::new());
    let mut receiver = Receiver::with({
        let leave = Arc::clone(&leave);
        move |_| Answer::After(Arc::clone(&leave))
    });
    let mut linked = Linked::framed(185).await;
    linked.hook(&receiver).await;
    let id = linked.device.publish(r#"{"t":"temp","d":"1"}"#);
    linked.device.acked(id).await;
    receiver.next().await;
    let before = link(&linked.scene.gateway, NAME).await;
    linked.scene.bluez.when(|service| {
        service.behave(ADDRESS, Manner::Refuses);
        service.end_link(ADDRESS);
    });
    linked.device.until(&Happened::Disconnected).await;
    wait_until_link(&linked.scene.gateway, NAME, |link| link["state"] != before["state"]).await;
    leave.notify_waiters();
    linked.scene.gateway.wait_for_queue("waiting", 0).await;
    linked.scene.bluez.when(|service| service.behave(ADDRESS, Manner::Answers));
    linked.taken_up().await;
    assert_eq!(linked.device.response().await, ("hook-response/temp/0".to_owned(), "ok".to_owned()));
}

#[tokio::test]
async fn a_link_that_is_lost_in_the_middle_of_a_message_loses_nothing() {
    if scene::is_missing() {
        return;
    }
    let (whole, parts) = linked::long_answer();
    let mut receiver = linked::answering(whole);
    let mut linked = Linked::framed(23).await;
    linked.hook(&receiver).await;

    // In the middle of what the device says.
    let message = Message::new(frames::PUBLISH, 40, format!(r#"{{"t":"temp","d":"{}"}}"#, "x".repeat(60)).as_bytes());
    for frame in message.frames(23).iter().take(2) {
        assert!(linked.device.notify(frame));
    }
    linked.scene.bluez.when(|service| service.end_link(ADDRESS));
    linked.device.until(&Happened::Disconnected).await;
    linked.taken_up().await;
    linked.device.repeat(&message);
    linked.device.acked(40).await;
    receiver.next().await;

    // And in the middle of what the gateway says.
    while !matches!(linked.device.happened().await, Happened::Written(..)) {}
    linked.scene.bluez.when(|service| service.end_link(ADDRESS));
    linked.device.until(&Happened::Disconnected).await;
    linked.taken_up().await;
    for (number, part) in parts.into_iter().enumerate() {
        assert_eq!(linked.device.response().await, (format!("hook-response/temp/{number}"), part));
    }
    assert!(receiver.unexpected().is_none());
}

#[tokio::test]
async fn what_a_device_says_last_is_taken_and_it_may_be_heard_while_its_link_ends() {
    if scene::is_missing() {
        return;
    }
    let mut receiver = Receiver::start();
    let mut linked = Linked::uart(185).await;
    linked.hook(&receiver).await;
    for number in ["1", "2", "3"] {
        linked.scene.bluez.when(move |service| {
            let line = format!("{{\"t\":\"temp\",\"d\":\"{number}\"}}\n");
            assert!(service.notify(ADDRESS, UART_TX, line.as_bytes()));
            service.end_link(ADDRESS);
            // It sends at once, now from nearer, now from farther.
            for number in 0..80 {
                service
                    .send("hci0", &Sent { address: ADDRESS.into(), rssi: 10 * (number % 2) - 60, ..Sent::default() });
            }
        });
        assert_eq!(receiver.next().await.json()["data"], number);
        linked.device.until(&Happened::Disconnected).await;
        linked.device.connected().await;
        wait_for_link(&linked.scene.gateway, NAME, "connected").await;
    }
    let log = linked.scene.gateway.log();
    assert!(!log.contains("panicked"), "{log}");
}

#[tokio::test]
async fn an_answer_that_is_not_taken_is_written_again_and_then_over_the_next_link() {
    if scene::is_missing() {
        return;
    }
    let receiver = Receiver::start();
    let mut linked = Linked::framed(185).await;
    linked.hook(&receiver).await;
    let id = linked.device.publish(r#"{"t":"temp","d":"1"}"#);
    linked.device.acked(id).await;
    let first = linked.device.message(frames::RESPONSE).await;
    assert_eq!(linked.device.message(frames::RESPONSE).await, first);
    linked.device.until(&Happened::Disconnected).await;
    linked.taken_up().await;
    let again = linked.device.message(frames::RESPONSE).await;
    assert_eq!(event(&again), event(&first));
    linked.device.repeat(&Message::new(frames::ACK, again.id, &[]));
    let id = linked.device.say(frames::PING, &[]);
    linked.device.acked(id).await;
}

#[tokio::test]
async fn sixteen_answers_wait_for_a_device() {
    if scene::is_missing() {
        return;
    }
    let closed = Closed::new();
    let device = Peripheral::framed(ADDRESS, 185);
    let mut linked = Linked::adopted(device, "farhook", "[limits]\ndevice_per_minute = 0").await;
    linked.taken_up().await;
    linked.hook_to(&closed.url("/")).await;
    for number in 0..20 {
        let id = linked.device.publish(&format!(r#"{{"t":"temp","d":"{number}"}}"#));
        linked.device.acked(id).await;
    }
    linked.scene.bluez.when(|service| {
        service.behave(ADDRESS, Manner::Refuses);
        service.end_link(ADDRESS);
    });
    linked.device.until(&Happened::Disconnected).await;
    wait_until_link(&linked.scene.gateway, NAME, |link| link["state"] != "connected").await;
    let receiver = closed.open(|request| Answer::ok(request.json()["data"].as_str().unwrap()));
    linked.scene.gateway.wait_for_queue("waiting", 0).await;
    linked.scene.bluez.when(|service| service.behave(ADDRESS, Manner::Answers));
    linked.taken_up().await;
    let mut answers = BTreeSet::new();
    while answers.len() < 16 {
        assert!(answers.insert(linked.device.response().await.1), "one comes twice");
    }
    let id = linked.device.say(frames::PING, &[]);
    linked.device.acked(id).await;
    assert!(!linked.device.has(frames::RESPONSE), "more than 16 have waited");
    drop(receiver);
}

#[tokio::test]
async fn a_device_that_sends_nothing_but_who_it_is_is_taken_up_again() {
    if scene::is_missing() {
        return;
    }
    // BlueZ tells its first advert alone: the others say nothing new.
    let mut linked = Linked::adopted(Peripheral::uart(ADDRESS, 185).quiet(), "uart", "").await;
    linked.device.connected().await;
    let since = Instant::now();
    wait_for(&linked.scene.gateway, |_| since.elapsed() > Duration::from_secs(11)).await;
    linked.scene.bluez.when(|service| service.end_link(ADDRESS));
    linked.device.until(&Happened::Disconnected).await;
    linked.device.connected().await;
    // Also if it was away for a while.
    linked.scene.bluez.when(|service| {
        service.behave(ADDRESS, Manner::Refuses);
        service.end_link(ADDRESS);
    });
    let since = Instant::now();
    wait_for(&linked.scene.gateway, |_| since.elapsed() > Duration::from_secs(11)).await;
    linked.scene.bluez.when(|service| service.behave(ADDRESS, Manner::Answers));
    linked.device.connected().await;
}

#[tokio::test]
async fn who_says_no_hello_is_left_alone() {
    if scene::is_missing() {
        return;
    }
    let mut linked = Linked::adopted(Peripheral::framed(ADDRESS, 185), "farhook", "").await;
    linked.device.connected().await;
    linked.device.message(frames::HELLO).await;
    let (_, code, _) = linked.device.refusal().await;
    assert_eq!(code, 4);
    linked.device.until(&Happened::Disconnected).await;
    linked.taken_up().await;
}

#[tokio::test]
async fn whatever_ends_the_radio_the_link_is_taken_up_when_it_is_back() {
    if scene::is_missing() {
        return;
    }
    let mut linked = Linked::framed(185).await;
    let bluez = &linked.scene.bluez;
    bluez.when(|service| service.switch("hci0", false));
    wait_for_state(&linked.scene.gateway, "off").await;
    wait_until_link(&linked.scene.gateway, NAME, |link| link["state"] != "connected").await;
    linked.device.until(&Happened::Disconnected).await;
    bluez.when(|service| service.switch("hci0", true));
    linked.taken_up().await;

    let bluez = &linked.scene.bluez;
    bluez.when(|service| service.unplug("hci0", &[ADDRESS]));
    wait_for_state(&linked.scene.gateway, "unplugged").await;
    bluez.when(|service| service.plug("hci3", ADAPTER));
    linked.device.until(&Happened::Disconnected).await;
    linked.taken_up().await;

    linked.scene.bluez.stop();
    wait_for_state(&linked.scene.gateway, "no_bluetoothd").await;
    wait_until_link(&linked.scene.gateway, NAME, |link| link["state"] != "connected").await;
    linked.device.until(&Happened::Disconnected).await;
    back(&mut linked);
    linked.taken_up().await;

    for _ in 0..2 {
        linked.scene.bus.kill();
        wait_for_state(&linked.scene.gateway, "no_bus").await;
        linked.scene.bluez.stop();
        linked.device.until(&Happened::Disconnected).await;
        linked.scene.bus.start_again();
        back(&mut linked);
        linked.taken_up().await;
    }
    let log = linked.scene.gateway.log();
    assert!(!log.contains("panicked"), "{log}");
    linked.scene.gateway.stop().await;
}

/// The Bluetooth service is started again.
fn back(linked: &mut Linked) {
    linked.scene.bluez = Bluez::start(&linked.scene.bus.address());
    linked.scene.bluez.when(|service| service.plug("hci0", ADAPTER));
    linked.device.come(&linked.scene.bluez);
}

#[tokio::test]
async fn a_device_that_does_not_answer_is_tried_less_and_less_often() {
    if scene::is_missing() {
        return;
    }
    let device = Peripheral::framed(ADDRESS, 185);
    let mut linked = Linked::adopted(device, "uart", "").await;
    // It has no UART, and then it refuses.
    linked.device.until(&Happened::Disconnected).await;
    let told = wait_until_link(&linked.scene.gateway, NAME, |link| link["reason"].is_string()).await;
    assert_eq!(told["state"], "waiting", "{told}");
    linked.scene.bluez.when(|service| service.behave(ADDRESS, Manner::Refuses));
    let mut failures = told["failures"].as_u64().unwrap();
    for _ in 0..2 {
        let told =
            wait_until_link(&linked.scene.gateway, NAME, |link| link["failures"].as_u64() > Some(failures)).await;
        failures = told["failures"].as_u64().unwrap();
    }
    let told = link(&linked.scene.gateway, NAME).await;
    assert!(told["reason"].as_str().unwrap().contains("le-connection-abort-by-local"), "{told}");
}

#[tokio::test]
async fn one_device_at_a_time_is_connected_to() {
    if scene::is_missing() {
        return;
    }
    let mut first = Peripheral::framed(ADDRESS, 185);
    let mut linked = {
        let scene = scene::Scene::start("").await;
        first.come(&scene.bluez);
        scene.bluez.when(|service| service.behave(ADDRESS, Manner::Hangs));
        let adopted = adopt(&scene.gateway, &first, NAME, "farhook").await;
        let part = |part: &str| adopted[part].as_str().unwrap().to_owned();
        Linked { device: first, id: part("id"), key: part("key"), scene }
    };
    linked.device.until(&Happened::Wanted).await;
    wait_for_link(&linked.scene.gateway, NAME, "connecting").await;
    let mut second = Peripheral::uart(OTHER, 185);
    second.come(&linked.scene.bluez);
    adopt(&linked.scene.gateway, &second, "fan", "uart").await;
    let heard = |scan: &serde_json::Value| scene::listed(scan, OTHER).unwrap()["count"].as_u64().unwrap();
    let before = heard(&wait_for(&linked.scene.gateway, |_| true).await);
    wait_for(&linked.scene.gateway, |scan| heard(scan) > before + 5).await;
    assert_eq!(second.unexpected(), None, "two are connected to at once");
    assert_eq!(link(&linked.scene.gateway, "fan").await["state"], "waiting");
    linked.scene.bluez.when(|service| service.behave(ADDRESS, Manner::Answers));
    linked.taken_up().await;
    second.connected().await;
    wait_for_link(&linked.scene.gateway, "fan", "connected").await;
}

#[tokio::test]
async fn of_more_devices_than_links_the_others_wait() {
    if scene::is_missing() {
        return;
    }
    let mut linked = Linked::adopted(Peripheral::uart(ADDRESS, 185), "uart", "[ble]\nlinks = 1").await;
    linked.device.connected().await;
    wait_for_link(&linked.scene.gateway, NAME, "connected").await;
    let mut second = Peripheral::uart(OTHER, 185);
    second.come(&linked.scene.bluez);
    adopt(&linked.scene.gateway, &second, "fan", "uart").await;
    let told = wait_until_link(&linked.scene.gateway, "fan", |link| link["reason"].is_string()).await;
    assert_eq!(told["state"], "waiting", "{told}");
    assert_eq!(second.unexpected(), None, "there are more links than allowed");
    linked.scene.bluez.when(|service| service.leave(ADDRESS));
    second.connected().await;
    wait_for_link(&linked.scene.gateway, "fan", "connected").await;
}

#[tokio::test]
async fn who_is_forgotten_or_gets_another_key_is_disconnected() {
    if scene::is_missing() {
        return;
    }
    let mut linked = Linked::framed(185).await;
    let fresh = linked.scene.gateway.json(&["device", "key", NAME]).await;
    let fresh = fresh["key"].as_str().unwrap().to_owned();
    linked.device.until(&Happened::Disconnected).await;
    linked.key = fresh;
    linked.taken_up().await;
    linked.scene.gateway.json(&["ble", "forget", NAME]).await;
    linked.device.until(&Happened::Disconnected).await;
    let before = scene::listed(&linked.scene.gateway.json(&["ble", "scan"]).await, ADDRESS).unwrap()["count"].clone();
    wait_for(&linked.scene.gateway, |scan| scene::listed(scan, ADDRESS).unwrap()["count"].as_u64() > before.as_u64())
        .await;
    assert_eq!(linked.device.unexpected(), None);
}

#[tokio::test]
async fn a_gateway_that_stops_disconnects_and_takes_its_devices_up_when_it_starts() {
    if scene::is_missing() {
        return;
    }
    let mut linked = Linked::framed(185).await;
    linked.scene.gateway.stop().await;
    linked.device.until(&Happened::Disconnected).await;
    linked.scene.gateway.start_again().await;
    linked.taken_up().await;
    // Whoever was killed could not disconnect.
    linked.scene.gateway.kill().await;
    linked.scene.gateway.start_again().await;
    linked.device.begin().await;
    linked.device.hello(&linked.key).await;
    wait_for_link(&linked.scene.gateway, NAME, "connected").await;
}
