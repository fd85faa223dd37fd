//! The events of late, as they are kept over an orderly restart. An event can be long, so it is cut into pieces; the
//! events stand in their order.

use serde::Deserialize;
use serde::Serialize;

use crate::model::Event;
use crate::model::EventId;
use crate::model::EventName;
use crate::model::EventProduct;
use crate::model::Publishing;
use crate::model::Source;
use crate::model::UserId;
use crate::model::WallTime;
use crate::store::keys;
use crate::store::pieces;
use crate::store::row::RowError;

const VERSION: u8 = 1;

/// Version 1 of an event of late. Never edit it; add a version 2.
#[derive(Debug, Serialize, Deserialize)]
struct EventV1 {
    id: EventId,
    name: EventName,
    data: String,
    ttl_s: u32,
    published_at: WallTime,
    source: Source,
    owner: UserId,
    product: Option<EventProduct>,
}

/// The row of each piece of an event: its version, how many pieces there are, and the piece.
pub(super) fn encode(event: &Event) -> Vec<Vec<u8>> {
    let Event { id, name, data, ttl_s, published_at, source, owner, product, publishing: _ } = event.clone();
    let row = EventV1 { id, name, data, ttl_s, published_at, source, owner, product };
    pieces::encode(VERSION, &row)
}

/// An event from its first piece; `piece` reads the others.
pub(super) fn decode<E: From<RowError>>(first: &[u8], piece: impl Fn(u8) -> Result<Vec<u8>, E>) -> Result<Event, E> {
    let EventV1 { id, name, data, ttl_s, published_at, source, owner, product } =
        pieces::decode(VERSION, first, piece)?;
    let publishing = Publishing::default();
    Ok(Event { id, name, data, ttl_s, published_at, source, owner, product, publishing })
}

/// The key of a piece of the event at that place.
pub(super) fn key(place: u16, piece: u8) -> Vec<u8> {
    let [high, low] = place.to_be_bytes();
    keys::prefixed(keys::RECENT, &[high, low, piece])
}

/// The place in the key of an event's first piece; none for the others.
pub(super) fn place_of_first(key: &[u8]) -> Option<u16> {
    match key {
        [keys::RECENT, high, low, 0] => Some(u16::from_be_bytes([*high, *low])),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::tests::delivery;

    /// Events that an older farhook kept must be read by every later one. If this test fails, the row changed: give it
    /// a new version and keep reading this one.
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
        ];
        assert_eq!(encode(&delivery("72").event), [bytes.concat()]);
        assert_eq!(key(258, 3), b"e\x01\x02\x03");
    }

    #[test]
    fn an_event_of_any_length_is_read_as_it_was_written() {
        for data in ["", "72", &"x".repeat(3_990), &"é".repeat(11_000), &"x".repeat(102_400)] {
            let event = delivery(data).event;
            let pieces = encode(&event);
            assert!(pieces.iter().all(|piece| piece.len() < 7_000));
            let piece = |number: u8| Ok::<_, RowError>(pieces[usize::from(number)].clone());
            assert_eq!(decode(&pieces[0], piece).unwrap(), *event);
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
