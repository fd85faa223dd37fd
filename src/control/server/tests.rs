//! Callers of every kind, over a real socket.

use std::path::PathBuf;

use serde_json::Value;
use serde_json::json;
use tempfile::TempDir;
use tokio::sync::mpsc;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::*;
use crate::accounts::Accounts;
use crate::backup::Backups;
use crate::bus::Board;
use crate::bus::Intake;
use crate::bus::IntakeQueue;
use crate::bus::Live;
use crate::bus::MqttFeed;
use crate::bus::Order;
use crate::bus::Overview;
use crate::bus::Presence;
use crate::bus::Replays;
use crate::bus::Sources;
use crate::bus::TestReport;
use crate::bus::ble;
use crate::bus::orders;
use crate::bus::remote_requests;
use crate::chance::Chance;
use crate::config::Config;
use crate::control;
use crate::history::History;
use crate::limits::Meters;
use crate::logbook::Logbook;
use crate::model::WallTime;
use crate::notices::Notices;
use crate::registry::Registry;
use crate::sessions::Bounds;
use crate::sessions::Sessions;
use crate::store::Meta;
use crate::store::Queue;
use crate::store::QueueWriter;
use crate::store::tests::delivery;

/// A served socket, and what its answers are made from.
struct Scene {
    data: TempDir,
    registry: Arc<Registry>,
    live: Live,
    _feed: MqttFeed,
    _intake: IntakeQueue,
    orders: mpsc::Receiver<Order>,
    remote: mpsc::Sender<RemoteRequest>,
    _config: watch::Sender<Arc<Config>>,
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl Scene {
    fn new() -> Self {
        let data = tempfile::tempdir().unwrap();
        let chance = Chance::from_seed(1);
        let registry = Arc::new(Registry::load(Meta::open(data.path()).unwrap(), chance.clone()).unwrap());
        let (intake, intake_queue) = Intake::new(1);
        let (live, feed) = Live::new();
        let (orders_in, orders) = orders();
        let (config_in, config) = watch::channel(Arc::new(Config::default()));
        let (stop, stopping) = watch::channel(false);
        let (queue, _) = Queue::open(data.path()).unwrap();
        let (writer, _) = QueueWriter::start(&queue, 0);
        let sessions = Sessions::restore(&queue, &writer, Bounds::default(), 0).unwrap();
        let overview = Overview {
            registry: registry.watch(),
            config,
            board: Board::default(),
            history: History::default(),
            meters: Meters::restore(None, None, &[], [0; 16], 0),
            queue: queue.clone(),
            writer,
            orders: orders_in,
        };
        let parts = Parts {
            overview,
            sources: Sources::default(),
            ble: ble(vec!["temperature"]).0,
            logbook: Logbook::new(queue.clone()),
            notices: Notices::restore(Vec::new()),
            replays: Replays::new(queue).0,
            registry: Arc::clone(&registry),
            accounts: Arc::new(Accounts::new(Arc::clone(&registry), chance.clone())),
            intake,
            live: live.clone(),
            presence: Presence::default(),
            sessions,
            backups: Backups::new(Arc::clone(&registry), chance.clone()),
            chance,
            listening: watch::channel(json!({ "mqtt": "127.0.0.1:1883" })).1,
        };
        let (remote, requests) = remote_requests();
        let task = tokio::spawn(serve(Socket::listen(data.path()).unwrap(), requests, parts, stopping));
        Self {
            data,
            registry,
            live,
            _feed: feed,
            _intake: intake_queue,
            orders,
            remote,
            _config: config_in,
            stop,
            task,
        }
    }

    async fn call(&self) -> UnixStream {
        control::connect(self.data.path()).await.unwrap()
    }

    /// Sends these bytes, closes that side, and reads all that comes back.
    async fn told(&self, bytes: &[u8]) -> Reply {
        let mut stream = self.call().await;
        stream.write_all(bytes).await.unwrap();
        stream.shutdown().await.unwrap();
        let mut answer = String::new();
        in_time(stream.read_to_string(&mut answer)).await.unwrap();
        serde_json::from_str(&answer).unwrap()
    }

    async fn refused(&self, bytes: &[u8]) -> String {
        match self.told(bytes).await {
            Reply::Refused(reason) => reason,
            Reply::Done(value) => panic!("{value}"),
        }
    }

    async fn done(&self, request: &Value) -> Value {
        match self.told(format!("{request}\n").as_bytes()).await {
            Reply::Done(value) => value,
            Reply::Refused(reason) => panic!("{reason}"),
        }
    }

    /// Asks as a page of the owner does.
    async fn ask(&self, request: Request) -> oneshot::Receiver<Reply> {
        let (reply, answer) = oneshot::channel();
        let asked = Asked { request, user: None };
        in_time(self.remote.send(RemoteRequest { user: self.registry.owner(), asked, reply })).await.unwrap();
        answer
    }

    /// A caller that watches, and has been told that it does.
    async fn watching(&self, prefix: &str) -> BufReader<UnixStream> {
        let mut stream = self.call().await;
        stream.write_all(format!("{}\n", json!({ "ask": "events", "prefix": prefix })).as_bytes()).await.unwrap();
        let mut stream = BufReader::new(stream);
        assert_eq!(next(&mut stream).await, Some(Reply::Done(Value::Null)));
        stream
    }
}

/// Fails the test instead of hanging for ever.
async fn in_time<T>(what: impl Future<Output = T>) -> T {
    timeout(Duration::from_secs(30), what).await.expect("it does not take that long")
}

/// The next line, none at the end.
async fn next(stream: &mut BufReader<UnixStream>) -> Option<Reply> {
    let mut line = String::new();
    let bytes = in_time(stream.read_line(&mut line)).await.unwrap();
    (bytes > 0).then(|| serde_json::from_str(&line).unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_is_answered_by_one_line_and_the_end() {
    let scene = Scene::new();
    let status = scene.done(&json!({ "ask": "status" })).await;
    assert_eq!(status["listening"]["mqtt"], "127.0.0.1:1883");
    let added = scene.done(&json!({ "ask": "device-add", "name": "kitchen" })).await;
    assert!(
        scene.registry.snapshot().login("kitchen", added["key"].as_str().unwrap(), WallTime::from_millis(0)).is_some()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_request_is_refused_with_a_reason_and_changes_nothing() {
    let scene = Scene::new();
    for (bytes, reason) in [
        (b"".as_slice(), "a request is one line"),
        (br#"{"ask":"device-add","name":"kitchen"}"#, "a request is one line"),
        (b"\n", "the request cannot be understood"),
        (b"GET / HTTP/1.1\n", "the request cannot be understood"),
        (b"{\"ask\":\n", "the request cannot be understood"),
        (b"{\"ask\":\"dance\"}\n", "unknown variant `dance`"),
        (b"{\"ask\":\"device-add\"}\n", "missing field `name`"),
        (b"{\"ask\":\"device-add\",\"name\":\"kitchen\",\"colour\":1}\n", "unknown field `colour`"),
        (b"{\"ask\":\"device-add\",\"name\":5}\n", "the request cannot be understood"),
        (b"\xff\xfe\n", "the request cannot be read"),
    ] {
        let told = scene.refused(bytes).await;
        assert!(told.contains(reason), "{:?}: {told}", String::from_utf8_lossy(bytes));
    }
    assert!(scene.registry.snapshot().devices.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_oversized_request_is_read_no_further_than_its_limit() {
    let scene = Scene::new();
    let limit = usize::try_from(REQUEST_BYTES).unwrap();
    let reason = scene.refused(&vec![b' '; limit]).await;
    assert_eq!(reason, format!("a request is one line of at most {REQUEST_BYTES} bytes"));

    // Beyond the limit nobody listens any more; the reply is there all the same.
    let mut stream = scene.call().await;
    let written = stream.write_all(&vec![b' '; 4 * limit]).await;
    let mut line = String::new();
    in_time(BufReader::new(stream).read_line(&mut line)).await.unwrap();
    assert!(written.is_err() && line.contains("a request is one line"), "{written:?} {line}");

    let request = json!({ "ask": "status" }).to_string();
    let filled = format!("{request}{}\n", " ".repeat(limit - request.len() - 1));
    assert!(matches!(scene.told(filled.as_bytes()).await, Reply::Done(_)), "exactly the limit is fine");
}

#[tokio::test(flavor = "multi_thread")]
async fn callers_that_hang_up_leave_room_for_the_next() {
    let mut scene = Scene::new();
    for _ in 0..2 * CALLERS {
        drop(scene.call().await);
        let mut halfway = scene.call().await;
        halfway.write_all(b"{\"ask\":").await.unwrap();
        drop(halfway);
        drop(scene.watching("").await);
    }
    // And one that is gone while the dispatcher thinks.
    let definition = json!({ "event": "temp", "url": "http://example.com/" });
    let hook = scene.done(&json!({ "ask": "hook-create", "definition": definition, "again": false })).await;
    let mut asking = scene.call().await;
    asking.write_all(format!("{}\n", json!({ "ask": "hook-resume", "hook": hook["id"] })).as_bytes()).await.unwrap();
    let Some(Order::Resume { reply, .. }) = in_time(scene.orders.recv()).await else { panic!("another order") };
    drop(asking);
    reply.send(true).unwrap();
    scene.done(&json!({ "ask": "status" })).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn silent_callers_hold_no_more_than_their_seats() {
    let scene = Scene::new();
    let mut silent = Vec::new();
    for _ in 0..CALLERS {
        silent.push(scene.watching("").await);
    }
    let mut late = scene.call().await;
    late.write_all(b"{\"ask\":\"status\"}\n").await.unwrap();
    let mut late = BufReader::new(late);
    drop(silent.pop());
    assert!(matches!(next(&mut late).await, Some(Reply::Done(_))), "a seat was free again");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_target_that_is_slow_holds_nobody_up_who_asks_for_something_else() {
    let mut scene = Scene::new();
    let definition = json!({ "event": "temp", "url": "http://example.com/" });
    let hook = scene.done(&json!({ "ask": "hook-create", "definition": definition, "again": false })).await;
    let test = || Request::HookTest { hook: hook["id"].as_str().unwrap().parse().unwrap(), event: None };
    let (first, second) = (scene.ask(test()).await, scene.ask(test()).await);
    let mut slow = Vec::new();
    for _ in 0..2 {
        let Some(Order::Test { reply, .. }) = in_time(scene.orders.recv()).await else { panic!("another order") };
        slow.push(reply);
    }

    for _ in 0..20 {
        let Reply::Refused(reason) = in_time(scene.ask(test()).await).await.unwrap() else { panic!("it is done") };
        assert!(reason.starts_with("2 tests, tries or replays of yours are under way"), "{reason}");
        assert!(matches!(in_time(scene.ask(Request::Status).await).await.unwrap(), Reply::Done(_)));
    }

    let report = TestReport { ok: true, status: Some(200), error: None, results: Vec::new() };
    slow.remove(0).send(report).unwrap();
    // Which of the two was tested first is the scheduler's.
    let (answer, _other) = in_time(futures_util::future::select(first, second)).await.factor_first();
    assert!(matches!(answer.unwrap(), Reply::Done(_)));
    let _third = scene.ask(test()).await;
    assert!(matches!(in_time(scene.orders.recv()).await, Some(Order::Test { .. })), "there is a place again");
}

#[tokio::test(flavor = "multi_thread")]
async fn events_are_shown_from_the_first_line_on_and_only_those_asked_for() {
    let scene = Scene::new();
    let mut temperatures = scene.watching("te").await;
    let mut humidities = scene.watching("humidity").await;
    let event = delivery("72").event;
    scene.live.announce(Arc::clone(&event)).await;
    let Some(Reply::Done(shown)) = next(&mut temperatures).await else { panic!("an event comes") };
    assert_eq!((&shown["name"], &shown["data"]), (&json!("temp"), &json!("72")));
    assert_eq!((&shown["ttl"], &shown["coreid"]), (&json!("60"), &json!(event.source.coreid())));
    scene.stop.send_replace(true);
    assert_eq!(next(&mut humidities).await, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn at_the_stop_streams_end_and_the_socket_goes() {
    let scene = Scene::new();
    let mut watching = Vec::new();
    for _ in 0..CALLERS {
        watching.push(scene.watching("").await);
    }
    let socket: PathBuf = scene.data.path().join("ctl.sock");
    assert!(socket.exists());
    scene.stop.send_replace(true);
    in_time(scene.task).await.unwrap();
    for stream in &mut watching {
        assert_eq!(next(stream).await, None);
    }
    assert!(!socket.exists());
}
