//! JSON with templates in it. Every string is a template of its own, keys too, so that no value can break the JSON
//! around it; numbers, booleans and null pass as they are.

use serde_json::Map;
use serde_json::Value;

use crate::hooks::fields::Fields;
use crate::hooks::problem::Path;
use crate::hooks::rendering::FieldError;
use crate::hooks::rendering::Rendering;
use crate::hooks::template::Template;
use crate::hooks::template::Variables;

/// JSON whose strings are compiled templates.
#[derive(Debug, Clone)]
pub(super) enum Tree {
    /// Nothing to render in it.
    Fixed(Value),
    /// A string with templates.
    Text(Template),
    /// An array with templates somewhere in it.
    List(Vec<Tree>),
    /// An object with templates somewhere in it.
    Map(Entries),
}

/// The entries of an object, in their order.
pub(super) type Entries = Vec<(Key, Tree)>;

/// A key of an object; it may be a template.
#[derive(Debug, Clone)]
pub(super) struct Key {
    /// As it was written, for error messages.
    written: String,
    template: Option<Template>,
}

impl Tree {
    /// Compiles every string; complaints go to `fields`.
    pub(super) fn compile(value: &Value, path: &Path<'_>, fields: &mut Fields<'_>) -> Option<Self> {
        match value {
            Value::String(text) => Some(Self::of_template(fields.compile(path, text)?)),
            Value::Array(items) => {
                let compile = |(at, item)| Self::compile(item, &Path::Index(path, at), fields);
                let items: Vec<_> = items.iter().enumerate().map(compile).collect();
                Some(Self::List(items.into_iter().collect::<Option<_>>()?))
            }
            Value::Object(map) => Some(Self::Map(compile_entries(map, path, fields)?)),
            fixed => Some(Self::Fixed(fixed.clone())),
        }
    }

    /// A string leaf; one without variables is rendered once and for all.
    pub(super) fn of_template(template: Template) -> Self {
        if template.is_constant() {
            if let Ok(text) = template.render(&Variables::new(&Map::new())) {
                return Self::Fixed(Value::String(text));
            }
        }
        Self::Text(template)
    }

    /// The JSON with every string rendered.
    pub(super) fn render(&self, rendering: &mut Rendering<'_>, path: &Path<'_>) -> Result<Value, FieldError> {
        match self {
            Self::Fixed(value) => Ok(value.clone()),
            Self::Text(template) => rendering.text(template, path).map(Value::String),
            Self::List(items) => {
                let render = |(at, item): (usize, &Self)| item.render(rendering, &Path::Index(path, at));
                items.iter().enumerate().map(render).collect::<Result<_, _>>().map(Value::Array)
            }
            Self::Map(entries) => render_entries(entries, rendering, path).map(Value::Object),
        }
    }

    /// Shows every template to `visit`.
    pub(super) fn visit<'a>(&'a self, visit: &mut impl FnMut(&'a Template)) {
        match self {
            Self::Fixed(_) => {}
            Self::Text(template) => visit(template),
            Self::List(items) => items.iter().for_each(|item| item.visit(visit)),
            Self::Map(entries) => visit_entries(entries, visit),
        }
    }
}

impl Key {
    pub(super) fn compile(written: &str, path: &Path<'_>, fields: &mut Fields<'_>) -> Option<Self> {
        match Tree::of_template(fields.compile(path, written)?) {
            Tree::Text(template) => Some(Self { written: written.to_owned(), template: Some(template) }),
            _ => Some(Self { written: written.to_owned(), template: None }),
        }
    }

    /// As it stands in the definition.
    pub(super) fn written(&self) -> &str {
        &self.written
    }

    /// Whether an event has a say in it.
    pub(super) fn is_templated(&self) -> bool {
        self.template.is_some()
    }

    pub(super) fn visit<'a>(&'a self, visit: &mut impl FnMut(&'a Template)) {
        self.template.iter().for_each(visit);
    }

    pub(super) fn render(&self, rendering: &mut Rendering<'_>, path: &Path<'_>) -> Result<String, FieldError> {
        match &self.template {
            Some(template) => rendering.text(template, path),
            None => Ok(self.written.clone()),
        }
    }
}

/// Compiles the keys and values of an object.
pub(super) fn compile_entries(map: &Map<String, Value>, path: &Path<'_>, fields: &mut Fields<'_>) -> Option<Entries> {
    let compile = |(key, value): (&String, &Value)| {
        let path = Path::Key(path, key);
        let compiled = Key::compile(key, &path, fields);
        let value = Tree::compile(value, &path, fields);
        Some((compiled?, value?))
    };
    let entries: Vec<_> = map.iter().map(compile).collect();
    entries.into_iter().collect()
}

/// Renders keys and values. Of keys that become the same, the last wins, as in JSON itself.
pub(super) fn render_entries(
    entries: &Entries,
    rendering: &mut Rendering<'_>,
    path: &Path<'_>,
) -> Result<Map<String, Value>, FieldError> {
    let render = |(key, value): &(Key, Tree)| {
        let path = Path::Key(path, key.written());
        Ok((key.render(rendering, &path)?, value.render(rendering, &path)?))
    };
    entries.iter().map(render).collect()
}

/// Shows every template in the entries to `visit`.
pub(super) fn visit_entries<'a>(entries: &'a Entries, visit: &mut impl FnMut(&'a Template)) {
    for (key, value) in entries {
        key.visit(visit);
        value.visit(visit);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn rendered(tree: &Value, variables: &Value) -> Result<Value, FieldError> {
        let none = Map::new();
        let mut fields = Fields::new(&none);
        let tree = Tree::compile(tree, &Path::Root("json"), &mut fields).unwrap();
        let variables = Variables::new(variables.as_object().unwrap());
        tree.render(&mut Rendering::new(&variables), &Path::Root("json"))
    }

    #[test]
    fn strings_and_keys_are_rendered_and_everything_else_passes() {
        let tree = json!({"{{k}}": ["{{{v}}}", 5, true, null, {"a": "b"}]});
        let variables = json!({"k": "K", "v": "\"quoted\"\\"});
        assert_eq!(rendered(&tree, &variables).unwrap(), json!({"K": ["\"quoted\"\\", 5, true, null, {"a": "b"}]}));
    }

    #[test]
    fn a_failure_names_its_place() {
        let error = rendered(&json!({"a": [1, "{{x}}"]}), &json!({"x": "x".repeat(300_000)})).unwrap_err();
        assert!(error.to_string().starts_with("json.a[1]: "), "{error}");
    }

    #[test]
    fn every_bad_template_is_reported() {
        let none = Map::new();
        let mut fields = Fields::new(&none);
        let bad = json!({"a": ["{{#a}}{{/b}}{{}}", "ok"], "b": "{{#c}}{{/d}}{{}}"});
        assert!(Tree::compile(&bad, &Path::Root("json"), &mut fields).is_none());
        let problems: Vec<_> = fields.into_problems().into_iter().map(|problem| problem.field).collect();
        assert_eq!(problems, ["json.a[0]", "json.b"]);
    }
}
