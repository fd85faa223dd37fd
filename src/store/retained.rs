//! A retained message as it is stored: the event, how it was published and when by the boot's clock. It can be long,
//! so it is cut into pieces.

use std::sync::Arc;

use serde::Deserialize;
use serde::Serialize;

use crate::model::Event;
use crate::model::EventId;
use crate::model::EventName;
use crate::model::EventProduct;
use crate::model::Properties;
use crate::model::Publishing;
use crate::model::Qos;
use crate::model::Source;
use crate::model::UserId;
use crate::model::WallTime;
use crate::store::Arrived;
use crate::store::keys;
use crate::store::pieces;
use crate::store::row::RowError;

const VERSION: u8 = 1;

/// A retained message that was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredRetained {
    /// What is retained.
    pub event: Arc<Event>,
    /// When it was accepted.
    pub arrived: Arrived,
    /// Rows that it takes.
    pub pieces: u8,
}

/// Version 1 of a retained message. Never edit it, nor what it holds; add a version 2.
#[derive(Debug, Serialize, Deserialize)]
struct RetainedV1 {
    id: EventId,
    name: EventName,
    data: String,
    ttl_s: u32,
    published_at: WallTime,
    source: Source,
    owner: UserId,
    product: Option<EventProduct>,
    qos: Qos,
    properties: Option<Box<Properties>>,
    arrived: Arrived,
}

/// The row of each piece of a message.
pub(super) fn encode(event: &Event, arrived: Arrived) -> Vec<Vec<u8>> {
    let Event { id, name, data, ttl_s, published_at, source, owner, product, publishing } = event.clone();
    let Publishing { qos, retain: _, session: _, properties } = publishing;
    let row = RetainedV1 { id, name, data, ttl_s, published_at, source, owner, product, qos, properties, arrived };
    pieces::encode(VERSION, &row)
}

/// A message from its first piece; `piece` reads the others.
pub(super) fn decode<E: From<RowError>>(
    first: &[u8],
    piece: impl Fn(u8) -> Result<Vec<u8>, E>,
) -> Result<StoredRetained, E> {
    let (pieces, _) = pieces::read(VERSION, first)?;
    let RetainedV1 { id, name, data, ttl_s, published_at, source, owner, product, qos, properties, arrived } =
        pieces::decode(VERSION, first, piece)?;
    let publishing = Publishing { qos, retain: true, session: None, properties };
    let event = Arc::new(Event { id, name, data, ttl_s, published_at, source, owner, product, publishing });
    Ok(StoredRetained { event, arrived, pieces })
}

/// The key of a piece of an owner's message.
pub(super) fn key(owner: UserId, topic: &str, piece: u8) -> Vec<u8> {
    let mut key = keys::prefixed(keys::RETAINED, owner.as_bytes());
    key.extend(topic.as_bytes());
    key.push(piece);
    key
}

/// Whether it is the key of a message's first piece: no topic has a NUL in it.
pub(super) fn is_first(key: &[u8]) -> bool {
    key.last() == Some(&0)
}

/// The key of another piece of the same message.
pub(super) fn piece_of(first: &[u8], piece: u8) -> Vec<u8> {
    let mut key = first.to_vec();
    if let Some(last) = key.last_mut() {
        *last = piece;
    }
    key
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::tests::delivery;

    const ARRIVED: Arrived = Arrived { boot: [9; 16], mono_ms: 300 };

    fn retained(data: &str) -> Event {
        let properties =
            Properties { is_text: Some(true), user: vec![("a".into(), "b".into())], ..Properties::default() };
        let publishing =
            Publishing { qos: Qos::AtLeastOnce, retain: true, session: None, properties: Some(Box::new(properties)) };
        Event { publishing, ..(*delivery(data).event).clone() }
    }

    /// Messages that an older farhook kept must be read by every later one. If this test fails, the row changed: give
    /// it a new version and keep reading this one.
    #[test]
    fn the_bytes_of_version_1_do_not_change() {
        let bytes = [
            &[1, 1][..],
            &[3; 12],
            b"\x04temp",
            b"\x0272",
            &[60],
            &[0xf0, 0xc9, 0xd0, 0xf4, 0x83, 0x55, 0],
            &[1; 12],
            &[2; 12],
            &[0],
            &[1],
            &[1, 1, 1, 0, 0, 0, 0, 1, 1, b'a', 1, b'b'],
            &[9; 16],
            &[0xac, 2],
        ];
        assert_eq!(encode(&retained("72"), ARRIVED), [bytes.concat()]);
        assert_eq!(key(UserId::from_bytes([7; 12]), "t", 3), [b"r", &[7; 12][..], b"t", &[3]].concat());
    }

    #[test]
    fn a_message_of_any_length_is_read_as_it_was_written() {
        for data in ["72", &"x".repeat(3_990), &"é".repeat(11_000)] {
            let event = retained(data);
            let rows = encode(&event, ARRIVED);
            assert!(rows.iter().all(|row| row.len() < 7_000));
            let read = decode(&rows[0], |piece| Ok::<_, RowError>(rows[usize::from(piece)].clone())).unwrap();
            let pieces = u8::try_from(rows.len()).unwrap();
            assert_eq!(read, StoredRetained { event: Arc::new(event), arrived: ARRIVED, pieces });
        }
    }

    #[test]
    fn the_first_piece_is_known_by_its_key() {
        let owner = UserId::from_bytes([0; 12]);
        assert!(is_first(&key(owner, "a", 0)));
        assert!(!is_first(&key(owner, "a", 1)));
        assert_eq!(piece_of(&key(owner, "a", 0), 5), key(owner, "a", 5));
    }
}
