//! What a connected device offers: services and characteristics that notify, and that are read and written.

use std::collections::HashSet;
use std::sync::Mutex;

use dbus::MethodErr;
use dbus::Path;
use dbus::arg::PropMap;
use dbus::arg::prop_cast;
use dbus_crossroads::Context;
use dbus_crossroads::Crossroads;
use dbus_crossroads::IfaceBuilder;

use super::CHARACTERISTIC;
use super::Happened;
use super::Later;
use super::Near;
use super::Offer;
use super::Offered;
use super::Service;
use super::boxed;
use super::refusal;
use super::sender;

/// The longest value, whatever the MTU is: a longer request is cut by BlueZ into several.
/// Source: Bluetooth Core Specification 5.4, volume 3 part F, 3.2.9.
const VALUE_MAX: usize = 512;

/// What each write, notification and answer needs beside the value.
/// Source: Bluetooth Core Specification 5.4, volume 3 part F, 3.4.5 and 3.4.7.
const OVERHEAD: usize = 3;

/// A service of a device.
pub(super) struct GattService {
    uuid: &'static str,
    device: Path<'static>,
}

/// One of its characteristics.
pub(super) struct Characteristic {
    offered: Offered,
    address: String,
    mtu: u16,
    service: Path<'static>,
    /// Who wants its notifications, as the bus calls them. That is remembered when the link ends.
    subscribers: HashSet<String>,
    /// What is written and not yet confirmed. A call cannot be shared without a lock.
    writing: Mutex<Option<(Vec<u8>, Context)>>,
}

impl Service {
    /// A device says something; false if nobody is connected or nobody wants to hear it.
    pub fn notify(&self, address: &str, uuid: &str, value: &[u8]) -> bool {
        let Some((path, offer)) = self.near.link(address) else { return false };
        assert!(value.len() <= usize::from(offer.mtu) - OVERHEAD, "a device cannot say {} bytes at once", value.len());
        let path = characteristic_path(&path, &offer, uuid);
        let is_heard = self.with(&path, |it: &mut Characteristic| !it.subscribers.is_empty());
        if is_heard == Some(true) {
            self.tell(&path, CHARACTERISTIC, [("Value", boxed(value.to_vec()))]);
        }
        is_heard == Some(true)
    }

    /// It does not confirm what is written any more, or it does again, also what was written meanwhile.
    pub fn be_slow(&self, address: &str, is_slow: bool) {
        self.near.be_slow(address, is_slow);
        if let Some((path, offer)) = self.near.link(address).filter(|_| !is_slow) {
            for path in characteristic_paths(&path, &offer) {
                self.confirm(&path);
            }
        }
    }

    /// It has its objects, as long as it is known.
    pub(super) fn offer_gatt(&self, device: &Path<'static>, offer: &Offer) -> Vec<Path<'static>> {
        let mut all = Vec::new();
        let mut is_subscribed = false;
        let mut objects = self.objects.lock().unwrap();
        for (number, (uuid, characteristics)) in offer.services.iter().enumerate() {
            let service = service_path(device, number);
            if objects.data_mut::<GattService>(&service).is_none() {
                let data = GattService { uuid, device: device.clone() };
                objects.insert(service.clone(), &[self.kinds.gatt_service], data);
            }
            all.push(service.clone());
            for (number, offered) in characteristics.iter().enumerate() {
                let path = sub_path(&service, number);
                if let Some(known) = objects.data_mut::<Characteristic>(&path) {
                    known.mtu = offer.mtu;
                    is_subscribed |= !known.subscribers.is_empty();
                } else {
                    let data = Characteristic {
                        offered: offered.clone(),
                        address: offer.sent.address.to_string(),
                        mtu: offer.mtu,
                        service: service.clone(),
                        subscribers: HashSet::new(),
                        writing: Mutex::default(),
                    };
                    objects.insert(path.clone(), &[self.kinds.characteristic], data);
                }
                all.push(path);
            }
        }
        drop(objects);
        if is_subscribed {
            self.near.tell(&offer.sent.address, Happened::Subscribed);
        }
        all
    }

    /// The link has ended, and with it what was not yet confirmed.
    pub(super) fn end_gatt(&self, device: &Path<'static>, offer: &Offer) {
        for path in characteristic_paths(device, offer) {
            let writing = self.with(&path, |it: &mut Characteristic| it.writing.get_mut().unwrap().take()).flatten();
            if let Some((_, call)) = writing {
                self.answer(call, Err(refusal("Failed", "Operation failed with ATT error: 0x0e")));
            }
        }
    }

    pub(super) fn remove_gatt(&self, offered: &[Path<'static>]) {
        let mut objects = self.objects.lock().unwrap();
        for path in offered.iter().rev() {
            if objects.data_mut::<Characteristic>(path).is_some() {
                objects.remove::<Characteristic>(path);
            } else {
                objects.remove::<GattService>(path);
            }
        }
    }

    fn confirm(&self, path: &Path<'static>) {
        let written = self.with(path, |it: &mut Characteristic| {
            (
                it.address.clone(),
                it.offered.uuid,
                it.writing.get_mut().unwrap().take_if(|_| !self.near.is_slow(&it.address)),
            )
        });
        if let Some((address, uuid, Some((value, call)))) = written {
            self.near.tell(&address, Happened::Written(uuid, value));
            self.answer(call, Ok(()));
        }
    }
}

pub(super) fn describe_service(service: &mut IfaceBuilder<GattService>) {
    service.property("UUID").get(|_, service| Ok(service.uuid.to_owned()));
    service.property("Primary").get(|_, _| Ok(true));
    service.property("Device").get(|_, service| Ok(service.device.clone()));
}

pub(super) fn describe_characteristic(it: &mut IfaceBuilder<Characteristic>, near: &Near, later: &Later) {
    it.property("UUID").get(|_, it| Ok(it.offered.uuid.to_owned()));
    it.property("Service").get(|_, it| Ok(it.service.clone()));
    it.property("Flags").get(|_, it| Ok(it.offered.flags.iter().map(|flag| (*flag).to_owned()).collect::<Vec<_>>()));
    it.property("Notifying").get(|_, it| Ok(!it.subscribers.is_empty()));
    it.property("MTU").get(|_, it| Ok(it.mtu));
    let (link, then) = (near.clone(), later.clone());
    it.method_with_cr_custom::<_, (), _, _>("WriteValue", ("value", "options"), (), {
        move |call: Context, objects: &mut Crossroads, (value, options): (Vec<u8>, PropMap)| {
            let path = call.path().clone();
            let it = objects.data_mut::<Characteristic>(&path).unwrap();
            write(it, &link, &then, value, &options, call)
        }
    });
    let link = near.clone();
    it.method("ReadValue", ("options",), ("value",), move |_, it: &mut Characteristic, (_,): (PropMap,)| {
        if link.link(&it.address).is_none() {
            return Err(not_connected());
        }
        if it.can("read") {
            Ok((it.offered.value.clone(),))
        } else {
            Err(refusal("NotPermitted", "Read not permitted"))
        }
    });
    let link = near.clone();
    it.method("StartNotify", (), (), move |ctx, it: &mut Characteristic, ()| {
        if !it.can("notify") {
            return Err(refusal("NotSupported", "Operation is not supported"));
        }
        it.subscribers.insert(sender(ctx));
        if link.link(&it.address).is_some() {
            link.tell(&it.address, Happened::Subscribed);
        }
        Ok(())
    });
    it.method("StopNotify", (), (), |ctx, it: &mut Characteristic, ()| {
        let is_one = it.subscribers.remove(&sender(ctx));
        if is_one { Ok(()) } else { Err(refusal("Failed", "No notify session started")) }
    });
}

impl Characteristic {
    fn can(&self, what: &str) -> bool {
        self.offered.flags.contains(&what)
    }
}

/// As `characteristic_write_value` in BlueZ's `src/gatt-client.c`, read 2026-11: one write at a time, a command fits
/// into the MTU, and a request that does not is cut by BlueZ.
fn write(
    it: &mut Characteristic,
    near: &Near,
    later: &Later,
    value: Vec<u8>,
    options: &PropMap,
    mut call: Context,
) -> Option<Context> {
    let is_command = prop_cast::<String>(options, "type").is_some_and(|kind| kind == "command");
    let refused = if near.link(&it.address).is_none() {
        Some(not_connected())
    } else if it.writing.get_mut().unwrap().is_some() {
        Some(refusal("InProgress", "In Progress"))
    } else if !it.can(if is_command { "write-without-response" } else { "write" }) {
        Some(refusal("NotPermitted", "Write not permitted"))
    } else if is_command && value.len() > usize::from(it.mtu) - OVERHEAD {
        Some(refusal("Failed", "Failed to initiate write"))
    } else if value.len() > VALUE_MAX {
        Some(refusal("InvalidValueLength", "Invalid Length"))
    } else {
        None
    };
    if let Some(refused) = refused {
        call.reply::<()>(Err(refused));
        return Some(call);
    }
    if is_command {
        near.tell(&it.address, Happened::Written(it.offered.uuid, value));
        call.reply(Ok(()));
        return Some(call);
    }
    let path = call.path().clone();
    *it.writing.get_mut().unwrap() = Some((value, call));
    later.then(move |service| service.confirm(&path));
    None
}

fn not_connected() -> MethodErr {
    refusal("Failed", "Not connected")
}

/// BlueZ calls them by their handles.
fn service_path(device: &Path<'static>, number: usize) -> Path<'static> {
    Path::from(format!("{}/service{:04x}", &**device, 16 * (number + 1)))
}

fn sub_path(service: &Path<'static>, number: usize) -> Path<'static> {
    Path::from(format!("{}/char{:04x}", &**service, number + 1))
}

fn characteristic_paths(device: &Path<'static>, offer: &Offer) -> Vec<Path<'static>> {
    let services = offer.services.iter().enumerate();
    let of = |(number, (_, all)): (usize, &(&str, Vec<Offered>))| {
        let service = service_path(device, number);
        (0..all.len()).map(move |number| sub_path(&service, number))
    };
    services.flat_map(of).collect()
}

fn characteristic_path(device: &Path<'static>, offer: &Offer, uuid: &str) -> Path<'static> {
    let uuids = offer.services.iter().flat_map(|(_, all)| all.iter().map(|offered| offered.uuid));
    let paths = characteristic_paths(device, offer);
    paths.into_iter().zip(uuids).find(|(_, other)| *other == uuid).unwrap().0
}
