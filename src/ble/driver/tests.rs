use tokio::task::JoinHandle;
use tokio::task::yield_now;

use super::*;
use crate::ble::advert::Advert;
use crate::ble::air::Sighting;
use crate::ble::radio::Adapter;
use crate::ble::radio::Central;
use crate::ble::radio::Connection;
use crate::ble::radio::Effort;
use crate::ble::radio::Fault;
use crate::ble::radio::LinkFault;
use crate::ble::radio::Power;
use crate::ble::radio::Scan;
use crate::bus::ble;
use crate::model::Link;
use crate::store::Queue;

const ADDRESS: Address = Address::from_bytes([0xc0, 0, 0, 0, 0, 1]);

/// A radio that says what it is asked, and works or has no bus.
struct Played {
    asked: mpsc::UnboundedSender<&'static str>,
    has_bus: bool,
}

impl Played {
    fn answer<T>(&self, asked: &'static str, answer: T) -> Result<T, Fault> {
        let _ = self.asked.send(asked);
        if self.has_bus { Ok(answer) } else { Err(Fault::NoBus("gone".to_owned())) }
    }
}

/// There is nobody to connect to.
#[derive(Clone)]
struct Nobody;

impl Central for Nobody {
    type Connection = Nobody;

    async fn connect(&self, _: Address, _: Link, _: Effort) -> Result<Self, LinkFault> {
        Err(LinkFault::Unknown)
    }

    async fn disconnect(&self, _: Address) {}
}

impl Connection for Nobody {
    fn room(&self) -> usize {
        0
    }

    async fn heard(&mut self) -> Option<(Vec<u8>, u64)> {
        None
    }

    async fn write(&mut self, _: &[u8]) -> Result<(), LinkFault> {
        Err(LinkFault::Unknown)
    }
}

impl Radio for Played {
    type Central = Nobody;

    fn central(&self) -> Option<Nobody> {
        Some(Nobody)
    }

    async fn connect(&mut self) -> Result<(), Fault> {
        self.answer("connect", ())
    }

    async fn find(&mut self, wanted: Option<Address>) -> Result<Adapter, Fault> {
        let address = wanted.unwrap_or(ADDRESS);
        self.answer("find", Adapter { address, power: Power::On, is_scanning: false })
    }

    async fn set_power(&mut self, _on: bool) -> Result<(), Fault> {
        self.answer("power", ())
    }

    async fn start_scan(&mut self) -> Result<Scan, Fault> {
        self.answer("start", Scan::Began)
    }

    async fn stop_scan(&mut self) -> Result<(), Fault> {
        self.answer("stop", ())
    }

    /// Without a bus it is told again and again that something has changed, so that nobody has to wait.
    async fn changed(&mut self) {
        if self.has_bus {
            pending::<()>().await;
        }
        yield_now().await;
    }
}

struct Scene {
    ble: Ble,
    air: Air,
    asked: mpsc::UnboundedReceiver<&'static str>,
    config: watch::Sender<Arc<Config>>,
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl Scene {
    fn start(settings: config::Ble, has_bus: bool) -> Self {
        let (ble, lists) = ble(Vec::new());
        let (config, configured) = watch::channel(Arc::new(Config { ble: settings, ..Config::default() }));
        let (stop, stopping) = watch::channel(false);
        let (asking, asked) = mpsc::unbounded_channel();
        let (_, registry) = watch::channel(Arc::default());
        let (intake, _) = Intake::new(1);
        let data = tempfile::tempdir().unwrap();
        let (queue, _) = Queue::open(data.path()).unwrap();
        let (writer, _) = QueueWriter::start(&queue, 0);
        let (live, _) = Live::new();
        let parts = Parts {
            ble: ble.clone(),
            asked: lists,
            config: configured,
            registry,
            intake,
            kept: Vec::new(),
            writer,
            live,
            presence: Presence::default(),
            chance: Chance::from_seed(1),
        };
        let air = Air::default();
        let task = tokio::spawn(run(Played { asked: asking, has_bus }, air.clone(), parts, stopping));
        Self { ble, air, asked, config, stop, task }
    }

    async fn asks(&mut self, expected: &[&str]) {
        for expected in expected {
            assert_eq!(self.asked.recv().await.unwrap(), *expected);
        }
    }

    fn set(&self, settings: config::Ble) {
        self.config.send_replace(Arc::new(Config { ble: settings, ..Config::default() }));
    }
}

fn disabled() -> config::Ble {
    config::Ble { enabled: false, ..config::Ble::default() }
}

#[tokio::test]
async fn what_fails_is_tried_for_ever_and_told_once() {
    let mut scene = Scene::start(config::Ble::default(), false);
    scene.asks(&["connect", "connect"]).await;
    let report = scene.ble.report();
    assert_eq!((report.state, report.reason.as_deref()), (BleState::NoBus, Some("gone")));
    scene.asks(&["connect"; 1_000]).await;
    assert_eq!(scene.ble.report().since, report.since);
}

#[tokio::test]
async fn a_radio_that_works_scans_until_the_stop() {
    let mut scene = Scene::start(config::Ble::default(), true);
    scene.asks(&["connect", "find", "start"]).await;
    let report = loop {
        let report = scene.ble.report();
        if report.state != BleState::Starting {
            break report;
        }
        yield_now().await;
    };
    assert_eq!((report.state, report.adapter), (BleState::Scanning, Some(ADDRESS.to_string())));
    scene.stop.send_replace(true);
    scene.task.await.unwrap();
}

#[tokio::test]
async fn the_configuration_is_taken_up_while_it_runs() {
    let mut scene = Scene::start(config::Ble::default(), true);
    scene.asks(&["connect", "find", "start"]).await;
    scene.set(disabled());
    scene.asks(&["stop"]).await;
    let another = [0xc0, 0, 0, 0, 0, 2];
    scene.set(config::Ble { adapter: Some(another), ..config::Ble::default() });
    scene.asks(&["connect", "find", "start"]).await;
    assert_eq!(scene.ble.report().adapter, Some(Address::from_bytes(another).to_string()));
}

#[tokio::test]
async fn what_is_heard_is_listed_and_counted_even_while_the_radio_is_off() {
    let mut scene = Scene::start(disabled(), true);
    let advert = Advert { address: ADDRESS, rssi: Some(-50), ..Advert::default() };
    scene.air.hear(Sighting::remembered(advert.clone()));
    scene.air.hear(Sighting::heard(advert));
    let found = loop {
        let found = scene.ble.found().await.unwrap();
        if !found.is_empty() {
            break found;
        }
    };
    assert_eq!((found.len(), found[0].count, found[0].rssi), (1, 1, Some(-50)));
    assert_eq!((scene.ble.report().state, scene.ble.report().heard), (BleState::Disabled, 1));
    assert!(scene.asked.try_recv().is_err());
}
