//! How long a delivery has waited. Pure.
//!
//! A Pi has no clock of its own: the wall time of an event may be of last week, until NTP sets the clock. So age is
//! counted on the clock of the boot, and the wall clock is asked only about what was accepted in an earlier boot.

use std::time::Duration;

use crate::clock::Now;
use crate::model::WallTime;
use crate::store::Arrived;
use crate::store::Moment;

/// How far two clocks may be apart before one of them is taken to have been set, in milliseconds.
const SAME_MS: u64 = 1_000;

/// When a delivery was accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct AcceptedAt {
    /// In milliseconds of this boot's clock; negative for an earlier boot.
    at_ms: i64,
    /// Whether that was in this boot.
    is_of_this_boot: bool,
}

impl AcceptedAt {
    /// When the machine was booted, for tests in which it does not matter.
    #[cfg(test)]
    pub(super) const START: Self = Self { at_ms: 0, is_of_this_boot: true };

    /// Just now.
    pub(super) fn at(now: Now) -> Self {
        Self { at_ms: signed(now.mono_ms), is_of_this_boot: true }
    }

    /// As it is stored. What seems to lie ahead is new.
    pub(super) fn stored(arrived: Arrived, published_at: WallTime, boot: [u8; 16], now: Now) -> Self {
        let now_ms = signed(now.mono_ms);
        let is_of_this_boot = arrived.boot == boot;
        let at_ms = if is_of_this_boot {
            signed(arrived.mono_ms)
        } else {
            now_ms.saturating_sub(now.wall.as_millis().saturating_sub(published_at.as_millis()))
        };
        Self { at_ms: at_ms.min(now_ms), is_of_this_boot }
    }

    /// How long ago that was.
    pub(super) fn age(self, now_ms: u64) -> Duration {
        Duration::from_millis(u64::try_from(signed(now_ms).saturating_sub(self.at_ms)).unwrap_or(0))
    }

    /// When the event was published, if its stamp `stamped` was made by a clock that has been set since.
    pub(super) fn repaired(self, stamped: WallTime, now: Now) -> Option<WallTime> {
        let began_ms = began_ms(now);
        self.is_of_this_boot
            .then(|| WallTime::from_millis(began_ms.saturating_add(self.at_ms)))
            .filter(differs_from(stamped))
    }
}

/// When an event of another boot was published, if its stamp was wrong: `began_ms` is when that boot began.
pub(super) fn repaired(arrived: Arrived, began_ms: i64, stamped: WallTime) -> Option<WallTime> {
    let really = WallTime::from_millis(began_ms.saturating_add(signed(arrived.mono_ms)));
    Some(really).filter(differs_from(stamped))
}

/// When this boot began, by the wall clock, in milliseconds since 1970.
pub(super) fn began_ms(now: Now) -> i64 {
    now.wall.as_millis().saturating_sub(signed(now.mono_ms))
}

/// Whether the clock was set between two moments, by what it said of when the boot began.
pub(super) fn was_set(before_ms: i64, after_ms: i64) -> bool {
    before_ms.abs_diff(after_ms) > SAME_MS
}

/// When a delivery that was put off is due, in milliseconds of this boot's clock; 0 for at once. By the wall clock no
/// wait is believed that is longer than `most`: a clock that was wrong can make one that nobody would end.
pub(super) fn due_ms(not_before: Moment, boot: [u8; 16], now: Now, most: Duration) -> u64 {
    let due_ms = if not_before.on_boot.boot == boot {
        not_before.on_boot.mono_ms
    } else {
        let wait_ms = not_before.wall.as_millis().saturating_sub(now.wall.as_millis());
        let wait_ms = u64::try_from(wait_ms).unwrap_or(0);
        if u128::from(wait_ms) > most.as_millis() { 0 } else { now.mono_ms + wait_ms }
    };
    if due_ms > now.mono_ms { due_ms } else { 0 }
}

fn differs_from(stamped: WallTime) -> impl Fn(&WallTime) -> bool {
    move |really| really.as_millis().abs_diff(stamped.as_millis()) > SAME_MS
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

    #[test]
    fn a_stamp_of_a_clock_that_has_been_set_since_is_repaired() {
        let (before, after) = (now(5_000, 0), now(65_000, 365 * DAY_MS));
        let accepted = AcceptedAt::at(before);
        assert_eq!(accepted.repaired(before.wall, after), Some(WallTime::from_millis(365 * DAY_MS - 60_000)));
        assert_eq!(accepted.repaired(before.wall, now(65_000, 60_999)), None, "it was right");
        assert!(was_set(began_ms(before), began_ms(after)) && !was_set(0, 1_000));
    }

    #[test]
    fn a_stamp_of_another_boot_is_repaired_if_that_boot_came_to_know_the_time() {
        let arrived = Arrived { boot: [2; 16], mono_ms: 5_000 };
        let stamped = WallTime::from_millis(0);
        assert_eq!(repaired(arrived, DAY_MS, stamped), Some(WallTime::from_millis(DAY_MS + 5_000)));
        assert_eq!(repaired(arrived, -5_500, stamped), None);
        let accepted = AcceptedAt::stored(arrived, stamped, BOOT, now(1, DAY_MS));
        assert_eq!(accepted.repaired(stamped, now(1, 9 * DAY_MS)), None);
    }

    #[test]
    fn a_wait_is_kept_over_restarts_and_a_clock_that_stands_at_1970_parks_no_delivery() {
        let most = Duration::from_secs(86_400);
        let in_this_boot = Moment { on_boot: Arrived { boot: BOOT, mono_ms: 9_000 }, wall: WallTime::from_millis(0) };
        assert_eq!(due_ms(in_this_boot, BOOT, now(4_000, 77 * DAY_MS), most), 9_000);
        assert_eq!(due_ms(in_this_boot, BOOT, now(9_000, 0), most), 0);
        let at = |wall_ms| Moment { wall: WallTime::from_millis(wall_ms), ..in_this_boot };
        let due = |moment, wall_ms| due_ms(moment, [2; 16], now(50, wall_ms), most);
        assert_eq!(due(at(5_000), 2_000), 3_050);
        assert_eq!(due(at(2_000), 5_000), 0);
        assert_eq!(due(at(DAY_MS), 0), 86_400_050);
        assert_eq!(due(at(1_800_000_000_000), 0), 0);
    }
}
