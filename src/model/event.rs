//! An event: a named, published fact, and the rules for its name.

use std::fmt;

use serde::Deserialize;
use serde::Serialize;

use crate::model::DeviceId;
use crate::model::EventId;
use crate::model::EventProduct;
use crate::model::HookId;
use crate::model::Publishing;
use crate::model::UserId;
use crate::model::WallTime;
use crate::model::spec;

/// A named, published fact.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// Unique, also over restarts.
    pub id: EventId,
    /// What was published: an MQTT topic or an event name, they are the same.
    pub name: EventName,
    /// At most [`spec::EVENT_DATA_BYTES`] for published events, [`spec::RESPONSE_BYTES`] for results.
    pub data: String,
    /// Seconds; carried, without effect, as in Particle's cloud.
    pub ttl_s: u32,
    /// When the gateway accepted it.
    pub published_at: WallTime,
    /// Who proved to have published it.
    pub source: Source,
    /// Whose event it is: only that user's hooks, devices and watchers get to see it.
    pub owner: UserId,
    /// The product that its device belongs to; that product's hooks get it, too.
    pub product: Option<EventProduct>,
    /// How it was published over MQTT. Not kept where the event waits for hooks alone.
    pub publishing: Publishing,
}

/// Where an event came from. Only events that were published can trigger a hook.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Source {
    /// A device that logged in with its own key.
    Device(DeviceId),
    /// A user with a token, or somebody at the local command line.
    Api,
    /// farhook itself, as the result of `hook`; `device` is who caused it and gets it.
    Hook {
        /// The hook whose result this is.
        hook: HookId,
        /// The device whose event triggered the hook; none if it came over the API.
        device: Option<DeviceId>,
    },
    /// farhook itself, telling `device` what became of something that it sent.
    Gateway {
        /// The device that is told; none if it came over the API: then only watchers are.
        device: Option<DeviceId>,
    },
}

impl Source {
    /// The `coreid` that is shown with the event: a device's id, `api` or `particle-internal`.
    pub fn coreid(&self) -> String {
        match self {
            Self::Device(id) => id.to_string(),
            Self::Api => "api".to_owned(),
            Self::Hook { .. } | Self::Gateway { .. } => "particle-internal".to_owned(),
        }
    }

    /// Whether the event may trigger hooks. What farhook itself emits never does, whatever it is named.
    pub fn may_trigger(&self) -> bool {
        matches!(self, Self::Device(_) | Self::Api)
    }

    /// The device that published it; none if something else did.
    pub fn device(&self) -> Option<DeviceId> {
        match self {
            Self::Device(device) => Some(*device),
            Self::Api | Self::Hook { .. } | Self::Gateway { .. } => None,
        }
    }

    /// The one device that the event is addressed to; none if it is for all of its owner's.
    pub fn addressee(&self) -> Option<DeviceId> {
        match self {
            Self::Hook { device, .. } | Self::Gateway { device } => *device,
            Self::Device(_) | Self::Api => None,
        }
    }

    /// The device that the event is about: that published it, or is told it.
    pub fn about(&self) -> Option<DeviceId> {
        self.device().or(self.addressee())
    }
}

/// An event's name: 1 to [`spec::EVENT_NAME_CHARS`] printable ASCII characters when published;
/// the names of results may be longer, since they repeat the name of what triggered them.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct EventName(String);

/// Why a text cannot name a published event.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EventNameError {
    /// It is empty.
    #[error("an event name has at least one character")]
    Empty,
    /// It is longer than [`spec::EVENT_NAME_CHARS`].
    #[error("an event name has at most 64 characters, this one has {chars}")]
    TooLong {
        /// Characters of the refused name.
        chars: usize,
    },
    /// It holds something else than printable ASCII.
    #[error("an event name is printable ASCII, {found:?} at character {at} is not")]
    NotAscii {
        /// The first wrong character.
        found: char,
        /// Its place, counted from 1.
        at: usize,
    },
    /// It holds `+` or `#`, which MQTT keeps for filters.
    #[error("an event name has no {found:?}: MQTT keeps it for topic filters")]
    Wildcard {
        /// `+` or `#`.
        found: char,
    },
    /// It begins with a prefix that only farhook publishes under.
    #[error("names that begin with {prefix:?} are farhook's own")]
    Reserved {
        /// The reserved prefix.
        prefix: &'static str,
    },
}

impl EventName {
    /// A name for something that a device or a user publishes.
    ///
    /// # Errors
    /// Says what is wrong with the name; see [`EventNameError`].
    pub fn published(name: &str) -> Result<Self, EventNameError> {
        if name.is_empty() {
            return Err(EventNameError::Empty);
        }
        let wrong = |c: char| !(c.is_ascii_graphic() || c == ' ');
        if let Some((at, found)) = name.chars().enumerate().find(|(_, c)| wrong(*c)) {
            return Err(EventNameError::NotAscii { found, at: at + 1 });
        }
        if name.len() > spec::EVENT_NAME_CHARS {
            return Err(EventNameError::TooLong { chars: name.len() });
        }
        if let Some(found) = name.chars().find(|c| matches!(c, '+' | '#')) {
            return Err(EventNameError::Wildcard { found });
        }
        match is_reserved(name) {
            Some(prefix) => Err(EventNameError::Reserved { prefix }),
            None => Ok(Self(name.to_owned())),
        }
    }

    /// A name for what farhook itself emits; anything that MQTT cannot carry in a topic becomes `_`.
    pub fn emitted(name: &str) -> Self {
        let carry = |c: char| if c.is_ascii_graphic() && !matches!(c, '+' | '#') || c == ' ' { c } else { '_' };
        Self(name.chars().map(carry).take(spec::EMITTED_NAME_CHARS).collect())
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for EventName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The reserved prefix that `name` begins with, if any: such names are farhook's own to publish.
pub fn is_reserved(name: &str) -> Option<&'static str> {
    spec::RESERVED_PREFIXES.into_iter().find(|prefix| name.starts_with(prefix))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_names_are_taken_as_they_are() {
        for name in ["temp", "my-hooks/get_weather", "a b", "~!@", &"x".repeat(64)] {
            assert_eq!(EventName::published(name).unwrap().as_str(), name);
        }
    }

    #[test]
    fn a_refused_name_says_what_is_wrong() {
        let refused = |name: &str| EventName::published(name).unwrap_err();
        assert_eq!(refused(""), EventNameError::Empty);
        assert_eq!(refused(&"x".repeat(65)), EventNameError::TooLong { chars: 65 });
        assert_eq!(refused("é/x"), EventNameError::NotAscii { found: 'é', at: 1 });
        assert_eq!(refused("a\tb"), EventNameError::NotAscii { found: '\t', at: 2 });
        assert_eq!(refused("a/+/b"), EventNameError::Wildcard { found: '+' });
        assert_eq!(refused("$SYS/x"), EventNameError::Reserved { prefix: "$" });
        assert_eq!(refused("hook-response/temp/0"), EventNameError::Reserved { prefix: "hook-response/" });
    }

    #[test]
    fn only_what_was_published_may_trigger() {
        let device = DeviceId::from_bytes([1; 12]);
        let hook = HookId::from_bytes([2; 12]);
        assert!(Source::Device(device).may_trigger());
        assert!(Source::Api.may_trigger());
        assert!(!Source::Hook { hook, device: Some(device) }.may_trigger());
        assert!(!Source::Gateway { device: Some(device) }.may_trigger());
    }
}
