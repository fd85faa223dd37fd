//! Apple's iBeacon: says where it is, and nothing that it measured.
//! Source: Apple, Proximity Beacon Specification, release R1, read 2026-11.

use uuid::Uuid;

use crate::ble::advert::Advert;
use crate::ble::decode::bind_key::BindKey;
use crate::ble::decode::bytes::Bytes;
use crate::ble::decode::property::Property;
use crate::ble::decode::reading::Draft;
use crate::ble::decode::reading::Reading;
use crate::ble::decode::refusal::Refusal;
use crate::ble::decode::state::State;

/// Apple.
const COMPANY: u16 = 0x004c;
/// "Proximity beacon", and the length of what follows.
const MARK: [u8; 2] = [0x02, 0x15];
/// Govee's thermometers send this as an iBeacon, so that telephones wake their app. It is no place.
const GOVEE: [u8; 16] = *b"INTELLI_ROCKS_HW";

pub(super) fn decode(advert: &Advert, _: Option<&BindKey>, _: &mut State) -> Option<Result<Reading, Refusal>> {
    let data = advert.manufacturer(COMPANY).filter(|data| data.starts_with(&MARK))?;
    let data = Bytes(data);
    if data.array(2) == Some(GOVEE) {
        return None;
    }
    Some(beacon(data).ok_or(Refusal::Truncated).and_then(Draft::finish))
}

fn beacon(data: Bytes<'_>) -> Option<Draft> {
    let mut draft = Draft::new("ibeacon");
    draft.text(Property::Uuid, Uuid::from_bytes(data.array(2)?).to_string());
    draft.whole(Property::Major, data.u16_be(18)?);
    draft.whole(Property::Minor, data.u16_be(20)?);
    draft.whole(Property::TxPower, data.i8(22)?);
    Some(draft)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::ble::decode::testing::company;
    use crate::ble::decode::testing::reading;
    use crate::ble::decode::testing::values;

    #[test]
    fn a_beacon_is_read() {
        let expected = json!({
            "uuid": "01122334-4556-6778-899a-abbccddeeff0", "major": 258, "minor": 65535, "tx_power": -59,
        });
        let hex = "02150112233445566778899aabbccddeeff00102ffffc5";
        assert_eq!(values(&company(COMPANY, hex)), expected);
        assert_eq!(reading(&company(COMPANY, &hex[..40])), Err(Refusal::Truncated));
    }

    #[test]
    fn govee_s_mark_and_other_things_of_apple_s_are_no_beacons() {
        for hex in ["0215494e54454c4c495f524f434b535f48575075f2ff0c", "1005031c2a3b4c"] {
            assert_eq!(reading(&company(COMPANY, hex)), Err(Refusal::UnknownFormat));
        }
    }
}
