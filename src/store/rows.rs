//! The small rows of the queue database: windows, health, notices, boots, the pause, counters of sensors.

use serde::Deserialize;
use serde::Serialize;

use crate::model::HookId;
use crate::model::WallTime;
use crate::store::keys;

pub(super) const TALLY_VERSION: u8 = 1;
pub(super) const WINDOW_VERSION: u8 = 1;
pub(super) const HEALTH_VERSION: u8 = 1;
pub(super) const NOTICE_VERSION: u8 = 1;
pub(super) const BOOT_VERSION: u8 = 1;
pub(super) const PAUSE_VERSION: u8 = 1;
pub(super) const SENSOR_VERSION: u8 = 1;

/// A limit's window as it was last recorded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredWindow {
    /// The boot in which the times were taken: they mean nothing in another one.
    pub boot: [u8; 16],
    /// Milliseconds since that boot, oldest first.
    pub taken_ms: Vec<u64>,
}

/// A hook's health as it was last recorded.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredHealth {
    /// Answers with an error since the last good one.
    pub errors_in_a_row: u32,
    /// Whether they were too many.
    pub disabled: bool,
}

/// Something that a person should read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredNotice {
    /// When it happened last.
    pub at: WallTime,
    /// The hook that it is about, if it is about one.
    pub hook: Option<HookId>,
    /// What kind of thing happened: one word, for programs.
    pub kind: String,
    /// What happened.
    pub text: String,
    /// How often, since it was read last.
    pub times: u32,
}

/// Where the counters of a sensor stood when it last told something: what has lower ones, somebody recorded.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredSensor {
    /// The encryption counter of `BTHome`.
    pub bthome: Option<u32>,
    /// The encryption counter of `MiBeacon`.
    pub mibeacon: Option<u32>,
    /// The counter by which repetitions are known.
    pub reading: Option<u32>,
}

pub(super) fn notice_key(number: u64) -> Vec<u8> {
    keys::prefixed(keys::NOTICE, &number.to_be_bytes())
}
