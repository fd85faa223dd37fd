//! The words of the socket. A request is one line of JSON; the reply is one line, or for [`Request::Events`] a line for
//! each event until one side hangs up.

use serde::Deserialize;
use serde::Serialize;
use serde_json::Value;

use crate::model::HookId;
use crate::model::WallTime;

/// Bytes of the longest request: a hook definition with room to spare.
pub const REQUEST_BYTES: u64 = 1 << 20;

/// What somebody asks of the daemon.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "ask", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Request {
    /// Register a device.
    DeviceAdd {
        /// Its name.
        name: String,
    },
    /// All devices.
    DeviceList,
    /// One device.
    DeviceShow {
        /// Its id or name.
        device: String,
    },
    /// A new key for a device.
    DeviceKey {
        /// Its id or name.
        device: String,
    },
    /// Remove a device.
    DeviceRemove {
        /// Its id or name.
        device: String,
    },
    /// Create a hook.
    HookCreate {
        /// Its JSON.
        definition: Value,
        /// Also if there is the same already.
        again: bool,
    },
    /// All hooks.
    HookList,
    /// One hook.
    HookShow {
        /// Which.
        hook: HookId,
    },
    /// Delete a hook and what waits for it.
    HookDelete {
        /// Which.
        hook: HookId,
    },
    /// Switch a hook on or off.
    HookSwitch {
        /// Which.
        hook: HookId,
        /// On or off.
        on: bool,
    },
    /// Take a hook up again after too many errors.
    HookResume {
        /// Which.
        hook: HookId,
    },
    /// Send the oldest delivery of a hook that had too many errors; if that goes well, take it up again.
    HookTry {
        /// Which.
        hook: HookId,
    },
    /// Send one event through a hook, now.
    HookTest {
        /// Which.
        hook: HookId,
        /// The event, as the guide writes one; none for one made up from the hook.
        event: Option<Value>,
    },
    /// Every event from now on.
    Events {
        /// Only those whose name begins so.
        prefix: String,
    },
    /// Publish an event as the owner.
    Publish {
        /// Its name.
        name: String,
        /// Its data.
        data: String,
    },
    /// How the daemon is.
    Status,
    /// What is used of each limit.
    Limits,
    /// Everything that waits, in figures.
    Queue,
    /// The deliveries that wait for a hook, oldest first.
    Waiting {
        /// Which.
        hook: HookId,
        /// How many.
        count: usize,
    },
    /// The latest attempts.
    Log {
        /// Of one hook; of all without it.
        hook: Option<HookId>,
        /// How many of each hook.
        count: usize,
    },
    /// Make dead letters of deliveries that wait.
    Cancel {
        /// Which.
        which: Chosen,
    },
    /// Dead letters.
    Dead {
        /// Which.
        which: Chosen,
        /// How many at most.
        count: usize,
    },
    /// Let dead letters wait again.
    Replay {
        /// Which.
        which: Chosen,
    },
    /// Throw dead letters away.
    Discard {
        /// Which.
        which: Chosen,
    },
    /// What a person should read.
    Notices,
    /// A notice was read.
    NoticeRead {
        /// Which; none for all.
        number: Option<u64>,
    },
    /// Make an access token.
    TokenCreate,
    /// All access tokens.
    TokenList,
    /// Revoke an access token.
    TokenRevoke {
        /// Its id.
        token: String,
    },
}

/// Some of the deliveries that wait, or of the dead letters.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Chosen {
    /// Only this one, as it is listed.
    pub id: Option<String>,
    /// Only those of this hook.
    pub hook: Option<HookId>,
    /// Only those that died then or later.
    pub from: Option<WallTime>,
    /// Only those that died before.
    pub until: Option<WallTime>,
}

/// What the daemon answers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reply {
    /// What was asked for.
    Done(Value),
    /// Why not.
    Refused(String),
}
