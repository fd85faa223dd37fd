//! Tokens: how they end, how they are exchanged, and who may revoke them.

use super::*;

const DAY_MS: i64 = 24 * 60 * 60 * 1_000;

fn after(days: i64) -> WallTime {
    WallTime::from_millis(NOW.as_millis() + days * DAY_MS)
}

/// A wish for a token that can be exchanged, and that ends after so many days.
fn ending(days: i64) -> Wish {
    Wish { expires_at: Some(after(days)), client: "CLI2".to_owned(), is_refreshable: true, proof: Proof::Lasting }
}

#[test]
fn a_token_holds_until_it_ends_and_is_known_as_ended_afterwards() {
    let (_data, registry) = empty();
    let made = registry.create_token(registry.owner(), ending(1), NOW).unwrap();
    let (snapshot, secret) = (registry.snapshot(), made.secret.reveal());
    let identity = snapshot.login("anybody", secret, NOW).unwrap();
    let just_before = WallTime::from_millis(after(1).as_millis() - 1);
    assert!(snapshot.bearer(secret, just_before).is_ok() && snapshot.still_admits(&identity, just_before));
    assert_eq!(snapshot.bearer(secret, after(1)).err(), Some(NoProof::Expired));
    assert!(!snapshot.still_admits(&identity, after(1)) && snapshot.login("anybody", secret, after(1)).is_none());
    assert_eq!(snapshot.bearer("nobody's", NOW).err(), Some(NoProof::Unknown));
}

#[test]
fn a_token_is_exchanged_once_and_only_the_new_one_holds_then() {
    let (data, registry) = empty();
    let user = member(&registry, "you").id;
    let old = registry.create_token(user, ending(1), NOW).unwrap();
    let refresh = old.refresh.unwrap();

    let new = registry.refresh_token(refresh.reveal(), ending(90), NOW).unwrap();

    assert_eq!((new.token.user, new.token.expires_at), (user, Some(after(90))));
    let exchanged = |registry: &Registry| {
        let again = registry.refresh_token(refresh.reveal(), ending(90), NOW);
        assert!(matches!(again, Err(RegistryError::NoToken { .. })), "{again:?}");
        let snapshot = registry.snapshot();
        assert_eq!(snapshot.bearer(old.secret.reveal(), NOW).err(), Some(NoProof::Unknown));
        assert!(snapshot.bearer(new.secret.reveal(), NOW).is_ok());
        assert_eq!(snapshot.tokens.values().collect::<Vec<_>>(), [&new.token]);
    };
    exchanged(&registry);
    drop(registry);
    exchanged(&open(data.path()));
}

#[test]
fn a_token_itself_and_one_that_cannot_be_exchanged_are_no_refresh_tokens() {
    let (_data, registry) = empty();
    let made = registry.create_token(registry.owner(), ending(1), NOW).unwrap();
    let lasting = registry.create_token(registry.owner(), Wish::default(), NOW).unwrap();
    assert!(lasting.refresh.is_none());
    for secret in [made.secret.reveal(), lasting.secret.reveal(), "", "nobody's"] {
        assert!(matches!(registry.refresh_token(secret, ending(1), NOW), Err(RegistryError::NoToken { .. })));
    }
    assert!(registry.snapshot().bearer(made.refresh.unwrap().reveal(), NOW).is_err(), "nor does that admit anybody");
}

#[test]
fn a_token_that_ended_can_be_exchanged_for_thirty_days() {
    let (_data, registry) = empty();
    let [early, late] = [0, 1].map(|_| registry.create_token(registry.owner(), ending(1), NOW).unwrap());
    let in_time = WallTime::from_millis(after(31).as_millis() - 1);
    registry.refresh_token(early.refresh.unwrap().reveal(), ending(90), in_time).unwrap();
    let too_late = registry.refresh_token(late.refresh.unwrap().reveal(), ending(90), after(31));
    assert!(matches!(too_late, Err(RegistryError::NoToken { .. })), "{too_late:?}");
}

#[test]
fn whoever_has_a_token_may_end_it_and_by_its_id_only_its_user_may() {
    let (data, registry) = empty();
    let (owner, other) = (registry.owner(), member(&registry, "you").id);
    let [one, two, three] = [0, 1, 2].map(|_| registry.create_token(owner, Wish::default(), NOW).unwrap());
    let foreign = registry.revoke_token(other, &two.token.id());
    assert!(matches!(foreign, Err(RegistryError::NoToken { .. })), "{foreign:?}");
    assert_eq!(registry.revoke_hash(one.token.hash).unwrap(), one.token);
    assert_eq!(registry.revoke_token(owner, &two.token.id()).unwrap(), two.token);
    let unknown = registry.revoke_hash(KeyHash::of("a token of elsewhere")).unwrap_err();
    assert!(!unknown.to_string().contains("elsewhere"), "{unknown}");
    drop(registry);
    let snapshot = open(data.path()).snapshot();
    assert_eq!(snapshot.tokens.values().collect::<Vec<_>>(), [&three.token]);
}

#[test]
fn all_tokens_of_a_user_end_and_nobody_elses() {
    let (data, registry) = empty();
    let (owner, other) = (registry.owner(), member(&registry, "you").id);
    for _ in 0..2 {
        registry.create_token(owner, ending(1), NOW).unwrap();
    }
    let others = registry.create_token(other, ending(1), NOW).unwrap();
    assert_eq!(registry.revoke_all(owner).unwrap(), 2);
    assert_eq!(registry.revoke_all(owner).unwrap(), 0);
    drop(registry);
    assert_eq!(open(data.path()).snapshot().tokens.values().collect::<Vec<_>>(), [&others.token]);
}

/// A registry whose owner has as many tokens as one may have, which end as `end` says for their numbers from 0.
fn full(end: impl Fn(u8) -> Option<WallTime>) -> (TempDir, Registry) {
    let (data, registry) = empty();
    let mut rows = MetaChanges::default();
    for number in 0..200 {
        let hash = KeyHash::of(&format!("token {number}"));
        let token = Token { expires_at: end(number), ..Token::lasting(registry.owner(), hash, NOW) };
        rows.put(format!("{TOKENS}{hash}"), &token);
    }
    registry.meta.apply(&rows).unwrap();
    drop(registry);
    let registry = open(data.path());
    (data, registry)
}

#[test]
fn the_token_that_ends_first_makes_room_for_a_new_one() {
    let (data, registry) = full(|number| (number > 0).then(|| after(300 - i64::from(number))));
    let new = registry.create_token(registry.owner(), ending(1), NOW).unwrap();
    drop(registry);
    let snapshot = open(data.path()).snapshot();
    assert_eq!(snapshot.tokens.len(), 200);
    assert!(snapshot.bearer(new.secret.reveal(), NOW).is_ok());
    assert_eq!(snapshot.bearer("token 199", NOW).err(), Some(NoProof::Unknown));
    assert!(["token 0", "token 1", "token 198"].iter().all(|token| snapshot.bearer(token, NOW).is_ok()));
}

#[test]
fn what_ended_long_ago_makes_room_before_anything_that_holds() {
    let (_data, registry) = full(|number| Some(after(if number < 3 { -31 } else { i64::from(number) })));
    registry.create_token(registry.owner(), Wish::default(), NOW).unwrap();
    let snapshot = registry.snapshot();
    assert_eq!(snapshot.tokens.len(), 198);
    assert!(snapshot.bearer("token 3", NOW).is_ok());
}

#[test]
fn tokens_that_never_end_make_no_room_but_for_other_users() {
    let (_data, registry) = full(|_| None);
    let refused = registry.create_token(registry.owner(), ending(1), NOW);
    assert!(matches!(refused, Err(RegistryError::TooMany { limit: 200, .. })), "{refused:?}");
    assert_eq!(registry.snapshot().tokens.len(), 200);
    registry.create_token(member(&registry, "you").id, ending(1), NOW).unwrap();
}

#[test]
fn what_a_program_calls_itself_is_kept_as_far_as_it_goes() {
    let (_data, registry) = empty();
    let wish = Wish { client: "ü".repeat(70), ..Wish::default() };
    let made = registry.create_token(registry.owner(), wish, NOW).unwrap();
    assert_eq!(made.token.client, "ü".repeat(64));
}

#[test]
fn a_program_is_its_users_alone_and_its_secret_is_shown_once() {
    let (data, registry) = empty();
    let (owner, other) = (registry.owner(), member(&registry, "you").id);
    let (client, secret) = registry.add_client(owner, "my script", NOW).unwrap();
    assert!(client.secret.admits(secret.reveal()) && !format!("{client:?}").contains(secret.reveal()));
    let foreign = registry.remove_client(other, &client.id);
    assert!(matches!(foreign, Err(RegistryError::NoClient { .. })), "{foreign:?}");
    drop(registry);
    let registry = open(data.path());
    assert_eq!(registry.snapshot().clients[&client.id], client);
    let its = Wish { client: client.id.clone(), ..Wish::default() };
    registry.create_token(owner, its, NOW).unwrap();
    let another = registry.create_token(owner, Wish::default(), NOW).unwrap();
    registry.remove_client(owner, &client.id).unwrap();
    drop(registry);
    let snapshot = open(data.path()).snapshot();
    assert!(snapshot.clients.is_empty());
    assert_eq!(snapshot.tokens.keys().collect::<Vec<_>>(), [&another.token.hash], "its tokens end with it");
}
