//! `RuuviTag` and Ruuvi Air: data formats 3, 5, 6 and E1. The crate `ruuvi-sensor-protocol` reads the bytes.
//! Source: <https://docs.ruuvi.com/communication/bluetooth-advertisements>, read 2026-11.

use ruuvi_sensor_protocol::Acceleration as _;
use ruuvi_sensor_protocol::BatteryPotential as _;
use ruuvi_sensor_protocol::CarbonDioxide as _;
use ruuvi_sensor_protocol::Humidity as _;
use ruuvi_sensor_protocol::Luminosity as _;
use ruuvi_sensor_protocol::MeasurementSequenceNumber as _;
use ruuvi_sensor_protocol::MovementCounter as _;
use ruuvi_sensor_protocol::ParticulateMatter as _;
use ruuvi_sensor_protocol::Pressure as _;
use ruuvi_sensor_protocol::SensorValues;
use ruuvi_sensor_protocol::Temperature as _;
use ruuvi_sensor_protocol::TransmitterPower as _;

use crate::ble::advert::Advert;
use crate::ble::decode::bind_key::BindKey;
use crate::ble::decode::property::Property as P;
use crate::ble::decode::reading::Counter;
use crate::ble::decode::reading::Draft;
use crate::ble::decode::reading::Part;
use crate::ble::decode::reading::Reading;
use crate::ble::decode::refusal::Refusal;
use crate::ble::decode::state::State;

/// Ruuvi Innovations.
const COMPANY: u16 = 0x0499;
/// Standard gravity in m/s². Source: ISO 80000-3:2019.
const GRAVITY: f64 = 9.806_65;

pub(super) fn decode(advert: &Advert, _: Option<&BindKey>, _: &mut State) -> Option<Result<Reading, Refusal>> {
    advert.manufacturer(COMPANY).map(|data| tag(advert, data))
}

fn tag(advert: &Advert, data: &[u8]) -> Result<Reading, Refusal> {
    let &version = data.first().ok_or(Refusal::Truncated)?;
    // Bytes of the format, and bits of its sequence number if it has one.
    let (length, counter_bits) = match version {
        3 => (14, None),
        5 => (24, Some(16)),
        6 => (20, Some(8)),
        0xe1 => (40, Some(24)),
        _ => return Err(Refusal::UnknownKind { what: "Ruuvi's data format", code: version }),
    };
    // A later firmware may send more behind it.
    let data = data.get(..length).ok_or(Refusal::Truncated)?;
    let values = SensorValues::from_manufacturer_specific_data(COMPANY, data).map_err(|_| Refusal::Truncated)?;
    let mut draft = Draft::new("ruuvi");
    draft.model(if advert.name().contains("Air") { "Ruuvi Air" } else { "RuuviTag" });
    if let Some((number, bits)) = values.measurement_sequence_number().zip(counter_bits) {
        draft.counter(Counter::new(number, bits));
    }
    let is_sane = version != 3 || data[3] < 100;
    climate(&values, is_sane, &mut draft);
    air(&values, &mut draft);
    match version {
        6 => indices([data[11], data[12]], data[16], &mut draft),
        0xe1 => indices([data[17], data[18]], data[28], &mut draft),
        _ => {}
    }
    movement(&values, &mut draft);
    draft.finish()
}

/// Format 3 sends hundredths of a degree in a byte of their own, which can be no more than 99.
fn climate(values: &SensorValues, is_temperature_sane: bool, draft: &mut Draft) {
    if let Some(millidegrees) = values.temperature_as_millicelsius().filter(|_| is_temperature_sane) {
        draft.scaled(P::Temperature, millidegrees, 3);
    }
    if let Some(millionths) = values.humidity_as_ppm() {
        draft.scaled(P::Humidity, millionths, 4);
    }
    if let Some(pascals) = values.pressure_as_pascals() {
        draft.scaled(P::Pressure, pascals, 2);
    }
    if let Some(millivolts) = values.battery_potential_as_millivolts() {
        draft.scaled(P::Voltage, millivolts, 3);
    }
    if let Some(dbm) = values.tx_power_as_dbm() {
        draft.whole(P::TxPower, dbm);
    }
}

fn air(values: &SensorValues, draft: &mut Draft) {
    let particles = [
        (P::Pm1, values.pm1_0_as_nanograms_per_cubic_meter()),
        (P::Pm25, values.pm2_5_as_nanograms_per_cubic_meter()),
        (P::Pm4, values.pm4_0_as_nanograms_per_cubic_meter()),
        (P::Pm10, values.pm10_0_as_nanograms_per_cubic_meter()),
    ];
    for (property, nanograms) in particles {
        if let Some(nanograms) = nanograms {
            draft.scaled(property, nanograms, 3);
        }
    }
    if let Some(ppm) = values.carbon_dioxide_as_ppm() {
        draft.whole(P::Co2, ppm);
    }
    if let Some(millilux) = values.luminosity_as_millilux() {
        draft.float(P::Illuminance, f64::from(millilux) / 1000.0);
    }
    if let Some((ppm, nanograms)) = values.carbon_dioxide_as_ppm().zip(values.pm2_5_as_nanograms_per_cubic_meter()) {
        draft.float(P::Iaqs, iaqs(ppm, nanograms));
    }
}

/// Two indices of nine bits, of which the lowest one stands among the flags. The crate takes it for the highest one,
/// against Ruuvi's own example.
fn indices([voc, nox]: [u8; 2], flags: u8, draft: &mut Draft) {
    for (property, high, low) in [(P::VocIndex, voc, flags >> 6 & 1), (P::NoxIndex, nox, flags >> 7)] {
        let index = u16::from(high) << 1 | u16::from(low);
        if index != 0x1ff {
            draft.whole(property, index);
        }
    }
}

fn movement(values: &SensorValues, draft: &mut Draft) {
    if let Some(count) = values.movement_counter() {
        draft.whole(P::MovementCounter, count);
    }
    // A tag whose sensor fails sends the lowest number for each axis.
    let vector = values.acceleration_vector_as_milli_g();
    let vector = vector.map(|vector| [vector.0, vector.1, vector.2]).filter(|axes| !axes.contains(&i16::MIN));
    if let Some(axes) = vector {
        let [x, y, z] = axes.map(|milli_g| f64::from(milli_g) / 1000.0 * GRAVITY);
        for (axis, value) in [("x", x), ("y", y), ("z", z), ("total", x.hypot(y).hypot(z))] {
            draft.float((P::Acceleration, Part::Named(axis)), value);
        }
    }
}

/// Ruuvi's own score of the air, 0 to 100, from carbon dioxide and fine dust.
/// Source: <https://docs.ruuvi.com/ruuvi-air-firmware/ruuvi-indoor-air-quality-score-iaqs>, read 2026-11.
fn iaqs(co2_ppm: u16, pm25_nanograms: u32) -> f64 {
    const CO2_PPM: (f64, f64) = (420.0, 2300.0);
    const PM25_MAX: f64 = 60.0;
    let dust = (f64::from(pm25_nanograms) / 1000.0).min(PM25_MAX) / PM25_MAX * 100.0;
    let co2 = (f64::from(co2_ppm).clamp(CO2_PPM.0, CO2_PPM.1) - CO2_PPM.0) / (CO2_PPM.1 - CO2_PPM.0) * 100.0;
    (100.0 - dust.hypot(co2)).clamp(0.0, 100.0)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::ble::decode::testing::company;
    use crate::ble::decode::testing::reading;
    use crate::ble::decode::testing::values;

    #[test]
    fn format_3_is_read() {
        let expected = json!({
            "temperature": -1.69, "humidity": 11.5, "pressure": 636.56, "voltage": 2.182,
            "acceleration_x": 9.807, "acceleration_y": -9.807, "acceleration_z": 0, "acceleration_total": 13.869,
        });
        assert_eq!(values(&company(COMPANY, "03178145355803e8fc1800000886")), expected);
    }

    #[test]
    fn format_3_without_sense_in_its_hundredths_has_no_temperature() {
        let read = values(&company(COMPANY, "03178164355803e8fc1800000886"));
        assert_eq!(read.get("temperature"), None);
        assert_eq!(read["humidity"], 11.5);
    }

    #[test]
    fn format_5_is_read_and_leaves_out_what_the_tag_does_not_know() {
        let expected = json!({
            "temperature": -0.005, "humidity": 61.84, "pressure": 1013.54, "voltage": 2.395, "tx_power": 4,
            "movement_counter": 114,
        });
        let advert = company(COMPANY, "05ffff60a0c89a8000028cff006376726976dead7b3fefaf");
        assert_eq!(values(&advert), expected);
        assert_eq!(reading(&advert).unwrap().counter, Some(Counter::new(0x6976, 16)));
        let nothing = company(COMPANY, "058000ffffffff800080008000ffffffffffffffffffffff");
        assert_eq!(reading(&nothing), Err(Refusal::Empty));
    }

    #[test]
    fn format_6_is_read() {
        let expected = json!({
            "temperature": 29.5, "humidity": 55.3, "pressure": 1011.02, "pm2_5": 11.2, "co2": 201, "voc_index": 10,
            "nox_index": 2, "illuminance": 13026.67, "iaqs": 81,
        });
        assert_eq!(values(&company(COMPANY, "06170c5668c79e007000c90501d900cd004c884f")), expected);
    }

    #[test]
    fn format_e1_is_read() {
        let read = values(&company(
            COMPANY,
            "e1170c5668c79e0065007004bd11ca00c90a0213e0acffffffdecdee10ffffffffffcbb8334c884f",
        ));
        let expected = json!({
            "temperature": 29.5, "humidity": 55.3, "pressure": 1011.02, "pm1": 10.1, "pm2_5": 11.2, "pm4": 121.3,
            "pm10": 455.4, "co2": 201, "voc_index": 20, "nox_index": 4, "illuminance": 13027, "iaqs": 81,
        });
        assert_eq!(read, expected);
    }

    #[test]
    fn an_unknown_format_and_a_cut_one_are_told() {
        assert_eq!(reading(&company(COMPANY, "05ffff60")), Err(Refusal::Truncated));
        assert_eq!(reading(&company(COMPANY, "08ff")).unwrap_err().to_string(), "Ruuvi's data format 8 is not known");
    }
}
