//! How much of what a sensor sends is told: what its owner can set, each with a default. The numbers are ours.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::Serialize;

/// What becomes an event of what a sensor sends, and how often.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Telling {
    /// Seconds at least between two events with the same measured value.
    pub min_interval_s: u32,
    /// Seconds after which a value is told again that did not change.
    pub max_interval_s: u32,
    /// Seconds for which an event of a format without counters is taken for a repetition of the same one.
    pub repeat_s: u32,
    /// Events a minute at most; a sixth of them, and at most 10, at once.
    pub per_minute: u32,
    /// Hours of silence after which the sensor may begin its counter anew.
    pub counter_reset_h: u32,
    /// The least change of a measured value that counts, by its name. What is not here counts however little it changes.
    pub deadbands: BTreeMap<String, f64>,
}

// A deadband comes from JSON or from the command line, where it is checked: it is a number.
impl Eq for Telling {}

/// What shall be set; what is not said stays as it is.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TellingChange {
    /// Whether everything that is not said here shall be as it is of a sensor for which nothing was set.
    pub defaults: bool,
    /// See [`Telling::min_interval_s`].
    pub min_interval_s: Option<u32>,
    /// See [`Telling::max_interval_s`].
    pub max_interval_s: Option<u32>,
    /// See [`Telling::repeat_s`].
    pub repeat_s: Option<u32>,
    /// See [`Telling::per_minute`].
    pub per_minute: Option<u32>,
    /// See [`Telling::counter_reset_h`].
    pub counter_reset_h: Option<u32>,
    /// See [`Telling::deadbands`]; those of other values stay as they are.
    pub deadbands: BTreeMap<String, f64>,
}

/// Why something cannot be set so.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum TellingError {
    /// Too small or too large.
    #[error("{what} is {least} to {most}, not {given}")]
    Range {
        /// What.
        what: &'static str,
        /// The smallest that it can be.
        least: u32,
        /// The largest that it can be.
        most: u32,
        /// What it should be.
        given: u32,
    },
    /// The longest time is shorter than the shortest.
    #[error("the longest interval, {max_s} s, is shorter than the shortest, {min_s} s")]
    Intervals {
        /// [`Telling::min_interval_s`].
        min_s: u32,
        /// [`Telling::max_interval_s`].
        max_s: u32,
    },
    /// A change that cannot be.
    #[error("the deadband of {name} is 0 to {}, not {given}", Telling::MOST_DEADBAND)]
    Deadband {
        /// Of what.
        name: String,
        /// What it should be.
        given: f64,
    },
    /// Nothing that is measured is called so.
    #[error("no sensor measures {name:?}; it is called as in its events, as \"temperature\"")]
    UnknownName {
        /// The name.
        name: String,
    },
}

impl Default for Telling {
    fn default() -> Self {
        let deadbands = [("battery", 1.0), ("humidity", 1.0), ("pressure", 1.0), ("temperature", 0.1)];
        Self {
            min_interval_s: 10,
            max_interval_s: 300,
            repeat_s: 4,
            per_minute: 60,
            counter_reset_h: 24,
            deadbands: deadbands.map(|(name, least)| (name.to_owned(), least)).into(),
        }
    }
}

impl Telling {
    const MOST_DEADBAND: f64 = 1_000_000.0;

    /// Whether nobody has set anything.
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }

    /// What it is after a change. `measured` are the names of all that sensors measure.
    ///
    /// # Errors
    /// When something cannot be so.
    pub fn changed(&self, change: &TellingChange, measured: &[&str]) -> Result<Self, TellingError> {
        if let Some(name) = change.deadbands.keys().find(|name| !measured.contains(&name.as_str())) {
            return Err(TellingError::UnknownName { name: name.clone() });
        }
        let before = if change.defaults { Self::default() } else { self.clone() };
        let mut deadbands = before.deadbands;
        deadbands.extend(change.deadbands.clone());
        let changed = Self {
            min_interval_s: change.min_interval_s.unwrap_or(before.min_interval_s),
            max_interval_s: change.max_interval_s.unwrap_or(before.max_interval_s),
            repeat_s: change.repeat_s.unwrap_or(before.repeat_s),
            per_minute: change.per_minute.unwrap_or(before.per_minute),
            counter_reset_h: change.counter_reset_h.unwrap_or(before.counter_reset_h),
            deadbands,
        };
        changed.check()?;
        Ok(changed)
    }

    fn check(&self) -> Result<(), TellingError> {
        const DAY_S: u32 = 24 * 60 * 60;
        let Self { min_interval_s: min_s, max_interval_s: max_s, repeat_s, per_minute, counter_reset_h, deadbands } =
            self;
        for (what, least, most, given) in [
            ("the shortest interval in seconds", 0, DAY_S, *min_s),
            ("the longest interval in seconds", 1, 7 * DAY_S, *max_s),
            ("the time of repetitions in seconds", 0, 3_600, *repeat_s),
            ("the number of events a minute", 1, 1_200, *per_minute),
            ("the silence before a new counter in hours", 1, 365 * 24, *counter_reset_h),
        ] {
            if !(least..=most).contains(&given) {
                return Err(TellingError::Range { what, least, most, given });
            }
        }
        if max_s < min_s {
            return Err(TellingError::Intervals { min_s: *min_s, max_s: *max_s });
        }
        match deadbands.iter().find(|(_, least)| !(0.0..=Self::MOST_DEADBAND).contains(*least)) {
            Some((name, least)) => Err(TellingError::Deadband { name: name.clone(), given: *least }),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const MEASURED: [&str; 3] = ["temperature", "humidity", "co2"];

    fn after(change: &TellingChange) -> Result<Telling, TellingError> {
        Telling::default().changed(change, &MEASURED)
    }

    #[test]
    fn what_is_not_said_stays_as_it_is() {
        let deadbands = BTreeMap::from([("temperature".to_owned(), 0.5), ("co2".to_owned(), 50.0)]);
        let change = TellingChange { min_interval_s: Some(60), deadbands, ..TellingChange::default() };
        let set = after(&change).unwrap();
        assert_eq!((set.min_interval_s, set.max_interval_s), (60, 300));
        let all = [("battery", 1.0), ("co2", 50.0), ("humidity", 1.0), ("pressure", 1.0), ("temperature", 0.5)];
        assert_eq!(set.deadbands, all.map(|(name, least)| (name.to_owned(), least)).into());
        assert!(!set.is_default());

        let change = TellingChange { defaults: true, max_interval_s: Some(600), ..TellingChange::default() };
        let set = set.changed(&change, &MEASURED).unwrap();
        assert_eq!(set, Telling { max_interval_s: 600, ..Telling::default() });
    }

    #[test]
    fn what_cannot_be_is_refused_with_its_reason() {
        let none = TellingChange::default;
        let deadband = |name: &str, least| TellingChange { deadbands: [(name.to_owned(), least)].into(), ..none() };
        for (change, reason) in [
            (TellingChange { per_minute: Some(0), ..none() }, "the number of events a minute is 1 to 1200, not 0"),
            (
                TellingChange { max_interval_s: Some(0), ..none() },
                "the longest interval in seconds is 1 to 604800, not 0",
            ),
            (
                TellingChange { min_interval_s: Some(301), ..none() },
                "the longest interval, 300 s, is shorter than the shortest, 301 s",
            ),
            (deadband("temperature", -1.0), "the deadband of temperature is 0 to 1000000, not -1"),
            (deadband("temperature", f64::NAN), "the deadband of temperature is 0 to 1000000, not NaN"),
            (deadband("heat", 1.0), "no sensor measures \"heat\"; it is called as in its events, as \"temperature\""),
        ] {
            assert_eq!(after(&change).unwrap_err().to_string(), reason);
        }
    }

    #[test]
    fn a_row_that_says_less_means_the_defaults() {
        let read = |row| serde_json::from_value::<Telling>(row).unwrap();
        assert!(read(json!({})).is_default());
        let set = Telling { per_minute: 6, ..Telling::default() };
        assert_eq!(read(json!({ "per_minute": 6 })), set);
        assert_eq!(read(serde_json::to_value(&set).unwrap()), set);
    }
}
