//! Who is connected now, when each device was last heard, and what it says that it offers. In memory: a restart
//! forgets it.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::Mutex;

use crate::model::Description;
use crate::model::DeviceId;
use crate::model::WallTime;
use crate::registry::Registry;

/// What is known of a device's presence.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sighting {
    /// Connections that the device holds now.
    pub connections: u32,
    /// When it last opened a connection.
    pub connected_at: Option<WallTime>,
    /// Where it was when it did; none if that was over Bluetooth.
    pub address: Option<IpAddr>,
    /// When it last sent something.
    pub last_heard: Option<WallTime>,
    /// What it offers, as it said last; it is kept while the device is away.
    pub description: Option<Arc<Description>>,
}

/// Shared book of sightings; bounded by the devices that are registered or connected. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Presence(Arc<Mutex<Book>>);

#[derive(Debug, Default)]
struct Book {
    pages: HashMap<DeviceId, Page>,
    /// Pages that were begun: each has a number of its own.
    begun: u64,
}

#[derive(Debug)]
struct Page {
    number: u64,
    sighting: Sighting,
}

/// A connection that was noted: it can end only on the page on which it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Noted(u64);

impl Presence {
    /// The device opened a connection: from that address, or over Bluetooth without one.
    pub fn connected(&self, device: DeviceId, address: Option<IpAddr>, at: WallTime) -> Noted {
        self.change(device, |page| {
            page.sighting.connections += 1;
            page.sighting.connected_at = Some(at);
            page.sighting.address = address;
            page.sighting.last_heard = Some(at);
            Noted(page.number)
        })
    }

    /// One of the device's connections ended. If the device was forgotten since, nothing is known of it.
    pub fn disconnected(&self, device: DeviceId, noted: Noted) {
        let mut book = self.0.lock().expect("changes do not panic");
        if let Some(page) = book.pages.get_mut(&device).filter(|page| page.number == noted.0) {
            page.sighting.connections = page.sighting.connections.saturating_sub(1);
        }
    }

    /// The device sent something.
    pub fn heard(&self, device: DeviceId, at: WallTime) {
        self.change(device, |page| page.sighting.last_heard = Some(at));
    }

    /// The device said what it offers, and nothing else any more.
    pub fn described(&self, device: DeviceId, description: Arc<Description>) {
        self.change(device, |page| page.sighting.description = Some(description));
    }

    /// The device is about to be somebody else's.
    pub fn forget(&self, device: DeviceId) {
        self.0.lock().expect("changes do not panic").pages.remove(&device);
    }

    /// Forgets devices that are not registered any more. One that is still connected is looked at the next time: its
    /// owner may take it back before anybody noticed.
    pub fn keep_registered(&self, registry: &Registry) {
        let snapshot = registry.snapshot();
        let mut book = self.0.lock().expect("changes do not panic");
        book.pages.retain(|device, page| page.sighting.connections > 0 || snapshot.devices.contains_key(device));
    }

    /// What is known of the device.
    pub fn of(&self, device: DeviceId) -> Sighting {
        let book = self.0.lock().expect("changes do not panic");
        book.pages.get(&device).map(|page| page.sighting.clone()).unwrap_or_default()
    }

    fn change<T>(&self, device: DeviceId, change: impl FnOnce(&mut Page) -> T) -> T {
        let mut book = self.0.lock().expect("changes do not panic");
        let Book { pages, begun } = &mut *book;
        change(pages.entry(device).or_insert_with(|| {
            *begun += 1;
            Page { number: *begun, sighting: Sighting::default() }
        }))
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;
    use crate::chance::Chance;
    use crate::store::Meta;

    const DEVICE: DeviceId = DeviceId::from_bytes([1; 12]);

    fn at(ms: i64) -> WallTime {
        WallTime::from_millis(ms)
    }

    #[test]
    fn a_device_that_is_away_is_known_as_it_was_last() {
        let presence = Presence::default();
        let description = Arc::new(Description { product_version: Some(3), ..Description::default() });
        presence.connected(DEVICE, Some(Ipv4Addr::new(10, 0, 0, 1).into()), at(1));
        presence.described(DEVICE, Arc::clone(&description));
        let noted = presence.connected(DEVICE, Some(Ipv4Addr::new(10, 0, 0, 2).into()), at(2));
        presence.heard(DEVICE, at(3));
        presence.disconnected(DEVICE, noted);
        presence.disconnected(DEVICE, noted);
        let known = Sighting {
            connections: 0,
            connected_at: Some(at(2)),
            address: Some(Ipv4Addr::new(10, 0, 0, 2).into()),
            last_heard: Some(at(3)),
            description: Some(description),
        };
        assert_eq!(presence.of(DEVICE), known);
    }

    #[test]
    fn of_a_device_that_was_removed_nothing_is_known() {
        let presence = Presence::default();
        let before = presence.connected(DEVICE, Some(Ipv4Addr::LOCALHOST.into()), at(1));
        presence.described(DEVICE, Arc::default());
        presence.forget(DEVICE);
        presence.disconnected(DEVICE, before);
        assert_eq!(presence.of(DEVICE), Sighting::default());
        presence.connected(DEVICE, Some(Ipv4Addr::LOCALHOST.into()), at(2));
        presence.disconnected(DEVICE, before);
        assert_eq!(presence.of(DEVICE).connections, 1, "that was another connection");
        let data = tempfile::tempdir().unwrap();
        let registry = Registry::load(Meta::open(data.path()).unwrap(), Chance::from_seed(1)).unwrap();
        presence.keep_registered(&registry);
        assert_eq!(presence.of(DEVICE).connections, 1, "it is still there");
        presence.forget(DEVICE);
        presence.heard(DEVICE, at(3));
        presence.keep_registered(&registry);
        assert_eq!(presence.of(DEVICE), Sighting::default());
    }
}
