use proptest::prelude::*;

use super::*;

/// The rooms of the smallest MTU, 23, and of the one that most phones and boards take, 247.
const ROOMS: [usize; 2] = [20, 244];

fn message(kind: Kind, id: u8, body: &[u8]) -> Message {
    Message { kind, id, body: body.to_vec() }
}

/// The message is cut into `wanted`, and made of them again.
fn assert_golden(message: &Message, room: usize, wanted: &[&[u8]]) {
    assert_eq!(frames(message, room), wanted);
    let mut assembler = Assembler::default();
    let (last, others) = wanted.split_last().unwrap();
    for frame in others {
        assert_eq!(assembler.take(frame, 0), Ok(None));
    }
    assert_eq!(assembler.take(last, 0).unwrap().as_ref(), Some(message));
    assert_eq!(assembler.due_ms(), None);
}

/// From 0 up.
fn counted(bytes: u8) -> Vec<u8> {
    (0..bytes).collect()
}

#[test]
fn the_checksum_has_the_check_value_of_its_catalogue() {
    assert_eq!(crc(b"123456789"), 0x29b1);
    assert_eq!(crc(b""), 0xffff);
}

// The checksums below are reckoned with a program of eight lines from the polynomial, not with the crate.

#[test]
fn a_publish_is_cut_as_the_protocol_says() {
    let publish = message(Kind::Publish, 7, br#"{"t":"temp","d":21.5}"#);
    assert_golden(&publish, 20, &[b"\x11\x07\x00\x15\x00{\"t\":\"temp\",\"d\"", b"\x12\x07\x01:21.5}\x21\x4d"]);
    assert_golden(&publish, 244, &[b"\x13\x07\x00\x15\x00{\"t\":\"temp\",\"d\":21.5}\x21\x4d"]);
}

#[test]
fn a_response_is_cut_as_the_protocol_says() {
    let response = message(Kind::Response, 3, b"\x14hook-response/temp/021.5");
    assert_golden(&response, 20, &[b"\x21\x03\x00\x19\x00\x14hook-response/", b"\x22\x03\x01temp/021.5\xd5\xec"]);
    assert_golden(&response, 244, &[b"\x23\x03\x00\x19\x00\x14hook-response/temp/021.5\xd5\xec"]);
}

#[test]
fn an_ack_a_ping_and_an_error_are_one_frame() {
    for room in ROOMS {
        assert_golden(&message(Kind::Ack, 7, b""), room, &[b"\x33\x07\x00\x00\x00\xff\xff"]);
        assert_golden(&message(Kind::Ping, 9, b""), room, &[b"\x43\x09\x00\x00\x00\xff\xff"]);
        assert_golden(&message(Kind::Error, 7, b"\x01crc"), room, &[b"\x63\x07\x00\x04\x00\x01crc\xb1\x02"]);
    }
}

#[test]
fn the_three_hellos_are_cut_as_the_protocol_says() {
    let first = [b"\x01".as_slice(), &counted(16)].concat();
    let small: [&[u8]; 2] = [
        b"\x51\x01\x00\x11\x00\x01\x00\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d",
        b"\x52\x01\x01\x0e\x0f\x33\x86",
    ];
    assert_golden(&message(Kind::Hello, 1, &first), 20, &small);

    // The last seventeen bytes leave no room for the checksum, which comes alone.
    let answer = [b"\x01".as_slice(), &counted(48)].concat();
    let small: [&[u8]; 4] = [
        b"\x51\x02\x00\x31\x00\x01\x00\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d",
        b"\x50\x02\x01\x0e\x0f\x10\x11\x12\x13\x14\x15\x16\x17\x18\x19\x1a\x1b\x1c\x1d\x1e",
        b"\x50\x02\x02\x1f\x20\x21\x22\x23\x24\x25\x26\x27\x28\x29\x2a\x2b\x2c\x2d\x2e\x2f",
        b"\x52\x02\x03\x04\xd4",
    ];
    assert_golden(&message(Kind::Hello, 2, &answer), 20, &small);
    let large = [b"\x53\x02\x00\x31\x00\x01".as_slice(), &counted(48), b"\x04\xd4"].concat();
    assert_golden(&message(Kind::Hello, 2, &answer), 244, &[&large]);

    let second = [b"\x01".as_slice(), &counted(32)].concat();
    let small: [&[u8]; 3] = [
        b"\x51\x03\x00\x21\x00\x01\x00\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d",
        b"\x50\x03\x01\x0e\x0f\x10\x11\x12\x13\x14\x15\x16\x17\x18\x19\x1a\x1b\x1c\x1d\x1e",
        b"\x52\x03\x02\x1f\x1d\xec",
    ];
    assert_golden(&message(Kind::Hello, 3, &second), 20, &small);
}

/// None is so long that its sender would wrap, but one whose frames are not full may be.
#[test]
fn the_place_of_a_frame_wraps_after_255() {
    let mut assembler = Assembler::default();
    assert_eq!(assembler.take(b"\x11\x05\x00\x03\x01a", 0), Ok(None));
    for seq in (1..=255).chain([0]) {
        assert_eq!(assembler.take(&[0x10, 5, seq, b'a'], 0), Ok(None));
    }
    let sum = crc(&[b'a'; 259]).to_le_bytes();
    let whole = assembler.take(&[0x12, 5, 1, b'a', b'a', sum[0], sum[1]], 0);
    assert_eq!(whole, Ok(Some(message(Kind::Publish, 5, &[b'a'; 259]))));
}

#[test]
fn the_longest_message_has_242_frames_of_the_smallest_mtu() {
    let longest = message(Kind::Publish, 1, &[b'x'; BODY_BYTES]);
    assert_eq!(frames(&longest, 20).len(), 242);
    assert_eq!(frames(&longest, 244).len(), 18);
}

#[test]
fn a_body_that_is_too_long_is_not_cut() {
    assert_eq!(frames(&message(Kind::Publish, 1, &[0; BODY_BYTES + 1]), 244), Vec::<Vec<u8>>::new());
    assert_eq!(frames(&message(Kind::Publish, 1, &vec![0; 70_000]), 244), Vec::<Vec<u8>>::new());
    assert_eq!(frames(&message(Kind::Ack, 1, b""), 0).len(), 1);
}

/// A publish in three frames, whose places are 0, 1 and 2.
fn three() -> Vec<Vec<u8>> {
    let frames = frames(&message(Kind::Publish, 5, &[b'x'; 40]), 20);
    assert_eq!(frames.len(), 3);
    frames
}

fn reason(assembler: &mut Assembler, frame: &[u8]) -> Reason {
    assembler.take(frame, 0).unwrap_err().reason
}

#[test]
fn a_missing_frame_is_told_once_and_the_rest_passed_over() {
    let all = frames(&message(Kind::Publish, 5, &[b'x'; 80]), 20);
    let mut assembler = Assembler::default();
    assert_eq!(assembler.take(&all[0], 0), Ok(None));
    let bad = assembler.take(&all[2], 0).unwrap_err();
    assert_eq!(bad, BadFrame { id: 5, kind: Some(Kind::Publish), reason: Reason::Gap { wanted: 1, found: 2 } });
    for frame in &all[3..] {
        assert_eq!(assembler.take(frame, 0), Ok(None));
    }
    for frame in &all[..4] {
        assert_eq!(assembler.take(frame, 0), Ok(None));
    }
    assert_eq!(assembler.take(&all[4], 0).unwrap().unwrap().body.len(), 80);
}

#[test]
fn without_its_beginning_a_message_is_told_once() {
    let all = three();
    let mut assembler = Assembler::default();
    assert_eq!(reason(&mut assembler, &all[1]), Reason::NotBegun);
    assert_eq!(assembler.take(&all[2], 0), Ok(None));
    assert_eq!(reason(&mut assembler, &all[1]), Reason::NotBegun);
}

#[test]
fn a_repeated_frame_is_a_gap() {
    let all = three();
    let mut assembler = Assembler::default();
    assembler.take(&all[0], 0).unwrap();
    assembler.take(&all[1], 0).unwrap();
    assert_eq!(reason(&mut assembler, &all[1]), Reason::Gap { wanted: 2, found: 1 });
}

#[test]
fn a_message_that_begins_takes_the_place_of_one_that_did_not_end() {
    let all = three();
    let ping = message(Kind::Ping, 6, b"");
    let mut assembler = Assembler::default();
    assembler.take(&all[0], 0).unwrap();
    assert_eq!(assembler.take(&frames(&ping, 20)[0], 0), Ok(Some(ping)));
    assert_eq!(reason(&mut assembler, &all[1]), Reason::NotBegun);
}

#[test]
fn what_does_not_belong_together_is_told_about_the_message_that_had_begun() {
    let all = three();
    let changed = |at: usize, byte: u8| {
        let mut assembler = Assembler::default();
        assembler.take(&all[0], 0).unwrap();
        let mut frame = all[1].clone();
        frame[at] = byte;
        assembler.take(&frame, 0).unwrap_err()
    };
    assert_eq!(changed(0, 0x20).reason, Reason::OtherKind);
    assert_eq!((changed(1, 9).id, changed(1, 9).reason), (5, Reason::Gap { wanted: 1, found: 1 }));
    assert_eq!(changed(0, 0x18).reason, Reason::Flags(0x18));
}

#[test]
fn a_length_or_a_checksum_that_is_wrong_is_told() {
    let mut assembler = Assembler::default();
    let longer = b"\x11\x05\x00\x02\x00abc";
    assert_eq!(reason(&mut assembler, longer), Reason::Length { said: 2, found: 3 });
    let shorter = b"\x13\x05\x00\x04\x00abc\x00\x00";
    assert_eq!(reason(&mut assembler, shorter), Reason::Length { said: 4, found: 3 });
    let changed = b"\x13\x05\x00\x00\x00\xff\xfe";
    assert_eq!(reason(&mut assembler, changed), Reason::Crc);
    let too_long = b"\x11\x05\x00\x01\x10abc";
    assert_eq!(reason(&mut assembler, too_long), Reason::TooLong(4_097));
    assert_eq!(assembler.take(b"\x11\x05\x00\x00\x10abc", 0), Ok(None));
}

#[test]
fn frames_that_are_no_frames_are_told() {
    let mut assembler = Assembler::default();
    assert_eq!(assembler.take(b"", 0), Err(BadFrame { id: 0, kind: None, reason: Reason::Short }));
    assert_eq!(assembler.take(b"\x13\x05", 0), Err(BadFrame { id: 5, kind: None, reason: Reason::Short }));
    assert_eq!(reason(&mut assembler, b"\x13\x05\x00\x00"), Reason::Short);
    assert_eq!(reason(&mut assembler, b"\x13\x05\x00\x00\x00\xff"), Reason::Short);
    assert_eq!(reason(&mut assembler, b"\x13\x05\x01\x00\x00\xff\xff"), Reason::Gap { wanted: 0, found: 1 });
    assert_eq!(reason(&mut assembler, b"\x03\x05\x00\x00\x00\xff\xff"), Reason::UnknownKind(0));
    assert_eq!(reason(&mut assembler, b"\x73\x05\x00\x00\x00\xff\xff"), Reason::UnknownKind(7));
}

#[test]
fn a_message_that_stands_still_for_five_seconds_is_dropped() {
    let all = three();
    let mut assembler = Assembler::default();
    assert_eq!((assembler.due_ms(), assembler.expired(u64::MAX)), (None, None));
    assembler.take(&all[0], 1_000).unwrap();
    assert_eq!((assembler.due_ms(), assembler.expired(5_999)), (Some(6_000), None));
    assembler.take(&all[1], 5_999).unwrap();
    assert_eq!(assembler.due_ms(), Some(10_999));
    let stalled = BadFrame { id: 5, kind: Some(Kind::Publish), reason: Reason::Stalled };
    assert_eq!(assembler.expired(10_999), Some(stalled));
    assert_eq!((assembler.due_ms(), assembler.expired(10_999)), (None, None));
    assert_eq!(assembler.take(&all[2], 11_000), Ok(None));
}

#[test]
fn a_frame_that_comes_too_late_is_told_though_nobody_asked() {
    let all = three();
    let mut assembler = Assembler::default();
    assembler.take(&all[0], 0).unwrap();
    assert_eq!(assembler.take(&all[1], 5_000).unwrap_err().reason, Reason::Stalled);
}

#[test]
fn the_answer_says_whether_to_send_again() {
    let bad = |kind, reason| BadFrame { id: 5, kind, reason }.answer();
    let code = |reason| bad(Some(Kind::Publish), reason).map(|answer| (answer.kind, answer.id, answer.body[0]));
    assert_eq!(code(Reason::Crc), Some((Kind::Error, 5, 1)));
    assert_eq!(code(Reason::TooLong(5_000)), Some((Kind::Error, 5, 2)));
    assert_eq!(code(Reason::UnknownKind(7)), Some((Kind::Error, 5, 5)));
    assert_eq!(bad(None, Reason::Short).unwrap().body, b"\x01the frame is too short");
    assert_eq!((bad(Some(Kind::Ack), Reason::Crc), bad(Some(Kind::Error), Reason::Crc)), (None, None));
}

fn kinds() -> impl Strategy<Value = Kind> {
    prop::sample::select(Kind::ALL.to_vec())
}

fn bodies() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![prop::collection::vec(any::<u8>(), 0..120), prop::collection::vec(any::<u8>(), 4_000..=BODY_BYTES)]
}

proptest! {
    #[test]
    fn what_was_cut_is_made_whole(kind in kinds(), id: u8, body in bodies(), room in 20_usize..515) {
        let message = Message { kind, id, body };
        let frames = frames(&message, room);
        let mut assembler = Assembler::default();
        for (at, frame) in frames.iter().enumerate() {
            prop_assert!(frame.len() <= room);
            let is_last = at + 1 == frames.len();
            let taken = assembler.take(frame, 0).unwrap();
            prop_assert_eq!(taken.as_ref(), is_last.then_some(&message));
        }
    }

    #[test]
    fn a_changed_bit_never_gives_another_body(body in bodies(), at: prop::sample::Index, bit in 0_u32..8, room in 20_usize..515) {
        let message = Message { kind: Kind::Publish, id: 1, body };
        let mut frames = frames(&message, room);
        let frame = at.get(&frames).len();
        let which = at.index(frames.len());
        let byte = at.index(frame);
        frames[which][byte] ^= 1_u8 << bit;
        let mut assembler = Assembler::default();
        for frame in &frames {
            if let Ok(Some(whole)) = assembler.take(frame, 0) {
                // The head of a message is not in its checksum.
                prop_assert_eq!(&whole.body, &message.body);
            }
        }
    }

    #[test]
    fn no_bytes_make_it_panic_and_little_is_kept(
        frames in prop::collection::vec((0_u8..0x80, 0_u8..3, 0_u8..4, prop::collection::vec(any::<u8>(), 0..300)), 0..60),
        cut in prop::collection::vec(any::<u8>(), 0..4),
    ) {
        let mut assembler = Assembler::default();
        for (at, (flags, id, seq, rest)) in frames.into_iter().enumerate() {
            let frame = [&[flags & 0xf3, id, seq], rest.as_slice()].concat();
            let _ = assembler.take(&frame, at as u64 * 100);
            if let State::Open(open) = &assembler.state {
                prop_assert!(open.body.len() <= BODY_BYTES);
            }
        }
        let _ = assembler.take(&cut, u64::MAX);
        assembler.expired(u64::MAX);
    }
}
