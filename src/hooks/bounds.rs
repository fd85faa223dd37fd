//! What a hook says about its queue: how much may wait, how long, and what happens then. Pure.

use std::num::NonZeroU64;
use std::time::Duration;

use serde_json::Value;

use crate::hooks::fields::Fields;
use crate::hooks::fields::wrong_type;
use crate::hooks::problem::Flaw;
use crate::hooks::problem::Path;
use crate::model::Bounds;
use crate::model::WhenFull;

/// The longest that a hook may let its deliveries wait: a year.
const AGE_MOST_S: u64 = 365 * 24 * 60 * 60;

/// What a hook says about its queue.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct QueueRule {
    /// How much may wait.
    pub bounds: Bounds,
    /// How long, if that is shorter than for all.
    pub max_age: Option<Duration>,
    /// What happens when it is full; none for what the configuration says.
    pub when_full: Option<WhenFull>,
}

/// Reads `max_waiting`, `max_waiting_bytes`, `max_age_s` and `when_full`.
pub(super) fn parse(fields: &mut Fields<'_>) -> QueueRule {
    let items = number("max_waiting", u64::MAX, fields);
    let bytes = number("max_waiting_bytes", u64::MAX, fields);
    let max_age = number("max_age_s", AGE_MOST_S, fields).map(|seconds| Duration::from_secs(seconds.get()));
    let when_full = fields.text(&["when_full"]).and_then(|(name, text)| {
        let policy = WhenFull::from_name(text);
        if policy.is_none() {
            fields.report(&Path::Root(name), Flaw::Unknown { known: WhenFull::KNOWN });
        }
        policy
    });
    QueueRule { bounds: Bounds { items, bytes }, max_age, when_full }
}

/// A whole number from 1, also as text: form posts have no other way.
fn number(name: &'static str, most: u64, fields: &mut Fields<'_>) -> Option<NonZeroU64> {
    let (name, value) = fields.value(&[name])?;
    let number = match value {
        Value::Number(number) => number.as_u64(),
        Value::String(text) if text.is_empty() => return None,
        Value::String(text) => text.parse().ok(),
        other => {
            fields.report(&Path::Root(name), wrong_type("a whole number", other));
            return None;
        }
    };
    let number = number.filter(|number| *number <= most).and_then(NonZeroU64::new);
    if number.is_none() {
        fields.report(&Path::Root(name), Flaw::NotPositive { most });
    }
    number
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(value: &Value) -> (QueueRule, Vec<String>) {
        let mut fields = Fields::new(value.as_object().unwrap());
        let rule = parse(&mut fields);
        (rule, fields.into_problems().iter().map(ToString::to_string).collect())
    }

    #[test]
    fn a_hook_says_how_much_may_wait_and_what_happens_then() {
        let given =
            json!({"max_waiting": 10, "max_waiting_bytes": "2000", "max_age_s": 60, "when_full": "drop_oldest"});
        let bounds = Bounds { items: NonZeroU64::new(10), bytes: NonZeroU64::new(2_000) };
        let when_full = Some(WhenFull::DropOldest);
        let rule = QueueRule { bounds, max_age: Some(Duration::from_secs(60)), when_full };
        assert_eq!(read(&given), (rule, vec![]));
        assert_eq!(read(&json!({"max_waiting": "", "max_age_s": null})), (QueueRule::default(), vec![]));
    }

    #[test]
    fn what_makes_no_sense_is_told() {
        let (_, problems) =
            read(&json!({"max_waiting": 0, "max_waiting_bytes": -1, "max_age_s": 99_999_999, "when_full": "explode"}));
        assert_eq!(
            problems,
            [
                "max_waiting must be a whole number of at least 1",
                "max_waiting_bytes must be a whole number of at least 1",
                "max_age_s must be a whole number of 1 to 31536000",
                "when_full must be one of reject, drop_oldest, drop_newest",
            ]
        );
        assert_eq!(read(&json!({"max_waiting": []})).1, ["max_waiting must be a whole number, not an array"]);
    }
}
