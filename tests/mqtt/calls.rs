//! Devices that are asked: requests go out over real sockets, and what comes back passes the real intake.

use std::sync::Arc;
use std::time::Duration;

use farhook::bus::ANSWER_WITHIN;
use farhook::bus::Ask;
use farhook::bus::Board;
use farhook::bus::CallError;
use farhook::bus::Calls;
use farhook::bus::Replays;
use farhook::bus::Sources;
use farhook::bus::arrivals;
use farhook::chance::Chance;
use farhook::config::Config;
use farhook::history::History;
use farhook::intake;
use farhook::intake::Known;
use farhook::limits::Meters;
use farhook::model::DeviceId;
use farhook::model::VariableType;
use farhook::store::Queue;
use farhook::store::QueueWriter;
use tempfile::TempDir;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::client::Client;
use crate::client::Connect;
use crate::client::V4;
use crate::client::V5;
use crate::gateway::CELLAR;
use crate::gateway::Gateway;
use crate::gateway::KITCHEN;
use crate::gateway::OWNER;
use crate::gateway::login;
use crate::gateway::registered;

/// The listener with a real intake behind it.
struct Scene {
    gateway: Gateway,
    calls: Calls,
    _data: TempDir,
    _config: watch::Sender<Arc<Config>>,
}

impl Scene {
    async fn start(answer_within: Duration) -> Self {
        let mut gateway = Gateway::start().await;
        let data = tempfile::tempdir().unwrap();
        let (store, _) = Queue::open(data.path()).unwrap();
        let (writer, _) = QueueWriter::start(&store, 0);
        let (config, configured) = watch::channel(Arc::new(Config::default()));
        let stopping = gateway.stop.subscribe();
        let calls = Calls::new(gateway.live.clone(), Chance::from_seed(1), answer_within, stopping.clone());
        let parts = intake::Parts {
            queue: gateway.intake.take().unwrap(),
            registry: gateway.registry.subscribe(),
            config: configured,
            writer,
            live: gateway.live.clone(),
            arrivals: arrivals().0,
            replays: Replays::new(store.clone()).1,
            triggers: Meters::restore(None, None, &[], [0; 16], 0).devices,
            known: Known::recall(&store, [0; 16]).unwrap(),
            store,
            board: Board::default(),
            history: History::default(),
            calls: calls.clone(),
            presence: gateway.presence.clone(),
            sessions: gateway.kept.sessions.clone(),
            retained: gateway.retained.clone(),
            sources: Sources::default(),
            chance: Chance::from_seed(2),
        };
        tokio::spawn(intake::run(parts, stopping));
        Self { gateway, calls, _data: data, _config: config }
    }

    fn ask(&self, device: DeviceId, ask: Ask) -> JoinHandle<Result<String, CallError>> {
        let calls = self.calls.clone();
        tokio::spawn(async move { calls.ask(device, OWNER, ask).await })
    }

    fn ask_for(&self, variable: &str) -> JoinHandle<Result<String, CallError>> {
        self.ask(KITCHEN, Ask::Variable { name: variable.to_owned() })
    }
}

/// The request that the next packet must be: its name, what names the request, and what it carries.
async fn requested(client: &mut Client) -> (String, String, Vec<u8>) {
    let (_, topic, _, data) = client.heard().await;
    let (name, request) = topic.rsplit_once('/').unwrap();
    (name.to_owned(), request.to_owned(), data)
}

#[tokio::test]
async fn a_device_answers_for_its_variables_and_functions() {
    let scene = Scene::start(ANSWER_WITHIN).await;
    for level in [V4, V5] {
        let mut device = scene.gateway.device(level, "kitchen").await;
        device.subscribe(&[("farhook/variable/+/+", 0), ("farhook/function/+/+", 0), ("farhook/signal", 0)]).await;

        let asking = scene.ask_for("temp");
        let (name, request, _) = requested(&mut device).await;
        assert_eq!(name, "farhook/variable/temp");
        device.publish(0x30, &format!("farhook/result/{request}"), 0, b"21.5").await;
        assert_eq!(asking.await.unwrap(), Ok("21.5".to_owned()));

        let calling = scene.ask(KITCHEN, Ask::Function { name: "led".to_owned(), argument: "on".to_owned() });
        let (name, request, argument) = requested(&mut device).await;
        assert_eq!(name, "farhook/function/led");
        assert!(argument.ends_with(b"on"), "{argument:?}");
        device.publish(0x32, &format!("farhook/result/{request}"), 7, b"1").await;
        assert_eq!(device.receive().await.unwrap()[..4], [0x40, 2, 0, 7]);
        assert_eq!(calling.await.unwrap(), Ok("1".to_owned()));

        scene.calls.signal(KITCHEN, OWNER, true).await;
        let (_, topic, _, data) = device.heard().await;
        assert_eq!(topic, "farhook/signal");
        assert!(data.ends_with(b"1"), "{data:?}");
    }
}

#[tokio::test]
async fn another_device_hears_no_request_and_cannot_answer_it() {
    let scene = Scene::start(ANSWER_WITHIN).await;
    let mut snapshot = registered();
    Arc::make_mut(snapshot.devices.get_mut(&CELLAR).unwrap()).reads_all_results = true;
    scene.gateway.registry.send_replace(Arc::new(snapshot));
    let mut device = scene.gateway.device(V4, "kitchen").await;
    let mut other = scene.gateway.device(V4, "cellar").await;
    let mut observer = scene.gateway.observer(V5).await;
    for client in [&mut device, &mut other, &mut observer] {
        client.subscribe(&[("#", 0)]).await;
    }

    let asking = scene.ask_for("temp");
    let (_, request, _) = requested(&mut device).await;
    assert_eq!(requested(&mut observer).await.1, request, "the owner may look on");
    let result = format!("farhook/result/{request}");
    other.publish(0x32, &result, 1, b"forged").await;
    other.expect(&[0x40, 2, 0, 1]).await;
    // Not even its owner: that is refused, and the device still waited for.
    observer.publish(0x32, &result, 1, b"forged").await;
    assert_eq!(observer.receive().await.unwrap()[2..5], [0, 1, 0x87]);
    device.publish(0x32, &result, 1, b"true").await;
    device.expect(&[0x40, 2, 0, 1]).await;
    assert_eq!(asking.await.unwrap(), Ok("true".to_owned()));
    for mut client in [device, other, observer] {
        client.ping().await;
    }
}

#[tokio::test]
async fn a_result_that_nobody_waits_for_is_acknowledged_with_every_qos() {
    let scene = Scene::start(Duration::ZERO).await;
    assert_eq!(scene.ask_for("temp").await.unwrap(), Err(CallError::TimedOut));
    for level in [V4, V5] {
        let mut device = scene.gateway.device(level, "kitchen").await;
        device.publish(0x32, "farhook/result/1", 1, b"late").await;
        device.expect(&[0x40, 2, 0, 1]).await;
        device.publish(0x34, "farhook/result/1", 2, b"late").await;
        device.expect(&[0x50, 2, 0, 2]).await;
        device.send(&[0x62, 2, 0, 2]).await;
        device.expect(&[0x70, 2, 0, 2]).await;
    }
}

#[tokio::test]
async fn what_a_device_offers_is_kept_while_it_is_away() {
    let scene = Scene::start(ANSWER_WITHIN).await;
    let mut device = scene.gateway.device(V4, "kitchen").await;
    device.publish(0x32, "farhook/describe", 1, br#"{"variables":{"temp":"double"},"functions":["led"]}"#).await;
    device.expect(&[0x40, 2, 0, 1]).await;
    device.send(&[0xE0, 0]).await;
    assert_eq!(device.receive().await, None);

    let known = scene.gateway.presence.of(KITCHEN);
    let description = known.description.unwrap();
    assert_eq!(description.variable("temp"), Some(VariableType::Double));
    assert!(description.has_function("led"));
    assert_eq!(known.address, Some("127.0.0.1".parse().unwrap()));
    assert!(known.connected_at.is_some() && known.connected_at <= known.last_heard);
    assert_eq!(scene.gateway.presence.of(CELLAR).description, None);
}

#[tokio::test]
async fn a_description_that_cannot_be_understood_is_refused_where_its_sender_looks() {
    let scene = Scene::start(ANSWER_WITHIN).await;
    let with_reasons = Connect { properties: vec![0x17, 1], ..login(V5, "kitchen") };
    let mut v5 = Client::open(scene.gateway.at, &with_reasons).await;
    v5.publish(0x32, "farhook/describe", 1, b"[]").await;
    let puback = v5.receive().await.unwrap();
    assert_eq!(puback[2..5], [0, 1, 0x99]);
    assert!(puback.ends_with(b"a description is a JSON object"), "{puback:?}");

    let mut v4 = scene.gateway.device(V4, "cellar").await;
    v4.subscribe(&[("farhook/refused", 0)]).await;
    v4.publish(0x30, "farhook/describe", 0, br#"{"variables":{"temp":"float"}}"#).await;
    let (_, topic, _, data) = v4.heard().await;
    let told: serde_json::Value = serde_json::from_slice(&data).unwrap();
    assert_eq!((topic.as_str(), &told["event"]), ("farhook/refused", &"farhook/describe".into()));
    assert_eq!(told["reason"], "the type of variable \"temp\" is int, double, string or bool");
    assert_eq!(scene.gateway.presence.of(CELLAR).description, None);
}
