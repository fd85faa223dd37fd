use super::*;
use crate::model::WallTime;
use crate::sources::found::NAME_CHARS;
use crate::sources::preset;

const PLUG: DeviceId = DeviceId::from_bytes([1; 12]);
const TOPIC: &str = "tele/plug/SENSOR";
const READING: &str = r#"{"Time":"x","DS18B20":{"Temperature":20.6}}"#;

fn at(seconds: u64) -> Now {
    let wall = WallTime::from_millis(i64::try_from(seconds * 1_000).unwrap());
    Now { mono_ms: seconds * 1_000, wall }
}

fn said(topic: &'static str, payload: &str) -> Message<'static> {
    Message { topic, payload: Bytes::from(payload.to_owned()), is_replay: false }
}

/// What a Tasmota of which the plug is adopted says.
fn hear(ear: &mut Ear, message: Message<'_>, seconds: u64) -> Heard {
    ear.hear(message, preset("tasmota").unwrap(), |name| (name == "plug").then_some(PLUG), at(seconds))
}

fn names(heard: &Heard) -> Vec<&str> {
    heard.events.iter().map(|event| event.name.as_str()).collect()
}

#[test]
fn an_adopted_device_makes_events_and_the_others_are_listed_only() {
    let mut ear = Ear::default();
    let heard = hear(&mut ear, said(TOPIC, READING), 1);
    assert_eq!((heard.device, names(&heard)), (Some(PLUG), vec!["sensor/DS18B20"]));
    assert_eq!((heard.events[0].device, heard.events[0].data.as_ref()), (PLUG, br#"{"Temperature":20.6}"#.as_slice()));
    assert_eq!(hear(&mut ear, said("tele/lamp/SENSOR", READING), 1), Heard::default());
    let found: Vec<_> = ear.found().into_iter().map(|found| (found.name, found.count)).collect();
    assert_eq!(found, [("lamp".to_owned(), 1), ("plug".to_owned(), 1)]);
    assert_eq!(ear.found()[0].reading.as_ref().unwrap().event, "sensor/DS18B20");
}

#[test]
fn what_no_rule_can_read_is_counted() {
    let mut ear = Ear::default();
    for topic in ["cmnd/plug/POWER", "elsewhere"] {
        assert_eq!(hear(&mut ear, said(topic, "1"), 1), Heard::default());
    }
    assert_eq!((ear.unread(), ear.found()), ((2, Some("elsewhere")), vec![]));
}

#[test]
fn what_did_not_change_is_no_event_until_it_was_not_taken() {
    let mut ear = Ear::default();
    let heard = hear(&mut ear, said(TOPIC, READING), 1);
    assert_eq!(hear(&mut ear, said(TOPIC, READING), 100).events, []);
    ear.untell(&heard.events[0], "refused");
    assert_eq!(names(&hear(&mut ear, said(TOPIC, READING), 101)), ["sensor/DS18B20"]);
    assert_eq!(*ear.not_told(), [("refused", 1), ("unchanged", 1)].into());
}

#[test]
fn a_replay_is_listed_and_neither_told_nor_remembered() {
    let mut ear = Ear::default();
    let replay = Message { is_replay: true, ..said(TOPIC, READING) };
    assert_eq!(hear(&mut ear, replay, 1), Heard { device: Some(PLUG), events: Vec::new() });
    assert_eq!(ear.found().len(), 1);
    assert_eq!(*ear.not_told(), [("replay", 1)].into());
    assert_eq!(names(&hear(&mut ear, said(TOPIC, READING), 2)), ["sensor/DS18B20"]);
}

#[test]
fn a_device_that_is_not_adopted_any_more_begins_anew() {
    let mut ear = Ear::default();
    hear(&mut ear, said(TOPIC, READING), 1);
    ear.keep(|_| false);
    assert_eq!(names(&hear(&mut ear, said(TOPIC, READING), 2)), ["sensor/DS18B20"]);
}

#[test]
fn the_name_of_an_event_is_one_that_can_be_published() {
    let mut ear = Ear::default();
    let long = "x".repeat(100);
    let heard = hear(&mut ear, said(TOPIC, &format!(r#"{{"Küche #1":1,"{long}":2}}"#)), 1);
    assert_eq!(names(&heard), ["sensor/K_che _1", &format!("sensor/{}", &long[..57])]);
}

#[test]
fn what_farhook_says_and_is_told_is_nobodys_to_be_spoken_for() {
    let mut ear = Ear::default();
    let rules = preset("shelly2").unwrap();
    let payload =
        r#"{"src":"plug","method":"NotifyStatus","params":{"farhook/describe":{},"hook-response/x":1,"switch:0":{}}}"#;
    let heard = ear.hear(said("p/events/rpc", payload), rules, |_| Some(PLUG), at(1));
    assert_eq!(names(&heard), ["switch:0"]);
    assert_eq!(*ear.not_told(), [("reserved", 2)].into());
}

#[test]
fn a_device_without_a_proper_name_is_none() {
    let mut ear = Ear::default();
    let rules = preset("shelly2").unwrap();
    let payload = |src: &str| format!(r#"{{"src":"{src}","method":"NotifyStatus","params":{{"switch:0":{{}}}}}}"#);
    for src in ["", " ", r"a\nb", &"x".repeat(NAME_CHARS + 1)] {
        ear.hear(said("p/events/rpc", &payload(src)), rules, |_| Some(PLUG), at(1));
    }
    assert_eq!((ear.unread().0, ear.found()), (4, vec![]));
}
