//! Telling everybody of an event: watchers (the command line, later SSE and pages) and the MQTT side.
//!
//! A watcher that is too slow misses events and is told how many. The MQTT side is waited for: results reach devices
//! through it.

use std::sync::Arc;

use tokio::sync::broadcast;
use tokio::sync::mpsc;

use crate::model::Event;

/// Events that a watcher may lag behind before it misses some.
const WATCHER_LAG: usize = 1_024;

/// Events that may wait for the MQTT side before announcing waits.
const MQTT_WAITING: usize = 1_024;

/// A watcher's end: every event from now on. `Lagged(n)` says that `n` were missed.
pub type Watcher = broadcast::Receiver<Arc<Event>>;

/// The MQTT side's end: every event, none missed.
pub type MqttFeed = mpsc::Receiver<Arc<Event>>;

/// Where events are announced. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Live {
    watchers: broadcast::Sender<Arc<Event>>,
    mqtt: mpsc::Sender<Arc<Event>>,
}

impl Live {
    /// The announcer, and the end for the MQTT side.
    pub fn new() -> (Self, MqttFeed) {
        let (watchers, _) = broadcast::channel(WATCHER_LAG);
        let (mqtt, feed) = mpsc::channel(MQTT_WAITING);
        (Self { watchers, mqtt }, feed)
    }

    /// Tells everybody. Waits while the MQTT side is behind; a gone MQTT side is not waited for.
    pub async fn announce(&self, event: Arc<Event>) {
        // An error only says that nobody watches.
        let _ = self.watchers.send(Arc::clone(&event));
        let _ = self.mqtt.send(event).await;
    }

    /// Tells the MQTT side alone: watchers do not hear of it. Waits while it is behind.
    pub async fn tell_mqtt(&self, event: Arc<Event>) {
        let _ = self.mqtt.send(event).await;
    }

    /// Starts to watch.
    pub fn watch(&self) -> Watcher {
        self.watchers.subscribe()
    }
}
