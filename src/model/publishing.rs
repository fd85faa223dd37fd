//! How an event was published, as far as MQTT subscribers get to know it. Hooks and watchers do not.

use serde::Deserialize;
use serde::Serialize;

/// Quality of service, in rising order. Source: MQTT 5, section 4.3.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Qos {
    /// 0
    AtMostOnce,
    /// 1
    AtLeastOnce,
    /// 2
    ExactlyOnce,
}

impl Qos {
    /// The level of that number; none for other numbers than 0, 1 and 2.
    pub fn from_u8(number: u8) -> Option<Self> {
        match number {
            0 => Some(Self::AtMostOnce),
            1 => Some(Self::AtLeastOnce),
            2 => Some(Self::ExactlyOnce),
            _ => None,
        }
    }

    /// 0, 1 or 2.
    pub fn as_u8(self) -> u8 {
        match self {
            Self::AtMostOnce => 0,
            Self::AtLeastOnce => 1,
            Self::ExactlyOnce => 2,
        }
    }
}

/// How an event was published. What did not come over MQTT counts as published with QoS 2, so that each subscriber
/// gets it with the QoS that it was granted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Publishing {
    /// A subscriber gets the lower of this and of what its filter was granted.
    pub qos: Qos,
}

impl Default for Publishing {
    fn default() -> Self {
        Self { qos: Qos::ExactlyOnce }
    }
}
