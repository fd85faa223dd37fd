//! One rule: which topics it reads, and what it makes of what is published there. Pure and without memory.

use bytes::Bytes;
use serde::Deserialize;
use serde_json::Map;
use serde_json::Value;

use crate::sources::payload::Payload;
use crate::sources::topic::Captures;
use crate::sources::topic::TopicPattern;
use crate::sources::topic::TopicPatternError;
use crate::sources::wording::Gaps;
use crate::sources::wording::Wording;
use crate::sources::wording::WordingError;
use crate::sources::wording::scalar;

/// Events that one publish may make; what is beyond is left out and counted. Ours.
pub(super) const MOST_EVENTS: usize = 64;

/// Seconds of the longest interval between two events. Ours.
const MOST_INTERVAL_S: u32 = 24 * 60 * 60;

/// A rule as it is written.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WrittenRule {
    topic: String,
    #[serde(default)]
    exclude: Vec<String>,
    #[serde(default = "device")]
    device: String,
    event: String,
    #[serde(default)]
    when: Vec<String>,
    #[serde(default)]
    data: String,
    #[serde(default)]
    explode: bool,
    #[serde(default)]
    omit: Vec<String>,
    #[serde(default)]
    ignore: Vec<String>,
    #[serde(default)]
    on_change: bool,
    #[serde(default)]
    min_interval_s: u32,
}

/// See the module.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Rule {
    topic: TopicPattern,
    exclude: Vec<TopicPattern>,
    device: Wording,
    event: Wording,
    when: Vec<Condition>,
    /// A JSON pointer; empty for the whole payload.
    data: String,
    explode: bool,
    omit: Vec<String>,
    ignore: Vec<String>,
    /// When what it makes is told.
    pub(super) telling: Telling,
}

/// When an event is told, and not only made.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Telling {
    /// Only when the value is another one than the one told last.
    pub on_change: bool,
    /// Not sooner after the one told last.
    pub min_interval_ms: u64,
}

/// What has to be so in the payload.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Condition {
    pointer: String,
    /// What stands there; none for anything but nothing.
    value: Option<String>,
}

/// What a rule makes of a publish.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Made {
    /// What its device is called there.
    pub device: String,
    /// What it says of it.
    pub readings: Vec<Reading>,
    /// Members for which there was no room.
    pub left_out: usize,
}

/// What would be one event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Reading {
    /// The event's name, as the source would have it.
    pub event: String,
    /// Its data.
    pub data: Bytes,
    /// What is compared to know whether it changed.
    pub compared: Bytes,
}

/// Why a rule cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RuleError {
    /// Its topic.
    #[error("topic {topic:?}: {cause}")]
    Topic {
        /// As it is written.
        topic: String,
        /// What is wrong with it.
        #[source]
        cause: TopicPatternError,
    },
    /// The name of its device or event.
    #[error("{key} {text:?}: {cause}")]
    Wording {
        /// `device` or `event`.
        key: &'static str,
        /// As it is written.
        text: String,
        /// What is wrong with it.
        #[source]
        cause: WordingError,
    },
    /// A name needs a part that the topic does not have.
    #[error("the topic has no part {{{name}}}")]
    NoPart {
        /// Which.
        name: String,
    },
    /// `{key}` or `{item/…}` where no members are made events.
    #[error("{{key}} and {{item/…}} are known in the event of a rule with explode = true only")]
    NoItem,
    /// A pointer is none.
    #[error("{text:?} is no JSON pointer: it begins with /")]
    Pointer {
        /// As it is written.
        text: String,
    },
    /// The interval is too long.
    #[error("min_interval_s is {MOST_INTERVAL_S} at most")]
    Interval,
}

impl TryFrom<WrittenRule> for Rule {
    type Error = RuleError;

    fn try_from(written: WrittenRule) -> Result<Self, RuleError> {
        let WrittenRule { topic, exclude, device, event, when, data, explode, .. } = written;
        let pattern = |topic: String| {
            TopicPattern::parse(&topic).map_err(|cause| RuleError::Topic { topic: topic.clone(), cause })
        };
        let wording = |key, text: String| {
            Wording::parse(&text).map_err(|cause| RuleError::Wording { key, text: text.clone(), cause })
        };
        let rule = Self {
            topic: pattern(topic)?,
            exclude: exclude.into_iter().map(pattern).collect::<Result<_, _>>()?,
            device: wording("device", device)?,
            event: wording("event", event)?,
            when: when.into_iter().map(condition).collect::<Result<_, _>>()?,
            data: if data.is_empty() { data } else { pointer(data)? },
            explode,
            omit: written.omit,
            ignore: written.ignore,
            telling: Telling {
                on_change: written.on_change,
                min_interval_ms: u64::from(written.min_interval_s) * 1_000,
            },
        };
        let has = |name: &str| rule.topic.names().any(|known| known == name);
        if let Some(name) = rule.device.parts().chain(rule.event.parts()).find(|name| !has(name)) {
            return Err(RuleError::NoPart { name: name.to_owned() });
        }
        if rule.device.needs_item() || (rule.event.needs_item() && !explode) {
            return Err(RuleError::NoItem);
        }
        if written.min_interval_s > MOST_INTERVAL_S {
            return Err(RuleError::Interval);
        }
        Ok(rule)
    }
}

impl Rule {
    /// What it makes of a publish. None if it is no rule for it: then the next one is asked.
    pub(super) fn read(&self, topic: &str, payload: &Payload) -> Option<Made> {
        let captures = self.topic.matches(topic)?;
        if self.exclude.iter().any(|exclude| exclude.matches(topic).is_some()) {
            return None;
        }
        if !self.when.iter().all(|condition| payload.json().is_some_and(|json| condition.holds(json))) {
            return None;
        }
        // A payload that nobody has to look into is not parsed.
        let payload_json = if self.device.needs_json() || self.event.needs_json() { payload.json() } else { None };
        let gaps = Gaps { topic: &captures, payload: payload_json, item: None };
        let device = self.device.fill(gaps)?;
        if self.explode {
            return self.explode(device, &captures, payload);
        }
        let event = self.event.fill(gaps)?;
        let is_as_it_came = self.data.is_empty() && self.omit.is_empty() && self.ignore.is_empty();
        let reading = match payload.json().filter(|_| !is_as_it_came) {
            Some(json) => self.reading(event, json.pointer(&self.data)?),
            // A text has no members, and nothing but the whole of it can be told.
            None if self.data.is_empty() => {
                Reading { event, data: payload.bytes().clone(), compared: payload.bytes().clone() }
            }
            None => return None,
        };
        Some(Made { device, readings: vec![reading], left_out: 0 })
    }

    /// One event for each member of an object or a list.
    fn explode(&self, device: String, captures: &Captures<'_>, payload: &Payload) -> Option<Made> {
        let json = payload.json()?;
        let members: Vec<(String, &Value)> = match json.pointer(&self.data)? {
            Value::Object(members) => members.iter().map(|(key, item)| (key.clone(), item)).collect(),
            Value::Array(items) => items.iter().enumerate().map(|(at, item)| (at.to_string(), item)).collect(),
            _ => return None,
        };
        let mut made = Made { device, ..Made::default() };
        for (key, item) in &members {
            if self.omit.contains(key) || item.is_null() {
                continue;
            }
            let gaps = Gaps { topic: captures, payload: Some(json), item: Some((key, item)) };
            let Some(event) = self.event.fill(gaps) else { continue };
            if made.readings.len() >= MOST_EVENTS {
                made.left_out += 1;
            } else {
                made.readings.push(self.reading(event, item));
            }
        }
        Some(made)
    }

    fn reading(&self, event: String, value: &Value) -> Reading {
        let told = without(value, if self.explode { &[] } else { &self.omit });
        let compared = written(&without(&told, &self.ignore));
        Reading { event, data: written(&told), compared }
    }
}

impl Condition {
    fn holds(&self, json: &Value) -> bool {
        let found = json.pointer(&self.pointer).filter(|found| !found.is_null() && *found != "");
        match &self.value {
            Some(value) => found.and_then(scalar).as_ref() == Some(value),
            None => found.is_some(),
        }
    }
}

fn device() -> String {
    "{device}".to_owned()
}

fn pointer(text: String) -> Result<String, RuleError> {
    if text.starts_with('/') { Ok(text) } else { Err(RuleError::Pointer { text }) }
}

/// `/pointer` or `/pointer=value`.
fn condition(text: String) -> Result<Condition, RuleError> {
    match text.split_once('=') {
        Some((at, value)) => Ok(Condition { pointer: pointer(at.to_owned())?, value: Some(value.to_owned()) }),
        None => Ok(Condition { pointer: pointer(text)?, value: None }),
    }
}

/// The value without some members, if it is an object.
fn without(value: &Value, members: &[String]) -> Value {
    match value {
        Value::Object(object) if !members.is_empty() => {
            let kept = object.iter().filter(|(key, _)| !members.contains(key));
            Value::Object(kept.map(|(key, value)| (key.clone(), value.clone())).collect::<Map<_, _>>())
        }
        other => other.clone(),
    }
}

/// A value as the data of an event: a text as it is, everything else as JSON.
fn written(value: &Value) -> Bytes {
    match value {
        Value::String(text) => Bytes::from(text.clone()),
        other => Bytes::from(other.to_string()),
    }
}

#[cfg(test)]
mod tests;
