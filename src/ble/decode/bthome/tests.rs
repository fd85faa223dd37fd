//! `BTHome`, from its published format.

use serde_json::Value;
use serde_json::json;

use super::*;
use crate::ble::decode;
use crate::ble::decode::bind_key::to_hex;
use crate::ble::decode::testing::ADDRESS;
use crate::ble::decode::testing::keyed;
use crate::ble::decode::testing::named;
use crate::ble::decode::testing::reading;
use crate::ble::decode::testing::service;
use crate::ble::decode::testing::values;

const KEY: &str = "231d39c1d7cc1ab1aee224cd096db932";

fn v2_of(hex: &str) -> Value {
    values(&service(V2, &format!("40{hex}")))
}

fn v1_of(hex: &str) -> Value {
    values(&service(V1, hex))
}

/// What a device with [`KEY`] would send.
fn sealed(info: u8, counter: u32, objects: &[u8]) -> Advert {
    use aes::cipher::KeyInit as _;
    use ccm::aead::AeadInOut as _;
    let key: [u8; 16] = bind_key::from_hex(KEY).unwrap().try_into().unwrap();
    let address: crate::ble::advert::Address = ADDRESS.parse().unwrap();
    let mut nonce = [0; 13];
    nonce[..6].copy_from_slice(&address.bytes());
    nonce[6..9].copy_from_slice(&[0xd2, 0xfc, info]);
    nonce[9..].copy_from_slice(&counter.to_le_bytes());
    let mut body = objects.to_vec();
    let cipher = ccm::Ccm::<aes::Aes128, ccm::consts::U4, ccm::consts::U13>::new(&key.into());
    let tag = cipher.encrypt_inout_detached(&nonce.into(), &[], body.as_mut_slice().into()).unwrap();
    service(V2, &to_hex(&[&[info], body.as_slice(), &counter.to_le_bytes(), tag.as_slice()].concat()))
}

#[test]
fn numbers_have_the_scale_and_the_sign_of_their_object() {
    for (hex, expected) in [
        ("0161", json!({ "battery": 97 })),
        ("02ca09", json!({ "temperature": 25.06 })),
        ("0218fc", json!({ "temperature": -10 })),
        ("04138a01", json!({ "pressure": 1008.83 })),
        ("05138a14", json!({ "illuminance": 13460.67 })),
        ("063e1d", json!({ "mass": 74.86 })),
        ("073e1d", json!({ "mass_lb": 74.86 })),
        ("0a138a14", json!({ "energy": 1346.067 })),
        ("12e204", json!({ "co2": 1250 })),
        ("133301", json!({ "tvoc": 307 })),
        ("2e23", json!({ "humidity": 35 })),
        ("3e2a2c0960", json!({ "count": 1_611_213_866 })),
        ("3f020c", json!({ "rotation": 307.4 })),
        ("400c00", json!({ "distance_mm": 12 })),
        ("414e00", json!({ "distance": 7.8 })),
        ("424e3400", json!({ "duration": 13.39 })),
        ("454201", json!({ "temperature": 32.2 })),
        ("4632", json!({ "uv_index": 5 })),
        ("48dc87", json!({ "volume_ml": 34780 })),
        ("4d12138a14", json!({ "energy": 344_593.17 })),
        ("505d396164", json!({ "timestamp": 1_684_093_277 })),
        ("58ea", json!({ "temperature": -7.7 })),
        ("5b02ffffff", json!({ "count": -254 })),
        ("5c02fbffff", json!({ "power": -12.78 })),
        ("5e9f8c", json!({ "direction": 359.99 })),
        ("630057d0ff", json!({ "acceleration": -3.123_456 })),
    ] {
        assert_eq!(v2_of(hex), expected, "{hex}");
    }
}

#[test]
fn texts_have_their_own_length() {
    assert_eq!(v2_of("530568656c6c6f0161"), json!({ "text": "hello", "battery": 97 }));
    assert_eq!(v2_of("54030a0bff"), json!({ "raw": "0a0bff" }));
    assert_eq!(v2_of("5302c3280161"), json!({ "battery": 97 }), "what is no UTF-8 is left out");
    assert_eq!(v2_of("53000161"), json!({ "battery": 97 }));
}

#[test]
fn states_and_events_are_told() {
    assert_eq!(v2_of("1001"), json!({ "power": true }));
    assert_eq!(v2_of("1500"), json!({ "battery_low": false }));
    assert_eq!(v2_of("3a04"), json!({ "button": "long_press" }));
    assert_eq!(v2_of("3c0103"), json!({ "dimmer": "rotate_left", "dimmer_steps": 3 }));
    assert_eq!(v2_of("3b0002"), json!({ "command": "toggle" }));
    assert_eq!(v2_of("3b02030aff"), json!({ "command": "step_up", "command_args": "0aff" }));
    let read = reading(&service(V2, "40016121013a01")).unwrap();
    assert_eq!((read.values.len(), read.events.len()), (1, 2));
}

#[test]
fn the_second_button_stays_the_second_one() {
    assert_eq!(v2_of("3a003a01"), json!({ "button_2": "press" }));
    assert_eq!(v2_of("3a013a003a80"), json!({ "button": "press", "button_3": "hold_press" }));
    assert_eq!(reading(&service(V2, "403a00")), Err(Refusal::Empty));
    assert_eq!(reading(&service(V2, "403afe")), Err(Refusal::Empty));
}

#[test]
fn several_of_a_name_are_counted() {
    assert_eq!(
        v2_of("02ca0902cf09450100"),
        json!({
            "temperature": 25.06, "temperature_2": 25.11, "temperature_3": 0.1,
        })
    );
}

#[test]
fn what_comes_before_an_unknown_object_counts() {
    assert_eq!(v2_of("02ca09feca09"), json!({ "temperature": 25.06 }));
    assert_eq!(v2_of("02ca0903bf"), json!({ "temperature": 25.06 }));
    assert_eq!(reading(&service(V2, "40feca09")), Err(Refusal::Empty));
}

#[test]
fn a_packet_id_is_the_counter() {
    let read = reading(&service(V2, "40000902ca09")).unwrap();
    assert_eq!(read.counter.map(|counter| (counter.value, counter.bits)), Some((9, 8)));
    assert_eq!(Value::from(read.to_json()), json!({ "packet_id": 9, "temperature": 25.06 }));
    assert_eq!(v2_of("0009"), json!({ "packet_id": 9 }));
}

#[test]
fn a_packet_id_does_not_hide_the_counter_of_what_is_sealed() {
    let read = keyed(&sealed(0x41, 0x3322_1100, &[0x00, 0x09, 0x02, 0xca, 0x09]), KEY).unwrap();
    assert_eq!(read.counter, Some(Counter::new(0x3322_1100, 32)));
    assert_eq!(Value::from(read.to_json()), json!({ "packet_id": 9, "temperature": 25.06 }));
}

#[test]
fn what_is_about_the_device_s_make_is_passed_over() {
    assert_eq!(v2_of("f00100f10001020402ca09"), json!({ "temperature": 25.06 }));
}

#[test]
fn another_version_is_told() {
    let refusal = reading(&service(V2, "6002ca09")).unwrap_err();
    assert_eq!(refusal.to_string(), "BTHome version 3 is not known");
    assert_eq!(reading(&service(V2, "")), Err(Refusal::Truncated));
}

#[test]
fn version_1_says_how_each_value_is_written() {
    assert_eq!(v1_of("2302ca090303bf13"), json!({ "temperature": 25.06, "humidity": 50.55 }));
    assert_eq!(v1_of("02846102015d"), json!({ "battery": 93 }), "an unknown one is passed over");
    assert_eq!(v1_of("02100100"), json!({ "power": true }));
    assert_eq!(v1_of("023a02"), json!({ "button": "double_press" }));
    // 25.06 as a float of two bytes is 25.0625, of four it is nearer.
    assert_eq!(v1_of("4302446602015d").get("battery"), Some(&json!(93)));
    assert_eq!(v1_of("450200401c45"), json!({ "temperature": 25 }));
}

#[test]
fn floats_of_two_bytes_are_read() {
    // 0x6400 is 1024, 0xc000 is -2, 0x0001 is the smallest.
    assert_eq!(v1_of("430d0064"), json!({ "pm2_5": 1024 }));
    assert_eq!(v1_of("430900c0"), json!({ "count": -2 }));
    assert_eq!(v1_of("43090100"), json!({ "count": 0 }));
    assert_eq!(reading(&service(V1, "4309007c")), Err(Refusal::Empty), "infinity is no number");
}

#[test]
fn what_is_sealed_is_opened_and_authenticated() {
    let advert = sealed(0x41, 0x3322_1100, &[0x02, 0xca, 0x09, 0x03, 0xbf, 0x13]);
    let read = keyed(&advert, KEY).unwrap();
    assert_eq!(Value::from(read.to_json()), json!({ "temperature": 25.06, "humidity": 50.55 }));
    assert!(read.authenticated);
    assert_eq!(read.counter, Some(Counter::new(0x3322_1100, 32)));
    assert_eq!(reading(&advert), Err(Refusal::NeedsKey));
    assert_eq!(keyed(&advert, "231d39c1d7cc1ab1aee224cd096db933"), Err(Refusal::WrongKey));
    assert_eq!(keyed(&service(V2, "4102ca0903bf13"), KEY), Err(Refusal::Truncated));
}

#[test]
fn what_is_sent_again_later_is_refused_and_what_is_heard_twice_is_not() {
    let (first, second) = (sealed(0x41, 7, &[0x01, 97]), sealed(0x41, 8, &[0x01, 96]));
    let (key, mut state): (BindKey, _) = (KEY.parse().unwrap(), State::default());
    let mut hear = |advert| decode::decode(advert, Some(&key), &mut state).map(|read| read.values.len());
    assert_eq!((hear(&first), hear(&second), hear(&second)), (Ok(1), Ok(1), Ok(1)));
    assert_eq!(hear(&first), Err(Refusal::Replayed { counter: 7, last: 8 }));
    assert_eq!(state.bthome, Some(8));
}

#[test]
fn who_has_a_key_takes_nothing_plain() {
    assert_eq!(keyed(&service(V2, "4002ca09"), KEY), Err(Refusal::NotEncrypted));
    assert_eq!(keyed(&service(V1, "2302ca09"), KEY), Err(Refusal::NotEncrypted));
}

#[test]
fn an_address_in_front_is_passed_over() {
    assert_eq!(values(&service(V2, "4233221138c1a40161")), json!({ "battery": 97 }));
    assert_eq!(reading(&service(V2, "4233221138")), Err(Refusal::Truncated));
}

#[test]
fn shelly_s_sensors_are_known_by_name() {
    let read = reading(&named("SBHT-003C", service(V2, "400161"))).unwrap();
    assert_eq!(read.model.as_deref(), Some("Shelly BLU H&T"));
    assert_eq!(reading(&service(V2, "400161")).unwrap().model, None);
}
