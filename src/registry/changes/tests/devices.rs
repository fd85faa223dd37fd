//! Devices: their names and notes, and how they pass from one user to another.

use super::*;

fn add(registry: &Registry, owner: UserId, name: &str) -> (Arc<Device>, String) {
    let (device, key) = registry.add_device(owner, Some(named(name)), None, NOW).unwrap();
    (device, key.reveal().to_owned())
}

fn rename(registry: &Registry, owner: UserId, device: &str, name: DeviceName) -> Result<Arc<Device>, RegistryError> {
    registry.change_device(owner, device, DeviceChange { name: Some(name), notes: None })
}

/// Notes something about the owner's device "kitchen".
fn note(registry: &Registry, notes: String) -> Result<Arc<Device>, RegistryError> {
    registry.change_device(registry.owner(), "kitchen", DeviceChange { name: None, notes: Some(notes) })
}

#[test]
fn a_device_gets_a_name_that_none_of_its_owners_has() {
    let (data, registry) = empty();
    let (owner, other) = (registry.owner(), member(&registry, "you").id);
    let (kitchen, _) = add(&registry, owner, "kitchen");
    add(&registry, owner, "cellar");
    add(&registry, other, "parlour");
    let renamed = rename(&registry, owner, "kitchen", named("Parlour")).unwrap();
    assert_eq!(*renamed, Device { name: named("Parlour"), ..Device::clone(&kitchen) }, "nothing else changes");
    rename(&registry, owner, &kitchen.id.to_string(), named("PARLOUR")).unwrap();
    let taken = rename(&registry, owner, "parlour", named("Cellar"));
    assert!(matches!(taken, Err(RegistryError::NameTaken { .. })), "{taken:?}");
    for (user, device) in [(owner, "kitchen"), (other, kitchen.id.to_string().as_str())] {
        let missing = rename(&registry, user, device, named("attic"));
        assert!(matches!(missing, Err(RegistryError::NoDevice { .. })), "{missing:?}");
    }
    drop(registry);
    assert_eq!(open(data.path()).snapshot().devices[&kitchen.id].name, named("PARLOUR"));
}

#[test]
fn a_device_without_a_name_gets_one_from_its_id() {
    let (_data, registry) = empty();
    let (device, _) = registry.add_device(registry.owner(), None, None, NOW).unwrap();
    assert_eq!(device.name.as_str(), format!("device-{}", &device.id.to_string()[..8]));
}

#[test]
fn notes_stay_until_nothing_is_noted() {
    let (data, registry) = empty();
    let owner = registry.owner();
    let (kitchen, _) = add(&registry, owner, "kitchen");
    let long = "ö".repeat(Device::NOTES_CHARS);
    let noted = note(&registry, long.clone()).unwrap();
    assert_eq!(noted.notes, Some(long.clone()));
    let longer = note(&registry, format!("{long}ö"));
    assert!(matches!(longer, Err(RegistryError::NotesTooLong)), "{longer:?}");
    drop(registry);
    let registry = open(data.path());
    assert_eq!(registry.snapshot().devices[&kitchen.id].notes, Some(long));
    assert_eq!(note(&registry, String::new()).unwrap().notes, None);
}

#[test]
fn a_released_device_is_nobodys_and_comes_back_with_its_key() {
    let (data, registry) = empty();
    let owner = registry.owner();
    let (kitchen, key) = add(&registry, owner, "kitchen");
    let product = registry.add_product(owner, titled("Green"), NOW).unwrap();
    registry.move_devices(owner, &[kitchen.id], Some(product.id)).unwrap();
    note(&registry, "south wall".to_owned()).unwrap();
    let identity = registry.snapshot().login("kitchen", &key, NOW).unwrap();

    registry.remove_device(owner, "kitchen").unwrap();

    let snapshot = registry.snapshot();
    assert!(snapshot.login("kitchen", &key, NOW).is_none() && snapshot.bearer(&key, NOW).is_err());
    assert!(!snapshot.still_admits(&identity, NOW) && snapshot.device_of(owner, "kitchen").is_none());
    drop(registry);
    let registry = open(data.path());
    let (claimed, new_key) = registry.claim_device(owner, kitchen.id).unwrap();
    assert_eq!((claimed, new_key), (kitchen.clone(), None), "it is as it was when it was new");
    assert!(registry.snapshot().login("kitchen", &key, NOW).is_some() && registry.snapshot().released.is_empty());
    drop(registry);
    let snapshot = open(data.path()).snapshot();
    assert!(snapshot.devices.contains_key(&kitchen.id) && snapshot.released.is_empty());
}

#[test]
fn a_released_device_may_become_somebody_elses_with_another_key_and_name_if_need_be() {
    let (_data, registry) = empty();
    let (owner, other) = (registry.owner(), member(&registry, "you").id);
    let (kitchen, key) = add(&registry, owner, "Kitchen");
    let (cellar, _) = add(&registry, owner, "cellar");
    let (theirs, _) = add(&registry, other, "KITCHEN");
    for device in ["kitchen", "cellar"] {
        registry.remove_device(owner, device).unwrap();
    }

    let claimed = [kitchen.id, cellar.id].map(|id| registry.claim_device(other, id).unwrap());

    let expected = format!("device-{}", &kitchen.id.to_string()[..8]);
    assert_eq!(claimed.each_ref().map(|(device, _)| device.name.as_str()), [&expected, "cellar"]);
    let snapshot = registry.snapshot();
    assert_eq!((snapshot.devices_of(owner).count(), snapshot.devices_of(other).count()), (0, 3));
    assert_eq!(snapshot.device_of(other, "kitchen"), Some(&theirs));
    assert!(snapshot.bearer(&key, NOW).is_err(), "its former owner knows that key");
    let new_key = claimed[0].1.as_ref().unwrap().reveal();
    assert!(matches!(snapshot.login(&expected, new_key, NOW), Some(Identity::Device(device)) if device.owner == other));
}

#[test]
fn a_claimed_device_never_gets_a_name_that_is_taken() {
    let (_data, registry) = empty();
    let owner = registry.owner();
    let (kitchen, _) = add(&registry, owner, "kitchen");
    registry.remove_device(owner, "kitchen").unwrap();
    for name in ["kitchen".to_owned(), format!("device-{}", &kitchen.id.to_string()[..8])] {
        add(&registry, owner, &name);
    }
    let (claimed, _) = registry.claim_device(owner, kitchen.id).unwrap();
    let snapshot = registry.snapshot();
    let called = snapshot.devices_of(owner).filter(|device| device.name.is_same(claimed.name.as_str()));
    assert_eq!(called.count(), 1);
}

#[test]
fn only_a_released_device_can_be_claimed() {
    let (_data, registry) = empty();
    let (owner, other) = (registry.owner(), member(&registry, "you").id);
    let (kitchen, _) = add(&registry, owner, "kitchen");
    assert_eq!(registry.claim_device(owner, kitchen.id).unwrap(), (kitchen.clone(), None), "whoever has it has it");
    let others = registry.claim_device(other, kitchen.id);
    assert!(matches!(others, Err(RegistryError::OthersDevice { id }) if id == kitchen.id), "{others:?}");
    let unknown = registry.claim_device(other, DeviceId::from_bytes([9; 12]));
    assert!(matches!(unknown, Err(RegistryError::NoDevice { .. })), "{unknown:?}");
    assert_eq!(registry.snapshot().devices[&kitchen.id], kitchen);
}

#[test]
fn of_too_many_released_devices_the_one_that_was_added_first_is_forgotten() {
    let (data, registry) = empty();
    let owner = registry.owner();
    let (kitchen, _) = registry.add_device(owner, Some(named("kitchen")), None, WallTime::from_millis(1_000)).unwrap();
    let mut rows = MetaChanges::default();
    let id_of = |number: u16| {
        let mut id = [0xEE; 12];
        id[..2].copy_from_slice(&number.to_be_bytes());
        DeviceId::from_bytes(id)
    };
    for number in 0..64 {
        let created_at = WallTime::from_millis(i64::from(number));
        let released = Device { id: id_of(number), created_at, ..Device::clone(&kitchen) };
        rows.put(format!("{RELEASED}{}", released.id), &released);
    }
    registry.meta.apply(&rows).unwrap();
    drop(registry);
    let registry = open(data.path());

    registry.remove_device(owner, "kitchen").unwrap();

    assert!(matches!(registry.claim_device(owner, id_of(0)), Err(RegistryError::NoDevice { .. })));
    drop(registry);
    let registry = open(data.path());
    assert_eq!(registry.snapshot().released.len(), 64);
    assert!(matches!(registry.claim_device(owner, id_of(0)), Err(RegistryError::NoDevice { .. })));
    registry.claim_device(owner, id_of(1)).unwrap();
    registry.claim_device(owner, kitchen.id).unwrap();
}

#[test]
fn two_users_may_have_devices_of_the_same_name_and_each_key_is_for_its_own() {
    let (_data, registry) = empty();
    let (owner, other) = (registry.owner(), member(&registry, "you").id);
    let (mine, my_key) = add(&registry, owner, "kitchen");
    let (yours, your_key) = add(&registry, other, "kitchen");
    let snapshot = registry.snapshot();
    for (device, key) in [(&mine, &my_key), (&yours, &your_key)] {
        assert!(matches!(snapshot.login("kitchen", key, NOW), Some(Identity::Device(found)) if found == *device));
        assert_eq!(snapshot.device_of(device.owner, "kitchen"), Some(device));
    }
    assert!(snapshot.login(&mine.id.to_string(), &your_key, NOW).is_none());
    assert_eq!(snapshot.device_of(other, &mine.id.to_string()), None);
}
