//! From the intake to the dispatcher: deliveries that are on disk and want to be made.

use std::sync::Arc;

use tokio::sync::mpsc;

use crate::model::Event;
use crate::store::DeliveryKey;

/// Arrivals that may wait for the dispatcher before the intake waits.
const WAITING: usize = 1_024;

/// A durable delivery that begins to wait. A lane's deliveries arrive in the order of their numbers.
#[derive(Debug, Clone)]
pub struct Arrival {
    /// Which one.
    pub key: DeliveryKey,
    /// What triggered the hook.
    pub event: Arc<Event>,
    /// Not to be started before, in milliseconds since the boot; 0 for at once.
    pub due_ms: u64,
    /// Whether the queue is full, and the hook's oldest shall go for it.
    pub makes_room: bool,
}

/// The intake's end and the dispatcher's.
pub fn arrivals() -> (mpsc::Sender<Arrival>, mpsc::Receiver<Arrival>) {
    mpsc::channel(WAITING)
}
