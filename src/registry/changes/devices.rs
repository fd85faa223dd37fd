//! Changes of devices.
//!
//! A device that its owner removes is released: it is nobody's and cannot log in, but its id and key are kept, so that
//! it can be claimed again, as in Particle's cloud.

use std::sync::Arc;

use crate::model::Device;
use crate::model::DeviceId;
use crate::model::DeviceName;
use crate::model::Key;
use crate::model::KeyHash;
use crate::model::ProductId;
use crate::model::UserId;
use crate::model::WallTime;
use crate::registry::Registry;
use crate::registry::RegistryError;
use crate::registry::Snapshot;
use crate::registry::changes::DEVICES;
use crate::registry::changes::RELEASED;
use crate::registry::changes::products;
use crate::store::MetaChanges;

/// Devices of all users. Ours: many times what one gateway serves.
pub(super) const MAX_DEVICES: usize = 10_000;

/// Released devices that are remembered for each former owner; the one that was added first is forgotten. Ours.
const MAX_RELEASED: usize = 64;

/// What can be said about a device; what is not said stays as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DeviceChange {
    /// See [`Device::name`].
    pub name: Option<DeviceName>,
    /// See [`Device::notes`]; an empty text takes them away.
    pub notes: Option<String>,
}

impl Registry {
    /// Registers a device; without a name it gets one from its id. The key is shown now or never.
    ///
    /// # Errors
    /// When the name is taken, the product is not the user's, there are too many, or the disk refuses.
    pub fn add_device(
        &self,
        owner: UserId,
        name: Option<DeviceName>,
        product: Option<ProductId>,
        now: WallTime,
    ) -> Result<(Arc<Device>, Key), RegistryError> {
        self.change_of(owner, |snapshot, rows| {
            let id = self.chance.device_id();
            let name = name.unwrap_or_else(|| default_name(id));
            free_name(snapshot, owner, &name, None)?;
            products::must_be_of(snapshot, owner, product)?;
            if snapshot.devices.len() >= MAX_DEVICES {
                return Err(RegistryError::TooMany { what: "devices", limit: MAX_DEVICES });
            }
            let key = self.chance.key();
            let key_hash = KeyHash::of(key.reveal());
            let device = Device {
                id,
                name,
                owner,
                key_hash,
                created_at: now,
                reads_all_results: false,
                product,
                notes: None,
                sensor: None,
                source: None,
                adoption: None,
            };
            Ok((put(snapshot, rows, device), key))
        })
    }

    /// Gives a device a new key; the old one is worth nothing from now on.
    ///
    /// # Errors
    /// When the user has no such device or the disk refuses.
    pub fn renew_key(&self, owner: UserId, device: &str) -> Result<(Arc<Device>, Key), RegistryError> {
        self.change(|snapshot, rows| {
            let device = find(snapshot, owner, device)?;
            let key = self.chance.key();
            let mut renewed = Device { key_hash: KeyHash::of(key.reveal()), ..Device::clone(&device) };
            if let Some(sensor) = &mut renewed.sensor {
                sensor.take_key(&key);
            }
            Ok((put(snapshot, rows, renewed), key))
        })
    }

    /// Gives a device another name, or notes something about it.
    ///
    /// # Errors
    /// When the user has no such device, has another one of that name, the notes are too long, or the disk refuses.
    pub fn change_device(
        &self,
        owner: UserId,
        device: &str,
        change: DeviceChange,
    ) -> Result<Arc<Device>, RegistryError> {
        self.change(|snapshot, rows| {
            let device = find(snapshot, owner, device)?;
            let mut changed = Device::clone(&device);
            if let Some(name) = change.name {
                free_name(snapshot, owner, &name, Some(device.id))?;
                changed.name = name;
            }
            if let Some(notes) = change.notes {
                if notes.chars().count() > Device::NOTES_CHARS {
                    return Err(RegistryError::NotesTooLong);
                }
                changed.notes = Some(notes).filter(|notes| !notes.is_empty());
            }
            Ok(put(snapshot, rows, changed))
        })
    }

    /// Releases a device. What it published before is still delivered.
    ///
    /// # Errors
    /// When the user has no such device or the disk refuses.
    pub fn remove_device(&self, owner: UserId, device: &str) -> Result<Arc<Device>, RegistryError> {
        self.change(|snapshot, rows| {
            let device = find(snapshot, owner, device)?;
            release(snapshot, rows, &device);
            Ok(device)
        })
    }

    /// Takes a released device. Who released it gets it back with its key; somebody else gets it with a new one, which
    /// is shown now or never: the old one is known to its former owner. A user who has it already gets it as it is. If
    /// the user has another device of its name, it is given its id's beginning as its name.
    ///
    /// # Errors
    /// When nobody released such a device, it is somebody else's, or the disk refuses.
    pub fn claim_device(&self, owner: UserId, id: DeviceId) -> Result<(Arc<Device>, Option<Key>), RegistryError> {
        self.change_of(owner, |snapshot, rows| {
            match snapshot.devices.get(&id) {
                Some(device) if device.owner == owner => return Ok((Arc::clone(device), None)),
                Some(_) => return Err(RegistryError::OthersDevice { id }),
                None => {}
            }
            let device = snapshot.released.remove(&id);
            let device = device.ok_or_else(|| RegistryError::NoDevice { wanted: id.to_string() })?;
            rows.remove(format!("{RELEASED}{id}"));
            let is_free = free_name(snapshot, owner, &device.name, None).is_ok();
            let name = if is_free { device.name.clone() } else { free_default_name(snapshot, owner, id) };
            let key = (device.owner != owner).then(|| self.chance.key());
            let key_hash = key.as_ref().map_or(device.key_hash, |key| KeyHash::of(key.reveal()));
            Ok((put(snapshot, rows, Device { name, owner, key_hash, ..Device::clone(&device) }), key))
        })
    }

    /// Puts devices into a product, or takes them out of theirs: those of `devices` that are the owner's. Gives them
    /// back.
    ///
    /// # Errors
    /// When the product is not the owner's, or the disk refuses.
    pub fn move_devices(
        &self,
        owner: UserId,
        devices: &[DeviceId],
        product: Option<ProductId>,
    ) -> Result<Vec<Arc<Device>>, RegistryError> {
        self.change(|snapshot, rows| {
            products::must_be_of(snapshot, owner, product)?;
            let found = devices.iter().filter_map(|id| snapshot.devices.get(id)).filter(|device| device.owner == owner);
            let found: Vec<_> = found.cloned().collect();
            let moved = |device: Arc<Device>| put(snapshot, rows, Device { product, ..Device::clone(&device) });
            Ok(found.into_iter().map(moved).collect())
        })
    }
}

/// What a device is called that was given no name, or whose name is taken.
fn default_name(id: DeviceId) -> DeviceName {
    let name = format!("device-{}", &id.to_string()[..8]);
    DeviceName::try_from(name).expect("it is short and plain")
}

pub(super) fn put(snapshot: &mut Snapshot, rows: &mut MetaChanges, device: Device) -> Arc<Device> {
    rows.put(format!("{DEVICES}{}", device.id), &device);
    let device = Arc::new(device);
    snapshot.devices.insert(device.id, Arc::clone(&device));
    device
}

/// Makes a device nobody's, and forgets the oldest such one if there are too many. A sensor, or what
/// was adopted from a source, is forgotten at once: it has no key that anybody knows, and can be adopted again.
pub(super) fn release(snapshot: &mut Snapshot, rows: &mut MetaChanges, device: &Arc<Device>) {
    snapshot.devices.remove(&device.id);
    rows.remove(format!("{DEVICES}{}", device.id));
    if device.sensor.is_some() || device.adoption.is_some() {
        return;
    }
    let released = Device { product: None, notes: None, reads_all_results: false, ..Device::clone(device) };
    rows.put(format!("{RELEASED}{}", device.id), &released);
    snapshot.released.insert(device.id, Arc::new(released));
    let of_owner = || snapshot.released.values().filter(|released| released.owner == device.owner);
    if of_owner().count() > MAX_RELEASED {
        // Not this one, however old it is: who just removed it may want it back.
        let others = of_owner().filter(|released| released.id != device.id);
        let oldest = others.min_by_key(|released| released.created_at).map(|released| released.id);
        if let Some(oldest) = oldest {
            snapshot.released.remove(&oldest);
            rows.remove(format!("{RELEASED}{oldest}"));
        }
    }
}

/// A name from the device's id that no other device of the owner has.
fn free_default_name(snapshot: &Snapshot, owner: UserId, id: DeviceId) -> DeviceName {
    let short = default_name(id);
    if free_name(snapshot, owner, &short, None).is_ok() {
        return short;
    }
    // Nobody calls another one so by chance.
    DeviceName::try_from(format!("device-{id}")).expect("it is short and plain")
}

pub(super) fn free_name(
    snapshot: &Snapshot,
    owner: UserId,
    name: &DeviceName,
    except: Option<DeviceId>,
) -> Result<(), RegistryError> {
    let taken = |device: &&Arc<Device>| Some(device.id) != except && device.name.is_same(name.as_str());
    match snapshot.devices_of(owner).find(taken) {
        Some(device) => Err(RegistryError::NameTaken { name: name.clone(), id: device.id }),
        None => Ok(()),
    }
}

pub(super) fn find(snapshot: &Snapshot, owner: UserId, device: &str) -> Result<Arc<Device>, RegistryError> {
    let found = snapshot.device_of(owner, device).cloned();
    found.ok_or_else(|| RegistryError::NoDevice { wanted: device.to_owned() })
}
