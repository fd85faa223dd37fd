//! What a device offers: its variables, its functions, and the version of its firmware. The device says so itself.

use std::fmt;

use serde_json::Number;
use serde_json::Value;

use crate::model::call;
use crate::model::spec;

/// What a device offers. Without one a device offers nothing that is known; it may still answer.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Description {
    /// Names and types, in the device's order.
    pub variables: Vec<(String, VariableType)>,
    /// Names, in the device's order.
    pub functions: Vec<String>,
    /// The version of the product's firmware.
    pub product_version: Option<u32>,
}

/// What a variable holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum VariableType {
    /// A whole number.
    Int,
    /// A number.
    Double,
    /// Any text.
    String,
    /// Yes or no.
    Bool,
}

/// Why a description cannot be understood.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DescriptionError {
    /// It is no JSON.
    #[error("a description is a JSON object, this is no JSON: {0}")]
    NoJson(String),
    /// It is JSON, but no object.
    #[error("a description is a JSON object")]
    NoObject,
    /// `variables` is something else than names with types.
    #[error("variables is an object of names and types")]
    Variables,
    /// A type that there is not.
    #[error("the type of variable {variable:?} is int, double, string or bool")]
    Type {
        /// Whose.
        variable: String,
    },
    /// `functions` is something else than names.
    #[error("functions is a list of names")]
    Functions,
    /// Nothing can have that name.
    #[error("{name:?} is no name: 1 to {} printable ASCII characters, without '/', '+' and '#'", spec::CALL_NAME_CHARS)]
    Name {
        /// The beginning of the refused name.
        name: String,
    },
    /// More than [`spec::OFFERED`].
    #[error("a device offers at most {} {what}, this one {count}", spec::OFFERED)]
    TooMany {
        /// Variables or functions.
        what: &'static str,
        /// How many.
        count: usize,
    },
    /// `product_version` is no number, or too large.
    #[error("product_version is a whole number from 0 to {}", u32::MAX)]
    ProductVersion,
}

impl Description {
    /// Reads what a device published. All keys may be missing, and those that mean nothing here are passed over.
    ///
    /// # Errors
    /// Says what is wrong with it.
    pub fn read(data: &[u8]) -> Result<Self, DescriptionError> {
        let read: Value = serde_json::from_slice(data).map_err(|error| DescriptionError::NoJson(error.to_string()))?;
        let Value::Object(keys) = read else { return Err(DescriptionError::NoObject) };
        let key = |name| keys.get(name).filter(|value| !value.is_null());
        Ok(Self {
            variables: key("variables").map_or(Ok(Vec::new()), variables)?,
            functions: key("functions").map_or(Ok(Vec::new()), functions)?,
            product_version: key("product_version").map(product_version).transpose()?,
        })
    }

    /// The type of a variable; `None` if there is no such variable.
    pub fn variable(&self, name: &str) -> Option<VariableType> {
        self.variables.iter().find(|(other, _)| other == name).map(|(_, kind)| *kind)
    }

    /// Whether there is such a function.
    pub fn has_function(&self, name: &str) -> bool {
        self.functions.iter().any(|other| other == name)
    }
}

impl VariableType {
    /// The value that a device's text stands for; the text itself if it is none of this type.
    pub fn value(self, text: &str) -> Value {
        let read = match self {
            Self::Int => text.trim().parse::<i64>().ok().map(Value::from),
            // What is no number in JSON (nan, inf) stays a text.
            Self::Double => text.trim().parse::<f64>().ok().and_then(Number::from_f64).map(Value::Number),
            Self::Bool => match text.trim() {
                "true" | "1" => Some(Value::Bool(true)),
                "false" | "0" => Some(Value::Bool(false)),
                _ => None,
            },
            Self::String => None,
        };
        read.unwrap_or_else(|| Value::String(text.to_owned()))
    }

    fn read(text: &str) -> Option<Self> {
        [Self::Int, Self::Double, Self::String, Self::Bool].into_iter().find(|kind| kind.to_string() == text)
    }
}

impl fmt::Display for VariableType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Int => "int",
            Self::Double => "double",
            Self::String => "string",
            Self::Bool => "bool",
        })
    }
}

fn variables(value: &Value) -> Result<Vec<(String, VariableType)>, DescriptionError> {
    let variables = value.as_object().ok_or(DescriptionError::Variables)?;
    within("variables", variables.len())?;
    let read = variables.iter().map(|(name, kind)| {
        check_name(name)?;
        let kind = kind.as_str().ok_or(DescriptionError::Variables)?;
        let kind = VariableType::read(kind).ok_or_else(|| DescriptionError::Type { variable: name.clone() })?;
        Ok((name.clone(), kind))
    });
    read.collect()
}

fn functions(value: &Value) -> Result<Vec<String>, DescriptionError> {
    let functions = value.as_array().ok_or(DescriptionError::Functions)?;
    within("functions", functions.len())?;
    let read = functions.iter().map(|name| {
        let name = name.as_str().ok_or(DescriptionError::Functions)?;
        check_name(name)?;
        Ok(name.to_owned())
    });
    read.collect()
}

fn product_version(value: &Value) -> Result<u32, DescriptionError> {
    value.as_u64().and_then(|version| u32::try_from(version).ok()).ok_or(DescriptionError::ProductVersion)
}

fn within(what: &'static str, count: usize) -> Result<(), DescriptionError> {
    if count > spec::OFFERED { Err(DescriptionError::TooMany { what, count }) } else { Ok(()) }
}

fn check_name(name: &str) -> Result<(), DescriptionError> {
    if call::is_callable(name) {
        return Ok(());
    }
    Err(DescriptionError::Name { name: name.chars().take(spec::CALL_NAME_CHARS).collect() })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(description: &Value) -> Result<Description, DescriptionError> {
        Description::read(description.to_string().as_bytes())
    }

    #[test]
    fn a_description_is_read_in_the_devices_order() {
        let whole = json!({
            "variables": { "temp": "double", "count": "int", "name": "string", "on": "bool" },
            "functions": ["led", "beep"],
            "product_version": 3,
            "sdk": { "of": ["whatever"] },
        });
        let read = read(&whole).unwrap();
        let names: Vec<&str> = read.variables.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["temp", "count", "name", "on"]);
        assert_eq!((read.variable("temp"), read.variable("Temp")), (Some(VariableType::Double), None));
        assert!(read.has_function("beep") && !read.has_function("temp"));
        assert_eq!(read.product_version, Some(3));
    }

    #[test]
    fn every_key_may_be_missing_or_null() {
        assert_eq!(read(&json!({})), Ok(Description::default()));
        assert_eq!(
            read(&json!({ "variables": null, "functions": null, "product_version": null })),
            Ok(Description::default())
        );
    }

    #[test]
    fn what_cannot_be_understood_says_why() {
        let why = |description: Value| read(&description).unwrap_err();
        assert!(matches!(Description::read(b""), Err(DescriptionError::NoJson(_))));
        assert!(matches!(Description::read(b"{\"functions\":[\"\xff\"]}"), Err(DescriptionError::NoJson(_))));
        assert_eq!(why(json!([])), DescriptionError::NoObject);
        assert_eq!(why(json!({ "variables": ["temp"] })), DescriptionError::Variables);
        assert_eq!(why(json!({ "variables": { "temp": 1 } })), DescriptionError::Variables);
        assert_eq!(
            why(json!({ "variables": { "temp": "float" } })).to_string(),
            "the type of variable \"temp\" is int, double, string or bool"
        );
        assert_eq!(why(json!({ "functions": { "led": 1 } })), DescriptionError::Functions);
        assert_eq!(why(json!({ "functions": [1] })), DescriptionError::Functions);
        assert_eq!(why(json!({ "functions": ["a/b"] })), DescriptionError::Name { name: "a/b".to_owned() });
        for version in [json!("3"), json!(-1), json!(1.5), json!(4_294_967_296_u64)] {
            assert_eq!(why(json!({ "product_version": version })), DescriptionError::ProductVersion);
        }
    }

    #[test]
    fn a_device_offers_so_much_and_no_more() {
        let functions = |count: usize| json!({ "functions": vec!["x".repeat(64); count] });
        assert_eq!(read(&functions(64)).unwrap().functions.len(), 64);
        assert_eq!(read(&functions(65)).unwrap_err().to_string(), "a device offers at most 64 functions, this one 65");
        let long = "x".repeat(20_000);
        let refused = read(&json!({ "variables": { long: "int" } })).unwrap_err();
        assert!(refused.to_string().len() < 200, "{refused}");
    }

    #[test]
    fn a_text_becomes_what_the_variable_was_declared_to_be() {
        assert_eq!(VariableType::Int.value(" 42\n"), json!(42));
        assert_eq!(VariableType::Int.value("42.5"), json!("42.5"));
        assert_eq!(VariableType::Double.value("21.5"), json!(21.5));
        assert_eq!(VariableType::Double.value("21"), json!(21.0));
        assert_eq!(VariableType::Double.value("nan"), json!("nan"));
        assert_eq!(VariableType::Bool.value("1"), json!(true));
        assert_eq!(VariableType::Bool.value("false"), json!(false));
        assert_eq!(VariableType::Bool.value("on"), json!("on"));
        assert_eq!(VariableType::String.value(" 42"), json!(" 42"));
    }
}
