//! The devices that were heard: what they sent, and whether they are connected.

use std::borrow::Cow;
use std::collections::HashMap;

use dbus::Path;
use dbus::arg::PropMap;
use dbus::arg::RefArg;
use dbus::arg::Variant;
use dbus_crossroads::Context;
use dbus_crossroads::Crossroads;
use dbus_crossroads::IfaceBuilder;

use super::DEVICE;
use super::Later;
use super::Manner;
use super::Near;
use super::Offer;
use super::Service;
use super::boxed;
use super::device_path;
use super::error;
use super::near;
use super::refusal;
use super::there;

/// How much an advert's strength must differ from the last one's to be told.
/// Source: BlueZ, `RSSI_THRESHOLD` in `src/device.c`, read 2026-11.
const RSSI_STEP: i16 = 8;

/// What is told of an advert.
#[derive(Debug, Clone, Default)]
pub struct Sent {
    pub address: Cow<'static, str>,
    pub name: Option<&'static str>,
    pub rssi: i16,
    pub manufacturer_data: Vec<(u16, Vec<u8>)>,
    pub service_data: Vec<(&'static str, Vec<u8>)>,
    pub services: Vec<&'static str>,
}

/// A device that was heard.
pub(super) struct Device {
    address: String,
    name: Option<String>,
    rssi: Option<i16>,
    manufacturer_data: HashMap<u16, Vec<u8>>,
    service_data: HashMap<String, Vec<u8>>,
    uuids: Vec<String>,
    pub(super) is_connected: bool,
    pub(super) is_resolved: bool,
    /// What it offers has its objects, which stay when the link ends.
    pub(super) offered: Vec<Path<'static>>,
}

impl Service {
    /// A device is known from before.
    pub fn know(&self, hci: &str, sent: &Sent) {
        let device = Device { rssi: None, ..Device::of(sent) };
        self.objects.lock().unwrap().insert(device_path(hci, &sent.address), &[self.kinds.device], device);
    }

    /// A device sends. Whether anybody has the adapter scan, so that it was heard.
    pub fn send(&self, hci: &str, sent: &Sent) -> bool {
        if self.scans(hci).1.is_empty() {
            return false;
        }
        let path = device_path(hci, &sent.address);
        let mut objects = self.objects.lock().unwrap();
        let Some(known) = objects.data_mut::<Device>(&path) else {
            objects.insert(path, &[self.kinds.device], Device::of(sent));
            return true;
        };
        let before = known.rssi.replace(sent.rssi);
        known.manufacturer_data = sent.manufacturer_data.iter().cloned().collect();
        drop(objects);
        let mut changed = PropMap::new();
        if before.is_none_or(|before| (before - sent.rssi).abs() >= RSSI_STEP) {
            changed.insert("RSSI".to_owned(), boxed(sent.rssi));
        }
        if !sent.manufacturer_data.is_empty() {
            let data = sent.manufacturer_data.iter().cloned().collect();
            changed.insert("ManufacturerData".to_owned(), Variant(Box::new(manufacturer_data(&data))));
        }
        if !sent.service_data.is_empty() {
            let data = sent.service_data.iter().map(|(uuid, data)| ((*uuid).to_owned(), data.clone())).collect();
            changed.insert("ServiceData".to_owned(), Variant(Box::new(service_data(&data))));
        }
        if !changed.is_empty() {
            self.tell(&path, DEVICE, changed);
        }
        true
    }

    /// A device that can be connected to comes near. From now on it sends by itself while nobody is connected.
    pub fn come(&self, offer: Offer) {
        self.near.come(offer);
    }

    /// It goes away, in the middle of whatever it does.
    pub fn leave(&self, address: &str) {
        self.end_link(address);
        self.near.leave(address);
    }

    /// It behaves so from now on, also to who waits for it.
    pub fn behave(&self, address: &str, manner: Manner) {
        for (path, call) in self.near.behave(address, manner) {
            match manner {
                Manner::Answers => self.connect(&path, address, call),
                Manner::Refuses => self.answer(call, Err(near::no_answer())),
                Manner::Hangs => self.near.wait(address, path, call),
            }
        }
    }

    /// The link to a device ends, if it has one: it said so, or it is out of reach.
    pub fn end_link(&self, address: &str) {
        for call in self.near.give_up(address) {
            self.answer(call, Err(refusal("Failed", "le-connection-canceled")));
        }
        let Some((path, offer)) = self.near.end(address) else { return };
        self.end_gatt(&path, &offer);
        let is_there = self.with(&path, |device: &mut Device| {
            device.is_connected = false;
            device.is_resolved = false;
        });
        if is_there.is_some() {
            self.tell(&path, DEVICE, [("ServicesResolved", boxed(false))]);
            self.tell(&path, DEVICE, [("Connected", boxed(false))]);
        }
    }

    /// It is told on the bus as connected, and only then its services are looked for.
    fn connect(&self, path: &Path<'static>, address: &str, call: Context) {
        let is_there = self.with(path, |device: &mut Device| device.is_connected = true);
        let Some(offer) = is_there.and_then(|()| self.near.connect(address, path)) else {
            return self.answer(call, Err(near::no_answer()));
        };
        self.tell(path, DEVICE, [("Connected", boxed(true))]);
        self.answer(call, Ok(()));
        let offered = self.offer_gatt(path, &offer);
        let uuids: Vec<String> = offer.services.iter().map(|(uuid, _)| (*uuid).to_owned()).collect();
        self.with(path, |device: &mut Device| {
            device.is_resolved = true;
            device.offered = offered;
            device.uuids.clone_from(&uuids);
        });
        self.tell(path, DEVICE, [("UUIDs", boxed(uuids)), ("ServicesResolved", boxed(true))]);
    }

    /// It is forgotten, with what it offers.
    pub(super) fn remove(&self, path: &Path<'static>) {
        let address = self.with(path, |device: &mut Device| device.address.clone()).unwrap();
        self.end_link(&address);
        let device = self.objects.lock().unwrap().remove::<Device>(path).unwrap();
        self.remove_gatt(&device.offered);
    }
}

impl Device {
    fn of(sent: &Sent) -> Self {
        Self {
            address: sent.address.to_string(),
            name: sent.name.map(str::to_owned),
            rssi: Some(sent.rssi),
            manufacturer_data: sent.manufacturer_data.iter().cloned().collect(),
            service_data: sent.service_data.iter().map(|(uuid, data)| ((*uuid).to_owned(), data.clone())).collect(),
            uuids: sent.services.iter().map(|uuid| (*uuid).to_owned()).collect(),
            is_connected: false,
            is_resolved: false,
            offered: Vec::new(),
        }
    }
}

pub(super) fn describe(device: &mut IfaceBuilder<Device>, near: &Near, later: &Later) {
    device.property("Address").get(|_, device| Ok(device.address.clone()));
    device.property("Alias").get(|_, device| Ok(device.address.replace(':', "-")));
    device.property("Name").get(|_, device| there(device.name.clone()));
    device.property("RSSI").get(|_, device| there(device.rssi));
    device.property("UUIDs").get(|_, device| Ok(device.uuids.clone()));
    // A random address that stays begins with two set bits; the others of the tests were bought.
    device.property("AddressType").get(|_, device| {
        Ok(if device.address.starts_with(['C', 'D', 'E', 'F']) { "random" } else { "public" }.to_owned())
    });
    device.property("Adapter").get(|ctx, _| Ok(Path::from(ctx.path().rsplit_once('/').unwrap().0.to_owned())));
    device.property("Connected").get(|_, device| Ok(device.is_connected));
    device.property("ServicesResolved").get(|_, device| Ok(device.is_resolved));
    for name in ["Paired", "Bonded", "Trusted", "Blocked", "LegacyPairing"] {
        device.property(name).get(|_, _| Ok(false));
    }
    device
        .property("ManufacturerData")
        .get(|_, device| there(Some(&device.manufacturer_data).filter(|data| !data.is_empty())).map(manufacturer_data));
    device
        .property("ServiceData")
        .get(|_, device| there(Some(&device.service_data).filter(|data| !data.is_empty())).map(service_data));
    describe_links(device, near.clone(), later.clone());
}

fn describe_links(device: &mut IfaceBuilder<Device>, near: Near, later: Later) {
    let after = later.clone();
    device.method_with_cr_custom::<_, (), _, _>(
        "Connect",
        (),
        (),
        move |mut call: Context, objects: &mut Crossroads, ()| {
            let path = call.path().clone();
            let device = objects.data_mut::<Device>(&path).unwrap();
            let address = device.address.clone();
            if device.is_connected {
                call.reply(Ok(()));
                return Some(call);
            }
            match near.want(&address) {
                None => after.then(move |service| service.answer(call, Err(error("InProgress")))),
                Some(Manner::Answers) => after.then(move |service| service.connect(&path, &address, call)),
                Some(Manner::Refuses) => after.then(move |service| service.answer(call, Err(near::no_answer()))),
                Some(Manner::Hangs) => near.wait(&address, path, call),
            }
            None
        },
    );
    device.method_with_cr_custom::<_, (), _, _>(
        "Disconnect",
        (),
        (),
        move |call: Context, objects: &mut Crossroads, ()| {
            let address = objects.data_mut::<Device>(call.path()).unwrap().address.clone();
            later.then(move |service| {
                service.end_link(&address);
                service.answer(call, Ok(()));
            });
            None
        },
    );
}

fn manufacturer_data(data: &HashMap<u16, Vec<u8>>) -> HashMap<u16, Variant<Box<dyn RefArg>>> {
    data.iter().map(|(company, bytes)| (*company, boxed(bytes.clone()))).collect()
}

fn service_data(data: &HashMap<String, Vec<u8>>) -> PropMap {
    data.iter().map(|(uuid, bytes)| (uuid.clone(), boxed(bytes.clone()))).collect()
}
