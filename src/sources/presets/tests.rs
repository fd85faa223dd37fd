use serde::Deserialize;

use super::PRESETS;
use super::preset;
use crate::model::EventName;
use crate::sources::payload::Payload;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Examples {
    example: Vec<Example>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Example {
    preset: String,
    source: String,
    topic: String,
    payload: String,
    device: Option<String>,
    events: Vec<(String, String)>,
}

fn examples() -> Vec<Example> {
    toml::from_str::<Examples>(include_str!("examples.toml")).unwrap().example
}

#[test]
fn a_preset_reads_what_its_devices_publish() {
    for Example { preset: name, topic, payload, device, events, .. } in examples() {
        let read = preset(&name).unwrap().read(&topic, &Payload::new(payload.into()));
        let made = read.map(|(made, _)| made).unwrap_or_default();
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        let told: Vec<_> = made.readings.iter().map(|reading| (reading.event.clone(), text(&reading.data))).collect();
        assert_eq!(told, events, "{name}: {topic}");
        assert_eq!(made.device, device.unwrap_or(made.device.clone()), "{name}: {topic}");
        for (event, _) in told {
            assert!(EventName::published(&event).is_ok(), "{name}: {event}");
        }
    }
}

#[test]
fn every_preset_has_examples_and_every_example_its_source() {
    let examples = examples();
    for name in PRESETS {
        let told = examples.iter().filter(|example| example.preset == name && !example.events.is_empty());
        assert!(told.count() >= 1, "{name}");
    }
    assert!(examples.iter().all(|example| example.source.starts_with("https://")));
}
