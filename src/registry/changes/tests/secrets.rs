//! Secrets: each user's own, bounded in number and size.

use super::*;

const LATER: WallTime = WallTime::from_millis(NOW.as_millis() + 1_000);

fn called(name: &str) -> SecretName {
    SecretName::try_from(name.to_owned()).unwrap()
}

#[test]
fn a_secret_that_is_set_again_keeps_the_time_when_it_was_made() {
    let (data, registry) = empty();
    let (owner, other) = (registry.owner(), member(&registry, "you").id);
    let set = |user, value: &str, now| registry.set_secret(user, called("KEY"), value.to_owned(), now).unwrap();
    assert_eq!(set(owner, "a", NOW), Secret { value: "a".to_owned(), created_at: NOW, updated_at: NOW });
    let again = Secret { value: "b".to_owned(), created_at: NOW, updated_at: LATER };
    assert_eq!(set(owner, "b", LATER), again);
    let others = set(other, "theirs", LATER);
    drop(registry);
    let snapshot = open(data.path()).snapshot();
    assert_eq!(*snapshot.secrets_of(owner), Secrets::from([(called("KEY"), again)]));
    assert_eq!(*snapshot.secrets_of(other), Secrets::from([(called("KEY"), others)]));
}

#[test]
fn a_secret_is_neither_empty_nor_a_book() {
    let (_data, registry) = empty();
    let owner = registry.owner();
    registry.set_secret(owner, called("KEY"), "x".repeat(Secret::VALUE_BYTES), NOW).unwrap();
    for bad in [String::new(), "x".repeat(Secret::VALUE_BYTES + 1)] {
        let refused = registry.set_secret(owner, called("KEY"), bad, LATER);
        assert!(matches!(refused, Err(RegistryError::SecretSize)), "{refused:?}");
    }
    assert_eq!(registry.snapshot().secrets_of(owner)[&called("KEY")].updated_at, NOW);
}

#[test]
fn a_removed_secret_is_gone_after_a_restart_and_only_its_users() {
    let (data, registry) = empty();
    let (owner, other) = (registry.owner(), member(&registry, "you").id);
    for user in [owner, other] {
        registry.set_secret(user, called("KEY"), "x".to_owned(), NOW).unwrap();
    }
    registry.remove_secret(owner, "KEY").unwrap();
    for name in ["KEY", "OTHER", "no name"] {
        let missing = registry.remove_secret(owner, name);
        assert!(matches!(missing, Err(RegistryError::NoSecret { .. })), "{missing:?}");
    }
    drop(registry);
    let snapshot = open(data.path()).snapshot();
    assert_eq!((snapshot.secrets_of(owner).len(), snapshot.secrets_of(other).len()), (0, 1));
}

#[test]
fn a_user_has_at_most_a_hundred_secrets_and_may_still_change_them() {
    let (data, registry) = empty();
    let owner = registry.owner();
    let mut rows = MetaChanges::default();
    for number in 0..100 {
        let secret = Secret { value: "x".to_owned(), created_at: NOW, updated_at: NOW };
        rows.put(secret_key(owner, &called(&format!("KEY_{number}"))), &secret);
    }
    registry.meta.apply(&rows).unwrap();
    drop(registry);
    let registry = open(data.path());
    let one_more = registry.set_secret(owner, called("KEY"), "x".to_owned(), NOW);
    assert!(matches!(one_more, Err(RegistryError::TooMany { what: "secrets", limit: 100 })), "{one_more:?}");
    registry.set_secret(owner, called("KEY_7"), "y".to_owned(), NOW).unwrap();
    registry.remove_secret(owner, "KEY_8").unwrap();
    registry.set_secret(owner, called("KEY"), "x".to_owned(), NOW).unwrap();
}
