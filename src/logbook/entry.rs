//! One attempt as it was: made presentable only when somebody looks, when it is written, or when it is long.

use std::borrow::Cow;
use std::sync::Arc;

use bytes::Bytes;

use crate::hooks::HookRequest;
use crate::hooks::masking;
use crate::model::Event;
use crate::model::WallTime;
use crate::model::split_at_most;
use crate::store::Fate;
use crate::store::LoggedAnswer;
use crate::store::LoggedRequest;
use crate::store::LoggedTiming;
use crate::store::StoredAttempt;

/// Bytes of a body that the log keeps.
const BODY_BYTES: usize = 4_096;

/// Bytes of an attempt that is kept as it was; longer ones are cut at once.
const PLAIN_BYTES: usize = 16_384;

/// Bytes of an address that the log keeps.
const URL_BYTES: usize = 2_048;

/// Bytes of one header's value that the log keeps, and headers.
const HEADER_BYTES: usize = 256;
const HEADERS: usize = 40;

/// Bytes of a summary that the log keeps.
const SUMMARY_BYTES: usize = 500;

/// One attempt.
#[derive(Debug, Clone)]
pub struct Entry {
    /// Given by the log.
    pub(super) number: u64,
    /// When it ended.
    pub at: WallTime,
    /// The delivery's place in the order of arrival.
    pub seq: u64,
    /// What was to be delivered.
    pub event: Arc<Event>,
    /// What was sent, if a request could be made.
    pub request: Option<HookRequest>,
    /// What came back, if something did.
    pub answer: Option<Answered>,
    /// How long it took.
    pub timing: LoggedTiming,
    /// What became of the delivery.
    pub fate: Fate,
    /// The same in a few words.
    pub summary: String,
    /// When it is tried again, if that is known.
    pub next_try: Option<WallTime>,
}

/// What a target answered.
#[derive(Debug, Clone)]
pub struct Answered {
    /// The HTTP status.
    pub status: u16,
    /// Names and values.
    pub headers: Vec<(String, String)>,
    /// The body, as far as it was read.
    pub body: Bytes,
}

impl Entry {
    /// An attempt on `event` that ended so.
    pub fn new(event: Arc<Event>, seq: u64, at: WallTime, fate: Fate, summary: String) -> Self {
        let timing = LoggedTiming::default();
        Self { number: 0, at, seq, event, request: None, answer: None, timing, fate, summary, next_try: None }
    }

    /// Bytes that it keeps in memory, about.
    pub(super) fn bytes(&self) -> usize {
        let request = self.request.as_ref().map_or(0, HookRequest::kept_bytes);
        let answer = self.answer.as_ref().map_or(0, |answer| answer.body.len());
        size_of::<Self>() + request + answer + self.event.data.len()
    }

    /// As it may be shown: without secrets, and not too long.
    pub(super) fn shown(&self) -> StoredAttempt {
        StoredAttempt {
            number: self.number,
            at: self.at,
            seq: self.seq,
            event: self.event.id,
            name: self.event.name.clone(),
            device: self.event.source.device(),
            request: self.request.as_ref().map(shown_request),
            answer: self.answer.as_ref().map(|answer| shown_answer(answer, self.request.as_ref())),
            timing: self.timing,
            fate: self.fate,
            summary: cut(&self.summary, SUMMARY_BYTES),
            next_try: self.next_try,
        }
    }
}

/// An attempt as it is kept until it is written.
#[derive(Debug)]
pub(super) enum Kept {
    /// As it was: it may be displaced before anybody wants to see it.
    Plain(Box<Entry>),
    /// As it is shown, since it was too long.
    Shown(Box<StoredAttempt>),
}

impl From<Entry> for Kept {
    fn from(entry: Entry) -> Self {
        if entry.bytes() > PLAIN_BYTES { Self::Shown(Box::new(entry.shown())) } else { Self::Plain(Box::new(entry)) }
    }
}

impl Kept {
    pub(super) fn number(&self) -> u64 {
        match self {
            Self::Plain(entry) => entry.number,
            Self::Shown(shown) => shown.number,
        }
    }

    /// Bytes that it keeps in memory, about.
    pub(super) fn bytes(&self) -> usize {
        match self {
            Self::Plain(entry) => entry.bytes(),
            Self::Shown(shown) => {
                let request = shown.request.as_ref().map_or(0, |request| request.body.len() + request.url.len());
                size_of::<StoredAttempt>() + request + shown.answer.as_ref().map_or(0, |answer| answer.body.len())
            }
        }
    }

    pub(super) fn shown(&self) -> StoredAttempt {
        match self {
            Self::Plain(entry) => entry.shown(),
            Self::Shown(shown) => StoredAttempt::clone(shown),
        }
    }
}

fn shown_request(request: &HookRequest) -> LoggedRequest {
    let shown = masking::shown_request(request);
    LoggedRequest {
        method: shown.method.as_str().to_owned(),
        url: cut(&shown.url, URL_BYTES),
        headers: cut_headers(&shown.headers),
        body: cut(&shown.body, BODY_BYTES),
        body_bytes: request.body.len() as u64,
    }
}

/// An answer to `request`, of which it may repeat the secrets.
fn shown_answer(answer: &Answered, request: Option<&HookRequest>) -> LoggedAnswer {
    let hide = |text| request.map_or(Cow::Borrowed(text), |request| request.without_secrets(text));
    let headers: Vec<_> = answer.headers.iter().map(|(name, value)| (name.clone(), hide(value).into_owned())).collect();
    // Masked as a whole, since JSON that is cut cannot be read.
    LoggedAnswer {
        status: answer.status,
        headers: cut_headers(&masking::shown_headers(&headers)),
        body: cut(&masking::shown_body(&hide(&String::from_utf8_lossy(&answer.body))), BODY_BYTES),
        body_bytes: answer.body.len() as u64,
    }
}

fn cut_headers(headers: &[(String, String)]) -> Vec<(String, String)> {
    headers.iter().take(HEADERS).map(|(name, value)| (cut(name, HEADER_BYTES), cut(value, HEADER_BYTES))).collect()
}

fn cut(text: &str, most: usize) -> String {
    split_at_most(text, most).0.to_owned()
}

#[cfg(test)]
pub(super) mod tests {
    use serde_json::json;

    use super::*;
    use crate::hooks::HookDefinition;
    use crate::hooks::request;
    use crate::model::DefaultBody;
    use crate::model::Secret;
    use crate::model::SecretName;
    use crate::model::Secrets;
    use crate::store::tests::delivery;

    pub(in crate::logbook) fn request(data: &str) -> HookRequest {
        let hook = json!({
            "event": "temp", "url": "http://example.com/?token=s3cret-1", "headers": { "X-Api-Key": "s3cret-2" },
            "json": { "value": "{{{PARTICLE_EVENT_VALUE}}}", "password": "s3cret-3" },
        });
        request::build(
            &HookDefinition::parse(&hook).unwrap(),
            &delivery(data).event,
            &Secrets::new(),
            DefaultBody::Json,
        )
        .unwrap()
    }

    pub(in crate::logbook) fn entry() -> Entry {
        let event = delivery("72").event;
        Entry::new(event, 9, WallTime::from_millis(5), Fate::Delivered, "status 200".to_owned())
    }

    #[test]
    fn secrets_are_masked_and_long_parts_cut() {
        let headers = vec![("set-cookie".to_owned(), "s3cret-4".to_owned()), ("etag".to_owned(), "x".repeat(9_000))];
        let body = format!("{{\"access_token\":\"s3cret-5\",\"x\":\"{}\"}}", "y".repeat(9_000)).into();
        let answer = Some(Answered { status: 200, headers, body });
        let entry = Entry { request: Some(request(&"é".repeat(8_000))), answer, ..entry() };

        let shown = entry.shown();

        let text = format!("{shown:?}");
        assert!(!text.contains("s3cret") && text.contains("[[SENSITIVE]]"), "{text}");
        let (request, answer) = (shown.request.unwrap(), shown.answer.unwrap());
        assert!(request.body.len() <= 4_096 && request.body_bytes > 16_000);
        assert_eq!((answer.body.len(), answer.headers[1].1.len()), (4_096, 256));
        assert!(answer.body_bytes > 9_000);
    }

    #[test]
    fn an_answer_that_repeats_a_named_secret_is_kept_without_it() {
        let hook = json!({ "event": "temp", "url": "http://example.com/{{{ID}}}" });
        let at = WallTime::from_millis(0);
        let secret = Secret { value: "s3\"cret".to_owned(), created_at: at, updated_at: at };
        let secrets = [(SecretName::try_from("ID".to_owned()).unwrap(), secret)].into();
        let event = delivery("72").event;
        let request = request::build(&HookDefinition::parse(&hook).unwrap(), &event, &secrets, DefaultBody::Json);
        let headers = vec![("location".to_owned(), "/s3%22cret".to_owned())];
        let answer = Some(Answered { status: 404, headers, body: r#"{"no":"s3\"cret","x":1}"#.into() });
        let entry = Entry { request: Some(request.unwrap()), answer, ..entry() };

        let shown = entry.shown();

        let (request, answer) = (shown.request.unwrap(), shown.answer.unwrap());
        assert_eq!(request.url, "http://example.com/[[SENSITIVE]]");
        assert_eq!(answer.headers, [("location".to_owned(), "/[[SENSITIVE]]".to_owned())]);
        assert_eq!(answer.body, r#"{"no":"[[SENSITIVE]]","x":1}"#);
    }
}
