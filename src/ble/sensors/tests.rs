//! What adopted sensors tell, and what nobody else can.

use serde_json::Value;
use serde_json::json;

use super::*;
use crate::ble::advert::long;
use crate::ble::decode::bind_key::from_hex;
use crate::bus::Publisher;
use crate::model::Device;
use crate::model::Sensor;
use crate::model::Telling;
use crate::registry::samples;

const KEY: &str = "231d39c1d7cc1ab1aee224cd096db932";
const ADDRESS: Address = Address::from_bytes([0xa4, 0xc1, 0x38, 0x11, 0x22, 0x33]);

/// Sensors among which one is adopted, as device 1.
fn adopted(bind_key: Option<&str>) -> Sensors {
    let mut sensors = Sensors::default();
    sensors.adopt(&samples::snapshot([device(1, bind_key)], []), 0);
    sensors
}

fn device(number: u8, bind_key: Option<&str>) -> Device {
    let bind_key = bind_key.map(|key| Hidden::new(key.to_owned()));
    Device { sensor: Some(Sensor { bind_key, ..Sensor::at(ADDRESS) }), ..samples::device(number) }
}

/// An advert in the format of `BTHome`.
fn bthome(data: &[u8]) -> Advert {
    let service_data = [(long(0xfcd2), data.to_vec())].into();
    Advert { address: ADDRESS, rssi: Some(-61), service_data, ..Advert::default() }
}

/// The same, encrypted with [`KEY`].
fn sealed(counter: u32, objects: &[u8]) -> Advert {
    use aes::cipher::KeyInit as _;
    use ccm::aead::AeadInOut as _;
    let key: [u8; 16] = from_hex(KEY).unwrap().try_into().unwrap();
    let mut nonce = [0; 13];
    nonce[..6].copy_from_slice(&ADDRESS.bytes());
    nonce[6..9].copy_from_slice(&[0xd2, 0xfc, 0x41]);
    nonce[9..].copy_from_slice(&counter.to_le_bytes());
    let mut body = objects.to_vec();
    let cipher = ccm::Ccm::<aes::Aes128, ccm::consts::U4, ccm::consts::U13>::new(&key.into());
    let tag = cipher.encrypt_inout_detached(&nonce.into(), &[], body.as_mut_slice().into()).unwrap();
    bthome(&[&[0x41], body.as_slice(), &counter.to_le_bytes(), tag.as_slice()].concat())
}

/// The events of an advert: their names, and their data.
fn told(sensors: &mut Sensors, advert: &Advert, now_ms: u64) -> Vec<(String, Value)> {
    let heard = sensors.hear(advert, now_ms).unwrap();
    let told = heard.events.into_iter().map(|event| (event.name, serde_json::from_slice(&event.data).unwrap()));
    told.collect()
}

#[test]
fn what_is_measured_is_one_event_and_what_happens_one_each() {
    let mut sensors = adopted(None);
    // 97 %, 25.06 °C, opened, pressed.
    let advert = bthome(&[0x40, 0x01, 0x61, 0x02, 0xca, 0x09, 0x11, 0x01, 0x3a, 0x01]);
    let heard = sensors.hear(&advert, 0).unwrap();
    assert!(heard.events.iter().all(|event| event.publisher == Publisher::Device(samples::device(1).id)));
    let mut sensors = adopted(None);
    let expected = [
        ("sensor".to_owned(), json!({ "battery": 97, "temperature": 25.06, "rssi": -61, "authenticated": false })),
        ("sensor/opening".to_owned(), json!({ "opening": true, "rssi": -61, "authenticated": false })),
        ("sensor/button".to_owned(), json!({ "button": "press", "rssi": -61, "authenticated": false })),
    ];
    assert_eq!(told(&mut sensors, &advert, 0), expected);
    let again = sensors.hear(&advert, 1).unwrap();
    assert_eq!((again.events.len(), again.dropped.len()), (0, 3));
}

#[test]
fn an_event_says_whether_its_sender_is_proven_and_which_reading_it_is_of() {
    let mut sensors = adopted(Some(KEY));
    let sealed = told(&mut sensors, &sealed(7, &[0x00, 0x09, 0x3a, 0x01]), 0);
    let data = json!({ "button": "press", "rssi": -61, "seq": 7, "authenticated": true });
    assert_eq!(sealed, [("sensor/button".to_owned(), data)]);
    let plain = told(&mut adopted(None), &bthome(&[0x40, 0x00, 0x09, 0x01, 0x61]), 0);
    let data = json!({ "battery": 97, "rssi": -61, "seq": 9, "authenticated": false });
    assert_eq!(plain, [("sensor".to_owned(), data)]);
}

#[test]
fn that_a_sensor_is_away_is_told_and_that_it_is_back() {
    const LATER_MS: u64 = 180_001;
    let advert = bthome(&[0x40, 0x01, 0x61]);
    let mut sensors = adopted(None);
    assert_eq!(told(&mut sensors, &advert, 0).len(), 1, "nobody thought that it is away");
    let away = sensors.look(|_| true, LATER_MS).remove(0);
    assert_eq!((away.0, away.1.name.as_str()), (samples::device(1).id, "presence"));
    assert_eq!(away.1.data, r#"{"present":false}"#);
    let present = ("presence".to_owned(), json!({ "present": true }));
    assert_eq!(told(&mut sensors, &advert, LATER_MS), [present]);
    // An address that changes is somebody else's soon.
    let mut sensors = adopted(None);
    sensors.hear(&Advert { rotates: true, ..advert }, 0);
    assert!(sensors.look(|_| true, LATER_MS).is_empty());
}

#[test]
fn only_adopted_sensors_tell_anything() {
    let mut sensors = adopted(None);
    let advert = Advert { address: Address::from_bytes([1; 6]), ..bthome(&[0x40, 0x01, 0x61]) };
    assert!(sensors.hear(&advert, 0).is_none());
    assert_eq!(sensors.adopt(&samples::snapshot([], []), 0), [samples::device(1).id]);
    assert!(sensors.hear(&bthome(&[0x40, 0x01, 0x61]), 0).is_none());
}

#[test]
fn what_was_told_is_known_as_long_as_the_sensor_is_the_same() {
    let advert = bthome(&[0x40, 0x00, 0x07, 0x01, 0x61]);
    let mut sensors = adopted(None);
    assert_eq!(told(&mut sensors, &advert, 0).len(), 1);
    // Another device comes, and this one stays.
    sensors.adopt(&samples::snapshot([device(1, None), samples::device(2)], []), 1);
    assert_eq!(told(&mut sensors, &advert, 1).len(), 0);
    // It is forgotten, and adopted again.
    sensors.adopt(&samples::snapshot([device(3, None)], []), 2);
    assert_eq!(told(&mut sensors, &advert, 2).len(), 1);
}

#[test]
fn a_setting_forgets_neither_what_was_told_nor_the_counters() {
    let telling = Telling { max_interval_s: 600, ..Telling::default() };
    let mut sensors = adopted(Some(KEY));
    assert_eq!(told(&mut sensors, &sealed(7, &[0x01, 0x61]), 0).len(), 1);
    let mut device = device(1, Some(KEY));
    device.sensor.as_mut().unwrap().telling = telling;
    sensors.adopt(&samples::snapshot([device.clone()], []), 1);
    assert_eq!(sensors.hear(&sealed(7, &[0x01, 0x61]), 2).unwrap().dropped, ["same_counter"]);
    assert_eq!(sensors.hear(&sealed(6, &[0x01, 0x61]), 3).unwrap().dropped, ["replayed"]);
    // It holds at once.
    assert_eq!(sensors.hear(&sealed(8, &[0x01, 0x61]), 300_000).unwrap().dropped, ["unchanged"]);
    assert_eq!(told(&mut sensors, &sealed(9, &[0x01, 0x61]), 600_000).len(), 1);
}

#[test]
fn with_another_key_a_sensor_counts_anew_and_what_it_told_is_known() {
    let mut sensors = adopted(Some(&"00".repeat(16)));
    assert_eq!(sensors.hear(&sealed(7, &[0x01, 0x61]), 0).unwrap().dropped, ["key"]);
    sensors.adopt(&samples::snapshot([device(1, Some(KEY))], []), 1);
    assert_eq!(told(&mut sensors, &sealed(7, &[0x01, 0x61]), 2).len(), 1);
    sensors.adopt(&samples::snapshot([device(1, Some(&"00".repeat(16)))], []), 3);
    sensors.adopt(&samples::snapshot([device(1, Some(KEY))], []), 4);
    assert_eq!(sensors.hear(&sealed(1, &[0x01, 0x61]), 5).unwrap().dropped, ["unchanged"]);
}

#[test]
fn a_sensor_that_is_another_device_now_leaves_nothing_of_the_first() {
    let mut sensors = adopted(None);
    assert_eq!(sensors.adopt(&samples::snapshot([device(3, None)], []), 1), [samples::device(1).id]);
}

#[test]
fn what_somebody_recorded_or_made_up_is_not_told() {
    let mut sensors = adopted(Some(KEY));
    let (first, second) = (sealed(7, &[0x3a, 0x01]), sealed(8, &[0x3a, 0x01]));
    assert_eq!(told(&mut sensors, &first, 0).len(), 1);
    assert_eq!(told(&mut sensors, &second, 1).len(), 1);
    for (advert, reason) in
        [(&first, "replayed"), (&second, "same_counter"), (&bthome(&[0x40, 0x3a, 0x01]), "not_encrypted")]
    {
        let heard = sensors.hear(advert, 2).unwrap();
        assert_eq!((heard.events.len(), heard.dropped), (0, vec![reason]));
    }
    let mut sensors = adopted(Some(&"00".repeat(16)));
    assert_eq!(sensors.hear(&first, 0).unwrap().dropped, ["key"]);
}

#[test]
fn what_was_told_before_a_restart_is_not_told_again() {
    let (first, second) = (sealed(7, &[0x3a, 0x01]), sealed(8, &[0x3a, 0x01]));
    let mut before = adopted(Some(KEY));
    before.hear(&first, 0).unwrap();
    let kept = (samples::device(1).id, before.hear(&second, 1).unwrap().keep.unwrap());
    assert!(before.hear(&second, 2).unwrap().keep.is_none());
    let stranger = (samples::device(9).id, StoredSensor::default());
    let mut after = Sensors::knowing(vec![kept, stranger]);
    assert_eq!(after.adopt(&samples::snapshot([device(1, Some(KEY))], []), 3), [stranger.0]);
    assert_eq!(after.hear(&first, 4).unwrap().dropped, ["replayed"]);
    assert_eq!(after.hear(&second, 5).unwrap().dropped, ["same_counter"]);
    assert_eq!(after.hear(&sealed(9, &[0x3a, 0x01]), 6).unwrap().events.len(), 1);
}

#[test]
fn where_counters_stand_is_kept_now_and_then_though_nothing_is_told() {
    const PAUSE_MS: u64 = 5 * 60 * 1_000;
    let counters = |counter| Some(StoredSensor { bthome: Some(counter), mibeacon: None, reading: Some(counter) });
    let mut device = device(1, Some(KEY));
    device.sensor.as_mut().unwrap().telling = Telling { max_interval_s: 3_600, ..Telling::default() };
    let mut sensors = Sensors::default();
    sensors.adopt(&samples::snapshot([device.clone()], []), 0);
    let mut hear = |counter, now_ms| {
        let heard = sensors.hear(&sealed(counter, &[0x01, 0x61]), now_ms).unwrap();
        let unkept = sensors.unkept();
        assert!(unkept.iter().all(|(of, _)| *of == device.id));
        (heard.events.len(), heard.keep, unkept.first().map(|(_, counters)| *counters))
    };
    assert_eq!(hear(7, 1), (1, counters(7), None));
    assert_eq!(hear(8, PAUSE_MS), (0, None, counters(8)));
    assert_eq!(hear(8, PAUSE_MS + 1), (0, counters(8), None));
    assert_eq!(hear(8, 3 * PAUSE_MS), (0, None, None), "they stand where they stood");
}

#[test]
fn a_sensor_with_a_new_battery_is_believed_after_a_day() {
    const DAY_MS: u64 = 24 * 60 * 60 * 1_000;
    let mut sensors = adopted(Some(KEY));
    assert_eq!(told(&mut sensors, &sealed(1_000, &[0x3a, 0x01]), 1).len(), 1);
    assert_eq!(sensors.hear(&sealed(0, &[0x3a, 0x01]), DAY_MS).unwrap().dropped, ["replayed"]);
    assert_eq!(told(&mut sensors, &sealed(1, &[0x3a, 0x01]), DAY_MS + 1).len(), 1);
    assert_eq!(told(&mut sensors, &sealed(2, &[0x3a, 0x01]), DAY_MS + 2).len(), 1);
}

#[test]
fn a_bind_key_is_tried_on_the_next_encrypted_packet() {
    for (key, fits) in [(KEY, true), ("00000000000000000000000000000000", false), (&KEY[..24], false)] {
        let mut sensors = Sensors::default();
        let (reply, mut answer) = oneshot::channel();
        sensors.try_key(ADDRESS, &Hidden::new(key.to_owned()), reply);
        // Others, and what is not encrypted, say nothing about it.
        sensors.hear(&Advert { address: Address::from_bytes([1; 6]), ..sealed(7, &[0x01, 0x61]) }, 0);
        sensors.hear(&bthome(&[0x40, 0x01, 0x61]), 0);
        assert!(answer.try_recv().is_err());
        sensors.hear(&sealed(7, &[0x01, 0x61]), 0);
        assert_eq!(answer.try_recv().unwrap().is_ok(), fits, "{key}");
    }
}

#[test]
fn what_is_no_bind_key_is_refused_at_once_and_nobody_waits_without_bound() {
    let mut sensors = Sensors::default();
    let mut ask = |key: &str| {
        let (reply, answer) = oneshot::channel();
        sensors.try_key(ADDRESS, &Hidden::new(key.to_owned()), reply);
        answer
    };
    assert!(matches!(ask("231d").try_recv(), Ok(Err(KeyRefusal::Unfit(_)))));
    let waiting: Vec<_> = (0..MOST_TRIALS).map(|_| ask(KEY)).collect();
    assert_eq!(ask(KEY).try_recv(), Ok(Err(KeyRefusal::Busy)));
    // Who goes away makes room.
    drop(waiting);
    assert!(ask(KEY).try_recv().is_err());
}
