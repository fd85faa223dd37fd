//! Sessions that outlive their connection, and the messages that wait for them.
//!
//! ```text
//! l | session (8)                      who, and what they subscribed to
//! m | session (8) | seq (8) | piece (1)  a message; cut into pieces, since it can be long
//! i | session (8) | packet id (2)      published with QoS 2, and not released: the same again is no new event
//! ```
//! A message of QoS 2 for which PUBREC came is a single byte: its PUBREL is all that is left to be sent.

use serde::Deserialize;
use serde::Serialize;

use crate::model::DeviceId;
use crate::model::EventName;
use crate::model::Properties;
use crate::model::Qos;
use crate::model::UserId;
use crate::model::WallTime;
use crate::store::keys;
use crate::store::pieces;
use crate::store::row::RowError;

pub(super) const SESSION_VERSION: u8 = 1;
pub(super) const RECEIVED_VERSION: u8 = 1;
const MESSAGE_VERSION: u8 = 1;

/// The row of a message for which PUBREC came.
const RELEASED: [u8; 1] = [0];

/// A session as it is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredSession {
    /// Whose it is.
    pub holder: StoredHolder,
    /// Its client id.
    pub client_id: String,
    /// Seconds that it lives without a connection; none for as long as any may.
    pub expiry_s: Option<u32>,
    /// What it subscribed to.
    pub subscriptions: Vec<StoredSubscription>,
}

/// Whose a session is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum StoredHolder {
    /// A device's.
    Device(DeviceId),
    /// A user's.
    User(UserId),
}

/// One subscription.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredSubscription {
    /// The filter.
    pub filter: String,
    /// The QoS that it was granted.
    pub granted: Qos,
    /// Whether it leaves out what its own holder published.
    pub no_local: bool,
    /// The identifier that the client gave it.
    pub id: Option<u32>,
    /// Whether events come with the retain flag with which they were published.
    pub keeps_retain: bool,
}

/// A message that waits for a session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredMessage {
    /// Whose event it is: a session that changed hands does not get it.
    pub owner: UserId,
    /// The event's name.
    pub topic: EventName,
    /// The event's data.
    pub data: String,
    /// When it was published.
    pub published_at: WallTime,
    /// The QoS to send it with.
    pub qos: Qos,
    /// The identifiers of the subscriptions that matched.
    pub subscription_ids: Vec<u32>,
    /// The retain flag to send it with.
    pub retain: bool,
    /// What its publisher said about it.
    pub properties: Option<Box<Properties>>,
}

/// What is left of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MessageRow {
    /// Its number in its session.
    pub seq: u64,
    /// Rows that it takes.
    pub pieces: u8,
    /// The QoS to send it with.
    pub qos: Qos,
    /// Bytes of its topic and data; 0 if PUBREC came for it.
    pub bytes: usize,
    /// Whether PUBREC came for it.
    pub is_released: bool,
}

impl StoredMessage {
    /// Bytes that it counts: those of its topic, its data and what its publisher said about it.
    pub fn weight(&self) -> usize {
        let said = self.properties.as_ref().map_or(0, |properties| properties.weight());
        self.topic.as_str().len() + self.data.len() + said
    }

    /// Milliseconds that it lives on; none if it does not end, or the clock was not set when it was published.
    pub fn left_ms(&self, now: WallTime, clock_is_right_since: WallTime) -> Option<u64> {
        let expiry_s = self.properties.as_ref()?.expiry_s?;
        if self.published_at < clock_is_right_since {
            return None;
        }
        let age_ms = now.as_millis().saturating_sub(self.published_at.as_millis());
        Some((u64::from(expiry_s) * 1_000).saturating_sub(u64::try_from(age_ms).unwrap_or(0)))
    }
}

/// The row of each piece of a message.
pub(super) fn encode(message: &StoredMessage) -> Vec<Vec<u8>> {
    pieces::encode(MESSAGE_VERSION, message)
}

/// A message from its first piece; `piece` reads the others. None if PUBREC came for it.
pub(super) fn decode<E: From<RowError>>(
    first: &[u8],
    piece: impl Fn(u8) -> Result<Vec<u8>, E>,
) -> Result<Option<StoredMessage>, E> {
    if first == RELEASED {
        return Ok(None);
    }
    pieces::decode(MESSAGE_VERSION, first, piece).map(Some)
}

/// Rows that a message takes, by its first; what PUBREC came for takes one.
pub(super) fn pieces_of(first: &[u8]) -> Result<u8, RowError> {
    if first == RELEASED { Ok(1) } else { Ok(pieces::read(MESSAGE_VERSION, first)?.0) }
}

/// The row of a message for which PUBREC came.
pub(super) fn released() -> Vec<u8> {
    RELEASED.to_vec()
}

pub(super) fn session_key(session: u64) -> Vec<u8> {
    keys::prefixed(keys::SESSION, &session.to_be_bytes())
}

pub(super) fn message_key(session: u64, seq: u64, piece: u8) -> Vec<u8> {
    let mut key = keys::prefixed(keys::MESSAGE, &session.to_be_bytes());
    key.extend(seq.to_be_bytes());
    key.push(piece);
    key
}

pub(super) fn received_key(session: u64, packet_id: u16) -> Vec<u8> {
    let mut key = keys::prefixed(keys::RECEIVED, &session.to_be_bytes());
    key.extend(packet_id.to_be_bytes());
    key
}

/// The session and the packet identifier in such a key, behind its prefix.
pub(super) fn received_of(rest: &[u8]) -> Option<(u64, u16)> {
    let (session, packet_id) = rest.split_at_checked(8)?;
    Some((u64::from_be_bytes(session.try_into().ok()?), u16::from_be_bytes(packet_id.try_into().ok()?)))
}

/// The session and the number in the key of a message's first piece; none for the others.
pub(super) fn message_of_first(key: &[u8]) -> Option<(u64, u64)> {
    let rest = key.strip_prefix(&[keys::MESSAGE])?;
    let (session, rest) = rest.split_at_checked(8)?;
    let (seq, piece) = rest.split_at_checked(8)?;
    let number = |bytes: &[u8]| bytes.try_into().ok().map(u64::from_be_bytes);
    (piece == [0]).then_some((number(session)?, number(seq)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(data: &str) -> StoredMessage {
        StoredMessage {
            owner: UserId::from_bytes([2; 12]),
            topic: EventName::emitted("temp"),
            data: data.to_owned(),
            published_at: WallTime::from_millis(1),
            qos: Qos::AtLeastOnce,
            subscription_ids: vec![300],
            retain: true,
            properties: None,
        }
    }

    #[test]
    fn a_message_ends_with_its_expiry_if_the_clock_was_right() {
        let ends = |expiry_s| {
            let properties = Some(Box::new(Properties { expiry_s, ..Properties::default() }));
            let message = StoredMessage { properties, published_at: WallTime::from_millis(5_000), ..message("72") };
            [(6_500, 0), (20_000, 0), (6_500, 9_000)]
                .map(|(now, right)| message.left_ms(WallTime::from_millis(now), WallTime::from_millis(right)))
        };
        assert_eq!(ends(Some(10)), [Some(8_500), Some(0), None]);
        assert_eq!(ends(None), [None; 3]);
        assert_eq!(message("72").left_ms(WallTime::from_millis(9), WallTime::from_millis(0)), None);
    }

    /// Messages that an older farhook kept must be read by every later one. If this test fails, the row changed: give
    /// it a new version and keep reading this one.
    #[test]
    fn the_bytes_of_version_1_do_not_change() {
        let bytes = [&[1, 1][..], &[2; 12], b"\x04temp", b"\x0272", &[2, 1, 1, 0xac, 2, 1, 0]];
        assert_eq!(encode(&message("72")), [bytes.concat()]);
        assert_eq!(message_key(258, 3, 4), b"m\0\0\0\0\0\0\x01\x02\0\0\0\0\0\0\0\x03\x04");
        assert_eq!(session_key(258), b"l\0\0\0\0\0\0\x01\x02");
        assert_eq!(received_key(258, 772), b"i\0\0\0\0\0\0\x01\x02\x03\x04");
        assert_eq!(received_of(&received_key(258, 772)[1..]), Some((258, 772)));
    }

    #[test]
    fn a_message_of_any_length_is_read_as_it_was_written() {
        for data in ["", "72", &"x".repeat(3_990), &"x".repeat(102_400)] {
            let rows = encode(&message(data));
            assert!(rows.iter().all(|row| row.len() < 7_000));
            assert_eq!(usize::from(pieces_of(&rows[0]).unwrap()), rows.len());
            let piece = |number: u8| Ok::<_, RowError>(rows[usize::from(number)].clone());
            assert_eq!(decode(&rows[0], piece).unwrap(), Some(message(data)));
        }
        assert_eq!(decode(&released(), |_| Err(RowError::Empty)).unwrap(), None);
        assert_eq!(pieces_of(&released()).unwrap(), 1);
    }

    #[test]
    fn the_key_of_a_first_piece_tells_which_message_it_is() {
        assert_eq!(message_of_first(&message_key(7, u64::MAX, 0)), Some((7, u64::MAX)));
        assert_eq!(message_of_first(&message_key(7, 1, 1)), None);
        assert_eq!(message_of_first(b"m1234567"), None);
        assert_eq!(message_of_first(&session_key(7)), None);
    }
}
