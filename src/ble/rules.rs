//! By which rules a sensor's readings are sifted: what its owner has set, as the sieve reads it.

use std::collections::HashMap;

use crate::ble::decode::Datum;
use crate::ble::decode::Kind;
use crate::ble::decode::Property;
use crate::ble::rate::Pace;
use crate::model::Telling;

/// See [`Telling`].
#[derive(Debug, Clone)]
pub struct Rules {
    pub(super) min_interval_ms: u64,
    pub(super) max_interval_ms: u64,
    pub(super) repeat_ms: u64,
    /// Silence after which the sensor may begin its counter anew.
    pub(super) silence_ms: u64,
    pub(super) pace: Pace,
    deadbands: HashMap<Property, f64>,
}

/// The names of all that sensors measure.
pub fn measured() -> Vec<&'static str> {
    of_measurements().map(Property::name).collect()
}

impl Rules {
    /// Whether a measured value is another one, to speak of.
    pub(super) fn has_changed(&self, property: Property, before: &Datum, now: &Datum) -> bool {
        match (before, now) {
            (Datum::Number(before), Datum::Number(now)) => {
                let change = (before - now).abs();
                // What is exactly the deadband apart may come out a little less.
                let least = self.deadbands.get(&property).map_or(0.0, |least| least - 1e-9);
                change > 0.0 && change >= least
            }
            _ => before != now,
        }
    }
}

impl From<&Telling> for Rules {
    fn from(telling: &Telling) -> Self {
        let deadband = |property: Property| Some((property, *telling.deadbands.get(property.name())?));
        Self {
            min_interval_ms: u64::from(telling.min_interval_s) * 1_000,
            max_interval_ms: u64::from(telling.max_interval_s) * 1_000,
            repeat_ms: u64::from(telling.repeat_s) * 1_000,
            silence_ms: u64::from(telling.counter_reset_h) * 60 * 60 * 1_000,
            pace: Pace::per_minute(telling.per_minute),
            deadbands: of_measurements().filter_map(deadband).collect(),
        }
    }
}

impl Default for Rules {
    fn default() -> Self {
        Self::from(&Telling::default())
    }
}

fn of_measurements() -> impl Iterator<Item = Property> {
    Property::ALL.iter().copied().filter(|property| property.kind() == Kind::Measurement)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_has_a_deadband_without_being_asked_is_measured() {
        let measured = measured();
        assert!(Telling::default().deadbands.keys().all(|name| measured.contains(&name.as_str())));
        assert!(!measured.contains(&"button"));
    }

    #[test]
    fn a_deadband_of_nothing_counts_each_change() {
        let telling = Telling { deadbands: [("temperature".to_owned(), 0.0)].into(), ..Telling::default() };
        let rules = Rules::from(&telling);
        let has_changed = |now| rules.has_changed(Property::Temperature, &Datum::Number(21.5), &Datum::Number(now));
        assert!(has_changed(21.51) && !has_changed(21.5));
    }
}
