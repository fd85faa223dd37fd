//! What a connected device and the gateway say to each other.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;

use serde_json::Value;
use serde_json::json;

use crate::bluez::Happened;
use crate::frames;
use crate::frames::Message;
use crate::linked;
use crate::linked::ADDRESS;
use crate::linked::Linked;
use crate::linked::NAME;
use crate::linked::answering;
use crate::linked::wait_until_link;
use crate::peripheral::Peripheral;
use crate::peripheral::event;
use crate::receiver::Answer;
use crate::receiver::Receiver;
use crate::scene;

/// The smallest there is, and what phones and ESP32 agree on.
const MTUS: [u16; 2] = [23, 247];

#[tokio::test]
async fn what_a_device_publishes_is_requested_and_the_answer_is_written_back() {
    if scene::is_missing() {
        return;
    }
    for mtu in MTUS {
        let mut receiver = Receiver::start();
        let mut linked = Linked::framed(mtu).await;
        linked.hook(&receiver).await;
        for (published, name, data) in [
            (r#"{"t":"temp","d":"21.5 °C"}"#, "temp", "21.5 °C"),
            (r#"{"t":"temp/in","d":{"value": 21}}"#, "temp/in", r#"{"value": 21}"#),
            (r#"{"t":"temp"}"#, "temp", ""),
        ] {
            let id = linked.device.publish(published);
            linked.device.acked(id).await;
            let wanted = json!({ "name": name, "device": linked.id, "data": data });
            assert_eq!(receiver.next().await.json(), wanted);
            let answer = linked.device.response().await;
            assert_eq!(answer, (format!("hook-response/{name}/0"), "ok".to_owned()));
        }
        let long = "x".repeat(4096 - r#"{"t":"temp","d":""}"#.len());
        let id = linked.device.publish(&format!(r#"{{"t":"temp","d":"{long}"}}"#));
        linked.device.acked(id).await;
        assert_eq!(receiver.next().await.json()["data"], json!(long));
        assert_eq!(linked.device.response().await.1, "ok");
        assert!(receiver.unexpected().is_none());
    }
}

#[tokio::test]
async fn a_line_that_a_device_prints_is_requested_and_the_answer_is_a_line() {
    if scene::is_missing() {
        return;
    }
    for mtu in MTUS {
        let (whole, _) = linked::long_answer();
        let mut receiver = answering(whole.clone());
        let mut linked = Linked::uart(mtu).await;
        linked.hook(&receiver).await;
        // What firmware prints for people is left out, and what is too long is refused.
        linked.device.print("booting...\r\n\n");
        linked.device.print(&format!("{{\"t\":\"temp\",\"d\":\"{}\"}}\n", "x".repeat(4096)));
        assert!(linked.device.line().await.contains("at most 4096 bytes"));
        linked.device.print("{\"t\":\"temp\",\"d\":[1,\"ä\"]}\r\n{\"t\":\"temp/in\",\"d\":\"2\"}\n");
        for (name, data) in [("temp", "[1,\"ä\"]"), ("temp/in", "2")] {
            assert_eq!(receiver.next().await.json(), json!({ "name": name, "device": linked.id, "data": data }));
            assert_eq!(linked.device.line().await, whole);
        }
        assert!(receiver.unexpected().is_none());
    }
}

#[tokio::test]
async fn an_answer_in_several_parts_comes_in_their_order() {
    if scene::is_missing() {
        return;
    }
    for mtu in MTUS {
        let (whole, parts) = linked::long_answer();
        let receiver = answering(whole);
        let mut linked = Linked::framed(mtu).await;
        linked.hook(&receiver).await;
        let id = linked.device.publish(r#"{"t":"temp","d":"1"}"#);
        linked.device.acked(id).await;
        for (number, part) in parts.into_iter().enumerate() {
            let message = linked.device.message(frames::RESPONSE).await;
            assert_eq!(event(&message), (format!("hook-response/temp/{number}"), part));
            // The next one waits until this one is taken.
            linked.scene.gateway.json(&["status"]).await;
            assert!(!linked.device.has(frames::RESPONSE), "part {} came too early", number + 1);
            linked.device.repeat(&Message::new(frames::ACK, message.id, &[]));
        }
    }
}

#[tokio::test]
async fn an_error_of_the_target_is_written_back() {
    if scene::is_missing() {
        return;
    }
    let receiver = Receiver::with(|_| Answer::status(404));
    let mut linked = Linked::framed(247).await;
    linked.hook(&receiver).await;
    let id = linked.device.publish(r#"{"t":"temp","d":"1"}"#);
    linked.device.acked(id).await;
    let (name, data) = linked.device.response().await;
    assert_eq!(name, "hook-error/temp/0");
    assert!(data.contains("404"), "{data}");

    let mut linked = Linked::uart(247).await;
    linked.hook(&receiver).await;
    linked.device.print("{\"t\":\"temp\",\"d\":\"1\"}\n");
    let line = linked.device.line().await;
    assert!(line.contains("404"), "{line}");
}

#[tokio::test]
async fn what_cannot_be_an_event_is_refused_and_the_next_is_taken() {
    if scene::is_missing() {
        return;
    }
    let bad = [
        r#"{"t":"","d":"1"}"#.to_owned(),
        r#"{"t":"spark/temp","d":"1"}"#.to_owned(),
        r#"{"t":"hook-response/temp/0","d":"1"}"#.to_owned(),
        format!(r#"{{"t":"{}","d":"1"}}"#, "x".repeat(65)),
        r#"{"t":7}"#.to_owned(),
        r#"{"d":"1"}"#.to_owned(),
        r#"{"t":"temp""#.to_owned(),
    ];
    let mut receiver = Receiver::start();
    let mut linked = Linked::framed(185).await;
    linked.hook(&receiver).await;
    for body in &bad {
        let id = linked.device.publish(body);
        let (about, code, text) = linked.device.refusal().await;
        assert_eq!((about, code), (id, 2), "{body}: {text}");
        assert!(!text.is_empty());
    }
    let id = linked.device.say(frames::PUBLISH, &[0xff, 0xfe]);
    let (about, code, _) = linked.device.refusal().await;
    assert_eq!((about, code), (id, 2));
    let id = linked.device.publish(r#"{"t":"temp","d":"1"}"#);
    linked.device.acked(id).await;
    assert_eq!(receiver.next().await.json()["data"], "1");

    let mut linked = Linked::uart(185).await;
    linked.hook(&receiver).await;
    for body in &bad {
        linked.device.print(&format!("{body}\n"));
        let line: Value = serde_json::from_str(&linked.device.line().await).unwrap();
        assert!(line["error"].as_str().is_some_and(|text| !text.is_empty()), "{body}: {line}");
    }
    linked.device.print("{\"t\":\"temp\",\"d\":\"2\"}\n");
    assert_eq!(receiver.next().await.json()["data"], "2");
    assert_eq!(linked.device.line().await, "ok");
}

#[tokio::test]
async fn what_comes_broken_is_refused_and_can_be_sent_again() {
    if scene::is_missing() {
        return;
    }
    let mut receiver = Receiver::start();
    let mut linked = Linked::framed(23).await;
    linked.hook(&receiver).await;
    let body = format!(r#"{{"t":"temp","d":"{}"}}"#, "x".repeat(60));
    let message = Message::new(frames::PUBLISH, 77, body.as_bytes());
    let whole = message.frames(23);
    let broken = {
        let mut frames = whole.clone();
        *frames.last_mut().unwrap().last_mut().unwrap() ^= 1;
        frames
    };
    let gap = [&whole[..1], &whole[2..]].concat();
    for frames in [broken, gap, whole[1..].to_vec()] {
        for frame in frames {
            assert!(linked.device.notify(&frame));
        }
        let (about, code, _) = linked.device.refusal().await;
        assert_eq!((about, code), (77, 1));
    }
    // One that is given up in the middle, and then the whole.
    for frame in whole.iter().take(2).chain(&whole) {
        assert!(linked.device.notify(frame));
    }
    linked.device.acked(77).await;
    assert_eq!(receiver.next().await.json()["data"], json!("x".repeat(60)));
    assert_eq!(linked.device.response().await.1, "ok");
    assert!(!linked.device.has(frames::ERROR));
    assert!(receiver.unexpected().is_none());
}

#[tokio::test]
async fn what_is_published_again_is_acknowledged_again_and_is_one_event() {
    if scene::is_missing() {
        return;
    }
    let mut receiver = Receiver::start();
    let mut linked = Linked::framed(185).await;
    linked.hook(&receiver).await;
    let first = Message::new(frames::PUBLISH, 5, br#"{"t":"temp","d":"1"}"#);
    for _ in 0..3 {
        linked.device.repeat(&first);
        linked.device.acked(5).await;
    }
    // Also over another connection.
    linked.scene.bluez.when(|service| service.end_link(ADDRESS));
    linked.device.until(&Happened::Disconnected).await;
    linked.taken_up().await;
    linked.device.repeat(&first);
    linked.device.acked(5).await;
    // The same number with something else is something else.
    linked.device.repeat(&Message::new(frames::PUBLISH, 5, br#"{"t":"temp","d":"2"}"#));
    linked.device.acked(5).await;
    assert_eq!((receiver.next().await.json()["data"].clone(), receiver.next().await.json()["data"].clone()), {
        (json!("1"), json!("2"))
    });
    linked.scene.gateway.wait_for_queue("waiting", 0).await;
    assert!(receiver.unexpected().is_none());
}

#[tokio::test]
async fn what_is_acknowledged_survives_the_death_of_the_gateway() {
    if scene::is_missing() {
        return;
    }
    let answers = Arc::new(AtomicBool::new(false));
    let mut receiver = Receiver::with({
        let answers = Arc::clone(&answers);
        move |_| {
            if answers.load(Ordering::Relaxed) { Answer::ok("ok") } else { Answer::After(Arc::default()) }
        }
    });
    let mut linked = Linked::framed(185).await;
    linked.hook(&receiver).await;
    for number in 0..5 {
        answers.store(false, Ordering::Relaxed);
        let id = linked.device.publish(&format!(r#"{{"t":"temp","d":"{number}"}}"#));
        linked.device.acked(id).await;
        linked.scene.gateway.kill().await;
        answers.store(true, Ordering::Relaxed);
        linked.scene.gateway.start_again().await;
        // BlueZ keeps the connection for a gateway that comes back.
        linked.device.begin().await;
        linked.device.hello(&linked.key).await;
        while receiver.next().await.json()["data"].as_str() != Some(&number.to_string()) {}
        assert_eq!(linked.device.response().await.1, "ok");
    }
}

#[tokio::test]
async fn a_ping_is_answered_with_its_number() {
    if scene::is_missing() {
        return;
    }
    let mut linked = Linked::framed(23).await;
    let id = linked.device.say(frames::PING, &[]);
    linked.device.acked(id).await;
}

#[tokio::test]
async fn who_does_not_prove_to_be_the_device_is_refused_and_that_is_told() {
    if scene::is_missing() {
        return;
    }
    let mut receiver = Receiver::start();
    let mut linked = Linked::adopted(Peripheral::framed(ADDRESS, 185), "farhook", "").await;
    linked.hook(&receiver).await;
    linked.device.connected().await;
    // Before it is clear who it is nothing is taken.
    let id = linked.device.publish(r#"{"t":"temp","d":"1"}"#);
    let (about, code, _) = linked.device.refusal().await;
    assert_eq!((about, code), (id, 4));
    linked.device.introduce("not the key").await;
    let (_, code, _) = linked.device.refusal().await;
    assert_eq!(code, 4);
    linked.device.until(&Happened::Disconnected).await;
    let link = wait_until_link(&linked.scene.gateway, NAME, |link| link["reason"].is_string()).await;
    assert!(link["reason"].as_str().unwrap().contains("key"), "{link}");
    assert_ne!(link["state"], "connected", "{link}");
    assert!(receiver.unexpected().is_none());
    // With the right one it is taken up.
    linked.taken_up().await;
    let id = linked.device.publish(r#"{"t":"temp","d":"2"}"#);
    linked.device.acked(id).await;
    assert_eq!(receiver.next().await.json()["data"], "2");
}
