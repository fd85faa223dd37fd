//! One adopted sensor: what it sends is read with its key, sifted by its rules, and put into words.

use serde_json::Map;
use serde_json::json;

use crate::ble::advert::Advert;
use crate::ble::decode;
use crate::ble::decode::BindKey;
use crate::ble::decode::Reading;
use crate::ble::decode::Refusal;
use crate::ble::decode::State;
use crate::ble::decode::Value;
use crate::ble::presence::Presence;
use crate::ble::rate::Bridge;
use crate::ble::rules::Rules;
use crate::ble::sensors::Heard;
use crate::ble::sieve::Dropped;
use crate::ble::sieve::Sieve;
use crate::bus::Publication;
use crate::bus::Publisher;
use crate::model::DeviceId;
use crate::model::Publishing;
use crate::model::Sensor;
use crate::store::StoredSensor;

/// How often it is kept where the counters of a sensor stand that tells nothing. Ours: what somebody records meanwhile, and
/// sends after a power cut, is taken for new.
const KEPT_EVERY_MS: u64 = 5 * 60 * 1_000;

/// See the module.
#[derive(Debug)]
pub(super) struct Adopted {
    pub(super) device: DeviceId,
    sensor: Sensor,
    key: Option<BindKey>,
    rules: Rules,
    state: State,
    sieve: Sieve,
    presence: Presence,
    /// Where the counters stood when they were last to be kept, and when that was.
    kept: StoredSensor,
    kept_ms: u64,
}

impl Adopted {
    /// One whose counters stood so before the start.
    pub(super) fn new(device: DeviceId, sensor: &Sensor, kept: StoredSensor, now_ms: u64) -> Self {
        let StoredSensor { bthome, mibeacon, reading } = kept;
        Self {
            device,
            sensor: sensor.clone(),
            key: key_of(sensor),
            rules: Rules::from(&sensor.telling),
            state: State { bthome, mibeacon, ..State::default() },
            sieve: Sieve::after(reading, now_ms),
            presence: Presence::default(),
            kept,
            kept_ms: now_ms,
        }
    }

    /// The same with what is set of it now. What it told is known as before, and where its counters stand, unless it
    /// has another key: with that it counts anew, and nobody can have recorded anything.
    pub(super) fn set(self, sensor: &Sensor, now_ms: u64) -> Self {
        if self.sensor == *sensor {
            return self;
        }
        if self.sensor.bind_key == sensor.bind_key {
            return Self { sensor: sensor.clone(), rules: Rules::from(&sensor.telling), ..self };
        }
        let fresh = Self::new(self.device, sensor, StoredSensor::default(), now_ms);
        Self { sieve: self.sieve.counting_anew(), presence: self.presence, ..fresh }
    }

    pub(super) fn hear(&mut self, advert: &Advert, adapter: Option<&str>, bridge: &mut Bridge, now_ms: u64) -> Heard {
        let mut read = decode::decode(advert, self.key.as_ref(), &mut self.state);
        if matches!(read, Err(Refusal::Replayed { .. })) && self.sieve.is_silent(&self.rules, now_ms) {
            // With a new battery it begins at 0.
            self.state = State { bthome: None, mibeacon: None, ..self.state };
            read = decode::decode(advert, self.key.as_ref(), &mut self.state);
        }
        let (mut events, mut dropped) = (Vec::new(), Vec::new());
        let heard = (advert.rssi, adapter);
        // Of an address that changes, silence says nothing.
        if !advert.rotates && self.presence.hear(now_ms) {
            events.push(self.present(true));
        }
        match &read {
            Ok(reading) => {
                let sifted = self.sieve.sift(reading, &self.rules, bridge, now_ms);
                if sifted.is_measured {
                    events.push(self.told("sensor".to_owned(), &reading.values, reading, heard));
                }
                for value in &sifted.events {
                    let name = format!("sensor/{}", value.key.property.name());
                    events.push(self.told(name, std::slice::from_ref(value), reading, heard));
                }
                dropped.extend(sifted.dropped.into_iter().map(Dropped::name));
            }
            // Much that sensors send beside their readings is of no format.
            Err(Refusal::UnknownFormat) => {}
            Err(Refusal::Replayed { .. }) => dropped.push("replayed"),
            Err(Refusal::NeedsKey | Refusal::WrongKey | Refusal::KeyLength(_)) => dropped.push("key"),
            Err(Refusal::NotEncrypted) => dropped.push("not_encrypted"),
            Err(_) => dropped.push("unreadable"),
        }
        let is_due = !events.is_empty() || now_ms.saturating_sub(self.kept_ms) >= KEPT_EVERY_MS;
        let keep = self.unkept().filter(|_| is_due);
        if let Some(counters) = keep {
            (self.kept, self.kept_ms) = (counters, now_ms);
        }
        Heard { read, device: self.device, events, dropped, keep }
    }

    /// What is told if it is away since the last look. `is_listening` is whether it would have been heard.
    pub(super) fn look(&mut self, is_listening: bool, now_ms: u64) -> Option<Publication> {
        self.presence.look(is_listening, now_ms).then(|| self.present(false))
    }

    /// Where the counters stand, if that was not to be kept yet.
    pub(super) fn unkept(&self) -> Option<StoredSensor> {
        Some(self.counters()).filter(|counters| *counters != self.kept)
    }

    fn counters(&self) -> StoredSensor {
        let State { bthome, mibeacon, .. } = self.state;
        StoredSensor { bthome, mibeacon, reading: self.sieve.counter() }
    }

    /// Values of a reading, who may have sent it, and how strongly it was heard by which adapter.
    fn told(
        &self,
        name: String,
        values: &[Value],
        reading: &Reading,
        (rssi, adapter): (Option<i16>, Option<&str>),
    ) -> Publication {
        let mut data: Map<String, serde_json::Value> =
            values.iter().map(|value| (value.key.to_string(), value.datum.to_json())).collect();
        if let Some(rssi) = rssi {
            data.insert("rssi".to_owned(), json!(rssi));
        }
        if let Some(adapter) = adapter {
            data.insert("adapter".to_owned(), json!(adapter));
        }
        if let Some(counter) = reading.counter {
            data.insert("seq".to_owned(), json!(counter.value));
        }
        data.insert("authenticated".to_owned(), json!(reading.authenticated));
        self.event(name, data)
    }

    fn present(&self, is_present: bool) -> Publication {
        let data = [("present".to_owned(), json!(is_present))].into_iter().collect();
        self.event("presence".to_owned(), data)
    }

    fn event(&self, name: String, data: Map<String, serde_json::Value>) -> Publication {
        Publication {
            name,
            data: serde_json::Value::Object(data).to_string().into(),
            ttl_s: None,
            publisher: Publisher::Device(self.device),
            resend: None,
            publishing: Publishing::default(),
        }
    }
}

/// A key that does not parse was never taken: without one, the sensor says that it needs it.
fn key_of(sensor: &Sensor) -> Option<BindKey> {
    sensor.bind_key.as_ref().and_then(|key| key.reveal().parse().ok())
}
