//! A form that was sent: its fields, read as people fill them in.

use std::collections::HashMap;

use bytes::Bytes;
use serde_json::Map;
use serde_json::Value;

use crate::http::Request;
use crate::web::refusal::Refusal;

/// See the module.
#[derive(Default)]
pub(super) struct Form {
    fields: Map<String, Value>,
    files: HashMap<String, Bytes>,
}

impl Form {
    /// Reads what came with a request; nothing if it brought no form.
    ///
    /// # Errors
    /// When it cannot be read.
    pub(super) async fn read(request: &Request) -> Result<Self, Refusal> {
        let broken = |_| Refusal::Unusable("the form cannot be read".to_owned());
        match request.body.upload().await.map_err(broken)? {
            Some(upload) => Ok(Self { fields: upload.fields, files: upload.files }),
            None => Ok(Self { fields: request.fields().map_err(broken)?.clone(), files: HashMap::new() }),
        }
    }

    /// One with these fields.
    #[cfg(test)]
    pub(super) fn of(fields: Map<String, Value>) -> Self {
        Self { fields, files: HashMap::new() }
    }

    /// All fields as they came.
    pub(super) fn fields(&self) -> &Map<String, Value> {
        &self.fields
    }

    /// A field without the blanks around it; empty if it is not there.
    pub(super) fn text(&self, name: &str) -> &str {
        self.exact(name).trim()
    }

    /// A field as it was typed: for passwords.
    pub(super) fn exact(&self, name: &str) -> &str {
        self.fields.get(name).and_then(Value::as_str).unwrap_or_default()
    }

    /// A field, if something stands in it.
    pub(super) fn filled(&self, name: &str) -> Option<String> {
        Some(self.text(name)).filter(|text| !text.is_empty()).map(ToOwned::to_owned)
    }

    /// Whether a box is ticked.
    pub(super) fn is_set(&self, name: &str) -> bool {
        !self.text(name).is_empty()
    }

    /// A file that was chosen.
    pub(super) fn file(&self, name: &str) -> Option<&Bytes> {
        self.files.get(name).filter(|file| !file.is_empty())
    }
}
