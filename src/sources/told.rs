//! What was told of the adopted devices, to know what is new. In memory: after a start everything is told once.

use std::collections::HashMap;
use std::hash::DefaultHasher;
use std::hash::Hash;
use std::hash::Hasher;

use crate::model::DeviceId;
use crate::sources::rule::Reading;
use crate::sources::rule::Telling;

/// Events of one device that are remembered; the one told longest ago makes room. Ours.
const MOST_EVENTS: usize = 128;

/// Why a reading becomes no event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Dropped {
    Unchanged,
    TooSoon,
}

impl Dropped {
    /// The word for it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Unchanged => "unchanged",
            Self::TooSoon => "too_soon",
        }
    }
}

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Told(HashMap<DeviceId, HashMap<String, Last>>);

#[derive(Debug, Clone, Copy)]
struct Last {
    print: u64,
    at_ms: u64,
}

impl Told {
    /// Whether a reading is told. If it is, that is remembered.
    pub(super) fn tell(
        &mut self,
        device: DeviceId,
        reading: &Reading,
        telling: Telling,
        now_ms: u64,
    ) -> Result<(), Dropped> {
        if telling == Telling::default() {
            return Ok(());
        }
        let events = self.0.entry(device).or_default();
        let print = print(&reading.compared);
        if let Some(last) = events.get(&reading.event) {
            if telling.on_change && last.print == print {
                return Err(Dropped::Unchanged);
            }
            if now_ms.saturating_sub(last.at_ms) < telling.min_interval_ms {
                return Err(Dropped::TooSoon);
            }
        } else if events.len() >= MOST_EVENTS {
            let oldest = events.iter().min_by_key(|(name, last)| (last.at_ms, *name)).map(|(name, _)| name.clone());
            oldest.and_then(|oldest| events.remove(&oldest));
        }
        events.insert(reading.event.clone(), Last { print, at_ms: now_ms });
        Ok(())
    }

    /// It was not taken: the next time it is told, also if it did not change.
    pub(super) fn untell(&mut self, device: DeviceId, event: &str) {
        if let Some(events) = self.0.get_mut(&device) {
            events.remove(event);
        }
    }

    /// Keeps what is known of these devices.
    pub(super) fn keep(&mut self, is_kept: impl Fn(DeviceId) -> bool) {
        self.0.retain(|device, _| is_kept(*device));
    }
}

fn print(bytes: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    bytes.hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    const DEVICE: DeviceId = DeviceId::from_bytes([1; 12]);
    const OTHER: DeviceId = DeviceId::from_bytes([2; 12]);
    const CHANGES: Telling = Telling { on_change: true, min_interval_ms: 0 };
    const SLOWLY: Telling = Telling { on_change: true, min_interval_ms: 1_000 };

    fn reading(event: &str, value: &'static str) -> Reading {
        Reading { event: event.to_owned(), data: value.into(), compared: value.into() }
    }

    #[test]
    fn what_did_not_change_is_told_once_for_each_device_and_event() {
        let mut told = Told::default();
        let mut tell = |device, event, value, at| told.tell(device, &reading(event, value), CHANGES, at);
        assert_eq!(tell(DEVICE, "a", "1", 0), Ok(()));
        assert_eq!(tell(DEVICE, "a", "1", 1_000_000), Err(Dropped::Unchanged));
        assert_eq!(tell(DEVICE, "b", "1", 0), Ok(()));
        assert_eq!(tell(OTHER, "a", "1", 0), Ok(()));
        assert_eq!(tell(DEVICE, "a", "2", 0), Ok(()));
        assert_eq!(tell(DEVICE, "a", "1", 0), Ok(()));
    }

    #[test]
    fn a_change_that_comes_too_soon_is_told_when_it_is_time_and_still_so() {
        let mut told = Told::default();
        let mut tell = |value, at| told.tell(DEVICE, &reading("a", value), SLOWLY, at);
        assert_eq!(tell("1", 0), Ok(()));
        assert_eq!(tell("2", 999), Err(Dropped::TooSoon));
        assert_eq!(tell("1", 999), Err(Dropped::Unchanged));
        assert_eq!(tell("2", 1_000), Ok(()));
    }

    #[test]
    fn without_on_change_only_the_interval_counts() {
        let mut told = Told::default();
        let telling = Telling { on_change: false, min_interval_ms: 1_000 };
        let mut tell = |at| told.tell(DEVICE, &reading("a", "1"), telling, at);
        assert_eq!([tell(0), tell(999), tell(1_000)], [Ok(()), Err(Dropped::TooSoon), Ok(())]);
    }

    #[test]
    fn what_was_not_taken_is_told_again() {
        let mut told = Told::default();
        assert_eq!(told.tell(DEVICE, &reading("a", "1"), SLOWLY, 0), Ok(()));
        told.untell(DEVICE, "a");
        assert_eq!(told.tell(DEVICE, &reading("a", "1"), SLOWLY, 1), Ok(()));
        told.keep(|device| device != DEVICE);
        assert_eq!(told.tell(DEVICE, &reading("a", "1"), SLOWLY, 1), Ok(()));
    }

    #[test]
    fn one_device_does_not_fill_the_memory_with_events() {
        let mut told = Told::default();
        for number in 0..1_000_u64 {
            let event = format!("e{number}");
            assert_eq!(told.tell(DEVICE, &reading(&event, "1"), CHANGES, number), Ok(()));
        }
        assert_eq!(told.0[&DEVICE].len(), MOST_EVENTS);
        assert_eq!(told.tell(DEVICE, &reading("e999", "1"), CHANGES, 1_000), Err(Dropped::Unchanged));
        assert_eq!(told.tell(DEVICE, &reading("e0", "1"), CHANGES, 1_000), Ok(()));
    }
}
