//! Which readings of an adopted sensor become events. Sensors send the same many times over, and everything is heard
//! from each of them: what was told already, or what changed by nothing to speak of, is dropped, and each drop has its
//! reason. Pure: the time is an argument.
//!
//! What happens, as a button, is told at once; what is or is not, as a door, when it changes; what is measured when it
//! changes by its deadband, not too often. What does not change is told again after a while. The numbers are the
//! sensor's `Rules`.

use std::collections::HashMap;

use crate::ble::decode::Datum;
use crate::ble::decode::Key;
use crate::ble::decode::Kind;
use crate::ble::decode::Reading;
use crate::ble::decode::Value;
use crate::ble::rate::Bridge;
use crate::ble::rate::Rate;
use crate::ble::rate::TooMany;
use crate::ble::rules::Rules;

/// Values of one sensor that are remembered. An advert has room for fewer; who sends other ones each time does not fill
/// the memory. Ours.
const MOST_KEYS: usize = 128;

/// Why a reading, or a part of it, becomes no event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Dropped {
    /// It has the counter of the reading before: it is the same one, heard again.
    SameCounter,
    /// Without a counter, the same event again in the moment after.
    Repeated,
    /// Nothing in it changed to speak of.
    Unchanged,
    /// Something changed, too soon after the event before.
    TooSoon,
    /// The sensor makes too many events.
    SensorRate,
    /// All sensors together make too many events.
    BridgeRate,
}

impl Dropped {
    /// The word for it.
    pub fn name(self) -> &'static str {
        match self {
            Self::SameCounter => "same_counter",
            Self::Repeated => "repeated",
            Self::Unchanged => "unchanged",
            Self::TooSoon => "too_soon",
            Self::SensorRate => "sensor_rate",
            Self::BridgeRate => "bridge_rate",
        }
    }
}

/// What becomes of a reading.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Sifted {
    /// Whether what was measured is told.
    pub is_measured: bool,
    /// What happened and what changed, each to be told by itself.
    pub events: Vec<Value>,
    /// Why something was not told. What is simply not in the reading has no reason.
    pub dropped: Vec<Dropped>,
}

/// What one sensor has told so far.
#[derive(Debug, Clone, Default)]
pub struct Sieve {
    counter: Option<u32>,
    heard_ms: u64,
    told: HashMap<Key, Told>,
    rate: Rate,
}

#[derive(Debug, Clone)]
struct Told {
    datum: Datum,
    at_ms: u64,
}

impl Sieve {
    /// A sieve of a sensor whose last reading, before a start of the gateway, had this counter: it is not told again.
    pub fn after(counter: Option<u32>, now_ms: u64) -> Self {
        Self { counter, heard_ms: now_ms, ..Self::default() }
    }

    /// The counter of the last reading that was not dropped for it.
    pub fn counter(&self) -> Option<u32> {
        self.counter
    }

    /// The same of a sensor whose counter begins anew.
    #[must_use]
    pub fn counting_anew(self) -> Self {
        Self { counter: None, ..self }
    }

    /// Whether nothing new was heard for so long that the sensor may begin its counter anew.
    pub fn is_silent(&self, rules: &Rules, now_ms: u64) -> bool {
        now_ms.saturating_sub(self.heard_ms) >= rules.silence_ms
    }

    /// Decides about a reading. `bridge` is the rate that all sensors share.
    pub fn sift(&mut self, reading: &Reading, rules: &Rules, bridge: &mut Bridge, now_ms: u64) -> Sifted {
        let counter = reading.counter.map(|counter| counter.value);
        // A sensor that nobody vouches for may begin anew, and come upon the same number. One that is vouched for does
        // not: there it would be somebody who recorded it.
        let may_begin_anew = !reading.authenticated && self.is_silent(rules, now_ms);
        if counter.is_some() && counter == self.counter && !may_begin_anew {
            return Sifted { dropped: vec![Dropped::SameCounter], ..Sifted::default() };
        }
        let mut sifted = Sifted::default();
        for value in &reading.events {
            match self.weigh_event(value, counter.is_some(), rules, now_ms) {
                Ok(()) => sifted.events.push(value.clone()),
                Err(reason) => sifted.dropped.push(reason),
            }
        }
        match self.weigh_values(&reading.values, rules, now_ms) {
            Some(Ok(())) => sifted.is_measured = true,
            Some(Err(reason)) => sifted.dropped.push(reason),
            None => {}
        }
        let wanted = sifted.events.len() + usize::from(sifted.is_measured);
        if let Err(too_many) = bridge.admit(wanted, &mut self.rate, rules.pace, now_ms) {
            let reason = match too_many {
                TooMany::OfSensor => Dropped::SensorRate,
                TooMany::OfAll => Dropped::BridgeRate,
            };
            // Nothing of it counts as told: when it is heard again, it gets another chance.
            return Sifted { dropped: vec![reason], ..Sifted::default() };
        }
        self.counter = counter.or(self.counter);
        self.heard_ms = now_ms;
        self.remember(&sifted.events, now_ms);
        if sifted.is_measured {
            self.remember(&reading.values, now_ms);
        }
        sifted
    }

    fn weigh_event(&self, value: &Value, is_new: bool, rules: &Rules, now_ms: u64) -> Result<(), Dropped> {
        let Some(told) = self.told.get(&value.key).filter(|told| told.datum == value.datum) else { return Ok(()) };
        let since_ms = now_ms.saturating_sub(told.at_ms);
        match value.key.property.kind() {
            Kind::Event if is_new || since_ms >= rules.repeat_ms => Ok(()),
            Kind::Event => Err(Dropped::Repeated),
            Kind::State | Kind::Measurement if since_ms >= rules.max_interval_ms => Ok(()),
            Kind::State | Kind::Measurement => Err(Dropped::Unchanged),
        }
    }

    /// None if nothing was measured.
    fn weigh_values(&self, values: &[Value], rules: &Rules, now_ms: u64) -> Option<Result<(), Dropped>> {
        let mut verdict = None;
        for value in values {
            let reason = match self.told.get(&value.key) {
                None => return Some(Ok(())),
                Some(told) => {
                    let since_ms = now_ms.saturating_sub(told.at_ms);
                    let is_other = rules.has_changed(value.key.property, &told.datum, &value.datum);
                    let pause_ms = if is_other { rules.min_interval_ms } else { rules.max_interval_ms };
                    if since_ms >= pause_ms {
                        return Some(Ok(()));
                    }
                    if is_other { Dropped::TooSoon } else { Dropped::Unchanged }
                }
            };
            if verdict != Some(Err(Dropped::TooSoon)) {
                verdict = Some(Err(reason));
            }
        }
        verdict
    }

    fn remember(&mut self, values: &[Value], now_ms: u64) {
        for Value { key, datum } in values {
            if self.told.len() >= MOST_KEYS && !self.told.contains_key(key) {
                self.told.clear();
            }
            self.told.insert(*key, Told { datum: datum.clone(), at_ms: now_ms });
        }
    }
}

#[cfg(test)]
mod tests;
