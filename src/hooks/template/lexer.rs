//! Cuts a template into text, line ends and tags, and drops the lines that hold only tags without output.
//!
//! Called by `Template::compile`. The odd rules are hogan's: templates in the field rely on what it does with white
//! space, with half a tag and with changed delimiters.

use crate::hooks::template::MAX_SOURCE_BYTES;
use crate::hooks::template::MAX_TAGS;
use crate::hooks::template::error::Position;
use crate::hooks::template::error::TemplateError;

/// A piece of the template, and the byte at which it begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Token<'a> {
    pub(super) at: usize,
    pub(super) piece: Piece<'a>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Piece<'a> {
    /// Never empty.
    Text(&'a str),
    Newline,
    Tag(Kind, &'a str),
}

/// What a tag does. One that sets delimiters is gone after the lexer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Escaped,
    Raw,
    Section,
    Inverted,
    Block,
    Parent,
    Close,
    Partial,
    Comment,
}

/// Cuts up a whole template.
pub(super) fn scan(source: &str) -> Result<Vec<Token<'_>>, TemplateError> {
    if source.len() > MAX_SOURCE_BYTES {
        return Err(TemplateError::TooLong);
    }
    let mut scanner =
        Scanner { source, open: "{{", close: "}}", tokens: Vec::new(), tags: 0, line_start: 0, line_has_tag: false };
    scanner.run()?;
    Ok(scanner.tokens)
}

struct Scanner<'a> {
    source: &'a str,
    open: &'a str,
    close: &'a str,
    tokens: Vec<Token<'a>>,
    tags: usize,
    /// The first token of the current line.
    line_start: usize,
    line_has_tag: bool,
}

impl Scanner<'_> {
    fn run(&mut self) -> Result<(), TemplateError> {
        let mut at = 0;
        while let Some(tag_at) = self.find(self.open, at) {
            self.text(at, tag_at);
            self.tags += 1;
            if self.tags > MAX_TAGS {
                return Err(TemplateError::TooManyTags);
            }
            self.line_has_tag = true;
            at = self.tag(tag_at)?;
        }
        self.text(at, self.source.len());
        self.end_line(None);
        Ok(())
    }

    /// Where `delimiter` is next, from the byte `from` on. Delimiters can be set to nothing, which is nowhere.
    fn find(&self, delimiter: &str, from: usize) -> Option<usize> {
        if delimiter.is_empty() {
            return None;
        }
        self.source[from..].find(delimiter).map(|offset| from + offset)
    }

    /// Takes the text between two tags, line by line.
    fn text(&mut self, from: usize, to: usize) {
        let mut at = from;
        while let Some(offset) = self.source[at..to].find('\n') {
            self.push_text(at, at + offset);
            self.end_line(Some(at + offset));
            at += offset + 1;
        }
        self.push_text(at, to);
    }

    fn push_text(&mut self, from: usize, to: usize) {
        if from < to {
            self.tokens.push(Token { at: from, piece: Piece::Text(&self.source[from..to]) });
        }
    }

    /// Takes the tag that begins at `at`, and returns where it ends.
    fn tag(&mut self, at: usize) -> Result<usize, TemplateError> {
        let inside = at + self.open.len();
        let Some((kind, sigil)) = kind_of(&self.source[inside..]) else {
            return self.set_delimiters(at);
        };
        let name_at = inside + sigil.len();
        let Some(close_at) = self.find(self.close, name_at) else {
            // Half a tag is text, line ends and all.
            self.push_text(name_at, self.source.len());
            return Ok(self.source.len());
        };
        let mut name = trim(&self.source[name_at..close_at]);
        let mut end = close_at + self.close.len();
        if sigil == "{" {
            if self.close == "}}" {
                // This is where the third brace ought to be, and hogan does not look.
                end += self.source[end..].chars().next().map_or(0, char::len_utf8);
            } else {
                name = name.strip_suffix('}').unwrap_or(name);
            }
        }
        self.tokens.push(Token { at, piece: Piece::Tag(kind, name) });
        Ok(end)
    }

    /// Takes `{{=<% %>=}}`, and returns where it ends.
    fn set_delimiters(&mut self, at: usize) -> Result<usize, TemplateError> {
        // hogan begins to look at the last character of the opening delimiter, which may be a `=` itself.
        let last = self.open.chars().next_back().map_or(0, char::len_utf8);
        let from = at + self.open.len() - last;
        let equals_at = self.find("=", from).expect("this kind of tag was recognised by its `=`");
        let end_mark = format!("={}", self.close);
        let Some(close_at) = self.find(&end_mark, from) else {
            return Err(TemplateError::UnclosedDelimiters { at: Position::of(self.source, at) });
        };
        // `{{=}}` has one `=` for both ends; it then is what the delimiters are set to.
        let inside = if equals_at == close_at { "=" } else { &self.source[equals_at + 1..close_at] };
        let mut words = trim(inside).split(' ');
        self.open = words.next().unwrap_or_default();
        self.close = words.next_back().unwrap_or(self.open);
        Ok(close_at + end_mark.len())
    }

    /// Ends the current line, at the line end `newline` or at the end of the template.
    fn end_line(&mut self, newline: Option<usize>) {
        if self.line_has_tag && self.tokens[self.line_start..].iter().all(Token::prints_nothing) {
            let mut index = self.line_start;
            while index < self.tokens.len() {
                if matches!(self.tokens[index].piece, Piece::Text(_)) {
                    self.tokens.remove(index);
                }
                // As in hogan, what moved up to the place of a removed token is passed over.
                index += 1;
            }
        } else if let Some(at) = newline {
            self.tokens.push(Token { at, piece: Piece::Newline });
        }
        self.line_has_tag = false;
        self.line_start = self.tokens.len();
    }
}

impl Token<'_> {
    /// Whether a line of such tokens vanishes if one of them is a tag.
    fn prints_nothing(&self) -> bool {
        match self.piece {
            Piece::Text(text) => text.chars().all(is_space),
            Piece::Newline | Piece::Tag(Kind::Escaped | Kind::Raw, _) => false,
            Piece::Tag(..) => true,
        }
    }
}

/// The kind of a tag by its first character, and that character if it is not yet the name. None: it sets delimiters.
fn kind_of(inside: &str) -> Option<(Kind, &str)> {
    let kind = match inside.bytes().next() {
        Some(b'=') => return None,
        Some(b'#') => Kind::Section,
        Some(b'^') => Kind::Inverted,
        Some(b'$') => Kind::Block,
        Some(b'<') => Kind::Parent,
        Some(b'/') => Kind::Close,
        Some(b'>') => Kind::Partial,
        Some(b'!') => Kind::Comment,
        Some(b'{' | b'&') => Kind::Raw,
        _ => return Some((Kind::Escaped, "")),
    };
    Some((kind, &inside[..1]))
}

fn trim(text: &str) -> &str {
    text.trim_matches(is_space)
}

/// White space as JavaScript sees it.
fn is_space(character: char) -> bool {
    match character {
        '\u{85}' => false,
        '\u{feff}' => true,
        _ => character.is_whitespace(),
    }
}
