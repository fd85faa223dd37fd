//! Sensors are adopted once, and forgotten at once.

use super::*;
use crate::model::Hidden;
use crate::model::Link;
use crate::model::LinkKey;
use crate::model::Sensor;
use crate::model::Telling;
use crate::model::TellingChange;
use crate::model::TellingError;

fn sensor(address: &str, bind_key: Option<&str>) -> Sensor {
    let bind_key = bind_key.map(|key| Hidden::new(key.to_owned()));
    Sensor { bind_key, ..Sensor::at(address.parse().unwrap()) }
}

#[test]
fn an_adopted_sensor_is_a_device_also_after_a_restart() {
    let (data, registry) = empty();
    let owner = registry.owner();
    let sensor = sensor("A4:C1:38:11:22:33", Some("231d39c1d7cc1ab1aee224cd096db932"));
    let (device, _) = registry.adopt_sensor(owner, named("kitchen"), sensor.clone(), NOW).unwrap();
    assert!(!format!("{device:?}").contains("231d39"));
    drop(registry);
    let registry = open(data.path());
    let snapshot = registry.snapshot();
    assert_eq!(snapshot.device_of(owner, "kitchen"), Some(&device));
    assert_eq!(snapshot.sensors().map(|(_, sensor)| sensor.clone()).collect::<Vec<_>>(), [sensor]);
}

#[test]
fn a_device_that_proves_itself_over_its_link_does_so_with_its_latest_key() {
    let (_data, registry) = empty();
    let owner = registry.owner();
    let link_key = || registry.snapshot().device_of(owner, "cellar").unwrap().sensor.clone().unwrap().link_key;
    let linked = Sensor { link: Some(Link::Farhook), ..sensor("A4:C1:38:11:22:34", None) };
    let (_, key) = registry.adopt_sensor(owner, named("cellar"), linked, NOW).unwrap();
    assert_eq!(link_key(), Some(LinkKey::of(&key)));
    let (_, key) = registry.renew_key(owner, "cellar").unwrap();
    assert_eq!(link_key(), Some(LinkKey::of(&key)));

    // A line of text proves nothing.
    let uart = Sensor { link: Some(Link::Uart), ..sensor("A4:C1:38:11:22:35", None) };
    let (device, _) = registry.adopt_sensor(owner, named("attic"), uart, NOW).unwrap();
    assert_eq!(device.sensor.as_ref().unwrap().link_key, None);
}

#[test]
fn what_is_set_of_a_sensor_holds_after_a_restart() {
    let (data, registry) = empty();
    let owner = registry.owner();
    let sensor = sensor("A4:C1:38:11:22:33", Some("231d39c1d7cc1ab1aee224cd096db932"));
    let (before, _) = registry.adopt_sensor(owner, named("kitchen"), sensor.clone(), NOW).unwrap();
    let set = |registry: &Registry, device, change| registry.set_sensor(owner, device, change, None, &["temperature"]);
    let change = TellingChange { max_interval_s: Some(600), ..TellingChange::default() };
    set(&registry, "kitchen", &change).unwrap();
    drop(registry);
    let registry = open(data.path());
    let telling = Telling { max_interval_s: 600, ..Telling::default() };
    let now = registry.snapshot().device_of(owner, "kitchen").unwrap().sensor.clone();
    assert_eq!(now, Some(Sensor { telling, ..sensor }));

    let change = TellingChange { defaults: true, ..TellingChange::default() };
    set(&registry, "kitchen", &change).unwrap();
    assert_eq!(registry.snapshot().device_of(owner, "kitchen"), Some(&before));

    let change = TellingChange { per_minute: Some(0), ..TellingChange::default() };
    let refusal = set(&registry, "kitchen", &change);
    assert!(matches!(refusal, Err(RegistryError::Telling(TellingError::Range { .. }))));
    registry.add_device(owner, Some(named("cellar")), None, NOW).unwrap();
    let refusal = set(&registry, "cellar", &TellingChange::default());
    assert!(matches!(refusal, Err(RegistryError::NoSensor { .. })));
}

#[test]
fn a_sensor_is_adopted_once() {
    let (_data, registry) = empty();
    let owner = registry.owner();
    let adopt = |name, address| registry.adopt_sensor(owner, named(name), sensor(address, None), NOW);
    adopt("kitchen", "A4:C1:38:11:22:33").unwrap();
    assert!(matches!(adopt("cellar", "a4:c1:38:11:22:33"), Err(RegistryError::Adopted { .. })));
    assert!(matches!(adopt("Kitchen", "A4:C1:38:11:22:34"), Err(RegistryError::NameTaken { .. })));
    adopt("cellar", "A4:C1:38:11:22:34").unwrap();
}

#[test]
fn a_forgotten_sensor_leaves_nothing_behind_and_can_be_adopted_again() {
    let (_data, registry) = empty();
    let owner = registry.owner();
    let adopt = || registry.adopt_sensor(owner, named("kitchen"), sensor("A4:C1:38:11:22:33", None), NOW).unwrap();
    let before = registry.rows().unwrap();
    adopt();
    registry.forget_sensor(owner, "kitchen").unwrap();
    assert_eq!(registry.rows().unwrap(), before);
    adopt();
    registry.remove_device(owner, "kitchen").unwrap();
    assert_eq!(registry.rows().unwrap(), before);
    registry.add_device(owner, Some(named("kitchen")), None, NOW).unwrap();
    assert!(matches!(registry.forget_sensor(owner, "kitchen"), Err(RegistryError::NoSensor { .. })));
}
