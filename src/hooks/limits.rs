//! An exact limit: so many in any window of time, wherever the window begins. Kept as a log of timestamps, since counters
//! and buckets admit up to twice as many around their edges.
//!
//! Times are whole milliseconds, rounded down. Two that are exactly a window apart may really be a little less apart, so
//! a place is free again one millisecond after the window has passed.

use std::collections::VecDeque;
use std::time::Duration;

/// How much a stored age is mistrusted, in milliseconds: rounding, and a clock that is being slewed (500 ppm of a minute).
const AGE_ERROR_MS: i64 = 100;

/// At most `allowed` in any `window`. Memory: eight bytes for each of `allowed`, at most.
#[derive(Debug, Clone)]
pub struct SlidingWindow {
    allowed: u32,
    window_ms: i64,
    /// When each was taken, oldest first. Negative for what a former process took before this one's clock began.
    taken_ms: VecDeque<i64>,
}

/// The limit is reached; a place is free at this time, in milliseconds of the monotonic clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct FreeAt(pub u64);

/// One moment on both clocks, in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment {
    /// Since 1970.
    pub wall_ms: i64,
    /// Of the monotonic clock, from any beginning.
    pub mono_ms: u64,
}

impl SlidingWindow {
    /// An empty log. `allowed` 0 is no limit at all.
    pub fn new(allowed: u32, window: Duration) -> Self {
        let window_ms = i64::try_from(window.as_millis()).unwrap_or(i64::MAX / 4);
        Self { allowed, window_ms, taken_ms: VecDeque::new() }
    }

    /// A log as it was [stored](Self::stored) by a former process, at the moment `now` of this one.
    ///
    /// `clock_trusted` says that the wall clock was right both then and now. If it is not, or if an entry claims to be
    /// of the future, its age is unknown and it counts as taken now: at worst, what waits does so for a window longer.
    pub fn restored(allowed: u32, window: Duration, wall_ms: &[i64], now: Moment, clock_trusted: bool) -> Self {
        let mut log = Self::new(allowed, window);
        let now_ms = signed(now.mono_ms);
        let taken_at = |wall_ms: &i64| match now.wall_ms.saturating_sub(*wall_ms) {
            age if clock_trusted && age >= 0 => now_ms.saturating_sub(age.saturating_sub(AGE_ERROR_MS).max(0)),
            _ => now_ms,
        };
        let mut taken: Vec<_> = wall_ms.iter().map(taken_at).collect();
        taken.sort_unstable();
        // The newest decide when the next place is free.
        let kept = usize::try_from(allowed).unwrap_or(usize::MAX).min(taken.len());
        log.taken_ms.extend(&taken[taken.len() - kept..]);
        log.forget(now_ms);
        log
    }

    /// Takes a place if one is free.
    ///
    /// # Errors
    /// When the next place is free. Nothing is taken then.
    pub fn try_take(&mut self, now_ms: u64) -> Result<(), FreeAt> {
        if self.allowed == 0 {
            return Ok(());
        }
        let now_ms = self.monotonic(now_ms);
        self.forget(now_ms);
        if let Some(at) = self.next_free_ms() {
            return Err(FreeAt(unsigned(at)));
        }
        self.taken_ms.push_back(now_ms);
        Ok(())
    }

    /// What a place was taken for at `taken_ms` went on until `ended_ms`: the place counts from then on. Who counts at
    /// the other end of a slow line sees it at any time in between.
    pub fn settle(&mut self, taken_ms: u64, ended_ms: u64) {
        if self.give_back(taken_ms) {
            let ended_ms = self.monotonic(ended_ms);
            self.taken_ms.push_back(ended_ms);
        }
    }

    /// Gives a place back that was taken at `taken_ms` and not used. False if it is over already.
    pub fn give_back(&mut self, taken_ms: u64) -> bool {
        // Places of the same time are alike, and one that was taken out of order stands behind.
        let at = self.taken_ms.partition_point(|taken| *taken < signed(taken_ms));
        self.taken_ms.remove(at).is_some()
    }

    /// Places taken at `now_ms`.
    pub fn used(&self, now_ms: u64) -> usize {
        let now_ms = self.monotonic(now_ms);
        self.taken_ms.iter().filter(|taken| !self.is_over(**taken, now_ms)).count()
    }

    /// The log in wall time, for [`Self::restored`].
    pub fn stored(&self, now: Moment) -> Vec<i64> {
        let (wall_ms, mono_ms) = (now.wall_ms, signed(now.mono_ms));
        let kept = self.taken_ms.iter().filter(|taken| !self.is_over(**taken, mono_ms));
        kept.map(|taken| wall_ms.saturating_sub(mono_ms.saturating_sub(*taken))).collect()
    }

    /// When the place that decides is free again; none if not all are taken.
    fn next_free_ms(&self) -> Option<i64> {
        let is_full = self.allowed > 0 && self.taken_ms.len() >= usize::try_from(self.allowed).unwrap_or(usize::MAX);
        let oldest = self.taken_ms.front().filter(|_| is_full)?;
        Some(oldest.saturating_add(self.window_ms).saturating_add(1))
    }

    /// A caller whose time stands still or runs backwards must not put the log out of order.
    fn monotonic(&self, now_ms: u64) -> i64 {
        self.taken_ms.back().map_or(signed(now_ms), |last| signed(now_ms).max(*last))
    }

    fn forget(&mut self, now_ms: i64) {
        while self.taken_ms.front().is_some_and(|taken| self.is_over(*taken, now_ms)) {
            self.taken_ms.pop_front();
        }
    }

    fn is_over(&self, taken_ms: i64, now_ms: i64) -> bool {
        now_ms.saturating_sub(taken_ms) > self.window_ms
    }
}

fn signed(ms: u64) -> i64 {
    i64::try_from(ms).unwrap_or(i64::MAX)
}

fn unsigned(ms: i64) -> u64 {
    u64::try_from(ms).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    fn taken(log: &mut SlidingWindow, times: &[u64]) -> Vec<u64> {
        times.iter().copied().filter(|now| log.try_take(*now).is_ok()).collect()
    }

    #[test]
    fn a_place_is_free_one_millisecond_after_the_window() {
        let mut log = SlidingWindow::new(2, MINUTE);
        assert_eq!(taken(&mut log, &[1_000, 2_000]), [1_000, 2_000]);
        assert_eq!(log.try_take(61_000), Err(FreeAt(61_001)));
        assert_eq!(log.used(61_000), 2);
        assert_eq!((log.used(61_001), log.try_take(61_001)), (1, Ok(())));
    }

    #[test]
    fn a_burst_around_a_minute_does_not_get_twice_the_limit() {
        let mut log = SlidingWindow::new(120, MINUTE);
        let burst: Vec<_> = (59_000..60_000).step_by(5).chain((60_000..61_000).step_by(5)).collect();
        assert_eq!(taken(&mut log, &burst).len(), 120);
    }

    #[test]
    fn a_place_counts_from_the_end_of_its_use() {
        let mut log = SlidingWindow::new(2, Duration::from_secs(60));
        taken(&mut log, &[1_000, 1_001]);
        log.settle(1_000, 3_000);
        log.settle(1_001, 1_500);
        assert_eq!(log.try_take(62_999), Err(FreeAt(63_001)));
        assert_eq!(log.try_take(63_001), Ok(()));
    }

    #[test]
    fn a_place_that_was_not_used_is_free_at_once() {
        let mut log = SlidingWindow::new(2, Duration::from_secs(60));
        taken(&mut log, &[1_000, 2_000]);
        assert!(log.give_back(2_000));
        assert!(!log.give_back(2_000));
        assert_eq!([log.try_take(3_000), log.try_take(3_001)], [Ok(()), Err(FreeAt(61_001))]);
    }

    #[test]
    fn zero_is_no_limit_and_keeps_no_log() {
        let mut log = SlidingWindow::new(0, MINUTE);
        assert!((0..1_000).all(|_| log.try_take(0).is_ok()));
        assert_eq!((log.used(0), log.taken_ms.capacity()), (0, 0));
    }

    #[test]
    fn time_that_runs_backwards_gives_nothing_away() {
        let mut log = SlidingWindow::new(1, MINUTE);
        assert_eq!(log.try_take(100_000), Ok(()));
        assert_eq!(log.try_take(0), Err(FreeAt(160_001)));
    }

    #[test]
    fn a_restart_keeps_ages_that_can_be_trusted() {
        let mut log = SlidingWindow::new(2, MINUTE);
        taken(&mut log, &[1_000, 41_000]);
        let stored = log.stored(Moment { wall_ms: 1_000_041_000, mono_ms: 41_000 });
        assert_eq!(stored, [1_000_001_000, 1_000_041_000]);
        // Ten seconds later, in a process whose clock has just begun.
        let now = Moment { wall_ms: 1_000_051_000, mono_ms: 5 };
        let mut trusted = SlidingWindow::restored(2, MINUTE, &stored, now, true);
        assert_eq!(trusted.try_take(5), Err(FreeAt(5 + 10_000 + 1 + 100)));
        let mut mistrusted = SlidingWindow::restored(2, MINUTE, &stored, now, false);
        assert_eq!(mistrusted.try_take(5), Err(FreeAt(60_006)));
    }

    #[test]
    fn an_entry_of_the_future_counts_as_new() {
        let now = Moment { wall_ms: 0, mono_ms: 0 };
        let mut log = SlidingWindow::restored(1, MINUTE, &[i64::MAX], now, true);
        assert_eq!(log.try_take(0), Err(FreeAt(60_001)));
    }

    #[test]
    fn a_smaller_limit_after_a_restart_is_kept_too() {
        let now = Moment { wall_ms: 50_000, mono_ms: 50_000 };
        let mut log = SlidingWindow::restored(2, MINUTE, &[10_000, 20_000, 30_000], now, true);
        assert_eq!(log.try_take(50_000), Err(FreeAt(80_101)));
        assert_eq!(log.used(50_000), 2);
    }

    proptest! {
        #[test]
        fn no_window_ever_holds_more_than_is_allowed_and_no_place_stays_empty(
            steps in prop::collection::vec(0_u64..40, 0..400),
            allowed in 1_u32..8,
            window_ms in 1_u64..200,
        ) {
            let mut log = SlidingWindow::new(allowed, Duration::from_millis(window_ms));
            let mut taken: Vec<u64> = Vec::new();
            let mut now = 0;
            for step in steps {
                now += step;
                let recent = taken.iter().filter(|at| now - **at <= window_ms).count();
                prop_assert_eq!(log.used(now), recent);
                match log.try_take(now) {
                    Ok(()) => {
                        prop_assert!(recent < allowed as usize);
                        taken.push(now);
                    }
                    Err(FreeAt(at)) => {
                        prop_assert_eq!(recent, allowed as usize);
                        prop_assert!(log.clone().try_take(at - 1).is_err());
                        prop_assert!(log.clone().try_take(at).is_ok());
                    }
                }
                prop_assert!(log.taken_ms.len() <= allowed as usize);
            }
            for from in &taken {
                let within = taken.iter().filter(|at| *at >= from && *at - from <= window_ms).count();
                prop_assert!(within <= allowed as usize);
            }
        }

        #[test]
        fn no_window_holds_more_than_is_allowed_over_restarts(
            steps in prop::collection::vec((0_u64..400, any::<bool>(), any::<bool>()), 0..200),
            allowed in 1_u32..6,
        ) {
            let window = Duration::from_secs(1);
            let mut log = SlidingWindow::new(allowed, window);
            let (mut real, mut began) = (1_000_000_u64, 1_000_000_u64);
            let mut taken: Vec<u64> = Vec::new();
            for (step, restarts, trusted) in steps {
                real += step;
                if restarts {
                    let stored = log.stored(Moment { wall_ms: signed(real), mono_ms: real - began });
                    real += step;
                    began = real;
                    let skew = if trusted { 0 } else { 1_000_000 };
                    let now = Moment { wall_ms: signed(real) + skew, mono_ms: 0 };
                    log = SlidingWindow::restored(allowed, window, &stored, now, trusted);
                }
                if log.try_take(real - began).is_ok() {
                    taken.push(real);
                }
            }
            for from in &taken {
                let within = taken.iter().filter(|at| *at >= from && *at - from <= 1_000).count();
                prop_assert!(within <= allowed as usize);
            }
        }
    }
}
