//! Connections to adopted devices that have more to say than adverts, and that hooks have to answer.
//!
//! ```text
//!  listen ── who is heard ──> roster ── whose turn it is ──> task, one for each connection ──> the intake
//!                               ^                              ^  conversation: gatt
//!  driver ── what connects ──> hub                             └─ memory: what the device has to be told
//!  live ───── results ────────> hub ─────────────────────────────────^
//! ```

mod memory;
mod roster;
mod task;

use std::collections::HashMap;
use std::future::pending;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::time::Duration;

use log::debug;
use log::info;
use log::warn;
use tokio::sync::Notify;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::mpsc;
use tokio::sync::oneshot;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::ble::advert::Address;
use crate::ble::links::memory::Memory;
use crate::ble::links::roster::End;
use crate::ble::links::roster::Next;
use crate::ble::links::roster::Peer;
use crate::ble::links::roster::Roster;
use crate::ble::links::task::Progress;
use crate::ble::links::task::Task;
use crate::ble::radio::Central;
use crate::ble::radio::Effort;
use crate::ble::until::until;
use crate::bus::Ble;
use crate::bus::Intake;
use crate::bus::Live;
use crate::bus::Presence;
use crate::bus::Watcher;
use crate::chance::Chance;
use crate::clock;
use crate::config::Config;
use crate::model::DeviceId;
use crate::model::Event;
use crate::model::Link;
use crate::registry::Snapshot;

/// How long the gateway waits for devices to be disconnected when it goes down. Ours.
const PARTING: Duration = Duration::from_secs(3);

/// What devices are not told over this slow way: that an attempt was made; what they are asked, which cannot be answered
/// so; and that an event was refused, which the conversation has said already.
const NOT_FOR_DEVICES: [&str; 2] = ["hook-sent/", "farhook/"];

/// Who is connected to, as it is known to whoever hears adverts. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub(super) struct Links(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    roster: Mutex<Roster>,
    changed: Notify,
}

impl Links {
    /// A device was heard, or the system remembers it.
    pub(super) fn known(&self, address: Address, is_heard: bool, now_ms: u64) {
        if self.roster().known(address, is_heard, now_ms) {
            self.0.changed.notify_one();
        }
    }

    /// Takes up who is connected to, and how. `is_known`: whether the system has heard of somebody.
    pub(super) fn adopt(&self, registry: &Snapshot, is_known: impl Fn(Address) -> bool) {
        let peers = registry.sensors().filter_map(|(device, sensor)| {
            let link = sensor.link?;
            let key = sensor.link_key.clone().filter(|_| link == Link::Farhook);
            Some((sensor.address, Peer { device: device.id, link, key }))
        });
        self.roster().adopt(peers.collect(), is_known);
        self.0.changed.notify_one();
    }

    fn roster(&self) -> MutexGuard<'_, Roster> {
        self.0.roster.lock().expect("nothing here panics")
    }
}

/// What the hub works with.
pub(super) struct Parts {
    pub(super) links: Links,
    pub(super) ble: Ble,
    pub(super) live: Live,
    pub(super) intake: Intake,
    pub(super) presence: Presence,
    pub(super) chance: Chance,
    pub(super) config: watch::Receiver<Arc<Config>>,
    pub(super) registry: watch::Receiver<Arc<Snapshot>>,
}

/// Makes the connections, and hands results to them.
pub(super) struct Hub<C> {
    parts: Parts,
    results: Watcher,
    central: watch::Receiver<Option<C>>,
    tasks: JoinSet<(Address, End)>,
    /// Dropped to end a connection.
    stops: HashMap<Address, oneshot::Sender<()>>,
    memories: HashMap<DeviceId, Arc<Memory>>,
    progress: mpsc::UnboundedSender<(Address, Progress)>,
    progressed: mpsc::UnboundedReceiver<(Address, Progress)>,
}

impl<C: Central> Hub<C> {
    /// Connects through what `central` has, as long as it has it.
    pub(super) fn new(parts: Parts, central: watch::Receiver<Option<C>>) -> Self {
        let (progress, progressed) = mpsc::unbounded_channel();
        let results = parts.live.watch();
        let (tasks, stops, memories) = Default::default();
        Self { parts, results, central, tasks, stops, memories, progress, progressed }
    }

    /// Goes on for ever.
    pub(super) async fn run(&mut self) {
        self.parts.registry.mark_changed();
        self.parts.config.mark_changed();
        let links = self.parts.links.clone();
        loop {
            for address in links.roster().take_ending() {
                self.stops.remove(&address);
            }
            let wait = self.connect();
            self.report();
            tokio::select! {
                () = links.0.changed.notified() => {}
                () = until(wait) => {}
                Ok(()) = self.parts.registry.changed() => self.remember(),
                Ok(()) = self.parts.config.changed() => {
                    let slots = self.parts.config.borrow_and_update().ble.links;
                    links.roster().set_slots(usize::try_from(slots).unwrap_or(usize::MAX));
                }
                // Whatever it was, those that were made through it are over.
                Ok(()) = self.central.changed() => {
                    self.stops.clear();
                    links.roster().start_over();
                }
                Some((address, progress)) = self.progressed.recv() => self.went_on(address, progress),
                Some(Ok((address, end))) = self.tasks.join_next() => self.ended(address, &end),
                result = self.results.recv() => match result {
                    Ok(event) => self.result(&event),
                    Err(RecvError::Lagged(missed)) => warn!("{missed} events were too fast for Bluetooth devices"),
                    // The gateway goes down.
                    Err(RecvError::Closed) => pending().await,
                },
            }
        }
    }

    /// Ends all connections.
    pub(super) async fn close(mut self) {
        self.stops.clear();
        let parting = async { while self.tasks.join_next().await.is_some() {} };
        if timeout(PARTING, parting).await.is_err() {
            info!("Bluetooth: not every device could be disconnected");
        }
    }

    /// Connects to whoever's turn it is; when to look again.
    fn connect(&mut self) -> Option<u64> {
        let central = self.central.borrow().clone()?;
        if self.central.has_changed().unwrap_or_default() {
            // It would be ended at once.
            return None;
        }
        let next = self.parts.links.roster().next(clock::now().mono_ms);
        match next {
            Next::Connect(address, peer, effort) => {
                self.open(central, address, peer, effort);
                None
            }
            Next::Wait(until_ms) => until_ms,
        }
    }

    fn open(&mut self, central: C, address: Address, peer: Peer, effort: Effort) {
        let memory = self.memory(peer.device);
        let task = Task {
            address,
            peer,
            effort,
            nonce: self.parts.chance.bytes(),
            part_bytes: self.parts.config.borrow().limits.response_part_bytes.map(Into::into),
            memory,
            intake: self.parts.intake.clone(),
            presence: self.parts.presence.clone(),
            progress: self.progress.clone(),
        };
        let (stop, stopped) = oneshot::channel();
        self.stops.insert(address, stop);
        self.tasks.spawn(async move { (address, task.run(central, stopped).await) });
    }

    fn went_on(&self, address: Address, progress: Progress) {
        let mut roster = self.parts.links.roster();
        match progress {
            Progress::Connected => roster.connected(address),
            Progress::Greeted => roster.greeted(address, clock::now().mono_ms),
        }
    }

    fn ended(&mut self, address: Address, end: &End) {
        // What was told before the end comes before it.
        while let Ok((address, progress)) = self.progressed.try_recv() {
            self.went_on(address, progress);
        }
        self.stops.remove(&address);
        match end {
            End::Failed(reason) | End::Unknown(reason) => info!("Bluetooth: {address}: {reason}"),
            End::Ours => {}
        }
        let jitter = self.parts.chance.fraction();
        self.parts.links.roster().ended(address, end, clock::now().mono_ms, jitter);
    }

    /// Something may be for a device before it is connected.
    fn remember(&mut self) {
        let snapshot = self.parts.registry.borrow_and_update().clone();
        let linked = || snapshot.sensors().filter(|(_, sensor)| sensor.link.is_some()).map(|(device, _)| device.id);
        self.memories.retain(|device, _| linked().any(|linked| linked == *device));
        for device in linked() {
            self.memory(device);
        }
    }

    fn memory(&mut self, device: DeviceId) -> Arc<Memory> {
        let chance = &self.parts.chance;
        let fresh = || {
            let [first_id] = chance.bytes();
            Arc::new(Memory::new(first_id))
        };
        Arc::clone(self.memories.entry(device).or_insert_with(fresh))
    }

    /// What a hook answers is for one device, which may be one of these.
    fn result(&self, event: &Event) {
        let Some(device) = event.source.addressee().filter(|_| is_for_devices(event)) else { return };
        let Some(memory) = self.memories.get(&device) else { return };
        if memory.put(event.name.as_str().to_owned(), event.data.clone()) {
            debug!("Bluetooth: too much waits for {device}: the oldest of it is dropped");
        }
    }

    fn report(&self) {
        let has_radio = self.central.borrow().is_some();
        let mut report = self.parts.links.roster().report(has_radio);
        for (device, link) in &mut report {
            if let Some(memory) = self.memories.get(device) {
                (link.taken, link.dropped) = memory.counts();
            }
        }
        self.parts.ble.show_links(report);
    }
}

fn is_for_devices(event: &Event) -> bool {
    !NOT_FOR_DEVICES.iter().any(|prefix| event.name.as_str().starts_with(prefix))
}
