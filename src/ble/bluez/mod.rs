//! The real radio: BlueZ, the Bluetooth service of Linux, asked over D-Bus.
//!
//! btleplug lists the adapters and the devices, finds what a connected device offers, subscribes and writes. The scan, the
//! adverts and connections are asked for, and all of it is heard, directly, because btleplug's own way
//! - asks BlueZ back about every advert, and queues without bound when more come than that allows;
//! - drops the data of the first advert of a device, which is the only one of a sensor that is seldom heard;
//! - scans for classic Bluetooth, too, half of the time on most adapters, and is deaf for sensors meanwhile;
//! - switches an adapter on that somebody switched off;
//! - says nothing about adapters that come and go, nor about a service or a bus that does;
//! - panics when it stops to hear a device just when that says something, or after the bus is lost, and leaves its rule
//!   on the bus then, which takes only so many.
//!
//! Sources: btleplug 0.13.5 (`src/bluez/adapter.rs`) and bluez-async 0.9.0 (`src/lib.rs`, `src/messagestream.rs`), read
//! 2026-11.

mod central;
mod fault;
mod session;
mod signals;

use std::collections::HashMap;
use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use btleplug::api::Central as _;
use btleplug::platform;
use dbus::Path;
use dbus::arg::PropMap;
use dbus::arg::RefArg;
use dbus::arg::Variant;
use dbus::arg::prop_cast;
use log::debug;
use tokio::time::timeout;

use crate::ble::advert::Address;
use crate::ble::air::Air;
use crate::ble::bluez::central::Central;
use crate::ble::bluez::fault::CallError;
use crate::ble::bluez::session::Session;
use crate::ble::bluez::signals::device;
use crate::ble::radio::Adapter;
use crate::ble::radio::Fault;
use crate::ble::radio::Power;
use crate::ble::radio::Radio;
use crate::ble::radio::Scan;

/// The name by which BlueZ is known on the bus.
const SERVICE: &str = "org.bluez";

/// An adapter's interface.
const ADAPTER: &str = "org.bluez.Adapter1";

/// A device's interface.
const DEVICE: &str = "org.bluez.Device1";

/// The interface of what a device offers.
const CHARACTERISTIC: &str = "org.bluez.GattCharacteristic1";

/// Where everything has its properties.
const PROPERTIES: &str = "org.freedesktop.DBus.Properties";

/// Where objects come and go.
const OBJECTS: &str = "org.freedesktop.DBus.ObjectManager";

/// BlueZ has answered by then, or is stuck. Switching an adapter on takes it the longest, a few seconds.
const ANSWER_WITHIN: Duration = Duration::from_secs(10);

/// The radio.
pub(super) struct Bluez {
    air: Air,
    session: Option<Arc<Session>>,
    adapter: Option<Chosen>,
}

/// The adapter that is used.
struct Chosen {
    address: Address,
    path: Path<'static>,
    adapter: platform::Adapter,
}

/// An adapter that is there: by the name that the kernel gives it, and as btleplug sees it.
struct Listed {
    name: String,
    address: Address,
    adapter: platform::Adapter,
}

impl Bluez {
    /// Puts what it hears into `air`.
    pub(super) fn new(air: Air) -> Self {
        Self { air, session: None, adapter: None }
    }

    fn session(&self) -> Result<&Arc<Session>, Fault> {
        self.session.as_ref().ok_or_else(|| Fault::NoBus("not connected".to_owned()))
    }

    fn chosen(&self) -> Result<(&Arc<Session>, &Path<'static>), Fault> {
        let adapter = self.adapter.as_ref().ok_or(Fault::NoAdapter)?;
        Ok((self.session()?, &adapter.path))
    }

    /// The adapters, in the order of their names.
    async fn adapters(&self) -> Result<Vec<Listed>, Fault> {
        let refused = |error: btleplug::Error| Fault::Refused(error.to_string());
        let listing = async {
            let mut found = Vec::new();
            for adapter in self.session()?.adapters().await.map_err(refused)? {
                // One that goes away meanwhile is none. The name is the beginning of the description.
                let (Ok(info), Ok(address)) = (adapter.adapter_info().await, adapter.adapter_address().await) else {
                    continue;
                };
                let name = info.split(' ').next().unwrap_or_default().to_owned();
                let address = address.map(|address| Address::from_bytes(address.into_inner()));
                found.extend(address.map(|address| Listed { name, address, adapter }));
            }
            found.sort_by(|one, other| one.name.cmp(&other.name));
            Ok(found)
        };
        timeout(ANSWER_WITHIN, listing).await.unwrap_or_else(|_| Err(no_answer(ANSWER_WITHIN)))
    }

    /// Looks for `wanted`, and takes it.
    async fn choose(&mut self, wanted: Option<Address>) -> Result<Adapter, Fault> {
        self.session()?.find_service().await?;
        let mut adapters = self.adapters().await?;
        let at = |address: Address| adapters.iter().position(|other| other.address == address);
        let before = self.adapter.as_ref().and_then(|adapter| at(adapter.address));
        let chosen = match wanted {
            Some(address) => at(address),
            None => before.or_else(|| (!adapters.is_empty()).then_some(0)),
        };
        // A bus that was lost meanwhile has no adapters, either.
        let chosen = chosen.ok_or_else(|| self.session().err().unwrap_or(Fault::NoAdapter))?;
        let Listed { name, address, adapter } = adapters.swap_remove(chosen);
        let path = Path::new(format!("/org/bluez/{name}")).map_err(Fault::Refused)?;
        let session = self.session()?;
        // It scans again by itself. That is asked first: the rest may end meanwhile.
        let is_resting = session.is_resting();
        let mut found = found(address, &properties(session, &path).await?);
        found.is_scanning |= is_resting;
        self.adapter = Some(Chosen { address, path, adapter });
        Ok(found)
    }

    /// Has the chosen adapter scan.
    async fn begin_scan(&self) -> Result<Scan, Fault> {
        let (session, path) = self.chosen()?;
        match session.begin_scan(path).await {
            Ok(Scan::Began) => {
                if let Err(error) = self.recall().await {
                    debug!("what BlueZ remembers is not known: {error}");
                }
                Ok(Scan::Began)
            }
            Ok(Scan::WentOn) => Ok(Scan::WentOn),
            Err(error) if error.name == "org.bluez.Error.InProgress" => {
                // It says so, too, when the kernel refused.
                // Source: BlueZ 5.66, `start_discovery_complete` in `src/adapter.c`, read 2026-11.
                let is_on = is_true(&properties(session, path).await?, "Discovering");
                if is_on { Ok(Scan::WentOn) } else { Err(Fault::Refused("the kernel begins no scan".to_owned())) }
            }
            Err(error) => Err(error.fault),
        }
    }

    /// What came of a request. One that a BlueZ did not live to answer was not refused: there is none any more.
    async fn answered<T: Send>(&self, asked: Result<T, Fault>) -> Result<T, Fault> {
        if matches!(asked, Err(Fault::Refused(_))) {
            self.session()?.find_service().await?;
        }
        asked
    }

    /// Hears what BlueZ remembers of devices from before.
    async fn recall(&self) -> Result<(), Fault> {
        let (session, adapter) = self.chosen()?;
        let objects = session.objects().await.map_err(|error| error.fault)?;
        for (path, interfaces) in objects {
            let properties = interfaces.get(DEVICE).filter(|_| signals::is_under(&path, adapter));
            if let Some(news) = properties.and_then(|properties| device(&path, properties)) {
                self.air.hear(news.remembered());
            }
        }
        Ok(())
    }
}

/// What the object manager tells.
type Objects = HashMap<Path<'static>, HashMap<String, PropMap>>;

/// Has an adapter scan.
async fn start_discovery(session: &Session, path: &Path<'static>) -> Result<(), CallError> {
    // The filter of a scan that is on and stays the same does not disturb it. Without DuplicateData a sensor that
    // sends the same again would not be heard.
    let mut filter = PropMap::new();
    filter.insert("Transport".to_owned(), boxed("le".to_owned()));
    filter.insert("DuplicateData".to_owned(), boxed(true));
    session.call::<()>(path, ADAPTER, "SetDiscoveryFilter", (filter,)).await?;
    session.listen_to(Some(path.clone()));
    session.call::<()>(path, ADAPTER, "StartDiscovery", ()).await
}

impl Radio for Bluez {
    type Central = Central;

    fn central(&self) -> Option<Central> {
        let Chosen { adapter, path, .. } = self.adapter.as_ref()?;
        Some(Central { session: Arc::clone(self.session.as_ref()?), adapter: adapter.clone(), path: path.clone() })
    }

    async fn connect(&mut self) -> Result<(), Fault> {
        if self.session.as_ref().is_none_or(|session| session.is_lost()) {
            self.session = None;
            self.session = Some(Arc::new(Session::open(self.air.clone()).await?));
        }
        Ok(())
    }

    async fn find(&mut self, wanted: Option<Address>) -> Result<Adapter, Fault> {
        let found = self.choose(wanted).await;
        self.answered(found).await
    }

    async fn set_power(&mut self, on: bool) -> Result<(), Fault> {
        let (session, path) = self.chosen()?;
        let set = session.call::<()>(path, PROPERTIES, "Set", (ADAPTER, "Powered", Variant(on)));
        self.answered(set.await.map_err(|error| error.fault)).await
    }

    async fn start_scan(&mut self) -> Result<Scan, Fault> {
        self.answered(self.begin_scan().await).await
    }

    async fn stop_scan(&mut self) -> Result<(), Fault> {
        let (session, path) = self.chosen()?;
        // Another program may go on scanning.
        session.listen_to(None);
        let stopped = session.call::<()>(path, ADAPTER, "StopDiscovery", ()).await;
        self.answered(stopped.map_err(|error| error.fault)).await
    }

    async fn changed(&mut self) {
        match &self.session {
            Some(session) => session.changed().await,
            None => pending().await,
        }
    }
}

/// An adapter's properties.
async fn properties(session: &Session, path: &Path<'static>) -> Result<PropMap, Fault> {
    let asked = session.call(path, PROPERTIES, "GetAll", (ADAPTER,)).await;
    let (properties,): (PropMap,) = asked.map_err(|error| error.fault)?;
    Ok(properties)
}

fn found(address: Address, properties: &PropMap) -> Adapter {
    // Since BlueZ 5.65; before, only the attempt to switch it on shows that it is blocked.
    let is_blocked = prop_cast::<String>(properties, "PowerState").is_some_and(|state| state == "off-blocked");
    let power = match (is_true(properties, "Powered"), is_blocked) {
        (true, _) => Power::On,
        (false, true) => Power::Blocked,
        (false, false) => Power::Off,
    };
    Adapter { address, power, is_scanning: is_true(properties, "Discovering") }
}

fn is_true(properties: &PropMap, name: &str) -> bool {
    prop_cast::<bool>(properties, name).copied().unwrap_or_default()
}

fn no_answer(within: Duration) -> Fault {
    Fault::Refused(format!("no answer within {} s", within.as_secs()))
}

fn boxed(value: impl RefArg + 'static) -> Variant<Box<dyn RefArg>> {
    Variant(Box::new(value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_adapter_is_as_its_properties_say() {
        let address = Address::from_bytes([0xb8, 0x27, 0xeb, 1, 2, 3]);
        for (powered, power_state, power) in [
            (true, Some("on"), Power::On),
            (true, None, Power::On),
            (false, None, Power::Off),
            (false, Some("off"), Power::Off),
            (false, Some("off-blocked"), Power::Blocked),
        ] {
            let mut properties = PropMap::new();
            properties.insert("Powered".to_owned(), boxed(powered));
            properties.insert("Discovering".to_owned(), boxed(powered));
            if let Some(state) = power_state {
                properties.insert("PowerState".to_owned(), boxed(state.to_owned()));
            }
            assert_eq!(found(address, &properties), Adapter { address, power, is_scanning: powered });
        }
        let unknown = Adapter { address, power: Power::Off, is_scanning: false };
        assert_eq!(found(address, &PropMap::new()), unknown);
    }
}
