//! Telling everybody of an event: watchers (the command line, event streams, later pages) and the MQTT side.
//!
//! A watcher that is too slow misses events and is told how many. The MQTT side is waited for: results reach devices
//! through it. The events of late are remembered, for watchers who come back; the daemon keeps them over an orderly
//! restart, after a kill there are none, or those of the stop before it.

use std::sync::Arc;
use std::sync::Mutex;
use std::sync::MutexGuard;

use tokio::sync::broadcast;
use tokio::sync::mpsc;

use crate::bus::ring::Ring;
use crate::model::Event;
use crate::model::EventId;

/// Events that a watcher may lag behind before it misses some.
const WATCHER_LAG: usize = 1_024;

/// Events that may wait for the MQTT side before announcing waits.
const MQTT_WAITING: usize = 1_024;

/// A watcher's end: every event from now on. `Lagged(n)` says that `n` were missed.
pub type Watcher = broadcast::Receiver<Arc<Event>>;

/// The MQTT side's end: every event, none missed.
pub type MqttFeed = mpsc::Receiver<Told>;

/// An event for the MQTT side.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// The event.
    pub event: Arc<Event>,
    /// Whether it was kept for the sessions that outlive their connection: they have it already.
    pub was_kept: bool,
}

/// Where events are announced. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Live {
    /// Locked while watchers are told and while one begins to watch: who comes back has neither a gap nor a duplicate.
    recent: Arc<Mutex<Ring>>,
    watchers: broadcast::Sender<Arc<Event>>,
    mqtt: mpsc::Sender<Told>,
}

impl Live {
    /// The announcer, and the end for the MQTT side.
    pub fn new() -> (Self, MqttFeed) {
        Self::remembering([])
    }

    /// The same, with what [`Self::recent`] told before a restart.
    pub fn remembering(recent: impl IntoIterator<Item = Arc<Event>>) -> (Self, MqttFeed) {
        let mut ring = Ring::default();
        recent.into_iter().for_each(|event| ring.push(event));
        let (watchers, _) = broadcast::channel(WATCHER_LAG);
        let (mqtt, feed) = mpsc::channel(MQTT_WAITING);
        (Self { recent: Arc::new(Mutex::new(ring)), watchers, mqtt }, feed)
    }

    /// Tells everybody. Waits while the MQTT side is behind; a gone MQTT side is not waited for.
    pub async fn announce(&self, event: Arc<Event>) {
        self.tell_watchers(Arc::clone(&event));
        self.tell_mqtt(event).await;
    }

    /// Tells everybody of an event that was kept for the sessions that outlive their connection. Waits as
    /// [`Self::announce`] does.
    pub async fn announce_kept(&self, event: Arc<Event>) {
        self.tell_watchers(Arc::clone(&event));
        let _ = self.mqtt.send(Told { event, was_kept: true }).await;
    }

    /// Tells the MQTT side alone: for what one device is asked. Watchers do not hear of it. Waits as
    /// [`Self::announce`] does.
    pub async fn tell_mqtt(&self, event: Arc<Event>) {
        let _ = self.mqtt.send(Told { event, was_kept: false }).await;
    }

    /// Starts to watch.
    pub fn watch(&self) -> Watcher {
        self.watchers.subscribe()
    }

    /// Starts to watch where somebody left off: what came after the event `last`, as far as it is remembered, and
    /// everything from now on, without a gap or a duplicate between them.
    ///
    /// If `last` is not remembered, its time decides: all that is remembered and not older came after it. Events of all
    /// owners are among them.
    pub fn watch_since(&self, last: EventId) -> (Vec<Arc<Event>>, Watcher) {
        let recent = self.ring();
        (recent.since(last), self.watchers.subscribe())
    }

    /// The events of late, oldest first.
    pub fn recent(&self) -> Vec<Arc<Event>> {
        self.ring().all()
    }

    fn tell_watchers(&self, event: Arc<Event>) {
        let mut recent = self.ring();
        recent.push(Arc::clone(&event));
        // An error only says that nobody watches.
        let _ = self.watchers.send(event);
    }

    fn ring(&self) -> MutexGuard<'_, Ring> {
        self.recent.lock().expect("a ring does not panic")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bus::ring::tests::event;

    #[tokio::test(flavor = "multi_thread")]
    async fn who_comes_back_while_events_come_misses_none_and_hears_none_twice() {
        let (live, _) = Live::new();
        let events: Vec<_> = (0..500).map(|at_ms| event(at_ms, 0, "")).collect();
        live.announce(Arc::clone(&events[0])).await;
        let (telling, told) = (live.clone(), events.clone());
        let announcer = tokio::spawn(async move {
            for event in told.into_iter().skip(1) {
                telling.announce(event).await;
            }
        });
        let (mut heard, mut watcher) = live.watch_since(events[0].id);
        while heard.len() < events.len() - 1 {
            if heard.len() % 50 == 7 {
                let (missed, again) = live.watch_since(heard.last().unwrap().id);
                heard.extend(missed);
                watcher = again;
            } else {
                heard.push(watcher.recv().await.unwrap());
            }
        }
        announcer.await.unwrap();
        assert_eq!(heard, events[1..]);
        assert!(watcher.is_empty());
    }

    #[tokio::test]
    async fn what_is_remembered_goes_on_after_a_restart() {
        let (live, _) = Live::new();
        let events = [1, 2, 3].map(|at_ms| event(at_ms, 0, ""));
        for event in &events[..2] {
            live.announce(Arc::clone(event)).await;
        }
        let (restarted, _) = Live::remembering(live.recent());
        restarted.announce(Arc::clone(&events[2])).await;
        assert_eq!(restarted.watch_since(events[0].id).0, events[1..]);
    }

    #[tokio::test]
    async fn what_one_device_is_asked_nobody_else_hears() {
        let (live, mut feed) = Live::new();
        let mut watcher = live.watch();
        live.tell_mqtt(event(1, 0, "")).await;
        let told = Told { event: event(1, 0, ""), was_kept: false };
        assert_eq!((feed.recv().await, watcher.try_recv().ok()), (Some(told), None));
        assert_eq!(live.recent(), []);
    }
}
