//! Changes of sensors: devices that are known by the address of their radio.

use std::sync::Arc;

use crate::model::Device;
use crate::model::DeviceName;
use crate::model::Hidden;
use crate::model::Key;
use crate::model::KeyHash;
use crate::model::Sensor;
use crate::model::TellingChange;
use crate::model::UserId;
use crate::model::WallTime;
use crate::registry::Registry;
use crate::registry::RegistryError;
use crate::registry::changes::devices;

impl Registry {
    /// Makes a sensor a device: from now on its readings are events. The key is shown now or never, to whoever writes
    /// the program of a device that is connected to.
    ///
    /// # Errors
    /// When the name is taken, the sensor is adopted already, there are too many devices, or the disk refuses.
    pub fn adopt_sensor(
        &self,
        owner: UserId,
        name: DeviceName,
        mut sensor: Sensor,
        now: WallTime,
    ) -> Result<(Arc<Device>, Key), RegistryError> {
        self.change_of(owner, |snapshot, rows| {
            devices::free_name(snapshot, owner, &name, None)?;
            let address = sensor.address;
            if snapshot.sensors().any(|(_, other)| other.address == address) {
                return Err(RegistryError::Adopted { address });
            }
            if snapshot.devices.len() >= devices::MAX_DEVICES {
                return Err(RegistryError::TooMany { what: "devices", limit: devices::MAX_DEVICES });
            }
            let key = self.chance.key();
            sensor.take_key(&key);
            let device = Device {
                id: self.chance.device_id(),
                name,
                owner,
                key_hash: KeyHash::of(key.reveal()),
                created_at: now,
                reads_all_results: false,
                product: None,
                notes: None,
                sensor: Some(sensor),
                source: None,
                adoption: None,
            };
            Ok((devices::put(snapshot, rows, device), key))
        })
    }

    /// Sets how much of what a sensor sends is told, and its bind key if it is given one. `measured` are the names of
    /// all that sensors measure.
    ///
    /// # Errors
    /// When the user has no such device, it is no sensor, something cannot be set so, or the disk refuses.
    pub fn set_sensor(
        &self,
        owner: UserId,
        device: &str,
        change: &TellingChange,
        bind_key: Option<Hidden>,
        measured: &[&str],
    ) -> Result<Arc<Device>, RegistryError> {
        self.change(|snapshot, rows| {
            let device = devices::find(snapshot, owner, device)?;
            let no_sensor = || RegistryError::NoSensor { name: device.name.clone() };
            let sensor = device.sensor.as_ref().ok_or_else(no_sensor)?;
            let telling = sensor.telling.changed(change, measured)?;
            let bind_key = bind_key.or_else(|| sensor.bind_key.clone());
            let sensor = Some(Sensor { bind_key, telling, ..sensor.clone() });
            Ok(devices::put(snapshot, rows, Device { sensor, ..Device::clone(&device) }))
        })
    }

    /// Forgets a sensor. What it told before is still delivered.
    ///
    /// # Errors
    /// When the user has no such device, it is no sensor, or the disk refuses.
    pub fn forget_sensor(&self, owner: UserId, device: &str) -> Result<Arc<Device>, RegistryError> {
        self.change(|snapshot, rows| {
            let device = devices::find(snapshot, owner, device)?;
            if device.sensor.is_none() {
                return Err(RegistryError::NoSensor { name: device.name.clone() });
            }
            devices::release(snapshot, rows, &device);
            Ok(device)
        })
    }
}
