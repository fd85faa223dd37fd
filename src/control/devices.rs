//! What requests about devices, products and secrets do.

use std::sync::Arc;

use serde_json::Value;
use serde_json::json;
use tokio::task::block_in_place;

use crate::clock;
use crate::control::answer::Answer;
use crate::control::answer::Refused;
use crate::control::answer::refused;
use crate::control::clerk::Clerk;
use crate::control::shown;
use crate::model::Device;
use crate::model::DeviceId;
use crate::model::DeviceName;
use crate::model::Hidden;
use crate::model::Key;
use crate::model::SecretName;
use crate::registry::DeviceChange;
use crate::registry::Product;
use crate::registry::ProductChange;
use crate::registry::Registry;
use crate::registry::RegistryError;

impl Clerk<'_> {
    pub(super) fn add_device(&self, name: String) -> Answer {
        let name = DeviceName::try_from(name).map_err(refused)?;
        self.change(|registry| registry.add_device(self.user, Some(name), None, clock::now().wall)).map(with_key)
    }

    pub(super) fn claim_device(&self, id: &str) -> Answer {
        let id: DeviceId = id.parse().map_err(refused)?;
        if self.parts.registry.snapshot().released.get(&id).is_some_and(|device| device.owner != self.user) {
            // What is known of it is its former owner's.
            self.parts.presence.forget(id);
        }
        let (device, key) = self.change(|registry| registry.claim_device(self.user, id))?;
        let mut claimed = self.shown_device(&device);
        if let Some(key) = key {
            claimed["key"] = json!(key.reveal());
        }
        Ok(claimed)
    }

    pub(super) fn devices(&self) -> Value {
        let snapshot = self.parts.registry.snapshot();
        let mut devices: Vec<_> = snapshot.devices_of(self.user).collect();
        devices.sort_by(|one, other| one.name.as_str().cmp(other.name.as_str()));
        devices.into_iter().map(|device| self.shown_device(device)).collect()
    }

    pub(super) fn show_device(&self, wanted: &str) -> Answer {
        let snapshot = self.parts.registry.snapshot();
        let device = snapshot.device_of(self.user, wanted);
        let device = device.ok_or_else(|| refused(format!("there is no device {wanted:?}")))?;
        Ok(self.shown_device(device))
    }

    pub(super) fn renew_key(&self, device: &str) -> Answer {
        self.change(|registry| registry.renew_key(self.user, device)).map(with_key)
    }

    pub(super) fn rename_device(&self, device: &str, name: String) -> Answer {
        let name = DeviceName::try_from(name).map_err(refused)?;
        self.change_device(device, DeviceChange { name: Some(name), notes: None })
    }

    pub(super) fn note_device(&self, device: &str, notes: String) -> Answer {
        self.change_device(device, DeviceChange { name: None, notes: Some(notes) })
    }

    fn change_device(&self, device: &str, change: DeviceChange) -> Answer {
        let changed = self.change(|registry| registry.change_device(self.user, device, change));
        changed.map(|device| self.shown_device(&device))
    }

    pub(super) fn remove_device(&self, device: &str) -> Answer {
        let device = self.change(|registry| registry.remove_device(self.user, device))?;
        self.parts.presence.keep_registered(&self.parts.registry);
        Ok(json!({ "id": device.id, "name": device.name }))
    }

    pub(super) fn create_product(&self, name: String, description: Option<String>) -> Answer {
        let change = ProductChange { name: Some(name), description, platform_id: None };
        let product = self.change(|registry| registry.add_product(self.user, change, clock::now().wall))?;
        Ok(self.shown_product(&product))
    }

    pub(super) fn products(&self) -> Value {
        let snapshot = self.parts.registry.snapshot();
        snapshot.products_of(self.user).map(|product| self.shown_product(product)).collect()
    }

    pub(super) fn show_product(&self, wanted: &str) -> Answer {
        self.product(wanted).map(|product| self.shown_product(&product))
    }

    pub(super) fn edit_product(&self, wanted: &str, name: Option<String>, description: Option<String>) -> Answer {
        let product = self.product(wanted)?;
        let change = ProductChange { name, description, platform_id: None };
        let product = self.change(|registry| registry.edit_product(product.id, change))?;
        Ok(self.shown_product(&product))
    }

    pub(super) fn delete_product(&self, wanted: &str) -> Answer {
        let product = self.product(wanted)?;
        let deleted = self.change(|registry| registry.delete_product(product.id));
        deleted.map(|product| json!({ "id": product.id, "name": product.name }))
    }

    pub(super) fn add_to_product(&self, product: &str, devices: &[String]) -> Answer {
        let product = self.product(product)?;
        let devices: Result<Vec<_>, _> = devices.iter().map(|device| Ok(self.device(device)?.id)).collect();
        let devices = devices?;
        let moved = self.change(|registry| registry.move_devices(self.user, &devices, Some(product.id)))?;
        Ok(moved.iter().map(|device| self.shown_device(device)).collect())
    }

    pub(super) fn remove_from_product(&self, product: &str, device: &str) -> Answer {
        let (product, device) = (self.product(product)?, self.device(device)?);
        if device.product != Some(product.id) {
            return Err(refused(format!("device {} is not in product {}", device.name, product.slug)));
        }
        let moved = self.change(|registry| registry.move_devices(self.user, &[device.id], None))?;
        Ok(moved.iter().map(|device| self.shown_device(device)).collect())
    }

    pub(super) fn set_secret(&self, name: String, value: &Hidden) -> Answer {
        let name = SecretName::try_from(name).map_err(refused)?;
        let set = name.clone();
        let secret =
            self.change(|registry| registry.set_secret(self.user, set, value.reveal().to_owned(), clock::now().wall))?;
        Ok(shown::secret(&name, &secret))
    }

    pub(super) fn secrets(&self) -> Value {
        let secrets = self.parts.registry.snapshot().secrets_of(self.user);
        secrets.iter().map(|(name, secret)| shown::secret(name, secret)).collect()
    }

    pub(super) fn remove_secret(&self, name: &str) -> Answer {
        self.change(|registry| registry.remove_secret(self.user, name))?;
        Ok(json!({ "name": name }))
    }

    /// The user's product of that number or slug.
    pub(super) fn product(&self, wanted: &str) -> Result<Arc<Product>, Refused> {
        let product = self.parts.registry.snapshot().product_of(self.user, wanted).cloned();
        product.ok_or_else(|| refused(format!("there is no product {wanted:?}")))
    }

    /// Changes the registry; waits for the disk.
    pub(super) fn change<T>(&self, change: impl FnOnce(&Registry) -> Result<T, RegistryError>) -> Result<T, Refused> {
        block_in_place(|| change(&self.parts.registry)).map_err(refused)
    }

    fn device(&self, wanted: &str) -> Result<Arc<Device>, Refused> {
        let device = self.parts.registry.snapshot().device_of(self.user, wanted).cloned();
        device.ok_or_else(|| refused(format!("there is no device {wanted:?}")))
    }

    pub(super) fn shown_device(&self, device: &Device) -> Value {
        shown::device(device, &self.parts.presence.of(device.id))
    }

    fn shown_product(&self, product: &Product) -> Value {
        let snapshot = self.parts.registry.snapshot();
        let devices = snapshot.devices_of(product.owner).filter(|device| device.product == Some(product.id)).count();
        let hooks = snapshot.hooks_in(product.owner, Some(product.id)).count();
        shown::product(product, devices, hooks)
    }
}

fn with_key((device, key): (Arc<Device>, Key)) -> Value {
    json!({ "id": device.id, "name": device.name, "key": key.reveal() })
}
