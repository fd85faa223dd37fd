//! Devices behind a source: a system that logs in once and publishes for many devices in topics of its own.

use serde::Deserialize;
use serde::Serialize;

use crate::model::DeviceId;

/// What a device has that is such a system's login. It publishes nothing of its own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceLogin {
    /// The name of the rules by which its topics are read: a preset, or one of the configuration.
    pub rules: String,
}

/// What a device has that somebody adopted from a source: the source alone speaks for it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Adoption {
    /// The device that is the source's login.
    pub source: DeviceId,
    /// What it is called there; adopted once.
    pub name: String,
}
