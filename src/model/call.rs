//! The names under which farhook and one device talk to each other: requests, and what a device says to them.
//!
//! ```text
//! gateway ─> device   farhook/variable/<name>/<request>   farhook/function/<name>/<request>   farhook/signal
//! device ─> gateway   farhook/result/<request>            farhook/describe
//! ```
//! `<request>` names one request for as long as somebody waits for its result.

use crate::model::EventName;
use crate::model::spec;

/// What a device is told to do without an answer: to show itself, or to stop showing itself.
const SIGNAL: &str = "farhook/signal";
const VARIABLE: &str = "farhook/variable/";
const FUNCTION: &str = "farhook/function/";

/// Characters of what names a request: a number in base 36.
const REQUEST_CHARS: usize = 7;

const RESULT: &str = "farhook/result/";
const DESCRIBE: &str = "farhook/describe";

/// What a device publishes for the gateway itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ForGateway<'a> {
    /// The result of a request.
    Result {
        /// Which one.
        request: &'a str,
    },
    /// What the device offers.
    Description,
}

impl<'a> ForGateway<'a> {
    /// What the name says. `None` for every other name.
    pub fn read(name: &'a str) -> Option<Self> {
        if name == DESCRIBE {
            return Some(Self::Description);
        }
        let request = name.strip_prefix(RESULT)?;
        let has_length = (1..=REQUEST_CHARS).contains(&request.len());
        let is_request = has_length && request.bytes().all(|byte| byte.is_ascii_alphanumeric());
        is_request.then_some(Self::Result { request })
    }
}

/// The name that asks for a variable; `None` if no variable can be called so.
pub fn variable_request(variable: &str, request: &str) -> Option<EventName> {
    is_callable(variable).then(|| EventName::emitted(&format!("{VARIABLE}{variable}/{request}")))
}

/// The name that calls a function; `None` if no function can be called so.
pub fn function_request(function: &str, request: &str) -> Option<EventName> {
    is_callable(function).then(|| EventName::emitted(&format!("{FUNCTION}{function}/{request}")))
}

/// The name of a signal.
pub fn signal() -> EventName {
    EventName::emitted(SIGNAL)
}

/// Whether farhook asks something of a device under that name.
pub fn is_request(name: &EventName) -> bool {
    let name = name.as_str();
    name == SIGNAL || name.starts_with(VARIABLE) || name.starts_with(FUNCTION)
}

/// Whether a variable or a function can have that name: 1 to [`spec::CALL_NAME_CHARS`] printable ASCII characters that
/// fit one level of a topic. Any other name could turn a request into another one.
pub fn is_callable(name: &str) -> bool {
    let fits = |byte: u8| (byte.is_ascii_graphic() || byte == b' ') && !matches!(byte, b'/' | b'+' | b'#');
    (1..=spec::CALL_NAME_CHARS).contains(&name.len()) && name.bytes().all(fits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_has_the_name_and_the_number_in_its_topic() {
        assert_eq!(variable_request("temp", "1a").unwrap().as_str(), "farhook/variable/temp/1a");
        assert_eq!(function_request("set led", "z").unwrap().as_str(), "farhook/function/set led/z");
        let longest = "x".repeat(64);
        assert_eq!(variable_request(&longest, "1").unwrap().as_str(), format!("farhook/variable/{longest}/1"));
    }

    #[test]
    fn a_name_that_would_make_another_topic_is_none() {
        for name in ["", "a/b", "/", "+", "a#", "é", "a\nb", "a\0", &"x".repeat(65)] {
            assert_eq!(variable_request(name, "1"), None, "{name:?}");
            assert_eq!(function_request(name, "1"), None, "{name:?}");
        }
    }

    #[test]
    fn only_whole_names_are_for_the_gateway() {
        assert_eq!(ForGateway::read("farhook/describe"), Some(ForGateway::Description));
        assert_eq!(ForGateway::read("farhook/result/1a"), Some(ForGateway::Result { request: "1a" }));
        for name in [
            "temp",
            "farhook/describe/",
            "farhook/result",
            "farhook/result/",
            "farhook/result/a/b",
            "farhook/result/a b",
            "farhook/result/12345678",
            "farhook/signal",
            "farhook/variable/temp/1",
            "FARHOOK/describe",
        ] {
            assert_eq!(ForGateway::read(name), None, "{name:?}");
        }
    }

    #[test]
    fn requests_are_told_from_everything_else_that_farhook_emits() {
        for name in [signal(), variable_request("a", "1").unwrap(), function_request("a", "1").unwrap()] {
            assert!(is_request(&name), "{name}");
        }
        for name in ["farhook/refused", "farhook/result/1", "hook-sent/farhook/signal", "farhook/signals"] {
            assert!(!is_request(&EventName::emitted(name)), "{name}");
        }
    }
}
