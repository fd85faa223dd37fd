//! A delivery as it is stored. One delivery is one row, so storing and removing it is one operation; only the data of
//! a long event has rows of its own.

use std::sync::Arc;

use serde::Deserialize;
use serde::Serialize;

use crate::clock::Now;
use crate::model::Event;
use crate::model::EventId;
use crate::model::EventName;
use crate::model::Source;
use crate::model::UserId;
use crate::model::WallTime;
use crate::model::split_at_most;
use crate::store::row;
use crate::store::row::RowError;

/// Bytes of an event's data in the delivery's own row and in each further part.
const PART_BYTES: usize = 4_000;

const VERSION: u8 = 2;
const OLD_VERSION: u8 = 1;

/// One event on its way to one hook's target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredDelivery {
    /// What triggered the hook.
    pub event: Arc<Event>,
    /// Attempts that count towards the retry policy's schedule.
    pub attempts: u32,
    /// Not to be tried before this time.
    pub not_before: Option<Moment>,
    /// How to recognise a resend of the event, also after a restart.
    pub mark: Option<StoredMark>,
    /// When the event was accepted, on a clock that is right even while the wall clock is not.
    pub arrived: Arrived,
}

/// A moment on the clock of one boot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Arrived {
    /// The boot.
    pub boot: [u8; 16],
    /// Milliseconds since that boot.
    pub mono_ms: u64,
}

/// A moment on both clocks: the boot's for the same boot, the wall's for another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Moment {
    /// On the clock of a boot.
    pub on_boot: Arrived,
    /// On the wall clock, as far as it was right.
    pub wall: WallTime,
}

impl Moment {
    /// The moment at which this boot's clock shows `mono_ms`.
    pub fn at(mono_ms: u64, boot: [u8; 16], now: Now) -> Self {
        Self { on_boot: Arrived { boot, mono_ms }, wall: now.wall_at(mono_ms) }
    }
}

/// What identifies an MQTT publication that was stored: its sender may send it again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct StoredMark {
    /// The session, hashed from the client id.
    pub session: u64,
    /// The packet identifier.
    pub packet_id: u16,
    /// A hash of name and data.
    pub content: u64,
}

/// The row of a delivery, and the parts of its event's data that have rows of their own.
pub(super) fn encode(delivery: &StoredDelivery) -> (Vec<u8>, Vec<Vec<u8>>) {
    let (row, rest) = DeliveryV2::from_delivery(delivery);
    (row::encode(VERSION, &row), rest.into_iter().map(|text| row::encode(VERSION, &text)).collect())
}

/// A delivery from its row; `part` reads the further parts of its event's data.
pub(super) fn decode<E: From<RowError>>(
    bytes: &[u8],
    part: impl Fn(u8) -> Result<Vec<u8>, E>,
) -> Result<StoredDelivery, E> {
    let mut row: DeliveryV2 = row::decode(VERSION, bytes)?;
    append_parts(&mut row.data, VERSION, row.data_parts, part)?;
    Ok(row.into())
}

/// As [`decode`], for a row of version 0.1.
pub(super) fn decode_old<E: From<RowError>>(
    bytes: &[u8],
    part: impl Fn(u8) -> Result<Vec<u8>, E>,
) -> Result<StoredDelivery, E> {
    let mut row: DeliveryV1 = row::decode(OLD_VERSION, bytes)?;
    append_parts(&mut row.data, OLD_VERSION, row.data_parts, part)?;
    Ok(row.into())
}

/// The further parts of an event's data.
fn append_parts<E: From<RowError>>(
    data: &mut String,
    version: u8,
    count: u8,
    part: impl Fn(u8) -> Result<Vec<u8>, E>,
) -> Result<(), E> {
    for number in 0..count {
        let text: String = row::decode(version, &part(number)?)?;
        data.push_str(&text);
    }
    Ok(())
}

/// Parts beyond the first that data of this length can have taken: a character of up to 4 bytes may have made each
/// part 3 bytes shorter.
pub(super) fn further_parts(data_bytes: usize) -> u8 {
    let parts = data_bytes.saturating_sub(1) / (PART_BYTES - 3);
    u8::try_from(parts).expect("event data has a few parts")
}

/// Version 2 of a delivery's row. Never edit it; add a version 3.
#[derive(Debug, Serialize, Deserialize)]
struct DeliveryV2 {
    event: EventId,
    name: EventName,
    data: String,
    data_parts: u8,
    ttl_s: u32,
    published_at: WallTime,
    source: Source,
    owner: UserId,
    attempts: u32,
    not_before: Option<Moment>,
    mark: Option<StoredMark>,
    arrived: Arrived,
}

/// Version 1: `not_before` was of the wall clock alone.
#[derive(Debug, Serialize, Deserialize)]
struct DeliveryV1 {
    event: EventId,
    name: EventName,
    data: String,
    data_parts: u8,
    ttl_s: u32,
    published_at: WallTime,
    source: Source,
    owner: UserId,
    attempts: u32,
    not_before: Option<WallTime>,
    mark: Option<StoredMark>,
    arrived: Arrived,
}

impl DeliveryV2 {
    fn from_delivery(delivery: &StoredDelivery) -> (Self, Vec<&str>) {
        let StoredDelivery { event, attempts, not_before, mark, arrived } = delivery;
        let mut parts = split(&event.data);
        let data = parts.remove(0).to_owned();
        let row = Self {
            event: event.id,
            name: event.name.clone(),
            data,
            data_parts: u8::try_from(parts.len()).expect("event data has a few parts"),
            ttl_s: event.ttl_s,
            published_at: event.published_at,
            source: event.source,
            owner: event.owner,
            attempts: *attempts,
            not_before: *not_before,
            mark: *mark,
            arrived: *arrived,
        };
        (row, parts)
    }
}

impl From<DeliveryV2> for StoredDelivery {
    fn from(row: DeliveryV2) -> Self {
        let event = Event {
            id: row.event,
            name: row.name,
            data: row.data,
            ttl_s: row.ttl_s,
            published_at: row.published_at,
            source: row.source,
            owner: row.owner,
        };
        Self {
            event: Arc::new(event),
            attempts: row.attempts,
            not_before: row.not_before,
            mark: row.mark,
            arrived: row.arrived,
        }
    }
}

impl From<DeliveryV1> for StoredDelivery {
    fn from(row: DeliveryV1) -> Self {
        // Of no boot: the wall time alone decides, as it did then.
        let moment = |wall| Moment { on_boot: Arrived { boot: [0; 16], mono_ms: 0 }, wall };
        let row = DeliveryV2 {
            event: row.event,
            name: row.name,
            data: row.data,
            data_parts: row.data_parts,
            ttl_s: row.ttl_s,
            published_at: row.published_at,
            source: row.source,
            owner: row.owner,
            attempts: row.attempts,
            not_before: row.not_before.map(moment),
            mark: row.mark,
            arrived: row.arrived,
        };
        row.into()
    }
}

/// Cuts data into pieces of exactly [`PART_BYTES`], less where a character would be split; at least one piece.
fn split(data: &str) -> Vec<&str> {
    let mut parts = Vec::with_capacity(1);
    let mut rest = data;
    while rest.len() > PART_BYTES {
        let (part, behind) = split_at_most(rest, PART_BYTES);
        parts.push(part);
        rest = behind;
    }
    parts.push(rest);
    parts
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::model::DeviceId;
    use crate::store::Cause;
    use crate::store::DeadLetter;
    use crate::store::End;

    /// One that was given up at the time 7.
    pub(crate) fn letter(data: &str) -> DeadLetter {
        let at = WallTime::from_millis(7);
        let end = End { cause: Cause::Failed, reason: "no".to_owned(), status: Some(500), answer: String::new(), at };
        DeadLetter { delivery: delivery(data), end }
    }

    pub(crate) fn delivery(data: &str) -> StoredDelivery {
        let event = Event {
            id: EventId::from_bytes([3; 12]),
            name: EventName::published("temp").unwrap(),
            data: data.to_owned(),
            ttl_s: 60,
            published_at: WallTime::from_millis(1_460_813_828_728),
            source: Source::Device(DeviceId::from_bytes([1; 12])),
            owner: UserId::from_bytes([2; 12]),
        };
        let mark = StoredMark { session: 9, packet_id: 5, content: 77 };
        let arrived = Arrived { boot: [6; 16], mono_ms: 300 };
        StoredDelivery { event: Arc::new(event), attempts: 2, not_before: None, mark: Some(mark), arrived }
    }

    const MOMENT: Moment =
        Moment { on_boot: Arrived { boot: [7; 16], mono_ms: 5 }, wall: WallTime::from_millis(1_460_813_828_728) };

    /// What is the same in both versions: the event, two attempts.
    fn beginning(version: u8) -> Vec<u8> {
        [
            &[version][..],
            &[3; 12],
            b"\x04temp",
            b"\x0272",
            &[0, 60],
            &[0xf0, 0xc9, 0xd0, 0xf4, 0x83, 0x55, 0],
            &[1; 12],
            &[2; 12],
            &[2],
        ]
        .concat()
    }

    const MARK_AND_ARRIVAL: [&[u8]; 3] = [&[1, 9, 5, 77], &[6; 16], &[0xac, 2]];

    /// Deliveries that an older farhook stored must be read by every later one. If this test fails, the row changed:
    /// give it a new version and keep reading this one.
    #[test]
    fn the_bytes_of_version_2_do_not_change() {
        let stored = StoredDelivery { not_before: Some(MOMENT), ..delivery("72") };
        let moment = [&[1][..], &[7; 16], &[5], &[0xf0, 0xc9, 0xd0, 0xf4, 0x83, 0x55]].concat();
        assert_eq!(encode(&stored).0, [beginning(2), moment, MARK_AND_ARRIVAL.concat()].concat());
    }

    #[test]
    fn the_bytes_of_version_1_are_still_read() {
        let bytes = [beginning(1), vec![0], MARK_AND_ARRIVAL.concat()].concat();
        let read = decode_old(&bytes, |_| Err(RowError::Empty)).unwrap();
        assert_eq!(read, delivery("72"));
    }

    #[test]
    fn data_of_any_length_is_read_as_it_was_stored() {
        for text in [String::new(), "72".to_owned(), "x".repeat(16_384), "é".repeat(8_192), "€".repeat(5_461)] {
            let stored = delivery(&text);
            let (row, parts) = encode(&stored);
            assert!(parts.iter().chain([&row]).all(|row| row.len() < 7_000));
            assert!(parts.len() <= usize::from(further_parts(text.len())), "{} bytes", text.len());
            let part = |number: u8| Ok::<_, RowError>(parts[usize::from(number)].clone());
            assert_eq!(decode(&row, part).unwrap(), stored);
        }
    }
}
