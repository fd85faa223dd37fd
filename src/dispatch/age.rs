//! How long a delivery has waited. Pure.
//!
//! A Pi has no clock of its own: the wall time of an event may be of last week, until NTP sets the clock. So age is
//! counted on the clock of the boot, and the wall clock is asked only about what was accepted in an earlier boot.

use std::time::Duration;

use crate::clock::Now;
use crate::model::WallTime;
use crate::store::Arrived;

/// When a delivery was accepted, in milliseconds of this boot's clock; negative for an earlier boot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct AcceptedAt(i64);

impl AcceptedAt {
    /// When the machine was booted, for tests in which it does not matter.
    #[cfg(test)]
    pub(super) const START: Self = Self(0);

    /// Just now.
    pub(super) fn at(now: Now) -> Self {
        Self(signed(now.mono_ms))
    }

    /// As it is stored. What seems to lie ahead is new.
    pub(super) fn stored(arrived: Arrived, published_at: WallTime, boot: [u8; 16], now: Now) -> Self {
        let now_ms = signed(now.mono_ms);
        let at_ms = if arrived.boot == boot {
            signed(arrived.mono_ms)
        } else {
            now_ms.saturating_sub(now.wall.as_millis().saturating_sub(published_at.as_millis()))
        };
        Self(at_ms.min(now_ms))
    }

    /// How long ago that was.
    pub(super) fn age(self, now_ms: u64) -> Duration {
        Duration::from_millis(u64::try_from(signed(now_ms).saturating_sub(self.0)).unwrap_or(0))
    }
}

fn signed(ms: u64) -> i64 {
    i64::try_from(ms).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOOT: [u8; 16] = [1; 16];
    const DAY_MS: i64 = 24 * 60 * 60 * 1_000;

    fn now(mono_ms: u64, wall_ms: i64) -> Now {
        Now { mono_ms, wall: WallTime::from_millis(wall_ms) }
    }

    #[test]
    fn a_clock_that_is_set_makes_nothing_of_this_boot_old() {
        let arrived = Arrived { boot: BOOT, mono_ms: 5_000 };
        let accepted = AcceptedAt::stored(arrived, WallTime::from_millis(0), BOOT, now(8_000, 365 * DAY_MS));
        assert_eq!(accepted.age(8_000), Duration::from_secs(3));
    }

    #[test]
    fn what_an_earlier_boot_accepted_is_as_old_as_the_wall_clock_says() {
        let arrived = Arrived { boot: [2; 16], mono_ms: 5_000 };
        let accepted = AcceptedAt::stored(arrived, WallTime::from_millis(DAY_MS), BOOT, now(8_000, 3 * DAY_MS));
        assert_eq!(accepted.age(9_000), Duration::from_secs(2 * 86_400 + 1));
    }

    #[test]
    fn what_lies_ahead_is_new() {
        let arrived = Arrived { boot: [2; 16], mono_ms: 0 };
        let accepted = AcceptedAt::stored(arrived, WallTime::from_millis(DAY_MS), BOOT, now(8_000, 0));
        assert_eq!(accepted.age(8_000), Duration::ZERO);
        assert_eq!(AcceptedAt::at(now(8_000, 0)).age(0), Duration::ZERO);
        let far = AcceptedAt::stored(arrived, WallTime::from_millis(i64::MIN), BOOT, now(8_000, i64::MAX));
        assert!(far.age(8_000) > Duration::from_secs(1));
    }
}
