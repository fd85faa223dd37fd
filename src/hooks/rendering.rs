//! One rendering of a hook's templates: the variables, and what may still be written. Request and response use it.

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

impl<'a> Rendering<'a> {
    pub(super) fn new(variables: &'a Variables) -> Self {
        Self { variables, left_bytes: RENDERED_BYTES }
    }

    /// Renders one template that stands at `path`.
    pub(super) fn text(&mut self, template: &Template, path: &Path<'_>) -> Result<String, FieldError> {
        let failed = |source| FieldError::Template { field: path.to_string(), source };
        let text = template.render(self.variables).map_err(failed)?;
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
