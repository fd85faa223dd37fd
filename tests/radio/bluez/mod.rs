//! BlueZ as the tests play it: the name on the bus, adapters, devices that send and can be connected to. It does what
//! BlueZ's documentation and source say of it, without a radio. A thread of its own answers; the test tells it what
//! happens.

mod adapter;
mod device;
mod gatt;
mod near;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::mpsc;
use std::thread;
use std::thread::JoinHandle;
use std::time::Duration;

use dbus::MethodErr;
use dbus::Path;
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
use dbus_crossroads::IfaceToken;

use adapter::Adapter;
use device::Device;
pub use device::Sent;
use gatt::Characteristic;
use gatt::GattService;
pub use near::Happened;
pub use near::Manner;
use near::Near;
pub use near::Offer;
pub use near::Offered;

const ADAPTER: &str = "org.bluez.Adapter1";
const DEVICE: &str = "org.bluez.Device1";
const GATT_SERVICE: &str = "org.bluez.GattService1";
const CHARACTERISTIC: &str = "org.bluez.GattCharacteristic1";

/// A Bluetooth service that runs until it is dropped.
pub struct Bluez {
    control: Control,
    thread: Option<JoinHandle<()>>,
}

type Order = Box<dyn FnOnce(&Service) + Send>;

impl Bluez {
    /// On the bus at `address`.
    pub fn start(address: &str) -> Self {
        let service = Service::new(address);
        let (orders, ordered) = mpsc::channel::<Option<Order>>();
        let thread = thread::spawn(move || {
            loop {
                match ordered.try_recv() {
                    Ok(Some(order)) => order(&service),
                    Ok(None) | Err(mpsc::TryRecvError::Disconnected) => return service.end(),
                    Err(mpsc::TryRecvError::Empty) => {}
                }
                let mut wait = Duration::from_millis(2);
                // It takes one message at a time, and the bus may be gone.
                while let Ok(true) = service.connection.process(wait) {
                    wait = Duration::ZERO;
                }
                service.go_on();
            }
        });
        Self { control: Control(orders), thread: Some(thread) }
    }

    /// Lets something happen, and returns what came of it.
    pub fn when<T: Send + 'static>(&self, order: impl FnOnce(&Service) -> T + Send + 'static) -> T {
        self.control.when(order).expect("it runs")
    }

    /// What lets things happen as long as it runs.
    pub fn control(&self) -> Control {
        self.control.clone()
    }

    /// Ends it; the name on the bus goes with it.
    pub fn stop(&mut self) {
        if let Some(thread) = self.thread.take() {
            self.control.0.send(None).unwrap();
            thread.join().unwrap();
        }
    }
}

impl Drop for Bluez {
    fn drop(&mut self) {
        self.stop();
    }
}

/// See [`Bluez::control`].
#[derive(Clone)]
pub struct Control(mpsc::Sender<Option<Order>>);

impl Control {
    /// Lets something happen, and returns what came of it; none if it has ended.
    pub fn when<T: Send + 'static>(&self, order: impl FnOnce(&Service) -> T + Send + 'static) -> Option<T> {
        let (reply, done) = mpsc::channel();
        let order: Order = Box::new(move |service| reply.send(order(service)).unwrap());
        self.0.send(Some(order)).ok()?;
        done.recv().ok()
    }
}

/// The service, in its thread.
pub struct Service {
    connection: Arc<SyncConnection>,
    objects: Arc<Mutex<Crossroads>>,
    kinds: Kinds,
    /// The adapters, as the kernel calls them.
    plugged: Mutex<BTreeSet<String>>,
    near: Near,
    later: Later,
}

/// What an object can be.
struct Kinds {
    adapter: IfaceToken<Adapter>,
    device: IfaceToken<Device>,
    gatt_service: IfaceToken<GattService>,
    characteristic: IfaceToken<Characteristic>,
}

/// What is done once everything that was asked meanwhile is heard, as the radio takes its time.
#[derive(Clone, Default)]
struct Later(Arc<Mutex<Vec<Order>>>);

impl Later {
    fn then(&self, order: impl FnOnce(&Service) + Send + 'static) {
        self.0.lock().unwrap().push(Box::new(order));
    }

    fn take(&self) -> Vec<Order> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

impl Service {
    fn new(address: &str) -> Self {
        let mut channel = Channel::open_private(address).unwrap();
        channel.register().unwrap();
        let connection = Arc::new(SyncConnection::from(channel));
        let (near, later) = (Near::default(), Later::default());
        let mut objects = Crossroads::new();
        objects.set_object_manager_support(Some(connection.clone()));
        let kinds = Kinds {
            adapter: objects.register(ADAPTER, |adapter| adapter::describe(adapter, &later)),
            device: objects.register(DEVICE, |device| device::describe(device, &near, &later)),
            gatt_service: objects.register(GATT_SERVICE, gatt::describe_service),
            characteristic: objects.register(CHARACTERISTIC, |it| gatt::describe_characteristic(it, &near, &later)),
        };
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
        Self { connection, objects, kinds, plugged: Mutex::default(), near, later }
    }

    /// Does what was left for later, and has devices send that want to be connected to.
    fn go_on(&self) {
        for order in self.later.take() {
            order(self);
        }
        for sent in self.near.due_adverts() {
            let plugged = self.plugged.lock().unwrap().clone();
            for hci in plugged {
                self.send(&hci, &sent);
            }
        }
    }

    /// Lets go of the connection, so that it is closed and the name is free. Every link ends.
    fn end(&self) {
        self.near.end_all();
        self.objects.lock().unwrap().set_object_manager_support(None);
    }

    /// Something is asked of an object that is there.
    fn with<D: Send + 'static, T>(&self, path: &Path<'static>, ask: impl FnOnce(&mut D) -> T) -> Option<T> {
        self.objects.lock().unwrap().data_mut(path).map(ask)
    }

    fn answer(&self, mut call: Context, answer: Result<(), MethodErr>) {
        call.reply(answer);
        // The bus may be gone.
        let _ = call.flush_messages(&*self.connection);
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

fn error(name: &str) -> MethodErr {
    refusal(name, name)
}

fn refusal(name: &str, reason: &str) -> MethodErr {
    (format!("org.bluez.Error.{name}"), reason.to_owned()).into()
}

/// What has no value is no property.
fn there<T>(value: Option<T>) -> Result<T, MethodErr> {
    value.ok_or_else(|| error("DoesNotExist"))
}

fn sender(ctx: &Context) -> String {
    ctx.message().sender().unwrap().to_string()
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
