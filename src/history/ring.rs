//! Figures of the last so many spaces of time of one length. Pure.
//!
//! Time is what the wall clock says, and that can be wrong: a Pi has no clock of its own. A step back that stays within
//! the ring counts where it leads to. One that leads further back says that the clock had run ahead: then what was
//! counted last was counted just before now. A gap is zeros, and one that is longer than the ring clears it.

use std::collections::VecDeque;

use crate::model::WallTime;
use crate::store::StoredRing;

/// A ring with so many figures in each bucket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Ring<const FIGURES: usize> {
    step_s: u32,
    most: usize,
    /// The number of the last bucket: spaces of time since 1970.
    newest: i64,
    /// The oldest first. It grows as it is needed.
    buckets: VecDeque<[u32; FIGURES]>,
}

impl<const FIGURES: usize> Ring<FIGURES> {
    /// A ring of `most` buckets of `step_s` seconds, with nothing in it.
    pub(super) fn new(step_s: u32, most: usize) -> Self {
        Self { step_s, most, newest: 0, buckets: VecDeque::new() }
    }

    /// As it was stored. What another ring left is not taken.
    pub(super) fn restored(step_s: u32, most: usize, stored: &StoredRing) -> Self {
        let mut ring = Self::new(step_s, most);
        let buckets =
            stored.figures.chunks(FIGURES).map(<[u32; FIGURES]>::try_from).collect::<Result<VecDeque<_>, _>>();
        if let Some(buckets) = buckets.ok().filter(|buckets| buckets.len() <= most) {
            ring.newest = stored.newest;
            ring.buckets = buckets;
        }
        ring
    }

    /// As it is stored.
    pub(super) fn stored(&self) -> StoredRing {
        StoredRing { newest: self.newest, figures: self.buckets.iter().flatten().copied().collect() }
    }

    /// Seconds of one bucket.
    pub(super) fn step_s(&self) -> u32 {
        self.step_s
    }

    /// When the last bucket in which something was counted begins; none if nothing was.
    pub(super) fn last_at(&self) -> Option<WallTime> {
        (!self.buckets.is_empty()).then(|| self.begins_at(self.newest))
    }

    /// The bucket of `now`, to count in.
    pub(super) fn at(&mut self, now: WallTime) -> &mut [u32; FIGURES] {
        let number = self.number(now);
        let back = self.newest.saturating_sub(number);
        if self.buckets.is_empty() || back >= self.span() {
            self.newest = number;
        }
        let ahead = number.saturating_sub(self.newest);
        if ahead >= self.span() {
            self.buckets.clear();
            self.newest = number;
        }
        for _ in self.newest..number {
            self.push([0; FIGURES]);
        }
        self.newest = self.newest.max(number);
        // Before the oldest that there is, but within the ring.
        let back = usize::try_from(self.newest - number).expect("a step further back has moved the ring");
        while self.buckets.len() <= back {
            self.buckets.push_front([0; FIGURES]);
        }
        let at = self.buckets.len() - 1 - back;
        &mut self.buckets[at]
    }

    /// What was counted last was counted at `now`.
    pub(super) fn date(&mut self, now: WallTime) {
        self.newest = self.number(now);
    }

    /// All buckets, oldest first; the last is that of `now`. And when the first begins.
    pub(super) fn ending(&self, now: WallTime) -> (WallTime, Vec<[u32; FIGURES]>) {
        let last = self.number(now);
        let first = last.saturating_sub(self.span() - 1);
        let kept = i64::try_from(self.buckets.len()).unwrap_or(i64::MAX);
        let oldest = self.newest.saturating_sub(kept - 1);
        let bucket = |number: i64| {
            let at = number.checked_sub(oldest).and_then(|at| usize::try_from(at).ok());
            at.and_then(|at| self.buckets.get(at)).copied().unwrap_or([0; FIGURES])
        };
        (self.begins_at(first), (first..=last).map(bucket).collect())
    }

    fn push(&mut self, bucket: [u32; FIGURES]) {
        self.buckets.push_back(bucket);
        if self.buckets.len() > self.most {
            self.buckets.pop_front();
        }
    }

    fn number(&self, at: WallTime) -> i64 {
        at.as_millis().div_euclid(self.step_ms())
    }

    fn begins_at(&self, number: i64) -> WallTime {
        WallTime::from_millis(number.saturating_mul(self.step_ms()))
    }

    fn step_ms(&self) -> i64 {
        i64::from(self.step_s) * 1_000
    }

    fn span(&self) -> i64 {
        i64::try_from(self.most).unwrap_or(i64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A ring of five buckets of ten seconds.
    fn ring() -> Ring<1> {
        Ring::new(10, 5)
    }

    fn at(seconds: i64) -> WallTime {
        WallTime::from_millis(seconds * 1_000)
    }

    fn count(ring: &mut Ring<1>, seconds: i64) {
        ring.at(at(seconds))[0] += 1;
    }

    fn shown(ring: &Ring<1>, seconds: i64) -> Vec<u32> {
        ring.ending(at(seconds)).1.concat()
    }

    #[test]
    fn what_is_counted_stands_in_its_bucket_and_a_gap_is_zeros() {
        let mut ring = ring();
        assert_eq!((ring.ending(at(105)), ring.last_at()), ((at(60), vec![[0]; 5]), None));
        for seconds in [100, 109, 110, 135] {
            count(&mut ring, seconds);
        }
        assert_eq!(ring.ending(at(139)), (at(90), vec![[0], [2], [1], [0], [1]]));
        assert_eq!(shown(&ring, 140), [2, 1, 0, 1, 0]);
        assert_eq!(shown(&ring, 1_000), [0; 5]);
        assert_eq!(ring.last_at(), Some(at(130)));
    }

    #[test]
    fn what_is_older_than_the_ring_leaves_it() {
        let mut ring = ring();
        (0..100).for_each(|seconds| count(&mut ring, seconds));
        assert_eq!((shown(&ring, 99), ring.buckets.len()), (vec![10; 5], 5));
        count(&mut ring, 130);
        assert_eq!(shown(&ring, 130), [10, 0, 0, 0, 1]);
        count(&mut ring, 1_000_000);
        assert_eq!((shown(&ring, 1_000_000), ring.buckets.len()), (vec![0, 0, 0, 0, 1], 1));
    }

    #[test]
    fn a_small_step_back_counts_where_it_leads_to() {
        let mut ring = ring();
        count(&mut ring, 135);
        count(&mut ring, 115);
        count(&mut ring, 136);
        assert_eq!(shown(&ring, 136), [0, 0, 1, 0, 2]);
        assert_eq!(shown(&ring, 119), [0, 0, 0, 0, 1], "what lies ahead is not shown");
    }

    #[test]
    fn a_clock_that_ran_ahead_takes_what_it_counted_back_with_it() {
        let mut ring = ring();
        count(&mut ring, 5_000);
        count(&mut ring, 5_010);
        count(&mut ring, 100);
        assert_eq!(shown(&ring, 100), [0, 0, 0, 1, 2]);
    }

    #[test]
    fn what_was_counted_without_a_clock_gets_the_date_of_when_it_was_set() {
        let mut ring = ring();
        count(&mut ring, 0);
        count(&mut ring, 10);
        ring.date(at(5_000));
        count(&mut ring, 5_010);
        assert_eq!(shown(&ring, 5_010), [0, 0, 1, 1, 1]);
    }

    #[test]
    fn a_ring_is_restored_as_it_was_stored_and_another_kind_of_ring_is_not() {
        let mut ring = ring();
        count(&mut ring, 100);
        count(&mut ring, 120);
        let stored = ring.stored();
        assert_eq!(stored, StoredRing { newest: 12, figures: vec![1, 0, 1] });
        assert_eq!(Ring::restored(10, 5, &stored), ring);
        assert_eq!(Ring::<2>::restored(10, 5, &stored).last_at(), None);
        assert_eq!(Ring::<1>::restored(10, 2, &stored).last_at(), None);
    }

    proptest! {
        #[test]
        fn whatever_the_clock_says_the_ring_keeps_its_size_and_counts_what_comes(
            times in prop::collection::vec(any::<i64>(), 1..50),
            near in prop::collection::vec(0..200_000i64, 1..50),
        ) {
            let mut ring = ring();
            for ms in times.into_iter().chain(near) {
                let now = WallTime::from_millis(ms);
                let before = *ring.ending(now).1.last().unwrap();
                ring.at(now)[0] += 1;
                let (_, shown) = ring.ending(now);
                prop_assert!(ring.buckets.len() <= 5 && shown.len() == 5);
                prop_assert!(shown[4][0] > before[0]);
            }
        }
    }
}
