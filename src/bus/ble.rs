//! How the Bluetooth radio is and what it hears, for whoever asks: the command line and the web port. The radio's tasks
//! write it.

use std::collections::BTreeMap;
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::Mutex;
use std::time::Duration;

use serde::Serialize;
use serde_json::Map;
use serde_json::Value;
use tokio::sync::mpsc;
use tokio::sync::oneshot;
use tokio::time::timeout;

use crate::model::Address;
use crate::model::DeviceId;
use crate::model::Hidden;
use crate::model::Link;
use crate::model::WallTime;

/// Askers that may wait for the list of what was heard.
const ASKING: usize = 16;

/// How long a bind key waits for a packet on which it can be tried. Ours: most sensors send every few seconds, those
/// with a button when it is pressed.
const TRYING: Duration = Duration::from_secs(60);

/// How the radio is. None of these is an error of the gateway: a machine without Bluetooth is a good gateway, too.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum BleState {
    /// The configuration says so.
    Disabled,
    /// Nothing is known yet.
    #[default]
    Starting,
    /// There is no D-Bus, over which Bluetooth is spoken to.
    NoBus,
    /// The system's Bluetooth service does not run.
    NoBluetoothd,
    /// The system does not let this user speak to its Bluetooth service.
    NotAllowed,
    /// There is no adapter, or not the one that the configuration names.
    NoAdapter,
    /// There was one, and it went away.
    Unplugged,
    /// The adapter is switched off.
    Off,
    /// The adapter is switched off by a switch of the machine, or by the system's for all radios.
    Blocked,
    /// The Bluetooth service refuses to scan, or does not answer.
    Refused,
    /// The scan ended by itself, and could not be begun again yet.
    ScanLost,
    /// It scans and hears nothing any more.
    Stalled,
    /// It hears what is sent.
    Scanning,
}

impl BleState {
    /// All of them.
    pub const ALL: [Self; 13] = [
        Self::Disabled,
        Self::Starting,
        Self::NoBus,
        Self::NoBluetoothd,
        Self::NotAllowed,
        Self::NoAdapter,
        Self::Unplugged,
        Self::Off,
        Self::Blocked,
        Self::Refused,
        Self::ScanLost,
        Self::Stalled,
        Self::Scanning,
    ];

    /// The word for it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Disabled => "disabled",
            Self::Starting => "starting",
            Self::NoBus => "no_bus",
            Self::NoBluetoothd => "no_bluetoothd",
            Self::NotAllowed => "not_allowed",
            Self::NoAdapter => "no_adapter",
            Self::Unplugged => "unplugged",
            Self::Off => "off",
            Self::Blocked => "blocked",
            Self::Refused => "refused",
            Self::ScanLost => "scan_lost",
            Self::Stalled => "stalled",
            Self::Scanning => "scanning",
        }
    }

    /// What a person can do about it; none where there is nothing to do.
    pub fn hint(self) -> Option<&'static str> {
        match self {
            Self::Disabled => Some("ble.enabled is false in the configuration"),
            Self::Starting | Self::Scanning => None,
            Self::NoBus => Some("this machine has no D-Bus; for Bluetooth, install bluez and dbus"),
            Self::NoBluetoothd => {
                Some("the Bluetooth service does not run: install bluez, or `systemctl start bluetooth`")
            }
            Self::NotAllowed => Some("the user of farhook may not use Bluetooth: add it to the group bluetooth"),
            Self::NoAdapter => Some(
                "no Bluetooth adapter is there, or not the one of ble.adapter; `bluetoothctl list` shows them. One is \
                 also missing if /etc/bluetooth/main.conf says DeviceID = false",
            ),
            Self::Unplugged => Some("the Bluetooth adapter went away; it is taken up again when it is back"),
            Self::Off => Some("Bluetooth is switched off: `bluetoothctl power on`, or ble.manage_power = true"),
            Self::Blocked => Some("Bluetooth is blocked: `rfkill unblock bluetooth`"),
            Self::Refused => Some("the Bluetooth service refuses; `journalctl -u bluetooth` may say why"),
            Self::ScanLost => Some("the scan ended and does not begin again; `systemctl restart bluetooth` may help"),
            Self::Stalled => Some(
                "nothing is heard any more: `systemctl restart bluetooth` or plugging the adapter in anew may help",
            ),
        }
    }
}

/// How the radio is, in full.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct BleReport {
    /// Its state.
    pub state: BleState,
    /// Since when.
    #[serde(serialize_with = "as_text")]
    pub since: Option<WallTime>,
    /// What a person can do about it.
    pub hint: Option<&'static str>,
    /// What the other side said last, if it refused something.
    pub reason: Option<String>,
    /// The adapter that is used, or was used last.
    pub adapter: Option<String>,
    /// Adverts that were heard since the start.
    pub heard: u64,
    /// Adverts that were dropped because too many came at once, since the start.
    pub dropped: u64,
    /// Events that were made of adverts, since the start.
    pub told: u64,
    /// Readings, or parts of them, of adopted sensors that were no events, by reason, since the start.
    pub not_told: BTreeMap<&'static str, u64>,
    /// Scans that ended by themselves, since the start.
    pub scans_lost: u64,
    /// Scans that were begun anew because nothing was heard any more, since the start.
    pub restarts: u64,
}

/// A device whose adverts are heard: raw facts, and what was read of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BleFound {
    /// The address of its radio.
    pub address: String,
    /// Whether its address is a random one that it changes every few minutes.
    pub rotates: bool,
    /// The name that it sends.
    pub name: Option<String>,
    /// How strongly it was heard last, in dBm.
    pub rssi: Option<i16>,
    /// When it was first heard, or heard of.
    #[serde(serialize_with = "as_text")]
    pub first_seen: Option<WallTime>,
    /// When it was heard last; none if the system knows it and it was not heard.
    #[serde(serialize_with = "as_text")]
    pub last_seen: Option<WallTime>,
    /// How often it was heard.
    pub count: u64,
    /// The services that it says it has or sends data of.
    pub services: Vec<String>,
    /// The companies under whose ids it sends data.
    pub manufacturers: Vec<u16>,
    /// The format of its readings, if it is a known one.
    pub format: Option<&'static str>,
    /// Its model, if its adverts tell.
    pub model: Option<String>,
    /// What was read last.
    pub reading: Option<Map<String, Value>>,
    /// When that was.
    #[serde(serialize_with = "as_text")]
    pub read_at: Option<WallTime>,
    /// Whether nothing can be read without its bind key.
    pub needs_key: bool,
    /// Why nothing could be read of its latest advert of a known format.
    pub refusal: Option<String>,
    /// Readings, or parts of them, that were no events, by reason: of an adopted one, since it is in the list.
    pub not_told: BTreeMap<&'static str, u64>,
}

/// How far a connection to a device is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum LinkState {
    /// There is none.
    Waiting,
    /// It is being made, or it is not clear yet who is at the other end.
    Connecting,
    /// The device publishes, and is told what is for it.
    Connected,
}

/// How the connection to a device is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LinkReport {
    /// Which kind it is.
    pub kind: Link,
    /// How far it is.
    pub state: LinkState,
    /// Why there is none, or why the last one ended.
    pub reason: Option<String>,
    /// Connections that failed or ended soon, in a row.
    pub failures: u32,
    /// Events of the device that were taken, since the start.
    pub taken: u64,
    /// What was for the device and had to make room for later things, since the start.
    pub dropped: u64,
}

/// Where the radio can be looked at. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Ble {
    report: Arc<Mutex<BleReport>>,
    links: Arc<Mutex<HashMap<DeviceId, LinkReport>>>,
    asks: mpsc::Sender<BleAsk>,
    measured: Arc<[&'static str]>,
}

/// What somebody wants of the radio.
#[derive(Debug)]
pub enum BleAsk {
    /// The list of what was heard.
    List(oneshot::Sender<Vec<BleFound>>),
    /// To know whether a bind key opens what a sensor sends, as soon as it sends something.
    TryKey {
        /// Whose key it is.
        address: Address,
        /// The key, as hex digits.
        bind_key: Hidden,
        /// Where the answer goes.
        reply: oneshot::Sender<Result<(), KeyRefusal>>,
    },
    /// To have everything on the way to the disk that is to be known after a stop.
    Keep(oneshot::Sender<()>),
}

/// Why a bind key is not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyRefusal {
    /// It is none, or does not open what was heard.
    #[error("{0}")]
    Unfit(String),
    /// Nothing was heard that it could have opened.
    #[error(
        "nothing encrypted was heard of the sensor within {} s, so that the bind key could not be tried; a sensor with \
         a button sends when it is pressed",
        TRYING.as_secs()
    )]
    Silence,
    /// The gateway goes down, or too many keys are tried.
    #[error("the bind key cannot be tried now")]
    Busy,
}

/// A new one, and where those who want the list are heard. `measured` are the names of all that sensors measure.
pub fn ble(measured: Vec<&'static str>) -> (Ble, mpsc::Receiver<BleAsk>) {
    let (asks, asked) = mpsc::channel(ASKING);
    (Ble { report: Arc::default(), links: Arc::default(), asks, measured: measured.into() }, asked)
}

impl Ble {
    /// How the radio is.
    pub fn report(&self) -> BleReport {
        self.report.lock().expect("changes do not panic").clone()
    }

    /// The names of all that sensors measure.
    pub fn measured(&self) -> &[&'static str] {
        &self.measured
    }

    /// What was heard in the last hour; none while the gateway goes down.
    pub async fn found(&self) -> Option<Vec<BleFound>> {
        let (reply, answer) = oneshot::channel();
        self.asks.send(BleAsk::List(reply)).await.ok()?;
        answer.await.ok()
    }

    /// Waits for the next encrypted packet of a sensor, and tries a bind key on it.
    ///
    /// # Errors
    /// When it does not fit, or there was no such packet within a minute.
    pub async fn try_key(&self, address: Address, bind_key: Hidden) -> Result<(), KeyRefusal> {
        let (reply, answer) = oneshot::channel();
        let ask = BleAsk::TryKey { address, bind_key, reply };
        self.asks.send(ask).await.map_err(|_| KeyRefusal::Busy)?;
        match timeout(TRYING, answer).await {
            Ok(answer) => answer.unwrap_or(Err(KeyRefusal::Busy)),
            Err(_) => Err(KeyRefusal::Silence),
        }
    }

    /// How the connection to a device is; none if it is not connected to.
    pub fn link(&self, device: DeviceId) -> Option<LinkReport> {
        self.links.lock().expect("nothing here panics").get(&device).cloned()
    }

    /// For the radio's tasks: how all connections are now.
    pub fn show_links(&self, links: HashMap<DeviceId, LinkReport>) {
        *self.links.lock().expect("nothing here panics") = links;
    }

    /// Has everything handed to the store's writer that is to be known after a stop. Nobody takes events in any more.
    pub async fn keep(&self) {
        let (reply, kept) = oneshot::channel();
        if self.asks.send(BleAsk::Keep(reply)).await.is_ok() {
            let _ = kept.await;
        }
    }

    /// For the radio's tasks: how it is now.
    pub fn change(&self, change: impl FnOnce(&mut BleReport)) {
        change(&mut self.report.lock().expect("changes do not panic"));
    }
}

#[expect(clippy::ref_option, reason = "serde hands it over so")]
fn as_text<S: serde::Serializer>(at: &Option<WallTime>, serializer: S) -> Result<S::Ok, S::Error> {
    at.map(|at| at.to_string()).serialize(serializer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_has_the_same_word_everywhere_and_a_hint_unless_all_is_well() {
        for state in BleState::ALL {
            assert_eq!(serde_json::to_value(state).unwrap(), state.name());
            let is_well = matches!(state, BleState::Starting | BleState::Scanning);
            assert_eq!(state.hint().is_none(), is_well, "{state:?}");
        }
    }
}
