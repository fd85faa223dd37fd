//! `particle login`, `whoami`, `logout`.

use crate::account::Account;
use crate::account::PASSWORD;
use crate::gateway::Gateway;
use crate::node;
use crate::particle::Particle;

#[tokio::test]
async fn who_logs_in_with_a_password_is_known_until_the_logout() {
    if node::is_missing() {
        return;
    }
    let gateway = Gateway::start().await;
    Account::new(&gateway, "me@example.com").await;
    let particle = Particle::new(&gateway);
    assert!(particle.fails(&["whoami"]).await.contains("You're not logged in"));
    let said = particle.fails(&["login", "-u", "me@example.com", "-p", "no, this is not it"]).await;
    assert!(said.contains("User credentials are invalid"), "{said}");

    let said = particle.does(&["login", "-u", "me@example.com", "-p", PASSWORD]).await;
    assert!(said.contains("Successfully completed login!"), "{said}");
    let token = particle.token().unwrap();
    assert!(particle.does(&["whoami"]).await.contains("me@example.com"));
    let said = particle.does(&["logout"]).await;
    assert!(said.contains("You have been logged out from me@example.com"), "{said}");

    assert_eq!(Account::holding(&gateway, &token).ask("GET", "/v1/user").await.status, 401, "its token has ended");
}

#[tokio::test]
async fn a_token_is_as_good_as_a_login() {
    if node::is_missing() {
        return;
    }
    let gateway = Gateway::start().await;
    let account = Account::new(&gateway, "me@example.com").await;
    let particle = Particle::new(&gateway);
    let said = particle.fails(&["login", "--token", "not-a-token"]).await;
    assert!(said.contains("There was an error logging you in!"), "{said}");

    particle.does(&["login", "--token", &account.token]).await;

    assert!(particle.does(&["whoami"]).await.contains("me@example.com"));
    account.ask("DELETE", "/v1/access_tokens/current").await;
    let said = particle.fails(&["list"]).await;
    assert!(said.contains("it appears your access token may have expired"), "{said}");
}

#[tokio::test]
async fn with_one_time_passwords_a_password_is_not_enough() {
    if node::is_missing() {
        return;
    }
    let gateway = Gateway::start().await;
    Account::new(&gateway, "me@example.com").await;
    let mfa = gateway.json(&["user", "mfa", "me@example.com"]).await;
    let code = node::one_time_password(mfa["secret"].as_str().unwrap(), 0).await;
    let wrong = format!("{:06}", (code.parse::<u32>().unwrap() + 1) % 1_000_000);
    let particle = Particle::new(&gateway);
    let login = ["login", "-u", "me@example.com", "-p", PASSWORD, "--otp"];

    let said = particle.fails(&[&login[..], &[&wrong]].concat()).await;
    assert!(said.contains("This login code didn't work."), "{said}");
    assert_eq!(particle.token(), None);
    let said = particle.does(&[&login[..], &[&code]].concat()).await;

    assert!(said.contains("Successfully completed login!"), "{said}");
    assert!(particle.does(&["whoami"]).await.contains("me@example.com"));
}

#[tokio::test]
async fn a_mistyped_one_time_password_may_be_typed_again() {
    if node::is_missing() {
        return;
    }
    let gateway = Gateway::start().await;
    Account::new(&gateway, "me@example.com").await;
    let mfa = gateway.json(&["user", "mfa", "me@example.com"]).await;
    let code = node::one_time_password(mfa["secret"].as_str().unwrap(), 0).await;
    let wrong = format!("{:06}", (code.parse::<u32>().unwrap() + 1) % 1_000_000);
    let particle = Particle::new(&gateway);

    let mut login = particle.start(&["login", "-u", "me@example.com"]);
    login.wait_for("Please enter your email address").await;
    login.types("").await;
    login.wait_for("Please enter your password").await;
    login.types(PASSWORD).await;
    login.wait_for("Please enter a login code").await;
    login.types(&wrong).await;
    login.wait_for("Let's try again").await;
    login.types(&code).await;

    assert!(login.ends().await.contains("Successfully completed login!"));
}
