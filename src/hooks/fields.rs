//! Reading the fields of a hook's JSON, one kind of value at a time. Every complaint is noted and reading goes on,
//! so that the sender hears of all problems at once. It knows no field by name.

use std::borrow::Cow;

use serde_json::Map;
use serde_json::Value;

use crate::hooks::problem::Flaw;
use crate::hooks::problem::Path;
use crate::hooks::problem::Problem;
use crate::hooks::template::Template;

/// The fields of one hook, and what was found wrong with them.
pub(super) struct Fields<'a> {
    map: &'a Map<String, Value>,
    problems: Vec<Problem>,
}

impl<'a> Fields<'a> {
    pub(super) fn new(map: &'a Map<String, Value>) -> Self {
        Self { map, problems: Vec::new() }
    }

    /// Notes that something is wrong, once: a field may be read twice.
    pub(super) fn report(&mut self, path: &Path<'_>, flaw: Flaw) {
        let problem = Problem { field: path.to_string(), flaw };
        let is_same =
            |known: &Problem| known.field == problem.field && known.flaw.to_string() == problem.flaw.to_string();
        if !self.problems.iter().any(is_same) {
            self.problems.push(problem);
        }
    }

    /// Everything that was found wrong.
    pub(super) fn into_problems(self) -> Vec<Problem> {
        self.problems
    }

    /// The value of a field, under the first of its names that is there. `null` counts as absent.
    pub(super) fn value(&mut self, names: &[&'static str]) -> Option<(&'static str, &'a Value)> {
        let map = self.map;
        let mut given = names.iter().filter_map(|name| Some((*name, map.get(*name).filter(|value| !value.is_null())?)));
        let (name, value) = given.next()?;
        for (alias, other) in given {
            if other != value {
                self.report(&Path::Root(name), Flaw::Disagrees { alias });
            }
        }
        Some((name, value))
    }

    /// A text. An empty one counts as absent, since forms send their unused fields so.
    pub(super) fn text(&mut self, names: &[&'static str]) -> Option<(&'static str, &'a str)> {
        match self.value(names)? {
            (name, Value::String(text)) => Some((name, text.as_str())).filter(|_| !text.is_empty()),
            (name, other) => {
                self.report(&Path::Root(name), wrong_type("a text", other));
                None
            }
        }
    }

    /// A text with templates.
    pub(super) fn template(&mut self, names: &[&'static str]) -> Option<Template> {
        let (name, text) = self.text(names)?;
        self.compile(&Path::Root(name), text)
    }

    /// `true` or `false`, also as text: form posts have no other way.
    pub(super) fn flag(&mut self, names: &[&'static str], default: bool) -> bool {
        match self.value(names) {
            None => default,
            Some((_, Value::Bool(flag))) => *flag,
            Some((_, Value::String(text))) if text.eq_ignore_ascii_case("true") => true,
            Some((_, Value::String(text))) if text.eq_ignore_ascii_case("false") => false,
            Some((_, Value::String(text))) if text.is_empty() => default,
            Some((name, other)) => {
                self.report(&Path::Root(name), wrong_type("true or false", other));
                default
            }
        }
    }

    /// An object, also as its JSON text: early command line tools posted it so.
    pub(super) fn object(&mut self, names: &[&'static str]) -> Option<(&'static str, Cow<'a, Map<String, Value>>)> {
        let (name, value) = self.value(names)?;
        match value {
            Value::Object(map) => return Some((name, Cow::Borrowed(map))),
            Value::String(text) if text.is_empty() => return None,
            Value::String(text) => {
                if let Ok(map) = serde_json::from_str(text) {
                    return Some((name, Cow::Owned(map)));
                }
            }
            _ => {}
        }
        self.report(&Path::Root(name), wrong_type("an object", value));
        None
    }

    /// Compiles a template that was found at `path`.
    pub(super) fn compile(&mut self, path: &Path<'_>, text: &str) -> Option<Template> {
        Template::compile(text).map_err(|error| self.report(path, Flaw::Template(error))).ok()
    }
}

/// The complaint that `found` is not what was expected.
pub(super) fn wrong_type(expected: &'static str, found: &Value) -> Flaw {
    let found = match found {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    };
    Flaw::Type { expected, found }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn with<T>(value: &Value, read: impl FnOnce(&mut Fields) -> T) -> (T, Vec<String>) {
        let mut fields = Fields::new(value.as_object().unwrap());
        let got = read(&mut fields);
        (got, fields.into_problems().iter().map(ToString::to_string).collect())
    }

    #[test]
    fn a_flag_may_be_a_text() {
        for (given, flag) in [(json!("true"), true), (json!("False"), false), (json!(true), true), (json!(null), false)]
        {
            let (read, problems) = with(&json!({"f": given}), |fields| fields.flag(&["f"], false));
            assert_eq!((read, problems), (flag, vec![]));
        }
        let (_, problems) = with(&json!({"f": 1}), |fields| fields.flag(&["f"], false));
        assert_eq!(problems, ["f must be true or false, not a number"]);
    }

    #[test]
    fn aliases_may_repeat_but_not_disagree() {
        let read =
            |value: Value| with(&value, |fields| fields.text(&["event", "eventName"]).map(|(_, text)| text.len()));
        assert_eq!(read(json!({"event": "a", "eventName": "a"})), (Some(1), vec![]));
        assert_eq!(read(json!({"eventName": "a"})), (Some(1), vec![]));
        let (_, problems) = read(json!({"event": "a", "eventName": "b"}));
        assert_eq!(problems, ["event is also given as eventName, with another value"]);
    }

    #[test]
    fn a_complaint_about_a_field_that_is_read_twice_is_made_once() {
        let ((), problems) = with(&json!({"event": "a", "eventName": "b"}), |fields| {
            fields.value(&["event", "eventName"]);
            fields.value(&["event", "eventName"]);
        });
        assert_eq!(problems.len(), 1);
    }

    #[test]
    fn an_object_may_be_its_json_text() {
        let read = |value: Value| with(&value, |fields| fields.object(&["auth"]).map(|(_, map)| map.len()));
        assert_eq!(read(json!({"auth": "{\"a\":1}"})), (Some(1), vec![]));
        assert_eq!(read(json!({"auth": ""})), (None, vec![]));
        assert_eq!(read(json!({"auth": "a"})), (None, vec!["auth must be an object, not a text".to_owned()]));
    }
}
