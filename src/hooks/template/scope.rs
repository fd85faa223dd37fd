//! What a template sees: the variables, and around them one scope for each section that is open.
//!
//! A scope is never changed. A section makes new ones that know their parent, and minijinja's loops put them in place
//! and take them away. The methods are the whole vocabulary of the templates that `compile` writes.

use std::iter;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;

use minijinja::Error;
use minijinja::ErrorKind;
use minijinja::State;
use minijinja::Value;
use minijinja::context;
use minijinja::value::Object;
use serde_json::Map;

use crate::hooks::template::data::Data;
use crate::hooks::template::data::print_list;
use crate::hooks::template::data::print_scalar;

/// What an item of a printed list costs: as much time as about this many instructions.
const FUEL_PER_ITEM: u64 = 4;

/// The variables of one event, ready for any number of templates. Clones share them.
#[derive(Clone)]
pub struct Variables {
    root: Arc<Scope>,
    context: Value,
}

/// The names that templates asked [watched](Variables::watched) variables for and did not find.
#[derive(Debug, Clone, Default)]
pub(super) struct Watch(Arc<Mutex<Vec<String>>>);

impl Variables {
    /// Takes the variables over from a JSON object; its names may be anything.
    pub fn new(variables: &Map<String, serde_json::Value>) -> Self {
        Self::with_fixed(&Map::new(), variables)
    }

    /// The same with variables that no other of their names replaces, be it inside of a section.
    pub fn with_fixed(fixed: &Map<String, serde_json::Value>, others: &Map<String, serde_json::Value>) -> Self {
        Self::of(Scope { fixed: Data::from(fixed), data: Data::from(others), parent: None, watch: None })
    }

    /// The same variables, and a watch that notes which others are asked for.
    pub(super) fn watched(&self) -> (Self, Watch) {
        let watch = Watch::default();
        let (fixed, data) = (self.root.fixed.clone(), self.root.data.clone());
        (Self::of(Scope { fixed, data, parent: None, watch: Some(watch.clone()) }), watch)
    }

    fn of(root: Scope) -> Self {
        let root = Arc::new(root);
        Self { context: context! { scope => Value::from_dyn_object(Arc::clone(&root)) }, root }
    }

    pub(super) fn context(&self) -> Value {
        self.context.clone()
    }
}

impl std::fmt::Debug for Variables {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // There may be secrets among them.
        f.debug_struct("Variables").finish_non_exhaustive()
    }
}

impl Watch {
    /// What was not found, each name once, in the order in which it was asked for.
    pub(super) fn into_missing(self) -> Vec<String> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn note(&self, name: &str) {
        let mut missing = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if !missing.iter().any(|known| known == name) {
            missing.push(name.to_owned());
        }
    }
}

/// The data that names are looked up in.
#[derive(Debug)]
pub(super) struct Scope {
    /// Looked at first. The same in all scopes.
    fixed: Data,
    data: Data,
    /// Where what is not found here is looked for.
    parent: Option<Arc<Scope>>,
    /// The same in all scopes.
    watch: Option<Watch>,
}

impl Object for Scope {
    fn call_method(self: &Arc<Self>, state: &mut State<'_, '_>, method: &str, args: &[Value]) -> Result<Value, Error> {
        let name = args.first().and_then(Value::as_str).ok_or(ErrorKind::MissingArgument)?;
        let data = self.look_up(name).unwrap_or_else(|| {
            // Whoever writes `{{^a}}` has thought of its absence. `{{}}` and `{{.}}` are no names.
            let is_name = !name.is_empty() && name != "." && method != "lacks";
            self.watch.iter().filter(|_| is_name).for_each(|watch| watch.note(name));
            Data::Null
        });
        match method {
            "text" => text(&data, state),
            "html" => Ok(html(text(&data, state)?)),
            "lacks" => Ok(Value::from(!data.is_true())),
            "section" => Ok(self.section(data)),
            _ => Err(ErrorKind::UnknownMethod.into()),
        }
    }
}

impl Scope {
    fn child(self: &Arc<Self>, data: Data) -> Self {
        Self { fixed: self.fixed.clone(), data, parent: Some(Arc::clone(self)), watch: self.watch.clone() }
    }

    /// The scopes of a section about `data`, one for each time that it is shown.
    fn section(self: &Arc<Self>, data: Data) -> Value {
        if !data.is_true() {
            return Value::from(Vec::<Value>::new());
        }
        let inner = match data {
            Data::Object(_) | Data::List(_) => self.child(data),
            // A section about a text or a number changes nothing: what was current stays so.
            _ => self.child(self.data.clone()),
        };
        if matches!(inner.data, Data::List(_)) {
            Value::make_object_iterable(Arc::new(inner), |list| Box::new(list.items().map(Value::from_object)))
        } else {
            Value::from(vec![Value::from_object(inner)])
        }
    }

    /// A scope for each item of a list, which itself stays visible behind it.
    fn items(self: &Arc<Self>) -> impl Iterator<Item = Self> {
        let items: &[Data] = if let Data::List(items) = &self.data { items } else { &[] };
        items.iter().map(|item| self.child(item.clone()))
    }

    fn look_up(&self, name: &str) -> Option<Data> {
        if name == "." && self.parent.as_ref().is_some_and(|parent| matches!(parent.data, Data::List(_))) {
            return Some(self.data.clone());
        }
        let mut parts = name.split('.');
        let first = self.find(parts.next()?)?;
        parts.try_fold(first, |data, part| data.member(part))
    }

    /// Looks one name up here, then further and further out.
    fn find(&self, name: &str) -> Option<Data> {
        let scopes = || iter::successors(Some(self), |scope| scope.parent.as_deref());
        self.fixed.member(name).or_else(|| scopes().find_map(|scope| scope.data.member(name)))
    }
}

fn text(data: &Data, state: &State<'_, '_>) -> Result<Value, Error> {
    match data {
        Data::Text(text) => Ok(Value::from(text)),
        Data::List(items) => {
            let mut text = String::new();
            // minijinja charges for the text, but a list of empty lists has none.
            state.consume_fuel(FUEL_PER_ITEM * print_list(items, &mut text))?;
            Ok(Value::from(text))
        }
        other => Ok(Value::from(print_scalar(other))),
    }
}

/// Escapes the five characters that Particle's documentation names; `/` and `` ` `` are not among them.
fn html(text: Value) -> Value {
    let Some(plain) = text.as_str() else {
        return text;
    };
    let is_special = |character: char| matches!(character, '&' | '<' | '>' | '"' | '\'');
    if !plain.contains(is_special) {
        return text;
    }
    let mut escaped = String::with_capacity(plain.len() + plain.len() / 4);
    for character in plain.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            other => escaped.push(other),
        }
    }
    Value::from(escaped)
}
