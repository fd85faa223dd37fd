//! From an answer to the events that tell of it: `hook-sent`, `hook-response` in parts, `hook-error`. Pacing them and
//! handing them to devices is the caller's; so are the texts of failures that are no answers.
//!
//! A response that is no UTF-8 has U+FFFD in place of what cannot be read, or is a `data:` URL if the hook asks for
//! one. Unchunked or not, every part's name ends in its index.

use std::borrow::Cow;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use crate::hooks::FieldError;
use crate::hooks::HookDefinition;
use crate::hooks::definition::ResponseRule;
use crate::hooks::parts::Parts;
use crate::hooks::parts::boundary;
use crate::hooks::problem::Path;
use crate::hooks::rendering::Rendering;
use crate::hooks::template::Template;
use crate::hooks::template::Variables;
use crate::hooks::tree::Tree;
use crate::hooks::variables;
use crate::model::Event;
use crate::model::EventName;
use crate::model::spec;

/// The last error of a hook that had too many. Source: guide, "Errors".
pub const TOO_MANY_ERRORS: &str = "Too many errors, webhook disabled";

/// The data of a `hook-sent` event. Source: guide, "Confirming That The Webhook Successed".
const SENT: &str = "undefined";

/// Characters of a topic that are kept free for `/` and a part's index.
const INDEX_CHARS: usize = 12;

/// One event that tells of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResultPart {
    /// Its name, with the index if it has one.
    pub name: EventName,
    /// Its data.
    pub data: String,
}

/// What a target answered.
#[derive(Debug, Clone, Copy)]
pub struct Answer<'a> {
    /// The HTTP status.
    pub status: u16,
    /// The `Content-Type` header.
    pub content_type: Option<&'a str>,
    /// The body. Beyond [`ResponseLimits::response_bytes`] only a `responseTemplate` reads it, and it cannot read JSON
    /// that was cut: see [`HookDefinition::reads_whole_answer`].
    pub body: &'a [u8],
    /// The host that answered; error texts name it.
    pub host: &'a str,
}

/// How much of a response is passed on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ResponseLimits {
    /// Bytes of one part; 0 is one part for everything.
    pub part_bytes: usize,
    /// Bytes of all parts together.
    pub response_bytes: usize,
}

impl Default for ResponseLimits {
    fn default() -> Self {
        Self { part_bytes: spec::RESPONSE_PART_BYTES, response_bytes: spec::RESPONSE_BYTES }
    }
}

/// The text for a request that was dropped, since its host had as many as it may.
pub fn host_limit(allowed: u32) -> String {
    format!("host limit: {allowed} requests per minute")
}

/// The event that says that a request was sent.
pub fn sent(event: &Event) -> ResultPart {
    ResultPart { name: EventName::emitted(&format!("hook-sent/{}", event.name)), data: SENT.to_owned() }
}

/// The events that an answer becomes: the parts of a response, nothing for an empty one, or one error.
pub fn results(hook: &HookDefinition, event: &Event, answer: &Answer<'_>, limits: ResponseLimits) -> Parts {
    if answer.status >= spec::ERROR_STATUS {
        return Parts::one(error(hook, event, &error_status(answer.status, answer.host)));
    }
    let rule = &hook.response;
    match text(rule, answer, limits.response_bytes) {
        Ok(mut text) => {
            text.truncate(boundary(&text, limits.response_bytes));
            let part_bytes = if rule.is_unchunked { 0 } else { limits.part_bytes };
            Parts::new(topic(rule.topic.as_ref(), "hook-response", hook, event), text, part_bytes)
        }
        Err(failed) => Parts::one(error(hook, event, &failed.to_string())),
    }
}

/// The event that tells of an error, whatever it was.
pub fn error(hook: &HookDefinition, event: &Event, text: &str) -> ResultPart {
    let topic = topic(hook.response.error_topic.as_ref(), "hook-error", hook, event);
    let data = text[..boundary(text, spec::RESPONSE_PART_BYTES)].to_owned();
    ResultPart { name: EventName::emitted(&format!("{topic}/0")), data }
}

/// The text for an answer with an error. Source: reference, "Errors".
pub fn error_status(status: u16, host: &str) -> String {
    format!("error status {status} from {host}")
}

/// The text for a trigger that was dropped at the device's limit.
pub fn device_limit(per_minute: u32) -> String {
    format!("device limit: {per_minute} hooks per minute")
}

/// The name for results, without index: the hook's own topic, or `default` and the triggering event's name if it has
/// none or if its own cannot be rendered. A response is not lost over its name.
fn topic(own: Option<&Template>, default: &str, hook: &HookDefinition, event: &Event) -> String {
    let render = |template: &Template| {
        // What becomes an event is read by devices: no secret gets into it.
        let variables = variables::of(event, hook.response.wanted, []);
        Rendering::new(&variables).text(template, &Path::Root("responseTopic")).ok().filter(|text| !text.is_empty())
    };
    let topic = own.and_then(render).unwrap_or_else(|| format!("{default}/{}", event.name));
    // Topics under `$` are not for publishing.
    let topic = if topic.starts_with('$') { topic.replacen('$', "_", 1) } else { topic };
    topic.chars().take(spec::EMITTED_NAME_CHARS - INDEX_CHARS).collect()
}

/// What the parts are cut from: the answer in the hook's own words, or as it came.
fn text(rule: &ResponseRule, answer: &Answer<'_>, most_bytes: usize) -> Result<String, FieldError> {
    if answer.body.is_empty() {
        return Ok(String::new());
    }
    if let Some(template) = &rule.template {
        // What is no JSON has no variables to offer and is passed on as it came.
        if let Ok(json @ (Value::Object(_) | Value::Array(_))) = serde_json::from_slice(answer.body) {
            return in_own_words(template, json);
        }
    }
    if rule.as_data_url {
        return Ok(data_url(answer, most_bytes));
    }
    Ok(readable(answer.body, most_bytes).into_owned())
}

fn in_own_words(template: &Tree, json: Value) -> Result<String, FieldError> {
    let variables = Variables::new(&variables::from_json(json));
    match template.render(&mut Rendering::new(&variables), &Path::Root("responseTemplate"))? {
        Value::String(text) => Ok(text),
        other => Ok(other.to_string()),
    }
}

/// The body as a `data:` URL of at most `most_bytes`: a longer body is cut before it is encoded, so that what arrives
/// can be decoded.
fn data_url(answer: &Answer<'_>, most_bytes: usize) -> String {
    let essence = answer.content_type.and_then(|given| given.split(';').next()).map(str::trim);
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "/+-._".contains(c);
    let essence = essence.filter(|given| given.contains('/') && given.chars().all(is_plain));
    let mut url = format!("data:{};base64,", essence.unwrap_or("application/octet-stream"));
    let most_body = most_bytes.saturating_sub(url.len()) / 4 * 3;
    STANDARD.encode_string(&answer.body[..answer.body.len().min(most_body)], &mut url);
    url
}

/// The body as text. A character that is cut in two by the limit is left out; everything else that is no UTF-8 is
/// replaced.
fn readable(body: &[u8], most_bytes: usize) -> Cow<'_, str> {
    let body = &body[..body.len().min(most_bytes)];
    match std::str::from_utf8(body) {
        Err(error) if error.error_len().is_none() && body.len() == most_bytes => {
            String::from_utf8_lossy(&body[..error.valid_up_to()])
        }
        _ => String::from_utf8_lossy(body),
    }
}

#[cfg(test)]
mod tests;
