//! The only place that reads the time. Everything else is handed a [`Now`], so that it can be tested without waiting.

use std::time::SystemTime;
use std::time::UNIX_EPOCH;

use nix::time::ClockId;

use crate::model::WallTime;

/// When this program was built. No true time is earlier: a machine without a battery for its clock begins at 1970, or
/// at the time of its last stop, and is wrong until NTP sets it.
pub const BUILT_AT: WallTime = WallTime::from_millis(millis(env!("FARHOOK_BUILT_AT_S")));

/// One moment on both clocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Now {
    /// Milliseconds since the machine was booted, suspended time included. For waiting and measuring: it never
    /// jumps, and means the same to the next process of this boot.
    pub mono_ms: u64,
    /// For showing and storing; it jumps when NTP first sets it.
    pub wall: WallTime,
}

impl Now {
    /// What the wall clock shows at another moment of this boot, past or to come, as it runs now.
    pub fn wall_at(self, mono_ms: u64) -> WallTime {
        let signed = |ms: u64| i64::try_from(ms).unwrap_or(i64::MAX);
        WallTime::from_millis(self.wall.as_millis().saturating_add(signed(mono_ms) - signed(self.mono_ms)))
    }
}

/// This moment.
#[expect(clippy::disallowed_methods, reason = "this is the one place that may ask")]
pub fn now() -> Now {
    let wall = match SystemTime::now().duration_since(UNIX_EPOCH) {
        Ok(since) => i64::try_from(since.as_millis()).unwrap_or(i64::MAX),
        Err(before) => i64::try_from(before.duration().as_millis()).map_or(i64::MIN, |ms| -ms),
    };
    let up = nix::time::clock_gettime(ClockId::CLOCK_BOOTTIME).expect("Linux has had this clock since 2.6.39");
    let seconds = u64::try_from(up.tv_sec()).expect("the time since boot is not negative");
    let millis = u64::try_from(up.tv_nsec()).expect("nanoseconds are not negative") / 1_000_000;
    Now { mono_ms: seconds * 1_000 + millis, wall: WallTime::from_millis(wall) }
}

/// Milliseconds of whole seconds that are written in digits.
const fn millis(seconds: &str) -> i64 {
    let digits = seconds.as_bytes();
    let mut value: i64 = 0;
    let mut at = 0;
    while at < digits.len() {
        assert!(digits[at].is_ascii_digit(), "the build script writes digits only");
        value = value * 10 + (digits[at] - b'0') as i64;
        at += 1;
    }
    value * 1_000
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_of_the_build_is_past_and_no_older_than_the_program() {
        assert_eq!(millis("1460813828"), 1_460_813_828_000);
        assert!(BUILT_AT < now().wall);
    }

    #[test]
    fn another_moment_is_as_far_away_on_both_clocks() {
        let now = Now { mono_ms: 5_000, wall: WallTime::from_millis(100_000) };
        assert_eq!([4_000, 7_000].map(|ms| now.wall_at(ms).as_millis()), [99_000, 102_000]);
        assert_eq!(now.wall_at(u64::MAX).as_millis(), i64::MAX);
    }
}
