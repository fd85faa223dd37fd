//! What the sources say, for the intake that hears them, and for whoever looks for a device to adopt. In memory: a
//! restart forgets it.

use std::collections::BTreeMap;
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::Mutex;

use crate::clock::Now;
use crate::model::DeviceId;
use crate::registry::Snapshot;
use crate::sources::Ear;
use crate::sources::Event;
use crate::sources::Found;
use crate::sources::Heard;
use crate::sources::Message;
use crate::sources::RuleSet;

/// Shared book of what sources say; bounded for each source, and there are as many as users registered. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Sources(Arc<Mutex<Book>>);

#[derive(Debug, Default)]
struct Book {
    ears: HashMap<DeviceId, Ear>,
    adopted: HashMap<DeviceId, HashMap<String, DeviceId>>,
    /// What is adopted is known from this.
    registry: Option<Arc<Snapshot>>,
}

/// What one source said since the start.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SourceReport {
    /// The devices that it spoke of, by name.
    pub devices: Vec<Found>,
    /// Publishes that no rule could read.
    pub unread: u64,
    /// The topic of the last of them.
    pub unread_topic: Option<String>,
    /// Readings of adopted devices that were no events, by reason.
    pub not_told: BTreeMap<&'static str, u64>,
}

impl Sources {
    /// A source published something. Who the source is was proved by its login, and what was adopted from it is what
    /// the registry says: what it publishes about any other device is no event.
    pub fn hear(
        &self,
        source: DeviceId,
        rules: &RuleSet,
        message: Message<'_>,
        registry: &Arc<Snapshot>,
        now: Now,
    ) -> Heard {
        let mut book = self.0.lock().expect("nothing here panics");
        book.take_up(registry);
        let Book { ears, adopted, .. } = &mut *book;
        let adopted = adopted.get(&source);
        ears.entry(source).or_default().hear(message, rules, |name| adopted?.get(name).copied(), now)
    }

    /// An event of a source was not taken, for that reason.
    pub fn untell(&self, source: DeviceId, event: &Event, reason: &'static str) {
        if let Some(ear) = self.0.lock().expect("nothing here panics").ears.get_mut(&source) {
            ear.untell(event, reason);
        }
    }

    /// What a source said since the start.
    pub fn report(&self, source: DeviceId) -> SourceReport {
        let book = self.0.lock().expect("nothing here panics");
        let Some(ear) = book.ears.get(&source) else { return SourceReport::default() };
        let (unread, unread_topic) = ear.unread();
        SourceReport {
            devices: ear.found(),
            unread,
            unread_topic: unread_topic.map(str::to_owned),
            not_told: ear.not_told().clone(),
        }
    }
}

impl Book {
    fn take_up(&mut self, registry: &Arc<Snapshot>) {
        if self.registry.as_ref().is_some_and(|known| Arc::ptr_eq(known, registry)) {
            return;
        }
        self.adopted.clear();
        for device in registry.devices.values() {
            let Some(adoption) = &device.adoption else { continue };
            let source = registry.devices.get(&adoption.source);
            // A source that is somebody else's now does not speak for the devices of its former owner.
            if source.is_some_and(|source| source.source.is_some() && source.owner == device.owner) {
                self.adopted.entry(adoption.source).or_default().insert(adoption.name.clone(), device.id);
            }
        }
        let is_source = |id: &DeviceId| registry.devices.get(id).is_some_and(|device| device.source.is_some());
        self.ears.retain(|source, _| is_source(source));
        for (source, ear) in &mut self.ears {
            let adopted = self.adopted.get(source);
            ear.keep(|device| adopted.is_some_and(|adopted| adopted.values().any(|known| *known == device)));
        }
        self.registry = Some(Arc::clone(registry));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Adoption;
    use crate::model::Device;
    use crate::model::SourceLogin;
    use crate::model::UserId;
    use crate::model::WallTime;
    use crate::registry::samples::device;
    use crate::registry::samples::snapshot;
    use crate::sources::preset;

    const NOW: Now = Now { mono_ms: 0, wall: WallTime::from_millis(0) };

    fn source(number: u8) -> Device {
        Device { source: Some(SourceLogin { rules: "tasmota".to_owned() }), ..device(number) }
    }

    fn adopted(number: u8, from: u8, name: &str) -> Device {
        let adoption = Adoption { source: DeviceId::from_bytes([from; 12]), name: name.to_owned() };
        Device { adoption: Some(adoption), ..device(number) }
    }

    /// Whose event it is when a source says that a plug was switched.
    fn spoken_for(sources: &Sources, from: u8, plug: &str, registry: &Arc<Snapshot>) -> Option<DeviceId> {
        let topic = format!("stat/{plug}/POWER");
        let message = Message { topic: &topic, payload: "ON".into(), is_replay: false };
        let id = DeviceId::from_bytes([from; 12]);
        let heard = sources.hear(id, preset("tasmota").unwrap(), message, registry, NOW);
        assert_eq!(heard.events.first().map(|event| event.device), heard.device);
        heard.device
    }

    #[test]
    fn a_source_speaks_only_for_what_was_adopted_from_it() {
        let sources = Sources::default();
        let registry = snapshot([source(1), source(2), adopted(3, 1, "plug"), adopted(4, 2, "lamp"), device(5)], []);
        let id = |number| Some(DeviceId::from_bytes([number; 12]));
        assert_eq!(spoken_for(&sources, 1, "plug", &registry), id(3));
        assert_eq!(spoken_for(&sources, 2, "lamp", &registry), id(4));
        let device_name = registry.devices[&id(5).unwrap()].name.as_str();
        let device_id = id(5).unwrap().to_string();
        for foreign in ["lamp", "Plug", device_name, &device_id, "device-3"] {
            assert_eq!(spoken_for(&sources, 1, foreign, &registry), None, "{foreign}");
        }
        let names: Vec<_> = sources.report(id(2).unwrap()).devices.into_iter().map(|found| found.name).collect();
        assert_eq!(names, ["lamp"], "each source has its own list");
    }

    #[test]
    fn what_is_not_adopted_any_more_is_not_spoken_for() {
        let sources = Sources::default();
        let before = snapshot([source(1), adopted(3, 1, "plug")], []);
        assert!(spoken_for(&sources, 1, "plug", &before).is_some());
        assert_eq!(spoken_for(&sources, 1, "plug", &snapshot([source(1)], [])), None);
        let stranger = Device { owner: UserId::from_bytes([9; 12]), ..source(1) };
        assert_eq!(spoken_for(&sources, 1, "plug", &snapshot([stranger, adopted(3, 1, "plug")], [])), None);
        assert_eq!(spoken_for(&sources, 1, "plug", &snapshot([device(1), adopted(3, 1, "plug")], [])), None);
    }
}
