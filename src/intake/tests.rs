//! The task as a whole, over a real store.

mod of_sources;

use serde_json::json;
use tempfile::TempDir;
use tokio::sync::broadcast::error::TryRecvError;
use tokio::task::JoinHandle;

use super::*;
use crate::bus::ANSWER_WITHIN;
use crate::bus::Ask;
use crate::bus::Intake;
use crate::bus::MqttFeed;
use crate::bus::Publication;
use crate::bus::Publisher;
use crate::bus::Replays;
use crate::bus::ResendMark;
use crate::bus::Selection;
use crate::bus::Watcher;
use crate::bus::arrivals;
use crate::limits::Meters;
use crate::model::Adoption;
use crate::model::Device;
use crate::model::DeviceId;
use crate::model::HookId;
use crate::model::Publishing;
use crate::model::Source;
use crate::model::SourceLogin;
use crate::model::WallTime;
use crate::model::spec;
use crate::registry::samples::device;
use crate::registry::samples::hook;
use crate::registry::samples::snapshot;
use crate::sessions::Bounds;
use crate::store::DeliveryId;
use crate::store::LaneKey;
use crate::store::WriterThread;

const HOOK: HookId = HookId::from_bytes([3; 12]);

/// A running intake with one device, and one hook on `temp`.
struct Scene {
    _data: TempDir,
    store: Queue,
    writer: QueueWriter,
    writer_thread: WriterThread,
    intake: Intake,
    replays: Replays,
    calls: Calls,
    presence: Presence,
    retained: Retained,
    sources: Sources,
    watcher: Watcher,
    /// Kept, since the intake waits for the MQTT side.
    feed: MqttFeed,
    arrivals: mpsc::Receiver<Arrival>,
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
    /// Kept, since the intake looks at them.
    registry: watch::Sender<Arc<Snapshot>>,
    _config: watch::Sender<Arc<Config>>,
}

impl Scene {
    fn new(keep_free_bytes: u64) -> Self {
        let data = tempfile::tempdir().unwrap();
        let (store, _) = Queue::open(data.path()).unwrap();
        let (writer, writer_thread) = QueueWriter::start(&store, keep_free_bytes);
        let (intake, queue) = Intake::new(256);
        let (live, feed) = Live::new();
        let watcher = live.watch();
        let (arrivals_in, arrivals) = arrivals();
        let (replays, replays_out) = Replays::new(store.clone());
        let on_power = hook(4, &json!({ "event": "power", "url": "http://example.com/" }));
        let wanted = hook(3, &json!({ "event": "temp", "url": "http://example.com/" }));
        let (registry_tx, registry) =
            watch::channel(snapshot([device(1), source(7), adopted(8, 7, "plug")], [wanted, on_power]));
        let mut unlimited = Config::default();
        unlimited.limits.device_per_minute = None;
        let (config_tx, config) = watch::channel(Arc::new(unlimited));
        let (stop, stopping) = watch::channel(false);
        let calls = Calls::new(live.clone(), Chance::from_seed(2), ANSWER_WITHIN, stopping.clone());
        let retained = Retained::restore(store.retained().unwrap(), [0; 16]);
        let (presence, sources) = (Presence::default(), Sources::default());
        let parts = Parts {
            queue,
            registry,
            config,
            writer: writer.clone(),
            live,
            arrivals: arrivals_in,
            replays: replays_out,
            store: store.clone(),
            triggers: Meters::restore(None, None, &[], [0; 16], 0).devices,
            board: Board::default(),
            history: History::default(),
            calls: calls.clone(),
            presence: presence.clone(),
            sessions: Sessions::restore(&store, &writer, Bounds::default(), 0).unwrap(),
            retained: retained.clone(),
            sources: sources.clone(),
            chance: Chance::from_seed(1),
            known: Known::recall(&store, [0; 16]).unwrap(),
        };
        let task = tokio::spawn(run(parts, stopping));
        Self {
            _data: data,
            store,
            writer,
            writer_thread,
            intake,
            replays,
            calls,
            presence,
            retained,
            sources,
            watcher,
            feed,
            arrivals,
            stop,
            task,
            registry: registry_tx,
            _config: config_tx,
        }
    }

    fn stored(&self, seq: u64) -> Option<Arc<Event>> {
        self.store.read(key(seq)).unwrap().map(|delivery| delivery.event)
    }

    async fn ended(&mut self) {
        (&mut self.task).await.unwrap();
    }

    /// Stops the writer's thread: what is handed to it from now on is never answered with success.
    fn close_the_store(self) -> (Intake, Watcher, mpsc::Receiver<Arrival>, MqttFeed, watch::Sender<bool>) {
        self.writer.stop();
        self.writer_thread.join();
        (self.intake, self.watcher, self.arrivals, self.feed, self.stop)
    }
}

fn key(seq: u64) -> DeliveryKey {
    DeliveryKey { lane: LaneKey { hook: HOOK, device: Some(DeviceId::from_bytes([1; 12])) }, seq }
}

fn publication(name: &str, data: u64) -> Publication {
    let publisher = Publisher::Device(DeviceId::from_bytes([1; 12]));
    Publication {
        name: name.to_owned(),
        data: data.to_string().into(),
        ttl_s: None,
        publisher,
        resend: None,
        publishing: Publishing::default(),
    }
}

fn resend(dup: bool) -> Publication {
    let resend = Some(ResendMark { session: 9, packet_id: 5, dup, is_held: false });
    Publication { resend, ..publication("temp", 72) }
}

fn source(number: u8) -> Device {
    Device { source: Some(SourceLogin { rules: "tasmota".to_owned() }), ..device(number) }
}

fn adopted(number: u8, from: u8, name: &str) -> Device {
    let adoption = Adoption { source: DeviceId::from_bytes([from; 12]), name: name.to_owned() };
    Device { adoption: Some(adoption), ..device(number) }
}

#[tokio::test]
async fn an_accepted_event_is_in_the_store_before_its_verdict() {
    let scene = Scene::new(0);
    for seq in 1..=20 {
        let verdict = scene.intake.publish(publication("temp", seq)).await;
        let event = scene.stored(seq).expect("it was acknowledged");
        assert_eq!(verdict, Ok(Accepted::Stored(event.id)));
        assert_eq!(event.data, seq.to_string());
    }
}

fn retained(name: &str, data: u64) -> Publication {
    let publishing = Publishing { retain: true, ..Publishing::default() };
    Publication { publishing, ..publication(name, data) }
}

#[tokio::test]
async fn a_retained_message_is_in_the_store_before_its_verdict_and_until_its_device_is_gone() {
    let scene = Scene::new(0);
    for number in 1..=5 {
        let verdict = scene.intake.publish(retained("humidity", number)).await;
        assert!(matches!(verdict, Ok(Accepted::PassedOn(_))), "{verdict:?}");
        let stored = scene.store.retained().unwrap();
        assert_eq!(stored.iter().map(|row| row.event.data.parse()).collect::<Vec<_>>(), [Ok(number)]);
    }
    scene.registry.send_replace(snapshot([device(2)], []));
    while scene.retained.count() > 0 {
        tokio::task::yield_now().await;
    }
    scene.writer.write(Changes::new()).await.unwrap().unwrap();
    assert_eq!(scene.store.retained().unwrap(), []);
}

#[tokio::test]
async fn what_cannot_be_stored_is_not_retained_and_its_publisher_is_told() {
    let scene = Scene::new(u64::MAX);
    let verdict = scene.intake.publish(retained("humidity", 48)).await;
    assert!(matches!(verdict, Err(Refusal::Full { .. })), "{verdict:?}");
    assert_eq!((scene.retained.count(), scene.store.retained().unwrap()), (0, vec![]));
}

#[tokio::test]
async fn a_retained_message_without_room_is_refused_before_it_triggers() {
    let mut scene = Scene::new(0);
    for number in 0..spec::RETAINED {
        scene.intake.publish(retained(&format!("t/{number}"), 1)).await.unwrap();
        scene.feed.recv().await.unwrap();
    }
    let verdict = scene.intake.publish(retained("temp", 1)).await;
    assert!(matches!(verdict, Err(Refusal::Retained(_))), "{verdict:?}");
    let notice = scene.feed.recv().await.unwrap();
    assert_eq!(notice.event.name.as_str(), "farhook/refused");
    assert!(notice.event.data.contains("1000 retained messages are kept already"), "{}", notice.event.data);
    assert_eq!(scene.stored(1), None);
}

#[tokio::test]
async fn an_event_that_no_hook_wants_is_accepted_even_by_a_store_that_takes_nothing() {
    let mut scene = Scene::new(u64::MAX);
    let verdict = scene.intake.publish(publication("humidity", 48)).await;
    let event = scene.watcher.recv().await.unwrap();
    assert_eq!(verdict, Ok(Accepted::PassedOn(event.id)));
}

#[tokio::test]
async fn verdicts_live_events_and_arrivals_come_in_the_order_of_submission() {
    const EVENTS: u64 = 300;
    let mut scene = Scene::new(0);
    let intake = scene.intake.clone();
    let publishing = tokio::spawn(async move {
        let mut verdicts = Vec::new();
        for number in 0..EVENTS {
            // Every third one needs no disk, and must not overtake those that do.
            let name = if number % 3 == 0 { "humidity" } else { "temp" };
            verdicts.push(intake.submit(publication(name, number)).await.unwrap());
        }
        verdicts
    });
    // The MQTT side has to be served, or announcing waits for it.
    let mut announced = Vec::new();
    while announced.len() < usize::try_from(EVENTS).unwrap() {
        announced.push(scene.feed.recv().await.unwrap().event);
    }

    let numbers: Vec<u64> = announced.iter().map(|event| event.data.parse().unwrap()).collect();
    assert_eq!(numbers, (0..EVENTS).collect::<Vec<_>>());
    for (verdict, event) in publishing.await.unwrap().into_iter().zip(&announced) {
        let is_wanted = event.name.as_str() == "temp";
        let expected = if is_wanted { Accepted::Stored(event.id) } else { Accepted::PassedOn(event.id) };
        assert_eq!(verdict.await.unwrap(), Ok(expected));
        if is_wanted {
            assert_eq!(scene.arrivals.recv().await.unwrap().event, *event);
        }
        assert_eq!(scene.watcher.recv().await.unwrap(), *event);
    }
}

#[tokio::test]
async fn an_event_that_the_store_refuses_is_announced_to_nobody_and_is_new_when_it_comes_again() {
    let mut scene = Scene::new(u64::MAX);
    let refused = scene.intake.publish(resend(false)).await;
    assert!(matches!(refused, Err(Refusal::Full { .. })), "{refused:?}");
    assert_eq!(scene.watcher.try_recv().unwrap_err(), TryRecvError::Empty);
    assert!(scene.arrivals.try_recv().is_err());
    assert_eq!(scene.stored(1), None);

    scene.writer.keep_free(0);
    let again = scene.intake.publish(resend(true)).await;
    assert!(matches!(again, Ok(Accepted::Stored(_))), "{again:?}");
    assert_eq!(scene.intake.publish(resend(true)).await, Ok(Accepted::Resent));
}

#[tokio::test]
async fn a_resend_is_not_acknowledged_while_its_first_sending_fails() {
    let scene = Scene::new(u64::MAX);
    let first = scene.intake.submit(resend(false)).await.unwrap();
    let second = scene.intake.submit(resend(true)).await.unwrap();
    assert!(matches!(first.await.unwrap(), Err(Refusal::Full { .. })));
    assert!(matches!(second.await.unwrap(), Err(Refusal::Full { .. })));
}

#[tokio::test]
async fn a_store_that_is_closed_refuses_what_it_was_given() {
    let (intake, mut watcher, mut arrivals, _feed, _stop) = Scene::new(0).close_the_store();
    let verdict = intake.publish(publication("temp", 72)).await;
    assert!(matches!(verdict, Err(Refusal::Full { .. })), "{verdict:?}");
    assert!(watcher.try_recv().is_err() && arrivals.try_recv().is_err());
}

#[tokio::test]
async fn at_the_stop_what_still_waits_is_told_so_and_the_task_ends() {
    let mut scene = Scene::new(0);
    // On this one thread nothing runs between these: the intake sees the stop and the submissions at once.
    scene.stop.send_replace(true);
    let mut waiting = Vec::new();
    for number in 0..20 {
        waiting.push(scene.intake.submit(publication("temp", number)).await.unwrap());
    }
    for verdict in waiting {
        assert_eq!(verdict.await.unwrap(), Err(Refusal::Stopping));
    }
    scene.ended().await;
    assert_eq!(scene.intake.publish(publication("temp", 72)).await, Err(Refusal::Stopping));
    assert_eq!(scene.stored(1), None);
}

#[tokio::test]
async fn at_the_stop_what_is_under_way_is_finished() {
    let mut scene = Scene::new(0);
    let under_way = scene.intake.submit(publication("temp", 72)).await.unwrap();
    // On this one thread the intake has taken it in when the turn is ours again; the disk may still be at work.
    tokio::task::yield_now().await;
    scene.stop.send_replace(true);
    scene.ended().await;
    let arrival = scene.arrivals.recv().await.unwrap();
    assert_eq!(under_way.await.unwrap(), Ok(Accepted::Stored(arrival.event.id)));
    assert_eq!(scene.stored(arrival.key.seq), Some(arrival.event));
}

#[tokio::test]
async fn dead_letters_wait_again_in_their_order_behind_what_waits() {
    let mut scene = Scene::new(0);
    scene.intake.publish(publication("temp", 0)).await.unwrap();
    scene.arrivals.recv().await.unwrap();
    let mut changes = Changes::new();
    for seq in [100, 200, 300] {
        let mut letter = crate::store::tests::letter(&seq.to_string());
        letter.end.at = WallTime::from_millis(i64::try_from(seq).unwrap());
        changes.bury(key(seq), &letter);
    }
    scene.writer.write(changes).await.unwrap().unwrap();
    let id = |seq| DeliveryId { hook: HOOK, seq };

    scene.replays.one(id(200)).await.unwrap();
    assert!(scene.replays.one(id(200)).await.unwrap_err().to_string().contains("no dead letter"));
    let early = Selection { hook: Some(HOOK), from: None, until: Some(WallTime::from_millis(300)) };
    assert_eq!(scene.replays.all(early).await.0, 1);
    assert_eq!(scene.replays.all(Selection::default()).await.0, 1);

    let mut arrived = Vec::new();
    for _ in 0..3 {
        let arrival = scene.arrivals.recv().await.unwrap();
        assert_eq!(scene.stored(arrival.key.seq).unwrap(), arrival.event);
        arrived.push((arrival.key.seq, arrival.event.data.clone()));
    }
    // The numbers go on from what was known at the start.
    assert_eq!(arrived, [(2, "200".to_owned()), (3, "100".to_owned()), (4, "300".to_owned())]);
    assert_eq!((scene.store.total().waiting, scene.store.total().dead), (4, 0));
}

fn by(device: u8, name: &str, data: &str) -> Publication {
    let publisher = Publisher::Device(DeviceId::from_bytes([device; 12]));
    Publication {
        name: name.to_owned(),
        data: data.to_owned().into(),
        ttl_s: None,
        publisher,
        resend: None,
        publishing: Publishing::default(),
    }
}

#[tokio::test]
async fn a_result_goes_to_who_waits_for_it_and_is_no_event() {
    // The store takes nothing: nothing is stored.
    let mut scene = Scene::new(u64::MAX);
    let (calls, device) = (scene.calls.clone(), DeviceId::from_bytes([1; 12]));
    let asking = tokio::spawn(async move {
        let ask = Ask::Variable { name: "temp".to_owned() };
        calls.ask(device, crate::registry::samples::OWNER, ask).await
    });
    let asked = scene.feed.recv().await.unwrap().event;
    let request = asked.name.as_str().strip_prefix("farhook/variable/temp/").unwrap();
    let result = format!("farhook/result/{request}");

    assert_eq!(scene.intake.publish(by(2, &result, "of a stranger")).await, Err(Refusal::UnknownPublisher));
    assert_eq!(scene.intake.publish(by(1, &result, "21.5")).await, Ok(Accepted::Taken));
    assert_eq!(asking.await.unwrap(), Ok("21.5".to_owned()));
    assert_eq!(scene.intake.publish(by(1, &result, "again")).await, Ok(Accepted::Taken), "nobody waits: passed over");
    assert_eq!(scene.watcher.try_recv().unwrap_err(), TryRecvError::Empty);
    assert!(scene.feed.try_recv().is_err() && scene.arrivals.try_recv().is_err());
}

#[tokio::test]
async fn what_a_device_offers_is_known_from_its_description_on() {
    let mut scene = Scene::new(u64::MAX);
    let offered = || scene.presence.of(DeviceId::from_bytes([1; 12])).description;
    let said = scene.intake.publish(by(1, "farhook/describe", r#"{"functions":["led"],"product_version":3}"#)).await;
    assert_eq!(said, Ok(Accepted::Taken));
    assert!(offered().unwrap().has_function("led"));

    let refused = scene.intake.publish(by(1, "farhook/describe", "led")).await;
    assert!(matches!(refused, Err(Refusal::Description(_))), "{refused:?}");
    assert!(offered().unwrap().has_function("led"), "what was understood stays");
    assert_eq!(scene.watcher.recv().await.unwrap().name.as_str(), "farhook/refused");

    assert_eq!(scene.intake.publish(by(1, "farhook/describe", "{}")).await, Ok(Accepted::Taken));
    assert!(!offered().unwrap().has_function("led"), "a new one replaces all of it");
}
