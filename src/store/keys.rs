//! The keys of the queue database. Numbers in them are big-endian, so rows stand in the order of their numbers.
//!
//! ```text
//! q | hook (12) | publisher (1 or 13) | seq (8)    a delivery: its event, and what became of it so far
//! b | hook (12) | seq (8) | part (1)               the rest of a long event's data, of a delivery or a dead letter
//! t | hook (12)                                    how much waits for a hook, and its last seq
//! x | hook (12) | seq (8)                          a dead letter
//! a | hook (12) | shelf (1) | slot (2) | part (1)  an attempt of the log
//! w | name                                         a limit's window: when its last takes were
//! s | hook (12)                                    a hook's health
//! n | number (8)                                   a notice
//! o | boot (16)                                    when a boot began, by the wall clock
//! h | whose (1 or 13) | piece (1)                  how much went when: of the gateway, of a user, of a hook
//! p                                                since when nothing is sent, while that is so
//! e | place (2) | part (1)                         an event of late, as it was at the last orderly stop
//! c | device (12)                                  the counters of what a sensor told last
//! l | session (8)                                  an MQTT session that outlives its connection
//! m | session (8) | seq (8) | piece (1)            a message that waits for one
//! i | session (8) | packet id (2)                  what one published with QoS 2 and has not released
//! r | owner (12) | topic | piece (1)               a retained message
//! d | hook (12) | seq (8)                          a delivery as version 0.1 kept it; moved at the start
//! ```
//! The publisher is a 0 for the API, or a 1 and a device's id: a lane's deliveries stand together, in their order.

use std::fmt;
use std::ops::Range;
use std::str::FromStr;

use crate::model::DeviceId;
use crate::model::HookId;

pub(super) const DELIVERY: u8 = b'q';
pub(super) const PART: u8 = b'b';
pub(super) const TALLY: u8 = b't';
pub(super) const DEAD: u8 = b'x';
pub(super) const ATTEMPT: u8 = b'a';
pub(super) const WINDOW: u8 = b'w';
pub(super) const HEALTH: u8 = b's';
pub(super) const NOTICE: u8 = b'n';
pub(super) const BOOT: u8 = b'o';
pub(super) const PAUSE: u8 = b'p';
pub(super) const FIGURES: u8 = b'h';
pub(super) const RECENT: u8 = b'e';
pub(super) const SENSOR: u8 = b'c';
pub(super) const SESSION: u8 = b'l';
pub(super) const MESSAGE: u8 = b'm';
pub(super) const RECEIVED: u8 = b'i';
pub(super) const RETAINED: u8 = b'r';
pub(super) const OLD_DELIVERY: u8 = b'd';

/// Prefixes of the rows that belong to one hook; its id follows.
pub(super) const OF_HOOK: [u8; 6] = [DELIVERY, PART, DEAD, ATTEMPT, HEALTH, TALLY];

const API: u8 = 0;
const DEVICE: u8 = 1;

/// One hook's deliveries for one publisher: they keep their order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LaneKey {
    /// The hook that they are for.
    pub hook: HookId,
    /// Whose events they are; none for events that came over the API.
    pub device: Option<DeviceId>,
}

/// Names one delivery: its lane and its place in the order of arrival.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct DeliveryKey {
    /// Where it waits.
    pub lane: LaneKey,
    /// Grows with each stored delivery, over all hooks.
    pub seq: u64,
}

/// Names a delivery for people, waiting or dead: `HOOK-SEQ`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct DeliveryId {
    /// The hook that it is for.
    pub hook: HookId,
    /// As in [`DeliveryKey`].
    pub seq: u64,
}

/// A text names no delivery.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a delivery is named HOOK-NUMBER, as it is listed; {given:?} is not")]
pub struct DeliveryIdError {
    given: String,
}

impl DeliveryKey {
    /// The name of the delivery.
    pub fn id(&self) -> DeliveryId {
        DeliveryId { hook: self.lane.hook, seq: self.seq }
    }
}

impl fmt::Display for DeliveryKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.id().fmt(f)
    }
}

impl fmt::Display for DeliveryId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.hook, self.seq)
    }
}

impl FromStr for DeliveryId {
    type Err = DeliveryIdError;

    fn from_str(text: &str) -> Result<Self, DeliveryIdError> {
        let parsed = text.split_once('-').and_then(|(hook, seq)| Some((hook.parse().ok()?, seq.parse().ok()?)));
        let (hook, seq) = parsed.ok_or_else(|| DeliveryIdError { given: text.chars().take(60).collect() })?;
        Ok(Self { hook, seq })
    }
}

pub(super) fn delivery(key: DeliveryKey) -> Vec<u8> {
    let mut bytes = lane(key.lane);
    bytes.extend(key.seq.to_be_bytes());
    bytes
}

/// What the keys of a lane's deliveries begin with.
pub(super) fn lane(key: LaneKey) -> Vec<u8> {
    let mut bytes = of_hook(DELIVERY, key.hook);
    match key.device {
        None => bytes.push(API),
        Some(device) => {
            bytes.push(DEVICE);
            bytes.extend(device.as_bytes());
        }
    }
    bytes
}

/// The keys of a lane's deliveries behind `after`; of all of them without it.
pub(super) fn lane_behind(key: LaneKey, after: Option<u64>) -> Range<Vec<u8>> {
    let mut start = lane(key);
    match after.map(|seq| seq.checked_add(1)) {
        None => {}
        Some(next) => start.extend(next.unwrap_or(u64::MAX).to_be_bytes()),
    }
    start..behind_lane(key)
}

/// The first key that can stand behind a lane's.
pub(super) fn behind_lane(key: LaneKey) -> Vec<u8> {
    let mut end = lane(key);
    // A seq of all ones is never given away.
    end.extend([0xff; 9]);
    end
}

pub(super) fn read_delivery(bytes: &[u8]) -> Option<DeliveryKey> {
    let (hook, rest) = bytes.strip_prefix(&[DELIVERY])?.split_at_checked(12)?;
    let (publisher, rest) = rest.split_first()?;
    let (device, seq) = match *publisher {
        API => (None, rest),
        DEVICE => {
            let (device, seq) = rest.split_at_checked(12)?;
            (Some(DeviceId::from_bytes(device.try_into().ok()?)), seq)
        }
        _ => return None,
    };
    let lane = LaneKey { hook: HookId::from_bytes(hook.try_into().ok()?), device };
    Some(DeliveryKey { lane, seq: u64::from_be_bytes(seq.try_into().ok()?) })
}

/// The key of a row of which a hook has one for each seq.
pub(super) fn numbered(prefix: u8, id: DeliveryId) -> Vec<u8> {
    let mut bytes = of_hook(prefix, id.hook);
    bytes.extend(id.seq.to_be_bytes());
    bytes
}

pub(super) fn read_numbered(prefix: u8, bytes: &[u8]) -> Option<DeliveryId> {
    let (hook, seq) = bytes.strip_prefix(&[prefix])?.split_at_checked(12)?;
    let hook = HookId::from_bytes(hook.try_into().ok()?);
    Some(DeliveryId { hook, seq: u64::from_be_bytes(seq.try_into().ok()?) })
}

pub(super) fn part(id: DeliveryId, part: u8) -> Vec<u8> {
    let mut bytes = numbered(PART, id);
    bytes.push(part);
    bytes
}

/// The key of a row of which a hook has one, and the beginning of those of which it has many.
pub(super) fn of_hook(prefix: u8, hook: HookId) -> Vec<u8> {
    prefixed(prefix, hook.as_bytes())
}

pub(super) fn prefixed(prefix: u8, rest: &[u8]) -> Vec<u8> {
    // Room for what the longest key has behind its hook.
    let mut bytes = Vec::with_capacity(1 + rest.len() + 22);
    bytes.push(prefix);
    bytes.extend(rest);
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOOK: HookId = HookId::from_bytes([4; 12]);
    const API_LANE: LaneKey = LaneKey { hook: HOOK, device: None };
    const DEVICE_LANE: LaneKey = LaneKey { hook: HOOK, device: Some(DeviceId::from_bytes([0; 12])) };

    #[test]
    fn a_key_is_read_as_it_is_written() {
        for lane in [API_LANE, DEVICE_LANE] {
            for seq in [0, 258, u64::MAX - 1] {
                let key = DeliveryKey { lane, seq };
                assert_eq!(read_delivery(&delivery(key)), Some(key));
                assert_eq!(key.to_string().parse(), Ok(key.id()));
            }
        }
        assert_eq!(read_delivery(b"q"), None);
        assert_eq!(read_delivery(&numbered(DEAD, DeliveryId { hook: HOOK, seq: 1 })), None);
        for text in ["", "7", "0123-7", "040404040404040404040404", "040404040404040404040404--1"] {
            assert!(text.parse::<DeliveryId>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_lane_stands_together_in_its_order() {
        let mut keys = Vec::new();
        for lane in [DEVICE_LANE, API_LANE] {
            keys.extend([300, 2, 70_000].map(|seq| delivery(DeliveryKey { lane, seq })));
        }
        keys.sort();
        let read: Vec<_> = keys.iter().map(|key| read_delivery(key).unwrap()).collect();
        let expected = [API_LANE, DEVICE_LANE].map(|lane| [2, 300, 70_000].map(|seq| DeliveryKey { lane, seq }));
        assert_eq!(read, expected.concat());
        for lane in [API_LANE, DEVICE_LANE] {
            let behind = lane_behind(lane, Some(2));
            let count = keys.iter().filter(|key| behind.contains(*key)).count();
            assert_eq!((count, keys.iter().filter(|key| lane_behind(lane, None).contains(*key)).count()), (2, 3));
        }
    }
}
