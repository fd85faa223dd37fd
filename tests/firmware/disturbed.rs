//! What a board and a gateway make of frames that get lost, come too late or are no frames.

use farhook::ble::gatt::error::Code;
use farhook::ble::gatt::frame::Assembler;
use farhook::ble::gatt::frame::Kind;
use farhook::ble::gatt::frame::Message;
use farhook::ble::gatt::frame::Reason;
use farhook::ble::gatt::frame::crc;
use farhook::ble::gatt::hello;
use farhook::ble::gatt::response;
use proptest::prelude::*;
use proptest::test_runner::TestRunner;

use crate::board::Said;
use crate::board::State;
use crate::peer::MTUS;
use crate::peer::Peer;
use crate::peer::ack;
use crate::peer::error;
use crate::peer::message;

fn response() -> Said {
    Said::Response("hook-response/temp/0".to_owned(), vec![b'x'; 500])
}

fn refused(id: u8) -> Message {
    message(Kind::Error, id, b"\x01")
}

#[test]
fn a_response_with_a_lost_frame_is_refused_once_and_taken_when_it_is_repeated() {
    for mut peer in MTUS.into_iter().filter_map(Peer::ready) {
        let message = message(Kind::Response, 3, &response::body("hook-response/temp/0", &[b'x'; 500]));
        let frames = peer.cut(&message);
        for lost in 0..frames.len() {
            for (at, frame) in frames.iter().enumerate() {
                if at != lost {
                    peer.give_frame(frame, 10);
                }
            }
            let is_last = lost + 1 == frames.len();
            // That the last one is lost shows when nothing more comes.
            let refusals = peer.run(if is_last { 5_010 } else { 10 });
            assert_eq!(refusals.len(), 1, "without frame {lost}");
            assert_eq!((refusals[0].kind, refusals[0].id, refusals[0].body[0]), (Kind::Error, 3, 1));
            assert_eq!(peer.told(), []);
        }
        peer.give(&message, 6_000);
        assert_eq!((peer.told(), peer.run(6_000)), (vec![response()], vec![ack(3)]));
    }
}

#[test]
fn a_changed_frame_is_refused() {
    for mut peer in MTUS.into_iter().filter_map(Peer::ready) {
        let frames = peer.cut(&message(Kind::Response, 3, &response::body("hook-response/temp/0", &[b'x'; 500])));
        for (which, at, bit) in
            [(0, 0, 4), (0, 2, 1), (0, 3, 1), (0, 9, 1), (1, 0, 4), (1, 0, 16), (1, 0, 8), (1, 1, 1), (1, 7, 128)]
        {
            for (index, frame) in frames.iter().enumerate() {
                let mut frame = frame.clone();
                if index == which {
                    frame[at] ^= bit;
                }
                peer.give_frame(&frame, 10);
            }
            assert_eq!(peer.told(), [], "bit {bit} of byte {at} of frame {which}");
            let sent = peer.run(10);
            assert!(!sent.is_empty() && sent.iter().all(|message| message.kind == Kind::Error));
        }
    }
}

#[test]
fn a_length_that_does_not_add_up_is_refused() {
    for mut peer in MTUS.into_iter().filter_map(Peer::ready) {
        // Too long is refused at once, before its last frame.
        peer.give_frame(b"\x21\x03\x00\x02\x00\x00ab", 10);
        assert_eq!(peer.run(10), [refused(3)]);
        let sum = crc(b"\x01ab").to_le_bytes();
        peer.give_frame(&[b"\x23\x04\x00\x04\x00\x01ab", sum.as_slice()].concat(), 10);
        assert_eq!((peer.told(), peer.run(10)), (vec![], vec![refused(4)]));
    }
}

#[test]
fn what_is_over_is_not_passed_over() {
    let Some(mut peer) = Peer::ready(23) else { return };
    let frames = peer.cut(&message(Kind::Response, 3, &[b'x'; 40]));
    for _ in 0..2 {
        peer.give_frame(&frames[1], 10);
        peer.give_frame(&frames[2], 10);
        assert_eq!(peer.run(10), [refused(3)]);
    }
}

#[test]
fn a_hello_in_the_middle_of_an_answer_begins_anew() {
    let Some(mut peer) = Peer::subscribed(23) else { return };
    peer.give(&message(Kind::Hello, 1, &hello::first(b"another nonce...")), 10);
    peer.board.say("room 1");
    assert_eq!(peer.run(10), []);
    peer.board.say("room -1");
    peer.greet(20);
}

#[test]
fn a_refusal_in_the_middle_of_an_event_ends_its_sending() {
    let Some(mut peer) = Peer::ready(23) else { return };
    peer.board.publish("temp", Some("[1,2,3,4,5,6]"));
    peer.board.say("room 1");
    assert_eq!(peer.frames(0).len(), 1);
    peer.give(&error(8, Code::BadFrame), 100);
    peer.board.say("room -1");
    assert_eq!(peer.frames(1_099), [[0_u8; 0]; 0]);
    assert_eq!(peer.run(1_100)[0].id, 8);
}

#[test]
fn a_refusal_that_waits_for_room_is_not_changed_by_the_next_one() {
    for mut peer in MTUS.into_iter().filter_map(Peer::ready) {
        peer.board.say("room 0");
        peer.give_frame(b"\x22\x03\x01\xff\xff", 10);
        peer.run(10);
        peer.give(&message(Kind::Ping, 4, b""), 10);
        peer.board.say("room -1");
        assert_eq!(peer.run(10), [refused(3), message(Kind::Error, 4, b"\x05")]);
    }
}

#[test]
fn an_event_whose_frame_got_lost_is_sent_again_when_the_gateway_says_so() {
    for mut peer in MTUS.into_iter().filter_map(Peer::ready) {
        let data = format!("\"{}\"", "y".repeat(400));
        peer.board.publish("temp", Some(&data));
        let frames = peer.frames(0);
        let mut gateway = Assembler::default();
        gateway.take(&frames[0], 0).unwrap();
        let bad = match &frames[2..] {
            // Of two frames the second one is lost: the gateway waits for it.
            [] => gateway.expired(5_000).unwrap(),
            [third, rest @ ..] => {
                let bad = gateway.take(third, 0).unwrap_err();
                assert_eq!(bad.reason, Reason::Gap { wanted: 1, found: 2 });
                assert!(rest.iter().all(|frame| gateway.take(frame, 0) == Ok(None)));
                bad
            }
        };
        peer.give(&bad.answer().unwrap(), 100);
        let again = peer.run(1_100);
        assert_eq!((again.len(), again[0].kind, again[0].id), (1, Kind::Publish, 8));
        assert_eq!(again[0].body.len(), r#"{"t":"temp","d":}"#.len() + data.len());
    }
}

#[test]
fn an_answer_in_the_middle_of_a_repetition_ends_it() {
    for mut peer in MTUS.into_iter().filter_map(Peer::ready) {
        peer.board.publish("temp", Some(&format!("\"{}\"", "y".repeat(400))));
        let id = peer.run(0)[0].id;
        peer.board.say("room 1");
        assert_eq!(peer.frames(5_000).len(), 1);
        peer.give(&ack(id), 5_001);
        peer.board.say("room -1");
        peer.board.publish("next", Some("1"));
        let sent = peer.run(5_002);
        assert_eq!((sent.len(), sent[0].id, sent[0].body.as_slice()), (1, id + 1, br#"{"t":"next","d":1}"#.as_slice()));
    }
}

#[test]
fn a_radio_that_has_no_room_gets_every_frame_once() {
    for mut peer in MTUS.into_iter().filter_map(Peer::ready) {
        peer.board.publish("temp", Some(&format!("\"{}\"", "y".repeat(400))));
        let mut frames = 0;
        let mut events = Vec::new();
        peer.board.say("room 0");
        assert_eq!(peer.frames(0), [[0_u8; 0]; 0]);
        while events.is_empty() {
            peer.board.say("room 1");
            events = peer.run(frames);
            frames += 1;
        }
        assert_eq!(events[0].body.len(), 419);
        assert_eq!(frames as usize, peer.cut(&events[0]).len());
    }
}

#[test]
fn the_clock_may_wrap_on_the_way() {
    for mut peer in MTUS.into_iter().filter_map(Peer::subscribed) {
        let just_before = u32::MAX - 999;
        peer.board.say("disconnected");
        peer.subscribe(just_before);
        peer.greet(just_before);
        peer.board.publish("temp", Some("1"));
        let first = peer.run(just_before);
        assert_eq!(peer.run(3_999), []);
        assert_eq!(peer.run(4_000), first);
    }
}

#[test]
fn no_frames_crash_a_board_and_it_takes_a_hello_after_them() {
    let frame = (any::<u8>(), 0_u8..3, 0_u8..3, prop::collection::vec(any::<u8>(), 0..60));
    let frames = prop::collection::vec((frame, 0_u8..4), 1..40);
    if Peer::ready(247).is_none() {
        return;
    }
    let mut runner = TestRunner::new(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() });
    let run = runner.run(&frames, |frames| {
        let mut now = 0;
        let mut board = Peer::ready(247).unwrap();
        for ((flags, id, seq, rest), cut) in frames {
            let frame = [&[flags & 0x73, id, seq], rest.as_slice()].concat();
            let length = if cut == 0 { frame.len().min(usize::from(id)) } else { frame.len() };
            board.board.frame(&frame[..length], now);
            board.board.run(now);
            now += 700;
        }
        board.board.say("disconnected");
        board.subscribe(now);
        board.greet(now);
        prop_assert_eq!(board.board.status.state, State::Ready);
        Ok(())
    });
    run.unwrap();
}
