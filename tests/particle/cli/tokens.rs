//! `particle token create` and `revoke`.

use serde_json::Value;

use crate::account::Account;
use crate::account::PASSWORD;
use crate::gateway::Gateway;
use crate::node;
use crate::particle::Particle;

#[tokio::test]
async fn a_token_lasts_as_long_as_it_was_asked_for() {
    if node::is_missing() {
        return;
    }
    let gateway = Gateway::start().await;
    let account = Account::new(&gateway, "me@example.com").await;
    let particle = Particle::logged_in(&gateway, &account);
    let answer = format!("{PASSWORD}\n");
    let create = async |args: &[&str]| particle.does_with(&[&["token", "create"], args].concat(), &answer).await;

    let hour = create(&["--expires-in", "3600"]).await;
    assert!(hour.contains("New access token expires on"), "{hour}");
    assert!((3_500.0..=3_600.0).contains(&seconds_left(&gateway, &hour).await.unwrap()));
    let never = create(&["--never-expires"]).await;
    assert!(never.contains("New access token never expires"), "{never}");
    assert_eq!(seconds_left(&gateway, &never).await, None);
    let usual = create(&[]).await;
    assert!(usual.contains("New access token expires on"), "{usual}");
    let said = particle.fails(&["token", "create"]).await;
    assert!(!said.contains("New access token"), "{said}");

    let said = particle.does(&["token", "revoke", token_in(&hour), token_in(&never)]).await;
    assert!(said.contains("Successfully revoked all provided tokens"), "{said}");
    for (said, status) in [(&hour, 401), (&never, 401), (&usual, 200)] {
        assert_eq!(Account::holding(&gateway, token_in(said)).ask("GET", "/v1/user").await.status, status);
    }
    let said = particle.does(&["token", "revoke", &account.token]).await;
    assert!(said.contains("use --force to delete it"), "{said}");
    particle.does(&["token", "revoke", &account.token, "--force"]).await;
    assert!(particle.fails(&["list"]).await.contains("it appears your access token may have expired"));
}

#[tokio::test]
async fn a_token_for_a_one_time_password_lasts_as_long_as_it_was_asked_for() {
    if node::is_missing() {
        return;
    }
    let gateway = Gateway::start().await;
    let account = Account::new(&gateway, "me@example.com").await;
    let mfa = gateway.json(&["user", "mfa", "me@example.com"]).await;
    let particle = Particle::logged_in(&gateway, &account);

    // How long is only said together with the password, not with the one-time password.
    let mut create = particle.start(&["token", "create", "--expires-in", "3600"]);
    create.wait_for("Please enter your password").await;
    create.types(PASSWORD).await;
    create.wait_for("Please enter a login code").await;
    let code = node::one_time_password(mfa["secret"].as_str().unwrap(), 0).await;
    create.types(&code).await;

    let said = create.ends().await;
    assert!((3_500.0..=3_600.0).contains(&seconds_left(&gateway, &said).await.unwrap()));
}

/// The token that the client printed last.
fn token_in(said: &str) -> &str {
    let token = said.lines().rev().map(str::trim).find(|line| !line.is_empty()).unwrap();
    assert!(token.len() == 40 && token.bytes().all(|byte| byte.is_ascii_hexdigit()), "{said}");
    token
}

async fn seconds_left(gateway: &Gateway, said: &str) -> Option<f64> {
    let current = Account::holding(gateway, token_in(said)).ask("GET", "/v1/access_tokens/current").await.json();
    match &current["expires_at"] {
        Value::Null => None,
        at => {
            let at: jiff::Timestamp = at.as_str().unwrap().parse().unwrap();
            Some(at.duration_since(jiff::Timestamp::now()).as_secs_f64())
        }
    }
}
