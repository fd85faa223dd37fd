//! Adverts for the tests of the decoders, written as hex digits.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::ble::advert::Advert;
use crate::ble::advert::long;
use crate::ble::decode;
use crate::ble::decode::BindKey;
use crate::ble::decode::Reading;
use crate::ble::decode::Refusal;
use crate::ble::decode::State;
use crate::ble::decode::bind_key::from_hex;

/// Who sends, unless a test says otherwise.
pub(super) const ADDRESS: &str = "A4:C1:38:11:22:33";

/// An advert with these bytes under the short id of a service.
pub(super) fn service(id: u16, hex: &str) -> Advert {
    let service_data = BTreeMap::from([(long(id), from_hex(hex).unwrap())]);
    Advert { address: ADDRESS.parse().unwrap(), service_data, ..Advert::default() }
}

/// An advert with these bytes under the id of a company.
pub(super) fn company(id: u16, hex: &str) -> Advert {
    let manufacturer_data = BTreeMap::from([(id, from_hex(hex).unwrap())]);
    Advert { address: ADDRESS.parse().unwrap(), manufacturer_data, ..Advert::default() }
}

/// The advert of somebody with a name.
pub(super) fn named(name: &str, advert: Advert) -> Advert {
    Advert { name: Some(name.to_owned()), ..advert }
}

/// The advert of somebody who says to have a service.
pub(super) fn with_service(id: u16, mut advert: Advert) -> Advert {
    advert.service_uuids.push(long(id));
    advert
}

/// What an advert gives to somebody without key who hears it for the first time.
pub(super) fn reading(advert: &Advert) -> Result<Reading, Refusal> {
    decode::decode(advert, None, &mut State::default())
}

/// The values of that.
pub(super) fn values(advert: &Advert) -> Value {
    reading(advert).unwrap_or_else(|refusal| panic!("{refusal}: {advert:?}")).to_json().into()
}

/// What an advert gives to somebody with a key.
pub(super) fn keyed(advert: &Advert, key: &str) -> Result<Reading, Refusal> {
    let key: BindKey = key.parse().unwrap();
    decode::decode(advert, Some(&key), &mut State::default())
}
