//! The board: what the dispatcher shows of its work, and the MQTT side of its connections, for whoever asks. They write, everybody
//! reads.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::sync::Mutex;

use serde::Serialize;
use serde::Serializer;

use crate::model::HookId;
use crate::model::WallTime;

/// How the line to the internet is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum LineState {
    /// A target answered, and none fell silent since without another one answering.
    Online,
    /// Somebody in between answers instead of the targets, and wants a login first.
    Captive,
    /// Nobody answers, or there is no way out.
    Offline,
    /// Nobody was asked since the start, or since the way out became another one.
    #[default]
    Unknown,
}

impl fmt::Display for LineState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Online => "online",
            Self::Captive => "captive",
            Self::Offline => "offline",
            Self::Unknown => "unknown",
        })
    }
}

/// The queue as a whole.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct QueueReport {
    /// Deliveries that wait or are under way.
    pub waiting: u64,
    /// Bytes of their events.
    pub bytes: u64,
    /// Dead letters.
    pub dead: u64,
    /// Attempts under way.
    pub under_way: usize,
    /// Parts of responses that wait for their turn to be told.
    pub parts_waiting: usize,
    /// Targets that gave no answer when they were last asked.
    pub targets_down: usize,
    /// How the line to the internet is.
    pub state: LineState,
    /// Since when it is so; none until the dispatcher has begun.
    #[serde(serialize_with = "as_text")]
    pub state_since: Option<WallTime>,
    /// Since when nothing is sent because somebody wants it so; none if it is sent.
    #[serde(serialize_with = "as_text")]
    pub paused_since: Option<WallTime>,
    /// Deliveries that arrived, since the start.
    pub delivered: u64,
    /// Deliveries that were given up, since the start.
    pub failed: u64,
    /// Events that were dropped because a queue was full, since the start.
    pub dropped: u64,
}

/// One hook's work.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct HookReport {
    /// Deliveries that arrived, since the start.
    pub delivered: u64,
    /// Deliveries that were given up, since the start.
    pub failed: u64,
    /// Events that were dropped because its queue was full, since the start.
    pub dropped: u64,
    /// Events that were refused because its queue was full, since the start.
    pub refused: u64,
    /// Triggers that were dropped because a device was over its limit, since the start.
    pub over_limit: u64,
    /// Answers with an error since the last good one.
    pub errors_in_a_row: u32,
    /// Whether they were too many: nothing is sent until the hook is resumed.
    pub too_many_errors: bool,
    /// How the last attempt ended: a status, or a reason.
    pub last_outcome: Option<String>,
    /// When the last attempt ended.
    pub last_at: Option<WallTime>,
}

/// The connections of the MQTT side, over TCP, TLS and WebSocket together. What is counted is counted since the start.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct MqttReport {
    /// Connections that are there, logged in or not.
    pub connections: usize,
    /// Those that were closed because there were too many.
    pub too_many: u64,
    /// Those that were closed because there were too many from their address.
    pub too_many_of_one: u64,
    /// Those that were closed because too many came from their address in a second.
    pub too_fast: u64,
    /// How often new ones had to wait because too many came in a second.
    pub waited: u64,
    /// Those with which TLS was not agreed upon.
    pub tls_failed: u64,
}

/// A time as it is shown to people and scripts.
#[expect(clippy::ref_option, reason = "serde calls it so")]
fn as_text<S: Serializer>(at: &Option<WallTime>, serializer: S) -> Result<S::Ok, S::Error> {
    at.map(|at| at.to_string()).serialize(serializer)
}

/// The shared board. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Board(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    queue: QueueReport,
    mqtt: MqttReport,
    hooks: HashMap<HookId, HookReport>,
}

impl Board {
    /// The queue as it was shown last.
    pub fn queue(&self) -> QueueReport {
        self.0.lock().expect("nothing here panics").queue
    }

    /// The connections of the MQTT side.
    pub fn mqtt(&self) -> MqttReport {
        self.0.lock().expect("nothing here panics").mqtt
    }

    /// One hook's work so far; empty for a hook that never worked.
    pub fn hook(&self, hook: HookId) -> HookReport {
        self.0.lock().expect("nothing here panics").hooks.get(&hook).cloned().unwrap_or_default()
    }

    /// Changes what is shown of the queue.
    pub fn change_queue(&self, change: impl FnOnce(&mut QueueReport)) {
        change(&mut self.0.lock().expect("nothing here panics").queue);
    }

    /// Changes what is shown of the MQTT side.
    pub fn change_mqtt(&self, change: impl FnOnce(&mut MqttReport)) {
        change(&mut self.0.lock().expect("nothing here panics").mqtt);
    }

    /// Changes what is shown of a hook.
    pub fn change_hook(&self, hook: HookId, change: impl FnOnce(&mut HookReport)) {
        change(self.0.lock().expect("nothing here panics").hooks.entry(hook).or_default());
    }

    /// Forgets hooks that are gone.
    pub fn keep_hooks(&self, keep: impl Fn(HookId) -> bool) {
        self.0.lock().expect("nothing here panics").hooks.retain(|hook, _| keep(*hook));
    }
}
