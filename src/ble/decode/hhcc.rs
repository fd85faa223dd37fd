//! The plant sensor HHCCJCY10 ("pink"), which has a format of its own: no header, everything from high to low.
//! Source: xiaomi-ble 1.21, read 2026-11.

use crate::ble::advert::Advert;
use crate::ble::decode::bind_key::BindKey;
use crate::ble::decode::bytes::Bytes;
use crate::ble::decode::property::Property;
use crate::ble::decode::reading::Draft;
use crate::ble::decode::reading::Reading;
use crate::ble::decode::refusal::Refusal;
use crate::ble::decode::state::State;

const SERVICE: u16 = 0xfd50;
const BYTES: usize = 9;

pub(super) fn decode(advert: &Advert, _: Option<&BindKey>, _: &mut State) -> Option<Result<Reading, Refusal>> {
    // The service is Tuya's, whose own devices send other lengths.
    let data = advert.service(SERVICE).filter(|data| data.len() == BYTES)?;
    Some(plant(Bytes(data)).ok_or(Refusal::Truncated).and_then(Draft::finish))
}

fn plant(data: Bytes<'_>) -> Option<Draft> {
    let mut draft = Draft::new("hhcc");
    draft.model("HHCCJCY10");
    let [high, middle, low] = data.array(3)?;
    draft.scaled(Property::Temperature, data.u16_be(1)?, 1);
    draft.whole(Property::Moisture, data.u8(0)?);
    draft.whole(Property::Illuminance, u32::from_be_bytes([0, high, middle, low]));
    draft.whole(Property::Battery, data.u8(6)?);
    draft.whole(Property::Conductivity, data.u16_be(7)?);
    Some(draft)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::ble::decode::testing::reading;
    use crate::ble::decode::testing::service;
    use crate::ble::decode::testing::values;

    #[test]
    fn a_plant_is_read() {
        let expected =
            json!({ "temperature": 21.5, "moisture": 31, "illuminance": 65_793, "battery": 97, "conductivity": 258 });
        assert_eq!(values(&service(SERVICE, "1f00d7010101610102")), expected);
        assert_eq!(reading(&service(SERVICE, "1f00d70101016101")), Err(Refusal::UnknownFormat));
    }
}
