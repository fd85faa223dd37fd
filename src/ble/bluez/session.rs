//! One connection to the system bus, from its beginning until it is lost: asks, and hears what changes.
//!
//! A request ends when the connection does.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;
use std::time::Duration;

use btleplug::api::Manager as _;
use btleplug::platform;
use btleplug::platform::Manager;
use dbus::Message;
use dbus::Path;
use dbus::arg::AppendAll;
use dbus::arg::ReadAll;
use dbus::arg::Variant;
use dbus::channel::MatchingReceiver;
use dbus::message::MatchRule;
use dbus::message::MessageType;
use dbus::nonblock::Proxy;
use dbus::nonblock::SyncConnection;
use log::debug;
use tokio::runtime::Handle;
use tokio::sync::Mutex;
use tokio::sync::Notify;
use tokio::sync::broadcast;
use tokio::sync::mpsc;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::task::spawn_blocking;
use tokio::time::timeout;

use crate::ble::air::Air;
use crate::ble::bluez::ADAPTER;
use crate::ble::bluez::ANSWER_WITHIN;
use crate::ble::bluez::DEVICE;
use crate::ble::bluez::OBJECTS;
use crate::ble::bluez::Objects;
use crate::ble::bluez::PROPERTIES;
use crate::ble::bluez::SERVICE;
use crate::ble::bluez::fault::CallError;
use crate::ble::bluez::no_answer;
use crate::ble::bluez::signals::Listener;
use crate::ble::bluez::signals::Said;
use crate::ble::bluez::signals::Turn;
use crate::ble::bluez::start_discovery;
use crate::ble::radio::Fault;
use crate::ble::radio::Scan;

/// The bus itself, as it is called on the bus.
const BUS: &str = "org.freedesktop.DBus";

/// See the module.
pub(super) struct Session {
    connection: Arc<SyncConnection>,
    /// None only while it is opened.
    manager: Option<Manager>,
    listener: Arc<Listener>,
    changed: Arc<Notify>,
    lost: watch::Receiver<bool>,
    is_resting: AtomicBool,
    /// Whether the scan was left resting, so that it is no lost one when it is begun.
    must_resume: AtomicBool,
    /// Held while the scan is begun or ended.
    scan: Mutex<()>,
    reading: JoinHandle<()>,
}

/// The scan rests until this is ended. If it is dropped instead, the scan goes on when it is looked at the next time.
pub(super) struct Resting {
    session: Arc<Session>,
    adapter: Path<'static>,
    is_over: bool,
}

impl Session {
    /// Connects to the system bus.
    ///
    /// # Errors
    /// When there is none, or it does not answer.
    pub(super) async fn open(air: Air) -> Result<Self, Fault> {
        let no_bus = |error: &dyn std::fmt::Display| Fault::NoBus(error.to_string());
        // It blocks, for as long as the bus takes to say hello.
        let connecting = spawn_blocking(dbus_tokio::connection::new_system_sync);
        let connected = timeout(ANSWER_WITHIN, connecting).await.map_err(|_| Fault::NoBus("no answer".to_owned()))?;
        let (resource, connection) = connected.map_err(|error| no_bus(&error))?.map_err(|error| no_bus(&error))?;
        let changed = Arc::new(Notify::new());
        let (is_lost, lost) = watch::channel(false);
        let reading = tokio::spawn({
            let changed = Arc::clone(&changed);
            async move {
                let error = resource.await;
                debug!("the connection to D-Bus is lost: {error}");
                is_lost.send_replace(true);
                changed.notify_one();
            }
        });
        let listener = Arc::new(Listener::new(air, Arc::clone(&changed)));
        let mut session = Self {
            connection,
            manager: None,
            listener,
            changed,
            lost,
            is_resting: AtomicBool::default(),
            must_resume: AtomicBool::default(),
            scan: Mutex::default(),
            reading,
        };
        session.subscribe().await?;
        // The last step: btleplug's connection lives as long as the bus, even if nobody needs it any more.
        let runtime = Handle::current();
        let connecting = spawn_blocking(move || runtime.block_on(Manager::new()));
        let manager = connecting.await.map_err(|error| no_bus(&error))?.map_err(|error| no_bus(&error))?;
        session.manager = Some(manager);
        Ok(session)
    }

    /// Whether the bus is gone.
    pub(super) fn is_lost(&self) -> bool {
        *self.lost.borrow()
    }

    /// Waits until the bus is gone.
    pub(super) async fn until_lost(&self) {
        let mut lost = self.lost.clone();
        // Whoever tells it ends with it.
        drop(lost.wait_for(|lost| *lost).await);
    }

    /// Waits for something of btleplug's, so long and not after the bus is lost.
    pub(super) async fn unless_lost<T>(
        &self,
        within: Duration,
        future: impl Future<Output = T> + Send,
    ) -> Result<T, Fault> {
        tokio::select! {
            biased;
            () = self.until_lost() => Err(CallError::lost().fault),
            done = timeout(within, future) => done.map_err(|_| no_answer(within)),
        }
    }

    /// Tells the paths of devices, and what becomes of their connections.
    pub(super) fn turns(&self) -> broadcast::Receiver<(Path<'static>, Turn)> {
        self.listener.turns()
    }

    /// Tells the values of a characteristic, in their order, and when they came. Who does not take them in time hears no more of them.
    pub(super) fn values(&self, characteristic: Path<'static>) -> mpsc::Receiver<Said> {
        self.listener.values(characteristic)
    }

    /// Whether BlueZ says that of a device.
    pub(super) async fn is(&self, device: &Path<'static>, property: &'static str) -> bool {
        let asked = self.call::<(Variant<bool>,)>(device, PROPERTIES, "Get", (DEVICE, property)).await;
        asked.is_ok_and(|(value,)| value.0)
    }

    /// Everything that BlueZ has.
    pub(super) async fn objects(&self) -> Result<Objects, CallError> {
        let (objects,) = self.call(&Path::from("/"), OBJECTS, "GetManagedObjects", ()).await?;
        Ok(objects)
    }

    /// Whether the scan rests, or was left resting.
    pub(super) fn is_resting(&self) -> bool {
        self.is_resting.load(Ordering::Relaxed) || self.must_resume.load(Ordering::Relaxed)
    }

    /// Has an adapter scan, unless the scan rests; whether it was on before.
    pub(super) async fn begin_scan(&self, adapter: &Path<'static>) -> Result<Scan, CallError> {
        let _held = self.scan.lock().await;
        if self.is_resting.load(Ordering::Relaxed) {
            return Ok(Scan::WentOn);
        }
        let resumes = self.must_resume.swap(false, Ordering::Relaxed);
        start_discovery(self, adapter).await?;
        Ok(if resumes { Scan::WentOn } else { Scan::Began })
    }

    /// Has the scan rest.
    pub(super) async fn rest(self: &Arc<Self>, adapter: &Path<'static>) -> Resting {
        let _held = self.scan.lock().await;
        self.is_resting.store(true, Ordering::Relaxed);
        let resting = Resting { session: Arc::clone(self), adapter: adapter.clone(), is_over: false };
        if let Err(error) = self.call::<()>(adapter, ADAPTER, "StopDiscovery", ()).await {
            debug!("the scan does not rest: {}", error.fault);
        }
        resting
    }

    /// The adapters, as btleplug sees them.
    ///
    /// # Errors
    /// When it does not answer, or there are none.
    pub(super) async fn adapters(&self) -> btleplug::Result<Vec<platform::Adapter>> {
        match &self.manager {
            Some(manager) => manager.adapters().await,
            None => Ok(Vec::new()),
        }
    }

    /// Looks whether BlueZ is there, without having it started: whoever stopped it meant it. From now on only what this
    /// BlueZ says is heard.
    pub(super) async fn find_service(&self) -> Result<(), Fault> {
        let (owner,): (String,) =
            self.ask(ANSWER_WITHIN, BUS, &bus_path(), BUS, "GetNameOwner", (SERVICE,)).await.map_err(|e| e.fault)?;
        self.listener.trust(owner);
        Ok(())
    }

    /// From now on only what this adapter hears is heard; without one, nothing.
    pub(super) fn listen_to(&self, adapter: Option<Path<'static>>) {
        self.listener.listen_to(adapter);
    }

    /// Waits until something has changed, or the bus is lost.
    pub(super) async fn changed(&self) {
        self.changed.notified().await;
    }

    /// Asks BlueZ.
    pub(super) async fn call<R: ReadAll + Send + 'static>(
        &self,
        path: &Path<'static>,
        interface: &'static str,
        member: &'static str,
        args: impl AppendAll,
    ) -> Result<R, CallError> {
        self.call_within(ANSWER_WITHIN, path, interface, member, args).await
    }

    /// Asks BlueZ for something that may take so long.
    pub(super) async fn call_within<R: ReadAll + Send + 'static>(
        &self,
        within: Duration,
        path: &Path<'static>,
        interface: &'static str,
        member: &'static str,
        args: impl AppendAll,
    ) -> Result<R, CallError> {
        self.ask(within, SERVICE, path, interface, member, args).await
    }

    async fn ask<R: ReadAll + Send + 'static>(
        &self,
        within: Duration,
        whom: &'static str,
        path: &Path<'static>,
        interface: &'static str,
        member: &'static str,
        args: impl AppendAll,
    ) -> Result<R, CallError> {
        let proxy = Proxy::new(whom, path.clone(), within, Arc::clone(&self.connection));
        // Its own timeout counts from when the connection takes it, which a connection that is lost never does.
        let answer = timeout(within, proxy.method_call(interface, member, args));
        tokio::select! {
            biased;
            () = self.until_lost() => Err(CallError::lost()),
            answer = answer => match answer {
                Ok(answer) => answer.map_err(|error| if self.is_lost() { CallError::lost() } else { error.into() }),
                Err(_) => Err(CallError { name: String::new(), fault: no_answer(within) }),
            },
        }
    }

    /// Has the bus send what is heard here.
    async fn subscribe(&self) -> Result<(), Fault> {
        let listener = Arc::clone(&self.listener);
        let hear = move |message: Message, _: &SyncConnection| {
            listener.hear(&message);
            true
        };
        self.connection.start_receive(MatchRule::new().with_type(MessageType::Signal), Box::new(hear));
        let of = |interface: &'static str, member: &'static str| {
            MatchRule::new_signal(interface, member).with_sender(SERVICE).match_str()
        };
        for rule in [
            of(OBJECTS, "InterfacesAdded"),
            of(OBJECTS, "InterfacesRemoved"),
            format!("{},path_namespace='/org/bluez'", of(PROPERTIES, "PropertiesChanged")),
            format!("type='signal',sender='{BUS}',interface='{BUS}',member='NameOwnerChanged',arg0='{SERVICE}'"),
        ] {
            self.ask::<()>(ANSWER_WITHIN, BUS, &bus_path(), BUS, "AddMatch", (rule,))
                .await
                .map_err(|error| error.fault)?;
        }
        Ok(())
    }
}

impl Resting {
    /// The scan goes on.
    pub(super) async fn end(mut self) {
        let session = Arc::clone(&self.session);
        let _held = session.scan.lock().await;
        match start_discovery(&session, &self.adapter).await {
            Ok(()) => self.is_over = true,
            Err(error) => debug!("the scan does not go on: {}", error.fault),
        }
        // Before anybody else looks.
        drop(self);
    }
}

impl Drop for Resting {
    fn drop(&mut self) {
        self.session.must_resume.fetch_or(!self.is_over, Ordering::Relaxed);
        self.session.is_resting.store(false, Ordering::Relaxed);
        self.session.changed.notify_one();
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        // It holds the connection.
        self.reading.abort();
    }
}

fn bus_path() -> Path<'static> {
    Path::from("/org/freedesktop/DBus")
}
