//! A sensor that sends adverts, and that somebody adopted: what a device has that speaks over Bluetooth.

use serde::Deserialize;
use serde::Serialize;

use crate::model::Address;
use crate::model::Hidden;

/// What its adverts are known by, and read with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sensor {
    /// The address of its radio; adopted once.
    pub address: Address,
    /// The key with which it encrypts its adverts, as hex digits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bind_key: Option<Hidden>,
}
