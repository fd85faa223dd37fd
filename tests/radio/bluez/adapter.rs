//! The adapters: plugged in and out, switched, blocked, and scanning for whoever asks.

use std::collections::HashMap;
use std::collections::HashSet;

use dbus::MethodErr;
use dbus::Path;
use dbus::arg::PropMap;
use dbus::arg::RefArg;
use dbus_crossroads::Context;
use dbus_crossroads::Crossroads;
use dbus_crossroads::IfaceBuilder;
use dbus_crossroads::PropContext;

use super::ADAPTER;
use super::Device;
use super::Later;
use super::Service;
use super::adapter_path;
use super::boxed;
use super::device_path;
use super::error;
use super::sender;

/// An adapter.
pub(super) struct Adapter {
    address: String,
    is_on: bool,
    is_blocked: bool,
    /// What becomes of a request to scan.
    scanning: Scanning,
    /// The clients that have it scan, as the bus calls them.
    scanners: HashSet<String>,
    /// The filters that they set, in words.
    filters: HashMap<String, String>,
}

/// What becomes of a request to scan.
#[derive(PartialEq, Eq)]
enum Scanning {
    /// The scan begins.
    Begins,
    /// The kernel refuses it; BlueZ then says that it is in progress.
    IsRefused,
    /// The kernel takes its time, and there is no answer.
    Hangs,
    /// It was asked for, and there is no answer.
    HungUp,
}

impl Service {
    /// An adapter is plugged in. It is on.
    pub fn plug(&self, hci: &str, address: &str) {
        let adapter = Adapter {
            address: address.to_owned(),
            is_on: true,
            is_blocked: false,
            scanning: Scanning::Begins,
            scanners: HashSet::new(),
            filters: HashMap::new(),
        };
        self.objects.lock().unwrap().insert(adapter_path(hci), &[self.kinds.adapter], adapter);
        self.plugged.lock().unwrap().insert(hci.to_owned());
    }

    /// It is plugged out, and its devices are gone with it.
    pub fn unplug(&self, hci: &str, devices: &[&str]) {
        self.plugged.lock().unwrap().remove(hci);
        for device in devices {
            self.remove(&device_path(hci, device));
        }
        self.objects.lock().unwrap().remove::<Adapter>(&adapter_path(hci)).unwrap();
    }

    /// Somebody switches it on or off. What is off has no links.
    pub fn switch(&self, hci: &str, on: bool) {
        let was_scanning = self.change(hci, |adapter| {
            adapter.is_on = on;
            let was_scanning = !adapter.scanners.is_empty();
            adapter.scanners.clear();
            was_scanning
        });
        if !on {
            for address in self.near.connected_on(&adapter_path(hci)) {
                self.end_link(&address);
            }
        }
        if was_scanning {
            self.tell(&adapter_path(hci), ADAPTER, [("Discovering", boxed(false))]);
        }
        self.tell(&adapter_path(hci), ADAPTER, [("Powered", boxed(on))]);
    }

    /// The switch for all radios is moved; what is blocked is off.
    pub fn block(&self, hci: &str, is_blocked: bool) {
        self.change(hci, |adapter| adapter.is_blocked = is_blocked);
        self.switch(hci, !is_blocked);
    }

    /// The scan ends by itself, and that is told or not.
    pub fn lose_scan(&self, hci: &str, is_told: bool) {
        self.change(hci, |adapter| adapter.scanners.clear());
        if is_told {
            self.tell(&adapter_path(hci), ADAPTER, [("Discovering", boxed(false))]);
        }
    }

    /// The kernel refuses scans from now on, or not any more.
    pub fn refuse_scans(&self, hci: &str, is_refused: bool) {
        self.change(hci, |adapter| adapter.scanning = if is_refused { Scanning::IsRefused } else { Scanning::Begins });
    }

    /// Who wants it to scan from now on waits for ever.
    pub fn hang_scans(&self, hci: &str) {
        self.change(hci, |adapter| adapter.scanning = Scanning::Hangs);
    }

    /// Whether somebody waits so.
    pub fn is_waited_for(&self, hci: &str) -> bool {
        self.change(hci, |adapter| adapter.scanning == Scanning::HungUp)
    }

    /// Whether it is on, and the filters of the scans that are on.
    pub fn scans(&self, hci: &str) -> (bool, Vec<String>) {
        self.change(hci, |adapter| {
            let filters = adapter.scanners.iter().map(|scanner| adapter.filters[scanner].clone());
            (adapter.is_on, filters.collect())
        })
    }

    fn change<T>(&self, hci: &str, change: impl FnOnce(&mut Adapter) -> T) -> T {
        self.with(&adapter_path(hci), change).unwrap()
    }
}

pub(super) fn describe(adapter: &mut IfaceBuilder<Adapter>, later: &Later) {
    adapter.property("Address").get(|_, adapter| Ok(adapter.address.clone()));
    for (name, value) in [
        ("AddressType", "public"),
        ("Name", "fake"),
        ("Alias", "fake"),
        // btleplug sees no adapter without it.
        ("Modalias", "usb:v1D6Bp0246d0542"),
    ] {
        adapter.property(name).get(move |_, _| Ok(value.to_owned()));
    }
    adapter.property("Discovering").get(|_, adapter| Ok(!adapter.scanners.is_empty()));
    adapter.property("Powered").get(|_, adapter| Ok(adapter.is_on)).set(set_power);
    adapter.method("SetDiscoveryFilter", ("filter",), (), |ctx: &mut Context, adapter, (filter,): (PropMap,)| {
        let mut words: Vec<String> = filter.iter().map(|(name, value)| format!("{name}={}", word(&value.0))).collect();
        words.sort();
        adapter.filters.insert(sender(ctx), words.join(" "));
        Ok(())
    });
    adapter.method_with_cr_custom::<_, (), _, _>("StartDiscovery", (), (), start_scan);
    adapter.method("StopDiscovery", (), (), |ctx: &mut Context, adapter: &mut Adapter, ()| {
        if adapter.scanners.remove(&sender(ctx)) { Ok(()) } else { Err(error("Failed")) }
    });
    let later = later.clone();
    adapter.method_with_cr_custom::<_, (), _, _>("RemoveDevice", ("device",), (), {
        move |mut call: Context, objects: &mut Crossroads, (device,): (Path<'static>,)| {
            if objects.data_mut::<Device>(&device).is_none() {
                call.reply::<()>(Err(error("DoesNotExist")));
                return Some(call);
            }
            later.then(move |service| {
                service.remove(&device);
                service.answer(call, Ok(()));
            });
            None
        }
    });
}

fn start_scan(mut call: Context, objects: &mut Crossroads, (): ()) -> Option<Context> {
    let adapter = objects.data_mut::<Adapter>(call.path()).unwrap();
    let answer = match adapter.scanning {
        _ if !adapter.is_on => Err(error("NotReady")),
        Scanning::Begins if adapter.scanners.insert(sender(&call)) => Ok(()),
        Scanning::Begins | Scanning::IsRefused => Err(error("InProgress")),
        Scanning::Hangs | Scanning::HungUp => {
            adapter.scanning = Scanning::HungUp;
            return None;
        }
    };
    call.reply(answer);
    Some(call)
}

fn set_power(_: &mut PropContext, adapter: &mut Adapter, on: bool) -> Result<Option<bool>, MethodErr> {
    if on && adapter.is_blocked {
        return Err(error("Blocked"));
    }
    adapter.is_on = on;
    if !on {
        adapter.scanners.clear();
    }
    Ok(Some(on))
}

fn word(value: &dyn RefArg) -> String {
    value.as_str().map_or_else(|| format!("{:?}", value.as_i64().unwrap()), str::to_owned)
}
