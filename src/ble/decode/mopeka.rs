//! Mopeka's sensors for the level in a tank: ultrasound from below, or from above through the air.
//!
//! The level is the time of the echo and the speed of sound, which depends on what is in the tank and how warm it is.
//! A sensor does not know what is in it: from above it is air, from below it is taken for propane.
//! Source: <https://github.com/spbrogan/mopeka_pro_check> and mopeka-iot-ble 1.0, read 2026-11.

use crate::ble::advert::Advert;
use crate::ble::decode::bind_key::BindKey;
use crate::ble::decode::bytes::Bytes;
use crate::ble::decode::property::Property;
use crate::ble::decode::reading::Draft;
use crate::ble::decode::reading::Part;
use crate::ble::decode::reading::Reading;
use crate::ble::decode::refusal::Refusal;
use crate::ble::decode::state::State;

/// Nordic Semiconductor, whose chip it is.
const COMPANY: u16 = 0x0059;
const SERVICE: u16 = 0xfee5;
const BYTES: usize = 10;

/// Millimetres for each unit of time: a constant, one for each degree and one for its square.
const PROPANE: [f64; 3] = [0.573_045, -0.002_822, -0.000_005_35];
const AIR: [f64; 3] = [0.153_096, 0.000_327, -0.000_000_294];

pub(super) fn decode(advert: &Advert, _: Option<&BindKey>, _: &mut State) -> Option<Result<Reading, Refusal>> {
    let data = advert.manufacturer(COMPANY).filter(|_| advert.has_service(SERVICE))?;
    Some(tank(data))
}

fn tank(data: &[u8]) -> Result<Reading, Refusal> {
    let &kind = data.first().ok_or(Refusal::Truncated)?;
    let (model, medium) = match kind {
        0x03 => ("Pro Check", PROPANE),
        0x04 => ("Pro-200", PROPANE),
        0x05 => ("Pro Check H2O", PROPANE),
        0x06 => ("Lippert BottleCheck", PROPANE),
        0x08 => ("Pro Plus", PROPANE),
        0x09 => ("Pro Plus with Cellular", PROPANE),
        0x0a => ("TD40/TD200", AIR),
        0x0b => ("TD40/TD200 with Cellular", AIR),
        0x0c => ("Pro Check Universal", PROPANE),
        0x12 => ("Pro-200B", PROPANE),
        _ => return Err(Refusal::UnknownKind { what: "Mopeka's model", code: kind }),
    };
    if data.len() != BYTES {
        return Err(Refusal::Truncated);
    }
    let mut draft = Draft::new("mopeka");
    draft.model(model);
    values(Bytes(data), medium, &mut draft).ok_or(Refusal::Truncated)?;
    draft.finish()
}

fn values(data: Bytes<'_>, medium: [f64; 3], draft: &mut Draft) -> Option<()> {
    let volts = f64::from(data.u8(1)?) / 32.0;
    let degrees_and_button = data.u8(2)?;
    let degrees = degrees_and_button & 0x7f;
    let level_and_quality = data.u16_le(3)?;
    let (level, quality) = (level_and_quality & 0x3fff, level_and_quality >> 14);
    draft.whole(Property::Temperature, i16::from(degrees) - 40);
    draft.rounded(Property::Battery, ((volts - 2.2) / 0.65 * 100.0).clamp(0.0, 100.0), 1);
    draft.float(Property::Voltage, volts);
    if quality > 0 {
        let [constant, linear, square] = medium;
        let degrees = f64::from(degrees);
        let speed = constant + linear * degrees + square * (degrees * degrees);
        draft.float(Property::TankLevel, (f64::from(level) * speed).trunc());
    }
    draft.float(Property::ReadingQuality, f64::from(quality) / 3.0 * 100.0);
    draft.whole((Property::Accelerometer, Part::Named("x")), data.u8(8)?);
    draft.whole((Property::Accelerometer, Part::Named("y")), data.u8(9)?);
    draft.flag(Property::ButtonPressed, degrees_and_button & 0x80 != 0);
    Some(())
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
    fn a_level_in_propane_is_read() {
        let expected = json!({
            "temperature": 20, "battery": 46.2, "voltage": 2.5, "tank_level": 384, "reading_quality": 67,
            "accelerometer_x": 255, "accelerometer_y": 1, "button_pressed": true,
        });
        assert_eq!(values(&with_service(SERVICE, company(COMPANY, "0350bce883112233ff01"))), expected);
    }

    #[test]
    fn a_level_below_air_is_another_and_without_an_echo_there_is_none() {
        let air = values(&with_service(SERVICE, company(COMPANY, "0a503ce883112233ff01")));
        assert_eq!(air["tank_level"], 171);
        let silence = values(&with_service(SERVICE, company(COMPANY, "03503ce803112233ff01")));
        assert_eq!((silence.get("tank_level"), &silence["reading_quality"]), (None, &json!(0)));
    }

    #[test]
    fn another_model_and_another_service_are_not_read() {
        let advert = company(COMPANY, "ff503ce883112233ff01");
        assert_eq!(reading(&advert), Err(Refusal::UnknownFormat));
        assert!(matches!(reading(&with_service(SERVICE, advert)), Err(Refusal::UnknownKind { .. })));
        assert_eq!(reading(&with_service(SERVICE, company(COMPANY, "0350"))), Err(Refusal::Truncated));
    }
}
