//! Writes the tree as minijinja source, which looks everything up in the variable `scope`, a [`super::scope::Scope`].
//!
//! Called by `Template::compile`. The only words of the user's in that source are text without a tag of minijinja's in
//! it, and quoted strings.

use std::collections::HashMap;

use crate::hooks::template::MAX_DEPTH;
use crate::hooks::template::MAX_SOURCE_BYTES;
use crate::hooks::template::MAX_TAGS;
use crate::hooks::template::error::Position;
use crate::hooks::template::error::TemplateError;
use crate::hooks::template::error::shown;
use crate::hooks::template::parser::Node;

pub(super) struct Compilation {
    pub(super) program: Program,
    /// The first parts of the names that are looked up, each once.
    pub(super) names: Box<[Box<str>]>,
}

pub(super) enum Program {
    /// Nothing to look up.
    Constant(String),
    /// minijinja source.
    Jinja(String),
}

/// Translates the tree of the template `source`.
pub(super) fn compile(source: &str, nodes: &[Node<'_>]) -> Result<Compilation, TemplateError> {
    let mut blocks = HashMap::new();
    collect_blocks(nodes, &mut blocks);
    let mut writer = Writer { source, blocks, ..Writer::default() };
    writer.nodes(nodes)?;
    Ok(writer.finish())
}

/// Finds what each block prints: hogan keeps one text per name, the last one, and does not look for blocks in blocks.
fn collect_blocks<'t, 'a>(nodes: &'t [Node<'a>], blocks: &mut HashMap<&'a str, &'t [Node<'a>]>) {
    for node in nodes {
        match node {
            Node::Section { nodes, .. } => collect_blocks(nodes, blocks),
            Node::Block { name, nodes, .. } => {
                blocks.insert(name, nodes);
            }
            Node::Text(_) | Node::Variable { .. } => {}
        }
    }
}

#[derive(Default)]
struct Writer<'t, 'a> {
    source: &'t str,
    blocks: HashMap<&'a str, &'t [Node<'a>]>,
    jinja: String,
    /// Text that is not in `jinja` yet, since more of it may follow.
    text: String,
    names: Vec<&'a str>,
    /// What is open around the current node.
    depth: usize,
    open_blocks: Vec<&'a str>,
    /// What blocks can multiply.
    tags: usize,
    bytes: usize,
}

impl<'t, 'a> Writer<'t, 'a> {
    fn nodes(&mut self, nodes: &'t [Node<'a>]) -> Result<(), TemplateError> {
        for node in nodes {
            match *node {
                Node::Text(text) => {
                    self.count_bytes(text)?;
                    self.text.push_str(text);
                }
                Node::Variable { name, is_escaped } => {
                    self.look_up(name)?;
                    self.call(if is_escaped { "{{ scope.html(" } else { "{{ scope.text(" }, name, ") }}");
                }
                Node::Section { name, at, is_inverted, ref nodes } => {
                    self.look_up(name)?;
                    self.enter(name, at)?;
                    if is_inverted {
                        self.call("{% if scope.lacks(", name, ") %}");
                        self.nodes(nodes)?;
                        self.write("{% endif %}");
                    } else {
                        self.call("{% for scope in scope.section(", name, ") %}");
                        self.nodes(nodes)?;
                        self.write("{% endfor %}");
                    }
                    self.depth -= 1;
                }
                Node::Block { name, at, .. } => self.block(name, at)?,
            }
        }
        Ok(())
    }

    /// Puts the text of a block in its place. A block in a block that is defined nowhere else prints nothing.
    fn block(&mut self, name: &'a str, at: usize) -> Result<(), TemplateError> {
        let Some(nodes) = self.blocks.get(name).copied() else {
            return Ok(());
        };
        if self.open_blocks.contains(&name) {
            return Err(TemplateError::EndlessBlock { name: shown(name), at: Position::of(self.source, at) });
        }
        self.count_tag()?;
        self.enter(name, at)?;
        self.open_blocks.push(name);
        self.nodes(nodes)?;
        self.open_blocks.pop();
        self.depth -= 1;
        Ok(())
    }

    fn enter(&mut self, name: &str, at: usize) -> Result<(), TemplateError> {
        if self.depth == MAX_DEPTH {
            return Err(TemplateError::TooDeep { name: shown(name), at: Position::of(self.source, at) });
        }
        self.depth += 1;
        Ok(())
    }

    fn look_up(&mut self, name: &'a str) -> Result<(), TemplateError> {
        self.count_tag()?;
        self.count_bytes(name)?;
        let first = name.split('.').next().unwrap_or_default();
        if !first.is_empty() && !self.names.contains(&first) {
            self.names.push(first);
        }
        Ok(())
    }

    fn count_tag(&mut self) -> Result<(), TemplateError> {
        self.tags += 1;
        if self.tags > MAX_TAGS { Err(TemplateError::TooManyTags) } else { Ok(()) }
    }

    fn count_bytes(&mut self, text: &str) -> Result<(), TemplateError> {
        self.bytes += text.len();
        if self.bytes > MAX_SOURCE_BYTES { Err(TemplateError::TooLong) } else { Ok(()) }
    }

    fn call(&mut self, before: &str, name: &str, after: &str) {
        self.write(before);
        push_quoted(&mut self.jinja, name);
        self.jinja.push_str(after);
    }

    fn write(&mut self, jinja: &str) {
        self.write_text();
        self.jinja.push_str(jinja);
    }

    fn write_text(&mut self) {
        // A brace at the end would join those of the tag behind it.
        let has_tag = self.text.ends_with('{') || ["{{", "{%", "{#"].iter().any(|tag| self.text.contains(tag));
        if has_tag {
            self.jinja.push_str("{{ ");
            push_quoted(&mut self.jinja, &self.text);
            self.jinja.push_str(" }}");
        } else {
            self.jinja.push_str(&self.text);
        }
        self.text.clear();
    }

    fn finish(mut self) -> Compilation {
        let program = if self.jinja.is_empty() {
            Program::Constant(self.text)
        } else {
            self.write_text();
            Program::Jinja(self.jinja)
        };
        Compilation { program, names: self.names.into_iter().map(Box::from).collect() }
    }
}

fn push_quoted(jinja: &mut String, text: &str) {
    jinja.push('"');
    for character in text.chars() {
        if matches!(character, '"' | '\\') {
            jinja.push('\\');
        }
        jinja.push(character);
    }
    jinja.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hooks::template::lexer::scan;
    use crate::hooks::template::parser::parse;

    fn jinja(source: &str) -> String {
        match compile(source, &parse(source, scan(source).unwrap()).unwrap()).unwrap().program {
            Program::Jinja(jinja) => jinja,
            Program::Constant(text) => panic!("constant {text:?}"),
        }
    }

    #[test]
    fn tags_become_calls_and_sections_become_loops() {
        assert_eq!(
            jinja("a{{b}}{{{c}}}{{#d}}e{{/d}}{{^f}}g{{/f}}"),
            "a{{ scope.html(\"b\") }}{{ scope.text(\"c\") }}{% for scope in scope.section(\"d\") %}e{% endfor %}\
             {% if scope.lacks(\"f\") %}g{% endif %}"
        );
    }

    #[test]
    fn text_that_minijinja_would_read_is_quoted() {
        assert_eq!(jinja("{{=<% %>=}}{% \"x\" %}<%a%>"), "{{ \"{% \\\"x\\\" %}\" }}{{ scope.html(\"a\") }}");
        assert_eq!(jinja("{{=<% %>=}}{<%a%>"), "{{ \"{\" }}{{ scope.html(\"a\") }}");
        assert_eq!(jinja("{\"a\": {{a}}}"), "{\"a\": {{ scope.html(\"a\") }}}");
        assert_eq!(jinja("{{a\\\"b}}"), "{{ scope.html(\"a\\\\\\\"b\") }}");
    }
}
