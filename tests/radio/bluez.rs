//! BlueZ as the tests play it: the name on the bus, adapters, devices that send. It does what BlueZ's documentation and
//! source say of it, without a radio. A thread of its own answers; the test tells it what happens.

use std::borrow::Cow;
use std::collections::HashMap;
use std::collections::HashSet;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::mpsc;
use std::thread;
use std::thread::JoinHandle;
use std::time::Duration;

use dbus::MethodErr;
use dbus::Path;
use dbus::arg::PropMap;
use dbus::arg::RefArg;
use dbus::arg::Variant;
use dbus::blocking::SyncConnection;
use dbus::blocking::stdintf::org_freedesktop_dbus::PropertiesPropertiesChanged;
use dbus::channel::Channel;
use dbus::channel::MatchingReceiver;
use dbus::channel::Sender;
use dbus::message::MatchRule;
use dbus::message::SignalArgs;
use dbus_crossroads::Context;
use dbus_crossroads::Crossroads;
use dbus_crossroads::IfaceBuilder;
use dbus_crossroads::IfaceToken;
use dbus_crossroads::PropContext;

const ADAPTER: &str = "org.bluez.Adapter1";
const DEVICE: &str = "org.bluez.Device1";

/// How much an advert's strength must differ from the last one's to be told.
/// Source: BlueZ, `RSSI_THRESHOLD` in `src/device.c`, read 2026-11.
const RSSI_STEP: i16 = 8;

/// A Bluetooth service that runs until it is dropped.
pub struct Bluez {
    orders: Option<mpsc::Sender<Order>>,
    thread: Option<JoinHandle<()>>,
}

type Order = Box<dyn FnOnce(&Service) + Send>;

impl Bluez {
    /// On the bus at `address`.
    pub fn start(address: &str) -> Self {
        let service = Service::new(address);
        let (orders, ordered) = mpsc::channel::<Order>();
        let thread = thread::spawn(move || {
            loop {
                match ordered.try_recv() {
                    Ok(order) => order(&service),
                    Err(mpsc::TryRecvError::Disconnected) => return service.end(),
                    Err(mpsc::TryRecvError::Empty) => {}
                }
                let mut wait = Duration::from_millis(2);
                // It takes one message at a time, and the bus may be gone.
                while let Ok(true) = service.connection.process(wait) {
                    wait = Duration::ZERO;
                }
            }
        });
        Self { orders: Some(orders), thread: Some(thread) }
    }

    /// Lets something happen, and returns what came of it.
    pub fn when<T: Send + 'static>(&self, order: impl FnOnce(&Service) -> T + Send + 'static) -> T {
        let (reply, done) = mpsc::channel();
        let order: Order = Box::new(move |service| reply.send(order(service)).unwrap());
        self.orders.as_ref().unwrap().send(order).unwrap();
        done.recv().unwrap()
    }
}

impl Bluez {
    /// Ends it; the name on the bus goes with it.
    pub fn stop(&mut self) {
        self.orders = None;
        if let Some(thread) = self.thread.take() {
            thread.join().unwrap();
        }
    }
}

impl Drop for Bluez {
    fn drop(&mut self) {
        self.stop();
    }
}

/// What is told of an advert.
#[derive(Debug, Clone, Default)]
pub struct Sent {
    pub address: Cow<'static, str>,
    pub name: Option<&'static str>,
    pub rssi: i16,
    pub manufacturer_data: Vec<(u16, Vec<u8>)>,
    pub service_data: Vec<(&'static str, Vec<u8>)>,
}

/// The service, in its thread.
pub struct Service {
    connection: Arc<SyncConnection>,
    objects: Arc<Mutex<Crossroads>>,
    adapters: IfaceToken<Adapter>,
    devices: IfaceToken<Device>,
}

/// An adapter.
struct Adapter {
    address: String,
    is_on: bool,
    is_blocked: bool,
    /// The clients that have it scan, as the bus calls them.
    scanners: HashSet<String>,
    /// The filters that they set, in words.
    filters: HashMap<String, String>,
}

/// A device that was heard.
struct Device {
    address: String,
    name: Option<String>,
    rssi: Option<i16>,
    manufacturer_data: HashMap<u16, Vec<u8>>,
    service_data: HashMap<String, Vec<u8>>,
}

impl Service {
    fn new(address: &str) -> Self {
        let mut channel = Channel::open_private(address).unwrap();
        channel.register().unwrap();
        let connection = Arc::new(SyncConnection::from(channel));
        let mut objects = Crossroads::new();
        objects.set_object_manager_support(Some(connection.clone()));
        let adapters = objects.register(ADAPTER, describe_adapter);
        let devices = objects.register(DEVICE, describe_device);
        let manager = objects.object_manager();
        objects.insert("/", &[manager], ());
        let objects = Arc::new(Mutex::new(objects));
        let answering = Arc::clone(&objects);
        let answer = move |message, connection: &SyncConnection| {
            answering.lock().unwrap().handle_message(message, connection).unwrap();
            true
        };
        connection.start_receive(MatchRule::new_method_call(), Box::new(answer));
        connection.request_name("org.bluez", false, true, true).unwrap();
        Self { connection, objects, adapters, devices }
    }

    /// Lets go of the connection, so that it is closed and the name is free.
    fn end(&self) {
        self.objects.lock().unwrap().set_object_manager_support(None);
    }

    /// An adapter is plugged in. It is on.
    pub fn plug(&self, hci: &str, address: &str) {
        let adapter = Adapter {
            address: address.to_owned(),
            is_on: true,
            is_blocked: false,
            scanners: HashSet::new(),
            filters: HashMap::new(),
        };
        self.objects.lock().unwrap().insert(adapter_path(hci), &[self.adapters], adapter);
    }

    /// It is plugged out, and its devices are gone with it.
    pub fn unplug(&self, hci: &str, devices: &[&str]) {
        let mut objects = self.objects.lock().unwrap();
        for device in devices {
            objects.remove::<Device>(&device_path(hci, device)).unwrap();
        }
        objects.remove::<Adapter>(&adapter_path(hci)).unwrap();
    }

    /// Somebody switches it on or off.
    pub fn switch(&self, hci: &str, on: bool) {
        let was_scanning = self.change(hci, |adapter| {
            adapter.is_on = on;
            let was_scanning = !adapter.scanners.is_empty();
            adapter.scanners.clear();
            was_scanning
        });
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

    /// Whether it is on, and the filters of the scans that are on.
    pub fn scans(&self, hci: &str) -> (bool, Vec<String>) {
        self.change(hci, |adapter| {
            let filters = adapter.scanners.iter().map(|scanner| adapter.filters[scanner].clone());
            (adapter.is_on, filters.collect())
        })
    }

    /// A device is known from before.
    pub fn know(&self, hci: &str, sent: &Sent) {
        let device = Device { rssi: None, ..Device::of(sent) };
        self.objects.lock().unwrap().insert(device_path(hci, &sent.address), &[self.devices], device);
    }

    /// A device sends. Whether anybody has the adapter scan, so that it was heard.
    pub fn send(&self, hci: &str, sent: &Sent) -> bool {
        if self.change(hci, |adapter| adapter.scanners.is_empty()) {
            return false;
        }
        let path = device_path(hci, &sent.address);
        let mut objects = self.objects.lock().unwrap();
        let Some(known) = objects.data_mut::<Device>(&path) else {
            objects.insert(path, &[self.devices], Device::of(sent));
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

    fn change<T>(&self, hci: &str, change: impl FnOnce(&mut Adapter) -> T) -> T {
        change(self.objects.lock().unwrap().data_mut(&adapter_path(hci)).unwrap())
    }

    fn tell<N: Into<String>>(
        &self,
        path: &Path<'static>,
        interface: &str,
        changed: impl IntoIterator<Item = (N, Variant<Box<dyn RefArg>>)>,
    ) {
        tell(&*self.connection, path, interface, changed);
    }
}

/// Says on a bus that properties have changed.
pub fn tell<N: Into<String>>(
    connection: &impl Sender,
    path: &Path<'static>,
    interface: &str,
    changed: impl IntoIterator<Item = (N, Variant<Box<dyn RefArg>>)>,
) {
    let changed = PropertiesPropertiesChanged {
        interface_name: interface.to_owned(),
        changed_properties: changed.into_iter().map(|(name, value)| (name.into(), value)).collect(),
        invalidated_properties: Vec::new(),
    };
    connection.send(changed.to_emit_message(path)).unwrap();
}

impl Device {
    fn of(sent: &Sent) -> Self {
        Self {
            address: sent.address.to_string(),
            name: sent.name.map(str::to_owned),
            rssi: Some(sent.rssi),
            manufacturer_data: sent.manufacturer_data.iter().cloned().collect(),
            service_data: sent.service_data.iter().map(|(uuid, data)| ((*uuid).to_owned(), data.clone())).collect(),
        }
    }
}

fn describe_adapter(adapter: &mut IfaceBuilder<Adapter>) {
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
    adapter.method("StartDiscovery", (), (), |ctx: &mut Context, adapter: &mut Adapter, ()| {
        if !adapter.is_on {
            return Err(error("NotReady"));
        }
        if adapter.scanners.insert(sender(ctx)) { Ok(()) } else { Err(error("InProgress")) }
    });
    adapter.method("StopDiscovery", (), (), |ctx: &mut Context, adapter: &mut Adapter, ()| {
        if adapter.scanners.remove(&sender(ctx)) { Ok(()) } else { Err(error("Failed")) }
    });
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

/// What has no value is no property.
fn describe_device(device: &mut IfaceBuilder<Device>) {
    fn there<T>(value: Option<T>) -> Result<T, MethodErr> {
        value.ok_or_else(|| error("DoesNotExist"))
    }
    device.property("Address").get(|_, device| Ok(device.address.clone()));
    device.property("Alias").get(|_, device| Ok(device.address.replace(':', "-")));
    device.property("Name").get(|_, device| there(device.name.clone()));
    device.property("RSSI").get(|_, device| there(device.rssi));
    device
        .property("ManufacturerData")
        .get(|_, device| there(Some(&device.manufacturer_data).filter(|data| !data.is_empty())).map(manufacturer_data));
    device
        .property("ServiceData")
        .get(|_, device| there(Some(&device.service_data).filter(|data| !data.is_empty())).map(service_data));
}

fn error(name: &str) -> MethodErr {
    (format!("org.bluez.Error.{name}"), name.to_owned()).into()
}

fn sender(ctx: &Context) -> String {
    ctx.message().sender().unwrap().to_string()
}

fn word(value: &dyn RefArg) -> String {
    value.as_str().map_or_else(|| format!("{:?}", value.as_i64().unwrap()), str::to_owned)
}

fn manufacturer_data(data: &HashMap<u16, Vec<u8>>) -> HashMap<u16, Variant<Box<dyn RefArg>>> {
    data.iter().map(|(company, bytes)| (*company, boxed(bytes.clone()))).collect()
}

fn service_data(data: &HashMap<String, Vec<u8>>) -> PropMap {
    data.iter().map(|(uuid, bytes)| (uuid.clone(), boxed(bytes.clone()))).collect()
}

fn boxed(value: impl RefArg + 'static) -> Variant<Box<dyn RefArg>> {
    Variant(Box::new(value))
}

fn adapter_path(hci: &str) -> Path<'static> {
    Path::from(format!("/org/bluez/{hci}"))
}

pub fn device_path(hci: &str, address: &str) -> Path<'static> {
    Path::from(format!("/org/bluez/{hci}/dev_{}", address.replace(':', "_")))
}
