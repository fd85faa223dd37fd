//! Publishes: handed in as who logged in, and acknowledged by their verdict.

use farhook::bus::Publisher;
use farhook::bus::Refusal;
use farhook::bus::Submission;
use farhook::bus::Verdict;
use farhook::model::EventName;
use farhook::model::Properties;
use farhook::model::Publishing;
use farhook::model::Qos;

use crate::client::Client;
use crate::client::Connect;
use crate::client::V4;
use crate::client::V5;
use crate::client::packet;
use crate::gateway::Gateway;
use crate::gateway::KITCHEN;
use crate::gateway::OWNER;
use crate::gateway::accepted;
use crate::gateway::login;

fn accept(submission: Submission) {
    decide(submission, Ok(accepted()));
}

fn refuse(submission: Submission, refusal: Refusal) {
    decide(submission, Err(refusal));
}

/// Nobody waits for the verdict of a QoS 0 publish.
fn decide(submission: Submission, verdict: Verdict) {
    let _ = submission.verdict.send(verdict);
}

fn full() -> Refusal {
    Refusal::Full { reason: "no room".into() }
}

#[tokio::test]
async fn a_publish_is_acknowledged_after_its_verdict_and_not_before() {
    let mut gateway = Gateway::start().await;
    for level in [V4, V5] {
        let mut client = gateway.device(level, "kitchen").await;
        client.publish(0x32, "temp", 5, b"21.5").await;
        let submission = gateway.submission().await;
        assert_eq!(submission.publication.name, "temp");
        assert_eq!(submission.publication.data, &b"21.5"[..]);
        assert_eq!(submission.publication.publisher, Publisher::Device(KITCHEN));
        client.ping().await;
        accept(submission);
        client.expect(&[0x40, 2, 0, 5]).await;
    }
}

#[tokio::test]
async fn reading_goes_on_while_verdicts_are_out_and_answers_keep_the_order() {
    let mut gateway = Gateway::start().await;
    let mut client = gateway.device(V4, "kitchen").await;
    client.publish(0x32, "a", 1, b"").await;
    client.publish(0x34, "b", 2, b"").await;
    client.publish(0x32, "c", 3, b"").await;
    let first = gateway.submission().await;
    accept({
        let second = gateway.submission().await;
        accept(gateway.submission().await);
        second
    });
    client.ping().await;
    accept(first);
    client.expect(&[0x40, 2, 0, 1]).await;
    client.expect(&[0x50, 2, 0, 2]).await;
    client.expect(&[0x40, 2, 0, 3]).await;
}

#[tokio::test]
async fn no_more_is_read_than_may_be_outstanding() {
    let mut gateway = Gateway::start().await;
    let mut client = gateway.device(V4, "kitchen").await;
    let burst: Vec<u8> = (1..=100).flat_map(|id| client.publish_bytes(0x32, "t", id, b"")).collect();
    client.send(&burst).await;
    let mut waiting = Vec::new();
    for _ in 0..64 {
        waiting.push(gateway.submission().await);
    }
    let queue = gateway.intake.as_mut().unwrap();
    assert!(queue.is_empty());
    accept(waiting.remove(0));
    client.expect(&[0x40, 2, 0, 1]).await;
    accept(gateway.submission().await);
    waiting.drain(..).for_each(accept);
    for _ in 0..35 {
        accept(gateway.submission().await);
    }
    for id in 2..=100 {
        client.expect(&[0x40, 2, 0, id]).await;
    }
}

#[tokio::test]
async fn a_version_5_client_that_leaves_more_open_than_it_may_is_disconnected() {
    let gateway = Gateway::start().await;
    let mut client = gateway.device(V5, "kitchen").await;
    let burst: Vec<u8> = (1..=65).flat_map(|id| client.publish_bytes(0x34, "t", id, b"")).collect();
    client.send(&burst).await;
    let mut gateway = gateway;
    let mut waiting = Vec::new();
    for _ in 0..64 {
        waiting.push(gateway.submission().await);
    }
    waiting.drain(..).for_each(accept);
    for id in 1..=64 {
        client.expect(&[0x50, 2, 0, id]).await;
    }
    client.expect_end(0x93).await;
}

#[tokio::test]
async fn a_resend_is_marked_for_the_intake() {
    let mut gateway = Gateway::start().await;
    let mut first = gateway.device(V4, "kitchen").await;
    first.publish(0x32, "t", 9, b"").await;
    let sent = gateway.submission().await;
    let mut second = gateway.device(V4, "kitchen").await;
    second.publish(0x3A, "t", 9, b"").await;
    let again = gateway.submission().await;
    let mut other = gateway.device(V4, "cellar").await;
    other.publish(0x34, "t", 9, b"").await;
    let others = gateway.submission().await;
    other.publish(0x30, "t", 0, b"").await;
    assert_eq!(gateway.submission().await.publication.resend, None);

    let [sent, again, others] = [sent, again, others].map(|submission| submission.publication.resend.unwrap());
    assert_eq!((sent.packet_id, sent.dup), (9, false));
    assert_eq!((again.packet_id, again.dup), (9, true));
    assert_eq!(sent.session, again.session);
    assert_ne!(sent.session, others.session);
}

#[tokio::test]
async fn a_qos_2_publish_is_handed_in_once() {
    let mut gateway = Gateway::start().await;
    for level in [V4, V5] {
        let mut client = gateway.device(level, "kitchen").await;
        client.publish(0x34, "t", 3, b"x").await;
        let submission = gateway.submission().await;
        client.publish(0x3C, "t", 3, b"x").await;
        client.ping().await;
        accept(submission);
        client.expect(&[0x50, 2, 0, 3]).await;
        client.publish(0x3C, "t", 3, b"x").await;
        client.expect(&[0x50, 2, 0, 3]).await;
        client.send(&[0x62, 2, 0, 3]).await;
        client.expect(&[0x70, 2, 0, 3]).await;
        assert!(gateway.intake.as_mut().unwrap().is_empty());
        client.publish(0x34, "t", 3, b"y").await;
        accept(gateway.submission().await);
        client.expect(&[0x50, 2, 0, 3]).await;
    }
}

#[tokio::test]
async fn a_release_that_nobody_knows_is_completed_all_the_same() {
    let gateway = Gateway::start().await;
    let mut v4 = gateway.device(V4, "kitchen").await;
    v4.send(&[0x62, 2, 0, 3]).await;
    v4.expect(&[0x70, 2, 0, 3]).await;
    let mut v5 = gateway.device(V5, "kitchen").await;
    v5.send(&[0x62, 2, 0, 3]).await;
    v5.expect(&[0x70, 4, 0, 3, 0x92, 0]).await;
}

#[tokio::test]
async fn a_refusal_is_a_reason_code_in_version_5() {
    let mut gateway = Gateway::start().await;
    let mut client = Client::open(gateway.at, &Connect { properties: vec![0x17, 0], ..login(V5, "kitchen") }).await;
    let reserved = Refusal::Name(EventName::published("hook-sent/x").unwrap_err());
    let invalid = Refusal::Name(EventName::published("é/x").unwrap_err());
    for (refusal, code) in [
        (reserved, 0x87),
        (invalid, 0x90),
        (Refusal::DataTooLarge { bytes: 20_000 }, 0x99),
        (Refusal::UnknownPublisher, 0x87),
        (full(), 0x97),
    ] {
        client.publish(0x32, "x", 1, b"").await;
        refuse(gateway.submission().await, refusal.clone());
        client.expect(&[0x40, 4, 0, 1, code, 0]).await;
        // The packet id is free again at once: no PUBREL follows a refusal.
        client.publish(0x34, "x", 2, b"").await;
        refuse(gateway.submission().await, refusal);
        client.expect(&[0x50, 4, 0, 2, code, 0]).await;
    }
    client.publish(0x30, "x", 0, b"").await;
    refuse(gateway.submission().await, full());
    client.ping().await;
}

#[tokio::test]
async fn a_refusal_has_its_reason_in_words_unless_they_are_not_wanted() {
    let mut gateway = Gateway::start().await;
    let mut client = gateway.device(V5, "kitchen").await;
    client.publish(0x32, "x", 1, b"").await;
    refuse(gateway.submission().await, full());
    let puback = client.receive().await.unwrap();
    assert_eq!(puback[2..5], [0, 1, 0x97]);
    assert!(puback.ends_with(b"the gateway cannot store events now: no room"), "{puback:?}");
}

#[tokio::test]
async fn a_refusal_is_acknowledged_in_version_3() {
    let mut gateway = Gateway::start().await;
    let mut client = gateway.device(V4, "kitchen").await;
    client.publish(0x32, "é/x", 1, b"").await;
    refuse(gateway.submission().await, Refusal::Name(EventName::published("é/x").unwrap_err()));
    client.expect(&[0x40, 2, 0, 1]).await;
    client.publish(0x34, "x", 2, b"").await;
    refuse(gateway.submission().await, Refusal::DataTooLarge { bytes: 20_000 });
    client.expect(&[0x50, 2, 0, 2]).await;
    client.send(&[0x62, 2, 0, 2]).await;
    client.expect(&[0x70, 2, 0, 2]).await;
}

#[tokio::test]
async fn a_full_store_leaves_a_version_3_publish_with_the_device() {
    let mut gateway = Gateway::start().await;
    let mut client = gateway.device(V4, "kitchen").await;
    client.publish(0x32, "a", 1, b"").await;
    client.publish(0x32, "b", 2, b"").await;
    let (first, second) = (gateway.submission().await, gateway.submission().await);
    refuse(first, full());
    accept(second);
    client.expect(&[0x40, 2, 0, 2]).await;
    assert_eq!(client.receive().await, None);
}

#[tokio::test]
async fn a_publish_whose_verdict_never_comes_is_not_acknowledged() {
    for level in [V4, V5] {
        let mut gateway = Gateway::start().await;
        let mut client = gateway.device(level, "kitchen").await;
        client.publish(0x32, "a", 1, b"").await;
        drop(gateway.submission().await);
        client.expect_end(0x8B).await;
    }
}

#[tokio::test]
async fn an_observer_publishes_as_its_user() {
    let mut gateway = Gateway::start().await;
    let mut client = gateway.observer(V5).await;
    client.publish(0x30, "t", 0, b"").await;
    assert_eq!(gateway.submission().await.publication.publisher, Publisher::user(OWNER));
}

#[tokio::test]
async fn a_will_is_published_when_the_client_goes_without_a_word() {
    let mut gateway = Gateway::start().await;
    for level in [V4, V5] {
        let connect = Connect { will: Some(("gone".into(), "kitchen".into())), ..login(level, "kitchen") };
        drop(Client::open(gateway.at, &connect).await);
        let will = gateway.submission().await.publication;
        assert_eq!((will.name.as_str(), &will.data[..]), ("gone", &b"kitchen"[..]));
        assert_eq!(will.publisher, Publisher::Device(KITCHEN));

        let mut polite = Client::open(gateway.at, &connect).await;
        polite.send(&[0xE0, 0]).await;
        assert_eq!(polite.receive().await, None);
        assert!(gateway.intake.as_mut().unwrap().is_empty());
    }
    let connect = Connect { will: Some(("gone".into(), "kitchen".into())), ..login(V5, "kitchen") };
    let mut leaving = Client::open(gateway.at, &connect).await;
    leaving.send(&[0xE0, 1, 0x04]).await;
    assert_eq!(gateway.submission().await.publication.name, "gone");
}

#[tokio::test]
async fn what_came_before_the_end_of_the_connection_is_handed_in() {
    let mut gateway = Gateway::start().await;
    let mut client = gateway.device(V4, "kitchen").await;
    let burst: Vec<u8> = (0..500).flat_map(|_| client.publish_bytes(0x30, "t", 0, b"")).collect();
    client.send(&burst).await;
    drop(client);
    for _ in 0..500 {
        gateway.submission().await;
    }
}

#[tokio::test]
async fn a_publish_is_handed_in_with_its_qos_its_retain_flag_and_its_properties() {
    let mut gateway = Gateway::start().await;
    let mut client = gateway.device(V5, "kitchen").await;
    let properties = [&[2, 0, 0, 0, 60, 3, 0, 1, b'c', 8, 0, 1, b'r'][..], &[0x26, 0, 1, b'n', 0, 1, b'v']].concat();
    let body = [&[0, 1, b't', 0, 1, u8::try_from(properties.len()).unwrap()][..], &properties, b"x"].concat();
    client.send(&packet(0x33, &body)).await;
    let publishing = gateway.submission().await.publication.publishing;
    let properties = Properties {
        expiry_s: Some(60),
        content_type: Some("c".into()),
        response_topic: Some("r".into()),
        user: vec![("n".into(), "v".into())],
        ..Properties::default()
    };
    let (session, properties) = (publishing.session, Some(Box::new(properties)));
    assert!(session.is_some());
    assert_eq!(publishing, Publishing { qos: Qos::AtLeastOnce, retain: true, session, properties });
    let mut old = gateway.device(V4, "cellar").await;
    old.publish(0x31, "t", 0, b"x").await;
    let publishing = gateway.submission().await.publication.publishing;
    let other = publishing.session;
    assert_ne!(other, session);
    assert_eq!(publishing, Publishing { qos: Qos::AtMostOnce, retain: true, session: other, properties: None });
}

#[tokio::test]
async fn a_will_has_its_qos_its_retain_flag_and_its_properties() {
    let mut gateway = Gateway::start().await;
    let connect = Connect {
        will: Some(("gone".into(), "x".into())),
        will_properties: vec![1, 1],
        flags: 0b0011_0010,
        ..login(V5, "kitchen")
    };
    drop(Client::open(gateway.at, &connect).await);
    let publishing = gateway.submission().await.publication.publishing;
    let properties = Properties { is_text: Some(true), ..Properties::default() };
    let expected =
        Publishing { qos: Qos::ExactlyOnce, retain: true, session: None, properties: Some(Box::new(properties)) };
    assert_eq!(publishing, expected);
}
