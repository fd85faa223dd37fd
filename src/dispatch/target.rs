//! One target of deliveries, and whether it can be asked now. Pure.
//!
//! ```text
//!        no answer                    an answer
//!   up ────────────> down until t ──> up
//!                      │ t: one probe
//!                      └─ no answer: down until later
//! ```
//! A target is down when it gave no answer; any answer, good or bad, says that it is up. While it is down one delivery
//! at a time asks whether it is back. How long it is left alone grows with each silence, up to what the caller allows.
//! Attempts that were under way when it went down are waited for by nobody: they may hang for long.

use std::time::Duration;

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
    /// Of those, the ones that no probe has to wait for.
    outdated: usize,
    down: Option<Down>,
    /// A silence of an attempt that began before this says nothing.
    news_from_ms: u64,
}

#[derive(Debug, Clone, Copy)]
struct Down {
    silence: Silence,
    until_ms: u64,
}

/// How a target that is down came to be so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Silence {
    /// When it went down.
    pub(super) since_ms: u64,
    /// Attempts without an answer since then, or since it was forgiven.
    pub(super) count: u32,
}

impl Target {
    pub(super) fn admits(&self, now_ms: u64, at_once: usize) -> Admission {
        match self.down {
            _ if self.in_flight >= at_once => Admission::WhenOneEnds,
            Some(_) if self.in_flight > self.outdated => Admission::WhenOneEnds,
            Some(down) if down.until_ms > now_ms => Admission::At(down.until_ms),
            Some(_) | None => Admission::Now,
        }
    }

    pub(super) fn started(&mut self) {
        self.in_flight += 1;
    }

    pub(super) fn ended(&mut self) {
        self.in_flight = self.in_flight.saturating_sub(1);
        self.outdated = self.outdated.saturating_sub(1);
    }

    /// It answered to an attempt that began at `began_ms`. True if it was down before.
    pub(super) fn answered(&mut self, began_ms: u64) -> bool {
        self.news_from_ms = self.news_from_ms.max(began_ms);
        self.outdated = 0;
        self.down.take().is_some()
    }

    /// Whether a silence of an attempt that began at `began_ms` says something new. It does not if the attempt was
    /// under way when the target went down or was forgiven, or if a later one was answered.
    pub(super) fn is_news(&self, began_ms: u64) -> bool {
        began_ms >= self.news_from_ms && self.down.is_none_or(|down| began_ms >= down.until_ms)
    }

    /// It gave no answer to an attempt that began at `began_ms`, and is left alone for `most` at most. True if it was
    /// not down before.
    pub(super) fn was_silent(&mut self, began_ms: u64, now_ms: u64, jitter: f64, most: Duration) -> bool {
        if !self.is_news(began_ms) {
            return false;
        }
        let before = self.silence();
        let count = before.map_or(0, |silence| silence.count) + 1;
        let since_ms = before.map_or(now_ms, |silence| silence.since_ms);
        let wait_ms = u64::try_from(host_wait(count, jitter).min(most).as_millis()).unwrap_or(u64::MAX);
        self.down = Some(Down { silence: Silence { since_ms, count }, until_ms: now_ms.saturating_add(wait_ms) });
        self.outdated = self.in_flight;
        before.is_none()
    }

    /// If it is down, it may be asked at once, and is left alone for shorter times again.
    pub(super) fn forgive(&mut self, now_ms: u64) {
        self.news_from_ms = self.news_from_ms.max(now_ms);
        if let Some(down) = &mut self.down {
            down.silence.count = 0;
            down.until_ms = now_ms;
            self.outdated = self.in_flight;
        }
    }

    /// If it is down, the next probe is due at once. False if it is not down, or is being asked just now.
    pub(super) fn wake(&mut self, now_ms: u64) -> bool {
        let is_asked = self.in_flight > self.outdated;
        let Some(down) = self.down.as_mut().filter(|_| !is_asked) else { return false };
        down.until_ms = down.until_ms.min(now_ms);
        true
    }

    /// How it came to be down, if it is.
    pub(super) fn silence(&self) -> Option<Silence> {
        self.down.map(|down| down.silence)
    }

    /// Milliseconds until it is asked again, if it is down.
    pub(super) fn waits_ms(&self, now_ms: u64) -> Option<u64> {
        self.down.map(|down| down.until_ms.saturating_sub(now_ms))
    }

    /// Attempts under way.
    pub(super) fn in_flight(&self) -> usize {
        self.in_flight
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
        assert!(target.was_silent(0, 10, 0.0, Duration::MAX));
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
        assert!(target.was_silent(0, 10, 0.0, Duration::MAX));
        let first = target.admits(10, MANY);
        assert!(!target.was_silent(5, 11, 0.0, Duration::MAX));
        assert_eq!(target.admits(10, MANY), first);
    }

    #[test]
    fn each_silent_probe_lengthens_the_wait_and_any_answer_ends_it() {
        let mut target = Target::default();
        let mut waits = Vec::new();
        let mut now_ms = 0;
        for _ in 0..10 {
            target.was_silent(now_ms, now_ms, 0.0, Duration::MAX);
            let Admission::At(until_ms) = target.admits(now_ms, MANY) else { panic!("it is down") };
            waits.push(until_ms - now_ms);
            now_ms = until_ms;
        }
        assert!(waits.is_sorted() && waits[9] <= 60_000, "{waits:?}");
        assert!(target.answered(now_ms));
        assert!(!target.answered(now_ms));
        assert_eq!(target.admits(now_ms, MANY), Admission::Now);
    }
    #[test]
    fn a_silent_target_is_left_alone_no_longer_than_it_may_be() {
        let mut target = Target::default();
        let mut now_ms = 0;
        for _ in 0..10 {
            target.was_silent(now_ms, now_ms, 0.0, Duration::from_secs(1));
            let Admission::At(until_ms) = target.admits(now_ms, MANY) else { panic!("it is down") };
            assert!(until_ms - now_ms <= 1_000);
            now_ms = until_ms;
        }
        assert_eq!(target.silence(), Some(Silence { since_ms: 0, count: 10 }));
    }

    #[test]
    fn a_forgiven_target_is_asked_at_once_and_what_was_under_way_says_nothing() {
        let mut target = Target::default();
        for now_ms in [0, 1_000, 3_000, 7_000] {
            target.was_silent(now_ms, now_ms, 0.0, Duration::MAX);
        }
        target.started();
        target.forgive(8_000);
        assert_eq!(target.admits(8_000, MANY), Admission::Now, "nobody waits for the probe over the old way");
        target.started();
        assert_eq!(target.admits(8_000, MANY), Admission::WhenOneEnds, "one probe is enough");
        assert!(!target.is_news(7_500));
        assert!(target.is_news(8_000));
        target.was_silent(8_000, 8_010, 0.0, Duration::MAX);
        assert_eq!(target.admits(8_010, MANY), Admission::At(9_010), "the waits begin anew");
        assert_eq!(target.silence(), Some(Silence { since_ms: 0, count: 1 }));
    }

    #[test]
    fn a_woken_target_is_asked_once_and_then_left_alone_for_as_long_as_it_would_have_been() {
        let mut target = Target::default();
        assert!(!target.wake(0), "it is not down");
        for now_ms in [0, 1_000, 3_000] {
            target.was_silent(now_ms, now_ms, 0.0, Duration::MAX);
        }
        assert_eq!(target.admits(4_000, MANY), Admission::At(7_000));
        assert!(target.wake(4_000));
        assert_eq!(target.admits(4_000, MANY), Admission::Now);
        target.started();
        assert!(!target.wake(4_001), "it is being asked");
        assert_eq!(target.admits(4_001, MANY), Admission::WhenOneEnds, "one probe is enough");
        assert!(!target.was_silent(4_000, 4_010, 0.0, Duration::MAX));
        target.ended();
        assert_eq!(target.admits(4_010, MANY), Admission::At(12_010));
    }

    #[test]
    fn a_probe_does_not_wait_for_attempts_that_hang() {
        let mut target = Target::default();
        for _ in 0..3 {
            target.started();
        }
        target.was_silent(0, 10, 0.0, Duration::ZERO);
        target.ended();
        for now_ms in [20, 30, 40] {
            assert_eq!(target.admits(now_ms, MANY), Admission::Now);
            target.started();
            assert_eq!(target.admits(now_ms, MANY), Admission::WhenOneEnds);
            target.was_silent(now_ms, now_ms, 0.0, Duration::ZERO);
            target.ended();
        }
        assert_eq!(target.admits(50, 2), Admission::WhenOneEnds, "never more than may go at once");
    }

    #[test]
    fn a_late_silence_is_no_news_once_a_later_attempt_was_answered() {
        let mut target = Target::default();
        target.answered(100);
        assert!(!target.was_silent(50, 20_050, 0.0, Duration::MAX));
        assert!(!target.is_down());
        assert!(target.was_silent(100, 20_100, 0.0, Duration::MAX));
    }
}
