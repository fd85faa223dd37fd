//! Users: how they get in, how often they may try, and how they are put out.

use std::net::Ipv4Addr;
use std::time::Duration;

use serde_json::Value;
use serde_json::json;
use tokio::net::TcpSocket;
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::account::Account;
use crate::account::PASSWORD;
use crate::account::one_time_password;
use crate::gateway::Device;
use crate::gateway::Gateway;
use crate::gateway::Setup;
use crate::mqtt::Client;
use crate::plain_http;
use crate::plain_http::Answer;

const WRONG: &str = "it is another one";

const FORM: &str = "application/x-www-form-urlencoded";

/// Asks for a token with these fields, from the address `from`.
async fn grant_from(from: Ipv4Addr, gateway: &Gateway, fields: &[(&str, &str)]) -> Answer {
    let form = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
    let headers = [("content-type", FORM.to_owned())];
    plain_http::send_over(connection(from, gateway).await, "POST", "/oauth/token", &headers, &form).await
}

async fn grant(gateway: &Gateway, fields: &[(&str, &str)]) -> Answer {
    grant_from(Ipv4Addr::LOCALHOST, gateway, fields).await
}

fn login<'a>(name: &'a str, password: &'a str) -> [(&'static str, &'a str); 3] {
    [("grant_type", "password"), ("username", name), ("password", password)]
}

async fn connection(from: Ipv4Addr, gateway: &Gateway) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind((from, 0).into()).unwrap();
    socket.connect(gateway.http).await.unwrap()
}

async fn claim(from: Ipv4Addr, gateway: &Gateway, code: &str, name: &str, password: &str) -> Answer {
    let body = json!({ "code": code, "username": name, "password": password }).to_string();
    let headers = [("content-type", "application/json".to_owned())];
    plain_http::send_over(connection(from, gateway).await, "POST", "/v1/claim", &headers, &body).await
}

async fn claim_code(gateway: &Gateway) -> String {
    gateway.json(&["claim"]).await["code"].as_str().unwrap().to_owned()
}

fn text(value: &Value, key: &str) -> String {
    value[key].as_str().unwrap_or_else(|| panic!("{key} of {value}")).to_owned()
}

fn assert_has_ended(answer: &Answer) {
    assert_eq!((answer.status, &answer.json()["error"]), (401, &json!("invalid_token")), "{answer:?}");
}

#[tokio::test]
async fn what_was_made_before_anybody_claimed_the_gateway_is_the_first_users() {
    let gateway = Gateway::start().await;
    let device = gateway.device("kitchen").await;
    let hook = gateway.hook(&json!({ "event": "temp", "url": "http://127.0.0.1:9/" })).await;
    gateway.json(&["product", "create", "Green"]).await;
    gateway.json_with(&["secret", "set", "KEY", "--value-stdin"], "s3cret").await;
    let before = Account::holding(&gateway, &text(&gateway.json(&["token", "create"]).await, "token"));
    assert_eq!(before.ask("GET", "/v1/user").await.json()["role"], "owner");

    let added = gateway.json_with(&["user", "add", "me@example.com", "--password-stdin"], PASSWORD).await;
    assert_eq!((&added["role"], &added["name"]), (&json!("owner"), &json!("me@example.com")));
    let second = gateway.json_with(&["user", "add", "you@example.com", "--password-stdin"], PASSWORD).await;
    assert_eq!(second["role"], "member");

    let granted = grant(&gateway, &login("ME@example.com", PASSWORD)).await.json();
    let account = Account::holding(&gateway, &text(&granted, "access_token"));
    for owner in [&account, &before] {
        assert_eq!(owner.ask("GET", "/v1/user").await.json()["username"], "me@example.com");
        assert_eq!(owner.ask("GET", "/v1/devices").await.json()[0]["id"], device.id);
        assert_eq!(owner.ask("GET", "/v1/webhooks").await.json()[0]["id"], hook);
        assert_eq!(owner.ask("GET", "/v1/products").await.json()["products"][0]["slug"], "green");
        assert_eq!(owner.ask("GET", "/v1/secrets").await.json()["secrets"][0]["name"], "KEY");
    }
    let named = ["device", "list", "--user", "me@example.com"];
    assert_eq!(gateway.json(&named).await, gateway.json(&["device", "list"]).await);
    let other = ["device", "list", "--user", "you@example.com"];
    assert_eq!(gateway.json(&other).await, json!([]));
}

#[tokio::test]
async fn at_the_gateway_one_acts_for_whichever_user_one_names() {
    let gateway = Gateway::start().await;
    let me = Account::new(&gateway, "me").await;
    let you = Account::new(&gateway, "you").await;
    let device = you.device(&gateway, "kitchen").await;
    let definition = json!({ "event": "temp", "url": "http://127.0.0.1:9/" }).to_string();
    let hook = gateway.json_with(&["hook", "create", "-", "--user", "YOU"], &definition).await;
    let product = you.product(&gateway, "Green").await;
    gateway.json(&["product", "add", &product.slug, "kitchen", "--user", "you"]).await;

    assert_eq!(you.ask("GET", "/v1/devices").await.json()[0]["id"], device.id);
    assert_eq!(you.ask("GET", "/v1/webhooks").await.json()[0]["id"], hook["id"]);
    let path = format!("/v1/products/{}/devices", product.id);
    assert_eq!(you.ask("GET", &path).await.json()["devices"][0]["id"], device.id);
    for path in ["/v1/devices", "/v1/webhooks"] {
        assert_eq!(me.ask("GET", path).await.json(), json!([]), "{path}");
    }
    assert!(gateway.refused(&["device", "show", "kitchen"], "").await.contains("kitchen"), "the owner has none");
    let reason = gateway.refused(&["device", "list", "--user", "nobody"], "").await;
    assert!(reason.contains("there is no user \"nobody\""), "{reason}");
}

#[tokio::test]
async fn the_code_makes_an_owner_over_the_web_once() {
    let gateway = Gateway::start().await;
    let device = gateway.device("kitchen").await;
    let code = claim_code(&gateway).await;
    let typed = code.to_lowercase().replace('-', "");
    let short = claim(Ipv4Addr::LOCALHOST, &gateway, &typed, "me", "12345").await;
    assert_eq!(short.status, 400, "{short:?}");
    assert!(short.json()["error"].as_str().unwrap().contains("password"), "{short:?}");

    let claimed = claim(Ipv4Addr::LOCALHOST, &gateway, &typed, "me", PASSWORD).await;

    assert_eq!((claimed.status, &claimed.json()["role"]), (201, &json!("owner")), "{claimed:?}");
    let granted = grant(&gateway, &login("me", PASSWORD)).await.json();
    let account = Account::holding(&gateway, &text(&granted, "access_token"));
    assert_eq!(account.ask("GET", "/v1/devices").await.json()[0]["id"], device.id);
    let again = claim(Ipv4Addr::LOCALHOST, &gateway, &code, "you", PASSWORD).await;
    assert_eq!(again.status, 403, "{again:?}");
    let reason = gateway.refused(&["claim"], "").await;
    assert!(reason.contains("has an owner already"), "{reason}");
    assert_eq!(gateway.json(&["user", "list"]).await.as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_credential_of_systemd_makes_the_owner_and_a_broken_one_nobody() {
    let folder = tempfile::tempdir().unwrap();
    let credential = folder.path().join("farhook.owner");
    std::fs::write(&credential, format!("me:{PASSWORD}")).unwrap();
    let setup = Setup::new().env("CREDENTIALS_DIRECTORY", folder.path().to_str().unwrap());
    let mut gateway = setup.start().await;
    gateway.wait_for_log("the credential farhook.owner makes nobody the owner").await;
    assert!(!gateway.log().contains(PASSWORD), "{}", gateway.log());
    claim_code(&gateway).await;
    let line = gateway.json_with(&["user", "hash", "me", "--password-stdin"], PASSWORD).await;
    std::fs::write(&credential, text(&line, "owner") + "\n").unwrap();

    gateway.stop().await;
    gateway.start_again().await;

    let reason = gateway.refused(&["claim"], "").await;
    assert!(reason.contains("has an owner already"), "{reason}");
    let granted = grant(&gateway, &login("me", PASSWORD)).await;
    assert_eq!(granted.status, 200, "{granted:?}");
    assert!(!gateway.log().contains("argon2"), "{}", gateway.log());
}

#[tokio::test]
async fn after_five_wrong_codes_not_even_the_right_one_is_looked_at() {
    let gateway = Gateway::start().await;
    let code = claim_code(&gateway).await;
    for wrong in ["", "x", "00000-00000", &code[1..], &format!("{code}0")] {
        let refused = claim(Ipv4Addr::LOCALHOST, &gateway, wrong, "me", PASSWORD).await;
        let expected = if wrong.is_empty() { 400 } else { 403 };
        assert_eq!(refused.status, expected, "{wrong:?}: {refused:?}");
    }
    let fifth = claim(Ipv4Addr::LOCALHOST, &gateway, "y", "me", PASSWORD).await;
    assert_eq!(fifth.status, 403, "{fifth:?}");
    assert_is_limited(&claim(Ipv4Addr::LOCALHOST, &gateway, &code, "me", PASSWORD).await);
    let elsewhere = claim(Ipv4Addr::new(127, 0, 0, 2), &gateway, &code, "me", PASSWORD).await;
    assert_eq!(elsewhere.status, 201, "{elsewhere:?}");
}

#[tokio::test]
async fn after_five_wrong_passwords_an_address_has_to_wait_and_others_do_not() {
    let gateway = Gateway::start().await;
    let account = Account::new(&gateway, "me").await;
    for number in 0..5 {
        // The name is not told to be right or wrong.
        let name = if number % 2 == 0 { "me" } else { "nobody" };
        let refused = grant(&gateway, &login(name, WRONG)).await;
        let told = refused.json();
        assert_eq!((refused.status, &told["error"]), (400, &json!("invalid_grant")), "{number}: {told}");
        assert_eq!(told["error_description"], "User credentials are invalid");
    }
    for name in ["me", "nobody"] {
        assert_is_limited(&grant(&gateway, &login(name, PASSWORD)).await);
    }
    let elsewhere = grant_from(Ipv4Addr::new(127, 0, 0, 2), &gateway, &login("me", PASSWORD)).await;
    assert_eq!(elsewhere.status, 200, "{elsewhere:?}");
    assert_eq!(account.ask("GET", "/v1/user").await.status, 200, "who is in stays in");
}

fn assert_is_limited(answer: &Answer) {
    let told = answer.json();
    assert_eq!((answer.status, &told["error"]), (429, &json!("rate_limited")), "{answer:?}");
    let wait: u64 = answer.header("retry-after").unwrap().parse().unwrap();
    assert!((1..=15 * 60).contains(&wait), "{wait} s");
    assert!(told["error_description"].as_str().unwrap().contains("try again in"), "{told}");
}

#[tokio::test]
async fn a_token_is_refreshed_once_and_the_old_one_ends() {
    let gateway = Gateway::start().await;
    Account::new(&gateway, "me").await;
    let granted = grant(&gateway, &login("me", PASSWORD)).await.json();
    assert_eq!((&granted["token_type"], &granted["expires_in"]), (&json!("bearer"), &json!(7_776_000)));
    let [token, refresh] = ["access_token", "refresh_token"].map(|key| text(&granted, key));

    let fields = [("grant_type", "refresh_token"), ("refresh_token", &*refresh), ("expires_in", "3600")];
    let refreshed = grant(&gateway, &fields).await;
    let new = refreshed.json();
    assert_eq!((refreshed.status, &new["expires_in"]), (200, &json!(3_600)), "{new}");
    let again = grant(&gateway, &fields).await;
    assert_eq!((again.status, &again.json()["error"]), (400, &json!("invalid_grant")), "{again:?}");
    assert_has_ended(&Account::holding(&gateway, &token).ask("GET", "/v1/user").await);
    let account = Account::holding(&gateway, &text(&new, "access_token"));
    assert_eq!(account.ask("GET", "/v1/user").await.status, 200);
}

#[tokio::test]
async fn a_token_that_expires_ends_its_session_and_its_stream_and_is_refused_from_then_on() {
    let gateway = Gateway::start().await;
    let account = Account::new(&gateway, "me").await;
    let granted = grant(&gateway, &[login("me", PASSWORD).as_slice(), &[("expires_in", "1")]].concat()).await.json();
    let token = text(&granted, "access_token");
    let stream = Account::holding(&gateway, &token).stream("/v1/devices/events").await;
    let mut session = Client::login(gateway.mqtt, "observer", &token).await.unwrap();

    session.wait_for_end().await;
    account.publish(&json!({ "name": "temp", "data": "for others" })).await;
    let rest = stream.rest().await;

    assert!(!rest.contains("for others"), "{rest:?}");
    let expired = Account::holding(&gateway, &token).ask("GET", "/v1/devices").await;
    let told = json!({ "error": "invalid_token", "error_description": "The access token provided has expired." });
    assert_eq!((expired.status, expired.json()), (401, told));
    assert!(Client::login(gateway.mqtt, "observer", &token).await.is_none());
    // It can still be exchanged.
    let refresh = text(&granted, "refresh_token");
    let refreshed = grant(&gateway, &[("grant_type", "refresh_token"), ("refresh_token", &*refresh)]).await;
    assert_eq!(refreshed.status, 200, "{refreshed:?}");
}

#[tokio::test]
async fn a_revoked_token_ends_its_sessions_at_once_and_its_streams_show_nothing_more() {
    let gateway = Gateway::start().await;
    let account = Account::new(&gateway, "me").await;
    let made = gateway.json(&["token", "create", "--user", "me"]).await;
    let (token, id) = (text(&made, "token"), text(&made, "id"));
    let stream = Account::holding(&gateway, &token).stream("/v1/devices/events").await;
    let mut session = Client::login(gateway.mqtt, "observer", &token).await.unwrap();
    let mut others = account.stream("/v1/devices/events").await;

    let revoked = account.ask("DELETE", &format!("/v1/access_tokens/{id}")).await;
    assert_eq!((revoked.status, &revoked.json()["ok"]), (200, &json!(true)));

    session.wait_for_end().await;
    account.publish(&json!({ "name": "temp", "data": "for others" })).await;
    let rest = stream.rest().await;
    assert!(!rest.contains("for others"), "{rest:?}");
    assert_eq!(others.event().await.1["data"], "for others");
    assert_has_ended(&Account::holding(&gateway, &token).ask("GET", "/v1/user").await);
}

#[tokio::test]
async fn an_idle_stream_ends_as_soon_as_its_token_does() {
    let gateway = Gateway::start().await;
    let account = Account::new(&gateway, "me").await;
    let [revoked, expiring] = [["--expires-in", "3600"], ["--expires-in", "1"]];
    let revoked = gateway.json(&[["token", "create", "--user", "me"].as_slice(), &revoked].concat()).await;
    let expiring = gateway.json(&[["token", "create", "--user", "me"].as_slice(), &expiring].concat()).await;
    let mut streams = Vec::new();
    for made in [&revoked, &expiring] {
        streams.push(Account::holding(&gateway, &text(made, "token")).stream("/v1/devices/events").await);
    }
    account.ask("DELETE", &format!("/v1/access_tokens/{}", text(&revoked, "id"))).await;
    for stream in streams {
        timeout(Duration::from_secs(3), stream.rest()).await.expect("the stream ends before its next sign of life");
    }
}

#[tokio::test]
async fn a_user_with_one_time_passwords_needs_one_at_each_login() {
    let gateway = Gateway::start().await;
    Account::new(&gateway, "me").await;
    let enrolled = gateway.json(&["user", "mfa", "me"]).await;
    assert_eq!(enrolled["mfa"], true);
    assert!(text(&enrolled, "url").starts_with("otpauth://totp/farhook:me?secret="), "{enrolled}");
    let asked = grant(&gateway, &[login("me", PASSWORD).as_slice(), &[("expires_in", "3600")]].concat()).await;
    let told = asked.json();
    assert_eq!((asked.status, &told["error"]), (403, &json!("mfa_required")), "{told}");
    let mfa_token = text(&told, "mfa_token");
    let second = async |token: &str, otp: &str| {
        grant(&gateway, &[("grant_type", "urn:custom:mfa-otp"), ("mfa_token", token), ("otp", otp)]).await
    };

    let wrong = second(&mfa_token, "abcdef").await;
    assert_eq!((wrong.status, &wrong.json()["error"]), (403, &json!("invalid_grant")), "{wrong:?}");
    let otp = one_time_password(&text(&enrolled, "secret"));
    let granted = second(&mfa_token, &otp).await;
    let told = granted.json();
    assert_eq!(granted.status, 200, "{told}");
    let expires_in = told["expires_in"].as_u64().unwrap();
    assert!((3_000..=3_600).contains(&expires_in), "{expires_in} s, and an hour was wished with the password");
    let account = Account::holding(&gateway, &text(&told, "access_token"));
    assert_eq!(account.ask("GET", "/v1/user").await.json()["mfa"]["enabled"], true);

    // Neither the login nor the one-time password counts twice.
    assert_eq!(second(&mfa_token, &otp).await.status, 403);
    let next = text(&grant(&gateway, &login("me", PASSWORD)).await.json(), "mfa_token");
    assert_eq!(second(&next, &otp).await.status, 403);
    gateway.json(&["user", "mfa", "me", "--off"]).await;
    let granted = grant(&gateway, &login("me", PASSWORD)).await;
    assert_eq!(granted.status, 200, "{granted:?}");
}

#[tokio::test]
async fn a_user_begins_to_use_one_time_passwords_over_the_web() {
    let gateway = Gateway::start().await;
    let account = Account::new(&gateway, "me").await;
    let begun = account.ask("GET", "/v1/user/mfa-enable").await.json();
    let secret = text(&begun, "secret");
    assert!(text(&begun, "qr_url").contains(&format!("secret={secret}")), "{begun}");
    let confirm = async |otp: &str| {
        let confirmation = json!({ "mfa_token": begun["mfa_token"], "otp": otp });
        account.tell("POST", "/v1/user/mfa-enable", &confirmation).await
    };
    assert_ne!(confirm("abcdef").await.status, 200);
    assert_eq!(grant(&gateway, &login("me", PASSWORD)).await.status, 200, "it is not needed before it works");
    let confirmed = confirm(&one_time_password(&secret)).await;
    assert_eq!((confirmed.status, &confirmed.json()["enrolled"]), (200, &json!(true)), "{confirmed:?}");
    assert_eq!(grant(&gateway, &login("me", PASSWORD)).await.json()["error"], "mfa_required");
    let wrong = account.tell("PUT", "/v1/user/mfa-disable", &json!({ "current_password": WRONG })).await;
    assert_ne!(wrong.status, 200, "{wrong:?}");
    let ended = account.tell("PUT", "/v1/user/mfa-disable", &json!({ "current_password": PASSWORD })).await;
    assert_eq!(ended.status, 200, "{ended:?}");
    assert_eq!(grant(&gateway, &login("me", PASSWORD)).await.status, 200);
}

#[tokio::test]
async fn another_password_ends_every_token_and_the_old_password_is_wrong() {
    let gateway = Gateway::start().await;
    let account = Account::new(&gateway, "me").await;
    let mut session = Client::login(gateway.mqtt, "observer", &account.token).await.unwrap();
    let change = |current: &str| json!({ "current_password": current, "password": "a new one" });
    assert_ne!(account.tell("PUT", "/v1/user", &change(WRONG)).await.status, 200);
    let changed = account.tell("PUT", "/v1/user", &change(PASSWORD)).await;
    assert_eq!(changed.status, 200, "{changed:?}");

    session.wait_for_end().await;
    assert_has_ended(&account.ask("GET", "/v1/user").await);
    assert_eq!(grant(&gateway, &login("me", PASSWORD)).await.status, 400);
    let granted = grant(&gateway, &login("me", "a new one")).await.json();
    let account = Account::holding(&gateway, &text(&granted, "access_token"));
    gateway.json_with(&["user", "password", "me", "--password-stdin"], "a third one\n").await;
    assert_has_ended(&account.ask("GET", "/v1/user").await);
    assert_eq!(grant(&gateway, &login("me", "a third one")).await.status, 200);
}

#[tokio::test]
async fn a_removed_user_is_out_with_all_their_devices_and_may_be_followed_by_another() {
    let gateway = Gateway::start().await;
    Account::new(&gateway, "me").await;
    let you = Account::new(&gateway, "you").await;
    let device = you.device(&gateway, "kitchen").await;
    let mut sessions =
        [gateway.login(&device).await, Client::login(gateway.mqtt, "observer", &you.token).await.unwrap()];
    let owner = gateway.refused(&["user", "remove", "me"], "").await;
    assert!(owner.contains("cannot be removed"), "{owner}");

    gateway.json(&["user", "remove", "you"]).await;

    for session in &mut sessions {
        session.wait_for_end().await;
    }
    assert_has_ended(&you.ask("GET", "/v1/user").await);
    assert_eq!(grant(&gateway, &login("you", PASSWORD)).await.status, 400);
    assert!(Client::login(gateway.mqtt, "kitchen", &device.key).await.is_none());
    let follower = Account::new(&gateway, "you").await;
    assert_eq!(follower.ask("GET", "/v1/devices").await.json(), json!([]));
    let claimed = follower.tell("POST", "/v1/devices", &json!({ "id": device.id })).await;
    assert_eq!(claimed.status, 200, "{claimed:?}");
    assert!(Client::login(gateway.mqtt, &device.id, &device.key).await.is_none(), "its former owner knows that key");
    let key = claimed.json()["key"].as_str().unwrap().to_owned();
    gateway.login(&Device { key, ..device }).await;
}

#[tokio::test]
async fn a_member_removes_their_own_account_with_their_password() {
    let gateway = Gateway::start().await;
    let owner = Account::new(&gateway, "me").await;
    let you = Account::new(&gateway, "you").await;
    let remove = |password: &str| json!({ "password": password });
    assert_ne!(you.tell("DELETE", "/v1/user", &remove(WRONG)).await.status, 200);
    let refused = owner.tell("DELETE", "/v1/user", &remove(PASSWORD)).await;
    assert_eq!(refused.status, 403, "{refused:?}");
    assert_eq!(you.tell("DELETE", "/v1/user", &remove(PASSWORD)).await.status, 200);
    assert_has_ended(&you.ask("GET", "/v1/user").await);
    assert_eq!(owner.ask("GET", "/v1/users").await.json().as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn the_owner_adds_and_removes_members_over_the_web_and_nobody_else_does() {
    let gateway = Gateway::start().await;
    let (owner, you) = (Account::new(&gateway, "me").await, Account::new(&gateway, "you").await);
    let third = json!({ "username": "third", "password": PASSWORD });
    for (method, path) in [("GET", "/v1/users"), ("DELETE", "/v1/users/me")] {
        assert_eq!(you.ask(method, path).await.status, 403, "{method} {path}");
    }
    assert_eq!(you.tell("POST", "/v1/users", &third).await.status, 403);
    let added = owner.tell("POST", "/v1/users", &third).await;
    assert_eq!((added.status, &added.json()["role"]), (201, &json!("member")), "{added:?}");
    let again = owner.tell("POST", "/v1/users", &third).await;
    assert_eq!(again.status, 400, "{again:?}");
    assert_eq!(owner.ask("DELETE", "/v1/users/third").await.status, 200);
    assert_eq!(owner.ask("DELETE", "/v1/users/third").await.status, 404);
    assert_eq!(owner.ask("DELETE", "/v1/users/me").await.status, 403, "the owner stays");
    let listed = owner.ask("GET", "/v1/users").await;
    assert!(!listed.body.contains("argon2"), "{listed:?}");
}
