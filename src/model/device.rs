//! A device: what a user owns and what logs in, over any transport.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use serde::Serialize;
use sha2::Digest;
use sha2::Sha256;
use subtle::ConstantTimeEq;

use crate::model::Adoption;
use crate::model::DeviceId;
use crate::model::ProductId;
use crate::model::Sensor;
use crate::model::SourceLogin;
use crate::model::UserId;
use crate::model::WallTime;
use crate::model::hex;

/// What a user owns and what publishes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Device {
    /// Also the `coreid` of its events.
    pub id: DeviceId,
    /// Unique among its owner's devices, regardless of case.
    pub name: DeviceName,
    /// Whose it is.
    pub owner: UserId,
    /// What it logs in with, hashed.
    pub key_hash: KeyHash,
    /// When it was added.
    pub created_at: WallTime,
    /// Whether it may read the hook results of all its owner's devices, not only its own.
    #[serde(default)]
    pub reads_all_results: bool,
    /// The product that it belongs to; always one of its owner's.
    #[serde(default)]
    pub product: Option<ProductId>,
    /// What its owner wants to remember of it; at most [`Device::NOTES_CHARS`] characters.
    #[serde(default)]
    pub notes: Option<String>,
    /// The sensor that it is, if it is one: what it publishes is read of its adverts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sensor: Option<Sensor>,
    /// The system whose login it is, if it is one: it publishes for devices that were adopted from it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<SourceLogin>,
    /// Where it was adopted from, if a source speaks for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub adoption: Option<Adoption>,
}

impl Device {
    /// Characters of a device's notes. Ours.
    pub const NOTES_CHARS: usize = 2_000;
}

/// A device's name: 1 to 64 characters, no control characters, not the shape of an id.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct DeviceName(String);

/// Why a text cannot name a device.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DeviceNameError {
    /// Empty, or blank at an end.
    #[error("a device name is not empty and does not begin or end with a blank")]
    Blank,
    /// Over 64 characters.
    #[error("a device name has at most 64 characters, this one has {chars}")]
    TooLong {
        /// Characters of the refused name.
        chars: usize,
    },
    /// Holds a line break or another control character.
    #[error("a device name has no control characters")]
    Control,
    /// 24 hex digits: it could be taken for another device's id.
    #[error("a device name must not look like a device id")]
    LooksLikeId,
}

impl DeviceName {
    /// Characters allowed in a device's name.
    pub const MAX_CHARS: usize = 64;

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether both name the same device: case does not matter, as in Particle's cloud.
    pub fn is_same(&self, other: &str) -> bool {
        self.0.to_lowercase() == other.to_lowercase()
    }
}

impl TryFrom<String> for DeviceName {
    type Error = DeviceNameError;

    fn try_from(name: String) -> Result<Self, DeviceNameError> {
        let chars = name.chars().count();
        if name.is_empty() || name.trim() != name {
            return Err(DeviceNameError::Blank);
        }
        if chars > Self::MAX_CHARS {
            return Err(DeviceNameError::TooLong { chars });
        }
        if name.chars().any(char::is_control) {
            return Err(DeviceNameError::Control);
        }
        if name.parse::<DeviceId>().is_ok() {
            return Err(DeviceNameError::LooksLikeId);
        }
        Ok(Self(name))
    }
}

impl From<DeviceName> for String {
    fn from(name: DeviceName) -> Self {
        name.0
    }
}

impl fmt::Display for DeviceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A device's key or a user's token: 32 random bytes as text. Shown once; `Debug` never shows it.
#[derive(Clone, PartialEq, Eq)]
pub struct Key(String);

impl Key {
    /// A key from 32 bytes of the caller's randomness.
    pub fn from_random(bytes: [u8; 32]) -> Self {
        Self(URL_SAFE_NO_PAD.encode(bytes))
    }

    /// The text that a device logs in with.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key(…)")
    }
}

/// SHA-256 of a key, written as hex. A key has 256 random bits, so a slow hash would add nothing but time at each
/// login.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct KeyHash([u8; 32]);

impl KeyHash {
    /// The hash of what was presented at a login.
    pub fn of(presented: &str) -> Self {
        Self(Sha256::digest(presented.as_bytes()).into())
    }

    /// Whether `presented` is the key, in constant time.
    pub fn admits(&self, presented: &str) -> bool {
        self.0.ct_eq(&Self::of(presented).0).into()
    }
}

impl fmt::Display for KeyHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex(&self.0))
    }
}

impl From<KeyHash> for String {
    fn from(hash: KeyHash) -> Self {
        hash.to_string()
    }
}

impl TryFrom<String> for KeyHash {
    type Error = KeyHashError;

    fn try_from(text: String) -> Result<Self, KeyHashError> {
        let mut bytes = [0; 32];
        let pairs = text.as_bytes().chunks_exact(2);
        if text.len() != 2 * bytes.len() || !text.is_ascii() {
            return Err(KeyHashError);
        }
        for (byte, pair) in bytes.iter_mut().zip(pairs) {
            let pair = std::str::from_utf8(pair).map_err(|_| KeyHashError)?;
            // from_str_radix would take a sign.
            if pair.starts_with('+') {
                return Err(KeyHashError);
            }
            *byte = u8::from_str_radix(pair, 16).map_err(|_| KeyHashError)?;
        }
        Ok(Self(bytes))
    }
}

/// A text is not the hash of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the hash of a key has 64 hex digits")]
pub struct KeyHashError;

impl fmt::Debug for KeyHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeyHash(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_key_is_admitted() {
        let key = Key::from_random([7; 32]);
        let hash = KeyHash::of(key.reveal());
        assert!(hash.admits(key.reveal()));
        assert!(!hash.admits(""));
        assert!(!hash.admits(&key.reveal()[1..]));
    }

    #[test]
    fn a_hash_is_read_as_it_is_written() {
        let hash = KeyHash::of("secret");
        assert_eq!(KeyHash::try_from(hash.to_string()), Ok(hash));
        assert_eq!(KeyHash::try_from("0123".to_owned()), Err(KeyHashError));
        assert_eq!(KeyHash::try_from("+f".repeat(32)), Err(KeyHashError));
    }

    #[test]
    fn a_key_does_not_show_in_debug_output() {
        let key = Key::from_random([7; 32]);
        assert_eq!(format!("{key:?} {:?}", KeyHash::of(key.reveal())), "Key(…) KeyHash(…)");
    }

    #[test]
    fn names_that_would_confuse_are_refused() {
        let named = |name: &str| DeviceName::try_from(name.to_owned());
        assert!(named("Küche 1").is_ok());
        assert_eq!(named(""), Err(DeviceNameError::Blank));
        assert_eq!(named(" x"), Err(DeviceNameError::Blank));
        assert_eq!(named("a\nb"), Err(DeviceNameError::Control));
        assert_eq!(named(&"x".repeat(65)), Err(DeviceNameError::TooLong { chars: 65 }));
        assert_eq!(named("0123456789abcdef01234567"), Err(DeviceNameError::LooksLikeId));
    }
}
