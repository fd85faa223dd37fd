//! An advert as it was heard: bytes under their labels, with no opinion on what they mean.

use std::collections::BTreeMap;

use uuid::Uuid;

pub use crate::model::Address;

/// What was heard of one device at one time.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Advert {
    /// Who sent it.
    pub address: Address,
    /// Whether the address is a random one that its device changes every few minutes.
    pub rotates: bool,
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
    fn a_short_id_is_found_under_its_long_form() {
        let uuid: Uuid = "0000fcd2-0000-1000-8000-00805f9b34fb".parse().unwrap();
        let advert = Advert { service_data: [(uuid, vec![1])].into(), service_uuids: vec![uuid], ..Advert::default() };
        assert_eq!(advert.service(0xfcd2), Some([1].as_slice()));
        assert!(advert.has_service(0xfcd2) && !advert.has_service(0xfcd3));
    }
}
