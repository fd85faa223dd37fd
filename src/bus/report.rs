//! What the dispatcher answers when somebody wants to know everything that waits.

use serde::Serialize;

use crate::model::HookId;

/// The queue, in full.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct FullReport {
    /// Seconds that the oldest delivery has waited; 0 if none waits.
    pub oldest_s: u64,
    /// Hours until the queue is full if it goes on as in the last hour, 0 if it is; none if it does not grow.
    pub hours_left: Option<f64>,
    /// Each hook's part.
    pub hooks: Vec<HookQueue>,
    /// Each target.
    pub targets: Vec<TargetReport>,
}

/// One hook's part of the queue.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct HookQueue {
    /// The hook.
    pub id: HookId,
    /// What its events' names begin with.
    pub event: String,
    /// Whether it works, as `farhook hook list` says.
    pub state: HookState,
    /// Deliveries that wait or are under way.
    pub waiting: u64,
    /// Bytes of their events.
    pub bytes: u64,
    /// How many may wait; none if only the bounds for all hooks hold.
    pub max_waiting: Option<u64>,
    /// How many bytes may wait.
    pub max_waiting_bytes: Option<u64>,
    /// Seconds that its oldest has waited; 0 if none waits.
    pub oldest_s: u64,
    /// Dead letters.
    pub dead: u64,
    /// Events that were dropped because its queue was full, since the start.
    pub dropped: u64,
    /// Events that were refused because its queue was full, since the start: their devices keep them.
    pub refused: u64,
}

/// Whether a hook works.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum HookState {
    /// It does.
    Enabled,
    /// Somebody switched it off.
    Disabled,
    /// It got too many errors in a row, and waits to be resumed.
    #[serde(rename = "too many errors")]
    TooManyErrors,
}

impl HookState {
    /// The state of a hook that is switched off or not, and had too many errors or not.
    pub fn of(is_disabled: bool, too_many_errors: bool) -> Self {
        match (is_disabled, too_many_errors) {
            (true, _) => Self::Disabled,
            (false, true) => Self::TooManyErrors,
            (false, false) => Self::Enabled,
        }
    }
}

/// One target of requests.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TargetReport {
    /// Scheme, host and port; or the hook whose events choose the host.
    pub target: String,
    /// The host whose limit counts for it, as `farhook limits` names it; none if each event chooses the host.
    pub host: Option<String>,
    /// Whether it gave no answer when it was last asked.
    pub is_down: bool,
    /// Seconds until it is asked again, if it is down.
    pub next_probe_s: Option<u64>,
    /// Requests under way.
    pub under_way: usize,
}

/// Why no target is asked before its time.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WakeRefusal {
    /// Nothing is sent at all.
    #[error("sending is paused; `farhook queue resume` takes it up again")]
    Paused,
    /// There is none of that name.
    #[error("no hook has the target {target:?}; `farhook queue` lists them")]
    NoTarget {
        /// As it was asked for.
        target: String,
    },
    /// It answered when it was last asked.
    #[error("{target} is not down")]
    NotDown {
        /// As it was asked for.
        target: String,
    },
    /// There is nothing to ask it with, or it is being asked.
    #[error("{target} is being asked already, or nothing may be sent to it now")]
    NothingToSend {
        /// As it was asked for.
        target: String,
    },
}

/// What came of trying a disabled hook once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TryReport {
    /// Whether the target answered below 400: then the hook goes on.
    pub ok: bool,
    /// A status, or why there is none.
    pub summary: String,
}

/// Why a hook cannot be tried once.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TryRefusal {
    /// It is not disabled by errors.
    #[error("it has not been disabled by errors")]
    NotDisabled,
    /// There is nothing to try it with.
    #[error("nothing waits for it; `farhook hook test` sends a made-up event")]
    NothingWaits,
    /// A try is under way.
    #[error("it is being tried just now")]
    UnderWay,
    /// Its host's limit is reached.
    #[error("the limit of its host is reached; try again in {seconds} s")]
    HostFull {
        /// Until then.
        seconds: u64,
    },
}
