//! What a decoder makes of an advert: values, each under a name of its own.
//!
//! A decoder fills a [`Draft`] in the order of the advert and [finishes](Draft::finish) it.

use std::borrow::Cow;
use std::fmt;

use serde_json::Map;
use serde_json::Number;

use crate::ble::decode::property::Kind;
use crate::ble::decode::property::Property;
use crate::ble::decode::refusal::Refusal;

/// What an advert says.
#[derive(Debug, Clone, PartialEq)]
pub struct Reading {
    /// Which decoder made it.
    pub format: &'static str,
    /// The device's model, if the advert tells.
    pub model: Option<Cow<'static, str>>,
    /// What was measured.
    pub values: Vec<Value>,
    /// What is or is not, and what happened: motion, a door, a button.
    pub events: Vec<Value>,
    /// What tells a reading from its repetitions, if the format has that; of an encrypted one, what tells it from a replay.
    pub counter: Option<Counter>,
    /// A `packet id`, which `BTHome` counts among the values.
    pub packet_id: Option<u8>,
    /// Whether only somebody with the bind key can have sent it.
    pub authenticated: bool,
}

impl Reading {
    /// Everything in it under its name, as JSON.
    pub fn to_json(&self) -> Map<String, serde_json::Value> {
        let mut object = self.told();
        if let Some(id) = self.packet_id {
            object.insert("packet_id".to_owned(), id.into());
        }
        object
    }

    /// What it tells of the sensor: everything but the number of the packet. A state that is called like something
    /// measured in the same advert, as `power` can be, gets `_state` behind its name.
    pub fn told(&self) -> Map<String, serde_json::Value> {
        let mut object = Map::new();
        for Value { key, datum } in self.values.iter().chain(&self.events) {
            let mut name = key.to_string();
            if object.contains_key(&name) {
                name.push_str("_state");
            }
            object.insert(name, datum.to_json());
        }
        object
    }
}

/// One value of a reading.
#[derive(Debug, Clone, PartialEq)]
pub struct Value {
    /// Its name.
    pub key: Key,
    /// The value itself.
    pub datum: Datum,
}

/// A number, a truth or a text.
#[derive(Debug, Clone, PartialEq)]
pub enum Datum {
    /// In the property's unit, rounded to what the format has. Finite.
    Number(f64),
    /// Whether it is so.
    Flag(bool),
    /// A word or a text.
    Text(Cow<'static, str>),
}

impl Datum {
    /// As JSON; a whole number without its point.
    pub fn to_json(&self) -> serde_json::Value {
        match self {
            Self::Number(number) => json_number(*number),
            Self::Flag(flag) => (*flag).into(),
            Self::Text(text) => text.as_ref().into(),
        }
    }
}

/// Under which name a value goes: `temperature`, `temperature_2`, `temperature_probe_1`, `button_left`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Key {
    /// What it is about.
    pub property: Property,
    /// Which part of the device it is about.
    pub part: Part,
    /// 1, or more if the advert has several of the same name.
    pub nth: u8,
}

/// A part of a device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Part {
    /// All of it.
    Whole,
    /// A probe, counted from 1.
    Probe(u8),
    /// A part with a number, counted as the maker does.
    Number(u8),
    /// A part with a name.
    Named(&'static str),
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.property.name())?;
        match self.part {
            Part::Whole => {}
            Part::Probe(number) => write!(f, "_probe_{number}")?,
            Part::Number(number) => write!(f, "_{number}")?,
            Part::Named(name) => write!(f, "_{name}")?,
        }
        if self.nth > 1 { write!(f, "_{}", self.nth) } else { Ok(()) }
    }
}

impl From<Property> for Key {
    fn from(property: Property) -> Self {
        (property, Part::Whole).into()
    }
}

impl From<(Property, Part)> for Key {
    fn from((property, part): (Property, Part)) -> Self {
        Self { property, part, nth: 1 }
    }
}

/// A number that a device raises with each reading, and that starts again at 0 after `2^bits - 1`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counter {
    /// Where it stands.
    pub value: u32,
    /// How many bits it has.
    pub bits: u8,
}

impl Counter {
    /// A counter of so many bits.
    pub(super) const fn new(value: u32, bits: u8) -> Self {
        Self { value, bits }
    }

    /// A counter of one byte.
    pub(super) const fn byte(value: u8) -> Self {
        Self::new(value as u32, 8)
    }
}

/// A reading that is being made.
#[derive(Debug)]
pub(super) struct Draft {
    reading: Reading,
    /// Whether a value takes the place of one with the same name.
    is_replacing: bool,
}

impl Draft {
    pub(super) fn new(format: &'static str) -> Self {
        let (values, events) = (Vec::new(), Vec::new());
        let (counter, packet_id) = (None, None);
        let reading = Reading { format, model: None, values, events, counter, packet_id, authenticated: false };
        Self { reading, is_replacing: false }
    }

    /// A reading in which the last value of a name counts, for formats that do not send several.
    pub(super) fn replacing(format: &'static str) -> Self {
        Self { is_replacing: true, ..Self::new(format) }
    }

    pub(super) fn model(&mut self, model: impl Into<Cow<'static, str>>) {
        self.reading.model = Some(model.into());
    }

    pub(super) fn counter(&mut self, counter: Counter) {
        self.reading.counter = Some(counter);
    }

    /// A packet id, which is the counter if there is no better one: whoever encrypts has one that nobody can turn back.
    pub(super) fn packet_id(&mut self, id: u8) {
        self.reading.packet_id = Some(id);
        self.reading.counter.get_or_insert(Counter::byte(id));
    }

    pub(super) fn authenticated(&mut self) {
        self.reading.authenticated = true;
    }

    /// A whole number.
    pub(super) fn whole(&mut self, key: impl Into<Key>, number: impl Into<i64>) {
        self.scaled(key, number, 0);
    }

    /// A number that was sent without its decimal point.
    pub(super) fn scaled(&mut self, key: impl Into<Key>, digits: impl Into<i64>, decimals: u8) {
        self.push(key.into(), Datum::Number(pointed(digits.into(), decimals)));
    }

    /// A number that was calculated, rounded to the decimals of its property. None if it is not finite.
    pub(super) fn float(&mut self, key: impl Into<Key>, number: f64) {
        let key = key.into();
        self.rounded(key, number, key.property.decimals());
    }

    /// The same with decimals of its own.
    pub(super) fn rounded(&mut self, key: impl Into<Key>, number: f64, decimals: u8) {
        if number.is_finite() {
            self.push(key.into(), Datum::Number(rounded(number, decimals)));
        }
    }

    pub(super) fn flag(&mut self, key: impl Into<Key>, flag: bool) {
        self.push(key.into(), Datum::Flag(flag));
    }

    pub(super) fn text(&mut self, key: impl Into<Key>, text: impl Into<Cow<'static, str>>) {
        self.push(key.into(), Datum::Text(text.into()));
    }

    /// Puts a value down. The second one of a name gets a 2, and so on.
    fn push(&mut self, mut key: Key, datum: Datum) {
        let Reading { values, events, .. } = &mut self.reading;
        if self.is_replacing {
            values.retain(|value| value.key != key);
            events.retain(|value| value.key != key);
        } else {
            let before = values
                .iter()
                .chain(&*events)
                .filter(|value| (value.key.property, value.key.part) == (key.property, key.part));
            key.nth = before.map(|value| value.key.nth).max().unwrap_or(0).saturating_add(1);
        }
        self.set(key, datum);
    }

    /// Puts a value down under exactly this name.
    pub(super) fn set(&mut self, key: Key, datum: Datum) {
        match key.property.kind() {
            Kind::Measurement => self.reading.values.push(Value { key, datum }),
            Kind::State | Kind::Event => self.reading.events.push(Value { key, datum }),
        }
    }

    /// The reading, if there is anything in it.
    pub(super) fn finish(self) -> Result<Reading, Refusal> {
        let Reading { values, events, packet_id, .. } = &self.reading;
        if values.is_empty() && events.is_empty() && packet_id.is_none() {
            Err(Refusal::Empty)
        } else {
            Ok(self.reading)
        }
    }
}

/// `digits` with the last `decimals` of them behind the point, as near as a float can be.
fn pointed(digits: i64, decimals: u8) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "no format sends a number of more than 53 bits in earnest")]
    let digits = digits as f64;
    digits / 10_f64.powi(decimals.into())
}

/// The nearest number with so many decimals. Multiplying, rounding and dividing would be wrong in the last digit at times.
fn rounded(number: f64, decimals: u8) -> f64 {
    let rounded: f64 = format!("{number:.0$}", usize::from(decimals)).parse().unwrap_or(number);
    // Not -0.
    rounded + 0.0
}

/// A number without `.0` where it is whole.
fn json_number(number: f64) -> serde_json::Value {
    #[expect(clippy::cast_possible_truncation, reason = "it is compared with what it came from")]
    let whole = number as i64;
    #[expect(
        clippy::cast_precision_loss,
        clippy::float_cmp,
        reason = "the comparison is what shows that nothing was lost"
    )]
    if whole as f64 == number && whole.unsigned_abs() < 1 << 53 {
        return whole.into();
    }
    Number::from_f64(number).map_or(serde_json::Value::Null, serde_json::Value::Number)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn json_of(draft: Draft) -> serde_json::Value {
        draft.finish().unwrap().to_json().into()
    }

    #[test]
    fn the_second_value_of_a_name_gets_a_number() {
        let mut draft = Draft::new("x");
        draft.scaled(Property::Temperature, 2506, 2);
        draft.scaled(Property::Temperature, -2511, 2);
        draft.whole(Property::Power, 5);
        draft.flag(Property::Powered, true);
        draft.text((Property::Button, Part::Named("left")), "press");
        draft.whole((Property::Temperature, Part::Probe(2)), 7);
        let expected = json!({
            "temperature": 25.06, "temperature_2": -25.11, "power": 5, "temperature_probe_2": 7,
            "power_state": true, "button_left": "press",
        });
        assert_eq!(json_of(draft), expected);
        let mut draft = Draft::new("x");
        draft.flag(Property::GasFound, true);
        draft.scaled(Property::Gas, 1, 3);
        assert_eq!(json_of(draft), json!({ "gas": 0.001, "gas_state": true }), "whichever comes first");
    }

    #[test]
    fn where_there_is_only_one_of_a_name_the_last_one_counts() {
        let mut draft = Draft::replacing("x");
        draft.whole(Property::Battery, 1);
        draft.whole((Property::Battery, Part::Named("probe")), 3);
        draft.whole(Property::Battery, 2);
        assert_eq!(json_of(draft), json!({ "battery_probe": 3, "battery": 2 }));
    }

    #[test]
    fn states_and_events_are_kept_apart_from_what_was_measured() {
        let mut draft = Draft::new("x");
        draft.flag(Property::Motion, true);
        draft.whole(Property::Battery, 97);
        let reading = draft.finish().unwrap();
        assert_eq!(reading.values.len(), 1);
        assert_eq!(reading.events[0].key, Key::from(Property::Motion));
    }

    #[test]
    fn numbers_are_exact_to_their_last_digit() {
        for (number, decimals, expected) in
            [(2.675, 2, 2.67), (0.125, 2, 0.12), (1.005, 2, 1.0), (-0.001, 2, 0.0), (36.871_998, 2, 36.87)]
        {
            let shown = rounded(number, decimals);
            assert!((shown - expected).abs() < f64::EPSILON && shown.to_string() != "-0", "{number}: {shown}");
        }
        assert_eq!(pointed(344_593_170, 3).to_string(), "344593.17");
        assert_eq!(json_number(21.0).to_string(), "21");
        assert_eq!(json_number(f64::NAN), serde_json::Value::Null);
        let mut draft = Draft::new("x");
        draft.float(Property::Temperature, f64::INFINITY);
        assert_eq!(draft.finish(), Err(Refusal::Empty));
    }

    #[test]
    fn a_packet_id_alone_is_a_reading_and_another_counter_is_none() {
        let mut draft = Draft::new("x");
        draft.counter(Counter::byte(9));
        assert_eq!(draft.finish(), Err(Refusal::Empty));
        let mut draft = Draft::new("x");
        draft.packet_id(9);
        assert_eq!(json_of(draft), json!({ "packet_id": 9 }));
    }

    #[test]
    fn a_packet_id_does_not_take_the_place_of_a_better_counter() {
        let mut draft = Draft::new("x");
        draft.counter(Counter::new(1_000, 32));
        draft.packet_id(9);
        let reading = draft.finish().unwrap();
        assert_eq!((reading.counter, reading.packet_id), (Some(Counter::new(1_000, 32)), Some(9)));
    }
}
