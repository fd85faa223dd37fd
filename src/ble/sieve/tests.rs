//! What passes the sieve, and why the rest does not.

use super::*;
use crate::ble::decode::Counter;
use crate::ble::decode::Part;
use crate::ble::decode::Property;
use crate::model::Telling;

const MIN: u64 = 10_000;
const MAX: u64 = 300_000;
const BURST_MS: u64 = 4_000;
const SILENCE_MS: u64 = 24 * 60 * 60 * 1_000;

/// A sensor, and all that share the rate with it.
#[derive(Default)]
struct Scene {
    sieve: Sieve,
    rules: Rules,
    bridge: Bridge,
}

impl Scene {
    fn hear(&mut self, reading: &Reading, now_ms: u64) -> Sifted {
        self.sieve.sift(reading, &self.rules, &mut self.bridge, now_ms)
    }

    fn is_told(&mut self, reading: &Reading, now_ms: u64) -> bool {
        self.hear(reading, now_ms).is_measured
    }
}

fn reading(counter: Option<u32>) -> Reading {
    let counter = counter.map(|value| Counter { value, bits: 8 });
    Reading {
        format: "x",
        model: None,
        values: Vec::new(),
        events: Vec::new(),
        counter,
        packet_id: None,
        authenticated: false,
    }
}

fn measured(counter: Option<u32>, property: Property, number: f64) -> Reading {
    let value = Value { key: property.into(), datum: Datum::Number(number) };
    Reading { values: vec![value], ..reading(counter) }
}

fn warm(counter: Option<u32>, degrees: f64) -> Reading {
    measured(counter, Property::Temperature, degrees)
}

fn happened(counter: Option<u32>, property: Property, datum: Datum) -> Reading {
    Reading { events: vec![Value { key: property.into(), datum }], ..reading(counter) }
}

fn pressed(counter: Option<u32>) -> Reading {
    happened(counter, Property::Button, Datum::Text("press".into()))
}

fn open(counter: Option<u32>, is_open: bool) -> Reading {
    happened(counter, Property::Opening, Datum::Flag(is_open))
}

fn dropped(reason: Dropped) -> Sifted {
    Sifted { dropped: vec![reason], ..Sifted::default() }
}

#[test]
fn a_reading_that_is_heard_again_is_told_once() {
    let mut scene = Scene::default();
    assert!(scene.is_told(&warm(Some(7), 21.5), 0));
    // Even when it would be due again.
    for now_ms in [1, MIN, MAX, 2 * MAX] {
        assert_eq!(scene.hear(&warm(Some(7), 21.5), now_ms), dropped(Dropped::SameCounter));
    }
    assert!(scene.is_told(&warm(Some(8), 25.0), 2 * MAX));
}

#[test]
fn a_sensor_may_begin_its_counter_anew_after_a_day_unless_somebody_could_have_recorded_it() {
    let sealed = Reading { authenticated: true, ..warm(Some(7), 21.5) };
    for (reading, is_told) in [(warm(Some(7), 21.5), true), (sealed, false)] {
        let mut scene = Scene::default();
        assert!(scene.is_told(&reading, 0));
        assert!(!scene.is_told(&reading, SILENCE_MS - 1));
        assert_eq!(scene.is_told(&reading, SILENCE_MS), is_told);
    }
}

#[test]
fn what_was_told_before_a_start_is_not_told_again() {
    let mut first = Scene::default();
    first.hear(&pressed(Some(7)), 1);
    let mut second = Scene { sieve: Sieve::after(first.sieve.counter(), 1), ..Scene::default() };
    assert_eq!(second.hear(&pressed(Some(7)), 2), dropped(Dropped::SameCounter));
    assert_eq!(second.hear(&pressed(Some(8)), 3).events.len(), 1);
}

#[test]
fn a_measurement_is_told_when_it_changes_and_not_too_often() {
    let mut scene = Scene::default();
    assert!(scene.is_told(&warm(None, 21.5), 0));
    assert_eq!(scene.hear(&warm(None, 25.0), MIN - 1), dropped(Dropped::TooSoon));
    assert_eq!(scene.hear(&warm(None, 21.55), MIN), dropped(Dropped::Unchanged));
    assert!(scene.is_told(&warm(None, 21.6), MIN));
    // From there it counts again.
    assert_eq!(scene.hear(&warm(None, 21.5), MIN + 1), dropped(Dropped::TooSoon));
    assert_eq!(scene.hear(&warm(None, 21.6), MIN + MAX - 1), dropped(Dropped::Unchanged));
    assert!(scene.is_told(&warm(None, 21.6), MIN + MAX));
}

#[test]
fn each_property_has_its_own_deadband() {
    for (property, before, almost, enough) in [
        (Property::Temperature, 21.3, 21.39, 21.4),
        (Property::Humidity, 48.0, 48.9, 49.0),
        (Property::Pressure, 1013.2, 1012.3, 1012.2),
        (Property::Battery, 97.0, 96.5, 96.0),
        (Property::Co2, 400.0, 400.0, 401.0),
    ] {
        let mut scene = Scene::default();
        assert!(scene.is_told(&measured(None, property, before), 0));
        assert!(!scene.is_told(&measured(None, property, almost), MIN), "{property:?}");
        assert!(scene.is_told(&measured(None, property, enough), MIN), "{property:?}");
    }
}

#[test]
fn sensors_that_send_one_value_at_a_time_are_told_of_each() {
    let mut scene = Scene::default();
    let wet = |percent| measured(None, Property::Humidity, percent);
    assert!(scene.is_told(&warm(None, 21.5), 0));
    assert!(scene.is_told(&wet(48.0), 1));
    assert!(scene.is_told(&warm(None, 22.0), MIN));
    assert!(scene.is_told(&wet(50.0), MIN + 1));
    // The second probe is another one than the first.
    let key = Key { property: Property::Temperature, part: Part::Probe(2), nth: 1 };
    let probe = Reading { values: vec![Value { key, datum: Datum::Number(22.0) }], ..reading(None) };
    assert!(scene.is_told(&probe, MIN + 2));
}

#[test]
fn a_button_is_told_at_once_each_time_it_is_pressed() {
    let mut scene = Scene::default();
    for counter in 1..=3 {
        assert_eq!(scene.hear(&pressed(Some(counter)), 0).events.len(), 1);
        assert_eq!(scene.hear(&pressed(Some(counter)), 0), dropped(Dropped::SameCounter));
    }
}

#[test]
fn without_a_counter_the_same_event_is_a_repetition_for_a_moment() {
    let mut scene = Scene::default();
    assert_eq!(scene.hear(&pressed(None), 0).events.len(), 1);
    assert_eq!(scene.hear(&pressed(None), BURST_MS - 1), dropped(Dropped::Repeated));
    assert_eq!(scene.hear(&pressed(None), BURST_MS).events.len(), 1);
    let double = happened(None, Property::Button, Datum::Text("double_press".into()));
    assert_eq!(scene.hear(&double, BURST_MS).events.len(), 1);
}

#[test]
fn a_door_is_told_when_it_moves_and_now_and_then_how_it_stands() {
    let mut scene = Scene::default();
    assert_eq!(scene.hear(&open(Some(1), true), 0).events.len(), 1);
    assert_eq!(scene.hear(&open(Some(2), true), 1), dropped(Dropped::Unchanged));
    assert_eq!(scene.hear(&open(Some(3), false), 2).events.len(), 1);
    assert_eq!(scene.hear(&open(Some(4), false), 1 + MAX), dropped(Dropped::Unchanged));
    assert_eq!(scene.hear(&open(Some(5), false), 2 + MAX).events.len(), 1);
}

#[test]
fn an_event_does_not_wait_for_the_measurement_beside_it() {
    let mut scene = Scene::default();
    let both = |counter, is_open| Reading { values: warm(None, 21.5).values, ..open(Some(counter), is_open) };
    let first = scene.hear(&both(1, false), 0);
    assert_eq!((first.is_measured, first.events.len(), first.dropped.len()), (true, 1, 0));
    let second = scene.hear(&both(2, true), 1);
    assert_eq!((second.is_measured, second.events.len()), (false, 1));
    assert_eq!(second.dropped, [Dropped::Unchanged]);
}

#[test]
fn what_the_owner_has_set_is_what_holds() {
    let telling = Telling {
        min_interval_s: 60,
        max_interval_s: 3_600,
        repeat_s: 0,
        counter_reset_h: 1,
        per_minute: 6,
        deadbands: [("temperature".to_owned(), 2.0)].into(),
    };
    let mut scene = Scene { rules: Rules::from(&telling), ..Scene::default() };
    assert!(scene.is_told(&warm(Some(1), 21.5), 0));
    assert_eq!(scene.hear(&warm(Some(2), 25.0), 59_999), dropped(Dropped::TooSoon));
    assert_eq!(scene.hear(&warm(Some(3), 23.4), 60_000), dropped(Dropped::Unchanged));
    assert!(scene.is_told(&warm(Some(4), 23.5), 60_000));
    assert!(!scene.is_told(&warm(Some(5), 23.5), 3_659_999));
    assert!(scene.is_told(&warm(Some(6), 23.5), 3_660_000));
    // After an hour, the same counter is another reading.
    assert!(!scene.is_told(&warm(Some(6), 30.5), 3_660_000 + 3_599_999));
    assert!(scene.is_told(&warm(Some(6), 30.5), 3_660_000 + 3_600_000));

    let mut scene = Scene { rules: Rules::from(&telling), ..Scene::default() };
    assert_eq!(scene.hear(&pressed(None), 0).events.len(), 1);
    assert_eq!(scene.hear(&pressed(None), 9_999), dropped(Dropped::SensorRate));
    assert_eq!(scene.hear(&pressed(None), 10_000).events.len(), 1);
}

#[test]
fn a_sensor_that_goes_wild_is_held_to_its_rate_and_heard_later() {
    let mut scene = Scene::default();
    for counter in 0..10 {
        assert_eq!(scene.hear(&pressed(Some(counter)), 0).events.len(), 1, "{counter}");
    }
    assert_eq!(scene.hear(&pressed(Some(10)), 999), dropped(Dropped::SensorRate));
    // The same one is sent several times: a later one passes.
    assert_eq!(scene.hear(&pressed(Some(10)), 1_000).events.len(), 1);
    assert_eq!(scene.hear(&pressed(Some(11)), 1_000), dropped(Dropped::SensorRate));
}

#[test]
fn all_sensors_together_are_held_to_a_rate() {
    let mut bridge = Bridge::default();
    let mut press = |now_ms| Sieve::default().sift(&pressed(None), &Rules::default(), &mut bridge, now_ms);
    for _ in 0..20 {
        assert_eq!(press(0).events.len(), 1);
    }
    assert_eq!(press(49), dropped(Dropped::BridgeRate));
    assert_eq!(press(50).events.len(), 1);
    assert_eq!(press(50), dropped(Dropped::BridgeRate));
}

#[test]
fn who_sends_other_values_each_time_does_not_fill_the_memory() {
    let mut scene = Scene::default();
    for number in 0..=255 {
        let key = Key { property: Property::Count, part: Part::Number(number), nth: 1 };
        let reading = Reading { values: vec![Value { key, datum: Datum::Number(1.0) }], ..reading(None) };
        assert!(scene.is_told(&reading, u64::from(number) * 1_000));
        assert!(scene.sieve.told.len() <= MOST_KEYS);
    }
}
