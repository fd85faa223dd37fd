use super::*;
use crate::ble::gatt::hello::device_proof;
use crate::ble::gatt::publish::Published;

const NONCE: Nonce = *b"gateway's nonce.";
const DEVICE: Nonce = *b"a device's nonce";

fn key() -> LinkKey {
    LinkKey::of_text("not-a-real-key")
}

fn framed() -> Framed {
    let mut framed = Framed::new(key(), NONCE, 20);
    let acts = framed.begin(0);
    assert_eq!(said(&acts), [(Kind::Hello, 1, hello::first(&NONCE))]);
    framed
}

fn hello_of(key: &LinkKey) -> Vec<u8> {
    [&[1], DEVICE.as_slice(), &device_proof(key, &NONCE, &DEVICE)].concat()
}

fn greeted() -> Framed {
    let mut framed = framed();
    let acts = hear(&mut framed, Kind::Hello, 7, hello_of(&key()), 1);
    assert_eq!(acts.last(), Some(&Act::Greeted));
    framed
}

/// What comes of a message that the device says.
fn hear(framed: &mut Framed, kind: Kind, id: u8, body: Vec<u8>, now_ms: u64) -> Vec<Act> {
    let pieces = frame::frames(&Message { kind, id, body }, 20);
    pieces.iter().flat_map(|piece| framed.heard(piece, now_ms)).collect()
}

/// The messages that are written.
fn said(acts: &[Act]) -> Vec<(Kind, u8, Vec<u8>)> {
    let mut assembler = Assembler::default();
    let mut said = Vec::new();
    for act in acts {
        if let Act::Write(frames) = act {
            for frame in frames {
                assert!(frame.len() <= 20);
                said.extend(assembler.take(frame, 0).unwrap().map(|message| (message.kind, message.id, message.body)));
            }
        }
    }
    said
}

fn code(acts: &[Act]) -> (u8, Option<Code>) {
    match said(acts).as_slice() {
        [(Kind::Error, id, body)] => (*id, error::read(body).0),
        other => panic!("{other:?}"),
    }
}

fn told(id: u8) -> Told {
    let (name, data) = ("hook-response/temp/0".to_owned(), "ok".to_owned());
    Told { id, name, data, whole_bytes: 2, follows: false, is_followed: false }
}

#[test]
fn nothing_is_taken_before_the_hello() {
    let mut framed = framed();
    let acts = hear(&mut framed, Kind::Publish, 3, br#"{"t":"temp"}"#.to_vec(), 1);
    assert_eq!(code(&acts), (3, Some(Code::NotAuthenticated)));
    let acts = hear(&mut framed, Kind::Hello, 7, hello_of(&key()), 1);
    assert!(matches!(said(&acts).as_slice(), [(Kind::Hello, 2, _)]));
    let acts = hear(&mut framed, Kind::Publish, 3, br#"{"t":"temp"}"#.to_vec(), 1);
    assert!(matches!(&acts[..], [Act::Publish(Some(Ticket { id: 3, .. }), Published { .. })]), "{acts:?}");
}

#[test]
fn who_has_another_key_or_says_no_hello_is_left() {
    let mut framed = framed();
    let acts = hear(&mut framed, Kind::Hello, 7, hello_of(&LinkKey::of_text("another")), 1);
    assert_eq!(code(&acts), (7, Some(Code::NotAuthenticated)));
    assert!(matches!(acts.last(), Some(Act::End(reason)) if reason.contains("another key")));

    let mut framed = self::framed();
    assert_eq!((framed.due_ms(), framed.due(9_999)), (Some(10_000), vec![]));
    let acts = framed.due(10_000);
    assert_eq!(code(&acts), (0, Some(Code::NotAuthenticated)));
    assert!(matches!(acts.last(), Some(Act::End(_))));
}

#[test]
fn what_became_of_an_event_is_answered() {
    let mut framed = greeted();
    let ticket = Some(Ticket { id: 9, crc: 1 });
    assert_eq!(said(&framed.verdict(ticket, &Ok(()))), [(Kind::Ack, 9, vec![])]);
    for (is_for_now, wanted) in [(true, Code::Busy), (false, Code::BadMessage)] {
        let acts = framed.verdict(ticket, &Err(Refused { is_for_now, text: "no".to_owned() }));
        assert_eq!(code(&acts), (9, Some(wanted)));
    }
    assert_eq!(code(&hear(&mut framed, Kind::Publish, 4, b"[]".to_vec(), 2)), (4, Some(Code::BadMessage)));
    assert_eq!(code(&hear(&mut framed, Kind::Response, 5, vec![], 2)), (5, Some(Code::Unsupported)));
    assert_eq!(said(&hear(&mut framed, Kind::Ping, 6, vec![], 2)), [(Kind::Ack, 6, vec![])]);
}

#[test]
fn what_is_not_acknowledged_is_repeated_once_and_then_the_connection_ends() {
    let mut framed = greeted();
    let first = framed.tell(&told(40));
    assert_eq!(said(&first), [(Kind::Response, 40, response::body("hook-response/temp/0", b"ok"))]);
    // The time begins when it is written.
    framed.written(1_000);
    framed.written(3_000);
    assert_eq!((framed.due_ms(), framed.due(5_999)), (Some(6_000), vec![]));
    assert_eq!(framed.due(6_000), first);
    assert_eq!((framed.due_ms(), framed.due(10_999)), (Some(11_000), vec![]));
    assert!(matches!(&framed.due(11_000)[..], [Act::End(_)]));

    let mut framed = greeted();
    framed.tell(&told(40));
    framed.written(1_000);
    assert_eq!(hear(&mut framed, Kind::Ack, 39, vec![], 2_000), []);
    assert_eq!(hear(&mut framed, Kind::Ack, 40, vec![], 2_000), [Act::Delivered(None)]);
    assert_eq!(hear(&mut framed, Kind::Ack, 40, vec![], 2_000), []);
    assert_eq!(framed.due(12_000), []);
}

#[test]
fn what_the_device_never_takes_is_not_repeated() {
    let mut framed = greeted();
    framed.tell(&told(40));
    framed.written(1_000);
    assert_eq!(hear(&mut framed, Kind::Error, 40, error::body(Code::BadFrame, "crc"), 2_000), []);
    let acts = hear(&mut framed, Kind::Error, 40, error::body(Code::BadMessage, "too large"), 2_000);
    assert_eq!(acts, [Act::Delivered(Some("too large".to_owned()))]);
}

#[test]
fn a_device_that_is_silent_is_gone_and_half_a_message_is_dropped() {
    let mut framed = greeted();
    hear(&mut framed, Kind::Ping, 1, vec![], 1_000);
    assert_eq!(framed.due_ms(), Some(91_000));
    assert!(matches!(&framed.due(91_000)[..], [Act::End(_)]));

    let mut framed = greeted();
    let pieces = frame::frames(&Message { kind: Kind::Publish, id: 8, body: vec![b'x'; 60] }, 20);
    framed.heard(&pieces[0], 1_000);
    assert_eq!(framed.due_ms(), Some(6_000));
    assert_eq!(code(&framed.due(6_000)), (8, Some(Code::BadFrame)));
}
