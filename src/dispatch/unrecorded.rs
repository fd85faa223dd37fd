//! Requests that were let go and that no window on the disk knows yet. Pure.
//!
//! A daemon that is killed forgets them. There are never more than a few for each host, and after a kill so many count
//! as sent: so no minute holds more than its limit, whenever the daemon ends.

use std::collections::HashMap;

/// How many requests of each host are unrecorded.
#[derive(Debug, Default)]
pub(super) struct Unrecorded(HashMap<String, u32>);

impl Unrecorded {
    /// Unrecorded requests that one host may have: those under way, and as many whose end is on its way to the disk.
    pub(super) fn most(per_host: u32) -> u32 {
        per_host.saturating_mul(2)
    }

    /// Whether the host has to wait until some are recorded.
    pub(super) fn is_full(&self, host: &str, per_host: u32) -> bool {
        self.0.get(host).is_some_and(|count| *count >= Self::most(per_host))
    }

    /// A request to the host was let go.
    pub(super) fn let_go(&mut self, host: &str) {
        match self.0.get_mut(host) {
            Some(count) => *count += 1,
            None => drop(self.0.insert(host.to_owned(), 1)),
        }
    }

    /// One of them is on the disk, or was none after all.
    pub(super) fn recorded(&mut self, host: &str) {
        if let Some(count) = self.0.get_mut(host) {
            *count -= 1;
            if *count == 0 {
                self.0.remove(host);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_waits_when_too_many_are_unrecorded_and_no_longer() {
        let mut unrecorded = Unrecorded::default();
        for _ in 0..4 {
            assert!(!unrecorded.is_full("a", 2));
            unrecorded.let_go("a");
        }
        assert!(unrecorded.is_full("a", 2) && !unrecorded.is_full("b", 2));
        unrecorded.recorded("a");
        assert!(!unrecorded.is_full("a", 2));
    }

    #[test]
    fn hosts_without_unrecorded_requests_take_no_memory() {
        let mut unrecorded = Unrecorded::default();
        unrecorded.let_go("a");
        unrecorded.recorded("a");
        unrecorded.recorded("a");
        assert!(unrecorded.0.is_empty());
    }
}
