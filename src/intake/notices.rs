//! Telling a device what became of what it sent, without letting it make a flood of it. Pure.

use std::collections::HashMap;

use crate::model::DeviceId;

/// Milliseconds between two notices of a reached limit to one device.
const LIMIT_EVERY_MS: u64 = 60_000;

/// Milliseconds between two notices of refused publications to one device.
const REFUSAL_EVERY_MS: u64 = 1_000;

/// Devices whose last notice is remembered; beyond that all are forgotten and may be told again.
const DEVICES: usize = 4_096;

/// What a device is told of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Kind {
    /// It reached its limit of triggers.
    Limit,
    /// Its publication can never be an event.
    Refusal,
    /// Its publication was refused since a queue is full.
    NoRoom,
    /// There is no device registered, so nothing triggers.
    NoDevice,
    /// A queue is full, and what it published is not kept.
    Full,
}

/// When each device was last told of each kind, and how much it was not told of.
#[derive(Debug, Default)]
pub(super) struct Notices {
    told: HashMap<(Option<DeviceId>, Kind), u64>,
}

impl Notices {
    /// Whether to tell `device` now. None stands for whoever publishes over the API.
    pub(super) fn is_due(&mut self, device: Option<DeviceId>, kind: Kind, now_ms: u64) -> bool {
        let every_ms = match kind {
            Kind::Limit | Kind::NoDevice | Kind::Full | Kind::NoRoom => LIMIT_EVERY_MS,
            Kind::Refusal => REFUSAL_EVERY_MS,
        };
        if self.told.len() >= DEVICES {
            self.told.clear();
        }
        match self.told.get(&(device, kind)) {
            Some(&told_ms) if now_ms < told_ms + every_ms => false,
            _ => {
                self.told.insert((device, kind), now_ms);
                true
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_is_told_once_in_a_while() {
        let mut notices = Notices::default();
        let device = Some(DeviceId::from_bytes([1; 12]));
        assert!(notices.is_due(device, Kind::Limit, 0));
        assert!(!notices.is_due(device, Kind::Limit, 59_999));
        assert!(notices.is_due(device, Kind::Refusal, 1));
        assert!(notices.is_due(None, Kind::Limit, 1));
        assert!(notices.is_due(device, Kind::Limit, 60_000));
    }
}
