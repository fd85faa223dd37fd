//! `ThermoBeacon`, `Thermoplus` and the other names under which these thermometers are sold.
//! Source: <https://github.com/iskalchev/ThermoBeacon-pyhap/blob/master/tb_protocol.py> and thermobeacon-ble 1.0, read
//! 2026-11.

use crate::ble::advert::Advert;
use crate::ble::decode::bind_key::BindKey;
use crate::ble::decode::bytes::Bytes;
use crate::ble::decode::property::Property;
use crate::ble::decode::reading::Draft;
use crate::ble::decode::reading::Reading;
use crate::ble::decode::refusal::Refusal;
use crate::ble::decode::state::State;

/// The company ids that they take, which say the model.
const MODELS: [u16; 7] = [0x10, 0x11, 0x14, 0x15, 0x18, 0x1b, 0x30];
const SERVICE: u16 = 0xfff0;
const DATA_BYTES: usize = 18;
/// Lowest and highest temperature of the day.
const EXTREMES_BYTES: usize = 20;
/// More cannot be, for degrees as for percent.
const MOST: f64 = 100.0;

pub(super) fn decode(advert: &Advert, _: Option<&BindKey>, _: &mut State) -> Option<Result<Reading, Refusal>> {
    if !advert.has_service(SERVICE) {
        return None;
    }
    let found = MODELS.iter().find_map(|model| Some((*model, advert.manufacturer(*model)?)));
    let (model, data) = found.filter(|(_, data)| [DATA_BYTES, EXTREMES_BYTES].contains(&data.len()))?;
    Some(if data.len() == EXTREMES_BYTES { Err(Refusal::Empty) } else { sensor(model, Bytes(data)) })
}

fn sensor(model: u16, data: Bytes<'_>) -> Result<Reading, Refusal> {
    // What the radio counts as the company id are the first two of their bytes.
    let measured = data.u16_le(8).zip(data.i16_le(10)).zip(data.u16_le(12));
    let ((millivolts, temperature), humidity) = measured.ok_or(Refusal::Truncated)?;
    let (temperature, humidity) = (f64::from(temperature) / 16.0, f64::from(humidity) / 16.0);
    if temperature > MOST || humidity > MOST {
        return Err(Refusal::Damaged("no temperature and no humidity is above 100"));
    }
    let mut draft = Draft::new("thermobeacon");
    draft.model(model.to_string());
    draft.float(Property::Battery, percent(f64::from(millivolts)));
    draft.float(Property::Temperature, temperature);
    draft.float(Property::Humidity, humidity);
    draft.scaled(Property::Voltage, millivolts, 3);
    draft.flag(Property::ButtonPressed, data.u8(1).is_some_and(|bits| bits & 0x80 != 0));
    draft.finish()
}

/// How much is left of a CR2032 with this voltage: a line through a few points.
/// Source: thermobeacon-ble 1.0, read 2026-11.
fn percent(millivolts: f64) -> f64 {
    const CURVE: [(f64, f64, f64); 3] = [(2600.0, 60.0, 0.1), (2500.0, 40.0, 0.2), (2450.0, 20.0, 0.4)];
    if millivolts >= 3000.0 {
        return 100.0;
    }
    let point = CURVE.iter().find(|(from, ..)| millivolts >= *from);
    point.map_or(0.0, |(from, percent, slope)| percent + (millivolts - from) * slope)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::ble::decode::testing::company;
    use crate::ble::decode::testing::reading;
    use crate::ble::decode::testing::values;
    use crate::ble::decode::testing::with_service;

    #[test]
    fn a_sensor_is_read_with_its_button() {
        let advert = with_service(SERVICE, company(0x11, "008033221138c1a4f60958ff990201000000"));
        let expected = json!({
            "battery": 50, "temperature": -10.5, "humidity": 41.56, "voltage": 2.55, "button_pressed": true,
        });
        assert_eq!(values(&advert), expected);
    }

    #[test]
    fn what_cannot_be_is_no_reading() {
        let advert = with_service(SERVICE, company(0x10, "000033221138c1a4f6094006ff0f01000000"));
        assert!(matches!(reading(&advert), Err(Refusal::Damaged(_))));
    }

    #[test]
    fn the_day_s_extremes_are_no_reading_and_without_the_service_it_is_somebody_else() {
        let hex = "000033221138c1a4000000000000000000000000";
        assert_eq!(reading(&with_service(SERVICE, company(0x10, hex))), Err(Refusal::Empty));
        assert_eq!(reading(&company(0x10, hex)), Err(Refusal::UnknownFormat));
    }
}
