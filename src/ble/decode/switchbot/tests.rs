//! `SwitchBot`, one device for each layout.

use serde_json::Value;
use serde_json::json;

use super::*;
use crate::ble::decode;
use crate::ble::decode::bind_key::from_hex;
use crate::ble::decode::testing::company;
use crate::ble::decode::testing::reading;
use crate::ble::decode::testing::service;
use crate::ble::decode::testing::values;

const ADDRESS: &str = "a4c138112233";

/// Both halves; what follows the address in the second.
fn both(first: &str, second: &str) -> Advert {
    let mut advert = service(SERVICES[0], first);
    advert.manufacturer_data.insert(COMPANY, from_hex(&format!("{ADDRESS}{second}")).unwrap());
    advert
}

fn in_order(adverts: &[Advert]) -> Vec<Result<Value, Refusal>> {
    let mut state = State::default();
    let read = |advert| decode::decode(advert, None, &mut state).map(|reading| reading.to_json().into());
    adverts.iter().map(read).collect()
}

#[test]
fn a_meter_is_read_from_either_half() {
    let expected = json!({ "temperature": -10.5, "humidity": 48, "battery": 97 });
    assert_eq!(values(&service(SERVICES[0], "540061050a30")), expected);
    assert_eq!(values(&both("540061", "0000050a30")), expected);
    let sensor_is_missing = service(SERVICES[0], "540061000000");
    assert_eq!(reading(&sensor_is_missing), Err(Refusal::Empty));
}

#[test]
fn what_does_not_say_which_device_it_is_is_read_once_another_advert_has_said_it() {
    let silent = company(COMPANY, &format!("{ADDRESS}0000050a30"));
    let read = in_order(&[silent.clone(), service(SERVICES[0], "540061"), silent]);
    assert!(matches!(read[0], Err(Refusal::Unsupported(_))), "{read:?}");
    assert!(matches!(read[1], Err(Refusal::Unsupported(_))), "{read:?}");
    assert_eq!(read[2], Ok(json!({ "temperature": -10.5, "humidity": 48 })));
}

#[test]
fn carbon_dioxide_beyond_the_sensor_s_reach_is_left_out() {
    let of = |co2: &str| values(&both("350064", &format!("00000595300000{co2}")));
    assert_eq!(of("0253"), json!({ "temperature": 21.5, "humidity": 48, "battery": 100, "co2": 595 }));
    assert_eq!(of("2710").get("co2"), None);
}

#[test]
fn a_device_is_known_by_the_end_of_its_service_data() {
    let expected = json!({ "temperature": 21.5, "humidity": 48, "battery": 80 });
    assert_eq!(values(&service(SERVICES[0], "000050059530001053b0")), expected);
    assert_eq!(values(&both("000050001053b0", "0150059530")), expected);
    assert!(matches!(reading(&both("000050001053b1", "0150059530")), Err(Refusal::Unsupported(_))));
}

#[test]
fn hubs_are_read_with_their_light() {
    let hub2 = values(&both("7600", "00ff66541af10c059530"));
    assert_eq!((&hub2["illuminance"], &hub2["temperature"]), (&json!(205), &json!(21.5)));
    let hub3 = both("0000640010b940", "2900ff6826d664058095300080");
    let read = values(&hub3);
    assert_eq!(read["illuminance"], 205);
    assert_eq!((&read["temperature"], &read["motion"]), (&json!(0.5), &json!(false)));
}

#[test]
fn contacts_motion_and_leaks_are_events() {
    let expected = json!({
        "battery": 90, "button_count": 4, "opening": true, "contact_timeout": true, "motion": false, "light": false,
        "tested": false,
    });
    assert_eq!(values(&service(SERVICES[0], "6400da040046018fc4")), expected);
    let motion = reading(&service(SERVICES[0], "7340e2002c02")).unwrap();
    assert_eq!(motion.values.len(), 2);
    assert_eq!(Value::from(motion.to_json())["motion"], true);
    let leak = values(&both("2600", "004d02"));
    assert_eq!(leak, json!({ "battery": 77, "moisture": false, "tamper": true, "battery_low": false }));
}

#[test]
fn a_curtain_is_open_at_a_hundred() {
    let expected = json!({ "battery": 83, "position": 70, "light_level": 1, "moving": true, "calibrated": true });
    assert_eq!(values(&both("63c053", "00009e1104")), expected);
    assert_eq!(values(&service(SERVICES[0], "63c0539e1104")), expected);
    assert_eq!(values(&both("7bc053", "00009e110049"))["position"], 70);
}

#[test]
fn a_lock_is_true_when_it_is_open() {
    let read = values(&both("6f8064", "17930820"));
    assert_eq!((&read["lock"], &read["lock_status"]), (&json!(true), &json!("unlocked")));
    let read = values(&both("00803d0010ff90", "0e02003d0008"));
    assert_eq!((&read["lock"], &read["battery"]), (&json!(false), &json!(61)));
    assert!(matches!(reading(&both("00803d0010ff90", "0e7f003d0008")), Err(Refusal::Unsupported(_))));
}

#[test]
fn plugs_and_relays_tell_their_power() {
    assert_eq!(values(&both("6700", "008010218123")), json!({ "power": 29.1, "power_state": true }));
    let expected = json!({ "power_1": 5, "power_2": 70, "power_1_state": true, "power_2_state": false });
    assert_eq!(values(&both("3d00", "8a80000000050046")), expected);
}

#[test]
fn the_counter_is_that_of_the_adverts() {
    assert_eq!(reading(&both("3b00", "4781")).unwrap().counter, Some(Counter::byte(0x47)));
    assert_eq!(reading(&both("540061", "4700050a30")).unwrap().counter, None);
}
