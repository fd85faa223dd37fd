//! An exact limit: so many in any window of time, wherever the window begins. Kept as a log of timestamps, since
//! counters and buckets admit up to twice as many around their edges.
//!
//! Times are whole milliseconds, rounded down. Two that are exactly a window apart may really be a little less apart,
//! so a place is free again one millisecond after the window has passed.

use std::collections::VecDeque;
use std::time::Duration;

/// How much a stored age is mistrusted, in milliseconds: rounding, and a clock that is being slewed (500 ppm of a
/// minute).
const AGE_ERROR_MS: i64 = 100;

/// How long who asks in vain is told to wait while all places are in use, and none is known to become free.
const ASK_AGAIN_MS: i64 = 1_000;

/// At most `allowed` in any `window`. Memory: eight bytes for each of `allowed`, and for each place taken ahead.
#[derive(Debug, Clone)]
pub struct SlidingWindow {
    allowed: u32,
    window_ms: i64,
    /// When each was taken, oldest first. Negative for what a former process took before this one's clock began.
    taken_ms: VecDeque<i64>,
    /// When each was taken that is still in use: it counts until it is settled, and for a window from then on.
    in_use_ms: Vec<i64>,
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
        Self { allowed, window_ms, taken_ms: VecDeque::new(), in_use_ms: Vec::new() }
    }

    /// A log as it was [stored](Self::stored) by a former process, at the moment `now` of this one.
    ///
    /// `clock_trusted` says that the wall clock was right both then and now. If it is not, an entry's age is unknown
    /// and it counts as taken now: at worst, what waits does so for a window longer. An entry of the future was taken
    /// ahead.
    pub fn restored(allowed: u32, window: Duration, wall_ms: &[i64], now: Moment, clock_trusted: bool) -> Self {
        let mut log = Self::new(allowed, window);
        let now_ms = signed(now.mono_ms);
        let taken_at = |wall_ms: &i64| match now.wall_ms.saturating_sub(*wall_ms) {
            age if clock_trusted && age >= 0 => now_ms.saturating_sub(age.saturating_sub(AGE_ERROR_MS).max(0)),
            ahead if clock_trusted => now_ms.saturating_sub(ahead),
            _ => now_ms,
        };
        let mut taken: Vec<_> = wall_ms.iter().map(taken_at).collect();
        taken.sort_unstable();
        // The newest decide when the next place is free.
        log.taken_ms.extend(&taken[taken.len().saturating_sub(log.places())..]);
        log.forget(now_ms);
        log
    }

    /// Changes how many are allowed; what was taken counts on.
    pub fn allow(&mut self, allowed: u32) {
        self.allowed = allowed;
    }

    /// Takes a place if one is free.
    ///
    /// # Errors
    /// When the next place is free. Nothing is taken then.
    pub fn try_take(&mut self, now_ms: u64) -> Result<(), FreeAt> {
        let at_ms = self.monotonic(now_ms);
        if self.find_place(at_ms)? {
            self.taken_ms.push_back(at_ms);
        }
        Ok(())
    }

    /// Takes a place if one is free, for something that takes its time. It is [settled](Self::settle) when that is
    /// over, or [given back](Self::give_back) if it was not used.
    ///
    /// # Errors
    /// As [`Self::try_take`].
    pub fn try_begin(&mut self, now_ms: u64) -> Result<(), FreeAt> {
        if self.find_place(self.monotonic(now_ms))? {
            self.in_use_ms.push(signed(now_ms));
        }
        Ok(())
    }

    /// Takes a place: now if one is free, else the next that will be. Returns when.
    pub fn take_next(&mut self, now_ms: u64) -> u64 {
        if self.allowed == 0 {
            return now_ms;
        }
        self.forget(signed(now_ms));
        let at_ms = self.next_free_ms(signed(now_ms)).unwrap_or(i64::MIN).max(self.monotonic(now_ms));
        self.taken_ms.push_back(at_ms);
        unsigned(at_ms)
    }

    /// When the next place is free; none if one is free now.
    pub fn free_at(&self, now_ms: u64) -> Option<u64> {
        let at_ms = self.next_free_ms(signed(now_ms)).filter(|_| self.allowed > 0)?;
        (at_ms > signed(now_ms)).then(|| unsigned(at_ms))
    }

    /// What a place was taken for at `taken_ms` went on until `ended_ms`: the place counts from then on. Who counts at
    /// the other end of a slow line sees it at any time in between.
    pub fn settle(&mut self, taken_ms: u64, ended_ms: u64) {
        if self.end_use(taken_ms) {
            let ended_ms = self.monotonic(ended_ms);
            self.taken_ms.push_back(ended_ms);
        }
    }

    /// Gives a place back that was taken at `taken_ms` and not used. Nothing happens if it is over already.
    pub fn give_back(&mut self, taken_ms: u64) {
        if !self.end_use(taken_ms) {
            let at = self.taken_ms.iter().rposition(|taken| *taken == signed(taken_ms));
            at.and_then(|at| self.taken_ms.remove(at));
        }
    }

    /// Places taken at `now_ms`, of those that are allowed: those taken ahead may be more.
    pub fn used(&self, now_ms: u64) -> usize {
        let taken = self.taken_ms.iter().filter(|taken| !self.is_over(**taken, signed(now_ms))).count();
        (taken + self.in_use_ms.len()).min(self.places())
    }

    /// The log in wall time, for [`Self::restored`]: as many entries as decide. What is in use counts as ended now.
    pub fn stored(&self, now: Moment) -> Vec<i64> {
        let (wall_ms, mono_ms) = (now.wall_ms, signed(now.mono_ms));
        let kept = self.taken_ms.iter().copied().filter(|taken| !self.is_over(*taken, mono_ms));
        let mut kept: Vec<i64> = kept.chain(self.in_use_ms.iter().map(|_| mono_ms)).collect();
        kept.sort_unstable();
        let decisive = kept.len().saturating_sub(self.places());
        kept[decisive..].iter().map(|taken| wall_ms.saturating_sub(mono_ms.saturating_sub(*taken))).collect()
    }

    /// Whether a place has to be taken: not without a limit.
    fn find_place(&mut self, now_ms: i64) -> Result<bool, FreeAt> {
        if self.allowed == 0 {
            return Ok(false);
        }
        self.forget(now_ms);
        match self.next_free_ms(now_ms) {
            Some(at_ms) if at_ms > now_ms => Err(FreeAt(unsigned(at_ms))),
            _ => Ok(true),
        }
    }

    /// When the place that decides is free again; none if not all are taken.
    fn next_free_ms(&self, now_ms: i64) -> Option<i64> {
        let decisive = (self.taken_ms.len() + self.in_use_ms.len()).checked_sub(self.places())?;
        let free = self.taken_ms.get(decisive).map(|taken| taken.saturating_add(self.window_ms).saturating_add(1));
        Some(free.unwrap_or_else(|| now_ms.saturating_add(ASK_AGAIN_MS)))
    }

    /// Ends the use of a place that was taken then; of another one if there is none of that time, as they are alike.
    fn end_use(&mut self, taken_ms: u64) -> bool {
        let same = self.in_use_ms.iter().position(|taken| *taken == signed(taken_ms));
        let any = self.in_use_ms.len().checked_sub(1);
        same.or(any).map(|at| self.in_use_ms.swap_remove(at)).is_some()
    }

    fn places(&self) -> usize {
        usize::try_from(self.allowed).unwrap_or(usize::MAX)
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
        let mut log = SlidingWindow::new(2, MINUTE);
        for now_ms in [1_000, 1_001] {
            log.try_begin(now_ms).unwrap();
        }
        log.settle(1_000, 3_000);
        log.settle(1_001, 3_500);
        assert_eq!(log.try_take(62_999), Err(FreeAt(63_001)));
        assert_eq!(log.try_take(63_001), Ok(()));
    }

    #[test]
    fn a_place_that_was_not_used_is_free_at_once() {
        let mut log = SlidingWindow::new(2, MINUTE);
        taken(&mut log, &[1_000]);
        log.try_begin(2_000).unwrap();
        log.give_back(2_000);
        log.give_back(2_000);
        assert_eq!([log.try_take(3_000), log.try_take(3_000)], [Ok(()), Err(FreeAt(61_001))]);
        log.give_back(3_000);
        assert_eq!(log.try_take(4_000), Ok(()));
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
    fn an_entry_of_the_future_was_taken_ahead_and_counts_as_new_if_nobody_knows_the_time() {
        let now = Moment { wall_ms: 1_000, mono_ms: 1_000 };
        let mut ahead = SlidingWindow::restored(1, MINUTE, &[5_000], now, true);
        assert_eq!(ahead.try_take(1_000), Err(FreeAt(65_001)));
        let mut unknown = SlidingWindow::restored(1, MINUTE, &[i64::MAX], now, false);
        assert_eq!(unknown.try_take(1_000), Err(FreeAt(61_001)));
    }

    #[test]
    fn a_place_in_use_counts_however_long_that_takes() {
        let mut log = SlidingWindow::new(1, MINUTE);
        log.try_begin(0).unwrap();
        assert_eq!(log.try_take(90_000), Err(FreeAt(91_000)), "nobody knows when it ends");
        log.settle(0, 90_500);
        assert_eq!(log.try_take(91_000), Err(FreeAt(150_501)));
        assert_eq!(log.stored(Moment { wall_ms: 91_000, mono_ms: 91_000 }), [90_500]);
    }

    #[test]
    fn what_was_taken_ahead_and_is_given_back_gives_nothing_else_away() {
        let mut log = SlidingWindow::new(2, MINUTE);
        let taken: Vec<u64> = (0..3).map(|_| log.take_next(0)).collect();
        assert_eq!(taken, [0, 0, 60_001]);
        log.give_back(60_001);
        assert_eq!(log.try_take(1_000), Err(FreeAt(60_001)));
    }

    #[test]
    fn a_smaller_limit_after_a_restart_is_kept_too() {
        let now = Moment { wall_ms: 50_000, mono_ms: 50_000 };
        let mut log = SlidingWindow::restored(2, MINUTE, &[10_000, 20_000, 30_000], now, true);
        assert_eq!(log.try_take(50_000), Err(FreeAt(80_101)));
        assert_eq!(log.used(50_000), 2);
    }

    #[test]
    fn places_that_are_taken_ahead_keep_the_limit() {
        let mut log = SlidingWindow::new(2, MINUTE);
        let taken: Vec<u64> = (0..5).map(|_| log.take_next(1_000)).collect();
        assert_eq!(taken, [1_000, 1_000, 61_001, 61_001, 121_002]);
        assert_eq!((log.free_at(1_000), log.used(1_000)), (Some(121_002), 2));
        assert_eq!((log.free_at(121_002), log.take_next(121_002)), (None, 121_002));
        assert_eq!(SlidingWindow::new(0, MINUTE).take_next(7), 7);
    }

    #[test]
    fn a_window_says_when_its_next_place_is_free() {
        let mut log = SlidingWindow::new(2, MINUTE);
        assert_eq!(log.free_at(0), None);
        taken(&mut log, &[1_000, 2_000]);
        assert_eq!(log.free_at(2_000), Some(61_001));
        assert_eq!(log.free_at(61_001), None);
    }

    proptest! {
        #[test]
        fn no_window_holds_more_than_is_allowed_when_places_are_taken_ahead(
            steps in prop::collection::vec(0_u64..400, 0..200),
            allowed in 1_u32..6,
        ) {
            let mut log = SlidingWindow::new(allowed, Duration::from_secs(1));
            let mut now = 0;
            let mut taken = Vec::new();
            for step in steps {
                now += step;
                let at = log.take_next(now);
                prop_assert!(at >= now);
                taken.push(at);
            }
            for from in &taken {
                let within = taken.iter().filter(|at| *at >= from && *at - from <= 1_000).count();
                prop_assert!(within <= allowed as usize);
            }
        }

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
