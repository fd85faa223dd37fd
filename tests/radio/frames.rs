//! How a device's firmware cuts its messages into frames, and puts together what it gets. Written for the tests from the
//! description of the protocol, and of nothing of the gateway's.

/// What every write and notification needs beside the value.
const OVERHEAD: usize = 3;

/// The longest payload of a message.
const PAYLOAD_MAX: usize = 4096;

pub const PUBLISH: u8 = 1;
pub const RESPONSE: u8 = 2;
pub const ACK: u8 = 3;
pub const PING: u8 = 4;
pub const HELLO: u8 = 5;
pub const ERROR: u8 = 6;

const FIRST: u8 = 0b01;
const LAST: u8 = 0b10;

/// One message.
#[derive(Debug, Clone, PartialEq)]
pub struct Message {
    pub kind: u8,
    pub id: u8,
    pub body: Vec<u8>,
}

impl Message {
    pub fn new(kind: u8, id: u8, body: &[u8]) -> Self {
        Self { kind, id, body: body.to_vec() }
    }

    /// Its frames, each as full as it can be.
    pub fn frames(&self, mtu: u16) -> Vec<Vec<u8>> {
        let mut frames = Vec::new();
        let mut rest = self.body.as_slice();
        loop {
            let seq = u8::try_from(frames.len() % 256).unwrap();
            let mut frame = vec![self.kind << 4, self.id, seq];
            if frames.is_empty() {
                frame[0] |= FIRST;
                frame.extend(u16::try_from(self.body.len()).unwrap().to_le_bytes());
            }
            let room = usize::from(mtu) - OVERHEAD - frame.len();
            let (now, later) = rest.split_at(rest.len().min(room));
            frame.extend(now);
            rest = later;
            if now.len() + 2 <= room {
                frame[0] |= LAST;
                frame.extend(crc(&self.body).to_le_bytes());
                frames.push(frame);
                return frames;
            }
            frames.push(frame);
        }
    }
}

/// Puts frames together. What is no frame as described fails the test: the gateway sent it.
#[derive(Default)]
pub struct Assembler {
    begun: Option<(Message, usize, u8)>,
}

impl Assembler {
    pub fn take(&mut self, frame: &[u8]) -> Option<Message> {
        let (head, mut rest) = frame.split_at(3);
        let (flags, id, seq) = (head[0], head[1], head[2]);
        assert_eq!(flags & 0b1100, 0, "a bit that is not used is set: {frame:02x?}");
        if flags & FIRST != 0 {
            let length = usize::from(u16::from_le_bytes([rest[0], rest[1]]));
            assert!(length <= PAYLOAD_MAX, "{length} bytes are announced");
            rest = &rest[2..];
            assert!(self.begun.is_none(), "one message begins in the middle of another");
            self.begun = Some((Message::new(flags >> 4, id, &[]), length, 0));
        }
        let (message, length, next) = self.begun.as_mut().expect("a message begins with its first frame");
        assert_eq!((message.kind, message.id, *next), (flags >> 4, id, seq), "frames of messages are mixed or missing");
        *next = next.wrapping_add(1);
        if flags & LAST == 0 {
            message.body.extend(rest);
            assert!(message.body.len() <= *length, "more than the {length} bytes that were announced");
            return None;
        }
        let (last, sum) = rest.split_at(rest.len() - 2);
        message.body.extend(last);
        assert_eq!(message.body.len(), *length, "not the {length} bytes that were announced");
        assert_eq!(sum, crc(&message.body).to_le_bytes(), "the sum of {message:02x?}");
        self.begun.take().map(|(message, ..)| message)
    }
}

/// CRC-16/CCITT-FALSE.
fn crc(bytes: &[u8]) -> u16 {
    let mut crc = 0xffff_u16;
    for byte in bytes {
        crc ^= u16::from(*byte) << 8;
        for _ in 0..8 {
            crc = if crc & 0x8000 == 0 { crc << 1 } else { (crc << 1) ^ 0x1021 };
        }
    }
    crc
}

#[test]
fn what_is_cut_is_put_together_again() {
    assert_eq!(crc(b"123456789"), 0x29b1);
    for mtu in [23, 24, 185, 247] {
        for length in (0..40).chain([512, 4095, 4096]) {
            let body: Vec<u8> = (0..length).map(|number| u8::try_from(number % 251).unwrap()).collect();
            let message = Message::new(RESPONSE, 7, &body);
            let frames = message.frames(mtu);
            assert!(frames.iter().all(|frame| frame.len() <= usize::from(mtu) - OVERHEAD));
            let mut assembler = Assembler::default();
            let (last, before) = frames.split_last().unwrap();
            assert!(before.iter().all(|frame| assembler.take(frame).is_none()));
            assert_eq!(assembler.take(last), Some(message));
        }
    }
    // Flags, number, length, "hi" and its sum, by hand.
    assert_eq!(Message::new(PUBLISH, 9, b"hi").frames(23), [[0x13, 9, 0, 2, 0, b'h', b'i', 0x03, 0x62].to_vec()]);
}
