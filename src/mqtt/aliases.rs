//! Topic aliases: numbers that stand for topics on one connection, each side for what it sends. Pure.
//!
//! Source: MQTT 5, section 3.3.2.3.4.

use std::collections::HashMap;

use bytes::Bytes;

use crate::model::spec;
use crate::mqtt::packet::Alias;
use crate::mqtt::packet::Reason;

/// Bytes of a topic that are remembered: more than an event's name has, so what is too long stays too long.
const TOPIC_CHARS: usize = spec::EMITTED_NAME_CHARS;

/// A topic must be worth the three bytes that an alias takes.
const WORTH_BYTES: usize = 4;

/// What the client's aliases stand for.
#[derive(Debug)]
pub(super) struct Theirs {
    max: u16,
    topics: HashMap<u16, String>,
}

/// What ours stand for. The first topics get them, and keep them.
#[derive(Debug)]
pub(super) struct Ours {
    max: u16,
    numbers: HashMap<Bytes, u16>,
}

impl Theirs {
    /// None yet; the client was told that it may use 1 to `max`.
    pub(super) fn new(max: u16) -> Self {
        Self { max, topics: HashMap::new() }
    }

    /// The topic of a publish.
    ///
    /// # Errors
    /// Why the connection ends.
    pub(super) fn resolve(&mut self, topic: String, alias: Option<u16>) -> Result<String, Reason> {
        let Some(alias) = alias else { return Ok(topic) };
        if alias == 0 || alias > self.max {
            return Err(Reason::TopicAliasInvalid);
        }
        if topic.is_empty() {
            return self.topics.get(&alias).cloned().ok_or(Reason::ProtocolError);
        }
        self.topics.insert(alias, topic.chars().take(TOPIC_CHARS).collect());
        Ok(topic)
    }
}

impl Ours {
    /// None yet; the client takes 1 to `max`.
    pub(super) fn new(max: u16) -> Self {
        Self { max, numbers: HashMap::new() }
    }

    /// What stands for a topic, or shall; none if there is no number left, or it is not worth one.
    pub(super) fn of(&self, topic: &[u8]) -> Option<Alias> {
        if let Some(number) = self.numbers.get(topic) {
            return Some(Alias { number: *number, is_known: true });
        }
        let next = u16::try_from(self.numbers.len() + 1).ok().filter(|next| *next <= self.max)?;
        (topic.len() >= WORTH_BYTES).then_some(Alias { number: next, is_known: false })
    }

    /// The client was told of it.
    pub(super) fn told(&mut self, topic: &[u8], alias: Alias) {
        if !alias.is_known {
            // A copy, since the topic is a part of its whole event.
            self.numbers.insert(Bytes::copy_from_slice(topic), alias.number);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_alias_stands_for_the_topic_that_came_with_it_last() {
        let mut incoming = Theirs::new(2);
        assert_eq!(incoming.resolve("plain".into(), None), Ok("plain".into()));
        assert_eq!(incoming.resolve(String::new(), Some(1)), Err(Reason::ProtocolError));
        assert_eq!(incoming.resolve("a".into(), Some(1)), Ok("a".into()));
        assert_eq!(incoming.resolve("b".into(), Some(2)), Ok("b".into()));
        assert_eq!(incoming.resolve(String::new(), Some(1)), Ok("a".into()));
        assert_eq!(incoming.resolve("c".into(), Some(1)), Ok("c".into()));
        assert_eq!(incoming.resolve(String::new(), Some(1)), Ok("c".into()));
        assert_eq!(incoming.resolve(String::new(), Some(2)), Ok("b".into()));
        for beyond in [0, 3, u16::MAX] {
            assert_eq!(incoming.resolve("d".into(), Some(beyond)), Err(Reason::TopicAliasInvalid));
        }
    }

    #[test]
    fn of_a_topic_that_is_far_too_long_only_that_is_remembered() {
        let mut incoming = Theirs::new(1);
        let long = "é".repeat(20_000);
        assert_eq!(incoming.resolve(long.clone(), Some(1)), Ok(long));
        assert_eq!(incoming.resolve(String::new(), Some(1)), Ok("é".repeat(256)));
    }

    #[test]
    fn the_first_topics_get_the_numbers_once_the_client_knows_them() {
        let mut outgoing = Ours::new(1);
        let (first, second) = (Bytes::from_static(b"first"), Bytes::from_static(b"second"));
        let new = Alias { number: 1, is_known: false };
        assert_eq!(outgoing.of(&first), Some(new));
        assert_eq!(outgoing.of(&second), Some(new));
        outgoing.told(&first, new);
        assert_eq!(outgoing.of(&first), Some(Alias { number: 1, is_known: true }));
        assert_eq!(outgoing.of(&second), None);
        assert_eq!(Ours::new(9).of(b"abc"), None);
        assert_eq!(Ours::new(0).of(&first), None);
    }
}
