//! One target of deliveries, and whether it can be asked now. Pure.
//!
//! ```text
//!        no answer                    an answer
//!   up ────────────> down until t ──> up
//!                      │ t: one probe
//!                      └─ no answer: down until later
//! ```
//! A target is down when it gave no answer; any answer, good or bad, says that it is up. While it is down one delivery
//! at a time asks whether it is back.

use crate::hooks::retry::host_wait;

/// Whether a target can be asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Admission {
    Now,
    /// Not before this time.
    At(u64),
    /// As soon as one that is under way ends.
    WhenOneEnds,
}

/// What is known of a target.
#[derive(Debug, Default)]
pub(super) struct Target {
    in_flight: usize,
    down: Option<Down>,
}

#[derive(Debug, Clone, Copy)]
struct Down {
    silences: u32,
    until_ms: u64,
}

impl Target {
    pub(super) fn admits(&self, now_ms: u64, at_once: usize) -> Admission {
        match self.down {
            Some(_) if self.in_flight > 0 => Admission::WhenOneEnds,
            Some(down) if down.until_ms > now_ms => Admission::At(down.until_ms),
            None if self.in_flight >= at_once => Admission::WhenOneEnds,
            Some(_) | None => Admission::Now,
        }
    }

    pub(super) fn started(&mut self) {
        self.in_flight += 1;
    }

    pub(super) fn ended(&mut self) {
        self.in_flight = self.in_flight.saturating_sub(1);
    }

    /// It answered. True if it was down before.
    pub(super) fn answered(&mut self) -> bool {
        self.down.take().is_some()
    }

    /// It gave no answer to an attempt that began at `began_ms`. True if it was not down before. Attempts that were
    /// under way when it went down say nothing new.
    pub(super) fn was_silent(&mut self, began_ms: u64, now_ms: u64, jitter: f64) -> bool {
        match self.down {
            Some(down) if began_ms < down.until_ms => false,
            before => {
                let silences = before.map_or(0, |down| down.silences) + 1;
                let wait_ms = u64::try_from(host_wait(silences, jitter).as_millis()).unwrap_or(u64::MAX);
                self.down = Some(Down { silences, until_ms: now_ms.saturating_add(wait_ms) });
                before.is_none()
            }
        }
    }

    pub(super) fn is_busy(&self) -> bool {
        self.in_flight > 0
    }

    pub(super) fn is_down(&self) -> bool {
        self.down.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MANY: usize = 8;

    #[test]
    fn a_silent_target_is_asked_again_by_one_at_a_time() {
        let mut target = Target::default();
        target.started();
        assert!(target.was_silent(0, 10, 0.0));
        target.ended();
        let Admission::At(probe_ms) = target.admits(10, MANY) else { panic!("it is down") };
        assert!(probe_ms > 10);
        assert_eq!(target.admits(probe_ms, MANY), Admission::Now);
        target.started();
        assert_eq!(target.admits(probe_ms, MANY), Admission::WhenOneEnds);
    }

    #[test]
    fn attempts_from_before_the_silence_do_not_lengthen_the_wait() {
        let mut target = Target::default();
        assert!(target.was_silent(0, 10, 0.0));
        let first = target.admits(10, MANY);
        assert!(!target.was_silent(5, 11, 0.0));
        assert_eq!(target.admits(10, MANY), first);
    }

    #[test]
    fn each_silent_probe_lengthens_the_wait_and_any_answer_ends_it() {
        let mut target = Target::default();
        let mut waits = Vec::new();
        let mut now_ms = 0;
        for _ in 0..10 {
            target.was_silent(now_ms, now_ms, 0.0);
            let Admission::At(until_ms) = target.admits(now_ms, MANY) else { panic!("it is down") };
            waits.push(until_ms - now_ms);
            now_ms = until_ms;
        }
        assert!(waits.is_sorted() && waits[9] <= 60_000, "{waits:?}");
        assert!(target.answered());
        assert!(!target.answered());
        assert_eq!(target.admits(now_ms, MANY), Admission::Now);
    }
}
