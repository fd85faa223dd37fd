//! Registered things for the tests of everybody who works with them.

use std::sync::Arc;

use serde_json::Value;

use crate::hooks::HookDefinition;
use crate::model::Device;
use crate::model::DeviceId;
use crate::model::DeviceName;
use crate::model::HookId;
use crate::model::KeyHash;
use crate::model::UserId;
use crate::model::WallTime;
use crate::registry::Hook;
use crate::registry::Snapshot;

/// Whose everything is that does not say otherwise.
pub(crate) const OWNER: UserId = UserId::from_bytes([2; 12]);

/// A snapshot of devices and hooks.
pub(crate) fn snapshot(
    devices: impl IntoIterator<Item = Device>,
    hooks: impl IntoIterator<Item = Arc<Hook>>,
) -> Arc<Snapshot> {
    let mut snapshot = Snapshot::default();
    snapshot.devices.extend(devices.into_iter().map(|device| (device.id, Arc::new(device))));
    snapshot.hooks.extend(hooks.into_iter().map(|hook| (hook.id, hook)));
    Arc::new(snapshot)
}

/// A device of [`OWNER`] whose id is `number` twelve times.
pub(crate) fn device(number: u8) -> Device {
    Device {
        id: DeviceId::from_bytes([number; 12]),
        name: DeviceName::try_from(format!("device-{number}")).unwrap(),
        owner: OWNER,
        key_hash: KeyHash::of("its key"),
        created_at: WallTime::from_millis(0),
        reads_all_results: false,
        product: None,
        notes: None,
        sensor: None,
        source: None,
        adoption: None,
    }
}

/// A hook of [`OWNER`] whose id is `number` twelve times.
pub(crate) fn hook(number: u8, definition: &Value) -> Arc<Hook> {
    let definition = HookDefinition::parse(definition).unwrap();
    let id = HookId::from_bytes([number; 12]);
    Arc::new(Hook { id, owner: OWNER, product: None, created_at: WallTime::from_millis(0), definition })
}
