//! Makes a tree of the tokens: which text and which tags are inside of which section.
//!
//! Called by `Template::compile`. What never prints anything, comments and partials, is not in the tree.

use crate::hooks::template::MAX_DEPTH;
use crate::hooks::template::error::Position;
use crate::hooks::template::error::TemplateError;
use crate::hooks::template::error::shown;
use crate::hooks::template::lexer::Kind;
use crate::hooks::template::lexer::Piece;
use crate::hooks::template::lexer::Token;

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Node<'a> {
    Text(&'a str),
    Variable { name: &'a str, is_escaped: bool },
    Section { name: &'a str, at: usize, is_inverted: bool, nodes: Vec<Node<'a>> },
    Block { name: &'a str, at: usize, nodes: Vec<Node<'a>> },
}

/// Builds the tree; `source` is what the tokens were cut from.
pub(super) fn parse<'a>(source: &'a str, tokens: Vec<Token<'a>>) -> Result<Vec<Node<'a>>, TemplateError> {
    let mut nodes = Vec::new();
    let mut open: Vec<Open<'a>> = Vec::new();
    for Token { at, piece } in tokens {
        let in_parent = open.last().is_some_and(|parent| parent.kind == Kind::Parent);
        let may_be_there = !matches!(piece, Piece::Tag(kind, _) if !matches!(kind, Kind::Block | Kind::Close));
        if in_parent && !may_be_there {
            return Err(TemplateError::InsideParent { at: Position::of(source, at) });
        }
        let node = match piece {
            Piece::Text(text) => Node::Text(text),
            Piece::Newline => Node::Text("\n"),
            Piece::Tag(Kind::Escaped, name) => Node::Variable { name, is_escaped: true },
            Piece::Tag(Kind::Raw, name) => Node::Variable { name, is_escaped: false },
            Piece::Tag(Kind::Comment | Kind::Partial, _) => continue,
            Piece::Tag(kind @ (Kind::Section | Kind::Inverted | Kind::Block | Kind::Parent), name) => {
                if open.len() == MAX_DEPTH {
                    return Err(TemplateError::TooDeep { name: shown(name), at: Position::of(source, at) });
                }
                open.push(Open { kind, name, at, around: std::mem::take(&mut nodes) });
                continue;
            }
            Piece::Tag(Kind::Close, name) => {
                let opened = closed_by(open.pop(), source, name, at)?;
                let inside = std::mem::replace(&mut nodes, opened.around);
                match node_of(opened.kind, opened.name, opened.at, inside) {
                    Some(node) => node,
                    None => continue,
                }
            }
        };
        nodes.push(node);
    }
    match open.pop() {
        Some(Open { name, at, .. }) => Err(TemplateError::Unclosed { name: shown(name), at: Position::of(source, at) }),
        None => Ok(nodes),
    }
}

/// A section that is not closed yet.
struct Open<'a> {
    kind: Kind,
    name: &'a str,
    at: usize,
    /// The nodes before it, beside which it will stand.
    around: Vec<Node<'a>>,
}

fn closed_by<'a>(open: Option<Open<'a>>, source: &str, name: &str, at: usize) -> Result<Open<'a>, TemplateError> {
    match open {
        None => Err(TemplateError::Unopened { name: shown(name), at: Position::of(source, at) }),
        Some(open) if open.name != name => Err(TemplateError::WrongName {
            opened: shown(open.name),
            opened_at: Position::of(source, open.at),
            closed: shown(name),
            at: Position::of(source, at),
        }),
        Some(open) => Ok(open),
    }
}

/// A section or a block. A parent is a partial, with blocks for it: there are no partials, so it is nothing.
fn node_of<'a>(kind: Kind, name: &'a str, at: usize, nodes: Vec<Node<'a>>) -> Option<Node<'a>> {
    match kind {
        Kind::Section => Some(Node::Section { name, at, is_inverted: false, nodes }),
        Kind::Inverted => Some(Node::Section { name, at, is_inverted: true, nodes }),
        Kind::Block => Some(Node::Block { name, at, nodes }),
        _ => None,
    }
}
