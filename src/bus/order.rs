//! What people ask of the dispatcher.

use std::sync::Arc;

use serde::Deserialize;
use serde::Serialize;
use tokio::sync::mpsc;
use tokio::sync::oneshot;

use crate::bus::FullReport;
use crate::bus::TryRefusal;
use crate::bus::TryReport;
use crate::bus::WakeRefusal;
use crate::model::Event;
use crate::model::HookId;
use crate::model::WallTime;
use crate::registry::Hook;
use crate::store::DeliveryId;

/// Orders that may wait.
const WAITING: usize = 16;

/// Something that somebody asks of the dispatcher.
#[derive(Debug)]
pub enum Order {
    /// Send one event through a hook now, show what happens, tell no device, keep nothing.
    Test {
        /// The hook, also a disabled one.
        hook: Arc<Hook>,
        /// The event to send.
        event: Event,
        /// What happened.
        reply: oneshot::Sender<TestReport>,
    },
    /// Take a hook up again that was disabled after too many errors.
    Resume {
        /// The hook.
        hook: Arc<Hook>,
        /// Whether it was disabled.
        reply: oneshot::Sender<bool>,
    },
    /// Send the oldest delivery of a hook that was disabled after too many errors; if that goes well, take the hook up
    /// again.
    TryOnce {
        /// The hook.
        hook: Arc<Hook>,
        /// What came of it.
        reply: oneshot::Sender<Result<TryReport, TryRefusal>>,
    },
    /// Make dead letters of deliveries that wait. What is under way goes on.
    Cancel {
        /// One delivery, or all of a hook.
        which: Cancelled,
        /// How many.
        reply: oneshot::Sender<u64>,
    },
    /// Send nothing more of any hook until that is taken back, over restarts, too. What is under way goes on, and what a
    /// person tries out is sent.
    Pause {
        /// Since when nothing is sent.
        reply: oneshot::Sender<WallTime>,
    },
    /// Send again.
    Unpause {
        /// Whether nothing was sent.
        reply: oneshot::Sender<bool>,
    },
    /// Ask targets that are down now instead of at their next probe: once each.
    Wake {
        /// The target, by its name or its host; none for all.
        target: Option<String>,
        /// The names of those that are asked.
        reply: oneshot::Sender<Result<Vec<String>, WakeRefusal>>,
    },
    /// Tell everything that waits.
    Report {
        /// Here.
        reply: oneshot::Sender<FullReport>,
    },
}

/// What shall be cancelled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cancelled {
    /// One delivery.
    One(DeliveryId),
    /// Everything that waits for a hook.
    Hook(HookId),
}

/// What happened to a test.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TestReport {
    /// Whether the target answered below 400.
    pub ok: bool,
    /// The HTTP status, if an answer came.
    pub status: Option<u16>,
    /// Why it went wrong, if it did.
    pub error: Option<String>,
    /// The events that the device would have been told.
    pub results: Vec<TestResult>,
}

/// One event that a device would have been told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TestResult {
    /// The event's name.
    pub name: String,
    /// Its data.
    pub data: String,
}

/// The asking end and the dispatcher's.
pub fn orders() -> (mpsc::Sender<Order>, mpsc::Receiver<Order>) {
    mpsc::channel(WAITING)
}
