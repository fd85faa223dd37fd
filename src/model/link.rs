//! How a device is connected to over Bluetooth, and what both ends know that nobody else does.

use std::fmt;
use std::str::FromStr;

use hmac::Hmac;
use hmac::KeyInit;
use hmac::Mac;
use serde::Deserialize;
use serde::Serialize;
use sha2::Sha256;

use crate::model::Key;
use crate::model::hex;

/// The kinds of connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Link {
    /// The service of farhook: messages in frames, acknowledged, and both ends prove who they are.
    Farhook,
    /// The UART service of Nordic Semiconductor: lines of text, as existing firmware sends them. Nobody proves anything.
    Uart,
}

impl Link {
    /// The word for it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Farhook => "farhook",
            Self::Uart => "uart",
        }
    }
}

impl FromStr for Link {
    type Err = NoLink;

    fn from_str(text: &str) -> Result<Self, NoLink> {
        [Self::Farhook, Self::Uart].into_iter().find(|link| link.name() == text).ok_or(NoLink)
    }
}

/// A text names no kind of connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a link is \"farhook\" or \"uart\"")]
pub struct NoLink;

/// What both ends of a [`Link::Farhook`] know: made of the device's key, which cannot be made of it again. `Debug` never
/// shows it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct LinkKey([u8; 32]);

impl LinkKey {
    /// Of a device's key: HMAC-SHA256 with the key's text over the words "farhook link".
    pub fn of(key: &Key) -> Self {
        Self::of_text(key.reveal())
    }

    /// The same, of the key's text.
    pub fn of_text(key: &str) -> Self {
        let mut mac = Hmac::<Sha256>::new_from_slice(key.as_bytes()).expect("a key of HMAC has any length");
        mac.update(b"farhook link");
        Self(mac.finalize().into_bytes().into())
    }

    /// Its bytes.
    pub fn bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Debug for LinkKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LinkKey(…)")
    }
}

impl From<LinkKey> for String {
    fn from(key: LinkKey) -> Self {
        hex(&key.0)
    }
}

impl TryFrom<String> for LinkKey {
    type Error = NoLinkKey;

    fn try_from(text: String) -> Result<Self, NoLinkKey> {
        let mut bytes = [0; 32];
        if text.len() != 2 * bytes.len() || !text.bytes().all(|digit| digit.is_ascii_hexdigit()) {
            return Err(NoLinkKey);
        }
        for (byte, pair) in bytes.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
            let pair = std::str::from_utf8(pair).expect("hex digits are ASCII");
            *byte = u8::from_str_radix(pair, 16).expect("they are hex digits");
        }
        Ok(Self(bytes))
    }
}

/// A text is no link key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a link key has 64 hex digits")]
pub struct NoLinkKey;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_is_read_as_it_is_written() {
        for link in [Link::Farhook, Link::Uart] {
            assert_eq!(link.name().parse(), Ok(link));
            assert_eq!(serde_json::to_value(link).unwrap(), link.name());
        }
        assert_eq!("wifi".parse::<Link>(), Err(NoLink));
    }

    #[test]
    fn a_link_key_is_made_of_the_key_and_does_not_show() {
        // printf 'farhook link' | openssl dgst -sha256 -hmac secret
        let hex = "b7ed24f11e662af919f9adbade003ad20fcba4185b2c52fb473a9c507a3080c2";
        let key = LinkKey::of_text("secret");
        assert_eq!(String::from(key.clone()), hex);
        assert_eq!(LinkKey::try_from(hex.to_owned()), Ok(key.clone()));
        assert_eq!(format!("{key:?}"), "LinkKey(…)");
        for bad in ["", "0123", &"zz".repeat(32), &"+f".repeat(32)] {
            assert_eq!(LinkKey::try_from(bad.to_owned()), Err(NoLinkKey));
        }
    }
}
