//! Reading the fields of a body: forms and old clients send numbers and booleans as text.

use serde_json::Map;
use serde_json::Value;

use crate::http::ApiError;

/// The fields of one body.
pub(super) type Fields = Map<String, Value>;

/// A text; `null` counts as absent.
///
/// # Errors
/// When it is something else.
pub(super) fn text<'a>(fields: &'a Fields, name: &str) -> Result<Option<&'a str>, ApiError> {
    match fields.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(ApiError::Invalid(format!("{name} must be a text"))),
    }
}

/// A text that must be there and not empty.
///
/// # Errors
/// When it is not.
pub(super) fn required<'a>(fields: &'a Fields, name: &str) -> Result<&'a str, ApiError> {
    let text = text(fields, name)?.filter(|text| !text.is_empty());
    text.ok_or_else(|| ApiError::Invalid(format!("{name} is required")))
}

/// A whole number, also as text.
///
/// # Errors
/// When it is something else.
pub(super) fn number<T>(fields: &Fields, name: &str) -> Result<Option<T>, ApiError>
where
    T: TryFrom<u64> + std::str::FromStr,
{
    let number = match fields.get(name) {
        None | Some(Value::Null) => return Ok(None),
        Some(Value::Number(number)) => number.as_u64().and_then(|number| T::try_from(number).ok()),
        Some(Value::String(text)) => text.parse().ok(),
        Some(_) => None,
    };
    number.map(Some).ok_or_else(|| ApiError::Invalid(format!("{name} must be a whole number")))
}

/// Whether a flag is set: `true` or `1`, also as text.
pub(super) fn is_set(fields: &Fields, name: &str) -> bool {
    match fields.get(name) {
        Some(Value::Bool(flag)) => *flag,
        Some(Value::String(text)) => matches!(text.as_str(), "true" | "1"),
        Some(Value::Number(number)) => number.as_u64() == Some(1),
        _ => false,
    }
}
