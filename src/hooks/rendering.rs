//! One rendering of a hook's templates: the variables, and what may still be written. Request and response use it.

use crate::hooks::preview::Missing;
use crate::hooks::problem::Path;
use crate::hooks::template::RenderError;
use crate::hooks::template::Template;
use crate::hooks::template::Variables;

/// Bytes that the templates of one request or response may make together. Ours: a body of this size takes a
/// phone line a minute, and a device cannot make the gateway build a larger one out of a small event.
pub(super) const RENDERED_BYTES: usize = 256 * 1024;

/// Variables and the bytes that are left for text made of them.
pub(super) struct Rendering<'a> {
    variables: &'a Variables,
    left_bytes: usize,
    /// What was asked for and is not there, if somebody wants to know.
    missing: Option<Vec<Missing>>,
}

/// Why a field could not be rendered for this event.
#[derive(Debug, thiserror::Error)]
pub enum FieldError {
    /// The template gave up.
    #[error("{field}: {source}")]
    Template {
        /// The field's path.
        field: String,
        /// Why.
        #[source]
        source: RenderError,
    },
    /// The templates made too much.
    #[error("{field}: the templates make more than {RENDERED_BYTES} bytes of this event")]
    TooLarge {
        /// The field that went over.
        field: String,
    },
}

impl FieldError {
    /// The field's path.
    pub fn field(&self) -> &str {
        match self {
            Self::Template { field, .. } | Self::TooLarge { field } => field,
        }
    }
}

impl<'a> Rendering<'a> {
    pub(super) fn new(variables: &'a Variables) -> Self {
        Self { variables, left_bytes: RENDERED_BYTES, missing: None }
    }

    /// One that notes which variables there are not. It is slower.
    pub(super) fn watching(variables: &'a Variables) -> Self {
        Self { missing: Some(Vec::new()), ..Self::new(variables) }
    }

    /// The variables that there are not, each once for a field, in order; none if nobody watched.
    pub(super) fn into_missing(self) -> Vec<Missing> {
        self.missing.unwrap_or_default()
    }

    /// Renders one template that stands at `path`.
    pub(super) fn text(&mut self, template: &Template, path: &Path<'_>) -> Result<String, FieldError> {
        let failed = |source| FieldError::Template { field: path.to_string(), source };
        let text = match &mut self.missing {
            None => template.render(self.variables),
            Some(missing) => {
                let (text, names) = template.render_watched(self.variables);
                for name in names {
                    let one = Missing { name, field: path.to_string() };
                    // A key and its value have one path.
                    if !missing.contains(&one) {
                        missing.push(one);
                    }
                }
                text
            }
        };
        let text = text.map_err(failed)?;
        let too_large = || FieldError::TooLarge { field: path.to_string() };
        self.left_bytes = self.left_bytes.checked_sub(text.len()).ok_or_else(too_large)?;
        Ok(text)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_templates_of_one_request_share_a_bound() {
        let variables = Variables::new(json!({"x": "x".repeat(RENDERED_BYTES / 2)}).as_object().unwrap());
        let template = Template::compile("{{x}}").unwrap();
        let mut rendering = Rendering::new(&variables);
        let path = Path::Root("body");
        assert!(rendering.text(&template, &path).is_ok());
        assert!(rendering.text(&template, &path).is_ok());
        let over = Template::compile("{{{x}}}").unwrap();
        let error = rendering.text(&over, &path).unwrap_err();
        assert_eq!(error.to_string(), "body: the templates make more than 262144 bytes of this event");
    }
}
