//! What can be wrong with a template, said in the words of whoever wrote it, and what can stop a rendering.

use std::fmt;

use thiserror::Error;

use crate::hooks::template::MAX_DEPTH;
use crate::hooks::template::MAX_FUEL;
use crate::hooks::template::MAX_SOURCE_BYTES;
use crate::hooks::template::MAX_TAGS;

/// How much of a name an error repeats, in characters.
const SHOWN_CHARS: usize = 40;

/// Why a template cannot be used.
#[derive(Debug, Error)]
pub enum TemplateError {
    /// Too many bytes, possibly only with its blocks in place.
    #[error("the template is longer than {MAX_SOURCE_BYTES} bytes")]
    TooLong,
    /// Too many tags, possibly only with its blocks in place.
    #[error("the template has more than {MAX_TAGS} tags")]
    TooManyTags,
    /// Sections in sections in sections.
    #[error("{at}: `{name}` is nested deeper than {MAX_DEPTH} sections")]
    TooDeep {
        /// The section that is one too many.
        name: String,
        /// Where it is opened.
        at: Position,
    },
    /// A section without an end.
    #[error("{at}: the section `{name}` is never closed")]
    Unclosed {
        /// The section.
        name: String,
        /// Where it is opened.
        at: Position,
    },
    /// An end without a section.
    #[error("{at}: `{name}` is closed here, but no section is open")]
    Unopened {
        /// The name in the closing tag.
        name: String,
        /// Where the closing tag is.
        at: Position,
    },
    /// A section that is closed by another name.
    #[error("{at}: the section `{opened}`, opened at {opened_at}, is closed as `{closed}`")]
    WrongName {
        /// The section.
        opened: String,
        /// Where it is opened.
        opened_at: Position,
        /// The name in the closing tag.
        closed: String,
        /// Where the closing tag is.
        at: Position,
    },
    /// `{{=` without `=}}`.
    #[error("{at}: the tag that sets the delimiters is not closed by `=` and the current delimiter")]
    UnclosedDelimiters {
        /// Where the tag begins.
        at: Position,
    },
    /// A tag other than a block inside `{{<name}}`.
    #[error("{at}: only blocks may stand inside of a parent tag")]
    InsideParent {
        /// Where the tag is.
        at: Position,
    },
    /// A block that holds itself.
    #[error("{at}: the block `{name}` holds itself")]
    EndlessBlock {
        /// The block.
        name: String,
        /// Where it is used inside itself.
        at: Position,
    },
    /// The translated template does not compile. No known template gets here.
    #[error("the template cannot be compiled")]
    Engine(#[source] minijinja::Error),
}

impl TemplateError {
    /// Where in the template it is; nowhere if it is about all of it.
    pub fn position(&self) -> Option<Position> {
        match self {
            Self::TooLong | Self::TooManyTags | Self::Engine(_) => None,
            Self::TooDeep { at, .. }
            | Self::Unclosed { at, .. }
            | Self::Unopened { at, .. }
            | Self::WrongName { at, .. }
            | Self::UnclosedDelimiters { at }
            | Self::InsideParent { at }
            | Self::EndlessBlock { at, .. } => Some(*at),
        }
    }
}

/// Why a rendering ended without output.
#[derive(Debug, Error)]
pub enum RenderError {
    /// Sections that repeat too often.
    #[error("the template takes too much work for this data (more than {MAX_FUEL} steps)")]
    TooMuchWork,
    /// Too much output.
    #[error("the template gives more than {limit_bytes} bytes for this data")]
    TooLong {
        /// The limit.
        limit_bytes: usize,
    },
    /// The engine gave up for another reason. No known template gets here.
    #[error("the template cannot be rendered")]
    Engine(#[source] minijinja::Error),
}

/// A place in a template; both numbers count from one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Position {
    /// The line.
    pub line: usize,
    /// The character within the line.
    pub column: usize,
}

impl Position {
    /// The place of the byte `at`, which begins a character.
    pub(super) fn of(source: &str, at: usize) -> Self {
        let before = &source[..at];
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        Self { line: before.matches('\n').count() + 1, column: before[line_start..].chars().count() + 1 }
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, column {}", self.line, self.column)
    }
}

/// A name for an error text: short, however long the tag.
pub(super) fn shown(name: &str) -> String {
    match name.char_indices().nth(SHOWN_CHARS) {
        Some((end, _)) => format!("{}…", &name[..end]),
        None => name.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_position_counts_lines_and_characters_from_one() {
        assert_eq!(Position::of("abc", 0), Position { line: 1, column: 1 });
        assert_eq!(Position::of("é\nüx", 5), Position { line: 2, column: 2 });
        assert_eq!(Position::of("\n\n", 2), Position { line: 3, column: 1 });
    }

    #[test]
    fn a_long_name_is_cut_at_a_character() {
        assert_eq!(shown("short"), "short");
        assert_eq!(shown(&"é".repeat(41)), format!("{}…", "é".repeat(40)));
    }
}
