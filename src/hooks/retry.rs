//! What follows an attempt: done, failed, or tried again and when. One attempt that got no answer says nothing about
//! the delivery, only about its host, so it waits for the host and is not counted.

use std::time::Duration;
use std::time::SystemTime;

use crate::model::WallTime;
use crate::model::spec;

/// When a delivery is tried again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum RetryPolicy {
    /// When no answer came, and after a 429 or 503 that says when.
    #[default]
    Network,
    /// Never, as in the guide.
    Never,
    /// As `Network`, and after every answer of 500 or more.
    Always,
}

/// How an attempt ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome<'a> {
    /// The target answered.
    Answered {
        /// The HTTP status.
        status: u16,
        /// The answer's `Retry-After` header.
        retry_after: Option<&'a str>,
    },
    /// No answer came: no route, no name, refused, TLS, timeout, captive portal.
    NoAnswer,
    /// The request can never be sent as it is: it cannot be built, or its address is denied.
    Unsendable,
}

/// How far a delivery has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Answers so far, the one at hand included. Attempts without an answer do not count.
    pub answers: u32,
    /// Since the event was accepted.
    pub age: Duration,
    /// The age at which a delivery is given up.
    pub max_age: Duration,
}

/// What follows an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// The delivery arrived.
    Done,
    /// The delivery goes to the dead letters.
    Failed,
    /// The delivery is given up for its age, although it would have been tried again.
    Expired,
    /// Tried again after this time.
    RetryIn(Duration),
    /// Tried again as soon as its host answers.
    WhenHostAnswers,
}

/// The longest that a target may ask to wait. Ours: a typing error in a header must not park a delivery for a year.
pub const RETRY_AFTER_MOST: Duration = Duration::from_secs(24 * 60 * 60);

/// Waits of [`RetryPolicy::Always`], after the first, second, … error; the last one repeats.
const SCHEDULE_S: [u64; 5] = [30, 60, 5 * 60, 30 * 60, 2 * 60 * 60];

/// How much chance lengthens or shortens a scheduled wait.
const JITTER: f64 = 0.2;

/// The longest wait before a silent host is asked again.
pub const HOST_MOST: Duration = Duration::from_secs(60);

/// The first wait before a silent host is asked again.
const HOST_FIRST: Duration = Duration::from_secs(1);

impl RetryPolicy {
    /// All names, for messages.
    pub(super) const KNOWN: &str = "network, none, always";

    /// The policy that a definition calls `name`.
    pub(super) fn from_name(name: &str) -> Option<Self> {
        match name {
            "network" => Some(Self::Network),
            "none" => Some(Self::Never),
            "always" => Some(Self::Always),
            _ => None,
        }
    }
}

/// Decides what follows an attempt. `now` is needed for a `Retry-After` with a date; `jitter` is in 0.0–1.0.
pub fn next(policy: RetryPolicy, outcome: Outcome<'_>, progress: Progress, now: WallTime, jitter: f64) -> Next {
    match outcome {
        Outcome::Answered { status, .. } if status < spec::ERROR_STATUS => Next::Done,
        Outcome::Answered { status, retry_after } => {
            match answer_wait(policy, status, retry_after, progress.answers, now, jitter) {
                None => Next::Failed,
                Some(wait) if progress.age.saturating_add(wait) >= progress.max_age => Next::Expired,
                Some(wait) => Next::RetryIn(wait),
            }
        }
        Outcome::NoAnswer if policy == RetryPolicy::Never => Next::Failed,
        Outcome::NoAnswer if progress.age >= progress.max_age => Next::Expired,
        Outcome::NoAnswer => Next::WhenHostAnswers,
        Outcome::Unsendable => Next::Failed,
    }
}

/// How long a host that did not answer is left alone: 1 s, doubling to 60 s. `silences` counts attempts without an
/// answer in a row, from 1; `jitter` in 0.0–1.0 shortens the wait by up to a fifth.
pub fn host_wait(silences: u32, jitter: f64) -> Duration {
    let doubled = HOST_FIRST.saturating_mul(2_u32.saturating_pow(silences.saturating_sub(1)));
    doubled.min(HOST_MOST).mul_f64(1.0 - JITTER * jitter.clamp(0.0, 1.0))
}

/// The wait that a `Retry-After` header asks for, in seconds or until a date, at most [`RETRY_AFTER_MOST`].
/// A date in the past asks for none; a header that is neither is ignored.
pub fn asked_wait(retry_after: &str, now: WallTime) -> Option<Duration> {
    let text = retry_after.trim();
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        // What does not fit is longer than the most anyway.
        return Some(text.parse().map_or(RETRY_AFTER_MOST, Duration::from_secs).min(RETRY_AFTER_MOST));
    }
    let until = httpdate::parse_http_date(text).ok()?.duration_since(SystemTime::UNIX_EPOCH).ok()?;
    let now = Duration::from_millis(u64::try_from(now.as_millis()).unwrap_or(0));
    Some(until.saturating_sub(now).min(RETRY_AFTER_MOST))
}

fn answer_wait(
    policy: RetryPolicy,
    status: u16,
    retry_after: Option<&str>,
    answers: u32,
    now: WallTime,
    jitter: f64,
) -> Option<Duration> {
    if policy == RetryPolicy::Never {
        return None;
    }
    let asked = retry_after.filter(|_| matches!(status, 429 | 503)).and_then(|text| asked_wait(text, now));
    let own = (policy == RetryPolicy::Always && status >= 500).then(|| scheduled_wait(answers, jitter));
    // "Retry-After: 0" for ever must not become a busy loop.
    asked.map(|asked| asked.max(host_wait(answers, jitter))).max(own)
}

fn scheduled_wait(answers: u32, jitter: f64) -> Duration {
    let at = usize::try_from(answers.saturating_sub(1)).unwrap_or(usize::MAX).min(SCHEDULE_S.len() - 1);
    Duration::from_secs(SCHEDULE_S[at]).mul_f64(1.0 - JITTER + 2.0 * JITTER * jitter.clamp(0.0, 1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: WallTime = WallTime::from_millis(1_460_813_828_000);

    fn after(policy: RetryPolicy, status: u16, retry_after: Option<&str>, answers: u32) -> Next {
        let progress = Progress { answers, age: Duration::ZERO, max_age: Duration::from_secs(7 * 86_400) };
        next(policy, Outcome::Answered { status, retry_after }, progress, NOW, 0.5)
    }

    fn seconds(seconds: u64) -> Next {
        Next::RetryIn(Duration::from_secs(seconds))
    }

    #[test]
    fn an_answer_below_400_is_the_end() {
        for status in [200, 204, 302, 399] {
            assert_eq!(after(RetryPolicy::Always, status, Some("5"), 1), Next::Done);
        }
    }

    #[test]
    fn an_error_is_tried_again_only_if_the_target_says_when() {
        for status in [400, 404, 429, 500, 503] {
            assert_eq!(after(RetryPolicy::Network, status, None, 1), Next::Failed, "{status}");
        }
        assert_eq!(after(RetryPolicy::Network, 429, Some("5"), 1), seconds(5));
        assert_eq!(after(RetryPolicy::Network, 503, Some("5"), 1), seconds(5));
        assert_eq!(after(RetryPolicy::Network, 500, Some("5"), 1), Next::Failed);
        assert_eq!(after(RetryPolicy::Network, 503, Some("soon"), 1), Next::Failed);
    }

    #[test]
    fn no_answer_waits_for_the_host_and_an_outage_never_fails_a_delivery_before_its_age() {
        let day = Duration::from_secs(86_400);
        let progress = |age| Progress { answers: 0, age, max_age: 7 * day };
        for policy in [RetryPolicy::Network, RetryPolicy::Always] {
            assert_eq!(next(policy, Outcome::NoAnswer, progress(6 * day), NOW, 0.0), Next::WhenHostAnswers);
            assert_eq!(next(policy, Outcome::NoAnswer, progress(7 * day), NOW, 0.0), Next::Expired);
        }
    }

    #[test]
    fn the_policy_of_the_guide_tries_once() {
        let progress = Progress { answers: 0, age: Duration::ZERO, max_age: Duration::MAX };
        assert_eq!(next(RetryPolicy::Never, Outcome::NoAnswer, progress, NOW, 0.0), Next::Failed);
        assert_eq!(after(RetryPolicy::Never, 503, Some("5"), 1), Next::Failed);
        assert_eq!(after(RetryPolicy::Never, 500, None, 1), Next::Failed);
    }

    #[test]
    fn what_can_never_be_sent_is_not_tried_again() {
        let progress = Progress { answers: 0, age: Duration::ZERO, max_age: Duration::MAX };
        assert_eq!(next(RetryPolicy::Always, Outcome::Unsendable, progress, NOW, 0.0), Next::Failed);
    }

    #[test]
    fn server_errors_follow_the_schedule_under_always() {
        for (answers, wait) in [(1, 30), (2, 60), (3, 300), (4, 1_800), (5, 7_200), (6, 7_200), (u32::MAX, 7_200)] {
            assert_eq!(after(RetryPolicy::Always, 500, None, answers), seconds(wait));
        }
        assert_eq!(after(RetryPolicy::Always, 404, None, 1), Next::Failed);
        assert_eq!(after(RetryPolicy::Always, 503, Some("90"), 1), seconds(90));
        assert_eq!(after(RetryPolicy::Always, 503, Some("2"), 1), seconds(30));
        assert_eq!(scheduled_wait(1, 0.0), Duration::from_secs(24));
        assert_eq!(scheduled_wait(1, 1.0), Duration::from_secs(36));
    }

    #[test]
    fn a_delivery_that_would_be_too_old_at_its_next_attempt_expires_now() {
        let progress = Progress { answers: 1, age: Duration::from_secs(80), max_age: Duration::from_secs(100) };
        let answered = |retry_after| Outcome::Answered { status: 503, retry_after: Some(retry_after) };
        assert_eq!(next(RetryPolicy::Network, answered("19"), progress, NOW, 0.5), seconds(19));
        assert_eq!(next(RetryPolicy::Network, answered("20"), progress, NOW, 0.5), Next::Expired);
    }

    #[test]
    fn retry_after_is_seconds_or_a_date_and_has_a_bound() {
        assert_eq!(asked_wait(" 120 ", NOW), Some(Duration::from_secs(120)));
        assert_eq!(asked_wait("Sat, 16 Apr 2016 13:38:08 GMT", NOW), Some(Duration::from_secs(60)));
        assert_eq!(asked_wait("Sat, 16 Apr 2016 13:36:08 GMT", NOW), Some(Duration::ZERO));
        assert_eq!(asked_wait("Sun, 16 Apr 2017 13:38:08 GMT", NOW), Some(RETRY_AFTER_MOST));
        assert_eq!(asked_wait("99999999999999999999999", NOW), Some(RETRY_AFTER_MOST));
        for text in ["", "-1", "1.5", "soon"] {
            assert_eq!(asked_wait(text, NOW), None, "{text:?}");
        }
    }

    #[test]
    fn retry_after_zero_is_no_busy_loop() {
        let waits: Vec<_> = (1..=8).map(|answers| after(RetryPolicy::Network, 429, Some("0"), answers)).collect();
        assert_eq!(waits[0], Next::RetryIn(Duration::from_millis(900)));
        assert_eq!(waits[7], seconds(54));
    }

    #[test]
    fn a_silent_host_is_asked_ever_less_often() {
        let waits: Vec<_> = (0..9).map(|silences| host_wait(silences, 0.0).as_secs()).collect();
        assert_eq!(waits, [1, 1, 2, 4, 8, 16, 32, 60, 60]);
        assert_eq!(host_wait(u32::MAX, 1.0), Duration::from_secs(48));
    }
}
