//! Changes of sources, and of the devices that are adopted from them.

use std::sync::Arc;

use crate::model::Adoption;
use crate::model::Device;
use crate::model::DeviceName;
use crate::model::Key;
use crate::model::KeyHash;
use crate::model::SourceLogin;
use crate::model::UserId;
use crate::model::WallTime;
use crate::registry::Registry;
use crate::registry::RegistryError;
use crate::registry::Snapshot;
use crate::registry::changes::devices;

/// Sources of all users: of each it is remembered what it said of which device. Ours.
const MAX_SOURCES: usize = 32;

impl Registry {
    /// Registers the login of a source. Its key is shown now or never. Whether there are such rules, the caller knows.
    ///
    /// # Errors
    /// When the name is taken, there are too many devices or sources, or the disk refuses.
    pub fn add_source(
        &self,
        owner: UserId,
        name: DeviceName,
        login: SourceLogin,
        now: WallTime,
    ) -> Result<(Arc<Device>, Key), RegistryError> {
        self.add_special(owner, name, now, |snapshot, device| {
            if snapshot.devices.values().filter(|device| device.source.is_some()).count() >= MAX_SOURCES {
                return Err(RegistryError::TooMany { what: "sources", limit: MAX_SOURCES });
            }
            device.source = Some(login);
            Ok(())
        })
    }

    /// Has the topics of a source read by other rules.
    ///
    /// # Errors
    /// When the user has no such device, it is no source, or the disk refuses.
    pub fn set_source(&self, owner: UserId, source: &str, login: SourceLogin) -> Result<Arc<Device>, RegistryError> {
        self.change(|snapshot, rows| {
            let device = devices::find(snapshot, owner, source)?;
            if device.source.is_none() {
                return Err(RegistryError::NoSource { name: device.name.clone() });
            }
            Ok(devices::put(snapshot, rows, Device { source: Some(login), ..Device::clone(&device) }))
        })
    }

    /// Makes what a source calls `known_as` a device. Its key is shown to nobody: the source speaks for it.
    ///
    /// # Errors
    /// When the user has no such source, the device is adopted already, its name is taken, there are too many devices,
    /// or the disk refuses.
    pub fn adopt_device(
        &self,
        owner: UserId,
        source: &str,
        known_as: &str,
        name: DeviceName,
        now: WallTime,
    ) -> Result<Arc<Device>, RegistryError> {
        let (device, _) = self.add_special(owner, name, now, |snapshot, device| {
            let source = devices::find(snapshot, owner, source)?;
            if source.source.is_none() {
                return Err(RegistryError::NoSource { name: source.name.clone() });
            }
            let adoption = Adoption { source: source.id, name: known_as.to_owned() };
            if snapshot.devices.values().any(|other| other.adoption.as_ref() == Some(&adoption)) {
                return Err(RegistryError::AdoptedFrom { known_as: adoption.name, from: source.name.clone() });
            }
            device.adoption = Some(adoption);
            Ok(())
        })?;
        Ok(device)
    }

    /// Forgets a device that was adopted from a source. What was told of it before is still delivered.
    ///
    /// # Errors
    /// When the user has no such device, it was not adopted from a source, or the disk refuses.
    pub fn forget_adopted(&self, owner: UserId, device: &str) -> Result<Arc<Device>, RegistryError> {
        self.change(|snapshot, rows| {
            let device = devices::find(snapshot, owner, device)?;
            if device.adoption.is_none() {
                return Err(RegistryError::NotAdopted { name: device.name.clone() });
            }
            devices::release(snapshot, rows, &device);
            Ok(device)
        })
    }

    fn add_special(
        &self,
        owner: UserId,
        name: DeviceName,
        now: WallTime,
        make: impl FnOnce(&Snapshot, &mut Device) -> Result<(), RegistryError>,
    ) -> Result<(Arc<Device>, Key), RegistryError> {
        self.change_of(owner, |snapshot, rows| {
            devices::free_name(snapshot, owner, &name, None)?;
            if snapshot.devices.len() >= devices::MAX_DEVICES {
                return Err(RegistryError::TooMany { what: "devices", limit: devices::MAX_DEVICES });
            }
            let key = self.chance.key();
            let mut device = Device {
                id: self.chance.device_id(),
                name,
                owner,
                key_hash: KeyHash::of(key.reveal()),
                created_at: now,
                reads_all_results: false,
                product: None,
                notes: None,
                sensor: None,
                source: None,
                adoption: None,
            };
            make(snapshot, &mut device)?;
            Ok((devices::put(snapshot, rows, device), key))
        })
    }
}
