//! Takes out of the air what the radio heard: it is listed, and what adopted sensors tell is handed in as events.

use std::sync::Arc;
use std::sync::Mutex;

use log::debug;
use tokio::sync::mpsc;
use tokio::sync::watch;

use crate::ble::advert::Advert;
use crate::ble::air::Air;
use crate::ble::air::Waiting;
use crate::ble::discovery::Discovery;
use crate::ble::links::Links;
use crate::ble::pulse::Pulse;
use crate::ble::sensors::Heard;
use crate::ble::sensors::Sensors;
use crate::bus::Ble;
use crate::bus::BleAsk;
use crate::bus::Intake;
use crate::bus::Publication;
use crate::clock;
use crate::clock::Now;
use crate::model::DeviceId;
use crate::registry::Snapshot;
use crate::store::Changes;
use crate::store::QueueWriter;
use crate::store::StoredSensor;

/// What listening works with.
pub(super) struct Listening<'a> {
    pub(super) air: &'a Air,
    pub(super) pulse: &'a Mutex<Pulse>,
    pub(super) ble: &'a Ble,
    pub(super) intake: &'a Intake,
    pub(super) writer: &'a QueueWriter,
    pub(super) links: &'a Links,
}

impl Listening<'_> {
    /// Listens for ever, and answers whoever asks what was heard.
    pub(super) async fn run(
        self,
        mut asked: mpsc::Receiver<BleAsk>,
        mut registry: watch::Receiver<Arc<Snapshot>>,
        kept: Vec<(DeviceId, StoredSensor)>,
    ) {
        let (mut discovery, mut sensors) = (Discovery::default(), Sensors::knowing(kept));
        self.adopt(&mut sensors, &discovery, &registry.borrow_and_update());
        loop {
            tokio::select! {
                waiting = self.air.heard() => {
                    let events = self.hear(waiting, &mut discovery, &mut sensors, clock::now());
                    for event in events {
                        self.tell(event).await;
                    }
                }
                Some(ask) = asked.recv() => match ask {
                    // Whoever asked may have gone.
                    BleAsk::List(reply) => drop(reply.send(discovery.list(clock::now()))),
                    BleAsk::TryKey { address, bind_key, reply } => sensors.try_key(address, &bind_key, reply),
                },
                Ok(()) = registry.changed() => self.adopt(&mut sensors, &discovery, &registry.borrow_and_update()),
            }
        }
    }

    fn adopt(&self, sensors: &mut Sensors, discovery: &Discovery, registry: &Snapshot) {
        self.links.adopt(registry, |address| discovery.knows(address));
        let forgotten = sensors.adopt(registry, clock::now().mono_ms);
        if !forgotten.is_empty() {
            let mut changes = Changes::new();
            for device in forgotten {
                changes.remove_sensor(device);
            }
            self.writer.ride_along(changes);
        }
    }

    fn hear(&self, waiting: Waiting, discovery: &mut Discovery, sensors: &mut Sensors, now: Now) -> Vec<Publication> {
        let (mut heard, mut events, mut dropped) = (0, Vec::new(), Vec::new());
        for sighting in waiting.sightings.into_values().flatten() {
            heard += u64::from(sighting.times);
            let is_fresh = sighting.is_fresh();
            self.links.known(sighting.advert.address, is_fresh, now.mono_ms);
            // What comes back has the name, too: some formats are told by it.
            let advert: Advert = discovery.hear(sighting, now);
            if !is_fresh {
                continue;
            }
            self.pulse.lock().expect("nothing here panics").beat(now.mono_ms);
            match sensors.hear(&advert, now.mono_ms) {
                Some(Heard { read, events: told, dropped: reasons, keep }) => {
                    discovery.note(advert.address, &read, &reasons, now);
                    events.extend(told);
                    dropped.extend(reasons);
                    if let Some((device, counters)) = keep {
                        let mut changes = Changes::new();
                        changes.put_sensor(device, counters);
                        self.writer.ride_along(changes);
                    }
                }
                None => discovery.read(&advert, now),
            }
        }
        self.ble.change(|report| {
            report.heard += heard;
            report.dropped += waiting.dropped;
            for reason in dropped {
                *report.not_told.entry(reason).or_default() += 1;
            }
        });
        events
    }

    /// Hands an event in. What becomes of it is not waited for: the next advert is due.
    async fn tell(&self, event: Publication) {
        let Some(verdict) = self.intake.submit(event).await else { return };
        let ble = self.ble.clone();
        tokio::spawn(async move {
            match verdict.await {
                Ok(Ok(_)) => ble.change(|report| report.told += 1),
                Ok(Err(refusal)) => {
                    debug!("what a sensor tells is refused: {refusal}");
                    ble.change(|report| *report.not_told.entry("refused").or_default() += 1);
                }
                // The gateway goes down.
                Err(_) => {}
            }
        });
    }
}
