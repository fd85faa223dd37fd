//! How lively the air is: when something was heard last, and whether that silence is strange. Pure.

use std::collections::VecDeque;

/// Adverts within [`WITHIN_MS`] from which on the air counts as lively: whoever hears so many and then none is deaf.
const BEATS: usize = 5;

/// See [`BEATS`].
const WITHIN_MS: u64 = 60_000;

/// The moments of the last adverts.
#[derive(Debug, Clone, Default)]
pub struct Pulse(VecDeque<u64>);

impl Pulse {
    /// An advert was heard.
    pub fn beat(&mut self, now_ms: u64) {
        if self.0.len() > BEATS {
            self.0.pop_front();
        }
        self.0.push_back(now_ms);
    }

    /// When the last one was heard.
    pub fn last_ms(&self) -> Option<u64> {
        self.0.back().copied()
    }

    /// Whether more than five were heard in the minute up to the last one.
    pub fn was_lively(&self) -> bool {
        let (first, last) = (self.0.front(), self.0.back());
        self.0.len() > BEATS && first.zip(last).is_some_and(|(first, last)| last - first <= WITHIN_MS)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn beaten(moments: impl IntoIterator<Item = u64>) -> Pulse {
        let mut pulse = Pulse::default();
        moments.into_iter().for_each(|moment| pulse.beat(moment));
        pulse
    }

    #[test]
    fn more_than_five_in_a_minute_are_lively() {
        assert!(!Pulse::default().was_lively());
        assert!(!beaten([1, 2, 3, 4, 5]).was_lively());
        assert!(beaten([1, 2, 3, 4, 5, 60_001]).was_lively());
        assert!(!beaten([1, 2, 3, 4, 5, 60_002]).was_lively());
        assert!(!beaten([1, 2, 3, 4, 5, 6, 200_000]).was_lively());
    }

    #[test]
    fn the_memory_is_short() {
        let pulse = beaten(0..10_000);
        assert_eq!((pulse.0.len(), pulse.last_ms()), (BEATS + 1, Some(9_999)));
    }
}
