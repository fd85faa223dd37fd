//! Who is connected now, and when each device was last heard. In memory: a restart forgets it.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::Mutex;

use crate::model::DeviceId;
use crate::model::WallTime;

/// What is known of a device's presence.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Sighting {
    /// Connections that the device holds now.
    pub connections: u32,
    /// When it last sent something.
    pub last_heard: Option<WallTime>,
}

/// Shared book of sightings; bounded by the number of registered devices. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Presence(Arc<Mutex<HashMap<DeviceId, Sighting>>>);

impl Presence {
    /// The device opened a connection.
    pub fn connected(&self, device: DeviceId, at: WallTime) {
        self.change(device, |sighting| {
            sighting.connections += 1;
            sighting.last_heard = Some(at);
        });
    }

    /// One of the device's connections ended.
    pub fn disconnected(&self, device: DeviceId) {
        // A device that was removed in the meantime has no entry and gets none.
        if let Some(sighting) = self.0.lock().expect("changes do not panic").get_mut(&device) {
            sighting.connections = sighting.connections.saturating_sub(1);
        }
    }

    /// The device sent something.
    pub fn heard(&self, device: DeviceId, at: WallTime) {
        self.change(device, |sighting| sighting.last_heard = Some(at));
    }

    /// The device was removed.
    pub fn forget(&self, device: DeviceId) {
        self.0.lock().expect("changes do not panic").remove(&device);
    }

    /// What is known of the device.
    pub fn of(&self, device: DeviceId) -> Sighting {
        self.0.lock().expect("changes do not panic").get(&device).copied().unwrap_or_default()
    }

    fn change(&self, device: DeviceId, change: impl FnOnce(&mut Sighting)) {
        change(self.0.lock().expect("changes do not panic").entry(device).or_default());
    }
}
