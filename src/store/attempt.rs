//! An attempt as the log keeps it. It can be long, so it is cut into pieces; each hook has a fixed number of slots, and
//! a new attempt takes the place of an old one.

use serde::Deserialize;
use serde::Serialize;

use crate::model::DeviceId;
use crate::model::EventId;
use crate::model::EventName;
use crate::model::HookId;
use crate::model::WallTime;
use crate::store::keys;
use crate::store::pieces;
use crate::store::row::RowError;

const VERSION: u8 = 1;

/// Where an attempt is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AttemptSlot {
    /// Whose attempt it is.
    pub hook: HookId,
    /// Which of the hook's shelves.
    pub shelf: AttemptShelf,
    /// The place on the shelf.
    pub slot: u16,
}

/// A hook's attempts stand on two shelves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AttemptShelf {
    /// The latest.
    All,
    /// The latest that were no success: they stay although good ones follow.
    Errors,
}

/// One attempt, without its secrets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredAttempt {
    /// Counts the hook's attempts.
    pub number: u64,
    /// When it ended.
    pub at: WallTime,
    /// The delivery's place in the order of arrival.
    pub seq: u64,
    /// The event's id, which is also the `webhook-id`.
    pub event: EventId,
    /// The event's name.
    pub name: EventName,
    /// Whose event it was; none for the API.
    pub device: Option<DeviceId>,
    /// What was sent, if a request could be made.
    pub request: Option<LoggedRequest>,
    /// What came back, if something did.
    pub answer: Option<LoggedAnswer>,
    /// How long it took.
    pub timing: LoggedTiming,
    /// What became of the delivery.
    pub fate: Fate,
    /// The same in a few words: a status, or why there is none.
    pub summary: String,
    /// When it is tried again, if that is known.
    pub next_try: Option<WallTime>,
}

/// A request as it was sent, secrets masked, long parts cut.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LoggedRequest {
    /// The HTTP method.
    pub method: String,
    /// The address.
    pub url: String,
    /// Names and values.
    pub headers: Vec<(String, String)>,
    /// The beginning of the body.
    pub body: String,
    /// Bytes of the whole body.
    pub body_bytes: u64,
}

/// An answer as it came, secrets masked, long parts cut.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LoggedAnswer {
    /// The HTTP status.
    pub status: u16,
    /// Names and values.
    pub headers: Vec<(String, String)>,
    /// The beginning of the body.
    pub body: String,
    /// Bytes of the body, as far as it was read.
    pub body_bytes: u64,
}

/// How long the parts of a delivery took, in milliseconds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LoggedTiming {
    /// From the event's arrival to the beginning of the attempt.
    pub queued_ms: u64,
    /// Until the connection stood; none if an open one was used, or none was made.
    pub connect_ms: Option<u64>,
    /// From the beginning of the attempt to the answer's first byte.
    pub first_byte_ms: Option<u64>,
    /// From the beginning of the attempt to its end.
    pub total_ms: Option<u64>,
}

/// What became of a delivery after an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fate {
    /// It arrived.
    Delivered,
    /// It is tried again.
    Waiting,
    /// It was given up, and is a dead letter.
    Dead,
}

/// The row of one piece of an attempt: its version, how many pieces there are, and the piece.
pub(super) fn encode(attempt: &StoredAttempt) -> Vec<Vec<u8>> {
    pieces::encode(VERSION, attempt)
}

/// An attempt from its first piece; `piece` reads the others.
pub(super) fn decode<E: From<RowError>>(
    first: &[u8],
    piece: impl Fn(u8) -> Result<Vec<u8>, E>,
) -> Result<StoredAttempt, E> {
    pieces::decode(VERSION, first, piece)
}

/// The number of an attempt, from its first piece.
pub(super) fn number(first: &[u8]) -> Result<u64, RowError> {
    let (_, first) = pieces::read(VERSION, first)?;
    postcard::take_from_bytes(first).map(|(number, _)| number).map_err(RowError::Damaged)
}

pub(super) fn key(slot: AttemptSlot, part: u8) -> Vec<u8> {
    let mut bytes = keys::of_hook(keys::ATTEMPT, slot.hook);
    bytes.push(match slot.shelf {
        AttemptShelf::All => 0,
        AttemptShelf::Errors => 1,
    });
    bytes.extend(slot.slot.to_be_bytes());
    bytes.push(part);
    bytes
}

/// The slot in the key of an attempt's first piece; none for the others.
pub(super) fn slot_of_first(key: &[u8]) -> Option<u16> {
    match key {
        [.., high, low, 0] => Some(u16::from_be_bytes([*high, *low])),
        _ => None,
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn attempt(number: u64, body: &str) -> StoredAttempt {
        StoredAttempt {
            number,
            at: WallTime::from_millis(5),
            seq: 9,
            event: EventId::from_bytes([3; 12]),
            name: EventName::published("temp").unwrap(),
            device: None,
            request: Some(LoggedRequest {
                method: "POST".to_owned(),
                url: "http://example.com/".to_owned(),
                headers: vec![("a".to_owned(), "b".to_owned())],
                body: body.to_owned(),
                body_bytes: body.len() as u64,
            }),
            answer: None,
            timing: LoggedTiming { queued_ms: 4, ..LoggedTiming::default() },
            fate: Fate::Delivered,
            summary: "status 200".to_owned(),
            next_try: None,
        }
    }

    #[test]
    fn an_attempt_of_any_length_is_read_as_it_was_written() {
        for body in ["", &"x".repeat(3_990), &"x".repeat(9_000)] {
            let attempt = attempt(7, body);
            let pieces = encode(&attempt);
            assert!(pieces.iter().all(|piece| piece.len() < 7_000));
            let piece = |number: u8| Ok::<_, RowError>(pieces[usize::from(number)].clone());
            assert_eq!(decode(&pieces[0], piece).unwrap(), attempt);
            assert_eq!(number(&pieces[0]).unwrap(), attempt.number);
        }
    }

    #[test]
    fn a_piece_of_another_version_is_refused() {
        let piece = |_| Err(RowError::Empty);
        assert!(matches!(decode(&[2, 1, 0], piece), Err(RowError::Version { found: 2, .. })));
        assert!(matches!(decode(&[], piece), Err(RowError::Empty)));
        assert!(decode(&[1, 1, 0xff], piece).is_err());
    }
}
