//! A response cut into parts: at most so many bytes each, never inside a character, numbered from 0.

use crate::hooks::response::ResultPart;
use crate::model::EventName;

/// The parts of one response, made one at a time.
#[derive(Debug, Clone)]
pub struct Parts {
    topic: String,
    text: String,
    /// 0: everything is one part.
    part_bytes: usize,
    from: usize,
    index: usize,
    /// An event that is no part of a response; it comes first.
    whole: Option<ResultPart>,
}

impl Parts {
    /// The parts of `text`, named `topic` and their index; none if it is empty.
    pub(super) fn new(topic: String, text: String, part_bytes: usize) -> Self {
        Self { topic, text, part_bytes, from: 0, index: 0, whole: None }
    }

    /// One event as it is.
    pub(super) fn one(event: ResultPart) -> Self {
        Self { whole: Some(event), ..Self::new(String::new(), String::new(), 0) }
    }
}

impl Iterator for Parts {
    type Item = ResultPart;

    fn next(&mut self) -> Option<ResultPart> {
        if let Some(event) = self.whole.take() {
            return Some(event);
        }
        let rest = &self.text[self.from..];
        let first = rest.chars().next()?.len_utf8();
        // A character that is longer than a part is a part of its own.
        let end = if self.part_bytes == 0 { rest.len() } else { boundary(rest, self.part_bytes).max(first) };
        let part = ResultPart {
            name: EventName::emitted(&format!("{}/{}", self.topic, self.index)),
            data: rest[..end].to_owned(),
        };
        self.from += end;
        self.index += 1;
        Some(part)
    }
}

/// The largest place up to `most` bytes where `text` can be cut.
pub(super) fn boundary(text: &str, most: usize) -> usize {
    let mut at = most.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn cut(text: &str, part_bytes: usize) -> Vec<String> {
        Parts::new("t".to_owned(), text.to_owned(), part_bytes).map(|part| part.data).collect()
    }

    #[test]
    fn parts_are_full_and_numbered() {
        let parts: Vec<_> = Parts::new("t".to_owned(), "abcde".to_owned(), 2).collect();
        let names: Vec<_> = parts.iter().map(|part| part.name.as_str()).collect();
        assert_eq!(names, ["t/0", "t/1", "t/2"]);
        assert_eq!(cut("abcde", 2), ["ab", "cd", "e"]);
        assert_eq!(cut("abcd", 2), ["ab", "cd"]);
        assert_eq!(cut("", 2), [""; 0]);
    }

    #[test]
    fn no_character_is_cut() {
        assert_eq!(cut("aéé", 2), ["a", "é", "é"]);
        assert_eq!(cut("😀a", 2), ["😀", "a"]);
    }

    #[test]
    fn without_a_size_there_is_one_part() {
        assert_eq!(cut(&"x".repeat(102_400), 0).len(), 1);
    }

    proptest! {
        #[test]
        fn parts_make_the_whole_and_none_is_too_long(text in "(?s).{0,200}", part_bytes in 4_usize..40) {
            let parts = cut(&text, part_bytes);
            prop_assert_eq!(parts.concat(), text.as_str());
            for (at, part) in parts.iter().enumerate() {
                prop_assert!(!part.is_empty() && part.len() <= part_bytes);
                // A part ends early only because the next character would not fit.
                let next = parts.get(at + 1).and_then(|next| next.chars().next());
                prop_assert!(next.is_none_or(|next| part.len() + next.len_utf8() > part_bytes));
            }
        }
    }
}
