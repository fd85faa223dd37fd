//! What can be configured, and the defaults. `etc/farhook/farhook.toml` tells the same to people; a test holds both
//! together.

use std::net::Ipv4Addr;
use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::num::NonZeroU64;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use log::LevelFilter;

use crate::config::AddressRange;
use crate::model::Bounds;
use crate::model::DefaultBody;
use crate::model::WhenFull;
use crate::model::spec;
use crate::sources;
use crate::sources::RuleSet;

/// Everything that an owner may change. `Config::default()` is what holds without a file.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Config {
    /// `[mqtt]`
    pub mqtt: Mqtt,
    /// `[http]`
    pub http: Http,
    /// `[limits]`
    pub limits: Limits,
    /// `[delivery]`
    pub delivery: Delivery,
    /// `[egress]`
    pub egress: Egress,
    /// `[hooks]`
    pub hooks: Hooks,
    /// `[queue]`
    pub queue: Queue,
    /// `[ble]`
    pub ble: Ble,
    /// `[log]`
    pub log: Log,
    /// `[[source]]`: rules that a user wrote for what systems publish in topics of their own; by name.
    pub sources: Vec<RuleSet>,
}

impl Config {
    /// The rules of that name: a user's, or a preset.
    pub fn rules(&self, name: &str) -> Option<&RuleSet> {
        self.sources.iter().find(|rules| rules.name() == name).or_else(|| sources::preset(name))
    }
}

/// The MQTT listener.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mqtt {
    /// Where devices connect. Port 0 lets the system choose one.
    pub listen: SocketAddr,
    /// Where they connect over TLS; nowhere without. Port 0 lets the system choose one.
    pub tls_listen: Option<SocketAddr>,
    /// Connections held at once; more are refused.
    pub max_connections: u32,
    /// Connections held at once from one address; more are closed.
    pub max_connections_of_one: Option<NonZeroU32>,
    /// New connections in any second; more wait.
    pub new_per_second: Option<NonZeroU32>,
    /// New connections in any second from one address; more are closed.
    pub new_per_second_of_one: Option<NonZeroU32>,
    /// How long a session may be without a connection.
    pub longest_away: Duration,
    /// Messages that wait for one session; for one more, the oldest goes.
    pub session_messages: u32,
    /// Bytes of them.
    pub session_bytes: usize,
}

/// The web port: over HTTP and over HTTPS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Http {
    /// Where it listens for HTTP. Port 0 lets the system choose one.
    pub listen: SocketAddr,
    /// Where it listens for HTTPS; nowhere without. Port 0 lets the system choose one.
    pub https_listen: Option<SocketAddr>,
    /// Whether callers over HTTP are sent to HTTPS.
    pub https_redirect: bool,
    /// The file of a certificate and of those that vouch for it; without one the gateway makes its own.
    pub certificate: Option<PathBuf>,
    /// The file of its key. Set if and only if `certificate` is.
    pub certificate_key: Option<PathBuf>,
    /// Names beside the machine's own by which people reach the gateway, in lower case.
    pub hosts: Vec<String>,
}

/// The limits of the guide. `None` is written as 0 and means that there is no such limit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Hooks that one user may have.
    pub hooks_per_user: Option<NonZeroU32>,
    /// Hook triggers in any 60 seconds, for each device.
    pub device_per_minute: Option<NonZeroU32>,
    /// Requests in any 60 seconds, for each host, over all hooks.
    pub host_per_minute: Option<NonZeroU32>,
    /// What becomes of a device's triggers over its limit.
    pub device_over: Over,
    /// What becomes of requests over their host's limit.
    pub host_over: Over,
    /// Answers ≥ 400 in a row after which a hook is disabled.
    pub errors_in_a_row: Option<NonZeroU32>,
    /// Bytes in one part of a response; `None` passes it on in one part.
    pub response_part_bytes: Option<NonZeroUsize>,
    /// Between two parts to one device; zero does not wait.
    pub response_interval: Duration,
    /// Bytes of a response that are passed on.
    pub response_bytes: Option<NonZeroUsize>,
}

/// What becomes of what is over a limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Over {
    /// It waits until the limit lets it go.
    Queue,
    /// It is dropped, and that is told.
    Drop,
}

/// How requests are sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// For one attempt, connecting included.
    pub timeout: Duration,
    /// Requests to one host that are under way at once.
    pub per_host: u32,
    /// While much waits, one in so many requests is for an event that has just been published; 0 for none.
    pub interleave: u32,
}

/// Where requests may go, beside the public internet.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Egress {
    /// Loopback, link-local and private addresses are refused unless one of these holds them.
    pub allow: Vec<AddressRange>,
}

/// What hooks do when they do not say.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Hooks {
    /// The body of a hook that has none of `json`, `form` and `body`.
    pub default_body: DefaultBody,
}

/// The queue on disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Queue {
    /// Deliveries older than this expire.
    pub max_age: Duration,
    /// Deliveries that may wait, for all hooks together; more are refused, so that their devices keep them.
    pub max_waiting: Option<NonZeroU64>,
    /// Bytes of events that may wait, for all hooks together.
    pub max_bytes: Option<NonZeroU64>,
    /// What happens when that, or the room on the disk, is used up; a hook may say otherwise.
    pub when_full: WhenFull,
    /// With less free space than this on the disk nothing new is stored, and with less than twice as much the queue
    /// counts as full; 0 does not check.
    pub min_free_bytes: u64,
    /// Dead letters that are kept for each hook; the oldest make room.
    pub max_dead: u32,
    /// Attempts that are kept for each hook.
    pub log_attempts: u16,
}

/// The Bluetooth radio.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ble {
    /// Whether it is used.
    pub enabled: bool,
    /// The address of the adapter that is used, as it is written; without one, whichever is there.
    pub adapter: Option<[u8; 6]>,
    /// Whether the gateway may switch the adapter on, and off and on again when it hears nothing any more.
    pub manage_power: bool,
    /// Devices that are connected to at once.
    pub links: u32,
}

/// The log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Log {
    /// The least serious level that is written. Never `Off`.
    pub level: LevelFilter,
}

/// Bytes of the unit that `queue.min_free_mb` and its like are written in.
pub(super) const MB: u64 = 1024 * 1024;

/// Seconds of the unit that `queue.max_age_days` is written in.
pub(super) const DAY_S: u64 = 24 * 60 * 60;

impl Default for Mqtt {
    fn default() -> Self {
        Self {
            listen: everywhere(1883),
            tls_listen: Some(everywhere(8883)),
            max_connections: 500,
            max_connections_of_one: NonZeroU32::new(400),
            new_per_second: NonZeroU32::new(200),
            new_per_second_of_one: NonZeroU32::new(100),
            longest_away: Duration::from_secs(7 * DAY_S),
            session_messages: 1_000,
            session_bytes: 1 << 20,
        }
    }
}

impl Default for Http {
    fn default() -> Self {
        Self {
            listen: everywhere(8484),
            https_listen: Some(everywhere(8443)),
            https_redirect: false,
            certificate: None,
            certificate_key: None,
            hosts: Vec::new(),
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            hooks_per_user: NonZeroU32::new(spec::HOOKS_PER_USER),
            device_per_minute: NonZeroU32::new(spec::DEVICE_PER_MINUTE),
            host_per_minute: NonZeroU32::new(spec::HOST_PER_MINUTE),
            device_over: Over::Drop,
            host_over: Over::Queue,
            errors_in_a_row: NonZeroU32::new(spec::ERRORS_IN_A_ROW),
            response_part_bytes: NonZeroUsize::new(spec::RESPONSE_PART_BYTES),
            response_interval: Duration::from_millis(spec::RESPONSE_INTERVAL_MS),
            response_bytes: NonZeroUsize::new(spec::RESPONSE_BYTES),
        }
    }
}

impl Default for Delivery {
    fn default() -> Self {
        Self { timeout: Duration::from_secs(spec::ANSWER_TIMEOUT_S), per_host: 8, interleave: 4 }
    }
}

impl Queue {
    /// How much may wait for all hooks together.
    pub fn bounds(&self) -> Bounds {
        Bounds { items: self.max_waiting, bytes: self.max_bytes }
    }

    /// Whether so little space is free on the disk that the queue counts as full.
    pub fn is_low(&self, free_bytes: u64) -> bool {
        free_bytes < self.min_free_bytes.saturating_mul(2)
    }
}

impl Default for Queue {
    fn default() -> Self {
        Self {
            max_age: Duration::from_secs(7 * DAY_S),
            max_waiting: NonZeroU64::new(200_000),
            max_bytes: NonZeroU64::new(256 * MB),
            when_full: WhenFull::Reject,
            min_free_bytes: 64 * MB,
            max_dead: 1_000,
            log_attempts: 200,
        }
    }
}

impl Default for Ble {
    fn default() -> Self {
        Self { enabled: true, adapter: None, manage_power: false, links: 4 }
    }
}

impl Default for Log {
    fn default() -> Self {
        Self { level: LevelFilter::Info }
    }
}

fn everywhere(port: u16) -> SocketAddr {
    SocketAddr::from((Ipv4Addr::UNSPECIFIED, port))
}
