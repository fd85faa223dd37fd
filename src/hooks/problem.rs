//! What can be wrong with a hook's JSON. Whoever reads one gets all problems at once, each with its field.

use std::fmt;

use crate::hooks::template::Position;
use crate::hooks::template::TemplateError;
use crate::model::EventNameError;
use crate::model::IdError;

/// Characters of a key that are repeated in a field's path.
const KEY_CHARS_SHOWN: usize = 64;

/// A hook's JSON that cannot be used, with everything that is wrong with it.
#[derive(Debug)]
pub struct InvalidHook {
    problems: Vec<Problem>,
}

/// One thing that is wrong, and where.
#[derive(Debug)]
pub struct Problem {
    /// The field's path: `headers.X-A`, `json.a[2]`, `url`; empty for the definition as a whole.
    pub field: String,
    /// What is wrong there.
    pub flaw: Flaw,
}

/// What is wrong with a field. The texts continue a sentence that the field begins.
#[derive(Debug, thiserror::Error)]
pub enum Flaw {
    /// A required field is absent or empty.
    #[error("is required")]
    Missing,
    /// The value has the wrong JSON type.
    #[error("must be {expected}, not {found}")]
    Type {
        /// What would be right.
        expected: &'static str,
        /// What is there.
        found: &'static str,
    },
    /// Two names of the same field have different values.
    #[error("is also given as {alias}, with another value")]
    Disagrees {
        /// The other name.
        alias: &'static str,
    },
    /// A template does not compile.
    #[error("is no template: {0}")]
    Template(#[source] TemplateError),
    /// No event could ever have a name with this prefix.
    #[error("can match no event: {0}")]
    Event(#[source] EventNameError),
    /// The device filter is no id.
    #[error("is no device id: {0}")]
    Device(#[source] IdError),
    /// The value is no whole number in its range.
    #[error("must be a whole number of {}", range(*most))]
    NotPositive {
        /// The greatest that it may be; `u64::MAX` for any.
        most: u64,
    },
    /// The value is not one of those that are known.
    #[error("must be one of {known}")]
    Unknown {
        /// The values that are known.
        known: &'static str,
    },
    /// `json`, `form` and `body` exclude each other.
    #[error("cannot be used together with {other}")]
    Excluded {
        /// The other field.
        other: &'static str,
    },
    /// The address cannot be parsed.
    #[error("is no web address: {0}")]
    Address(#[source] url::ParseError),
    /// The address has a scheme that is not fetched.
    #[error("must begin with http:// or https://")]
    Scheme,
    /// An event would decide where the request goes.
    #[error("must have a fixed scheme and host; to let templates choose it, name the possible hosts in allowed_hosts")]
    TemplatedHost,
    /// The fixed host is not in the hook's own list.
    #[error("goes to a host that allowed_hosts does not name")]
    HostNotAllowed,
    /// An entry of `allowed_hosts` is no host.
    #[error("must be a host, or host:port")]
    Host,
    /// A signing secret that is none.
    #[error("must be whsec_ and 24 to 64 bytes in base64")]
    SigningSecret,
    /// The name cannot name a header.
    #[error("is no legal header name")]
    HeaderName,
    /// The value cannot stand in a header.
    #[error("is no legal header value: it has a line break or another control character")]
    HeaderValue,
    /// farhook sets this header on every request.
    #[error("is set by farhook itself")]
    OwnHeader,
    /// The `Host` header must not depend on an event.
    #[error("must be a fixed text, without templates")]
    FixedHeader,
    /// There are too many of something, or it is too large.
    #[error("has more than {most} {unit}")]
    TooMany {
        /// What is allowed.
        most: usize,
        /// Of what.
        unit: &'static str,
    },
}

fn range(most: u64) -> String {
    if most == u64::MAX { "at least 1".to_owned() } else { format!("1 to {most}") }
}

impl InvalidHook {
    /// From at least one problem.
    pub(super) fn new(problems: Vec<Problem>) -> Self {
        Self { problems }
    }

    /// Everything that is wrong, in the order in which it was found.
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }
}

impl fmt::Display for InvalidHook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, problem) in self.problems.iter().enumerate() {
            write!(f, "{}{problem}", if at > 0 { "; " } else { "" })?;
        }
        Ok(())
    }
}

impl std::error::Error for InvalidHook {}

impl Problem {
    /// Where in the field's text it is, if it is about a template.
    pub fn position(&self) -> Option<Position> {
        match &self.flaw {
            Flaw::Template(error) => error.position(),
            _ => None,
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let field = if self.field.is_empty() { "the hook" } else { &self.field };
        write!(f, "{field} {}", self.flaw)
    }
}

/// A field's path, as a chain over the callers' stacks: it costs nothing until it is written.
#[derive(Debug, Clone, Copy)]
pub(super) enum Path<'a> {
    /// A field of the hook itself.
    Root(&'a str),
    /// A key of an object.
    Key(&'a Path<'a>, &'a str),
    /// An element of an array, counted from 0.
    Index(&'a Path<'a>, usize),
}

impl fmt::Display for Path<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Root(name) => f.write_str(name),
            Self::Key(parent, key) => match key.char_indices().nth(KEY_CHARS_SHOWN) {
                Some((end, _)) => write!(f, "{parent}.{}…", &key[..end]),
                None => write!(f, "{parent}.{key}"),
            },
            Self::Index(parent, at) => write!(f, "{parent}[{at}]"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_problems_are_told_with_their_fields() {
        let invalid = InvalidHook::new(vec![
            Problem { field: "url".to_owned(), flaw: Flaw::Missing },
            Problem { field: String::new(), flaw: Flaw::TooMany { most: 65_536, unit: "bytes" } },
        ]);
        assert_eq!(invalid.to_string(), "url is required; the hook has more than 65536 bytes");
    }

    #[test]
    fn a_bad_template_is_told_with_its_field_and_its_position() {
        let hook = serde_json::json!({
            "event": "temp", "url": "http://a.example/", "form": {"field1": "a\n é{{#x}}"},
        });
        let invalid = crate::hooks::HookDefinition::parse(&hook).unwrap_err();
        let text = "form.field1 is no template: line 2, column 3: the section `x` is never closed";
        assert_eq!(invalid.to_string(), text);
        let [problem] = invalid.problems() else { panic!("one problem") };
        assert_eq!(
            (problem.field.as_str(), problem.position()),
            ("form.field1", Some(Position { line: 2, column: 3 }))
        );
        assert_eq!(Problem { field: "url".to_owned(), flaw: Flaw::Missing }.position(), None);
    }

    #[test]
    fn a_path_is_written_as_in_javascript_and_long_keys_are_cut() {
        let root = Path::Root("json");
        let key = Path::Key(&root, "a");
        assert_eq!(Path::Index(&key, 2).to_string(), "json.a[2]");
        let long = "é".repeat(65);
        assert_eq!(Path::Key(&root, &long).to_string(), format!("json.{}…", "é".repeat(64)));
    }
}
