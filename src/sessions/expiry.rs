//! How long a session lives without a connection.

use std::time::Duration;

/// A session expiry interval. Source: MQTT 5, 3.1.2.11.2.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Expiry {
    /// None for as long as any session may.
    seconds: Option<u32>,
}

impl Expiry {
    /// It ends with its connection: 3.1.1 with "clean session", 5 without an expiry.
    pub const AT_ONCE: Self = Self { seconds: Some(0) };

    /// It lives for as long as any session may: 3.1.1 without "clean session".
    pub const NEVER: Self = Self { seconds: None };

    /// So many seconds after its connection; none for never.
    pub fn after(seconds: Option<u32>) -> Self {
        Self { seconds }
    }

    /// As version 5 says it: the highest number is never.
    pub fn of_v5(seconds: u32) -> Self {
        Self { seconds: (seconds != u32::MAX).then_some(seconds) }
    }

    /// Whether it ends with its connection.
    pub fn is_at_once(self) -> bool {
        self.seconds == Some(0)
    }

    /// Seconds; none for never.
    pub fn seconds(self) -> Option<u32> {
        self.seconds
    }

    /// This, but no longer than `longest`.
    #[must_use]
    pub fn at_most(self, longest: Duration) -> Self {
        let longest = u32::try_from(longest.as_secs()).unwrap_or(u32::MAX);
        Self { seconds: Some(self.seconds.map_or(longest, |seconds| seconds.min(longest))) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_lives_longer_than_any_may() {
        let longest = Duration::from_secs(100);
        assert_eq!(Expiry::NEVER.at_most(longest).seconds(), Some(100));
        assert_eq!(Expiry::of_v5(u32::MAX), Expiry::NEVER);
        assert_eq!(Expiry::of_v5(99).at_most(longest).seconds(), Some(99));
        assert!(Expiry::of_v5(0).at_most(longest).is_at_once());
    }
}
