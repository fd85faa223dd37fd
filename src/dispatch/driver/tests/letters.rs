//! What becomes of deliveries that do not arrive, what people can do about them, and what the log says.

use super::*;
use crate::bus::Cancelled;
use crate::bus::FullReport;
use crate::bus::TryRefusal;
use crate::bus::TryReport;
use crate::store::Cause;
use crate::store::DeadLetter;
use crate::store::Fate;

impl Scene {
    async fn ask<T>(&self, order: impl FnOnce(oneshot::Sender<T>) -> Order) -> T {
        let (reply, answer) = oneshot::channel();
        self.orders.send(order(reply)).await.unwrap();
        in_time(answer).await.unwrap()
    }

    async fn report(&self) -> FullReport {
        self.ask(|reply| Order::Report { reply }).await
    }

    async fn try_once(&self, hook: &Arc<Hook>) -> Result<TryReport, TryRefusal> {
        self.ask(|reply| Order::TryOnce { hook: Arc::clone(hook), reply }).await
    }

    /// The dead letters once everything that was handed to the store is there.
    async fn letters(&self) -> Vec<DeadLetter> {
        self.writer.write(Changes::new()).await.unwrap().unwrap();
        self.queue.dead_page(HOOK, None, 100).unwrap().into_iter().map(|(_, letter)| letter).collect()
    }
}

fn hook_with(more: &Value, url: &str) -> Arc<Hook> {
    let mut definition = json!({ "event": "temp", "url": url });
    definition.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    samples::hook(3, &definition)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_delivery_that_failed_is_a_dead_letter_with_its_answer_and_in_the_log() {
    let responder = Responder::start(|_| answer(404, "x-why: because\r\n", "{\"token\":\"s3cret\",\"a\":1}"));
    let mut scene = Scene::new([hook_to(&responder.url("/x"))]);
    let event = scene.arrive(key(1), "72").await;
    scene.told().await;

    let letters = scene.letters().await;
    assert_eq!((letters.len(), &letters[0].delivery.event), (1, &event));
    let end = &letters[0].end;
    assert_eq!((end.cause, end.status, end.reason.as_str()), (Cause::Failed, Some(404), "status 404"));
    assert_eq!(end.answer, "{\"token\":\"[[SENSITIVE]]\",\"a\":1}");
    assert_eq!(scene.stored(&[key(1)]).await, [false]);
    scene.shown(|board| board.queue().dead == 1 && board.queue().waiting == 0).await;

    let log = scene.logbook.latest(HOOK, 10).unwrap();
    let [attempt] = log.as_slice() else { panic!("{log:?}") };
    assert_eq!((attempt.seq, attempt.event, attempt.fate), (1, event.id, Fate::Dead));
    let (request, response) = (attempt.request.as_ref().unwrap(), attempt.answer.as_ref().unwrap());
    assert_eq!((request.method.as_str(), request.url.as_str()), ("POST", responder.url("/x").as_str()));
    assert!(request.headers.iter().any(|(name, value)| name == "webhook-id" && *value == event.id.to_string()));
    assert!(response.headers.contains(&("x-why".to_owned(), "because".to_owned())));
    assert!(attempt.timing.connect_ms.is_some() && attempt.timing.first_byte_ms <= attempt.timing.total_ms);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_shows_silence_and_when_it_is_tried_again() {
    let port = silent_port();
    let scene = Scene::new([hook_to_port(port.local_addr().unwrap())]);
    scene.arrive(key(1), "72").await;
    scene.shown(|board| board.queue().targets_down == 1 && board.queue().under_way == 0).await;
    let log = scene.logbook.latest(HOOK, 10).unwrap();
    let first = log.last().unwrap();
    assert_eq!((first.fate, first.answer.is_none(), first.next_try.is_some()), (Fate::Waiting, true, true));
    assert!(first.summary.contains("no connection"), "{}", first.summary);
    let report = scene.report().await;
    assert_eq!((report.hooks[0].waiting, report.hooks[0].id), (1, HOOK));
    assert!(report.targets[0].is_down && report.targets[0].next_probe_s.is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disabled_hook_is_tried_with_one_delivery_and_goes_on_only_if_that_goes_well() {
    let is_well = Arc::new(AtomicBool::new(false));
    let health = Arc::clone(&is_well);
    let mut responder =
        Responder::start(move |_| answer(if health.load(Ordering::SeqCst) { 204 } else { 500 }, "", ""));
    let hook = hook_to(&responder.url("/"));
    let scene = Scene::new([Arc::clone(&hook)]);
    assert_eq!(scene.try_once(&hook).await, Err(TryRefusal::NotDisabled));
    for seq in 1..=12 {
        scene.arrive(key(seq), &seq.to_string()).await;
    }
    scene.shown(|board| board.hook(HOOK).too_many_errors && board.queue().under_way == 0).await;
    let notices = scene.notices.unread();
    assert_eq!((notices.len(), notices[0].1.hook), (1, Some(HOOK)));
    assert!(notices[0].1.text.contains("10 errors in a row"), "{}", notices[0].1.text);

    let failed = TryReport { ok: false, summary: "status 500".to_owned() };
    assert_eq!(scene.try_once(&hook).await, Ok(failed));
    assert!(scene.board.hook(HOOK).too_many_errors);
    assert_eq!(scene.stored(&[key(11), key(12)]).await, [false, true], "only one was risked");

    is_well.store(true, Ordering::SeqCst);
    assert_eq!(scene.try_once(&hook).await, Ok(TryReport { ok: true, summary: "status 204".to_owned() }));
    scene.shown(|board| board.queue().waiting == 0).await;
    assert!(!scene.board.hook(HOOK).too_many_errors);
    assert_eq!(scene.try_once(&hook).await, Err(TryRefusal::NotDisabled));
    let mut sent = 0;
    while responder.requests.try_recv().is_ok() {
        sent += 1;
    }
    assert_eq!((sent, scene.letters().await.len()), (12, 11));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_cancelled_is_a_dead_letter_and_is_not_sent() {
    let port = silent_port();
    let scene = Scene::new([hook_to_port(port.local_addr().unwrap())]);
    for seq in 1..=200 {
        scene.arrive(key(seq), "72").await;
    }
    scene.shown(|board| board.queue().targets_down == 1).await;
    let cancel = async |which| scene.ask(|reply| Order::Cancel { which, reply }).await;
    assert_eq!(cancel(Cancelled::One(key(150).id())).await, 1);
    assert_eq!(cancel(Cancelled::One(key(150).id())).await, 0);
    // The first may be under way just then.
    assert!((198..=199).contains(&cancel(Cancelled::Hook(HOOK)).await));
    scene.shown(|board| board.queue().waiting <= 1).await;
    let letters = scene.letters().await;
    assert!(letters.len() == 100 && letters.iter().all(|letter| letter.end.cause == Cause::Cancelled));
    assert!(scene.queue.total().dead >= 199);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_queue_drops_its_oldest_for_the_new_and_says_so() {
    let port = silent_port();
    let more = json!({ "max_waiting": 5, "when_full": "drop_oldest" });
    let scene = Scene::new([hook_with(&more, &format!("http://{}/", port.local_addr().unwrap()))]);
    for seq in 1..=5 {
        scene.arrive(key(seq), "72").await;
    }
    scene.shown(|board| board.queue().targets_down == 1).await;
    for seq in 6..=8 {
        let stored = fresh("73");
        scene.writer.write(storing(key(seq), &stored)).await.unwrap().unwrap();
        let arrival = Arrival { key: key(seq), event: stored.event, due_ms: 0, makes_room: true };
        scene.arrivals.send(arrival).await.unwrap();
    }
    scene.shown(|board| board.hook(HOOK).dropped == 3).await;
    let left = scene.stored(&(1..=8).map(key).collect::<Vec<_>>()).await;
    assert_eq!(left.iter().filter(|is_there| **is_there).count(), 5);
    assert_eq!(left[5..], [true; 3], "the newest are there");
    assert!((1..=3).contains(&scene.notices.unread()[0].1.times));
    assert!(scene.letters().await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_over_their_hosts_limit_may_be_dropped_and_are_dead_letters() {
    let mut responder = Responder::start(|_| answer(204, "", ""));
    let scene = Scene::with([hook_to(&responder.url("/"))], |config| config.limits.host_over = Over::Drop);
    for seq in 1..=122 {
        scene.arrive(key(seq), &seq.to_string()).await;
    }
    scene.shown(|board| board.queue().waiting == 0).await;
    let letters = scene.letters().await;
    assert_eq!(letters.len(), 2);
    assert!(letters.iter().all(|letter| letter.end.cause == Cause::HostLimit));
    assert_eq!(letters[0].end.reason, "host limit: 120 requests per minute");
    for _ in 0..120 {
        in_time(responder.requests.recv()).await.unwrap();
    }
    assert!(responder.requests.try_recv().is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn of_too_many_dead_letters_the_oldest_go() {
    let responder = Responder::start(|_| answer(404, "", ""));
    let scene = Scene::with([hook_to(&responder.url("/"))], |config| {
        config.queue.max_dead = 3;
        config.limits.errors_in_a_row = None;
    });
    for seq in 1..=9 {
        scene.arrive(key(seq), &seq.to_string()).await;
    }
    // Failures are counted before their letters are on the disk; nothing waits only after that.
    scene.shown(|board| board.queue().failed == 9 && board.queue().waiting == 0 && board.queue().dead == 3).await;
    let kept: Vec<String> = scene.letters().await.iter().map(|letter| letter.delivery.event.data.clone()).collect();
    assert_eq!(kept, ["7", "8", "9"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backlog_far_beyond_memory_is_sent_in_order_after_a_restart() {
    const EVENTS: u64 = 400;
    let mut responder = Responder::start(|_| answer(204, "", ""));
    let before: Vec<_> = (1..=EVENTS).map(|seq| (key(seq), fresh(&seq.to_string()))).collect();
    let hook = hook_to(&responder.url("/"));
    let unlimited = |config: &mut Config| config.limits.host_per_minute = None;
    let scene = Scene::over_with(tempfile::tempdir().unwrap(), [hook], &before, unlimited);
    for seq in 1..=EVENTS {
        let request = in_time(responder.requests.recv()).await.unwrap();
        assert_eq!(body(&request)["data"], seq.to_string());
        if seq == 10 {
            scene.arrive(key(EVENTS + 1), "the last").await;
        }
    }
    let request = in_time(responder.requests.recv()).await.unwrap();
    assert_eq!(body(&request)["data"], "the last");
    scene.shown(|board| board.queue().waiting == 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_whose_clock_was_wrong_is_sent_with_the_right_time() {
    let mut responder = Responder::start(|_| answer(204, "", ""));
    let now = clock::now();
    let stamped = |arrived| {
        let sample = delivery("72");
        let event = Event { published_at: WallTime::from_millis(86_400_000), ..Event::clone(&sample.event) };
        StoredDelivery { event: Arc::new(event), arrived, ..sample }
    };
    // A minute ago in this boot, and 90 s after the beginning of an earlier one that came to know the time later.
    let ours = Arrived { boot: [1; 16], mono_ms: now.mono_ms - 60_000 };
    let earlier = Arrived { boot: [7; 16], mono_ms: 90_000 };
    let began_ms = now.wall.as_millis() - 3_600_000;
    let before = [(key(1), stamped(ours)), (key(2), stamped(earlier))];
    let data = tempfile::tempdir().unwrap();
    {
        let (queue, _) = Queue::open(data.path()).unwrap();
        let (writer, thread) = QueueWriter::start(&queue, 0);
        let mut changes = Changes::new();
        changes.put_boot([7; 16], began_ms);
        writer.write(changes).await.unwrap().unwrap();
        writer.stop();
        thread.join();
    }
    let _scene = Scene::over(data, [hook_to(&responder.url("/"))], &before);
    for expected_ms in [now.wall.as_millis() - 60_000, began_ms + 90_000] {
        let request = in_time(responder.requests.recv()).await.unwrap();
        let published_at: jiff::Timestamp = body(&request)["published_at"].as_str().unwrap().parse().unwrap();
        assert!(published_at.as_millisecond().abs_diff(expected_ms) <= 1_000, "{published_at}");
    }
}
