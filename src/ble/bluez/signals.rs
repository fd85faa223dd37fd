//! What BlueZ says without being asked: adverts, and that something has changed. Runs inside of the connection, so it
//! only sorts: adverts go into the air, everything else is one word, "look again".

use std::collections::BTreeMap;
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::Mutex;

use dbus::Message;
use dbus::Path;
use dbus::arg::PropMap;
use dbus::arg::RefArg;
use dbus::arg::Variant;
use dbus::arg::cast;
use dbus::arg::prop_cast;
use dbus::message::SignalArgs;
use dbus::nonblock::stdintf::org_freedesktop_dbus::ObjectManagerInterfacesAdded;
use dbus::nonblock::stdintf::org_freedesktop_dbus::ObjectManagerInterfacesRemoved;
use dbus::nonblock::stdintf::org_freedesktop_dbus::PropertiesPropertiesChanged;
use tokio::sync::Notify;
use tokio::sync::broadcast;
use tokio::sync::mpsc;
use uuid::Uuid;

use crate::ble::advert::Address;
use crate::ble::advert::Advert;
use crate::ble::air::Air;
use crate::ble::air::Sighting;
use crate::ble::bluez::ADAPTER;
use crate::ble::bluez::CHARACTERISTIC;
use crate::ble::bluez::DEVICE;
use crate::clock;

/// Characters of a name that are kept.
/// Source: Bluetooth Core Specification 5.4, volume 3 part C, 12.1: a device name has at most 248 bytes.
const NAME_CHARS: usize = 248;

/// Turns of devices that may be missed before somebody who waits for one has to look whether it was among them.
const MOST_TURNS: usize = 64;

/// Values that may wait for whoever is connected. Ours: far more than there are while somebody reads.
const MOST_VALUES: usize = 1_024;

/// Sorts what is said.
pub(super) struct Listener {
    air: Air,
    changed: Arc<Notify>,
    heard: Mutex<Heard>,
    turns: broadcast::Sender<(Path<'static>, Turn)>,
    values: Mutex<HashMap<Path<'static>, mpsc::Sender<Said>>>,
}

/// What a device said, and when it came, in milliseconds of [`clock::Now::mono_ms`].
pub(super) type Said = (Vec<u8>, u64);

/// What becomes of the connection to a device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Turn {
    /// Its services are known.
    Resolved,
    /// It is disconnected, or forgotten.
    Gone,
}

/// Whom it hears.
#[derive(Default)]
struct Heard {
    /// BlueZ, as the bus calls it until it is started again: anybody on the bus may send what looks like its words.
    owner: Option<String>,
    /// The adapter that scans; what another one hears is left out.
    adapter: Option<Path<'static>>,
}

/// What was said about a device.
pub(super) struct DeviceNews {
    advert: Advert,
    /// Whether it sent something just now. A name or services alone are known from elsewhere, too.
    is_heard: bool,
}

impl DeviceNews {
    /// If it was told by an advert, as that.
    fn told(self) -> Sighting {
        if self.is_heard { Sighting::heard(self.advert) } else { self.remembered() }
    }

    /// As what BlueZ remembers.
    pub(super) fn remembered(self) -> Sighting {
        Sighting::remembered(self.advert)
    }
}

impl Listener {
    pub(super) fn new(air: Air, changed: Arc<Notify>) -> Self {
        let (turns, _) = broadcast::channel(MOST_TURNS);
        Self { air, changed, heard: Mutex::default(), turns, values: Mutex::default() }
    }

    /// Tells the paths of devices, and what becomes of their connections.
    pub(super) fn turns(&self) -> broadcast::Receiver<(Path<'static>, Turn)> {
        self.turns.subscribe()
    }

    /// Tells the values of a characteristic, in their order, and when they came. Who does not take them in time hears no more of them.
    pub(super) fn values(&self, characteristic: Path<'static>) -> mpsc::Receiver<Said> {
        let (sender, receiver) = mpsc::channel(MOST_VALUES);
        self.values.lock().expect("nothing here panics").insert(characteristic, sender);
        receiver
    }

    /// Only this BlueZ is believed from now on.
    pub(super) fn trust(&self, owner: String) {
        self.heard.lock().expect("nothing here panics").owner = Some(owner);
    }

    /// Only what this adapter hears is wanted from now on; without one, nothing.
    pub(super) fn listen_to(&self, adapter: Option<Path<'static>>) {
        self.heard.lock().expect("nothing here panics").adapter = adapter;
    }

    /// Something was said.
    pub(super) fn hear(&self, message: &Message) {
        let member = message.member();
        if member.as_deref() == Some("NameOwnerChanged") {
            self.changed.notify_one();
        } else if self.is_from_bluez(message) {
            self.sort(message);
        }
    }

    fn is_from_bluez(&self, message: &Message) -> bool {
        let heard = self.heard.lock().expect("nothing here panics");
        heard.owner.is_some() && heard.owner.as_deref() == message.sender().as_deref()
    }

    fn sort(&self, message: &Message) {
        if let Some(changed) = PropertiesPropertiesChanged::from_message(message) {
            let path = message.path().unwrap_or_default().into_static();
            match changed.interface_name.as_str() {
                DEVICE => {
                    let is = |name| prop_cast::<bool>(&changed.changed_properties, name).copied();
                    if is("Connected") == Some(false) {
                        self.turn(path.clone(), Turn::Gone);
                    }
                    if is("ServicesResolved") == Some(true) {
                        self.turn(path.clone(), Turn::Resolved);
                    }
                    self.hear_device(&path, &changed.changed_properties);
                }
                CHARACTERISTIC => {
                    if let Some(value) = prop_cast::<Vec<u8>>(&changed.changed_properties, "Value") {
                        self.hear_value(&path, value);
                    }
                }
                ADAPTER if is_worth_a_look(&changed.changed_properties) => self.changed.notify_one(),
                _ => {}
            }
        } else if let Some(added) = ObjectManagerInterfacesAdded::from_message(message) {
            if let Some(properties) = added.interfaces.get(DEVICE) {
                self.hear_device(&added.object, properties);
            }
            if added.interfaces.contains_key(ADAPTER) {
                self.changed.notify_one();
            }
        } else if let Some(removed) = ObjectManagerInterfacesRemoved::from_message(message) {
            let has = |interface: &str| removed.interfaces.iter().any(|removed| removed == interface);
            if has(ADAPTER) {
                self.changed.notify_one();
            }
            if has(DEVICE) {
                self.turn(removed.object.clone(), Turn::Gone);
            }
        }
    }

    fn turn(&self, device: Path<'static>, turn: Turn) {
        // It may be that nobody is connected.
        let _ = self.turns.send((device, turn));
    }

    fn hear_value(&self, characteristic: &Path<'static>, value: &[u8]) {
        let mut values = self.values.lock().expect("nothing here panics");
        let sent = values.get(characteristic).map(|sender| sender.try_send((value.to_vec(), clock::now().mono_ms)));
        if matches!(sent, Some(Err(_))) {
            values.remove(characteristic);
        }
    }

    fn hear_device(&self, path: &Path<'static>, properties: &PropMap) {
        let adapter = self.heard.lock().expect("nothing here panics").adapter.clone();
        if adapter.is_some_and(|adapter| is_under(path, &adapter)) {
            if let Some(news) = device(path, properties) {
                self.air.hear(news.told());
            }
        }
    }
}

/// Whether an object belongs to an adapter.
pub(super) fn is_under(path: &Path<'_>, adapter: &Path<'_>) -> bool {
    path.strip_prefix(&**adapter).is_some_and(|rest| rest.starts_with('/'))
}

/// What was said about a device; none for what is no device.
pub(super) fn device(path: &Path<'_>, properties: &PropMap) -> Option<DeviceNews> {
    let address = address(path)?;
    let rssi = prop_cast::<i16>(properties, "RSSI").copied();
    let service_data = prop_cast::<PropMap>(properties, "ServiceData").map(service_data);
    let manufacturer_data = prop_cast::<ManufacturerData>(properties, "ManufacturerData").map(manufacturer_data);
    let is_heard = rssi.is_some() || service_data.is_some() || manufacturer_data.is_some();
    // Not the alias, which BlueZ makes of the address where there is no name.
    let name = prop_cast::<String>(properties, "Name").map(|name| name.chars().take(NAME_CHARS).collect());
    let service_uuids = prop_cast::<Vec<String>>(properties, "UUIDs");
    let is_random = prop_cast::<String>(properties, "AddressType").is_some_and(|of| of == "random");
    let advert = Advert {
        address,
        rotates: is_random && address.is_resolvable_if_random(),
        name,
        rssi,
        service_data: service_data.unwrap_or_default(),
        manufacturer_data: manufacturer_data.unwrap_or_default(),
        service_uuids: service_uuids.into_iter().flatten().filter_map(|uuid| uuid.parse().ok()).collect(),
    };
    Some(DeviceNews { advert, is_heard })
}

type ManufacturerData = HashMap<u16, Variant<Box<dyn RefArg>>>;

/// A device's object is called by its address: `/org/bluez/hci0/dev_A4_C1_38_11_22_33`.
fn address(path: &str) -> Option<Address> {
    let (_, name) = path.rsplit_once('/')?;
    name.strip_prefix("dev_")?.replace('_', ":").parse().ok()
}

fn service_data(properties: &PropMap) -> BTreeMap<Uuid, Vec<u8>> {
    let bytes = |(uuid, data): (&String, &Variant<Box<dyn RefArg>>)| {
        Some((uuid.parse().ok()?, cast::<Vec<u8>>(&data.0)?.clone()))
    };
    properties.iter().filter_map(bytes).collect()
}

fn manufacturer_data(properties: &ManufacturerData) -> BTreeMap<u16, Vec<u8>> {
    let bytes =
        |(company, data): (&u16, &Variant<Box<dyn RefArg>>)| Some((*company, cast::<Vec<u8>>(&data.0)?.clone()));
    properties.iter().filter_map(bytes).collect()
}

/// Whether an adapter was switched, or ended its scan.
fn is_worth_a_look(properties: &PropMap) -> bool {
    properties.contains_key("Powered")
        || properties.contains_key("PowerState")
        || prop_cast::<bool>(properties, "Discovering") == Some(&false)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATH: &str = "/org/bluez/hci0/dev_A4_C1_38_11_22_33";

    fn boxed(value: impl RefArg + 'static) -> Variant<Box<dyn RefArg>> {
        Variant(Box::new(value))
    }

    fn told(properties: impl IntoIterator<Item = (String, Variant<Box<dyn RefArg>>)>) -> Sighting {
        device(&Path::from(PATH), &properties.into_iter().collect()).unwrap().told()
    }

    #[test]
    fn data_or_a_strength_was_heard_and_a_name_alone_was_not() {
        let name = || [("Name".to_owned(), boxed("x".repeat(300))), ("Alias".to_owned(), boxed("y".to_owned()))];
        let sighting = told(name());
        assert!(!sighting.is_fresh());
        assert_eq!(sighting.advert.address.to_string(), "A4:C1:38:11:22:33");
        assert_eq!(sighting.advert.name, Some("x".repeat(NAME_CHARS)));

        let sighting = told(name().into_iter().chain([("RSSI".to_owned(), boxed(-60_i16))]));
        assert!(sighting.is_fresh());
        assert_eq!(sighting.advert.rssi, Some(-60));

        let data: ManufacturerData = [(0x0499, boxed(vec![1_u8, 2])), (7, boxed("no bytes".to_owned()))].into();
        let data: Box<dyn RefArg> = Box::new(data);
        let sighting = told([("ManufacturerData".to_owned(), Variant(data))]);
        assert_eq!((sighting.is_fresh(), sighting.advert.manufacturer_data), (true, [(0x0499, vec![1, 2])].into()));
    }

    #[test]
    fn without_a_name_there_is_none() {
        let alias = boxed("A4-C1-38-11-22-33".to_owned());
        assert_eq!(told([("Alias".to_owned(), alias)]).advert.name, None);
    }

    #[test]
    fn a_random_address_that_can_be_resolved_changes_and_a_public_one_that_looks_like_it_stays() {
        let told = |address: &str, kind: &str| {
            let path = Path::from(format!("/org/bluez/hci0/dev_{address}"));
            let properties = [("AddressType".to_owned(), boxed(kind.to_owned()))];
            device(&path, &properties.into_iter().collect()).unwrap().told().advert.rotates
        };
        assert!(told("54_48_E6_8F_80_A5", "random"));
        assert!(!told("54_48_E6_8F_80_A5", "public") && !told("C4_48_E6_8F_80_A5", "random"));
    }

    #[test]
    fn only_a_device_is_one() {
        for path in ["/", "/org/bluez/hci0", "/org/bluez/hci0/dev_A4_C1", &format!("{PATH}/service0001")] {
            assert!(device(&Path::from(path), &PropMap::new()).is_none(), "{path}");
        }
    }

    #[test]
    fn a_device_belongs_to_one_adapter() {
        let adapter = |path: &'static str| is_under(&Path::from(PATH), &Path::from(path));
        assert!(adapter("/org/bluez/hci0") && !adapter("/org/bluez/hci") && !adapter("/org/bluez/hci1"));
    }
}
