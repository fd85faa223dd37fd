//! The devices that a source spoke of, adopted or not, for whoever looks for one to adopt. Pure, and bounded whatever
//! is published.

use std::collections::HashMap;

use serde::Serialize;

use crate::clock::Now;
use crate::model::WallTime;

/// Devices of one source in the list; the one that was not spoken of for the longest time makes room. Ours.
const MOST: usize = 300;

/// Characters of the name of a device at its source. Ours: a Zigbee2MQTT name is shorter.
pub(super) const NAME_CHARS: usize = 128;

/// Whether a device can be called so at its source.
pub fn is_device_name(name: &str) -> bool {
    !name.trim().is_empty() && name.chars().count() <= NAME_CHARS && !name.chars().any(char::is_control)
}

/// Characters of the last reading that are kept. Ours.
const READING_CHARS: usize = 300;

/// A device that a source spoke of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// What it is called there.
    pub name: String,
    /// When it was spoken of first, since the start.
    pub first_seen: WallTime,
    /// When it was spoken of last.
    pub last_seen: WallTime,
    /// How often.
    pub count: u64,
    /// What was said last; none if nothing could be made of it.
    pub reading: Option<LastReading>,
}

/// What was said of a device last.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LastReading {
    /// The event that it is, or would be.
    pub event: String,
    /// Its data, or the beginning of it.
    pub data: String,
}

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Finds(HashMap<String, (u64, Found)>);

impl Finds {
    /// A device was spoken of. `reading` is what was said.
    pub(super) fn note(&mut self, name: &str, reading: Option<(&str, &[u8])>, now: Now) {
        if !self.0.contains_key(name) && self.0.len() >= MOST {
            let quietest = self.0.iter().min_by_key(|(name, (at_ms, _))| (*at_ms, *name));
            let quietest = quietest.map(|(name, _)| name.clone());
            quietest.and_then(|quietest| self.0.remove(&quietest));
        }
        let (at_ms, found) = self.0.entry(name.to_owned()).or_insert_with(|| {
            let found =
                Found { name: name.to_owned(), first_seen: now.wall, last_seen: now.wall, count: 0, reading: None };
            (now.mono_ms, found)
        });
        *at_ms = now.mono_ms;
        found.last_seen = now.wall;
        found.count += 1;
        if let Some((event, data)) = reading {
            let data = String::from_utf8_lossy(data).chars().take(READING_CHARS).collect();
            found.reading = Some(LastReading { event: event.to_owned(), data });
        }
    }

    /// The list, by name.
    pub(super) fn list(&self) -> Vec<Found> {
        let mut list: Vec<_> = self.0.values().map(|(_, found)| found.clone()).collect();
        list.sort_by(|one, other| one.name.cmp(&other.name));
        list
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Now {
        let wall = WallTime::from_millis(i64::try_from(seconds * 1_000).unwrap());
        Now { mono_ms: seconds * 1_000, wall }
    }

    #[test]
    fn a_device_is_listed_with_what_was_said_last() {
        let mut finds = Finds::default();
        finds.note("plug", Some(("sensor/x", b"1")), at(1));
        finds.note("lamp", None, at(2));
        finds.note("plug", Some(("state", &[0xff; 1_000])), at(3));
        finds.note("plug", None, at(4));
        let [lamp, plug] = finds.list().try_into().unwrap();
        assert_eq!((lamp.name.as_str(), lamp.reading), ("lamp", None));
        assert_eq!((plug.count, plug.first_seen, plug.last_seen), (3, at(1).wall, at(4).wall));
        let reading = plug.reading.unwrap();
        assert_eq!((reading.event.as_str(), reading.data.chars().count()), ("state", READING_CHARS));
    }

    #[test]
    fn of_too_many_devices_the_quietest_makes_room() {
        let mut finds = Finds::default();
        for number in 0..1_000 {
            finds.note(&format!("d{number}"), None, at(number));
            finds.note("d0", None, at(number));
        }
        let list = finds.list();
        assert_eq!(list.len(), MOST);
        assert!(list.iter().any(|found| found.name == "d0"));
        assert!(!list.iter().any(|found| found.name == "d1"));
    }
}
