//! Sources are logins of their own; what is adopted from one is adopted once.

use super::*;
use crate::model::Adoption;
use crate::model::SourceLogin;

fn rules(name: &str) -> SourceLogin {
    SourceLogin { rules: name.to_owned() }
}

#[test]
fn a_source_and_what_was_adopted_from_it_are_devices_also_after_a_restart() {
    let (data, registry) = empty();
    let owner = registry.owner();
    let (source, key) = registry.add_source(owner, named("house"), rules("tasmota"), NOW).unwrap();
    let plug = registry.adopt_device(owner, "house", "tasmota_1A", named("plug"), NOW).unwrap();
    registry.set_source(owner, "house", rules("own")).unwrap();
    drop(registry);
    let registry = open(data.path());
    let snapshot = registry.snapshot();
    assert_eq!(snapshot.devices[&source.id].source, Some(rules("own")));
    assert_eq!(snapshot.devices[&plug.id], plug);
    assert_eq!(plug.adoption, Some(Adoption { source: source.id, name: "tasmota_1A".to_owned() }));
    assert!(snapshot.login("house", key.reveal(), NOW).is_some());
}

#[test]
fn a_device_is_adopted_once_and_from_a_source() {
    let (_data, registry) = empty();
    let owner = registry.owner();
    registry.add_source(owner, named("house"), rules("tasmota"), NOW).unwrap();
    registry.add_source(owner, named("shed"), rules("tasmota"), NOW).unwrap();
    registry.add_device(owner, Some(named("sensor")), None, NOW).unwrap();
    let adopt = |source, known_as, name| registry.adopt_device(owner, source, known_as, named(name), NOW);
    adopt("house", "plug", "plug").unwrap();
    assert!(matches!(adopt("house", "plug", "other"), Err(RegistryError::AdoptedFrom { .. })));
    assert!(matches!(adopt("shed", "plug", "Plug"), Err(RegistryError::NameTaken { .. })));
    assert!(matches!(adopt("sensor", "plug", "other"), Err(RegistryError::NoSource { .. })));
    assert!(matches!(adopt("nothing", "plug", "other"), Err(RegistryError::NoDevice { .. })));
    assert!(matches!(registry.set_source(owner, "sensor", rules("x")), Err(RegistryError::NoSource { .. })));
    // The same name elsewhere is another device, and so is another case.
    adopt("shed", "plug", "other").unwrap();
    adopt("house", "Plug", "third").unwrap();
}

#[test]
fn a_forgotten_device_leaves_nothing_behind_and_can_be_adopted_again() {
    let (_data, registry) = empty();
    let owner = registry.owner();
    registry.add_source(owner, named("house"), rules("tasmota"), NOW).unwrap();
    let before = registry.rows().unwrap();
    let adopt = || registry.adopt_device(owner, "house", "plug", named("plug"), NOW).unwrap();
    adopt();
    registry.forget_adopted(owner, "plug").unwrap();
    assert_eq!(registry.rows().unwrap(), before);
    adopt();
    registry.remove_device(owner, "plug").unwrap();
    assert_eq!(registry.rows().unwrap(), before);
    assert!(matches!(registry.forget_adopted(owner, "house"), Err(RegistryError::NotAdopted { .. })));
}

#[test]
fn there_are_only_so_many_sources() {
    let (_data, registry) = empty();
    let add =
        |number: usize| registry.add_source(registry.owner(), named(&format!("house-{number}")), rules("tasmota"), NOW);
    for number in 0..32 {
        add(number).unwrap();
    }
    assert!(matches!(add(32), Err(RegistryError::TooMany { what: "sources", limit: 32 })));
}
