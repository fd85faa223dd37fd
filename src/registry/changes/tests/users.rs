//! Users: the one who owns the gateway, the others, and what goes with them.

use super::*;

#[test]
fn a_gateway_is_claimed_once_and_all_that_was_made_before_is_the_owners() {
    let (data, registry) = empty();
    let (kitchen, _) = registry.add_device(registry.owner(), Some(named("kitchen")), None, NOW).unwrap();
    assert!(!registry.is_claimed());

    let owner = registry.claim(user_name("me"), password("1"), NOW).unwrap();

    assert_eq!((owner.id, owner.role, kitchen.owner), (registry.owner(), Role::Owner, owner.id));
    let is_claimed = |registry: &Registry| {
        assert!(registry.is_claimed());
        let again = registry.claim(user_name("you"), password("2"), NOW);
        assert!(matches!(again, Err(RegistryError::Claimed)), "{again:?}");
        assert_eq!(registry.snapshot().users.values().collect::<Vec<_>>(), [&owner]);
    };
    is_claimed(&registry);
    drop(registry);
    is_claimed(&open(data.path()));
}

#[test]
fn a_user_name_is_taken_in_whatever_case_until_its_user_is_removed() {
    let (_data, registry) = empty();
    registry.claim(user_name("Jürgen"), password("1"), NOW).unwrap();
    let you = member(&registry, "you");
    assert_eq!(you.role, Role::Member);
    for taken in ["JÜRGEN", "You"] {
        let refused = registry.add_user(user_name(taken), password("2"), NOW);
        assert!(matches!(refused, Err(RegistryError::UserTaken { .. })), "{refused:?}");
    }
    registry.remove_user(you.id, None).unwrap();
    assert_ne!(member(&registry, "YOU").id, you.id, "nobody becomes who was there before");
}

#[test]
fn another_password_ends_all_tokens_of_its_user() {
    let (data, registry) = empty();
    let (owner, you) = (registry.claim(user_name("me"), password("1"), NOW).unwrap(), member(&registry, "you"));
    let [mine, yours] = [owner.id, you.id].map(|user| registry.create_token(user, Wish::default(), NOW).unwrap());
    let changed = registry.set_password(you.id, None, password("new")).unwrap();
    assert_eq!(*changed, User { password: password("new"), ..User::clone(&you) });
    drop(registry);
    let snapshot = open(data.path()).snapshot();
    assert_eq!(snapshot.users[&you.id], changed);
    assert!(snapshot.bearer(mine.secret.reveal(), NOW).is_ok() && snapshot.bearer(yours.secret.reveal(), NOW).is_err());
}

#[test]
fn one_time_passwords_are_asked_for_until_they_are_not() {
    let (data, registry) = empty();
    let you = member(&registry, "you");
    let secret = OtpSecret::from_random([7; 20]);
    registry.set_otp(you.id, None, Some(secret.clone())).unwrap();
    drop(registry);
    let registry = open(data.path());
    assert_eq!(registry.snapshot().users[&you.id].otp, Some(secret));
    registry.set_otp(you.id, None, None).unwrap();
    drop(registry);
    assert_eq!(open(data.path()).snapshot().users[&you.id], you);
}

/// One of everything.
fn equip(registry: &Registry, user: UserId) -> (DeviceId, String) {
    let product = registry.add_product(user, titled("Green"), NOW).unwrap().id;
    let (device, key) = registry.add_device(user, Some(named("kitchen")), None, NOW).unwrap();
    registry.move_devices(user, &[device.id], Some(product)).unwrap();
    for product in [None, Some(product)] {
        let new = NewHook { owner: user, product, ..new_hook(registry, definition("temp"), false) };
        registry.add_hook(new, NOW).unwrap();
    }
    registry.set_secret(user, SecretName::try_from("KEY".to_owned()).unwrap(), "x".to_owned(), NOW).unwrap();
    registry.create_token(user, Wish::default(), NOW).unwrap();
    registry.add_client(user, "my script", NOW).unwrap();
    (device.id, key.reveal().to_owned())
}

#[test]
fn with_a_user_goes_everything_of_theirs_and_nothing_else() {
    let (data, registry) = empty();
    let owner = registry.claim(user_name("me"), password("1"), NOW).unwrap();
    equip(&registry, owner.id);
    let before = registry.snapshot();
    let you = member(&registry, "you");
    let (device, key) = equip(&registry, you.id);
    let rows = registry.meta.all::<Value>("").unwrap().len();

    registry.remove_user(you.id, None).unwrap();

    // The device is in another row now.
    let gone = ["user", "product", "hook", "hook", "secret", "token", "client"].len();
    assert_eq!(registry.meta.all::<Value>("").unwrap().len(), rows - gone);
    for snapshot in [registry.snapshot(), {
        drop(registry);
        open(data.path()).snapshot()
    }] {
        assert_eq!(snapshot.users, before.users);
        assert_eq!((&snapshot.devices, &snapshot.products), (&before.devices, &before.products));
        assert_eq!((&snapshot.tokens, &snapshot.clients), (&before.tokens, &before.clients));
        assert_eq!(snapshot.secrets, before.secrets);
        assert!(snapshot.hooks.keys().eq(before.hooks.keys()), "{:?}", snapshot.hooks);
        assert!(snapshot.login("kitchen", &key, NOW).is_none());
        assert_eq!(snapshot.released.keys().collect::<Vec<_>>(), [&device]);
    }
}

#[test]
fn the_owner_and_who_is_not_there_cannot_be_removed() {
    let (_data, registry) = empty();
    let owner = registry.claim(user_name("me"), password("1"), NOW).unwrap();
    assert!(matches!(registry.remove_user(owner.id, None), Err(RegistryError::IsOwner)));
    let nobody = UserId::from_bytes([9; 12]);
    assert!(matches!(registry.remove_user(nobody, None), Err(RegistryError::NoUser { .. })));
    assert!(matches!(registry.set_password(nobody, None, password("2")), Err(RegistryError::NoUser { .. })));
    assert!(matches!(registry.set_otp(nobody, None, None), Err(RegistryError::NoUser { .. })));
    assert!(registry.snapshot().users.contains_key(&owner.id));
}

#[test]
fn a_gateway_has_at_most_a_hundred_users() {
    let (data, registry) = empty();
    let owner = registry.claim(user_name("me"), password("1"), NOW).unwrap();
    let mut rows = MetaChanges::default();
    for number in 1..100 {
        let id = UserId::from_bytes([number; 12]);
        let user = User { id, name: user_name(&format!("user-{number}")), role: Role::Member, ..User::clone(&owner) };
        rows.put(format!("{USERS}{id}"), &user);
    }
    registry.meta.apply(&rows).unwrap();
    drop(registry);
    let registry = open(data.path());
    let one_more = registry.add_user(user_name("you"), password("2"), NOW);
    assert!(matches!(one_more, Err(RegistryError::TooMany { what: "users", limit: 100 })), "{one_more:?}");
    registry.remove_user(UserId::from_bytes([1; 12]), None).unwrap();
    member(&registry, "you");
}
