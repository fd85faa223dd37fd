//! Govee, one advert for each layout.

use serde_json::json;

use super::*;
use crate::ble::decode::govee::buttons::tests::sealed_hex;
use crate::ble::decode::reading::Counter;
use crate::ble::decode::testing::company;
use crate::ble::decode::testing::named;
use crate::ble::decode::testing::reading;
use crate::ble::decode::testing::values;
use crate::ble::decode::testing::with_service;

/// 21.5 °C and 56.6 %, packed.
const PACKED: &str = "034a0e";
/// The same below zero.
const BELOW_ZERO: &str = "834a0e";

#[test]
fn packed_values_are_read_wherever_they_stand() {
    let of = |name: &str, id, hex: &str| values(&named(name, company(id, hex)));
    let expected = json!({ "temperature": 21.5, "humidity": 56.6, "battery": 97 });
    assert_eq!(of("GVH5075_0000", 0xec88, &format!("00{PACKED}6100")), expected);
    assert_eq!(of("", 0xec88, &format!("00{PACKED}6100")), expected);
    assert_eq!(of("GVH5104_0000", 1, &format!("0101{PACKED}61")), expected);
    assert_eq!(of("", 1, &format!("0101{PACKED}610000")), expected);
    assert_eq!(of("B5178_0000", 1, &format!("010100{PACKED}610003")), expected);
    let below = json!({ "temperature": -21.5, "humidity": 56.6, "battery": 97 });
    assert_eq!(of("", 0xec88, &format!("00{BELOW_ZERO}6100")), below);
}

#[test]
fn the_remote_sensor_is_told_apart() {
    let expected = json!({ "temperature_remote": 21.5, "humidity_remote": 56.6, "battery_remote": 97 });
    assert_eq!(values(&company(1, &format!("010101{PACKED}610003"))), expected);
}

#[test]
fn a_sensor_that_failed_still_tells_its_battery() {
    assert_eq!(values(&company(0xec88, &format!("00{PACKED}e100"))), json!({ "battery": 97 }));
    assert_eq!(values(&company(0xec88, "0010c8e06100")), json!({ "battery": 97 }));
    let advert = named("GV5140AAAA", company(1, &format!("0101{PACKED}020001")));
    assert_eq!(reading(&advert), Err(Refusal::Faulty));
}

#[test]
fn plain_values_are_read() {
    let expected = json!({ "temperature": -0.5, "humidity": 40.89, "battery": 99 });
    assert_eq!(values(&company(0xec88, "00cefff90f6302")), expected);
    assert_eq!(values(&company(0xec88, "00cefff90f63020101")), expected);
    assert_eq!(values(&company(0x8801, "ec000101cefff90f63")), expected);
}

#[test]
fn air_and_dust_are_read() {
    let air = named("GV5140AAAA", company(1, &format!("0101{PACKED}023e00")));
    assert_eq!(values(&air), json!({ "temperature": 21.5, "humidity": 56.6, "co2": 574 }));
    // The digits are 215,566,007, once below zero.
    for (hex, temperature) in [("01010cd946b7", 21.5), ("01018cd946b7", -21.5)] {
        let dust = named("GVH5106_0000", company(1, hex));
        assert_eq!(values(&dust), json!({ "temperature": temperature, "humidity": 56.6, "pm2_5": 7 }));
    }
}

#[test]
fn the_mark_that_is_glued_to_the_values_is_cut_off() {
    let glued = format!("00{PACKED}6100{}", "4c000215494e54454c4c495f524f434b535f48575075f2ff0c");
    assert_eq!(values(&company(0xec88, &glued))["temperature"], 21.5);
}

#[test]
fn a_probe_that_is_not_known_is_told() {
    let of = |last: &str| named("GV5112AAAA", company(1, &format!("0101{PACKED}6100{last}")));
    let expected = json!({ "temperature_probe_1": 21.5, "humidity_probe_1": 56.6, "battery": 97 });
    assert_eq!(values(&of("41")), expected);
    assert_eq!(values(&of("82")), json!({ "temperature_probe_2": 21.5, "battery": 97 }));
    assert!(matches!(reading(&of("99")), Err(Refusal::Unsupported(_))));
}

#[test]
fn probes_and_their_alarms_are_read() {
    let head = "ef01000101e4";
    let one = with_service(0x8351, company(0x1234, &format!("{head}01800834ffff0000")));
    assert_eq!(values(&one), json!({ "temperature_probe_1": 21, "temperature_alarm_probe_1": 0 }));
    let two = named("GVH5184_0000", company(0x1234, &format!("{head}02860c1c1770860af0ffff")));
    let expected = json!({
        "temperature_probe_3": 31, "temperature_alarm_probe_3": 60,
        "temperature_probe_4": 28, "temperature_alarm_probe_4": 0,
    });
    assert_eq!(values(&two), expected);
    let oven = company(0xac63, &format!("{head}5d040fa01324ffff0af0ffffffff"));
    let expected = json!({ "temperature_probe_1": 40, "temperature_alarm_probe_1": 49, "temperature": 28 });
    assert_eq!(values(&oven), expected);
    let low = company(0x3022, &format!("{head}c10f0bb8177003e80960ffffffff"));
    assert_eq!(values(&low)["low_temperature_alarm_probe_1"], 10);
    let neither = company(0x3022, &format!("{head}c30f0bb8177003e80960ffffffff"));
    assert!(matches!(reading(&neither), Err(Refusal::Unsupported(_))));
}

#[test]
fn six_probes_are_read_two_by_two() {
    let advert = with_service(0x5550, company(0xaf2f, "5500644c201a0014003c002019001400b1000000"));
    let expected = json!({
        "temperature_probe_3": 26, "temperature_alarm_probe_3": 60, "low_temperature_alarm_probe_3": 20,
        "temperature_probe_4": 25, "temperature_alarm_probe_4": 177, "low_temperature_alarm_probe_4": 20,
        "battery": 100,
    });
    assert_eq!(values(&advert), expected);
}

#[test]
fn buttons_and_contacts_are_opened_with_the_time() {
    let of = |kind: u8, code: u8| {
        let mut opened = [0; 16];
        (opened[0], opened[2], opened[4], opened[5]) = (1, kind, 97, code);
        company(0xef88, &sealed_hex([0, 1, 2, 3], opened))
    };
    for (kind, code, expected) in [
        (3, 1, json!({ "battery": 97, "motion": true })),
        (3, 0, json!({ "battery": 97 })),
        (8, 0, json!({ "battery": 97, "button_0": "press" })),
        (9, 1, json!({ "battery": 97, "vibration": true })),
        (2, 2, json!({ "battery": 97, "window": true })),
        (2, 1, json!({ "battery": 97, "window": false })),
        (10, 5, json!({ "battery": 97, "button_5": "press" })),
        (13, 0x11, json!({ "battery": 97, "button_0": "press", "presence": true })),
        (13, 0x10, json!({ "battery": 97, "button_0": "press" })),
        (13, 0, json!({ "battery": 97, "presence": false })),
    ] {
        assert_eq!(values(&of(kind, code)), expected, "{kind} {code}");
    }
    let read = reading(&of(3, 1)).unwrap();
    assert_eq!((read.counter, read.authenticated), (Some(Counter::new(0x0001_0203, 32)), false));
    assert!(matches!(reading(&of(99, 1)), Err(Refusal::UnknownKind { .. })));
}

#[test]
fn twenty_four_bytes_with_a_wrong_check_sum_are_somebody_elses() {
    let hex = sealed_hex([0, 1, 2, 3], [0; 16]).replace("3322", "3323");
    assert!(
        matches!(reading(&company(0xef88, &hex)), Err(Refusal::UnknownKind { .. })),
        "the check sum is of the rest"
    );
    let mut hex = sealed_hex([0, 1, 2, 3], [0; 16]);
    hex.replace_range(46..48, if hex.ends_with("00") { "01" } else { "00" });
    assert_eq!(reading(&company(0xef88, &hex)), Err(Refusal::UnknownFormat));
}

#[test]
fn presence_is_read() {
    let expected = json!({ "occupancy": true, "motion": false });
    assert_eq!(values(&company(0x8843, "ec0002010101")), expected);
    assert_eq!(reading(&company(0x8843, "ec0003010101")), Err(Refusal::UnknownFormat));
}
