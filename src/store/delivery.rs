//! A delivery as it is stored. One delivery is one row, so storing and removing it is one operation; only the data of
//! a long event has rows of its own.

use std::sync::Arc;

use serde::Deserialize;
use serde::Serialize;

use crate::clock::Now;
use crate::model::Event;
use crate::model::EventId;
use crate::model::EventName;
use crate::model::EventProduct;
use crate::model::Publishing;
use crate::model::Source;
use crate::model::UserId;
use crate::model::WallTime;
use crate::model::split_at_most;
use crate::store::row;
use crate::store::row::RowError;

/// Bytes of an event's data in the delivery's own row and in each further part.
const PART_BYTES: usize = 4_000;

const VERSION: u8 = 2;
/// Of a row whose event has a product. Others stay as they were, so that they cost no byte more.
const PRODUCT_VERSION: u8 = 3;
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
    let (before, rest) = DeliveryV2::from_delivery(delivery);
    let row = match delivery.event.product {
        None => row::encode(VERSION, &before),
        Some(product) => row::encode(PRODUCT_VERSION, &DeliveryV3 { before, product }),
    };
    (row, rest.into_iter().map(|text| row::encode(VERSION, &text)).collect())
}

/// A delivery from its row; `part` reads the further parts of its event's data.
pub(super) fn decode<E: From<RowError>>(
    bytes: &[u8],
    part: impl Fn(u8) -> Result<Vec<u8>, E>,
) -> Result<StoredDelivery, E> {
    let (mut row, product) = if bytes.first() == Some(&PRODUCT_VERSION) {
        let DeliveryV3 { before, product } = row::decode(PRODUCT_VERSION, bytes)?;
        (before, Some(product))
    } else {
        (row::decode::<DeliveryV2>(VERSION, bytes)?, None)
    };
    append_parts(&mut row.data, VERSION, row.data_parts, part)?;
    Ok(row.into_delivery(product))
}

/// As [`decode`], for a row of version 0.1.
pub(super) fn decode_old<E: From<RowError>>(
    bytes: &[u8],
    part: impl Fn(u8) -> Result<Vec<u8>, E>,
) -> Result<StoredDelivery, E> {
    let mut row: DeliveryV1 = row::decode(OLD_VERSION, bytes)?;
    append_parts(&mut row.data, OLD_VERSION, row.data_parts, part)?;
    Ok(DeliveryV2::from(row).into_delivery(None))
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

/// Version 3 of a delivery's row: version 2 and a product. Never edit it; add a version 4.
#[derive(Debug, Serialize, Deserialize)]
struct DeliveryV3 {
    before: DeliveryV2,
    product: EventProduct,
}

/// Version 2 of a delivery's row. Never edit it.
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

    fn into_delivery(self, product: Option<EventProduct>) -> StoredDelivery {
        let event = Event {
            id: self.event,
            name: self.name,
            data: self.data,
            ttl_s: self.ttl_s,
            published_at: self.published_at,
            source: self.source,
            owner: self.owner,
            product,
            publishing: Publishing::default(),
        };
        StoredDelivery {
            event: Arc::new(event),
            attempts: self.attempts,
            not_before: self.not_before,
            mark: self.mark,
            arrived: self.arrived,
        }
    }
}

impl From<DeliveryV1> for DeliveryV2 {
    fn from(row: DeliveryV1) -> Self {
        // Of no boot: the wall time alone decides, as it did then.
        let moment = |wall| Moment { on_boot: Arrived { boot: [0; 16], mono_ms: 0 }, wall };
        Self {
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
        }
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
    use crate::model::ProductId;
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
            product: None,
            publishing: Publishing::default(),
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
    fn the_bytes_of_version_3_are_those_of_version_2_and_a_product() {
        let product = EventProduct { id: ProductId::from_number(300), version: Some(7) };
        let mut stored = delivery("72");
        Arc::make_mut(&mut stored.event).product = Some(product);
        let (bytes, _) = encode(&stored);
        let expected = [beginning(3), vec![0], MARK_AND_ARRIVAL.concat(), vec![0xac, 2, 1, 7]].concat();
        assert_eq!(bytes, expected);
        assert_eq!(decode(&bytes, |_| Err(RowError::Empty)).unwrap(), stored);
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
