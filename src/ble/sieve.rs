//! Which readings of an adopted sensor become events. Sensors send the same many times over, and everything is heard
//! from each of them: what was told already, or what changed by nothing to speak of, is dropped, and each drop has its
//! reason. Pure: the time is an argument.
//!
//! What happens, as a button, is told at once; what is or is not, as a door, when it changes; what is measured when it
//! changes by its deadband, not more often than [`Sieve::MIN_INTERVAL_MS`] allows. What does not change is told again
//! after [`Sieve::MAX_INTERVAL_MS`]. All numbers here are ours.

use std::collections::HashMap;

use crate::ble::decode::Datum;
use crate::ble::decode::Key;
use crate::ble::decode::Kind;
use crate::ble::decode::Property;
use crate::ble::decode::Reading;
use crate::ble::decode::Value;

/// Milliseconds for which an event of a format without counters is taken for a repetition of the same one.
const BURST_MS: u64 = 4_000;

/// Milliseconds of silence after which a sensor may begin its counter anew.
const SILENCE_MS: u64 = 24 * 60 * 60 * 1_000;

/// Values of one sensor that are remembered. An advert has room for fewer; who sends other ones each time does not fill
/// the memory.
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
    /// The shortest time between two events with one measured value.
    pub const MIN_INTERVAL_MS: u64 = 10_000;

    /// The time after which a value is told again that did not change.
    pub const MAX_INTERVAL_MS: u64 = 300_000;

    /// A sieve of a sensor whose last reading, before a start of the gateway, had this counter: it is not told again.
    pub fn after(counter: Option<u32>, now_ms: u64) -> Self {
        Self { counter, heard_ms: now_ms, ..Self::default() }
    }

    /// The counter of the last reading that was not dropped for it.
    pub fn counter(&self) -> Option<u32> {
        self.counter
    }

    /// Whether nothing new was heard for so long that the sensor may begin its counter anew.
    pub fn is_silent(&self, now_ms: u64) -> bool {
        now_ms.saturating_sub(self.heard_ms) >= SILENCE_MS
    }

    /// Decides about a reading. `bridge` is the rate that all sensors share.
    pub fn sift(&mut self, reading: &Reading, bridge: &mut Bridge, now_ms: u64) -> Sifted {
        let counter = reading.counter.map(|counter| counter.value);
        // A sensor that nobody vouches for may begin anew, and come upon the same number. One that is vouched for does
        // not: there it would be somebody who recorded it.
        let may_begin_anew = !reading.authenticated && self.is_silent(now_ms);
        if counter.is_some() && counter == self.counter && !may_begin_anew {
            return Sifted { dropped: vec![Dropped::SameCounter], ..Sifted::default() };
        }
        let mut sifted = Sifted::default();
        for value in &reading.events {
            match self.weigh_event(value, counter.is_some(), now_ms) {
                Ok(()) => sifted.events.push(value.clone()),
                Err(reason) => sifted.dropped.push(reason),
            }
        }
        match self.weigh_values(&reading.values, now_ms) {
            Some(Ok(())) => sifted.is_measured = true,
            Some(Err(reason)) => sifted.dropped.push(reason),
            None => {}
        }
        let wanted = sifted.events.len() + usize::from(sifted.is_measured);
        if let Err(reason) = self.admit(wanted, bridge, now_ms) {
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

    fn weigh_event(&self, value: &Value, is_new: bool, now_ms: u64) -> Result<(), Dropped> {
        let Some(told) = self.told.get(&value.key).filter(|told| told.datum == value.datum) else { return Ok(()) };
        let since_ms = now_ms.saturating_sub(told.at_ms);
        match value.key.property.kind() {
            Kind::Event if is_new || since_ms >= BURST_MS => Ok(()),
            Kind::Event => Err(Dropped::Repeated),
            Kind::State | Kind::Measurement if since_ms >= Self::MAX_INTERVAL_MS => Ok(()),
            Kind::State | Kind::Measurement => Err(Dropped::Unchanged),
        }
    }

    /// None if nothing was measured.
    fn weigh_values(&self, values: &[Value], now_ms: u64) -> Option<Result<(), Dropped>> {
        let mut verdict = None;
        for value in values {
            let reason = match self.told.get(&value.key) {
                None => return Some(Ok(())),
                Some(told) => {
                    let since_ms = now_ms.saturating_sub(told.at_ms);
                    let is_other = has_changed(value.key.property, &told.datum, &value.datum);
                    let pause_ms = if is_other { Self::MIN_INTERVAL_MS } else { Self::MAX_INTERVAL_MS };
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

    fn admit(&mut self, wanted: usize, bridge: &mut Bridge, now_ms: u64) -> Result<(), Dropped> {
        let wanted = u64::try_from(wanted).expect("an advert is small");
        let sensor = self.rate.after(wanted, Self::RATE, now_ms).ok_or(Dropped::SensorRate)?;
        let all = bridge.0.after(wanted, Bridge::RATE, now_ms).ok_or(Dropped::BridgeRate)?;
        (self.rate, bridge.0) = (sensor, all);
        Ok(())
    }

    fn remember(&mut self, values: &[Value], now_ms: u64) {
        for Value { key, datum } in values {
            if self.told.len() >= MOST_KEYS && !self.told.contains_key(key) {
                self.told.clear();
            }
            self.told.insert(*key, Told { datum: datum.clone(), at_ms: now_ms });
        }
    }

    /// Of one sensor: 60 events a minute, 10 at once.
    const RATE: Pace = Pace { each_ms: 1_000, at_once: 10 };
}

/// What all sensors share.
#[derive(Debug, Clone, Default)]
pub struct Bridge(Rate);

impl Bridge {
    /// Of all sensors: 20 events a second.
    const RATE: Pace = Pace { each_ms: 50, at_once: 20 };
}

/// How many events there may be.
#[derive(Debug, Clone, Copy)]
struct Pace {
    each_ms: u64,
    at_once: u64,
}

/// A bucket of tokens, as the moment at which it will be full again.
#[derive(Debug, Clone, Copy, Default)]
struct Rate {
    full_at_ms: u64,
}

impl Rate {
    /// What it is after so many events; none if they are too many.
    fn after(self, events: u64, pace: Pace, now_ms: u64) -> Option<Self> {
        let full_at_ms = self.full_at_ms.max(now_ms) + events * pace.each_ms;
        let is_within = events == 0 || full_at_ms - now_ms <= pace.at_once * pace.each_ms;
        is_within.then_some(Self { full_at_ms })
    }
}

/// Whether a measured value is another one, to speak of.
fn has_changed(property: Property, before: &Datum, now: &Datum) -> bool {
    match (before, now) {
        (Datum::Number(before), Datum::Number(now)) => {
            let change = (before - now).abs();
            // What is exactly the deadband apart may come out a little less.
            deadband(property).map_or(change > 0.0, |least| change >= least - 1e-9)
        }
        _ => before != now,
    }
}

/// The least change that counts; without one each does.
fn deadband(property: Property) -> Option<f64> {
    match property {
        Property::Temperature => Some(0.1),
        Property::Humidity | Property::Pressure | Property::Battery => Some(1.0),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
