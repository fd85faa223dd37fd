//! An event as it is written on an event stream.
//!
//! ```text
//! id: 0000018d5a3f7c41…
//! event: temp/kitchen
//! data: {"data":"21.5","ttl":60,"published_at":"2016-04-16T13:37:08.728Z","coreid":"0123456789abcdef01234567"}
//! ```
//! and an empty line. As in Particle's cloud, with an `id` for clients that come back (`Last-Event-ID`); Particle's own
//! client passes over it. Source: particle-api-js 12, `EventStream.js`, `parseEventStreamLine`.

use std::fmt::Write;

use serde::Serialize;

use crate::model::Event;

#[derive(Serialize)]
struct Shown<'a> {
    data: &'a str,
    ttl: u32,
    published_at: String,
    coreid: String,
}

/// The frame of an event. No name can break it: there are no line breaks in an [`EventName`](crate::model::EventName).
pub(super) fn frame(event: &Event) -> String {
    let shown = Shown {
        data: &event.data,
        ttl: event.ttl_s,
        published_at: event.published_at.to_string(),
        coreid: event.source.coreid(),
    };
    let json = serde_json::to_string(&shown).expect("an event is plain JSON");
    format!("id: {}\nevent: {}\ndata: {}\n\n", event.id, event.name, ascii(&json))
}

/// The same JSON in ASCII. Particle's client makes text of each piece that it reads, and the network may cut a piece
/// anywhere: characters of more than one byte would be lost at the cut.
fn ascii(json: &str) -> String {
    let mut ascii = String::with_capacity(json.len());
    for c in json.chars() {
        if c.is_ascii() {
            ascii.push(c);
        } else {
            // What is not ASCII stands in strings, where it may be escaped.
            for unit in c.encode_utf16(&mut [0; 2]) {
                write!(ascii, "\\u{unit:04x}").expect("a text takes everything");
            }
        }
    }
    ascii
}

#[cfg(test)]
pub(super) mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;
    use crate::model::DeviceId;
    use crate::model::EventId;
    use crate::model::EventName;
    use crate::model::Publishing;
    use crate::model::Source;
    use crate::model::UserId;
    use crate::model::WallTime;

    pub(in crate::http) fn event(number: u16, name: &str, data: &str) -> Event {
        let mut id = [0; 12];
        id[4..6].copy_from_slice(&number.to_be_bytes());
        Event {
            id: EventId::from_bytes(id),
            name: EventName::emitted(name),
            data: data.to_owned(),
            ttl_s: 60,
            published_at: WallTime::from_millis(1_460_813_828_728),
            source: Source::Device(DeviceId::from_bytes([1; 12])),
            owner: UserId::from_bytes([2; 12]),
            product: None,
            publishing: Publishing::default(),
        }
    }

    #[test]
    fn a_frame_is_as_particles_cloud_writes_it() {
        assert_eq!(
            frame(&event(7, "temp/kitchen", "21.5")),
            "id: 000000000007000000000000\nevent: temp/kitchen\ndata: {\"data\":\"21.5\",\"ttl\":60,\
             \"published_at\":\"2016-04-16T13:37:08.728Z\",\"coreid\":\"010101010101010101010101\"}\n\n"
        );
    }

    #[test]
    fn no_character_can_be_cut_in_two() {
        let frame = frame(&event(7, "temp", "21.5 °C, 🙂"));
        assert!(frame.contains(r#""data":"21.5 \u00b0C, \ud83d\ude42""#), "{frame}");
    }

    proptest! {
        #[test]
        fn no_name_and_no_data_breaks_a_frame(name in ".{0,80}", data in "(?s).{0,200}") {
            let event = event(7, &name, &data);
            let frame = frame(&event);
            prop_assert!(frame.is_ascii() && !frame.contains('\r'));
            let lines: Vec<_> = frame.split('\n').collect();
            prop_assert_eq!((lines.len(), lines[3], lines[4]), (5, "", ""));
            prop_assert_eq!(lines[1].strip_prefix("event: "), Some(event.name.as_str()));
            let shown: Value = serde_json::from_str(lines[2].strip_prefix("data: ").unwrap()).unwrap();
            prop_assert_eq!(&shown["data"], &Value::String(data));
        }
    }
}
