//! The dispatcher as a whole: a real store, a real server, and what everybody is told.

use std::future::Future;
use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;

use serde_json::Value;
use serde_json::json;
use tempfile::TempDir;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::task::yield_now;

use super::*;
use crate::bus::LineState;
use crate::bus::MqttFeed;
use crate::bus::TestReport;
use crate::bus::TestResult;
use crate::bus::Watcher;
use crate::bus::arrivals;
use crate::bus::orders;
use crate::bus::routes;
use crate::delivery::responder::Reply;
use crate::delivery::responder::Responder;
use crate::delivery::responder::answer;
use crate::delivery::responder::provide_crypto;
use crate::delivery::responder::silent_port;
use crate::history::Span;
use crate::limits::Meters;
use crate::model::Event;
use crate::model::Source;
use crate::model::WallTime;
use crate::registry::Hook;
use crate::registry::samples;
use crate::sessions::Bounds;
use crate::store::Arrived;
use crate::store::Changes;
use crate::store::DeliveryKey;
use crate::store::StoredDelivery;
use crate::store::WriterThread;
use crate::store::tests::delivery;

mod letters;
mod pause;

const HOOK: HookId = HookId::from_bytes([3; 12]);

/// A running dispatcher over a store of its own.
struct Scene {
    _data: TempDir,
    queue: Queue,
    writer: QueueWriter,
    _writer_thread: WriterThread,
    arrivals: mpsc::Sender<Arrival>,
    orders: mpsc::Sender<Order>,
    registry: watch::Sender<Arc<Snapshot>>,
    _config: watch::Sender<Arc<Config>>,
    routes: watch::Sender<Routes>,
    board: Board,
    logbook: Logbook,
    notices: Notices,
    history: History,
    watcher: Watcher,
    _feed: MqttFeed,
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl Scene {
    fn new(hooks: impl IntoIterator<Item = Arc<Hook>>) -> Self {
        let data = tempfile::tempdir().unwrap();
        Self::over(data, hooks, &[])
    }

    fn with(hooks: impl IntoIterator<Item = Arc<Hook>>, change: impl FnOnce(&mut Config)) -> Self {
        Self::over_with(tempfile::tempdir().unwrap(), hooks, &[], change)
    }

    /// A dispatcher that finds `before` in the store when it starts.
    fn over(
        data: TempDir,
        hooks: impl IntoIterator<Item = Arc<Hook>>,
        before: &[(DeliveryKey, StoredDelivery)],
    ) -> Self {
        Self::over_with(data, hooks, before, |_| {})
    }

    fn over_with(
        data: TempDir,
        hooks: impl IntoIterator<Item = Arc<Hook>>,
        before: &[(DeliveryKey, StoredDelivery)],
        change: impl FnOnce(&mut Config),
    ) -> Self {
        provide_crypto();
        let (queue, _) = Queue::open(data.path()).unwrap();
        let (writer, writer_thread) = QueueWriter::start(&queue, 0);
        for (key, delivery) in before {
            let stored = writer.write(storing(*key, delivery));
            assert_eq!(tokio::task::block_in_place(|| stored.blocking_recv()).unwrap(), Ok(()));
        }
        let (arrivals, arrivals_out) = arrivals();
        let (orders, orders_out) = orders();
        let (registry, registry_out) = watch::channel(samples::snapshot([], hooks));
        let mut local = Config::default();
        local.egress.allow.push("127.0.0.0/8".parse().unwrap());
        change(&mut local);
        let per_minute = local.limits.host_per_minute;
        let (config, config_out) = watch::channel(Arc::new(local));
        let (routes, routes_out) = routes();
        let (live, feed) = Live::new();
        let (stop, stopping) = watch::channel(false);
        let (watcher, board) = (live.watch(), Board::default());
        let (logbook, notices) = (Logbook::new(queue.clone()), Notices::restore(Vec::new()));
        let history = History::default();
        let parts = Parts {
            arrivals: arrivals_out,
            orders: orders_out,
            registry: registry_out,
            config: config_out,
            routes: routes_out,
            queue: queue.clone(),
            writer: writer.clone(),
            live,
            sessions: Sessions::restore(&queue, &writer, Bounds::default(), 0).unwrap(),
            board: board.clone(),
            logbook: logbook.clone(),
            notices: notices.clone(),
            history: history.clone(),
            hosts: Meters::restore(None, per_minute, &[], [1; 16], clock::now().mono_ms).hosts,
            chance: Chance::from_seed(1),
            healths: Vec::new(),
            boot: [1; 16],
            was_killed: false,
        };
        Self {
            _data: data,
            queue,
            writer,
            _writer_thread: writer_thread,
            arrivals,
            orders,
            registry,
            _config: config,
            routes,
            board,
            logbook,
            notices,
            history,
            watcher,
            _feed: feed,
            stop,
            task: tokio::spawn(Dispatcher::new(parts).run(stopping)),
        }
    }

    /// Stores a delivery of a new event and says that it has arrived, as the intake does.
    async fn arrive(&self, key: DeliveryKey, data: &str) -> Arc<Event> {
        let stored = fresh(data);
        self.writer.write(storing(key, &stored)).await.unwrap().unwrap();
        let event = Arc::clone(&stored.event);
        self.arrivals.send(Arrival { key, event: stored.event, due_ms: 0, makes_room: false }).await.unwrap();
        event
    }

    /// The next event that everybody is told of: its name and data.
    async fn told(&mut self) -> (String, String) {
        let event = in_time(self.watcher.recv()).await.unwrap();
        (event.name.to_string(), event.data.clone())
    }

    /// Waits until the board shows it.
    async fn shown(&self, what: impl Fn(&Board) -> bool) {
        in_time(async {
            while !what(&self.board) {
                yield_now().await;
            }
        })
        .await;
    }

    /// Waits until the hook was tried so many times more.
    async fn asked_in_vain(&self, times: usize) {
        for _ in 0..times {
            let before = self.board.hook(HOOK).last_at;
            self.shown(|board| board.hook(HOOK).last_at != before).await;
        }
    }

    /// Which of these deliveries are in the store once everything that was handed to it is.
    async fn stored(&self, keys: &[DeliveryKey]) -> Vec<bool> {
        self.writer.write(Changes::new()).await.unwrap().unwrap();
        keys.iter().map(|key| self.queue.read(*key).unwrap().is_some()).collect()
    }

    async fn resume(&self, hook: &Arc<Hook>) -> bool {
        let (reply, answer) = oneshot::channel();
        self.orders.send(Order::Resume { hook: Arc::clone(hook), reply }).await.unwrap();
        in_time(answer).await.unwrap()
    }
}

/// Fails the test instead of hanging for ever.
async fn in_time<T>(what: impl Future<Output = T>) -> T {
    timeout(Duration::from_secs(30), what).await.expect("it does not take that long")
}

/// A delivery of an event that was published just now.
fn fresh(data: &str) -> StoredDelivery {
    let sample = delivery(data);
    let event = Event { published_at: clock::now().wall, ..Event::clone(&sample.event) };
    StoredDelivery { event: Arc::new(event), ..sample }
}

fn storing(key: DeliveryKey, delivery: &StoredDelivery) -> Changes {
    let mut changes = Changes::new();
    changes.store(key, delivery);
    changes
}

fn key(seq: u64) -> DeliveryKey {
    of(HOOK, seq)
}

/// A delivery of the device that the sample event is of.
fn of(hook: HookId, seq: u64) -> DeliveryKey {
    DeliveryKey { lane: LaneKey { hook, device: delivery("").event.source.device() }, seq }
}

fn hook_to(url: &str) -> Arc<Hook> {
    samples::hook(3, &json!({ "event": "temp", "url": url }))
}

fn hook_to_port(address: SocketAddr) -> Arc<Hook> {
    hook_to(&format!("http://{address}/"))
}

fn named(name: &str, data: &str) -> (String, String) {
    (name.to_owned(), data.to_owned())
}

fn body(request: &str) -> Value {
    serde_json::from_str(request.split_once("\r\n\r\n").unwrap().1).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_arrival_is_sent_and_its_results_are_told_in_order_and_it_leaves_the_store() {
    let mut responder = Responder::start(|_| answer(200, "", "it is warm"));
    let mut scene = Scene::new([hook_to(&responder.url("/"))]);
    let event = scene.arrive(key(1), "72").await;

    let request = in_time(responder.requests.recv()).await.unwrap();
    assert!(request.contains(&format!("\r\nwebhook-id: {}\r\n", event.id)), "{request}");
    assert_eq!(body(&request)["data"], "72");
    assert_eq!(scene.told().await, named("hook-sent/temp", "undefined"));
    let response = in_time(scene.watcher.recv()).await.unwrap();
    assert_eq!((response.name.as_str(), response.data.as_str()), ("hook-response/temp/0", "it is warm"));
    let Source::Device(device) = event.source else { panic!("the sample is a device's") };
    assert_eq!((response.source, response.owner), (Source::Hook { hook: HOOK, device: Some(device) }, event.owner));
    assert_eq!(scene.stored(&[key(1)]).await, [false]);
    let report = scene.board.hook(HOOK);
    assert_eq!((report.delivered, report.failed, report.last_outcome.as_deref()), (1, 0, Some("status 200")));
    let counted = scene.history.owner(samples::OWNER, Span::Day, clock::now().wall);
    assert_eq!(
        [counted.attempts, counted.delivered, counted.failed].map(|counts| counts.iter().sum::<u32>()),
        [1, 1, 0]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_silent_target_does_not_get_stays_stored_until_it_answers() {
    let port = silent_port();
    let mut scene = Scene::new([hook_to_port(port.local_addr().unwrap())]);
    scene.arrive(key(1), "72").await;
    scene.arrive(key(2), "73").await;
    scene.shown(|board| board.queue().targets_down == 1 && board.queue().under_way == 0).await;
    assert_eq!(scene.stored(&[key(1), key(2)]).await, [true, true]);
    assert_eq!(scene.board.queue().waiting, 2);

    let mut responder = Responder::on(port, |_| answer(200, "", ""));
    for data in ["72", "73"] {
        assert_eq!(scene.told().await, named("hook-sent/temp", "undefined"), "an outage is told to nobody");
        assert_eq!(body(&responder.requests.recv().await.unwrap())["data"], data);
    }
    scene.shown(|board| board.queue().targets_down == 0 && board.queue().waiting == 0).await;
    assert_eq!(scene.board.hook(HOOK).errors_in_a_row, 0, "an outage is not an error");
    assert_eq!(scene.stored(&[key(1), key(2)]).await, [false, false]);
}

/// However long a target was silent: each pause before the next question is short, and costs its host's limit nothing.
#[tokio::test(flavor = "multi_thread")]
async fn a_target_that_was_silent_for_long_is_asked_within_a_second_of_its_return() {
    let port = silent_port();
    let mut scene = Scene::new([hook_to_port(port.local_addr().unwrap())]);
    scene.arrive(key(1), "72").await;
    // One that is silent alone would be left alone for 8 s by then.
    scene.asked_in_vain(4).await;

    let mut responder = Responder::on(port, |_| answer(200, "", ""));
    let asked = timeout(Duration::from_secs(4), responder.requests.recv()).await;
    assert!(asked.is_ok_and(|request| request.is_some()), "it is not asked in time");
    assert_eq!(scene.told().await, named("hook-sent/temp", "undefined"));
    scene.shown(|board| board.queue().waiting == 0).await;
    scene.writer.write(Changes::new()).await.unwrap().unwrap();
    let windows = scene.queue.windows().unwrap();
    assert_eq!(windows.iter().map(|(_, window)| window.taken_ms.len()).sum::<usize>(), 1, "{windows:?}");
}

/// A target that is silent alone, while another answers, and is left alone for more than 3 s.
async fn with_a_target_that_is_left_alone(silent: &tokio::net::TcpSocket) -> (Scene, Responder) {
    let well = Responder::start(|_| answer(204, "", ""));
    let other = samples::hook(4, &json!({ "event": "temp", "url": well.url("/") }));
    let mut scene = Scene::new([hook_to_port(silent.local_addr().unwrap()), other]);
    scene.arrive(key(1), "72").await;
    scene.shown(|board| board.queue().targets_down == 1).await;
    // Each time it is asked in vain it is left alone for longer.
    scene.arrive(of(HookId::from_bytes([4; 12]), 2), "73").await;
    assert_eq!(scene.told().await, named("hook-sent/temp", "undefined"));
    scene.asked_in_vain(3).await;
    (scene, well)
}

#[tokio::test(flavor = "multi_thread")]
async fn another_route_wakes_a_target_that_is_left_alone() {
    let port = silent_port();
    let (scene, _well) = with_a_target_that_is_left_alone(&port).await;
    let mut responder = Responder::on(port, |_| answer(200, "", ""));
    assert!(responder.requests.try_recv().is_err());

    scene.routes.send_replace(Routes { has_default: true, changes: 1 });

    let asked = timeout(Duration::from_secs(2), responder.requests.recv()).await;
    assert!(asked.is_ok_and(|request| request.is_some()), "it is not asked at once");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_default_route_the_board_says_offline_and_the_house_is_served() {
    let responder = Responder::start(|_| answer(204, "", ""));
    let mut scene = Scene::new([hook_to(&responder.url("/"))]);
    scene.shown(|board| board.queue().state_since.is_some()).await;
    assert_eq!(scene.board.queue().state, LineState::Unknown);

    scene.routes.send_replace(Routes { has_default: false, changes: 1 });

    scene.shown(|board| board.queue().state == LineState::Offline).await;
    scene.arrive(key(1), "72").await;
    assert_eq!(scene.told().await, named("hook-sent/temp", "undefined"));
    assert_eq!(scene.board.queue().state, LineState::Offline, "the house proves no internet");
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_errors_in_a_row_hold_the_hook_until_it_is_resumed() {
    let is_well = Arc::new(AtomicBool::new(false));
    let health = Arc::clone(&is_well);
    let mut responder =
        Responder::start(move |_| answer(if health.load(Ordering::SeqCst) { 204 } else { 500 }, "", ""));
    let hook = hook_to(&responder.url("/"));
    let mut scene = Scene::new([Arc::clone(&hook)]);
    for seq in 1..=12 {
        scene.arrive(key(seq), &seq.to_string()).await;
    }
    for _ in 0..10 {
        assert_eq!(scene.told().await, named("hook-error/temp/0", "error status 500 from 127.0.0.1"));
    }
    assert_eq!(scene.told().await, named("hook-error/temp/0", "Too many errors, webhook disabled"));
    scene.shown(|board| board.queue().waiting == 2 && board.queue().under_way == 0).await;
    assert!(scene.board.hook(HOOK).too_many_errors);
    assert_eq!(scene.stored(&[key(10), key(11), key(12)]).await, [false, true, true]);
    assert!(scene.queue.healths().unwrap().iter().any(|(id, health)| *id == HOOK && health.disabled));

    is_well.store(true, Ordering::SeqCst);
    assert!(scene.resume(&hook).await);
    for _ in 0..2 {
        assert_eq!(scene.told().await, named("hook-sent/temp", "undefined"));
    }
    let mut sent = Vec::new();
    while let Ok(request) = responder.requests.try_recv() {
        sent.push(body(&request)["data"].as_str().unwrap().to_owned());
    }
    let in_order: Vec<String> = (1..=12).map(|seq| seq.to_string()).collect();
    assert_eq!(sent, in_order, "each was sent once");
    assert_eq!(scene.stored(&[key(11), key(12)]).await, [false, false]);
    assert!(!scene.board.hook(HOOK).too_many_errors);
    assert!(!scene.resume(&hook).await, "it is well");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_waits_for_a_deleted_hook_leaves_the_store() {
    let port = silent_port();
    let scene = Scene::new([hook_to_port(port.local_addr().unwrap())]);
    let keys = [key(1), key(2), key(3)];
    for key in keys {
        scene.arrive(key, &"x".repeat(16_000)).await;
    }
    scene.shown(|board| board.queue().targets_down == 1).await;
    scene.registry.send_replace(samples::snapshot([], []));
    scene.shown(|board| board.queue().waiting == 0).await;
    assert_eq!(scene.stored(&keys).await, [false; 3]);
    assert_eq!((scene.board.queue().targets_down, scene.board.hook(HOOK).last_outcome), (0, None));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_arrival_for_a_hook_that_is_gone_leaves_the_store() {
    let mut responder = Responder::start(|_| answer(204, "", ""));
    let mut scene = Scene::new([hook_to(&responder.url("/"))]);
    let of_nobody = of(HookId::from_bytes([9; 12]), 1);
    scene.arrive(of_nobody, "72").await;
    scene.arrive(key(2), "73").await;
    assert_eq!(scene.told().await, named("hook-sent/temp", "undefined"));
    assert_eq!(body(&responder.requests.recv().await.unwrap())["data"], "73");
    assert_eq!(scene.stored(&[of_nobody, key(2)]).await, [false, false]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_waited_before_the_restart_is_sent_and_what_belongs_to_no_hook_is_kept() {
    let mut responder = Responder::start(|_| answer(204, "", ""));
    let of_nobody = of(HookId::from_bytes([9; 12]), 3);
    let long = "é".repeat(8_000);
    let before = [(key(1), fresh("72")), (key(2), fresh(&long)), (of_nobody, fresh("74"))];
    let mut scene = Scene::over(tempfile::tempdir().unwrap(), [hook_to(&responder.url("/"))], &before);
    for data in ["72", &long] {
        assert_eq!(scene.told().await, named("hook-sent/temp", "undefined"));
        assert_eq!(body(&responder.requests.recv().await.unwrap())["data"], data);
    }
    assert_eq!(scene.stored(&[key(1), key(2), of_nobody]).await, [false, false, true]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hook_that_its_user_disables_keeps_what_waits_until_it_is_enabled() {
    let responder = Responder::start(|_| answer(204, "", ""));
    let enabled = hook_to(&responder.url("/"));
    let disabled = samples::hook(3, &json!({ "event": "temp", "url": responder.url("/"), "disabled": true }));
    let mut scene = Scene::new([disabled]);
    scene.arrive(key(1), "72").await;
    scene.shown(|board| board.queue().waiting == 1).await;
    assert_eq!(scene.board.queue().under_way, 0);
    scene.registry.send_replace(samples::snapshot([], [enabled]));
    assert_eq!(scene.told().await, named("hook-sent/temp", "undefined"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_delivery_that_is_too_old_is_given_up_without_being_sent() {
    let mut responder = Responder::start(|_| answer(204, "", ""));
    let before = [(key(1), delivery("the sample is of 2016 and of another boot"))];
    let mut scene = Scene::over(tempfile::tempdir().unwrap(), [hook_to(&responder.url("/"))], &before);
    assert_eq!(scene.told().await, named("hook-error/temp/0", "given up after 7 days without an answer"));
    assert!(responder.requests.try_recv().is_err());
    assert_eq!(scene.stored(&[key(1)]).await, [false]);
    assert_eq!(scene.board.hook(HOOK).failed, 1);
    let counted = scene.history.gateway(Span::Month, clock::now().wall);
    assert_eq!([counted.attempts, counted.failed].map(|counts| counts.iter().sum::<u32>()), [0, 1]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_host_was_asked_is_recorded_for_the_next_start_whoever_chose_the_host() {
    let responder = Responder::start(|_| answer(204, "", ""));
    let address = responder.url("").trim_start_matches("http://").to_owned();
    let chosen = json!({ "event": "temp", "url": "http://{{PARTICLE_EVENT_VALUE}}/", "allowed_hosts": [address] });
    for (hook, data) in [(hook_to(&responder.url("/")), "72"), (samples::hook(3, &chosen), address.as_str())] {
        let mut scene = Scene::new([hook]);
        scene.arrive(key(1), data).await;
        assert_eq!(scene.told().await, named("hook-sent/temp", "undefined"));
        assert_eq!(scene.stored(&[key(1)]).await, [false]);
        let windows = scene.queue.windows().unwrap();
        let [(name, window)] = windows.as_slice() else { panic!("{windows:?}") };
        assert_eq!((name.as_str(), window.taken_ms.len()), ("host 127.0.0.1", 1));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_test_shows_what_would_be_told_and_tells_and_keeps_nothing() {
    let responder = Responder::start(|_| answer(200, "", "ok"));
    let hook = hook_to(&responder.url("/"));
    let mut scene = Scene::new([Arc::clone(&hook)]);
    let (reply, report) = oneshot::channel();
    let event = Event::clone(&delivery("72").event);
    scene.orders.send(Order::Test { hook, event, reply }).await.unwrap();
    let results = [("hook-sent/temp", "undefined"), ("hook-response/temp/0", "ok")]
        .map(|(name, data)| TestResult { name: name.to_owned(), data: data.to_owned() });
    let expected = TestReport { ok: true, status: Some(200), error: None, results: results.to_vec() };
    assert_eq!(in_time(report).await.unwrap(), expected);
    assert_eq!(scene.board.queue().delivered, 0);
    assert!(scene.watcher.try_recv().is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn at_the_stop_an_attempt_under_way_is_brought_to_its_end() {
    let (asked, mut has_asked) = mpsc::unbounded_channel();
    let (go_on, may_go_on) = std::sync::mpsc::channel();
    let gate = Mutex::new(may_go_on);
    let responder = Responder::start(move |_| {
        asked.send(()).unwrap();
        tokio::task::block_in_place(|| gate.lock().unwrap().recv().unwrap());
        answer(204, "", "")
    });
    let mut scene = Scene::new([hook_to(&responder.url("/"))]);
    scene.arrive(key(1), "72").await;
    in_time(has_asked.recv()).await.unwrap();
    scene.stop.send_replace(true);
    go_on.send(()).unwrap();
    in_time(&mut scene.task).await.unwrap();
    assert_eq!(scene.told().await, named("hook-sent/temp", "undefined"));
    assert_eq!(scene.stored(&[key(1)]).await, [false]);
    let kept = History::restore(scene.queue.figures().unwrap());
    assert_eq!(kept.hook(HOOK, clock::now().wall).month_delivered, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn at_the_stop_a_target_that_says_nothing_is_not_waited_for_and_its_delivery_stays() {
    let mut responder = Responder::start(|_| Reply::Stalled(String::new()));
    let mut scene = Scene::new([hook_to(&responder.url("/"))]);
    scene.arrive(key(1), "72").await;
    in_time(responder.requests.recv()).await.unwrap();
    scene.stop.send_replace(true);
    in_time(&mut scene.task).await.unwrap();
    assert_eq!(scene.stored(&[key(1)]).await, [true]);
    assert!(scene.watcher.try_recv().is_err());
}

#[test]
fn a_host_has_no_place_while_its_limit_is_reached_or_too_much_is_unrecorded() {
    let mut config = Config::default();
    config.delivery.per_host = 1;
    config.limits.host_per_minute = NonZeroU32::new(3);
    let mut windows = Windows::restore("host ", config.limits.host_per_minute, &[], [0; 16], 0);
    let mut unrecorded = Unrecorded::default();
    let now = Now { mono_ms: 5, wall: WallTime::from_millis(0) };
    for _ in 0..Unrecorded::most(1) {
        take_place("a", &mut windows, &unrecorded, &config, now).unwrap();
        unrecorded.let_go(LaneKey { hook: HOOK, device: None }, "a");
    }
    let full = take_place("a", &mut windows, &unrecorded, &config, now).unwrap_err();
    assert_eq!(full, NoPlace::Unrecorded { until_ms: 5 + RECORD_MS });
    unrecorded.recorded("a");
    take_place("a", &mut windows, &unrecorded, &config, now).unwrap();
    assert!(matches!(take_place("a", &mut windows, &unrecorded, &config, now), Err(NoPlace::Limit { .. })));
}
