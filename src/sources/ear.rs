//! What is known of one source, and what becomes of each publish of it.

use std::collections::BTreeMap;

use bytes::Bytes;

use crate::clock::Now;
use crate::model::DeviceId;
use crate::model::EventName;
use crate::model::is_reserved;
use crate::model::spec;
use crate::sources::found;
use crate::sources::found::Finds;
use crate::sources::found::Found;
use crate::sources::payload::Payload;
use crate::sources::rules::RuleSet;
use crate::sources::told::Told;

/// Characters of a topic that are kept.
const TOPIC_CHARS: usize = 200;

/// A publish of a source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message<'a> {
    /// Where.
    pub topic: &'a str,
    /// What.
    pub payload: Bytes,
    /// Whether it is of the past; see the module above.
    pub is_replay: bool,
}

/// An event of an adopted device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// Whose it is.
    pub device: DeviceId,
    /// Its name.
    pub name: String,
    /// Its data.
    pub data: Bytes,
    /// What its reading is remembered by.
    reading: String,
}

/// What became of a publish.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Heard {
    /// The adopted device that it was about.
    pub device: Option<DeviceId>,
    /// What is told of it.
    pub events: Vec<Event>,
}

/// See the module.
#[derive(Debug, Default)]
pub struct Ear {
    finds: Finds,
    told: Told,
    /// Publishes that no rule could read.
    unread: u64,
    /// The topic of the last of them.
    unread_topic: Option<String>,
    /// Readings of adopted devices that were no events, by reason.
    not_told: BTreeMap<&'static str, u64>,
}

impl Ear {
    /// A publish came. `adopted` is which device was adopted from this source under a name.
    pub fn hear(
        &mut self,
        message: Message<'_>,
        rules: &RuleSet,
        adopted: impl Fn(&str) -> Option<DeviceId>,
        now: Now,
    ) -> Heard {
        let payload = Payload::new(message.payload);
        let made = rules.read(message.topic, &payload).filter(|(made, _)| found::is_device_name(&made.device));
        let Some((made, telling)) = made else {
            self.unread += 1;
            self.unread_topic = Some(message.topic.chars().take(TOPIC_CHARS).collect());
            return Heard::default();
        };
        let last = made.readings.last().map(|reading| (reading.event.as_str(), reading.data.as_ref()));
        self.finds.note(&made.device, last, now);
        let Some(device) = adopted(&made.device) else { return Heard::default() };
        if message.is_replay {
            self.count("replay", made.readings.len());
            return Heard { device: Some(device), events: Vec::new() };
        }
        self.count("too_many", made.left_out);
        let mut events = Vec::new();
        for reading in made.readings {
            let name = carried(&reading.event);
            // What farhook itself says, and what is said to it, is nobody's to be spoken for.
            if is_reserved(&name).is_some() {
                self.count("reserved", 1);
                continue;
            }
            match self.told.tell(device, &reading, telling, now.mono_ms) {
                Ok(()) => events.push(Event { device, name, data: reading.data, reading: reading.event }),
                Err(dropped) => self.count(dropped.name(), 1),
            }
        }
        Heard { device: Some(device), events }
    }

    /// An event was not taken: the next of its kind is told, also if nothing changed. `reason` is a word for why.
    pub fn untell(&mut self, event: &Event, reason: &'static str) {
        self.told.untell(event.device, &event.reading);
        self.count(reason, 1);
    }

    /// Forgets what it remembers of devices that are not adopted any more.
    pub fn keep(&mut self, is_adopted: impl Fn(DeviceId) -> bool) {
        self.told.keep(is_adopted);
    }

    /// The devices that were spoken of since the start, by name.
    pub fn found(&self) -> Vec<Found> {
        self.finds.list()
    }

    /// Publishes that no rule could read, and the topic of the last one.
    pub fn unread(&self) -> (u64, Option<&str>) {
        (self.unread, self.unread_topic.as_deref())
    }

    /// Readings of adopted devices that were no events, by reason.
    pub fn not_told(&self) -> &BTreeMap<&'static str, u64> {
        &self.not_told
    }

    fn count(&mut self, reason: &'static str, readings: usize) {
        if readings > 0 {
            *self.not_told.entry(reason).or_default() += u64::try_from(readings).unwrap_or(u64::MAX);
        }
    }
}

/// The name of an event as it can be published: what cannot stand in one becomes `_`, and what is too long is cut.
fn carried(name: &str) -> String {
    EventName::emitted(name).as_str().chars().take(spec::EVENT_NAME_CHARS).collect()
}

#[cfg(test)]
mod tests;
