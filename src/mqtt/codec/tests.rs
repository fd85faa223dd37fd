//! Tests of both directions.

use proptest::prelude::*;

use super::*;
use crate::model::Properties;
use crate::model::Publishing;
use crate::model::Qos;
use crate::mqtt::frame;
use crate::mqtt::frame::Limits;
use crate::mqtt::frame::kind;
use crate::mqtt::packet::ConnAck;
use crate::mqtt::packet::Connect;
use crate::mqtt::packet::Delivery;
use crate::mqtt::packet::Publish;
use crate::mqtt::packet::Reason;
use crate::mqtt::packet::Received;
use crate::mqtt::packet::Reply;
use crate::mqtt::packet::RetainHandling;
use crate::mqtt::packet::Version;
use crate::mqtt::packet::Violation;
use crate::mqtt::packet::Will;
use crate::mqtt::packet::Wish;
use bytes::Bytes;
use bytes::BytesMut;

const LIMITS: Limits = Limits { packet_bytes: 20_000, subscribe_bytes: 20_000 };

/// What a connection does with bytes after its CONNECT.
fn take(version: Version, bytes: &[u8]) -> Result<Option<Received>, Violation> {
    match frame::header(bytes, version, LIMITS)? {
        Some(header) if header.total_bytes <= bytes.len() => {
            decode(version, header, BytesMut::from(&bytes[..header.total_bytes])).map(Some)
        }
        _ => Ok(None),
    }
}

fn take_connect(bytes: &[u8]) -> Option<Result<Connect, Violation>> {
    let header = frame::header(bytes, Version::V4, LIMITS).ok()??;
    let packet = bytes.get(..header.total_bytes)?;
    match (header.kind, greet(packet, header)) {
        (kind::CONNECT, Ok(Greeting::Spoken(version))) => Some(decode_connect(version, BytesMut::from(packet))),
        _ => None,
    }
}

fn written(version: Version, reply: Reply) -> Vec<u8> {
    let mut out = BytesMut::new();
    encode(version, reply, &mut out);
    out.to_vec()
}

fn delivery(qos: Qos, packet_id: u16, subscription_ids: &[u32]) -> Delivery<'_> {
    Delivery {
        qos,
        packet_id,
        dup: false,
        retain: false,
        topic: b"a/b",
        data: b"data",
        subscription_ids,
        properties: &[],
        expiry_s: None,
        alias: None,
    }
}

#[test]
fn a_publish_is_read_with_its_packet_id_and_flags() {
    let publish = Publish {
        topic: "a/b".into(),
        topic_alias: None,
        data: Bytes::from_static(b"hi"),
        qos: Qos::ExactlyOnce,
        packet_id: 0x0102,
        dup: true,
        retain: true,
        properties: None,
    };
    let v4 = [0x3D, 9, 0, 3, b'a', b'/', b'b', 1, 2, b'h', b'i'];
    assert_eq!(take(Version::V4, &v4), Ok(Some(Received::Publish(publish.clone()))));
    let v5 = [0x3D, 10, 0, 3, b'a', b'/', b'b', 1, 2, 0, b'h', b'i'];
    assert_eq!(take(Version::V5, &v5), Ok(Some(Received::Publish(publish))));
}

#[test]
fn a_disconnect_may_have_a_reason_and_no_properties() {
    let left = |with_will| Ok(Some(Received::Disconnect { with_will, expiry_s: None }));
    assert_eq!(take(Version::V4, &[0xE0, 0]), left(false));
    assert_eq!(take(Version::V5, &[0xE0, 0]), left(false));
    assert_eq!(take(Version::V5, &[0xE0, 1, 0]), left(false));
    assert_eq!(take(Version::V5, &[0xE0, 1, 4]), left(true));
    assert_eq!(take(Version::V5, &[0xE0, 2, 4, 0]), left(true));
    assert_eq!(take(Version::V4, &[0xE0, 1, 4]), Err(Violation::MALFORMED));
    let lasting = Received::Disconnect { with_will: false, expiry_s: Some(9) };
    assert_eq!(take(Version::V5, &[0xE0, 7, 0, 5, 0x11, 0, 0, 0, 9]), Ok(Some(lasting)));
}

#[test]
fn a_wish_has_its_options() {
    let bytes = [0x82, 10, 0, 1, 2, 0x0B, 5, 0, 2, b't', b'/', 0b0010_1110];
    let wishes = vec![Wish {
        filter: "t/".into(),
        qos: Qos::ExactlyOnce,
        no_local: true,
        keeps_retain: true,
        retained: RetainHandling::Never,
    }];
    let expected = Received::Subscribe { packet_id: 1, subscription_id: Some(5), wishes };
    assert_eq!(take(Version::V5, &bytes), Ok(Some(expected)));
}

#[test]
fn replies_are_written_in_the_form_of_their_version() {
    let v4 = |reply| written(Version::V4, reply);
    let v5 = |reply| written(Version::V5, reply);
    let text = || Some("no".to_owned());
    let refusal = || Reply::PubAck { packet_id: 1, reason: Reason::TopicInvalid, text: text() };
    assert_eq!(v4(refusal()), [0x40, 2, 0, 1]);
    assert_eq!(v5(refusal()), [0x40, 9, 0, 1, 0x90, 5, 0x1F, 0, 2, b'n', b'o']);
    let refusal = || Reply::PubRec { packet_id: 1, reason: Reason::QuotaExceeded, text: text() };
    assert_eq!(v4(refusal()), [0x50, 2, 0, 1]);
    assert_eq!(v5(refusal()), [0x50, 9, 0, 1, 0x97, 5, 0x1F, 0, 2, b'n', b'o']);
    let release = || Reply::PubRel { packet_id: 1, known: false };
    assert_eq!(v4(release()), [0x62, 2, 0, 1]);
    assert_eq!(v5(release()), [0x62, 4, 0, 1, 0x92, 0]);
    let grants = || vec![Ok(Qos::ExactlyOnce), Err(Reason::SharedNotSupported), Err(Reason::QuotaExceeded)];
    assert_eq!(v4(Reply::SubAck { packet_id: 1, grants: grants() }), [0x90, 5, 0, 1, 2, 0x80, 0x80]);
    assert_eq!(v5(Reply::SubAck { packet_id: 1, grants: grants() }), [0x90, 6, 0, 1, 0, 2, 0x9E, 0x97]);
    assert_eq!(v4(Reply::UnsubAck { packet_id: 1, existed: vec![true] }), [0xB0, 2, 0, 1]);
    assert!(v4(Reply::Disconnect { reason: Reason::ShuttingDown }).is_empty());
    assert_eq!(v5(Reply::Disconnect { reason: Reason::ShuttingDown }), [0xE0, 2, 0x8B, 0]);
}

#[test]
fn every_reason_can_be_written_in_every_packet_that_has_one() {
    for reason in [
        Reason::Success,
        Reason::Unspecified,
        Reason::MalformedPacket,
        Reason::UnsupportedVersion,
        Reason::ShuttingDown,
        Reason::SharedNotSupported,
    ] {
        for version in [Version::V4, Version::V5] {
            written(version, Reply::ConnAck(ConnAck { reason, session_present: false, offer: None }));
            written(version, Reply::PubAck { packet_id: 1, reason, text: None });
            written(version, Reply::PubRec { packet_id: 1, reason, text: None });
            written(version, Reply::SubAck { packet_id: 1, grants: vec![Err(reason)] });
        }
    }
}

#[test]
fn a_delivery_has_identifiers_for_those_who_know_them() {
    let mut out = BytesMut::new();
    encode_delivery(Version::V4, delivery(Qos::AtMostOnce, 0, &[1]), &mut out);
    assert_eq!(&out[..], b"\x30\x09\0\x03a/bdata");
    out.clear();
    encode_delivery(Version::V5, delivery(Qos::ExactlyOnce, 7, &[1, 300]), &mut out);
    assert_eq!(&out[..], b"\x34\x11\0\x03a/b\0\x07\x05\x0B\x01\x0B\xAC\x02data");
    out.clear();
    encode_delivery(Version::V4, Delivery { dup: true, ..delivery(Qos::AtLeastOnce, 7, &[]) }, &mut out);
    assert_eq!(&out[..], b"\x3a\x0b\0\x03a/b\0\x07data");
}

#[test]
fn a_delivery_of_version_5_has_what_its_publisher_said_and_how_long_it_lives_on() {
    let mut out = BytesMut::new();
    let lives = Delivery { properties: &[1, 1], retain: true, expiry_s: Some(9), ..delivery(Qos::AtMostOnce, 0, &[]) };
    encode_delivery(Version::V5, lives, &mut out);
    assert_eq!(&out[..], b"\x31\x11\0\x03a/b\x07\x02\0\0\0\x09\x01\x01data");
    out.clear();
    encode_delivery(Version::V4, lives, &mut out);
    assert_eq!(&out[..], b"\x31\x09\0\x03a/bdata");
}

#[test]
fn a_will_is_read_with_its_properties() {
    let will = |properties: &[u8], flags: u8| {
        let mut body = [&[0, 4][..], b"MQTT", &[5, flags, 0, 60, 0, 0, 1, b'c']].concat();
        body.extend([properties, &[0, 1, b'w', 0, 1, b'd']].concat());
        let bytes = [&[0x10, u8::try_from(body.len()).expect("short")][..], &body].concat();
        take_connect(&bytes).expect("a CONNECT").map(|connect| connect.will.expect("a will"))
    };
    let publishing = Publishing { qos: Qos::AtLeastOnce, retain: true, session: None, properties: None };
    let plain = Will { topic: "w".into(), data: Bytes::from_static(b"d"), delay_s: 0, publishing };
    assert_eq!(will(&[0], 0b0010_1110), Ok(plain.clone()));
    let said = will(&[14, 0x18, 0, 0, 0, 9, 1, 1, 0x26, 0, 1, b'a', 0, 1, b'b'], 0b0000_0110).unwrap();
    let properties = Properties { is_text: Some(true), user: vec![("a".into(), "b".into())], ..Properties::default() };
    let publishing =
        Publishing { qos: Qos::AtMostOnce, retain: false, session: None, properties: Some(Box::new(properties)) };
    assert_eq!(said, Will { delay_s: 9, publishing, ..plain });
    assert_eq!(will(&[2, 1, 7], 0b0000_0110), Err(Violation::PROTOCOL));
    assert_eq!(will(&[4, 8, 0, 1, b'#'], 0b0000_0110), Err(Violation::PROTOCOL));
}

#[test]
fn what_was_read_keeps_no_other_bytes_alive() {
    let bytes = [0x30, 7, 0, 1, b't', b'd', b'a', b't', b'a'];
    let Ok(Some(Received::Publish(publish))) = take(Version::V4, &bytes) else { panic!("a publish") };
    assert!(publish.data.is_unique());
    assert_eq!(publish.data, &b"data"[..]);
}

/// Well-formed packets of every type that a client sends, to be damaged.
fn samples() -> Vec<Vec<u8>> {
    let connect = |level: u8, properties: &[u8], will_properties: &[u8]| {
        let mut body = [&[0, 4][..], b"MQTT", &[level, 0b1110_0110, 0, 60], properties, &[0, 1, b'c']].concat();
        body.extend([will_properties, &[0, 1, b'w', 0, 1, b'd', 0, 1, b'u', 0, 1, b'p']].concat());
        [&[0x10, u8::try_from(body.len()).expect("short")][..], &body].concat()
    };
    vec![
        connect(4, &[], &[]),
        connect(5, &[12, 0x11, 0, 0, 0, 9, 0x21, 0, 9, 0x15, 0, 1, b'm'], &[5, 0x18, 0, 0, 0, 1]),
        vec![0x32, 9, 0, 3, b'a', b'/', b'b', 0, 1, b'h', b'i'],
        vec![0x34, 18, 0, 1, b'a', 0, 1, 11, 0x01, 1, 0x02, 0, 0, 0, 9, 0x26, 0, 0, 0, 0, b'h'],
        vec![0x40, 4, 0, 1, 0x10, 0],
        vec![0x50, 9, 0, 1, 0x87, 5, 0x1F, 0, 2, b'n', b'o'],
        vec![0x62, 2, 0, 1],
        vec![0x70, 4, 0, 1, 0x92, 0],
        vec![0x82, 12, 0, 1, 2, 0x0B, 5, 0, 1, b'a', 0, 0, 0, 1],
        vec![0x82, 6, 0, 1, 0, 1, b'#', 2],
        vec![0xA2, 8, 0, 1, 0, 0, 1, b'a', 0, 0],
        vec![0xC0, 0],
        vec![0xE0, 7, 0x04, 5, 0x11, 0, 0, 0, 1],
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
        let _ = take(Version::V4, &bytes);
        let _ = take(Version::V5, &bytes);
        let _ = take_connect(&bytes);
    }

    #[test]
    fn no_damaged_packet_panics(
        at in any::<prop::sample::Index>(),
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4),
        cut in any::<prop::sample::Index>(),
        mends_its_length: bool,
    ) {
        let samples = samples();
        let mut packet = samples[at.index(samples.len())].clone();
        for (at, byte) in damage {
            let at = at.index(packet.len());
            packet[at] = byte;
        }
        packet.truncate(2 + cut.index(packet.len()));
        if mends_its_length && packet.len() > 1 {
            packet[1] = u8::try_from(packet.len() - 2).expect("short");
        }
        let _ = take(Version::V4, &packet);
        let _ = take(Version::V5, &packet);
        let _ = take_connect(&packet);
    }

    #[test]
    fn a_delivery_is_read_back_as_it_was_sent(qos in 0_u8..3, retain: bool, topic in "[a-z/]{1,80}", data: Vec<u8>) {
        let qos = Qos::from_u8(qos).expect("below 3");
        let packet_id = if qos == Qos::AtMostOnce { 0 } else { 9 };
        let sent = Delivery { topic: topic.as_bytes(), data: &data, retain, ..delivery(qos, packet_id, &[]) };
        for version in [Version::V4, Version::V5] {
            let mut out = BytesMut::new();
            encode_delivery(version, sent, &mut out);
            let data = Bytes::from(data.clone());
            let sent = Publish {
                topic: topic.clone(),
                topic_alias: None,
                data,
                qos,
                packet_id,
                dup: false,
                retain,
                properties: None,
            };
            prop_assert_eq!(take(version, &out), Ok(Some(Received::Publish(sent))));
        }
    }
}
