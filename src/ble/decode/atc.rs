//! What the two custom firmwares for Xiaomi's thermometers send under the id of the environmental sensing service:
//! `ATC1441` and pvvx's "custom", each plain and encrypted. They are told by their length.
//!
//! Their counter is one byte, so a replay cannot be told from a round of the counter.
//! Source: <https://github.com/atc1441/ATC_MiThermometer#advertising-format-of-the-custom-firmware> and
//! <https://github.com/pvvx/ATC_MiThermometer/blob/master/src/custom_beacon.h>, read 2026-11.

use crate::ble::advert::Advert;
use crate::ble::decode::bind_key;
use crate::ble::decode::bind_key::BindKey;
use crate::ble::decode::bytes::Bytes;
use crate::ble::decode::property::Property;
use crate::ble::decode::reading::Counter;
use crate::ble::decode::reading::Draft;
use crate::ble::decode::reading::Reading;
use crate::ble::decode::refusal::Refusal;
use crate::ble::decode::state::State;

const SERVICE: u16 = 0x181a;

const ATC: usize = 13;
/// Builds without a trigger leave the last byte away.
const PVVX: [usize; 2] = [14, 15];
const ATC_ENCRYPTED: usize = 8;
const PVVX_ENCRYPTED: usize = 11;

/// What the radio puts before the bytes of a service, and the nonce has in it: the length of what follows, the kind
/// "service data", the id of the service.
const KIND: u8 = 0x16;

pub(super) fn decode(advert: &Advert, key: Option<&BindKey>, _: &mut State) -> Option<Result<Reading, Refusal>> {
    let data = advert.service(SERVICE)?;
    let is_encrypted = match data.len() {
        ATC | 14 | 15 => false,
        ATC_ENCRYPTED | PVVX_ENCRYPTED => true,
        // Others use the service as well.
        _ => return None,
    };
    Some(match (is_encrypted, key) {
        (true, _) => encrypted(advert, data, key),
        (false, Some(_)) => Err(Refusal::NotEncrypted),
        (false, None) => plain(Bytes(data)).ok_or(Refusal::Truncated).and_then(Draft::finish),
    })
}

fn plain(data: Bytes<'_>) -> Option<Draft> {
    let (mut draft, percent, millivolts, counter) = if PVVX.contains(&data.0.len()) {
        let mut draft = Draft::new("pvvx");
        draft.scaled(Property::Temperature, data.i16_le(6)?, 2);
        draft.scaled(Property::Humidity, data.u16_le(8)?, 2);
        (draft, data.u8(12)?, data.u16_le(10)?, data.u8(13)?)
    } else {
        let mut draft = Draft::new("atc1441");
        draft.scaled(Property::Temperature, data.i16_be(6)?, 1);
        draft.whole(Property::Humidity, data.u8(8)?);
        (draft, data.u8(9)?, data.u16_be(10)?, data.u8(12)?)
    };
    draft.whole(Property::Battery, percent);
    draft.scaled(Property::Voltage, millivolts, 3);
    draft.counter(Counter::byte(counter));
    Some(draft)
}

fn encrypted(advert: &Advert, data: &[u8], key: Option<&BindKey>) -> Result<Reading, Refusal> {
    let key = BindKey::long(key)?;
    let (&counter, rest) = data.split_first().ok_or(Refusal::Truncated)?;
    let (sealed, tag) = rest.split_last_chunk().ok_or(Refusal::Truncated)?;
    // One of 8 or 11 bytes, so this is never cut.
    let length = u8::try_from(data.len() + 3).map_err(|_| Refusal::Truncated)?;
    let [low, high] = SERVICE.to_le_bytes();
    let nonce = [advert.address.on_air().as_slice(), &[length, KIND, low, high, counter]].concat();
    let opened = bind_key::open(key, &nonce, &[0x11], sealed, *tag)?;
    let mut draft = opened_draft(Bytes(&opened)).ok_or(Refusal::Truncated)?;
    draft.counter(Counter::byte(counter));
    draft.authenticated();
    draft.finish()
}

fn opened_draft(data: Bytes<'_>) -> Option<Draft> {
    if data.0.len() == 3 {
        let mut draft = Draft::new("atc1441");
        // Steps of half a degree, from -40, and of half a percent.
        draft.scaled(Property::Temperature, (i64::from(data.u8(0)?) - 80) * 5, 1);
        draft.scaled(Property::Humidity, i64::from(data.u8(1)?) * 5, 1);
        draft.whole(Property::Battery, data.u8(2)? & 0x7f);
        Some(draft)
    } else {
        let mut draft = Draft::new("pvvx");
        draft.scaled(Property::Temperature, data.i16_le(0)?, 2);
        draft.scaled(Property::Humidity, data.u16_le(2)?, 2);
        draft.whole(Property::Battery, data.u8(4)?.min(100));
        Some(draft)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::ble::decode::testing::ADDRESS;
    use crate::ble::decode::testing::keyed;
    use crate::ble::decode::testing::reading;
    use crate::ble::decode::testing::service;
    use crate::ble::decode::testing::values;

    const KEY: &str = "b9ea895fac7eea6d30532432a516f3a3";

    /// An advert as the firmware would seal it.
    fn sealed(counter: u8, data: &[u8]) -> Advert {
        use aes::cipher::KeyInit as _;
        use ccm::aead::AeadInOut as _;
        let key: [u8; 16] = bind_key::from_hex(KEY).unwrap().try_into().unwrap();
        let address: crate::ble::advert::Address = ADDRESS.parse().unwrap();
        let length = u8::try_from(data.len()).unwrap() + 5 + 3;
        let mut nonce = [0; 11];
        nonce[..6].copy_from_slice(&address.on_air());
        nonce[6..].copy_from_slice(&[length, 0x16, 0x1a, 0x18, counter]);
        let mut body = data.to_vec();
        let cipher = ccm::Ccm::<aes::Aes128, ccm::consts::U4, ccm::consts::U11>::new(&key.into());
        let tag = cipher.encrypt_inout_detached(&nonce.into(), &[0x11], body.as_mut_slice().into()).unwrap();
        let bytes = [&[counter], body.as_slice(), tag.as_slice()].concat();
        service(SERVICE, &bind_key::to_hex(&bytes))
    }

    #[test]
    fn atc1441_is_read() {
        let advert = service(SERVICE, "a4c138112233ffce2d610b8609");
        let expected = json!({ "temperature": -5, "humidity": 45, "battery": 97, "voltage": 2.95 });
        assert_eq!(values(&advert), expected);
        let read = reading(&advert).unwrap();
        assert_eq!((read.format, read.counter, read.authenticated), ("atc1441", Some(Counter::byte(9)), false));
    }

    #[test]
    fn pvvx_is_read_with_its_flags_and_without() {
        for hex in ["33221138c1a4caf7d413860b61ff00", "33221138c1a4caf7d413860b61ff"] {
            let advert = service(SERVICE, hex);
            let expected = json!({ "temperature": -21.02, "humidity": 50.76, "voltage": 2.95, "battery": 97 });
            assert_eq!(values(&advert), expected);
            assert_eq!(reading(&advert).unwrap().counter, Some(Counter::byte(255)));
        }
    }

    #[test]
    fn what_is_sealed_is_opened_with_its_key_alone() {
        let atc = sealed(1, &[123, 101, 0xe3]);
        let read = keyed(&atc, KEY).unwrap();
        let expected = json!({ "temperature": 21.5, "humidity": 50.5, "battery": 99 });
        assert_eq!(serde_json::Value::from(read.to_json()), expected);
        assert!(read.authenticated);
        let pvvx = sealed(2, &[0xca, 0xf7, 0xd4, 0x13, 255, 0]);
        let expected = json!({ "temperature": -21.02, "humidity": 50.76, "battery": 100 });
        assert_eq!(serde_json::Value::from(keyed(&pvvx, KEY).unwrap().to_json()), expected);
        assert_eq!(reading(&pvvx), Err(Refusal::NeedsKey));
        assert_eq!(keyed(&pvvx, "00ea895fac7eea6d30532432a516f3a3"), Err(Refusal::WrongKey));
        assert_eq!(keyed(&pvvx, "b9ea895fac7eea6d30532432"), Err(Refusal::KeyLength(16)));
    }

    #[test]
    fn who_has_a_key_takes_nothing_plain() {
        assert_eq!(keyed(&service(SERVICE, "a4c138112233ffce2d610b8609"), KEY), Err(Refusal::NotEncrypted));
    }

    #[test]
    fn another_length_is_somebody_elses() {
        assert_eq!(reading(&service(SERVICE, "a4c138112233ffce2d610b86")), Err(Refusal::UnknownFormat));
    }
}
