//! An advert as it was heard: bytes under their labels, with no opinion on what they mean.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use serde::Deserialize;
use serde::Serialize;
use uuid::Uuid;

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

/// What was heard of one device at one time.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Advert {
    /// Who sent it.
    pub address: Address,
    /// The name that it sends; none if it sends none and the system made one of the address.
    pub name: Option<String>,
    /// How strongly it was heard, in dBm.
    pub rssi: Option<i16>,
    /// Bytes under the id of a service.
    pub service_data: BTreeMap<Uuid, Vec<u8>>,
    /// Bytes under the id of a company. Many vendors take ids that are not theirs.
    pub manufacturer_data: BTreeMap<u16, Vec<u8>>,
    /// The services that it says it has.
    pub service_uuids: Vec<Uuid>,
}

impl Advert {
    /// The bytes under the id of a service that has a short one.
    pub fn service(&self, short: u16) -> Option<&[u8]> {
        self.service_data.get(&long(short)).map(Vec::as_slice)
    }

    /// The bytes under the id of a company.
    pub fn manufacturer(&self, company: u16) -> Option<&[u8]> {
        self.manufacturer_data.get(&company).map(Vec::as_slice)
    }

    /// Whether it says that it has the service with this short id.
    pub fn has_service(&self, short: u16) -> bool {
        self.service_uuids.contains(&long(short))
    }

    /// The name that it sends, empty if none.
    pub fn name(&self) -> &str {
        self.name.as_deref().unwrap_or_default()
    }
}

/// The long form of a service's short id.
/// Source: Bluetooth Core Specification 5.4, volume 3 part B, 2.5.1, read 2026-11.
pub const fn long(short: u16) -> Uuid {
    Uuid::from_u128(((short as u128) << 96) | 0x0000_0000_0000_1000_8000_0080_5f9b_34fb)
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

    #[test]
    fn a_short_id_is_found_under_its_long_form() {
        let uuid: Uuid = "0000fcd2-0000-1000-8000-00805f9b34fb".parse().unwrap();
        let advert = Advert { service_data: [(uuid, vec![1])].into(), service_uuids: vec![uuid], ..Advert::default() };
        assert_eq!(advert.service(0xfcd2), Some([1].as_slice()));
        assert!(advert.has_service(0xfcd2) && !advert.has_service(0xfcd3));
    }
}
