//! An access token of a user, as Particle's clients know it.

use std::fmt;

use crate::model::hex;

/// Bytes of chance in a token; written with twice as many hex digits, as Particle's cloud does (RFC 6749, 10.10, asks
/// for at least 128 bits).
const BYTES: usize = 20;

/// 40 hex digits that admit a user. Shown once; `Debug` never shows it.
#[derive(Clone, PartialEq, Eq)]
pub struct AccessToken(String);

impl AccessToken {
    /// A token from the caller's randomness.
    pub fn from_random(bytes: [u8; BYTES]) -> Self {
        Self(hex(&bytes))
    }

    /// The text that is shown in requests.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for AccessToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AccessToken(…)")
    }
}
