//! Framed mode: a message is cut into frames that fit a notification or a write, and made whole again.
//!
//! ```text
//!  flags u8 | msg u8 | seq u8 | [first: total_len u16] | payload | [last: crc u16]        numbers: lowest byte first
//!  flags: bit 0 first, bit 1 last, bits 2-3 zero, bits 4-7 the kind
//! ```
//! A message that cannot be made whole is dropped, and told once: what is still to come of it is passed over.

use crc::CRC_16_IBM_3740;
use crc::Crc;

use crate::ble::gatt::error;
use crate::ble::gatt::error::Code;

/// Bytes of a message's body at most. Ours.
pub const BODY_BYTES: usize = 4_096;

/// How long a message may wait for its next frame. Ours.
pub const STALL_MS: u64 = 5_000;

/// Bytes of a frame that every connection has room for: the smallest MTU, 23, without the 3 bytes of ATT.
/// Source: Bluetooth Core 5.4, volume 3, part F, 3.2.8 and part G, 5.2.1.
pub const SMALLEST_ROOM: usize = 20;

const FIRST: u8 = 1;
const LAST: u8 = 2;
const ZERO: u8 = 0b1100;
const LENGTH_BYTES: usize = 2;
const CRC_BYTES: usize = 2;

/// CRC-16/CCITT-FALSE under the name that its catalogue has for it.
static CHECK: Crc<u16> = Crc::<u16>::new(&CRC_16_IBM_3740);

/// What a message is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The device publishes an event.
    Publish = 1,
    /// The gateway hands over an event that is for the device.
    Response = 2,
    /// The message of this id arrived, and what follows from it is safe.
    Ack = 3,
    /// The device is still there.
    Ping = 4,
    /// Who is this?
    Hello = 5,
    /// The message of this id is refused.
    Error = 6,
}

impl Kind {
    const ALL: [Self; 6] = [Self::Publish, Self::Response, Self::Ack, Self::Ping, Self::Hello, Self::Error];
}

/// A message as its sender meant it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// What it is.
    pub kind: Kind,
    /// Its sender's number for it; in an ACK and an ERROR the number of the message that they are about.
    pub id: u8,
    /// At most [`BODY_BYTES`].
    pub body: Vec<u8>,
}

/// Why a message was dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("message {id}: {reason}")]
pub struct BadFrame {
    /// Which message; 0 if not even that can be read.
    pub id: u8,
    /// What it is, if that can be read.
    pub kind: Option<Kind>,
    /// What is wrong with it.
    pub reason: Reason,
}

/// What is wrong with a frame, or with the message that it ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Reason {
    /// It ends before it should.
    #[error("the frame is too short")]
    Short,
    /// Bits 2 and 3 of the flags are not zero.
    #[error("the flags 0x{0:02x} are not known")]
    Flags(u8),
    /// There is no such kind of message.
    #[error("messages of the type {0} are not known")]
    UnknownKind(u8),
    /// It goes on with a message whose beginning was not heard.
    #[error("its beginning is missing")]
    NotBegun,
    /// Something is missing before it.
    #[error("a frame is missing: this is {found}, and {wanted} was to come")]
    Gap {
        /// The place that was to come.
        wanted: u8,
        /// The place that it has.
        found: u8,
    },
    /// The type changed in the middle of a message.
    #[error("it began as another type of message")]
    OtherKind,
    /// The message is over [`BODY_BYTES`].
    #[error("a message has at most {BODY_BYTES} bytes, this one has {0}")]
    TooLong(u16),
    /// It is not as long as it said.
    #[error("it said that it has {said} bytes, and has {found}")]
    Length {
        /// What its first frame said.
        said: usize,
        /// The bytes that arrived until then.
        found: usize,
    },
    /// It changed on its way.
    #[error("its checksum is wrong")]
    Crc,
    /// The next frame did not come in time.
    #[error("its next frame did not come within {} s", STALL_MS / 1_000)]
    Stalled,
}

impl BadFrame {
    /// What the sender is answered; nothing about an ACK or an ERROR, since their numbers are those of our messages.
    pub fn answer(&self) -> Option<Message> {
        let code = match self.reason {
            Reason::UnknownKind(_) => Code::Unsupported,
            Reason::TooLong(_) => Code::BadMessage,
            _ => Code::BadFrame,
        };
        let body = || error::body(code, &self.reason.to_string());
        (!matches!(self.kind, Some(Kind::Ack | Kind::Error))).then(|| Message {
            kind: Kind::Error,
            id: self.id,
            body: body(),
        })
    }
}

/// CRC-16/CCITT-FALSE: polynomial 0x1021, start 0xFFFF, no reflection, nothing added at the end.
pub fn crc(bytes: &[u8]) -> u16 {
    CHECK.checksum(bytes)
}

/// Cuts a message into frames of at most `room` bytes, which is MTU − 3 and at least [`SMALLEST_ROOM`]. A body over
/// [`BODY_BYTES`] has none.
pub fn frames(message: &Message, room: usize) -> Vec<Vec<u8>> {
    let total = match u16::try_from(message.body.len()) {
        Ok(total) if message.body.len() <= BODY_BYTES => total,
        _ => return Vec::new(),
    };
    let room = room.max(SMALLEST_ROOM);
    let mut rest = message.body.as_slice();
    let mut frames = Vec::new();
    let mut is_last = false;
    while !is_last {
        let seq = u8::try_from(frames.len() % 256).expect("it is below 256");
        let mut frame = vec![(message.kind as u8) << 4, message.id, seq];
        if frames.is_empty() {
            frame[0] |= FIRST;
            frame.extend_from_slice(&total.to_le_bytes());
        }
        let payload;
        (payload, rest) = rest.split_at(rest.len().min(room - frame.len()));
        frame.extend_from_slice(payload);
        is_last = rest.is_empty() && frame.len() + CRC_BYTES <= room;
        if is_last {
            frame[0] |= LAST;
            frame.extend_from_slice(&crc(&message.body).to_le_bytes());
        }
        frames.push(frame);
    }
    frames
}

/// Makes messages whole out of their frames. One for each connection and direction.
#[derive(Debug, Default)]
pub struct Assembler {
    state: State,
}

#[derive(Debug, Default)]
enum State {
    /// A message has to begin.
    #[default]
    Idle,
    /// What is still to come of this message is passed over.
    Dropped(u8),
    /// A message has begun.
    Open(Open),
}

#[derive(Debug)]
struct Open {
    kind: Kind,
    id: u8,
    total: usize,
    body: Vec<u8>,
    next_seq: u8,
    due_ms: u64,
}

impl Assembler {
    /// Takes a frame that arrived at `now_ms`, on any clock that goes on: the message that it makes whole, if it does.
    /// A message that begins in the middle of another one takes its place, and the other one is not heard of again.
    ///
    /// # Errors
    /// A message was dropped. It is told once.
    pub fn take(&mut self, frame: &[u8], now_ms: u64) -> Result<Option<Message>, BadFrame> {
        let state = std::mem::take(&mut self.state);
        match next(state, frame, now_ms) {
            Ok(Next::Whole(message)) => Ok(Some(message)),
            Ok(Next::State(state)) => {
                self.state = state;
                Ok(None)
            }
            Err(bad) => {
                let id = frame.get(1).copied().unwrap_or(bad.id);
                self.state = if is_last(frame) { State::Idle } else { State::Dropped(id) };
                Err(bad)
            }
        }
    }

    /// Drops the message that has waited too long for its next frame, if one has.
    pub fn expired(&mut self, now_ms: u64) -> Option<BadFrame> {
        let bad = match &self.state {
            State::Open(open) if now_ms >= open.due_ms => open.bad(Reason::Stalled),
            _ => return None,
        };
        self.state = State::Dropped(bad.id);
        Some(bad)
    }

    /// When to ask [`Self::expired`], on the clock of `now_ms`; none while no message has begun.
    pub fn due_ms(&self) -> Option<u64> {
        match &self.state {
            State::Open(open) => Some(open.due_ms),
            State::Idle | State::Dropped(_) => None,
        }
    }
}

enum Next {
    Whole(Message),
    State(State),
}

fn next(state: State, frame: &[u8], now_ms: u64) -> Result<Next, BadFrame> {
    let &[flags, id, seq, ref rest @ ..] = frame else {
        let id = frame.get(1).copied().unwrap_or_default();
        return Err(BadFrame { id, kind: None, reason: Reason::Short });
    };
    let number = flags >> 4;
    let kind = Kind::ALL.into_iter().find(|kind| *kind as u8 == number);
    let bad = |reason| BadFrame { id, kind, reason };
    let is_first = flags & FIRST != 0;
    if !is_first && matches!(state, State::Dropped(dropped) if dropped == id) {
        return Ok(Next::State(if is_last(frame) { State::Idle } else { state }));
    }
    let kind = kind.ok_or_else(|| bad(Reason::UnknownKind(number)))?;
    if flags & ZERO != 0 {
        return Err(bad(Reason::Flags(flags)));
    }
    let (open, payload) = if is_first {
        let (length, payload) = rest.split_first_chunk::<LENGTH_BYTES>().ok_or_else(|| bad(Reason::Short))?;
        let total = u16::from_le_bytes(*length);
        if usize::from(total) > BODY_BYTES {
            return Err(bad(Reason::TooLong(total)));
        }
        (Open { kind, id, total: total.into(), body: Vec::new(), next_seq: 0, due_ms: u64::MAX }, payload)
    } else {
        match state {
            State::Open(open) => (open, rest),
            State::Idle | State::Dropped(_) => return Err(bad(Reason::NotBegun)),
        }
    };
    open.go_on((kind, id, seq), payload, is_last(frame), now_ms)
}

fn is_last(frame: &[u8]) -> bool {
    frame.first().is_some_and(|flags| flags & LAST != 0)
}

impl Open {
    fn go_on(mut self, head: (Kind, u8, u8), payload: &[u8], is_last: bool, now_ms: u64) -> Result<Next, BadFrame> {
        let (kind, id, seq) = head;
        if now_ms >= self.due_ms {
            return Err(self.bad(Reason::Stalled));
        }
        if seq != self.next_seq || id != self.id {
            return Err(self.bad(Reason::Gap { wanted: self.next_seq, found: seq }));
        }
        if kind != self.kind {
            return Err(self.bad(Reason::OtherKind));
        }
        let (payload, sum) = match payload.split_last_chunk::<CRC_BYTES>() {
            _ if !is_last => (payload, None),
            Some((payload, sum)) => (payload, Some(u16::from_le_bytes(*sum))),
            None => return Err(self.bad(Reason::Short)),
        };
        let found = self.body.len() + payload.len();
        if found > self.total || is_last && found != self.total {
            return Err(self.bad(Reason::Length { said: self.total, found }));
        }
        self.body.extend_from_slice(payload);
        match sum {
            Some(sum) if sum != crc(&self.body) => Err(self.bad(Reason::Crc)),
            Some(_) => Ok(Next::Whole(Message { kind, id, body: self.body })),
            None => {
                self.next_seq = self.next_seq.wrapping_add(1);
                self.due_ms = now_ms.saturating_add(STALL_MS);
                Ok(Next::State(State::Open(self)))
            }
        }
    }

    fn bad(&self, reason: Reason) -> BadFrame {
        BadFrame { id: self.id, kind: Some(self.kind), reason }
    }
}

#[cfg(test)]
mod tests;
