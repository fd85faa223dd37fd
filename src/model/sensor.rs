//! A sensor that speaks over Bluetooth, and that somebody adopted: what a device has beside its name and its key.

use serde::Deserialize;
use serde::Serialize;

use crate::model::Address;
use crate::model::Hidden;
use crate::model::Key;
use crate::model::Link;
use crate::model::LinkKey;
use crate::model::Telling;

/// How it is known, read and connected to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sensor {
    /// The address of its radio; adopted once.
    pub address: Address,
    /// The key with which it encrypts its adverts, as hex digits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bind_key: Option<Hidden>,
    /// How it is connected to; without one, only its adverts are heard.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub link: Option<Link>,
    /// What proves who is at the other end of a [`Link::Farhook`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub link_key: Option<LinkKey>,
    /// How much of what it sends is told.
    #[serde(default, skip_serializing_if = "Telling::is_default")]
    pub telling: Telling,
}

impl Sensor {
    /// One whose adverts anybody can read, and that is not connected to.
    pub fn at(address: Address) -> Self {
        Self { address, bind_key: None, link: None, link_key: None, telling: Telling::default() }
    }

    /// The device has this key from now on.
    pub fn take_key(&mut self, key: &Key) {
        self.link_key = (self.link == Some(Link::Farhook)).then(|| LinkKey::of(key));
    }
}
