//! Every change, over a real database.

mod devices;
mod products;
mod secrets;
mod sensors;
mod sources;
mod tokens;
mod users;

use std::io::Read;
use std::path::Path;

use serde_json::Value;
use serde_json::json;
use tempfile::TempDir;

use super::*;
use crate::hooks::HookDefinition;
use crate::model::AccessToken;
use crate::model::Device;
use crate::model::DeviceId;
use crate::model::DeviceName;
use crate::model::HookId;
use crate::model::KeyHash;
use crate::model::ProductId;
use crate::model::Secret;
use crate::model::Secrets;
use crate::model::WallTime;
use crate::registry::Hook;
use crate::registry::Identity;
use crate::registry::NoProof;
use crate::registry::OtpSecret;
use crate::registry::PasswordHash;
use crate::registry::Product;
use crate::registry::ProductChange;
use crate::registry::Role;
use crate::registry::Token;
use crate::registry::User;
use crate::registry::UserName;

const NOW: WallTime = WallTime::from_millis(1_460_813_828_728);

fn open(data: &Path) -> Registry {
    Registry::load(Meta::open(data).unwrap(), Chance::from_os()).unwrap()
}

fn empty() -> (TempDir, Registry) {
    let data = tempfile::tempdir().unwrap();
    let registry = open(data.path());
    (data, registry)
}

fn named(name: &str) -> DeviceName {
    DeviceName::try_from(name.to_owned()).unwrap()
}

fn user_name(name: &str) -> UserName {
    UserName::try_from(name.to_owned()).unwrap()
}

/// Not a real hash: nobody looks into it here.
fn password(text: &str) -> PasswordHash {
    PasswordHash::from_text(text.to_owned())
}

fn member(registry: &Registry, name: &str) -> Arc<User> {
    registry.add_user(user_name(name), password("theirs"), NOW).unwrap()
}

fn titled(name: &str) -> ProductChange {
    ProductChange { name: Some(name.to_owned()), ..ProductChange::default() }
}

fn create_token(registry: &Registry) -> Result<(Token, AccessToken), RegistryError> {
    let made = registry.create_token(registry.owner(), Wish::default(), NOW)?;
    Ok((made.token, made.secret))
}

fn definition(event: &str) -> HookDefinition {
    HookDefinition::parse(&json!({ "event": event, "url": "http://example.com/", "unknown": [1, 2] })).unwrap()
}

fn new_hook(registry: &Registry, definition: HookDefinition, again: bool) -> NewHook {
    NewHook { owner: registry.owner(), product: None, definition, limit: Some(3), again }
}

fn add_hook(registry: &Registry, event: &str) -> Result<Arc<Hook>, RegistryError> {
    registry.add_hook(new_hook(registry, definition(event), false), NOW)
}

#[test]
fn everything_is_there_after_a_restart() {
    let (data, registry) = empty();
    let (kitchen, key) = registry.add_device(registry.owner(), Some(named("Kitchen")), None, NOW).unwrap();
    let hook = add_hook(&registry, "temp").unwrap();
    let off = registry.switch_hook(add_hook(&registry, "humidity").unwrap().id, false).unwrap();
    let (token, secret) = create_token(&registry).unwrap();
    let owner = registry.owner();
    drop(registry);

    let registry = open(data.path());
    let snapshot = registry.snapshot();
    assert_eq!(registry.owner(), owner);
    assert_eq!(snapshot.devices.values().collect::<Vec<_>>(), [&kitchen]);
    assert_eq!(snapshot.tokens.values().collect::<Vec<_>>(), [&token]);
    let found = &snapshot.hooks[&hook.id];
    assert_eq!((found.owner, found.created_at), (owner, NOW));
    assert_eq!(found.definition.original(), hook.definition.original());
    assert!(snapshot.hooks[&off.id].definition.is_disabled());
    assert!(
        matches!(snapshot.login("kitchen", key.reveal(), NOW), Some(Identity::Device(device)) if device.id == kitchen.id)
    );
    assert!(
        matches!(snapshot.login("anybody", secret.reveal(), NOW), Some(Identity::Observer(found)) if found == token)
    );
}

#[test]
fn what_was_removed_is_gone_after_a_restart() {
    let (data, registry) = empty();
    let (device, _) = registry.add_device(registry.owner(), Some(named("kitchen")), None, NOW).unwrap();
    let hook = add_hook(&registry, "temp").unwrap();
    let (token, _) = create_token(&registry).unwrap();
    registry.remove_device(registry.owner(), "KITCHEN").unwrap();
    registry.delete_hook(hook.id).unwrap();
    registry.revoke_token(registry.owner(), &token.id()).unwrap();
    let is_gone = |registry: &Registry| {
        let snapshot = registry.snapshot();
        assert!(snapshot.devices.is_empty() && snapshot.hooks.is_empty() && snapshot.tokens.is_empty());
        assert!(matches!(
            registry.remove_device(registry.owner(), &device.id.to_string()),
            Err(RegistryError::NoDevice { .. })
        ));
        assert!(matches!(registry.delete_hook(hook.id), Err(RegistryError::NoHook { .. })));
        assert!(matches!(registry.switch_hook(hook.id, true), Err(RegistryError::NoHook { .. })));
        assert!(matches!(registry.revoke_token(registry.owner(), &token.id()), Err(RegistryError::NoToken { .. })));
    };
    is_gone(&registry);
    drop(registry);
    is_gone(&open(data.path()));
}

#[test]
fn a_name_is_taken_in_whatever_case_until_its_device_is_removed() {
    let (_data, registry) = empty();
    let (kitchen, _) = registry.add_device(registry.owner(), Some(named("Küche")), None, NOW).unwrap();
    let taken = registry.add_device(registry.owner(), Some(named("KÜCHE")), None, NOW);
    assert!(matches!(taken, Err(RegistryError::NameTaken { id, .. }) if id == kitchen.id), "{taken:?}");
    assert_eq!(registry.snapshot().devices.len(), 1);
    registry.remove_device(registry.owner(), "küche").unwrap();
    registry.add_device(registry.owner(), Some(named("KÜCHE")), None, NOW).unwrap();
}

#[test]
fn a_new_key_is_the_only_one_from_then_on() {
    let (data, registry) = empty();
    let (before, old) = registry.add_device(registry.owner(), Some(named("kitchen")), None, NOW).unwrap();
    let identity = registry.snapshot().login("kitchen", old.reveal(), NOW).unwrap();
    let (after, new) = registry.renew_key(registry.owner(), "kitchen").unwrap();
    assert_eq!(*after, Device { key_hash: after.key_hash, ..Device::clone(&before) }, "nothing else changes");
    for snapshot in [registry.snapshot(), {
        drop(registry);
        open(data.path()).snapshot()
    }] {
        assert!(snapshot.login("kitchen", old.reveal(), NOW).is_none());
        assert!(snapshot.login("kitchen", new.reveal(), NOW).is_some());
        assert!(!snapshot.still_admits(&identity, NOW), "who logged in with the old key is put out");
    }
}

#[test]
fn a_revoked_token_admits_nobody_and_the_others_go_on() {
    let (_data, registry) = empty();
    let (token, secret) = create_token(&registry).unwrap();
    let (_, other) = create_token(&registry).unwrap();
    let identity = registry.snapshot().login("", secret.reveal(), NOW).unwrap();
    registry.revoke_token(registry.owner(), &token.id()).unwrap();
    let snapshot = registry.snapshot();
    assert!(snapshot.login("", secret.reveal(), NOW).is_none() && !snapshot.still_admits(&identity, NOW));
    assert!(snapshot.login("", other.reveal(), NOW).is_some());
}

#[test]
fn the_same_hook_is_refused_unless_it_is_wanted_again() {
    let (_data, registry) = empty();
    let first = add_hook(&registry, "temp").unwrap();
    let same = add_hook(&registry, "temp");
    assert!(matches!(same, Err(RegistryError::SameHook { id }) if id == first.id), "{same:?}");
    let again = registry.add_hook(new_hook(&registry, definition("temp"), true), NOW).unwrap();
    assert_ne!(again.id, first.id);
}

#[test]
fn one_hook_too_many_is_refused_and_a_deleted_one_makes_room() {
    let (_data, registry) = empty();
    let first = add_hook(&registry, "a").unwrap();
    add_hook(&registry, "b").unwrap();
    add_hook(&registry, "c").unwrap();
    let fourth = add_hook(&registry, "d");
    assert!(matches!(fourth, Err(RegistryError::TooManyHooks { limit: 3 })), "{fourth:?}");
    let wanted_again = registry.add_hook(new_hook(&registry, definition("a"), true), NOW);
    assert!(matches!(wanted_again, Err(RegistryError::TooManyHooks { limit: 3 })));
    assert_eq!(registry.snapshot().hooks.len(), 3);
    registry.delete_hook(first.id).unwrap();
    add_hook(&registry, "d").unwrap();
}

#[test]
fn switching_a_hook_changes_nothing_else_of_it() {
    let (_data, registry) = empty();
    let hook = add_hook(&registry, "temp").unwrap();
    let off = registry.switch_hook(hook.id, false).unwrap();
    assert!(off.definition.is_disabled());
    assert_eq!(off.definition.original()["unknown"], json!([1, 2]));
    let on = registry.switch_hook(hook.id, true).unwrap();
    assert!(!on.definition.is_disabled() && !registry.snapshot().hooks[&hook.id].definition.is_disabled());
    assert_eq!((on.id, on.owner, on.created_at), (hook.id, hook.owner, hook.created_at));
}

#[test]
fn a_hook_that_cannot_be_used_any_more_is_left_out_and_kept() {
    let (data, registry) = empty();
    let good = add_hook(&registry, "temp").unwrap();
    drop(registry);
    let key = format!("{HOOKS}{}", HookId::from_bytes([9; 12]));
    let row = json!({ "owner": "02".repeat(12), "created_at": 0, "definition": { "event": 5 } });
    Meta::open(data.path()).unwrap().put(&key, &row).unwrap();
    let registry = open(data.path());
    assert_eq!(registry.snapshot().hooks.keys().collect::<Vec<_>>(), [&good.id]);
    drop(registry);
    assert_eq!(Meta::open(data.path()).unwrap().all::<Value>(HOOKS).unwrap().len(), 2);
}

#[test]
fn a_refused_change_is_shown_to_nobody() {
    let (_data, registry) = empty();
    registry.add_device(registry.owner(), Some(named("kitchen")), None, NOW).unwrap();
    let watcher = registry.watch();
    assert!(registry.add_device(registry.owner(), Some(named("kitchen")), None, NOW).is_err());
    assert!(registry.renew_key(registry.owner(), "bathroom").is_err());
    assert!(!watcher.has_changed().unwrap());
}

/// The export is a pipe here, and the writing of it stands still until somebody reads: by then the database is flushed.
#[test]
fn a_change_is_shown_only_after_it_is_durable() {
    let (data, registry) = empty();
    let pipe = data.path().join("meta-export.json.new");
    // Together more than the 64 KB that a pipe holds.
    for event in ["a", "b"] {
        let large = json!({ "event": event, "url": "http://example.com/", "body": "x".repeat(60_000) });
        registry.add_hook(new_hook(&registry, HookDefinition::parse(&large).unwrap(), false), NOW).unwrap();
    }
    let watcher = registry.watch();
    nix::unistd::mkfifo(&pipe, nix::sys::stat::Mode::S_IRWXU).unwrap();
    std::thread::scope(|scope| {
        let adding = scope.spawn(|| {
            registry.add_device(registry.owner(), Some(named("kitchen")), None, NOW).map(|(device, _)| device.id)
        });
        let mut exported = std::fs::File::open(&pipe).unwrap();
        assert!(!watcher.has_changed().unwrap(), "the change is still being written");
        exported.read_to_end(&mut Vec::new()).unwrap();
        let id = adding.join().unwrap().unwrap();
        assert!(watcher.has_changed().unwrap());
        assert!(watcher.borrow().devices.contains_key(&id));
    });
}
