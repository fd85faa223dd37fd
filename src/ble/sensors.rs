//! The sensors that were adopted: what they send is read with their keys, and what passes the [sieve](crate::ble::sieve)
//! becomes events. What was measured is the event `sensor`, a JSON object of its values and how strongly it was heard;
//! what happened or changed is one event each, `sensor/` and what it is about, and so is that a sensor is away or back. Pure but for the answers to whoever
//! tries a bind key.

mod adopted;

use std::collections::HashMap;

use tokio::sync::oneshot;

use crate::ble::advert::Address;
use crate::ble::advert::Advert;
use crate::ble::decode;
use crate::ble::decode::BindKey;
use crate::ble::decode::Reading;
use crate::ble::decode::Refusal;
use crate::ble::decode::State;
use crate::ble::rate::Bridge;
use crate::ble::sensors::adopted::Adopted;
use crate::bus::KeyRefusal;
use crate::bus::Publication;
use crate::model::DeviceId;
use crate::model::Hidden;
use crate::registry::Snapshot;
use crate::store::StoredSensor;

/// Bind keys that may wait for a packet. Ours.
const MOST_TRIALS: usize = 16;

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Sensors {
    adopted: HashMap<Address, Adopted>,
    /// Where counters stood before the start, of those that were not taken up yet.
    kept: HashMap<DeviceId, StoredSensor>,
    bridge: Bridge,
    adapter: Option<String>,
    trials: Vec<Trial>,
}

/// What an advert of an adopted sensor came to.
#[derive(Debug)]
pub(super) struct Heard {
    /// What was read of it.
    pub(super) read: Result<Reading, Refusal>,
    /// Which device it is.
    pub(super) device: DeviceId,
    /// What is told of it.
    pub(super) events: Vec<Publication>,
    /// Why something of it is not told.
    pub(super) dropped: Vec<&'static str>,
    /// Where its counters stand now, if that is to be kept: so that neither this is told again after a restart nor what
    /// somebody recorded.
    pub(super) keep: Option<StoredSensor>,
}

#[derive(Debug)]
struct Trial {
    address: Address,
    key: BindKey,
    reply: oneshot::Sender<Result<(), KeyRefusal>>,
}

impl Sensors {
    /// None yet; where the counters of some stood when the gateway stopped.
    pub(super) fn knowing(kept: Vec<(DeviceId, StoredSensor)>) -> Self {
        Self { kept: kept.into_iter().collect(), ..Self::default() }
    }

    /// Takes up which sensors are adopted now, and how they are set. Of those that were before, what they told is known
    /// as before. Gives back the others.
    pub(super) fn adopt(&mut self, registry: &Snapshot, now_ms: u64) -> Vec<DeviceId> {
        let mut before = std::mem::take(&mut self.adopted);
        let mut kept = std::mem::take(&mut self.kept);
        let mut gone = Vec::new();
        for (device, sensor) in registry.sensors() {
            let kept = kept.remove(&device.id).unwrap_or_default();
            let adopted = match before.remove(&sensor.address) {
                Some(same) if same.device == device.id => same.set(sensor, now_ms),
                other => {
                    gone.extend(other.map(|other| other.device));
                    Adopted::new(device.id, sensor, kept, now_ms)
                }
            };
            self.adopted.insert(sensor.address, adopted);
        }
        gone.extend(before.into_values().map(|gone| gone.device).chain(kept.into_keys()));
        gone
    }

    /// An advert was heard just now. None if its sender is not adopted.
    pub(super) fn hear(&mut self, advert: &Advert, now_ms: u64) -> Option<Heard> {
        self.answer_trials(advert);
        let sensor = self.adopted.get_mut(&advert.address)?;
        Some(sensor.hear(advert, self.adapter.as_deref(), &mut self.bridge, now_ms))
    }

    /// Events say from now on that this adapter has heard their sensors.
    pub(super) fn heard_by(&mut self, adapter: Option<String>) {
        self.adapter = adapter;
    }

    /// What is told of those that are away since the last look. `would_hear` is whether one would have been heard.
    pub(super) fn look(&mut self, would_hear: impl Fn(DeviceId) -> bool, now_ms: u64) -> Vec<(DeviceId, Publication)> {
        let sensors = self.adopted.values_mut();
        sensors.filter_map(|sensor| Some((sensor.device, sensor.look(would_hear(sensor.device), now_ms)?))).collect()
    }

    /// Where counters stand that were not to be kept yet.
    pub(super) fn unkept(&self) -> Vec<(DeviceId, StoredSensor)> {
        self.adopted.values().filter_map(|sensor| Some((sensor.device, sensor.unkept()?))).collect()
    }

    /// Tries a key on the next encrypted packet of a sensor.
    pub(super) fn try_key(
        &mut self,
        address: Address,
        bind_key: &Hidden,
        reply: oneshot::Sender<Result<(), KeyRefusal>>,
    ) {
        // Who asked and went away does not wait any more.
        self.trials.retain(|trial| !trial.reply.is_closed());
        match bind_key.reveal().parse::<BindKey>() {
            Err(error) => {
                let _ = reply.send(Err(KeyRefusal::Unfit(format!("{error}"))));
            }
            Ok(_) if self.trials.len() >= MOST_TRIALS => {
                let _ = reply.send(Err(KeyRefusal::Busy));
            }
            Ok(key) => self.trials.push(Trial { address, key, reply }),
        }
    }

    fn answer_trials(&mut self, advert: &Advert) {
        let trials = std::mem::take(&mut self.trials);
        for trial in trials {
            let verdict = if trial.address == advert.address { verdict(advert, &trial.key) } else { None };
            match verdict {
                // Whoever asked may have gone.
                Some(verdict) => drop(trial.reply.send(verdict)),
                None => self.trials.push(trial),
            }
        }
    }
}

/// Whether a key opens an advert; none if there is nothing to open.
fn verdict(advert: &Advert, key: &BindKey) -> Option<Result<(), KeyRefusal>> {
    match decode::decode(advert, Some(key), &mut State::default()) {
        // Some old formats cannot tell whether it was the right key, only that one is needed.
        Ok(reading) if reading.authenticated || needs_key(advert) => Some(Ok(())),
        Err(refusal @ (Refusal::WrongKey | Refusal::KeyLength(_))) => Some(Err(KeyRefusal::Unfit(refusal.to_string()))),
        _ => None,
    }
}

fn needs_key(advert: &Advert) -> bool {
    decode::decode(advert, None, &mut State::default()) == Err(Refusal::NeedsKey)
}

#[cfg(test)]
mod tests;
