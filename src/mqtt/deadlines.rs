//! When a connection ends because nothing happened. Pure.

use std::time::Duration;

use tokio::time::Instant;

use crate::mqtt::ending::Ending;

/// The clocks of one connection.
#[derive(Debug)]
pub(super) struct Deadlines {
    /// One and a half times what the client said; `None` for no keep alive.
    keep_alive: Option<Duration>,
    write_timeout: Duration,
    heard_at: Instant,
    /// Since when there is output of which the client takes nothing.
    blocked_since: Option<Instant>,
    leaving: Option<Leaving>,
    /// When the client's token expires.
    revoked_at: Option<Instant>,
}

/// Nothing more is read; the connection ends soon.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Leaving {
    /// Why.
    pub(super) ending: Ending,
    /// When, at the latest.
    pub(super) at: Instant,
    /// Whether to go as soon as nothing is outstanding.
    pub(super) may_be_early: bool,
}

impl Deadlines {
    /// `keep_alive_s` is what the CONNECT said, 0 for none.
    pub(super) fn new(keep_alive_s: u16, write_timeout: Duration, now: Instant) -> Self {
        let keep_alive = (keep_alive_s > 0).then(|| Duration::from_millis(u64::from(keep_alive_s) * 1_500));
        Self { keep_alive, write_timeout, heard_at: now, blocked_since: None, leaving: None, revoked_at: None }
    }

    /// The client is let in only until then.
    pub(super) fn admitted_until(mut self, at: Option<Instant>) -> Self {
        self.revoked_at = at;
        self
    }

    /// Bytes came, or it is not the client's fault that none did.
    pub(super) fn heard(&mut self, now: Instant) {
        self.heard_at = now;
    }

    /// Whether there is output now.
    pub(super) fn has_output(&mut self, has_output: bool, now: Instant) {
        self.blocked_since = has_output.then(|| self.blocked_since.unwrap_or(now));
    }

    /// The client took some of the output.
    pub(super) fn took_output(&mut self) {
        self.blocked_since = None;
    }

    /// Ends the connection later. What came first counts.
    pub(super) fn leave(&mut self, leaving: Leaving) {
        self.leaving.get_or_insert(leaving);
    }

    /// Why nothing more is read, if so.
    pub(super) fn leaving(&self) -> Option<Leaving> {
        self.leaving
    }

    /// When to look again.
    pub(super) fn next(&self) -> Option<Instant> {
        let leaving = self.leaving.map(|leaving| leaving.at);
        [leaving, self.revoked_at, self.stuck_at(), self.silent_at()].into_iter().flatten().min()
    }

    /// What has expired by `now`.
    pub(super) fn expired(&self, now: Instant) -> Option<Ending> {
        let is_over = |at: Option<Instant>| at.is_some_and(|at| at <= now);
        match self.leaving {
            Some(leaving) if leaving.at <= now => Some(leaving.ending),
            _ if is_over(self.revoked_at) => Some(Ending::Revoked),
            _ if is_over(self.stuck_at()) => Some(Ending::Stuck),
            _ if is_over(self.silent_at()) => Some(Ending::Silent),
            _ => None,
        }
    }

    fn stuck_at(&self) -> Option<Instant> {
        self.blocked_since.map(|since| since + self.write_timeout)
    }

    fn silent_at(&self) -> Option<Instant> {
        self.keep_alive.map(|limit| self.heard_at + limit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(start: Instant, ms: u64) -> Instant {
        start + Duration::from_millis(ms)
    }

    fn deadlines(keep_alive_s: u16) -> (Deadlines, Instant) {
        let start = Instant::now();
        (Deadlines::new(keep_alive_s, Duration::from_secs(30), start), start)
    }

    #[test]
    fn a_client_may_be_silent_for_one_and_a_half_times_its_keep_alive() {
        let (mut deadlines, start) = deadlines(10);
        assert_eq!(deadlines.expired(after(start, 14_999)), None);
        assert_eq!(deadlines.expired(after(start, 15_000)), Some(Ending::Silent));
        deadlines.heard(after(start, 9_000));
        assert_eq!(deadlines.next(), Some(after(start, 24_000)));
        assert_eq!(deadlines.expired(after(start, 15_000)), None);
    }

    #[test]
    fn without_a_keep_alive_silence_never_ends() {
        let (deadlines, start) = deadlines(0);
        assert_eq!(deadlines.next(), None);
        assert_eq!(deadlines.expired(after(start, 1_000_000_000)), None);
    }

    #[test]
    fn a_client_must_take_some_of_its_output_in_time() {
        let (mut deadlines, start) = deadlines(0);
        deadlines.has_output(true, after(start, 1_000));
        deadlines.has_output(true, after(start, 20_000));
        assert_eq!(deadlines.expired(after(start, 31_000)), Some(Ending::Stuck));
        deadlines.took_output();
        deadlines.has_output(true, after(start, 25_000));
        assert_eq!(deadlines.next(), Some(after(start, 55_000)));
        deadlines.has_output(false, after(start, 26_000));
        assert_eq!(deadlines.next(), None);
    }

    #[test]
    fn the_first_reason_to_leave_counts() {
        let (mut deadlines, start) = deadlines(10);
        let leaving = |ending, at| Leaving { ending, at, may_be_early: false };
        deadlines.leave(leaving(Ending::StoreFull, after(start, 1_000)));
        deadlines.leave(leaving(Ending::Stopping, after(start, 500)));
        assert_eq!(deadlines.expired(after(start, 999)), None);
        assert_eq!(deadlines.expired(after(start, 60_000)), Some(Ending::StoreFull));
    }

    #[test]
    fn nobody_stays_longer_than_their_token() {
        let (deadlines, start) = deadlines(0);
        let deadlines = deadlines.admitted_until(Some(after(start, 5_000)));
        assert_eq!(deadlines.next(), Some(after(start, 5_000)));
        assert_eq!(deadlines.expired(after(start, 4_999)), None);
        assert_eq!(deadlines.expired(after(start, 5_000)), Some(Ending::Revoked));
    }
}
