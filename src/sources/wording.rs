//! Texts with gaps: how a rule makes the name of a device or of an event.
//!
//! `{name}` is a part of the topic, `{/a/b}` a value of the payload, and where a rule makes an event of each member,
//! `{key}` is the member's name or place, and `{item/a}` a value in it.

use serde_json::Value;

use crate::sources::topic::Captures;
use crate::sources::topic::is_name;

/// A text with gaps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Wording(Vec<Piece>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    Text(String),
    Topic(String),
    Payload(String),
    Key,
    Item(String),
}

/// Where the gaps are filled from.
#[derive(Debug, Clone, Copy)]
pub(super) struct Gaps<'a> {
    pub(super) topic: &'a Captures<'a>,
    pub(super) payload: Option<&'a Value>,
    /// The member that an event is made of, and what it is called.
    pub(super) item: Option<(&'a str, &'a Value)>,
}

/// Why a text is no wording.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WordingError {
    /// It is empty.
    #[error("a name has at least one character")]
    Empty,
    /// A brace without its other half.
    #[error("a brace without its other half")]
    Brace,
    /// In the braces stands nothing that could be there.
    #[error("{{{gap}}} is neither a part of the topic nor {{/…}}, {{key}} or {{item/…}}")]
    Gap {
        /// What stands there.
        gap: String,
    },
}

impl Wording {
    /// Reads a text.
    ///
    /// # Errors
    /// [`WordingError`]
    pub(super) fn parse(text: &str) -> Result<Self, WordingError> {
        if text.is_empty() {
            return Err(WordingError::Empty);
        }
        let mut pieces = Vec::new();
        let mut rest = text;
        while let Some((before, gap)) = rest.split_once('{') {
            let (gap, after) = gap.split_once('}').ok_or(WordingError::Brace)?;
            push_text(&mut pieces, before)?;
            pieces.push(piece(gap)?);
            rest = after;
        }
        push_text(&mut pieces, rest)?;
        Ok(Self(pieces))
    }

    /// The parts of the topic that it needs.
    pub(super) fn parts(&self) -> impl Iterator<Item = &str> {
        self.0.iter().filter_map(|piece| match piece {
            Piece::Topic(name) => Some(name.as_str()),
            _ => None,
        })
    }

    /// Whether it needs a member.
    pub(super) fn needs_item(&self) -> bool {
        self.0.iter().any(|piece| matches!(piece, Piece::Key | Piece::Item(_)))
    }

    /// Whether it needs a payload that is JSON.
    pub(super) fn needs_json(&self) -> bool {
        self.0.iter().any(|piece| matches!(piece, Piece::Payload(_)))
    }

    /// The text. None if a gap cannot be filled: there is no such value, or it is a list, an object or null.
    pub(super) fn fill(&self, gaps: Gaps<'_>) -> Option<String> {
        let mut filled = String::new();
        for piece in &self.0 {
            match piece {
                Piece::Text(text) => filled.push_str(text),
                Piece::Topic(name) => filled.push_str(gaps.topic.get(name)?),
                Piece::Payload(pointer) => filled.push_str(&scalar(gaps.payload?.pointer(pointer)?)?),
                Piece::Key => filled.push_str(gaps.item?.0),
                Piece::Item(pointer) => filled.push_str(&scalar(gaps.item?.1.pointer(pointer)?)?),
            }
        }
        Some(filled)
    }
}

/// A value as it stands in a text; none if it is a list, an object or null.
pub(super) fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(_) | Value::Bool(_) => Some(value.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

fn push_text(pieces: &mut Vec<Piece>, text: &str) -> Result<(), WordingError> {
    if text.contains('}') {
        return Err(WordingError::Brace);
    }
    if !text.is_empty() {
        pieces.push(Piece::Text(text.to_owned()));
    }
    Ok(())
}

fn piece(gap: &str) -> Result<Piece, WordingError> {
    match gap {
        "key" => Ok(Piece::Key),
        pointer if pointer.starts_with('/') => Ok(Piece::Payload(pointer.to_owned())),
        name if is_name(name) => Ok(Piece::Topic(name.to_owned())),
        other => match other.strip_prefix("item") {
            Some(pointer) if pointer.starts_with('/') => Ok(Piece::Item(pointer.to_owned())),
            _ => Err(WordingError::Gap { gap: gap.to_owned() }),
        },
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::sources::topic::TopicPattern;

    #[test]
    fn gaps_are_filled_from_the_topic_the_payload_and_the_member() {
        let pattern = TopicPattern::parse("a/{n}").unwrap();
        let topic = pattern.matches("a/7").unwrap();
        let (payload, item) = (json!({ "src": "plug", "n": 5, "list": [1] }), json!({ "event": "push" }));
        let gaps = Gaps { topic: &topic, payload: Some(&payload), item: Some(("input:0", &item)) };
        let fill = |text: &str| Wording::parse(text).unwrap().fill(gaps);
        assert_eq!(fill("x/{n}/{/src}-{/n}{key}").as_deref(), Some("x/7/plug-5input:0"));
        assert_eq!(fill("{item/event}").as_deref(), Some("push"));
        for text in ["{/none}", "{/list}", "{other}", "{item/none}"] {
            assert_eq!(fill(text), None, "{text}");
        }
        let bare = Gaps { payload: None, item: None, ..gaps };
        for text in ["{/src}", "{key}", "{item/event}"] {
            assert_eq!(Wording::parse(text).unwrap().fill(bare), None, "{text}");
        }
    }

    #[test]
    fn what_is_no_wording_says_why() {
        let wrong = |text: &str| Wording::parse(text).unwrap_err();
        assert_eq!(wrong(""), WordingError::Empty);
        for text in ["a{b", "a}b", "{a}}"] {
            assert_eq!(wrong(text), WordingError::Brace, "{text}");
        }
        for gap in ["", "A", "item", "items/a"] {
            assert_eq!(wrong(&format!("{{{gap}}}")), WordingError::Gap { gap: gap.to_owned() });
        }
    }
}
