//! How long the queue lasts if it goes on growing as it does. Pure.

use std::collections::VecDeque;

use crate::model::Bounds;
use crate::model::Fill;
use crate::store::Tally;

/// Milliseconds between two samples.
const EVERY_MS: u64 = 60_000;

/// Samples that are kept: those of an hour.
const SAMPLES: usize = 61;

/// The least that an event takes.
pub(super) const ONE_MORE: Fill = Tally::one(0);

/// How full the queue was in the last hour.
#[derive(Debug, Default)]
pub(super) struct Trend(VecDeque<(u64, Fill)>);

impl Trend {
    /// Notes how full it is; samples that come too early are passed over.
    pub(super) fn note(&mut self, fill: Fill, now_ms: u64) {
        if self.0.back().is_none_or(|(last_ms, _)| now_ms >= last_ms + EVERY_MS) {
            self.0.push_back((now_ms, fill));
            if self.0.len() > SAMPLES {
                self.0.pop_front();
            }
        }
    }

    /// Hours until one of the bounds is reached, 0 if one is; none if nothing grows, or too little is known.
    pub(super) fn hours_left(&self, fill: Fill, bounds: Bounds, now_ms: u64) -> Option<f64> {
        if !bounds.admit(fill, ONE_MORE) {
            return Some(0.0);
        }
        let (then_ms, then) = self.0.front()?;
        let elapsed_ms = now_ms.checked_sub(*then_ms).filter(|elapsed_ms| *elapsed_ms >= EVERY_MS)?;
        let left = |bound: Option<u64>, before: u64, now: u64| {
            let grown = now.checked_sub(before).filter(|grown| *grown > 0)?;
            Some(float(bound?.saturating_sub(now)) / float(grown) * float(elapsed_ms) / 3_600_000.0)
        };
        let items = left(bounds.items.map(Into::into), then.items, fill.items);
        let bytes = left(bounds.bytes.map(Into::into), then.bytes, fill.bytes);
        items.into_iter().chain(bytes).min_by(f64::total_cmp)
    }
}

#[expect(clippy::cast_precision_loss, reason = "an estimate")]
fn float(number: u64) -> f64 {
    number as f64
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU64;

    use super::*;

    fn fill(items: u64, bytes: u64) -> Fill {
        Fill { items, bytes }
    }

    const BOUNDS: Bounds = Bounds { items: NonZeroU64::new(1_000), bytes: NonZeroU64::new(100_000) };

    #[test]
    fn what_grows_has_an_end() {
        let mut trend = Trend::default();
        trend.note(fill(0, 0), 0);
        assert_eq!(trend.hours_left(fill(100, 100), BOUNDS, 59_000), None, "too early to say");
        let hour_ms = 3_600_000;
        assert_eq!(trend.hours_left(fill(100, 5_000), BOUNDS, hour_ms), Some(9.0), "the items come first");
        assert_eq!(trend.hours_left(fill(100, 50_000), BOUNDS, hour_ms), Some(1.0), "the bytes come first");
        assert_eq!(trend.hours_left(fill(0, 0), BOUNDS, hour_ms), None);
        assert_eq!(trend.hours_left(fill(1_000, 0), BOUNDS, 0), Some(0.0), "it is full");
        assert_eq!(trend.hours_left(fill(100, 5_000), Bounds::default(), hour_ms), None);
    }

    #[test]
    fn only_the_last_hour_counts() {
        let mut trend = Trend::default();
        (0..1_000).for_each(|minute| trend.note(fill(minute, 0), minute * EVERY_MS));
        assert_eq!(trend.0.len(), SAMPLES);
        assert_eq!(trend.hours_left(fill(999, 0), BOUNDS, 999 * EVERY_MS), Some(1.0 / 60.0));
    }
}
