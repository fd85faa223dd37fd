//! Requests that were let go and that no window on the disk knows yet. Pure.
//!
//! A daemon that is killed forgets them. There are never more than a few for each host, and after a kill so many count
//! as sent: so no minute holds more than its limit, whenever the daemon ends.

use std::collections::HashMap;

use crate::store::LaneKey;

/// How many requests of each host are unrecorded, and which of them are under way.
#[derive(Debug, Default)]
pub(super) struct Unrecorded {
    counts: HashMap<String, u32>,
    /// Whom each was counted for: its hook may be gone or its limit switched off when it ends.
    under_way: HashMap<LaneKey, String>,
}

impl Unrecorded {
    /// Unrecorded requests that one host may have: those under way, and as many whose end is on its way to the disk.
    pub(super) fn most(per_host: u32) -> u32 {
        per_host.saturating_mul(2)
    }

    /// Whether the host has to wait until some are recorded.
    pub(super) fn is_full(&self, host: &str, per_host: u32) -> bool {
        self.counts.get(host).is_some_and(|count| *count >= Self::most(per_host))
    }

    /// A request of a lane to the host was let go.
    pub(super) fn let_go(&mut self, lane: LaneKey, host: &str) {
        *self.counts.entry(host.to_owned()).or_default() += 1;
        self.under_way.insert(lane, host.to_owned());
    }

    /// A lane's request ended. Gives the host that it was counted for, which stays counted until it is recorded.
    pub(super) fn ended(&mut self, lane: LaneKey) -> Option<String> {
        self.under_way.remove(&lane)
    }

    /// An ended request of the host is on the disk.
    pub(super) fn recorded(&mut self, host: &str) {
        if let Some(count) = self.counts.get_mut(host) {
            *count -= 1;
            if *count == 0 {
                self.counts.remove(host);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::HookId;

    const LANE: LaneKey = LaneKey { hook: HookId::from_bytes([1; 12]), device: None };

    #[test]
    fn a_host_waits_when_too_many_are_unrecorded_and_no_longer() {
        let mut unrecorded = Unrecorded::default();
        for _ in 0..4 {
            assert!(!unrecorded.is_full("a", 2));
            unrecorded.let_go(LANE, "a");
        }
        assert!(unrecorded.is_full("a", 2) && !unrecorded.is_full("b", 2));
        unrecorded.recorded("a");
        assert!(!unrecorded.is_full("a", 2));
    }

    #[test]
    fn hosts_without_unrecorded_requests_take_no_memory() {
        let mut unrecorded = Unrecorded::default();
        unrecorded.let_go(LANE, "a");
        assert_eq!(unrecorded.ended(LANE).as_deref(), Some("a"));
        assert_eq!(unrecorded.ended(LANE), None);
        unrecorded.recorded("a");
        unrecorded.recorded("a");
        assert!(unrecorded.counts.is_empty() && unrecorded.under_way.is_empty());
    }
}
