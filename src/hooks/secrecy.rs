//! What keeps a request's named secrets to itself. Beside the request stands a second one, made of the same event with
//! something else in the place of each secret: it is what gets shown, so no encoding has to be undone. What comes back
//! is searched for the secrets, since targets like to repeat what they were sent.

use std::borrow::Cow;
use std::fmt;

use bytes::Bytes;

use crate::hooks::masking::SENSITIVE;
use crate::hooks::request::HookRequest;
use crate::hooks::spelling::spelled;
use crate::model::split_at_most;

/// Stands for a secret. No encoding changes it, and it tells of none by its name.
pub(super) const STAND_IN: &str = "FARHOOKSTANDIN";

/// Characters of a value that is looked for in what comes back. Ours: shorter ones are everywhere and are no secrets.
const LEAST_CHARS: usize = 4;

/// Bytes of a text that are searched; what is behind is cut off. Ours: nobody is shown so much of an answer.
const SEARCHED_BYTES: usize = 128 * 1024;

/// The secrets of one request.
#[derive(Clone, PartialEq, Eq)]
pub struct Secrecy {
    pub(super) stand_in: HookRequest,
    /// The longest first: one may be a part of another.
    values: Vec<String>,
}

impl Secrecy {
    /// Of a request that `values` went into. `stand_in` is the same with [`STAND_IN`] for each, if that can be made.
    pub(super) fn new<'a>(
        request: &'a HookRequest,
        stand_in: Option<HookRequest>,
        values: impl Iterator<Item = &'a str>,
    ) -> Self {
        let stand_in = stand_in.unwrap_or_else(|| nothing_of(request));
        let credentials =
            request.header("authorization").filter(|given| stand_in.header("authorization") != Some(given));
        let credentials =
            credentials.and_then(|given| given.strip_prefix("Basic ")).map(|given| given.trim_matches('='));
        let values = values.map(str::trim).chain(credentials).filter(|value| value.chars().count() >= LEAST_CHARS);
        let mut values: Vec<_> = values.map(str::to_owned).collect();
        values.sort_by(|a, b| b.len().cmp(&a.len()).then_with(|| a.cmp(b)));
        values.dedup();
        Self { stand_in, values }
    }

    /// `text` without the secrets, however they are spelled in it.
    pub(super) fn hide<'a>(&self, text: &'a str) -> Cow<'a, str> {
        let text = split_at_most(text, SEARCHED_BYTES).0;
        let mut hidden = String::new();
        let mut kept_from = 0;
        let mut at = 0;
        while at < text.len() {
            let rest = &text[at..];
            let found = self.values.iter().find_map(|value| spelled(rest, value));
            let found = found.or_else(|| rest.starts_with(STAND_IN).then_some(STAND_IN.len()));
            match found {
                Some(bytes) => {
                    hidden.push_str(&text[kept_from..at]);
                    hidden.push_str(SENSITIVE);
                    at += bytes;
                    kept_from = at;
                }
                None => at += rest.chars().next().map_or(1, char::len_utf8),
            }
        }
        if kept_from == 0 { Cow::Borrowed(text) } else { Cow::Owned(hidden + &text[kept_from..]) }
    }

    /// Bytes that it keeps in memory, about.
    pub(super) fn bytes(&self) -> usize {
        self.stand_in.body.len() + self.values.iter().map(String::len).sum::<usize>()
    }
}

impl fmt::Debug for Secrecy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secrecy(…)")
    }
}

/// As good as nothing of a request: where it goes, without the path, and which event it is of.
fn nothing_of(request: &HookRequest) -> HookRequest {
    let mut url = request.url.clone();
    url.set_path(STAND_IN);
    url.set_query(None);
    let headers = request.headers.iter().filter(|(name, _)| name == "webhook-id").cloned().collect();
    let body = if request.body.is_empty() { Bytes::new() } else { Bytes::from_static(STAND_IN.as_bytes()) };
    HookRequest { url, headers, body, secrecy: None, ..request.clone() }
}
