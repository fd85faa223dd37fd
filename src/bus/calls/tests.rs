//! A device that the test plays: it hears what the MQTT side would carry to it.

use std::future::Future;
use std::pin::pin;

use futures_util::FutureExt;
use tokio::sync::broadcast::error::TryRecvError;

use super::*;
use crate::bus::MqttFeed;
use crate::bus::Watcher;

const OWNER: UserId = UserId::from_bytes([1; 12]);
const A: DeviceId = DeviceId::from_bytes([3; 12]);
const B: DeviceId = DeviceId::from_bytes([4; 12]);

/// No test waits so long.
const LONG: Duration = Duration::from_secs(60);

struct Scene {
    calls: Calls,
    feed: MqttFeed,
    watcher: Watcher,
    stop: watch::Sender<bool>,
}

impl Scene {
    fn new(answer_within: Duration) -> Self {
        let (live, feed) = Live::new();
        let watcher = live.watch();
        let (stop, stopping) = watch::channel(false);
        Self { calls: Calls::new(live, Chance::from_seed(1), answer_within, stopping), feed, watcher, stop }
    }

    fn variable(&self, device: DeviceId, name: &str) -> impl Future<Output = Result<String, CallError>> + use<> {
        let (calls, ask) = (self.calls.clone(), Ask::Variable { name: name.to_owned() });
        async move { calls.ask(device, OWNER, ask).await }
    }

    fn function(&self, name: &str, argument: &str) -> impl Future<Output = Result<String, CallError>> + use<> {
        let (calls, name, argument) = (self.calls.clone(), name.to_owned(), argument.to_owned());
        async move { calls.ask(A, OWNER, Ask::Function { name, argument }).await }
    }

    /// The request that went out last, and what names it.
    fn request(&mut self) -> (Arc<Event>, String) {
        let event = self.feed.try_recv().expect("a request went out").event;
        let request = event.name.as_str().rsplit('/').next().unwrap().to_owned();
        (event, request)
    }
}

#[tokio::test]
async fn a_variable_is_asked_for_by_an_event_to_the_device_and_its_result_comes_back() {
    let mut scene = Scene::new(LONG);
    let mut asking = pin!(scene.variable(A, "temp"));
    assert!(asking.as_mut().now_or_never().is_none());

    let (event, request) = scene.request();
    assert_eq!(event.name.as_str(), format!("farhook/variable/temp/{request}"));
    assert_eq!((event.data.as_str(), event.owner), ("", OWNER));
    assert_eq!(event.source, Source::Gateway { device: Some(A) });
    assert!(request.len() <= 4, "{request}");
    assert_eq!(scene.watcher.try_recv().unwrap_err(), TryRecvError::Empty, "it is for the device alone");

    assert!(scene.calls.answer(A, &request, "21.5".to_owned()));
    assert_eq!(asking.await, Ok("21.5".to_owned()));
    assert!(!scene.calls.answer(A, &request, "22".to_owned()), "nobody waits any more");
}

#[tokio::test]
async fn a_function_is_called_with_its_argument() {
    let mut scene = Scene::new(LONG);
    let mut calling = pin!(scene.function("led", "on"));
    assert!(calling.as_mut().now_or_never().is_none());
    let (event, request) = scene.request();
    assert_eq!((event.name.as_str(), event.data.as_str()), (format!("farhook/function/led/{request}").as_str(), "on"));
    scene.calls.answer(A, &request, "1".to_owned());
    assert_eq!(calling.await, Ok("1".to_owned()));
}

#[tokio::test]
async fn only_the_device_that_was_asked_can_answer() {
    let mut scene = Scene::new(LONG);
    let mut asking = pin!(scene.variable(A, "temp"));
    assert!(asking.as_mut().now_or_never().is_none());
    let (_, request) = scene.request();
    assert!(!scene.calls.answer(B, &request, "forged".to_owned()));
    assert!(asking.as_mut().now_or_never().is_none());
    assert!(scene.calls.answer(A, &request, "true".to_owned()));
    assert_eq!(asking.await, Ok("true".to_owned()));
}

#[tokio::test]
async fn each_request_gets_its_own_result() {
    let mut scene = Scene::new(LONG);
    let (mut one, mut other) = (pin!(scene.variable(A, "a")), pin!(scene.variable(A, "b")));
    assert!(one.as_mut().now_or_never().is_none() && other.as_mut().now_or_never().is_none());
    let ((_, of_one), (_, of_other)) = (scene.request(), scene.request());
    assert_ne!(of_one, of_other);
    scene.calls.answer(A, &of_other, "b".to_owned());
    scene.calls.answer(A, &of_one, "a".to_owned());
    assert_eq!((one.await, other.await), (Ok("a".to_owned()), Ok("b".to_owned())));
}

#[tokio::test]
async fn a_device_that_does_not_answer_in_time_is_not_waited_for() {
    let mut scene = Scene::new(Duration::ZERO);
    assert_eq!(scene.variable(A, "temp").await, Err(CallError::TimedOut));
    let (_, request) = scene.request();
    assert!(!scene.calls.answer(A, &request, "late".to_owned()));
}

#[tokio::test]
async fn a_request_that_is_dropped_is_forgotten() {
    let mut scene = Scene::new(LONG);
    for _ in 0..=WAITING_OF_ONE {
        assert!(scene.variable(A, "temp").now_or_never().is_none());
    }
    let (_, request) = scene.request();
    assert!(!scene.calls.answer(A, &request, "late".to_owned()));
}

#[tokio::test]
async fn so_many_requests_wait_for_one_device_and_for_all() {
    let scene = Scene::new(LONG);
    let mut waiting = Vec::new();
    for device in 0..16 {
        let device = DeviceId::from_bytes([device; 12]);
        for _ in 0..WAITING_OF_ONE {
            let mut asking = Box::pin(scene.variable(device, "temp"));
            assert!(asking.as_mut().now_or_never().is_none());
            waiting.push(asking);
        }
        assert_eq!(scene.variable(device, "temp").await, Err(CallError::TooMany));
    }
    let another = DeviceId::from_bytes([99; 12]);
    assert_eq!(scene.variable(another, "temp").await, Err(CallError::TooMany));
    waiting.pop();
    assert!(scene.variable(another, "temp").now_or_never().is_none(), "there is room");
}

#[tokio::test]
async fn what_cannot_be_asked_does_not_go_out() {
    let mut scene = Scene::new(LONG);
    for name in ["", "a/b", "+", "temp/1", "é"] {
        assert_eq!(scene.variable(A, name).await, Err(CallError::NoSuchName), "{name:?}");
        assert_eq!(scene.function(name, "").await, Err(CallError::NoSuchName), "{name:?}");
    }
    let refused = scene.function("led", &"x".repeat(1_025)).await;
    assert_eq!(refused, Err(CallError::ArgumentTooLarge { bytes: 1_025 }));
    assert!(scene.feed.try_recv().is_err());
    assert!(scene.function("led", &"x".repeat(1_024)).now_or_never().is_none());
}

#[tokio::test]
async fn a_signal_goes_to_the_device_and_waits_for_nothing() {
    let mut scene = Scene::new(LONG);
    for (on, data) in [(true, "1"), (false, "0")] {
        scene.calls.signal(A, OWNER, on).await;
        let event = scene.feed.recv().await.unwrap().event;
        assert_eq!((event.name.as_str(), event.data.as_str()), ("farhook/signal", data));
        assert_eq!(event.source, Source::Gateway { device: Some(A) });
    }
}

#[tokio::test]
async fn at_the_stop_nobody_waits_any_longer() {
    let scene = Scene::new(LONG);
    let mut asking = pin!(scene.variable(A, "temp"));
    assert!(asking.as_mut().now_or_never().is_none());
    scene.stop.send_replace(true);
    assert_eq!(asking.await, Err(CallError::Stopping));
    assert_eq!(scene.variable(A, "temp").await, Err(CallError::Stopping));
}

#[test]
fn a_number_is_short() {
    assert_eq!([0, 35, 36, u32::MAX].map(short), ["0", "z", "10", "1z141z3"]);
}
