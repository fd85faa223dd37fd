//! Asking a device: for a variable, to call a function, to show itself. Requests go out over MQTT as events that only
//! the device and its owner's observers hear; the intake brings the results.
//!
//! ```text
//! ask ─> waits ─ result of the same device ─> its text
//!              ├ nothing in time ──────────> timed out
//!              └ dropped ──────────────────> forgotten, a result is passed over
//! ```
//! In memory: after a restart nobody waits for anything.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::sync::watch;
use tokio::time::timeout;

use crate::bus::Live;
use crate::bus::stopped;
use crate::chance::Chance;
use crate::clock;
use crate::model::DeviceId;
use crate::model::Event;
use crate::model::EventName;
use crate::model::Publishing;
use crate::model::Source;
use crate::model::UserId;
use crate::model::call;
use crate::model::spec;

/// How long a device may take. Ours: on a local network one that has not answered by then will not.
pub const ANSWER_WITHIN: Duration = Duration::from_secs(10);

/// Requests that may wait for their result at once, of all devices and of one.
const WAITING: usize = 256;
const WAITING_OF_ONE: usize = 16;

/// What is asked of a device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ask {
    /// The value of a variable.
    Variable {
        /// Which.
        name: String,
    },
    /// To call a function.
    Function {
        /// Which.
        name: String,
        /// What it is called with, at most [`spec::ARGUMENT_BYTES`].
        argument: String,
    },
}

/// Why there is no result.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CallError {
    /// No variable and no function can have that name.
    #[error("no variable and no function can have that name")]
    NoSuchName,
    /// The argument is over its limit.
    #[error("an argument has at most {} bytes, this one has {bytes}", spec::ARGUMENT_BYTES)]
    ArgumentTooLarge {
        /// Bytes of the refused argument.
        bytes: usize,
    },
    /// The device did not answer in time.
    #[error("the device did not answer in time")]
    TimedOut,
    /// So many requests wait for an answer that there is no room for another one.
    #[error("too many requests wait for an answer, of this device or of all")]
    TooMany,
    /// The gateway is going down.
    #[error("the gateway is stopping")]
    Stopping,
}

/// Where devices are asked. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Calls {
    live: Live,
    chance: Chance,
    answer_within: Duration,
    stop: watch::Receiver<bool>,
    waiting: Arc<Mutex<Waiting>>,
}

/// The requests under way.
#[derive(Debug)]
struct Waiting {
    next: u32,
    requests: HashMap<String, Request>,
}

#[derive(Debug)]
struct Request {
    device: DeviceId,
    answer: oneshot::Sender<String>,
}

/// A request under way; dropping it forgets the request.
struct UnderWay {
    calls: Calls,
    request: String,
}

impl Calls {
    /// Asks until `stop` is set, and waits for each answer so long, see [`ANSWER_WITHIN`].
    pub fn new(live: Live, chance: Chance, answer_within: Duration, stop: watch::Receiver<bool>) -> Self {
        // Not always from 1: a late result from before a restart shall not fit a request.
        let waiting = Waiting { next: chance.number() >> 12, requests: HashMap::new() };
        Self { live, chance, answer_within, stop, waiting: Arc::new(Mutex::new(waiting)) }
    }

    /// Asks a device of that owner, and waits for its answer. A device that is not connected does not answer.
    ///
    /// Dropping the future forgets the request.
    ///
    /// # Errors
    /// See [`CallError`].
    pub async fn ask(&self, device: DeviceId, owner: UserId, ask: Ask) -> Result<String, CallError> {
        let (under_way, answer) = self.begin(device)?;
        let (name, argument) = match ask {
            Ask::Variable { name } => (call::variable_request(&name, &under_way.request), String::new()),
            Ask::Function { name, argument } => (call::function_request(&name, &under_way.request), argument),
        };
        let name = name.ok_or(CallError::NoSuchName)?;
        if argument.len() > spec::ARGUMENT_BYTES {
            return Err(CallError::ArgumentTooLarge { bytes: argument.len() });
        }
        let request = self.request(device, owner, name, argument);
        let answered = async {
            self.live.tell_mqtt(request).await;
            answer.await
        };
        let mut stop = self.stop.clone();
        tokio::select! {
            biased;
            () = stopped(&mut stop) => Err(CallError::Stopping),
            answered = timeout(self.answer_within, answered) => match answered {
                Ok(Ok(value)) => Ok(value),
                Ok(Err(_)) | Err(_) => Err(CallError::TimedOut),
            },
        }
    }

    /// Tells a device of that owner to show itself, or to stop showing itself. It answers nothing.
    pub async fn signal(&self, device: DeviceId, owner: UserId, on: bool) {
        let data = if on { "1" } else { "0" };
        self.live.tell_mqtt(self.request(device, owner, call::signal(), data.to_owned())).await;
    }

    /// A device published a result: whether somebody waited for it. Only the device that was asked can answer.
    pub fn answer(&self, device: DeviceId, request: &str, value: String) -> bool {
        let mut waiting = self.lock();
        if waiting.requests.get(request).is_none_or(|request| request.device != device) {
            return false;
        }
        let request = waiting.requests.remove(request).expect("seen above");
        request.answer.send(value).is_ok()
    }

    fn begin(&self, device: DeviceId) -> Result<(UnderWay, oneshot::Receiver<String>), CallError> {
        let mut waiting = self.lock();
        let of_one = waiting.requests.values().filter(|request| request.device == device).count();
        if waiting.requests.len() >= WAITING || of_one >= WAITING_OF_ONE {
            return Err(CallError::TooMany);
        }
        let request = short(waiting.next);
        waiting.next = waiting.next.wrapping_add(1);
        let (answer, answered) = oneshot::channel();
        waiting.requests.insert(request.clone(), Request { device, answer });
        Ok((UnderWay { calls: self.clone(), request }, answered))
    }

    fn request(&self, device: DeviceId, owner: UserId, name: EventName, data: String) -> Arc<Event> {
        let now = clock::now();
        Arc::new(Event {
            id: self.chance.event_id(now.wall),
            name,
            data,
            ttl_s: spec::EVENT_TTL_S,
            published_at: now.wall,
            source: Source::Gateway { device: Some(device) },
            owner,
            product: None,
            publishing: Publishing::default(),
        })
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().expect("changes do not panic")
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.calls.lock().requests.remove(&self.request);
    }
}

/// A number in as few characters as a device can easily handle, at most seven: every byte of a topic counts there.
fn short(mut number: u32) -> String {
    let mut digits = Vec::new();
    loop {
        digits.push(char::from_digit(number % 36, 36).expect("it is below 36"));
        number /= 36;
        if number == 0 {
            return digits.into_iter().rev().collect();
        }
    }
}

#[cfg(test)]
mod tests;
