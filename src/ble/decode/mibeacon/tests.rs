//! `MiBeacon`, from its published format.

use serde_json::Value;
use serde_json::json;

use super::*;
use crate::ble::advert::Address;
use crate::ble::decode;
use crate::ble::decode::bind_key::to_hex;
use crate::ble::decode::testing::ADDRESS;
use crate::ble::decode::testing::keyed;
use crate::ble::decode::testing::reading;
use crate::ble::decode::testing::service;
use crate::ble::decode::testing::values;

const KEY: &str = "a3bfe9853dd85a620debe3620caaa351";
const OLD_KEY: &str = "b853075158487ca39a5b5ea9";

/// A frame of version 5 with an object and nothing else.
fn plain(product: u16, object: &str) -> Advert {
    let [low, high] = product.to_le_bytes();
    service(SERVICE, &format!("4050{low:02x}{high:02x}07{object}"))
}

fn of(product: u16, object: &str) -> Value {
    values(&plain(product, object))
}

/// What a device with [`KEY`] would send: version 5, the address in it, its counter, an object.
fn sealed(product: u16, counter: u32, object: &[u8]) -> Advert {
    use aes::cipher::KeyInit as _;
    use ccm::aead::AeadInOut as _;
    let key: [u8; 16] = bind_key::from_hex(KEY).unwrap().try_into().unwrap();
    let address: Address = ADDRESS.parse().unwrap();
    let [frame, more @ ..] = counter.to_le_bytes();
    let [low, high] = product.to_le_bytes();
    let mut nonce = [0; 12];
    nonce[..6].copy_from_slice(&address.on_air());
    nonce[6..9].copy_from_slice(&[low, high, frame]);
    nonce[9..].copy_from_slice(&more);
    let mut body = object.to_vec();
    let cipher = ccm::Ccm::<aes::Aes128, ccm::consts::U4, ccm::consts::U12>::new(&key.into());
    let tag = cipher.encrypt_inout_detached(&nonce.into(), &[0x11], body.as_mut_slice().into()).unwrap();
    let header = [0x58, 0x58, low, high, frame];
    let bytes = [&header, address.on_air().as_slice(), &body, &more, tag.as_slice()].concat();
    service(SERVICE, &to_hex(&bytes))
}

/// What a remote with [`OLD_KEY`] would send: version 3.
fn sealed_the_old_way(object: &[u8]) -> Advert {
    let key = BindKey::filled(Some(&OLD_KEY.parse().unwrap())).unwrap();
    let address: Address = ADDRESS.parse().unwrap();
    let header = [0x58, 0x30, 0xb6, 0x03, 0x36];
    let random = [0x13, 0x51, 0x00];
    let nonce: [u8; 13] = [&header, random.as_slice(), &address.on_air()[..5]].concat().try_into().unwrap();
    // Encrypting is the same as decrypting.
    let body = bind_key::open_unchecked(&key, nonce, object);
    let bytes = [&header, address.on_air().as_slice(), &body, &random, &[0xd6]].concat();
    service(SERVICE, &to_hex(&bytes))
}

#[test]
fn values_are_read_with_their_scale_and_sign() {
    assert_eq!(of(0x055b, "0d1004cefff101"), json!({ "temperature": -5, "humidity": 49.7 }));
    assert_eq!(of(0x055b, "061002f101"), json!({ "humidity": 49 }));
    assert_eq!(of(0x01aa, "061002f101"), json!({ "humidity": 49.7 }));
    assert_eq!(of(0x055b, "0a100164"), json!({ "battery": 100, "voltage": 3.1 }));
    assert_eq!(of(0x01aa, "0a100132"), json!({ "battery": 50, "voltage": 1.2 }));
    assert_eq!(of(0x0098, "071003010001"), json!({ "illuminance": 65537 }));
    assert_eq!(of(0x0098, "0910025702"), json!({ "conductivity": 599 }));
    assert_eq!(of(0x02df, "1010027d00"), json!({ "formaldehyde": 1.25 }));
    assert_eq!(of(0x2832, "014c04cdccac41"), json!({ "temperature": 21.6 }));
    assert_eq!(of(0x50fb, "05480400002d43"), json!({ "illuminance": 173 }));
}

#[test]
fn several_objects_are_read_up_to_one_that_is_not_whole() {
    assert_eq!(of(0x015d, "081001400910025702"), json!({ "moisture": 64, "conductivity": 599 }));
    assert_eq!(of(0x015d, "0810014009100257"), json!({ "moisture": 64 }));
    // An unknown one, and one that is too short for its meaning.
    assert_eq!(of(0x015d, "ffee01010910015708100140"), json!({ "moisture": 64 }));
}

#[test]
fn doors_motion_and_water_are_events() {
    let read = reading(&plain(0x098b, "19100101")).unwrap();
    assert_eq!((read.values.len(), read.events.len()), (0, 2));
    assert_eq!(Value::from(read.to_json()), json!({ "opening": false, "door_left_open": false }));
    assert_eq!(of(0x0a83, "0f0003640000"), json!({ "motion": true, "illuminance": 100 }));
    assert_eq!(of(0x07f6, "0f0003640000"), json!({ "motion": true, "light": true }));
    assert_eq!(of(0x07f6, "1710041f000000"), json!({ "motion": false }));
    assert_eq!(of(0x3f0f, "06480101"), json!({ "moisture": true }));
    assert_eq!(of(0x6375, "06480101"), json!({ "bottom_submersion": true }));
    assert_eq!(of(0x0997, "15100100"), json!({ "smoke": false }));
}

#[test]
fn buttons_and_dimmers_say_which_and_how() {
    assert_eq!(of(0x07bf, "011003000002"), json!({ "button": "long_press" }));
    assert_eq!(of(0x1569, "011003020001"), json!({ "button_left": "long_press", "button_right": "long_press" }));
    assert_eq!(of(0x0dfd, "011003050002"), json!({ "button_left": "double_press", "button_right": "double_press" }));
    assert_eq!(of(0x0153, "011003010000"), json!({ "power": false, "button_off": "press" }));
    assert_eq!(of(0x04e1, "011003010000"), json!({ "cube": "rotate_left" }));
    let turned = json!({ "dimmer": "rotate_left", "dimmer_steps": 2 });
    assert_eq!(of(0x03b6, "01100300fe04"), turned);
    assert_eq!(of(0x03b6, "011003000203"), json!({ "dimmer": "press", "dimmer_presses": 2 }));
    assert_eq!(of(0x1889, "134a0101"), json!({ "button": "press" }));
    assert_eq!(of(0x5968, "0e4a0101"), json!({ "button_right": "long_press" }));
    assert_eq!(of(0x1949, "0c4e0103"), json!({ "button_left": "press", "button_right": "press" }));
    assert_eq!(of(0x520b, "0c5600"), json!({ "button": "press" }), "the id says all");
    assert_eq!(of(0x3a61, "0d560104"), json!({ "button_right": "double_press" }));
    assert_eq!(reading(&plain(0x055b, "0c560101")), Err(Refusal::Empty), "it has no button");
}

#[test]
fn locks_say_who_and_how() {
    let expected = json!({
        "key_id": "administrator", "lock_method": "manual", "lock": true, "lock_action": "unlock_inside_the_door",
    });
    assert_eq!(of(0x0e39, "0b0009a40000000000000000"), expected);
    let expected =
        json!({ "lock_method": "bluetooth", "lock": false, "lock_action": "locked", "lock_error": "lock_picking" });
    assert_eq!(of(0x0e39, "0b0009010300dec000000000"), expected);
    let of_the_two_bolts = of(0x069f, "0b0009120500018000000000");
    assert_eq!(
        (&of_the_two_bolts["antilock"], &of_the_two_bolts["key_id"]),
        (&json!(false), &json!("Fingerprint key id 5"))
    );
    assert_eq!(of(0x0e39, "07000104"), json!({ "door": true, "pry_the_door": true }));
    let finger = of(0x0e39, "0600050100000001");
    assert_eq!(finger, json!({ "key_id": "1", "fingerprint": false, "fingerprint_result": "match_failed" }));
}

#[test]
fn scales_are_read() {
    let expected = json!({ "mass": 72.5, "stabilized": true, "profile_id": 3 });
    assert_eq!(of(0x45c9, "164e0903521c000000000000"), expected);
    // 72.5 kg, 70 bpm, 500 Ω.
    let packed: u32 = 725 + (20 << 11) + (5000 << 18);
    let hex = to_hex(&packed.to_le_bytes());
    let expected =
        json!({ "profile_id": 1, "mass": 72.5, "heart_rate": 70, "impedance_low": 500, "stabilized": false });
    assert_eq!(of(0x30d9, &format!("166e0901{hex}00000000")), expected);
    assert_eq!(values(&service(SERVICE, "1050d9300733221138c1a4")), json!({ "stabilized": false }));
}

#[test]
fn the_body_s_temperature_is_calculated() {
    let read = of(0x00db, "002005c60d630d51");
    assert_eq!(read, json!({ "temperature": 36.87, "battery": 81 }));
}

#[test]
fn a_frame_with_all_its_parts_is_read() {
    // The address, a capability, and what the capability says follows.
    let advert = service(SERVICE, "70505b050733221138c1a428aa041002cdff");
    assert_eq!(values(&advert), json!({ "temperature": -5.1 }));
    let read = reading(&advert).unwrap();
    assert_eq!((read.counter, read.model.as_deref()), (Some(Counter::byte(7)), Some("LYWSD03MMC")));
}

#[test]
fn what_is_sealed_is_opened_and_authenticated() {
    let advert = sealed(0x066f, 0x0000_024f, &[0x04, 0x10, 0x02, 0xe2, 0x00]);
    let read = keyed(&advert, KEY).unwrap();
    assert_eq!(Value::from(read.to_json()), json!({ "temperature": 22.6 }));
    assert_eq!((read.authenticated, read.counter), (true, Some(Counter::new(0x24f, 32))));
    assert_eq!(reading(&advert), Err(Refusal::NeedsKey));
    assert_eq!(keyed(&advert, "a3bfe9853dd85a620debe3620caaa352"), Err(Refusal::WrongKey));
    assert_eq!(keyed(&advert, OLD_KEY), Err(Refusal::KeyLength(16)));
}

#[test]
fn what_is_sent_again_later_is_refused() {
    let (first, second) = (sealed(0x066f, 0x2ff, &[4, 16, 2, 0, 0]), sealed(0x066f, 0x300, &[4, 16, 2, 1, 0]));
    let (key, mut state): (BindKey, _) = (KEY.parse().unwrap(), State::default());
    let mut hear = |advert| decode::decode(advert, Some(&key), &mut state).map(|read| read.values.len());
    assert_eq!((hear(&first), hear(&second), hear(&second)), (Ok(1), Ok(1), Ok(1)));
    assert_eq!(hear(&first), Err(Refusal::Replayed { counter: 0x2ff, last: 0x300 }));
}

#[test]
fn what_is_sealed_the_old_way_proves_nothing() {
    let advert = sealed_the_old_way(&[0x01, 0x10, 0x03, 0x00, 0x01, 0x04]);
    let read = keyed(&advert, OLD_KEY).unwrap();
    assert_eq!(Value::from(read.to_json()), json!({ "dimmer": "rotate_right", "dimmer_steps": 1 }));
    assert!(!read.authenticated);
    let filled_in = keyed(&advert, "b853075158488d3d3c977ca39a5b5ea9").unwrap();
    assert_eq!(filled_in, read);
    assert_eq!(keyed(&advert, "b853075158487ca39a5b5ea8"), Err(Refusal::WrongKey));
    assert_eq!(reading(&advert), Err(Refusal::NeedsKey));
}

#[test]
fn frames_that_are_not_for_us_are_told() {
    for (hex, refusal) in [
        ("", Refusal::Truncated),
        ("40505b05", Refusal::Truncated),
        ("50505b0507332211", Refusal::Truncated),
        ("50505b050734221138c1a4", Refusal::OtherAddress),
        ("50585b050733221138c1a408", Refusal::Empty),
        ("48505b0507aabbccddeeff1122", Refusal::NeedsKey),
        ("40500000070410020000", Refusal::UnknownProduct(0)),
    ] {
        assert_eq!(reading(&service(SERVICE, hex)), Err(refusal), "{hex}");
    }
    for hex in ["c0505b05070410020000", "40105b05070410020000"] {
        let refusal = reading(&service(SERVICE, hex));
        assert!(matches!(refusal, Err(Refusal::Unsupported(_))), "{hex}: {refusal:?}");
    }
}
