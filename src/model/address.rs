//! The address of a device's radio.

use std::fmt;
use std::str::FromStr;

use serde::Deserialize;
use serde::Serialize;

/// The address of a device's radio, as it is written: the highest byte first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Address([u8; 6]);

impl Address {
    /// Of its bytes, in the order in which the address is written.
    pub const fn from_bytes(bytes: [u8; 6]) -> Self {
        Self(bytes)
    }

    /// Its bytes, in the order in which the address is written.
    pub const fn bytes(self) -> [u8; 6] {
        self.0
    }

    /// Whether, if it is a random one, it is resolvable: its device has another one every few minutes.
    /// Source: Bluetooth Core Specification 5.4, volume 6 part B, 1.3.2.2, read 2026-11.
    pub const fn is_resolvable_if_random(self) -> bool {
        let [first, ..] = self.0;
        first >> 6 == 0b01
    }

    /// Its bytes in the order in which radios send them: the lowest first.
    pub const fn on_air(self) -> [u8; 6] {
        let [first, second, third, fourth, fifth, last] = self.0;
        [last, fifth, fourth, third, second, first]
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [first, rest @ ..] = self.0;
        write!(f, "{first:02X}")?;
        rest.iter().try_for_each(|byte| write!(f, ":{byte:02X}"))
    }
}

/// A text that is no address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an address has six bytes, as in A4:C1:38:11:22:33")]
pub struct NoAddress;

impl FromStr for Address {
    type Err = NoAddress;

    fn from_str(text: &str) -> Result<Self, NoAddress> {
        let mut parts = text.split(':');
        let mut bytes = [0; 6];
        for byte in &mut bytes {
            let part = parts.next().filter(|part| part.len() == 2 && part.bytes().all(|c| c.is_ascii_hexdigit()));
            *byte = part.and_then(|part| u8::from_str_radix(part, 16).ok()).ok_or(NoAddress)?;
        }
        parts.next().map_or(Ok(Self(bytes)), |_| Err(NoAddress))
    }
}

impl TryFrom<String> for Address {
    type Error = NoAddress;

    fn try_from(text: String) -> Result<Self, NoAddress> {
        text.parse()
    }
}

impl From<Address> for String {
    fn from(address: Address) -> Self {
        address.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_read_and_written_the_same() {
        let address: Address = "a4:C1:38:11:22:33".parse().unwrap();
        assert_eq!(address.to_string(), "A4:C1:38:11:22:33");
        assert_eq!(address.on_air(), [0x33, 0x22, 0x11, 0x38, 0xc1, 0xa4]);
        let json = serde_json::to_string(&address).unwrap();
        assert_eq!(json, "\"A4:C1:38:11:22:33\"");
        assert_eq!(serde_json::from_str::<Address>(&json).unwrap(), address);
    }

    #[test]
    fn what_is_no_address_is_refused() {
        for text in
            ["", "A4:C1:38:11:22", "A4:C1:38:11:22:33:44", "A4C138112233", "A4:C1:38:11:22:+3", "A4:C1:38:11:22:é"]
        {
            assert_eq!(text.parse::<Address>(), Err(NoAddress), "{text}");
        }
    }
}
