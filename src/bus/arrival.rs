//! From the intake to the dispatcher: deliveries that are on disk and want to be made.

use std::sync::Arc;

use tokio::sync::mpsc;

use crate::model::Event;
use crate::model::HookId;

/// Arrivals that may wait for the dispatcher before the intake waits.
const WAITING: usize = 1_024;

/// A durable delivery that begins to wait.
#[derive(Debug, Clone)]
pub struct Arrival {
    /// The hook that it is for.
    pub hook: HookId,
    /// Its number in the store.
    pub seq: u64,
    /// What triggered the hook.
    pub event: Arc<Event>,
}

/// The intake's end and the dispatcher's.
pub fn arrivals() -> (mpsc::Sender<Arrival>, mpsc::Receiver<Arrival>) {
    mpsc::channel(WAITING)
}
