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
    /// It is kept for those who subscribe later; without data it ends what was kept.
    pub retain: bool,
    /// The MQTT session that published it, by its fingerprint; none for what came another way.
    pub session: Option<u64>,
    /// What an MQTT 5 client said about it; none if it said nothing.
    pub properties: Option<Box<Properties>>,
}

/// What an MQTT 5 client says about a message, for those who get it. The gateway looks at the expiry alone.
/// Source: MQTT 5, section 3.3.2.3.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Properties {
    /// Payload format indicator: whether the data is UTF-8.
    pub is_text: Option<bool>,
    /// Seconds after which nobody gets it any more.
    pub expiry_s: Option<u32>,
    /// What the data is, usually a MIME type.
    pub content_type: Option<String>,
    /// Where an answer is awaited.
    pub response_topic: Option<String>,
    /// What the answer repeats.
    pub correlation_data: Option<Vec<u8>>,
    /// Names and values in their order; a name may come twice.
    pub user: Vec<(String, String)>,
}

impl Default for Publishing {
    fn default() -> Self {
        Self { qos: Qos::ExactlyOnce, retain: false, session: None, properties: None }
    }
}

impl Publishing {
    /// Seconds after which nobody gets the event any more.
    pub fn expiry_s(&self) -> Option<u32> {
        self.properties.as_ref().and_then(|properties| properties.expiry_s)
    }
}

impl Properties {
    /// Bytes of what it holds.
    pub fn weight(&self) -> usize {
        let text = |text: &Option<String>| text.as_ref().map_or(0, String::len);
        let user: usize = self.user.iter().map(|(name, value)| name.len() + value.len()).sum();
        text(&self.content_type)
            + text(&self.response_topic)
            + self.correlation_data.as_ref().map_or(0, Vec::len)
            + user
    }
}
