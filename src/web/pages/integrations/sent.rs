//! What the editor's page sends: the definition as fields, as JSON, and as it was when both were made of it.

use serde_json::Value;
use serde_json::json;

use crate::web::editor::Form;
use crate::web::visit::Visit;

/// What came from the page.
pub(super) struct Sent {
    form: Form,
    /// The JSON, as it was typed.
    pub(super) json: String,
    base: Value,
    /// The definition of which both were made, as text.
    pub(super) base_text: String,
}

/// Why what was sent is not one definition.
pub(super) enum NotOne {
    /// The JSON is none; why.
    NoJson(String),
    /// The fields and the JSON were both changed.
    Torn,
}

impl Sent {
    pub(super) fn read(visit: &Visit) -> Self {
        let base_text = visit.form.exact("base").to_owned();
        let base = serde_json::from_str(&base_text).unwrap_or_else(|_| json!({}));
        Self { form: Form::read(visit.form.fields()), json: visit.form.exact("definition").to_owned(), base, base_text }
    }

    /// The definition as the fields say it.
    pub(super) fn of_form(&self) -> Value {
        self.form.onto(&self.base)
    }

    /// The definition as the JSON says it.
    pub(super) fn of_json(&self) -> Result<Value, NotOne> {
        serde_json::from_str(&self.json).map_err(|error| NotOne::NoJson(format!("JSON: {error}")))
    }

    /// Whichever was changed.
    pub(super) fn changed(&self) -> Result<Value, NotOne> {
        let (form, json) = (self.of_form(), self.of_json()?);
        if json == self.base || json == form {
            Ok(form)
        } else if form == self.base {
            Ok(json)
        } else {
            Err(NotOne::Torn)
        }
    }
}
