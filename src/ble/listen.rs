//! Takes out of the air what the radio heard: it is listed, and what adopted sensors tell is handed in as events.

use std::sync::Arc;
use std::sync::Mutex;
use std::time::Duration;

use log::debug;
use tokio::sync::mpsc;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::MissedTickBehavior;
use tokio::time::interval;

use crate::ble::advert::Advert;
use crate::ble::air::Air;
use crate::ble::air::Waiting;
use crate::ble::discovery::Discovery;
use crate::ble::links::Links;
use crate::ble::outbox::Letter;
use crate::ble::outbox::Outbox;
use crate::ble::outbox::Settled;
use crate::ble::pulse::Pulse;
use crate::ble::sensors::Heard;
use crate::ble::sensors::Sensors;
use crate::ble::until::until;
use crate::bus::Ble;
use crate::bus::BleAsk;
use crate::bus::BleState;
use crate::bus::Intake;
use crate::bus::Presence;
use crate::bus::Refusal;
use crate::bus::Verdict;
use crate::clock;
use crate::clock::Now;
use crate::model::DeviceId;
use crate::registry::Snapshot;
use crate::store::Changes;
use crate::store::QueueWriter;
use crate::store::StoredSensor;

/// How often it is looked whether a sensor is away. Ours.
const LOOK_EVERY: Duration = Duration::from_secs(10);

/// What listening works with.
pub(super) struct Listening<'a> {
    pub(super) air: &'a Air,
    pub(super) pulse: &'a Mutex<Pulse>,
    pub(super) ble: &'a Ble,
    pub(super) intake: &'a Intake,
    pub(super) writer: &'a QueueWriter,
    pub(super) links: &'a Links,
    pub(super) presence: &'a Presence,
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
        let (mut outbox, mut verdicts) = (Outbox::default(), JoinSet::new());
        let mut looks = interval(LOOK_EVERY);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        self.adopt(&mut sensors, &mut outbox, &discovery, &registry.borrow_and_update());
        loop {
            for letter in outbox.take(clock::now().mono_ms) {
                self.tell(letter, &mut verdicts).await;
            }
            self.keep(outbox.settled());
            tokio::select! {
                waiting = self.air.heard() => {
                    self.hear(waiting, &mut discovery, &mut sensors, &mut outbox, clock::now());
                }
                Some(Ok((letter, verdict))) = verdicts.join_next() => self.settle(letter, verdict, &mut outbox),
                () = until(outbox.due_ms()) => {}
                _ = looks.tick() => self.look(&mut sensors, &mut outbox, clock::now().mono_ms),
                Some(ask) = asked.recv() => match ask {
                    // Whoever asked may have gone.
                    BleAsk::List(reply) => drop(reply.send(discovery.list(clock::now()))),
                    BleAsk::TryKey { address, bind_key, reply } => sensors.try_key(address, &bind_key, reply),
                    BleAsk::Keep(reply) => {
                        while let Some(Ok((letter, verdict))) = verdicts.join_next().await {
                            self.settle(letter, verdict, &mut outbox);
                        }
                        self.keep(outbox.settled());
                        let keep = sensors.unkept().into_iter().filter(|(device, _)| !outbox.holds(*device)).collect();
                        self.keep(Settled { keep, given_up: 0 });
                        let _ = reply.send(());
                    }
                },
                Ok(()) = registry.changed() => {
                    self.adopt(&mut sensors, &mut outbox, &discovery, &registry.borrow_and_update());
                }
            }
        }
    }

    fn adopt(&self, sensors: &mut Sensors, outbox: &mut Outbox, discovery: &Discovery, registry: &Snapshot) {
        self.links.adopt(registry, |address| discovery.knows(address));
        let forgotten = sensors.adopt(registry, clock::now().mono_ms);
        if !forgotten.is_empty() {
            let mut changes = Changes::new();
            for device in forgotten {
                outbox.forget(device);
                changes.remove_sensor(device);
            }
            self.writer.ride_along(changes);
        }
    }

    fn hear(&self, waiting: Waiting, discovery: &mut Discovery, sensors: &mut Sensors, outbox: &mut Outbox, now: Now) {
        let (mut heard, mut dropped) = (0, Vec::new());
        sensors.heard_by(self.ble.report().adapter);
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
                Some(Heard { read, device, events, dropped: reasons, keep }) => {
                    discovery.note(advert.address, &read, &reasons, now);
                    if read.is_ok() {
                        self.presence.heard(device, now.wall);
                    }
                    outbox.put(device, events, keep, now.mono_ms);
                    dropped.extend(reasons);
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
    }

    fn look(&self, sensors: &mut Sensors, outbox: &mut Outbox, now_ms: u64) {
        let is_listening = self.ble.report().state == BleState::Scanning;
        // Who is connected need not send adverts.
        let would_hear = |device| is_listening && self.presence.of(device).connections == 0;
        for (device, event) in sensors.look(would_hear, now_ms) {
            outbox.put(device, vec![event], None, now_ms);
        }
    }

    /// Hands an event in. What becomes of it is not waited for: the next advert is due.
    async fn tell(&self, letter: Letter, verdicts: &mut JoinSet<(Letter, Verdict)>) {
        let verdict = self.intake.submit(letter.event.clone()).await;
        verdicts.spawn(async move {
            let verdict = match verdict {
                Some(verdict) => verdict.await.unwrap_or(Err(Refusal::Stopping)),
                None => Err(Refusal::Stopping),
            };
            (letter, verdict)
        });
    }

    fn settle(&self, letter: Letter, verdict: Verdict, outbox: &mut Outbox) {
        match verdict {
            Ok(_) => {
                self.ble.change(|report| report.told += 1);
                outbox.done(&letter);
            }
            Err(Refusal::Full { reason }) => {
                debug!("what a sensor tells is told again later: {reason}");
                outbox.again(letter, clock::now().mono_ms);
            }
            // The gateway goes down. It stays on the way, so that the sensor is heard again at the next start.
            Err(Refusal::Stopping) => {}
            Err(refusal) => {
                debug!("what a sensor tells is refused: {refusal}");
                self.refused(1);
                outbox.done(&letter);
            }
        }
    }

    fn keep(&self, settled: Settled) {
        let Settled { keep, given_up } = settled;
        if !keep.is_empty() {
            let mut changes = Changes::new();
            for (device, counters) in keep {
                changes.put_sensor(device, counters);
            }
            self.writer.ride_along(changes);
        }
        if given_up > 0 {
            self.refused(given_up);
        }
    }

    fn refused(&self, events: u64) {
        self.ble.change(|report| *report.not_told.entry("refused").or_default() += events);
    }
}
