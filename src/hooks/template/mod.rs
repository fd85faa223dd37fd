//! Mustache templates, run by minijinja, that print what hogan.js 3.0.2 prints.
//!
//! Hooks compile each of their string leaves once and render it for every delivery. A template is read by `lexer` and
//! `parser`, written as minijinja source by `compile`, and looks names up in a `scope` of JSON `data` by JavaScript's
//! rules. Nothing here reads files, the clock or the network, and nothing runs code that a template names.
//!
//! ```text
//! {{a}} {{{a}}} {{&a}}      {{ scope.html("a") }}  {{ scope.text("a") }}
//! {{#a}}…{{/a}}             {% for scope in scope.section("a") %}…{% endfor %}
//! {{^a}}…{{/a}}             {% if scope.lacks("a") %}…{% endif %}
//! ```
//!
//! Where hogan is followed to the letter: names are looked up through all open sections, and the list that a section
//! walks over is one of them (`{{#list}}{{length}}{{/list}}`); `.` means something only directly inside a list; an
//! unclosed tag is printed as text; `{{{a}}` swallows the character behind it; a line that holds only tags without
//! output vanishes; partials and parents (`{{>a}}`, `{{<a}}`) are empty; of two blocks `{{$a}}` the last one counts.
//!
//! Where it is not, since there hogan's answer is an accident:
//! - Names that every JavaScript object has (`constructor`, `toString`, a list's `map` …) are ordinary names here.
//! - An unclosed `{{=` is refused. hogan starts over near the beginning of the text, and may do so for ever.
//! - A block inside itself is refused. hogan overflows its stack unless the data ends it.
//! - Delimiters may hold quotes, backslashes and line ends, and a partial may stand behind a lone carriage return.
//!   hogan pastes these into a program unescaped, which then does not compile.
//! - The character that `{{{a}}` swallows is always a whole one.
//! - A template beyond [`MAX_SOURCE_BYTES`], [`MAX_TAGS`] or [`MAX_DEPTH`] is refused.

mod compile;
mod data;
mod error;
mod lexer;
mod number;
mod output;
mod parser;
mod scope;

use std::fmt;
use std::sync::Arc;
use std::sync::LazyLock;

use minijinja::Environment;
use minijinja::ErrorKind;
use minijinja::syntax::SyntaxConfig;

pub use self::error::Position;
pub use self::error::RenderError;
pub use self::error::TemplateError;
pub use self::scope::Variables;

use self::compile::Program;
use self::output::Output;

/// The longest template, in bytes; also with all its blocks put in place.
pub const MAX_SOURCE_BYTES: usize = 64 * 1024;

/// The most tags of one template; also with all its blocks put in place.
pub const MAX_TAGS: usize = 1_000;

/// The deepest nesting of sections and blocks.
pub const MAX_DEPTH: usize = 32;

/// The longest output, in bytes: the longest response, 100 KB, with every character of it escaped, and as much again.
pub const MAX_OUTPUT_BYTES: usize = 1024 * 1024;

/// The work of one rendering, in minijinja's fuel: an instruction or 64 bytes cost one, an item of a printed list four.
/// A tag is four instructions: this is enough to print five short fields of each of 15,000 objects.
pub const MAX_FUEL: u64 = 500_000;

/// An engine that knows nothing but its language: no filter, no function, no file.
static ENGINE: LazyLock<Environment<'static>> = LazyLock::new(|| {
    let syntax =
        SyntaxConfig::builder().keep_trailing_newline(true).build().expect("the delimiters are the usual ones");
    let mut engine = Environment::empty();
    engine.set_syntax(syntax);
    engine.set_fuel(Some(MAX_FUEL));
    engine
});

/// A compiled template. Clones share it.
#[derive(Clone)]
pub struct Template(Arc<Compiled>);

struct Compiled {
    code: Code,
    names: Box<[Box<str>]>,
}

enum Code {
    /// Nothing is looked up: the output is known.
    Constant(Box<str>),
    /// Source of minijinja that is known to compile. minijinja takes about a microsecond to compile it again, but 10 KB
    /// to keep it compiled, which for the leaves of some dozen hooks is more than the rest of their data.
    Jinja(Box<str>),
}

impl Template {
    /// Reads a Mustache template.
    ///
    /// # Errors
    /// Says what is wrong with the template, and where.
    pub fn compile(source: &str) -> Result<Self, TemplateError> {
        let tokens = lexer::scan(source)?;
        let nodes = parser::parse(source, tokens)?;
        let compile::Compilation { program, names } = compile::compile(source, &nodes)?;
        let code = match program {
            Program::Constant(text) => Code::Constant(text.into()),
            Program::Jinja(jinja) => {
                ENGINE.template_from_str(&jinja).map_err(TemplateError::Engine)?;
                Code::Jinja(jinja.into())
            }
        };
        Ok(Self(Arc::new(Compiled { code, names })))
    }

    /// Fills the template in.
    ///
    /// # Errors
    /// When that takes more than [`MAX_FUEL`] or gives more than [`MAX_OUTPUT_BYTES`]. A missing variable is empty, not
    /// an error.
    pub fn render(&self, variables: &Variables) -> Result<String, RenderError> {
        match &self.0.code {
            Code::Constant(text) => Ok(text.to_string()),
            Code::Jinja(jinja) => run(jinja, variables),
        }
    }

    /// The same, and the names that were asked for and that there are not, each once, in the order of the template.
    ///
    /// # Errors
    /// As [`Self::render`]; the names are there all the same.
    pub fn render_watched(&self, variables: &Variables) -> (Result<String, RenderError>, Vec<String>) {
        let (variables, watch) = variables.watched();
        let rendered = self.render(&variables);
        (rendered, watch.into_missing())
    }

    /// The names that are looked up, each once, in the order of the template; of `a.b` it is `a`. Inside of a section a
    /// name may belong to what the section is about.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.names.iter().map(AsRef::as_ref)
    }

    /// Whether the output is the same for all variables.
    pub fn is_constant(&self) -> bool {
        matches!(self.0.code, Code::Constant(_))
    }
}

impl fmt::Debug for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The text may hold a key that the user wrote into it.
        f.debug_struct("Template").field("names", &self.0.names).finish_non_exhaustive()
    }
}

fn run(jinja: &str, variables: &Variables) -> Result<String, RenderError> {
    let template = ENGINE.template_from_str(jinja).map_err(RenderError::Engine)?;
    let mut output = Output::new(MAX_OUTPUT_BYTES);
    match template.render_captured_to(variables.context(), &mut output) {
        Ok(_) => Ok(output.into_string()),
        Err(_) if output.is_full() => Err(RenderError::TooLong { limit_bytes: MAX_OUTPUT_BYTES }),
        Err(error) if error.kind() == ErrorKind::OutOfFuel => Err(RenderError::TooMuchWork),
        Err(error) => Err(RenderError::Engine(error)),
    }
}

#[cfg(test)]
mod tests;
