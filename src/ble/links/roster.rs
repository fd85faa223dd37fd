//! Which devices are connected to, and whose turn it is. One connection is made at a time, so many may be held, and what
//! fails is tried less and less often. Pure: the time is an argument.

use std::collections::HashMap;

use crate::ble::advert::Address;
use crate::ble::radio::Effort;
use crate::bus::LinkReport;
use crate::bus::LinkState;
use crate::model::DeviceId;
use crate::model::Link;
use crate::model::LinkKey;

/// Milliseconds until what failed for the first time is tried again; from then on twice as long each time. Ours.
const BACKOFF_MS: u64 = 1_000;

/// The longest of these pauses. Ours.
const BACKOFF_MOST_MS: u64 = 300_000;

/// By how much of it a pause is shorter or longer, so that not everything is tried at the same time. Ours.
const JITTER: f64 = 0.2;

/// A connection that was held for so long was a good one. Ours.
const STABLE_MS: u64 = 60_000;

/// As so many failures counts at most that a connection ended which was a good one as long as it held. Ours.
const SLEEPER_FAILURES: u32 = 2;

/// Who was heard since is tried first. Ours.
const LATELY_MS: u64 = 10_000;

/// Failures in a row after which the scan rests while a device is connected to. Ours.
const QUIET_FROM: u32 = 3;

/// Between two rests of the scan. Ours: far below the silence after which a sensor counts as away.
const REST_APART_MS: u64 = 120_000;

/// And so many times in a row, what the system knows of the device is forgotten, in case it is out of date. Ours.
const FRESH_EACH: u32 = 5;

/// A device that shall be connected to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Peer {
    pub(super) device: DeviceId,
    pub(super) link: Link,
    /// None for a link that proves nothing, or if nobody knows it any more.
    pub(super) key: Option<LinkKey>,
}

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Roster {
    slots: usize,
    entries: HashMap<Address, Entry>,
    /// Whose connection has to end.
    ending: Vec<Address>,
    /// When the scan rested last.
    rested_ms: Option<u64>,
}

#[derive(Debug)]
struct Entry {
    /// None once it shall not be connected to any more, until its connection has ended.
    peer: Option<Peer>,
    stage: Stage,
    heard_ms: Option<u64>,
    /// Whether the system has heard of it, so that there is something to connect to.
    is_known: bool,
    failures: u32,
    not_before_ms: u64,
    reason: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Waiting,
    Connecting,
    Greeting,
    Connected { since_ms: u64 },
}

/// What comes next.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// To connect to this device.
    Connect(Address, Peer, Effort),
    /// Nothing until then, or until something changes.
    Wait(Option<u64>),
}

/// How a connection ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum End {
    /// There was none: the system does not know the device any more.
    Unknown(String),
    /// It did not come about, or ended, for this reason.
    Failed(String),
    /// The gateway ended it, or the radio failed; the device can do nothing about it.
    Ours,
}

impl Roster {
    /// So many may be connected at once.
    pub(super) fn set_slots(&mut self, slots: usize) {
        self.slots = slots;
    }

    /// These shall be connected to, and no others, or no more in another way. `is_known`: whether the system has heard
    /// of somebody.
    pub(super) fn adopt(&mut self, peers: HashMap<Address, Peer>, is_known: impl Fn(Address) -> bool) {
        for (address, entry) in &mut self.entries {
            let wanted = peers.get(address);
            if entry.peer.as_ref() != wanted {
                self.ending.push(*address);
                *entry = Entry { stage: entry.stage, ..Entry::of(wanted.cloned(), entry.is_known, entry.heard_ms) };
            }
        }
        for (address, peer) in peers {
            self.entries.entry(address).or_insert_with(|| Entry::of(Some(peer), is_known(address), None));
        }
        self.entries.retain(|_, entry| entry.peer.is_some() || entry.stage != Stage::Waiting);
    }

    /// Whose connection has to end, since the last time.
    pub(super) fn take_ending(&mut self) -> Vec<Address> {
        std::mem::take(&mut self.ending)
    }

    /// The radio is another one, or was begun anew: what failed is tried again at once.
    pub(super) fn start_over(&mut self) {
        for entry in self.entries.values_mut() {
            (entry.failures, entry.not_before_ms) = (0, 0);
        }
    }

    /// A device was heard, or the system remembers it. Whether it shall be connected to.
    pub(super) fn known(&mut self, address: Address, is_heard: bool, now_ms: u64) -> bool {
        let Some(entry) = self.entries.get_mut(&address) else { return false };
        entry.is_known = true;
        if is_heard {
            entry.heard_ms = Some(now_ms);
        }
        true
    }

    /// Who is connected to next. It counts as being connected to from now on.
    pub(super) fn next(&mut self, now_ms: u64) -> Next {
        let is_busy = self.entries.values().any(|entry| entry.stage == Stage::Connecting);
        if is_busy || self.is_full() {
            return Next::Wait(None);
        }
        let candidates = self.entries.iter_mut().filter(|(_, entry)| entry.is_candidate());
        let turn = |(address, entry): &(&Address, &mut Entry)| {
            let is_late = entry.not_before_ms > now_ms;
            let is_silent = entry.heard_ms.is_none_or(|heard_ms| now_ms.saturating_sub(heard_ms) >= LATELY_MS);
            (is_late, is_silent, entry.not_before_ms, **address)
        };
        let Some((address, entry)) = candidates.min_by_key(turn) else { return Next::Wait(None) };
        if entry.not_before_ms > now_ms {
            return Next::Wait(Some(entry.not_before_ms));
        }
        let Some(peer) = entry.peer.clone() else { return Next::Wait(None) };
        entry.stage = Stage::Connecting;
        let may_rest = self.rested_ms.is_none_or(|rested_ms| now_ms.saturating_sub(rested_ms) >= REST_APART_MS);
        let effort = match entry.failures {
            failures if failures >= FRESH_EACH && failures % FRESH_EACH == 0 => Effort::Fresh,
            failures if failures >= QUIET_FROM && may_rest => {
                self.rested_ms = Some(now_ms);
                Effort::Quiet
            }
            _ => Effort::Plain,
        };
        Next::Connect(*address, peer, effort)
    }

    /// It is connected, and who it is may not be clear yet.
    pub(super) fn connected(&mut self, address: Address) {
        if let Some(entry) = self.entries.get_mut(&address) {
            entry.stage = Stage::Greeting;
        }
    }

    /// It is clear who it is.
    pub(super) fn greeted(&mut self, address: Address, now_ms: u64) {
        if let Some(entry) = self.entries.get_mut(&address) {
            entry.stage = Stage::Connected { since_ms: now_ms };
            entry.reason = None;
        }
    }

    /// The connection is over, or none came about. `jitter`: 0.0 to 1.0.
    pub(super) fn ended(&mut self, address: Address, end: &End, now_ms: u64, jitter: f64) {
        let Some(entry) = self.entries.get_mut(&address) else { return };
        let stage = std::mem::replace(&mut entry.stage, Stage::Waiting);
        if entry.peer.is_none() {
            self.entries.remove(&address);
            return;
        }
        if matches!(stage, Stage::Connected { since_ms } if now_ms.saturating_sub(since_ms) >= STABLE_MS) {
            entry.failures = 0;
        }
        match end {
            End::Ours => return,
            End::Unknown(reason) => {
                // It has to be heard first: that is pause enough.
                entry.is_known = false;
                entry.reason.get_or_insert_with(|| reason.clone());
                entry.failures = entry.failures.saturating_add(1);
                entry.not_before_ms = now_ms + BACKOFF_MS;
                return;
            }
            End::Failed(reason) => entry.reason = Some(reason.clone()),
        }
        entry.failures = entry.failures.saturating_add(1);
        if matches!(stage, Stage::Connected { .. }) {
            // A device that sleeps between its events is well.
            entry.failures = entry.failures.min(SLEEPER_FAILURES);
        }
        entry.not_before_ms = now_ms + backoff_ms(entry.failures, jitter);
    }

    /// How they are, for people.
    pub(super) fn report(&self, has_radio: bool) -> HashMap<DeviceId, LinkReport> {
        let is_full = self.is_full();
        let report = |entry: &Entry| {
            let peer = entry.peer.as_ref()?;
            let (state, reason) = match entry.stage {
                Stage::Waiting => (LinkState::Waiting, Some(self.why_waiting(entry, peer, has_radio, is_full))),
                Stage::Connecting | Stage::Greeting => (LinkState::Connecting, entry.reason.clone()),
                Stage::Connected { .. } => (LinkState::Connected, None),
            };
            let failures = entry.failures;
            Some((peer.device, LinkReport { kind: peer.link, state, reason, failures, taken: 0, dropped: 0 }))
        };
        self.entries.values().filter_map(report).collect()
    }

    fn why_waiting(&self, entry: &Entry, peer: &Peer, has_radio: bool, is_full: bool) -> String {
        if !has_radio {
            return "the radio does not work, see `farhook status`".to_owned();
        }
        if !peer.is_complete() {
            return "its key is not known here: `farhook device key` makes a new one for its firmware".to_owned();
        }
        match &entry.reason {
            _ if is_full => format!("all connections are in use: ble.links = {}", self.slots),
            Some(reason) => reason.clone(),
            None if entry.is_known => "it is its turn soon".to_owned(),
            None => "it is not heard".to_owned(),
        }
    }

    fn is_full(&self) -> bool {
        self.entries.values().filter(|entry| entry.stage != Stage::Waiting).count() >= self.slots
    }
}

impl Entry {
    fn of(peer: Option<Peer>, is_known: bool, heard_ms: Option<u64>) -> Self {
        Self { peer, stage: Stage::Waiting, heard_ms, is_known, failures: 0, not_before_ms: 0, reason: None }
    }

    fn is_candidate(&self) -> bool {
        self.stage == Stage::Waiting && self.is_known && self.peer.as_ref().is_some_and(Peer::is_complete)
    }
}

impl Peer {
    fn is_complete(&self) -> bool {
        self.link == Link::Uart || self.key.is_some()
    }
}

fn backoff_ms(failures: u32, jitter: f64) -> u64 {
    let pause = BACKOFF_MS.saturating_mul(1 << failures.saturating_sub(1).min(20)).min(BACKOFF_MOST_MS);
    let factor = 1.0 + JITTER * (2.0 * jitter - 1.0);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_precision_loss,
        clippy::cast_sign_loss,
        reason = "it is positive, and minutes are far below where a float is not exact"
    )]
    let jittered = (pause as f64 * factor) as u64;
    jittered
}

#[cfg(test)]
mod tests;
