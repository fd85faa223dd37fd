//! Logins, over a real registry.

use tempfile::TempDir;

use super::*;
use crate::model::WallTime;
use crate::store::Meta;

const FROM: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 168, 1, 2));

fn at(seconds: u64) -> Now {
    let wall = WallTime::from_millis(1_460_813_828_000 + i64::try_from(seconds).unwrap() * 1_000);
    Now { mono_ms: seconds * 1_000, wall }
}

fn accounts() -> (TempDir, Accounts) {
    let data = tempfile::tempdir().unwrap();
    let chance = Chance::from_seed(1);
    let registry = Registry::load(Meta::open(data.path()).unwrap(), chance.clone()).unwrap();
    (data, Accounts::new(Arc::new(registry), chance))
}

#[tokio::test(flavor = "multi_thread")]
async fn the_code_makes_the_owner_and_nobody_after() {
    let (_data, accounts) = accounts();
    let code = accounts.claim_code().unwrap().to_owned();
    let claim = async |code: &str| accounts.claim(code, "me".to_owned(), "secret", FROM, at(0)).await;
    assert!(matches!(claim("00000-00000").await, Err(AccountError::WrongCode)));
    let owner = claim(&code).await.unwrap();
    assert_eq!((owner.id, owner.role), (accounts.registry.owner(), crate::registry::Role::Owner));
    assert_eq!(accounts.claim_code(), None);
    assert!(matches!(claim(&code).await, Err(AccountError::Registry(RegistryError::Claimed))));
    let other = accounts.add("you".to_owned(), "secret", at(0)).await.unwrap();
    assert_eq!(other.role, crate::registry::Role::Member);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_preset_owner_owns_the_gateway_unless_somebody_does() {
    let (_data, accounts) = accounts();
    let line = |name: &str| {
        let name = crate::registry::UserName::try_from(name.to_owned()).unwrap();
        preset_line(&name, "secret", [7; 16]).unwrap()
    };
    assert!(accounts.preset("me:secret", at(0)).is_err() && accounts.claim_code().is_some());
    let owner = accounts.preset(&line("me"), at(0)).unwrap().unwrap();
    assert_eq!((owner.id, owner.role), (accounts.registry.owner(), crate::registry::Role::Owner));
    assert_eq!(accounts.claim_code(), None);
    assert!(accounts.login_for_token("me", "secret", None, FROM, at(1)).await.is_ok());
    accounts.set_password(owner.id, None, "another").await.unwrap();
    assert!(accounts.preset(&line("you"), at(2)).unwrap().is_none());
    assert!(accounts.preset("of a gateway with an owner nothing is read", at(2)).unwrap().is_none());
    assert!(accounts.login_for_token("me", "another", None, FROM, at(2)).await.is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_password_says_no_more_than_a_wrong_name_and_five_are_enough() {
    let (_data, accounts) = accounts();
    accounts.add("me".to_owned(), "secret", at(0)).await.unwrap();
    let login = async |name: &str, password: &str| accounts.login_for_token(name, password, None, FROM, at(1)).await;
    assert_eq!(login("ME", "secret").await.unwrap().name.as_str(), "me");
    for (name, password) in [("me", "secre"), ("nobody", "secret"), ("me", ""), ("me", "x"), ("me", "y")] {
        assert!(matches!(login(name, password).await, Err(LoginError::Wrong)), "{name} {password}");
    }
    assert!(matches!(login("me", "secret").await, Err(LoginError::TooMany { .. })));
    assert!(accounts.login_for_token("me", "secret", None, FROM, at(1 + 15 * 60)).await.is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_one_time_password_is_needed_once_the_user_showed_one_and_counts_once() {
    let (_data, accounts) = accounts();
    let user = accounts.add("me".to_owned(), "secret", at(0)).await.unwrap();
    let (secret, token) = accounts.begin_otp(&user, at(0)).unwrap();
    let otp = |seconds: u64| {
        let wall_s = u64::try_from(at(seconds).wall.as_millis()).unwrap() / 1_000;
        let bytes = secret.as_bytes().to_vec();
        totp_rs::TOTP::new(totp_rs::Algorithm::SHA1, 6, 1, 30, bytes).unwrap().generate(wall_s)
    };
    assert!(accounts.login_for_token("me", "secret", None, FROM, at(0)).await.is_ok(), "not yet");
    assert!(accounts.confirm_otp(user.id, &token, "000000", FROM, at(0)).is_err());
    accounts.confirm_otp(user.id, &token, &otp(0), FROM, at(0)).unwrap();

    let Err(LoginError::NeedsOtp { token }) = accounts.login_for_token("me", "secret", None, FROM, at(1)).await else {
        panic!("a one-time password is needed");
    };
    assert!(accounts.second_factor(&token, &otp(0), FROM, at(1)).is_err(), "that one was used");
    assert!(accounts.second_factor("another", &otp(60), FROM, at(60)).is_err());
    assert_eq!(accounts.second_factor(&token, &otp(60), FROM, at(60)).unwrap().user.id, user.id);
    assert!(accounts.second_factor(&token, &otp(120), FROM, at(120)).is_err(), "the login is over");

    let user = accounts.registry.snapshot().users[&user.id].clone();
    assert!(
        matches!(accounts.begin_otp(&user, at(120)), Err(AccountError::Registry(RegistryError::HasOtp))),
        "a token is not enough"
    );
    assert!(accounts.end_otp(&user, "wrong!", FROM, at(121)).await.is_err());
    accounts.end_otp(&user, "secret", FROM, at(121)).await.unwrap();
    assert!(accounts.login_for_token("me", "secret", None, FROM, at(122)).await.is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_password_ends_the_tokens_of_the_old_one() {
    let (_data, accounts) = accounts();
    let user = accounts.add("me".to_owned(), "secret", at(0)).await.unwrap();
    accounts.registry.create_token(user.id, crate::registry::Wish::default(), at(0).wall).unwrap();
    accounts.set_password(user.id, None, "another").await.unwrap();
    assert!(accounts.registry.snapshot().tokens.is_empty());
    assert!(accounts.login_for_token("me", "secret", None, FROM, at(1)).await.is_err());
    assert!(accounts.login_for_token("me", "another", None, FROM, at(1)).await.is_ok());
    assert!(matches!(accounts.set_password(user.id, None, "short").await, Err(AccountError::Password(_))));
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_that_was_under_way_outlives_a_password_or_a_user() {
    let (_data, accounts) = accounts();
    accounts.add("owner".to_owned(), "secret", at(0)).await.unwrap();
    let user = accounts.add("me".to_owned(), "secret", at(0)).await.unwrap();
    let secret = accounts.draw_otp_secret();
    accounts.registry.add_otp(user.id, secret).unwrap();
    let Err(LoginError::NeedsOtp { token }) = accounts.login_for_token("me", "secret", None, FROM, at(0)).await else {
        panic!("a one-time password is needed");
    };
    let code = accounts.device_code(user.id, None, at(0));

    accounts.set_password(user.id, None, "another").await.unwrap();
    assert!(accounts.second_factor(&token, "000000", FROM, at(1)).is_err());
    assert!(matches!(accounts.register_device(&code, None, at(1)), Err(AccountError::NoDeviceCode)));
    let proof = crate::registry::Proof::Password(user.password.clone());
    let wish = crate::registry::Wish { proof, ..crate::registry::Wish::default() };
    assert!(accounts.registry.create_token(user.id, wish, at(1).wall).is_err(), "that password was right before");
    let late = accounts.set_password(user.id, Some(&user.password), "mine now").await;
    assert!(matches!(late, Err(AccountError::Registry(RegistryError::PasswordChanged))), "{late:?}");

    let code = accounts.device_code(user.id, None, at(2));
    let (device, _) = accounts.register_device(&code, None, at(2)).unwrap();
    assert_eq!(device.owner, user.id);
    accounts.remove(user.id, None).unwrap();
    assert!(accounts.registry.add_device(user.id, None, None, at(3).wall).is_err(), "there is nobody to have it");
}
