//! Decides what is done about the radio next: what was seen, how lively the air is, and the time go in, one action comes
//! out. Pure; `driver` carries the actions out and waits.
//!
//! ```text
//!  connect ─> look ─> (power on) ─> scan ─> wait ─┬─ 15 s ─> scan again: "I do already" is well, else it was lost
//!     ^        ^                                  ├─ something changed ─> look
//!     └── 5…60 s ── every failure is a state,  <──┴─ silence ─> stop, (power off and on,) scan
//!                   and is tried again for ever
//! ```

use crate::ble::advert::Address;
use crate::ble::pulse::Pulse;
use crate::ble::radio::Adapter;
use crate::ble::radio::Fault;
use crate::ble::radio::Power;
use crate::ble::radio::Scan;
use crate::bus::BleState;

/// Milliseconds after which something that failed is tried again; what may fail for long, later and later.
const RETRY_MS: u64 = 5_000;

/// The longest of these pauses.
const RETRY_MOST_MS: u64 = 60_000;

/// How often it is asked whether the scan is still on, and whether an adapter that is off is on again. The first is
/// not told by anybody; of the second there is word, and this is for the case that it got lost.
const PROBE_MS: u64 = 15_000;

/// Between two looks, when much changes at once.
const LOOK_APART_MS: u64 = 250;

/// Silence of a lively air after which the scan is begun anew; the next time, with the power off and on again if that
/// may be; and again.
/// Source: habluetooth 7.1.2 looks every 30 s and acts after 90 s (`SCANNER_WATCHDOG_TIMEOUT`), read 2026-11.
const SILENCE_MS: [u64; 3] = [90_000, 180_000, 300_000];

/// Which of them the power is switched at.
const POWER_CYCLE_STEP: usize = 2;

/// What was seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Seen {
    /// Nothing yet.
    Begun,
    /// There is somebody to ask.
    Connected,
    /// An adapter was chosen.
    Found(Adapter),
    /// It was switched on or off, as was wanted.
    Powered(bool),
    /// It scans.
    Scans(Scan),
    /// The scan was ended, as was wanted.
    Stopped,
    /// The action failed.
    Failed(Fault),
    /// Something has changed on the other side.
    Changed,
    /// The time that was waited for has come.
    Time,
}

/// What is to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Connect to whom the radio is asked through.
    Connect,
    /// Choose an adapter.
    Look,
    /// Switch it on or off.
    Power(bool),
    /// Scan.
    StartScan,
    /// End the scan.
    StopScan,
    /// Nothing until that moment, or until something has changed.
    WaitUntil(u64),
}

/// The state of the radio as it is told, and what must be remembered to decide.
#[derive(Debug)]
pub struct Supervisor {
    manages_power: bool,
    state: BleState,
    reason: Option<String>,
    adapter: Option<Address>,
    scans_lost: u64,
    restarts: u64,
    /// Since when it scans, restarts because of silence aside; none if it does not.
    scanning_since_ms: Option<u64>,
    /// Whether the scan is being ended on purpose, to be begun anew.
    is_restarting: bool,
    /// Failures of the same kind in a row.
    failures: u32,
    /// Tries in a row to switch the adapter on.
    power_tries: u32,
    power_at_ms: u64,
    looked_at_ms: Option<u64>,
    must_look: bool,
    /// Restarts because of this silence.
    steps: usize,
    last_action: Option<Action>,
}

impl Supervisor {
    /// At the beginning. `manages_power`: whether it may switch the adapter on and off.
    pub fn new(manages_power: bool) -> Self {
        Self {
            manages_power,
            state: BleState::Starting,
            reason: None,
            adapter: None,
            scans_lost: 0,
            restarts: 0,
            scanning_since_ms: None,
            is_restarting: false,
            failures: 0,
            power_tries: 0,
            power_at_ms: 0,
            looked_at_ms: None,
            must_look: false,
            steps: 0,
            last_action: None,
        }
    }

    /// The state.
    pub fn state(&self) -> BleState {
        self.state
    }

    /// What the other side said last, if it refused something.
    pub fn reason(&self) -> Option<&str> {
        self.reason.as_deref()
    }

    /// Whether the radio works: it scans, even if nothing is heard.
    pub fn is_up(&self) -> bool {
        matches!(self.state, BleState::Scanning | BleState::Stalled)
    }

    /// The adapter that is used, or was used last.
    pub fn adapter(&self) -> Option<Address> {
        self.adapter
    }

    /// Scans that ended by themselves.
    pub fn scans_lost(&self) -> u64 {
        self.scans_lost
    }

    /// Scans that were begun anew because of silence.
    pub fn restarts(&self) -> u64 {
        self.restarts
    }

    /// What is to be done about what was seen.
    pub fn decide(&mut self, seen: Seen, pulse: &Pulse, now_ms: u64) -> Action {
        let action = match seen {
            Seen::Begun => Action::Connect,
            Seen::Connected => self.look(now_ms),
            Seen::Found(adapter) => self.found(adapter, now_ms),
            Seen::Powered(true) => {
                self.power_tries = 0;
                Action::StartScan
            }
            // It is off only to be on again.
            Seen::Powered(false) => Action::Power(true),
            Seen::Scans(scan) => self.scans(scan, now_ms),
            Seen::Stopped if self.steps == POWER_CYCLE_STEP && self.manages_power => Action::Power(false),
            Seen::Stopped => Action::StartScan,
            Seen::Failed(fault) => self.failed(fault, now_ms),
            Seen::Changed => self.changed(now_ms),
            Seen::Time => self.time(pulse, now_ms),
        };
        self.last_action = Some(action);
        action
    }

    fn look(&mut self, now_ms: u64) -> Action {
        self.must_look = false;
        self.looked_at_ms = Some(now_ms);
        Action::Look
    }

    fn changed(&mut self, now_ms: u64) -> Action {
        let again_at_ms = self.looked_at_ms.map_or(0, |looked| looked + LOOK_APART_MS);
        if now_ms < again_at_ms {
            self.must_look = true;
            return Action::WaitUntil(again_at_ms);
        }
        self.look_or_connect(now_ms)
    }

    fn look_or_connect(&mut self, now_ms: u64) -> Action {
        let is_connected = !matches!(self.state, BleState::Starting | BleState::NoBus);
        if is_connected { self.look(now_ms) } else { Action::Connect }
    }

    fn found(&mut self, adapter: Adapter, now_ms: u64) -> Action {
        if self.adapter != Some(adapter.address) {
            self.scanning_since_ms = None;
        }
        self.adapter = Some(adapter.address);
        match adapter.power {
            Power::On => {
                if self.scanning_since_ms.is_some() && !adapter.is_scanning && !self.is_restarting {
                    self.scanning_since_ms = None;
                    self.scans_lost += 1;
                    self.enter(BleState::ScanLost, None);
                }
                Action::StartScan
            }
            Power::Off if self.manages_power && now_ms >= self.power_at_ms => {
                self.power_at_ms = now_ms + pause(self.power_tries);
                self.power_tries += 1;
                Action::Power(true)
            }
            // That it cannot be switched on was only seen when it was tried.
            Power::Off if self.manages_power && self.state == BleState::Blocked => self.wait(now_ms),
            Power::Off => self.failed(Fault::Off, now_ms),
            Power::Blocked => self.failed(Fault::Blocked, now_ms),
        }
    }

    fn scans(&mut self, scan: Scan, now_ms: u64) -> Action {
        let is_restarted = std::mem::take(&mut self.is_restarting);
        let was_on = self.scanning_since_ms.is_some();
        match scan {
            Scan::Began if is_restarted => self.restarts += 1,
            Scan::Began if was_on => {
                self.scans_lost += 1;
                self.scanning_since_ms = Some(now_ms);
            }
            Scan::Began => self.steps = 0,
            // It was begun anew by somebody else.
            Scan::WentOn if self.state == BleState::ScanLost => self.steps = 0,
            Scan::WentOn => {}
        }
        self.scanning_since_ms.get_or_insert(now_ms);
        if self.steps == 0 {
            self.enter(BleState::Scanning, None);
        }
        self.wait(now_ms)
    }

    fn failed(&mut self, fault: Fault, now_ms: u64) -> Action {
        if self.last_action == Some(Action::StopScan) && matches!(fault, Fault::Refused(_)) {
            // There was nothing to end.
            return Action::StartScan;
        }
        self.scanning_since_ms = None;
        self.is_restarting = false;
        self.steps = 0;
        let (state, reason) = match fault {
            Fault::NoBus(reason) => (BleState::NoBus, Some(reason)),
            Fault::NoService => (BleState::NoBluetoothd, None),
            Fault::NotAllowed(reason) => (BleState::NotAllowed, Some(reason)),
            Fault::NoAdapter if self.adapter.is_none() => (BleState::NoAdapter, None),
            Fault::NoAdapter | Fault::Gone => (BleState::Unplugged, None),
            Fault::Off => (BleState::Off, None),
            Fault::Blocked => (BleState::Blocked, None),
            Fault::Refused(reason) if self.state == BleState::ScanLost => (BleState::ScanLost, Some(reason)),
            Fault::Refused(reason) => (BleState::Refused, Some(reason)),
        };
        self.enter(state, reason);
        let action = self.wait(now_ms);
        self.failures += 1;
        action
    }

    fn time(&mut self, pulse: &Pulse, now_ms: u64) -> Action {
        if self.must_look {
            return self.look_or_connect(now_ms);
        }
        match self.state {
            BleState::Scanning | BleState::Stalled => {
                self.is_restarting = self.is_too_silent(pulse, now_ms);
                if self.is_restarting { Action::StopScan } else { Action::StartScan }
            }
            BleState::ScanLost => Action::StopScan,
            _ => self.look_or_connect(now_ms),
        }
    }

    /// Whether the silence is so long that the scan has to be begun anew; counts these times.
    fn is_too_silent(&mut self, pulse: &Pulse, now_ms: u64) -> bool {
        let heard_ms = pulse.last_ms().max(self.scanning_since_ms).unwrap_or(now_ms);
        let silent_ms = now_ms.saturating_sub(heard_ms);
        if silent_ms < SILENCE_MS[0] {
            if self.steps > 0 {
                self.steps = 0;
                self.enter(BleState::Scanning, None);
            }
            return false;
        }
        let longest = SILENCE_MS[SILENCE_MS.len() - 1];
        let more = u64::try_from(self.steps.saturating_sub(SILENCE_MS.len() - 1)).unwrap_or(u64::MAX);
        let bound = SILENCE_MS.get(self.steps).copied().unwrap_or_else(|| longest.saturating_mul(more + 1));
        let is_too_silent = pulse.was_lively() && silent_ms >= bound;
        if is_too_silent {
            self.steps += 1;
            self.enter(BleState::Stalled, None);
        }
        is_too_silent
    }

    fn wait(&self, now_ms: u64) -> Action {
        let pause_ms = match self.state {
            BleState::Scanning | BleState::Off | BleState::Blocked => PROBE_MS,
            BleState::NoBus | BleState::NotAllowed | BleState::Refused => pause(self.failures),
            _ => RETRY_MS,
        };
        Action::WaitUntil(now_ms + pause_ms)
    }

    fn enter(&mut self, state: BleState, reason: Option<String>) {
        if self.state != state {
            self.state = state;
            self.failures = 0;
        }
        self.reason = reason;
    }
}

/// Milliseconds to wait after so many failures before: 5, 10, 20, 40 s, and then a minute.
fn pause(failures: u32) -> u64 {
    RETRY_MS.saturating_mul(1 << failures.min(10)).min(RETRY_MOST_MS)
}

#[cfg(test)]
mod tests;
