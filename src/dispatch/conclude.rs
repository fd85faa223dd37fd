//! What follows an attempt: what is told to whom, whether the hook goes on, whether the delivery is over. Pure.

use std::time::Duration;

use crate::delivery::Outcome;
use crate::dispatch::attempt::How;
use crate::hooks::response;
use crate::hooks::response::Answer;
use crate::hooks::response::ResponseLimits;
use crate::hooks::response::ResultPart;
use crate::hooks::retry;
use crate::hooks::retry::Next;
use crate::hooks::retry::Progress;
use crate::model::Event;
use crate::model::WallTime;
use crate::registry::Hook;

/// What follows an attempt.
#[derive(Debug)]
pub(super) struct Conclusion {
    /// What becomes of the delivery.
    pub(super) next: Next,
    /// Told at once.
    pub(super) tell: Vec<ResultPart>,
    /// The parts of a response: told one by one.
    pub(super) parts: Vec<ResultPart>,
    /// The status, if an answer came.
    pub(super) status: Option<u16>,
    /// Where the request went, if one may have.
    pub(super) host: Option<String>,
    /// For the board: how it ended, in a few words.
    pub(super) summary: String,
}

/// What to decide with.
pub(super) struct Circumstances {
    /// Answers that this delivery got before.
    pub(super) answers_before: u32,
    /// How long the delivery has waited.
    pub(super) age: Duration,
    pub(super) max_age: Duration,
    pub(super) limits: ResponseLimits,
    /// Requests that a host may get in a minute.
    pub(super) host_per_minute: u32,
    pub(super) now: WallTime,
    /// 0.0–1.0.
    pub(super) jitter: f64,
}

/// Decides what follows. `How::Gone`, `Trouble` and `HostFull` are not the delivery's and are dealt with before.
pub(super) fn conclude(hook: &Hook, event: &Event, how: &How, with: &Circumstances) -> Conclusion {
    let answered = matches!(how, How::Sent { outcome: Outcome::Answered(_), .. });
    let progress =
        Progress { answers: with.answers_before + u32::from(answered), age: with.age, max_age: with.max_age };
    let next = match how {
        How::TooOld => Next::Expired,
        How::Sent { outcome, .. } => {
            retry::next(hook.definition.retry(), weigh(outcome), progress, with.now, with.jitter)
        }
        How::Unsendable { .. } | How::OverLimit | How::Gone | How::Trouble { .. } | How::HostFull { .. } => {
            retry::next(hook.definition.retry(), retry::Outcome::Unsendable, progress, with.now, with.jitter)
        }
    };
    let status = match how {
        How::Sent { outcome: Outcome::Answered(answer), .. } => Some(answer.status),
        _ => None,
    };
    let host = match how {
        How::Sent { host, .. } if !how.is_unsent() => Some(host.clone()),
        _ => None,
    };
    let summary = summary(how, with);
    let (tell, parts) = match next {
        Next::Done => good_news(hook, event, how, with.limits),
        Next::Failed => (vec![bad_news(hook, event, how, &summary, with.limits)], Vec::new()),
        Next::Expired => {
            let age = spelled(with.max_age);
            let text = match status {
                Some(status) => format!("given up after {age}; the last answer was status {status}"),
                None => format!("given up after {age} without an answer"),
            };
            (vec![response::error(&hook.definition, event, &text)], Vec::new())
        }
        Next::RetryIn(_) | Next::WhenHostAnswers => (Vec::new(), Vec::new()),
    };
    Conclusion { next, tell, parts, status, host, summary }
}

const DAY_S: u64 = 24 * 60 * 60;

/// A time in words, in days if that is exact.
fn spelled(time: Duration) -> String {
    match time.as_secs() {
        seconds if seconds % DAY_S == 0 => format!("{} days", seconds / DAY_S),
        seconds => format!("{seconds} s"),
    }
}

fn weigh(outcome: &Outcome) -> retry::Outcome<'_> {
    match outcome {
        Outcome::Answered(answer) => {
            retry::Outcome::Answered { status: answer.status, retry_after: answer.retry_after.as_deref() }
        }
        Outcome::NoAnswer(_) => retry::Outcome::NoAnswer,
        Outcome::Forbidden { .. } => retry::Outcome::Unsendable,
    }
}

fn good_news(hook: &Hook, event: &Event, how: &How, limits: ResponseLimits) -> (Vec<ResultPart>, Vec<ResultPart>) {
    let How::Sent { outcome: Outcome::Answered(answer), host, .. } = how else { return (Vec::new(), Vec::new()) };
    let answer = shown(answer, host);
    (vec![response::sent(event)], response::results(&hook.definition, event, &answer, limits).collect())
}

fn bad_news(hook: &Hook, event: &Event, how: &How, summary: &str, limits: ResponseLimits) -> ResultPart {
    let of_answer = match how {
        How::Sent { outcome: Outcome::Answered(answer), host, .. } => {
            response::results(&hook.definition, event, &shown(answer, host), limits).next()
        }
        _ => None,
    };
    of_answer.unwrap_or_else(|| response::error(&hook.definition, event, summary))
}

fn shown<'a>(answer: &'a crate::delivery::Answer, host: &'a str) -> Answer<'a> {
    Answer { status: answer.status, content_type: answer.content_type.as_deref(), body: &answer.body, host }
}

fn summary(how: &How, with: &Circumstances) -> String {
    match how {
        How::Sent { outcome: Outcome::Answered(answer), .. } => format!("status {}", answer.status),
        How::Sent { outcome: Outcome::NoAnswer(why), .. } => why.to_string(),
        How::Sent { outcome: Outcome::Forbidden { reason }, .. }
        | How::Unsendable { reason }
        | How::Trouble { reason } => reason.clone(),
        How::TooOld => "it waited too long".to_owned(),
        How::OverLimit => response::host_limit(with.host_per_minute),
        How::HostFull { .. } => "its host's limit is reached".to_owned(),
        How::Gone => "it was removed".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::Value;
    use serde_json::json;

    use super::*;
    use crate::delivery;
    use crate::delivery::NoAnswer;
    use crate::delivery::Timing;
    use crate::hooks::HookRequest;
    use crate::hooks::request;
    use crate::model::DefaultBody;
    use crate::model::Secrets;
    use crate::registry::samples;
    use crate::store;

    const DAY: Duration = Duration::from_secs(DAY_S);

    fn hook(more: &Value) -> Arc<Hook> {
        let mut definition = json!({ "event": "temp", "url": "http://example.com/" });
        definition.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        samples::hook(3, &definition)
    }

    fn answered(status: u16, retry_after: Option<&str>, body: &str) -> How {
        let retry_after = retry_after.map(str::to_owned);
        let answer = delivery::Answer { status, retry_after, body: body.to_owned().into(), ..Default::default() };
        How::Sent {
            outcome: Outcome::Answered(answer),
            host: "example.com".to_owned(),
            timing: Timing::default(),
            request: sent(),
        }
    }

    fn sent() -> Box<HookRequest> {
        let event = store::tests::delivery("72").event;
        Box::new(request::build(&hook(&json!({})).definition, &event, &Secrets::new(), DefaultBody::Json).unwrap())
    }

    fn silent() -> How {
        let outcome = Outcome::NoAnswer(NoAnswer::Timeout { seconds: 20 });
        How::Sent { outcome, host: "example.com".to_owned(), timing: Timing::default(), request: sent() }
    }

    /// What follows for an event of `temp` that has waited for `age`.
    fn after(hook: &Hook, age: Duration, how: &How) -> Conclusion {
        let event = store::tests::delivery("72").event;
        let with = Circumstances {
            answers_before: 0,
            age,
            max_age: 7 * DAY,
            limits: ResponseLimits::default(),
            host_per_minute: 120,
            now: event.published_at,
            jitter: 0.5,
        };
        conclude(hook, &event, how, &with)
    }

    fn shown(parts: &[ResultPart]) -> Vec<(&str, &str)> {
        parts.iter().map(|part| (part.name.as_str(), part.data.as_str())).collect()
    }

    #[test]
    fn a_good_answer_is_told_at_once_and_its_body_in_parts() {
        let body = "x".repeat(513);
        let good = after(&hook(&json!({})), Duration::ZERO, &answered(200, None, &body));
        assert_eq!((good.next, good.status, good.summary.as_str()), (Next::Done, Some(200), "status 200"));
        assert_eq!(shown(&good.tell), [("hook-sent/temp", "undefined")]);
        assert_eq!(shown(&good.parts), [("hook-response/temp/0", &body[..512]), ("hook-response/temp/1", "x")]);
    }

    #[test]
    fn an_answer_without_a_body_has_no_parts() {
        let good = after(&hook(&json!({})), Duration::ZERO, &answered(204, None, ""));
        assert_eq!((good.next, good.tell.len(), good.parts.len()), (Next::Done, 1, 0));
    }

    #[test]
    fn an_answer_with_an_error_ends_the_delivery_and_names_status_and_host() {
        let bad = after(&hook(&json!({})), Duration::ZERO, &answered(500, None, "the database is down"));
        assert_eq!((bad.next, bad.status), (Next::Failed, Some(500)));
        assert_eq!(shown(&bad.tell), [("hook-error/temp/0", "error status 500 from example.com")]);
        assert_eq!(shown(&bad.parts), [("", ""); 0]);
    }

    #[test]
    fn what_will_be_tried_again_is_told_to_nobody() {
        let hook = hook(&json!({}));
        let asked_to_wait = after(&hook, Duration::ZERO, &answered(503, Some("7"), ""));
        assert_eq!(asked_to_wait.next, Next::RetryIn(Duration::from_secs(7)));
        let outage = after(&hook, Duration::ZERO, &silent());
        assert_eq!((outage.next, outage.status), (Next::WhenHostAnswers, None));
        assert_eq!(outage.summary, "no answer within 20 s");
        for conclusion in [asked_to_wait, outage] {
            assert!(conclusion.tell.is_empty() && conclusion.parts.is_empty());
        }
    }

    #[test]
    fn answers_of_before_count_towards_the_schedule_and_silences_do_not() {
        let hook = hook(&json!({ "retry": "always" }));
        let event = store::tests::delivery("72").event;
        let mut with = Circumstances {
            answers_before: 2,
            age: Duration::ZERO,
            max_age: 7 * DAY,
            limits: ResponseLimits::default(),
            host_per_minute: 120,
            now: event.published_at,
            jitter: 0.5,
        };
        let third = conclude(&hook, &event, &answered(500, None, ""), &with);
        assert_eq!(third.next, Next::RetryIn(Duration::from_secs(300)));
        with.answers_before = 0;
        let first = conclude(&hook, &event, &answered(500, None, ""), &with);
        assert_eq!(first.next, Next::RetryIn(Duration::from_secs(30)));
    }

    #[test]
    fn a_delivery_that_got_too_old_says_how_long_it_was_tried() {
        let hook = hook(&json!({}));
        for (age, how) in [(7 * DAY, silent()), (8 * DAY, How::TooOld)] {
            let expired = after(&hook, age, &how);
            assert_eq!(expired.next, Next::Expired);
            assert_eq!(shown(&expired.tell), [("hook-error/temp/0", "given up after 7 days without an answer")]);
        }
    }

    #[test]
    fn a_delivery_that_got_too_old_over_answers_names_the_last_one() {
        let expired = after(&hook(&json!({})), 7 * DAY, &answered(503, Some("60"), ""));
        assert_eq!((expired.next, expired.status), (Next::Expired, Some(503)));
        let text = "given up after 7 days; the last answer was status 503";
        assert_eq!(shown(&expired.tell), [("hook-error/temp/0", text)]);
    }

    #[test]
    fn what_can_never_be_sent_fails_with_its_reason() {
        let reason = || "127.0.0.1 is an address that hooks may not reach".to_owned();
        let outcome = Outcome::Forbidden { reason: reason() };
        let forbidden = How::Sent { outcome, host: "127.0.0.1".to_owned(), timing: Timing::default(), request: sent() };
        for how in [forbidden, How::Unsendable { reason: reason() }] {
            let failed = after(&hook(&json!({ "retry": "always" })), Duration::ZERO, &how);
            assert_eq!((failed.next, failed.status), (Next::Failed, None));
            assert_eq!(shown(&failed.tell), [("hook-error/temp/0", reason().as_str())]);
        }
    }

    #[test]
    fn a_hook_that_never_tries_again_tells_of_the_silence() {
        let failed = after(&hook(&json!({ "retry": "none" })), Duration::ZERO, &silent());
        assert_eq!(failed.next, Next::Failed);
        assert_eq!(shown(&failed.tell), [("hook-error/temp/0", "no answer within 20 s")]);
    }

    #[test]
    fn what_is_over_its_hosts_limit_fails_and_says_so() {
        let dropped = after(&hook(&json!({ "retry": "always" })), Duration::ZERO, &How::OverLimit);
        assert_eq!(
            (dropped.next, shown(&dropped.tell)),
            (Next::Failed, vec![("hook-error/temp/0", "host limit: 120 requests per minute")])
        );
    }

    #[test]
    fn an_age_is_spelled_as_people_say_it() {
        assert_eq!([spelled(7 * DAY), spelled(Duration::from_secs(90))], ["7 days", "90 s"]);
    }
}
