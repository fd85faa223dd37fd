//! The settings, as somebody with a browser uses them.

use std::time::Duration;
use std::time::SystemTime;
use std::time::UNIX_EPOCH;

use serde_json::json;

use crate::account::Account;
use crate::account::PASSWORD;
use crate::account::one_time_password;
use crate::browser::Browser;
use crate::browser::Page;
use crate::gateway::Gateway;
use crate::gateway::Setup;
use crate::plain_http::Answer;

const OWNER: &str = "me@example.com";
const MEMBER: &str = "you@example.com";

const OTHER_PASSWORD: &str = "it is another one";
const PASSPHRASE: &str = "correct horse battery";

/// Is in every secret that a person gives.
const PLANTED: &str = "pl4nted";

async fn scene() -> (Gateway, Browser) {
    let gateway = Gateway::start().await;
    let browser = Browser::claiming(&gateway, OWNER).await;
    (gateway, browser)
}

/// A browser that a member logged in with.
async fn member(gateway: &Gateway) -> Browser {
    gateway.json_with(&["user", "add", MEMBER, "--password-stdin"], PASSWORD).await;
    Browser::login(gateway, MEMBER).await
}

/// What an authenticator app shows in half a minute: of each half minute one password counts.
#[expect(clippy::disallowed_methods, reason = "the app on a telephone has a clock of its own")]
fn next_one_time_password(secret: &str) -> String {
    let soon = SystemTime::now().duration_since(UNIX_EPOCH).unwrap() + Duration::from_secs(30);
    let secret = totp_rs::Secret::Encoded(secret.to_owned()).to_bytes().unwrap();
    totp_rs::TOTP::new_unchecked(totp_rs::Algorithm::SHA1, 6, 1, 30, secret).generate(soon.as_secs())
}

fn is_out(page: &Page) -> bool {
    page.path.starts_with("/login")
}

/// Downloads a backup with the form.
async fn backup(browser: &mut Browser, passphrase: &str) -> Answer {
    let page = browser.open("/settings/backup").await;
    let fields = [("passphrase", passphrase), ("passphrase_again", passphrase), ("password", PASSWORD)];
    let token = page.between("name=\"form_token\" value=\"", "\"");
    browser.send_only("/settings/backup/download", &[&[("form_token", token)], fields.as_slice()].concat()).await
}

/// Restores a backup with the form.
async fn restore(browser: &mut Browser, file: &[u8], passphrase: &str, password: &str) -> Page {
    let page = browser.open("/settings/backup").await;
    let fields = [("restore_passphrase", passphrase), ("restore_password", password), ("understood", "yes")];
    browser.upload(&page, "/settings/backup/restore", &fields, file).await
}

#[tokio::test]
async fn after_another_password_the_old_sessions_and_tokens_are_over_and_this_browser_goes_on() {
    let (gateway, mut browser) = scene().await;
    let mut other = Browser::login(&gateway, OWNER).await;
    let token = gateway.json(&["token", "create"]).await["token"].as_str().unwrap().to_owned();
    let program = Account::holding(&gateway, &token);

    let change = async |browser: &mut Browser, current: &str, password: &str, again: &str| {
        let page = browser.open("/settings").await;
        let fields = [("current", current), ("password", password), ("password_again", again)];
        browser.fill_in(&page, "/settings/password", &fields).await
    };
    let page = change(&mut browser, "wrong", OTHER_PASSWORD, OTHER_PASSWORD).await;
    assert!(page.has("That is not your password."), "{}", page.html);
    let page = change(&mut browser, PASSWORD, OTHER_PASSWORD, "x").await;
    assert!(page.has("The two passwords are not the same."), "{}", page.html);
    let page = change(&mut browser, PASSWORD, "short", "short").await;
    assert!(page.has("a password has at least 6 characters"), "{}", page.html);
    assert!(!is_out(&other.get("/settings").await) && program.ask("GET", "/v1/user").await.status == 200);

    let page = change(&mut browser, PASSWORD, OTHER_PASSWORD, OTHER_PASSWORD).await;
    assert!(page.path == "/settings" && page.has("Your password is changed."), "{}", page.html);
    assert_eq!(page.html.matches("this browser</strong>").count(), 1);
    assert!(is_out(&other.get("/settings").await));
    assert_eq!(program.ask("GET", "/v1/user").await.status, 401);
    let login = async |password: &str| {
        let fields = [("name", OWNER), ("password", password), ("next", "/")];
        Browser::new(&gateway).send("/login", &fields).await
    };
    assert!(login(PASSWORD).await.status == 403 && login(OTHER_PASSWORD).await.path == "/");
}

#[tokio::test]
async fn one_time_passwords_are_set_up_with_an_app_and_asked_for_at_the_next_login() {
    let (gateway, mut browser) = scene().await;
    let page = browser.open("/settings").await;
    let page = browser.fill_in(&page, "/settings/otp", &[]).await;
    assert!(page.has("<svg class=\"qr\"") && page.has("secret="), "{}", page.html);
    let secret = page.between("<code id=\"secret\">", "</code>").to_owned();
    let token = page.between("name=\"token\" value=\"", "\"").to_owned();

    let wrong = browser.fill_in(&page, "/settings/otp/confirm", &[("token", &token), ("otp", "abcdef")]).await;
    assert!(wrong.status == 403 && wrong.has(&secret) && wrong.has("role=\"alert\""), "{}", wrong.html);
    assert!(!Browser::login(&gateway, OWNER).await.open("/settings").await.has("Switch them off"));
    let late = browser.fill_in(&wrong, "/settings/otp/confirm", &[("token", "other"), ("otp", "abcdef")]).await;
    assert!(late.has("That took too long."), "{}", late.html);
    let otp = one_time_password(&secret);
    let page = browser.fill_in(&wrong, "/settings/otp/confirm", &[("token", &token), ("otp", &otp)]).await;
    assert!(page.has("From now on you are asked") && page.has("Switch them off"), "{}", page.html);
    assert!(!page.has(&secret));

    let page = browser.fill_in(&page, "/logout", &[]).await;
    assert!(is_out(&page));
    let login = [("name", OWNER), ("password", PASSWORD), ("next", "/settings")];
    let page = browser.send("/login", &login).await;
    assert!(page.has("One-time password"), "{}", page.html);
    let token = page.between("name=\"token\" value=\"", "\"").to_owned();
    let fields = [("token", token.as_str()), ("otp", &next_one_time_password(&secret)), ("next", "/settings")];
    let page = browser.send("/login/otp", &fields).await;
    assert_eq!((page.status, page.path.as_str()), (200, "/settings"), "{}", page.html);

    let refused = browser.fill_in(&page, "/settings/otp/end", &[("otp_password", "wrong")]).await;
    assert!(refused.has("That is not your password.") && refused.has("Switch them off"), "{}", refused.html);
    let page = browser.fill_in(&refused, "/settings/otp/end", &[("otp_password", PASSWORD)]).await;
    assert!(page.has("You are not asked for one-time passwords any more."), "{}", page.html);
    assert!(!is_out(&Browser::login(&gateway, OWNER).await.open("/settings").await));
    assert!(!gateway.log().contains(&secret));
}

#[tokio::test]
async fn a_token_that_is_made_on_the_page_holds_until_it_is_revoked_there() {
    let (gateway, mut browser) = scene().await;
    let page = browser.open("/settings").await;
    for (client, days) in [("", "1"), ("x", "0"), ("x", "soon"), ("web page", "1")] {
        let page = browser.fill_in(&page, "/settings/tokens", &[("client", client), ("days", days)]).await;
        assert!(page.has("class=\"flash failed\"") && !page.has("id=\"once\""), "{client} {days}: {}", page.html);
    }
    let page = browser.fill_in(&page, "/settings/tokens", &[("client", "<b>x</b>"), ("days", "7")]).await;
    let token = page.secret().to_owned();
    assert!(page.has("&lt;b&gt;x&lt;&#x2f;b&gt;") && !page.has("<b>x") && page.has(">in 7 days<"), "{}", page.html);
    assert!(!browser.open("/settings").await.has(&token), "it was shown once");
    let lasting = browser.fill_in(&page, "/settings/tokens", &[("client", "for ever"), ("days", "")]).await;
    let lasting = Account::holding(&gateway, lasting.secret());
    let program = Account::holding(&gateway, &token);
    assert_eq!(program.ask("GET", "/v1/user").await.json()["username"], OWNER);

    let listed = gateway.json(&["token", "list"]).await;
    let of_client = |client: &str| listed.as_array().unwrap().iter().find(|token| token["client"] == client).unwrap();
    assert!(of_client("<b>x</b>")["expires_at"].is_string() && of_client("for ever")["expires_at"].is_null());
    let id = of_client("<b>x</b>")["id"].as_str().unwrap();
    let page = browser.fill_in(&page, "/settings/tokens/revoke", &[("token", id)]).await;
    assert!(page.has("It is logged out.") && !page.has(id), "{}", page.html);
    assert_eq!(program.ask("GET", "/v1/user").await.status, 401);
    assert_eq!(lasting.ask("GET", "/v1/user").await.status, 200);
    assert!(!gateway.log().contains(&token));
}

#[tokio::test]
async fn logging_out_everywhere_ends_every_session_and_token() {
    let (gateway, mut browser) = scene().await;
    let mut other = Browser::login(&gateway, OWNER).await;
    let mut stranger = member(&gateway).await;
    let token = gateway.json(&["token", "create"]).await["token"].as_str().unwrap().to_owned();
    let page = browser.open("/settings").await;
    let page = browser.fill_in(&page, "/settings/logout", &[]).await;
    assert!(is_out(&page), "{}", page.path);
    assert!(is_out(&browser.get("/settings").await) && is_out(&other.get("/settings").await));
    assert_eq!(Account::holding(&gateway, &token).ask("GET", "/v1/user").await.status, 401);
    assert!(!is_out(&stranger.get("/settings").await));
}

#[tokio::test]
async fn a_member_sees_nothing_of_what_is_the_owners() {
    let (gateway, _owner) = scene().await;
    let mut browser = member(&gateway).await;
    let page = browser.open("/settings").await;
    for (path, _) in OWNERS {
        assert!(!page.has(path) && !page.has(&path.replace('/', "&#x2f;")), "{path}");
        let page = browser.get(path).await;
        assert!(page.status == 403 && !page.has(OWNER), "{path}: {}", page.html);
    }
    let token = page.between("name=\"form_token\" value=\"", "\"").to_owned();
    for path in OWNERS.iter().flat_map(|(_, forms)| *forms) {
        let fields = [("form_token", token.as_str()), ("name", "x"), ("password", PASSWORD)];
        assert_eq!(browser.send_only(path, &fields).await.status, 403, "{path}");
    }
    browser.open("/settings/secrets").await;
    assert_eq!(gateway.json(&["user", "list"]).await.as_array().unwrap().len(), 2);
}

/// Pages of the owner's, each with the paths of its forms.
const OWNERS: [(&str, &[&str]); 4] = [
    ("/settings/users", &["/settings/users", "/settings/users/remove"]),
    ("/settings/gateway", &["/settings/gateway/name"]),
    ("/settings/backup", &["/settings/backup/download", "/settings/backup/restore"]),
    ("/settings/diagnostics", &[]),
];

#[tokio::test]
async fn a_member_leaves_with_everything_of_theirs() {
    let (gateway, mut owner) = scene().await;
    assert!(!owner.open("/settings").await.has("Remove this account"));
    let mut browser = member(&gateway).await;
    gateway.json(&["device", "add", "cellar", "--user", MEMBER]).await;
    let page = browser.open("/settings").await;
    let refused = browser.fill_in(&page, "/settings/leave", &[("own_password", "wrong")]).await;
    assert!(refused.has("That is not your password."), "{}", refused.html);
    let page = browser.fill_in(&refused, "/settings/leave", &[("own_password", PASSWORD)]).await;
    assert!(is_out(&page) && is_out(&browser.get("/").await));
    assert_eq!(gateway.json(&["user", "list"]).await.as_array().unwrap().len(), 1);
    assert_eq!(gateway.json(&["status"]).await["devices"], 0);
}

#[tokio::test]
async fn the_owner_adds_and_removes_users() {
    let (gateway, mut browser) = scene().await;
    let page = browser.open("/settings/users").await;
    let add = [("name", MEMBER), ("password", PASSWORD), ("password_again", PASSWORD)];
    let wrong = [("name", "<b>x</b>"), ("password", PASSWORD), ("password_again", "x")];
    let refused = browser.fill_in(&page, "/settings/users", &wrong).await;
    assert!(refused.status == 422 && refused.has("value=\"&lt;b&gt;x"), "{}", refused.html);
    let page = browser.fill_in(&page, "/settings/users", &add).await;
    assert!(page.has(&format!("{MEMBER} is added")), "{}", page.html);
    let again = browser.fill_in(&page, "/settings/users", &add).await;
    assert!(again.status == 422 && again.has("there is already a user named"), "{}", again.html);
    assert!(!again.has(PASSWORD));

    let mut theirs = Browser::login(&gateway, MEMBER).await;
    let page = browser.fill_in(&page, "/settings/users/remove", &[("name", MEMBER)]).await;
    assert!(page.has(&format!("{MEMBER} is removed.")), "{}", page.html);
    assert!(is_out(&theirs.get("/").await));
    let token = page.between("name=\"form_token\" value=\"", "\"").to_owned();
    let page = browser.send("/settings/users/remove", &[("form_token", &token), ("name", OWNER)]).await;
    assert!(page.has("the owner of the gateway cannot be removed"), "{}", page.html);
}

#[tokio::test]
async fn a_secret_is_set_and_removed_and_on_no_page() {
    let (gateway, mut browser) = scene().await;
    let value = format!("{PLANTED} é ");
    let page = browser.open("/settings/secrets").await;
    assert!(page.has("{{{NAME}}}"), "{}", page.html);
    let refused = browser.fill_in(&page, "/settings/secrets", &[("name", "a key"), ("value", &value)]).await;
    assert!(refused.status == 422 && refused.has("value=\"a key\"") && !refused.has(PLANTED), "{}", refused.html);
    let page = browser.fill_in(&page, "/settings/secrets", &[("name", "API_KEY"), ("value", &value)]).await;
    assert!(page.has("API_KEY is set."), "{}", page.html);
    let hook = gateway.hook(&json!({ "event": "temp", "url": "https://a.example/?k={{{API_KEY}}}" })).await;

    for path in ["/", "/settings", "/settings/secrets", "/settings/gateway", "/settings/backup", "/integrations"] {
        assert!(!browser.open(path).await.has(PLANTED), "{path}");
    }
    assert!(!browser.open(&format!("/integrations/{hook}")).await.has(PLANTED));
    let shown = browser.open("/settings/secrets").await;
    assert!(shown.has("<td data-label=\"Integrations\" class=\"num\">1</td>"), "{}", shown.html);
    let export = std::fs::read_to_string(gateway.data().join("meta-export.json")).unwrap();
    assert!(export.contains(&value), "it is kept as it was typed");

    let page = browser.fill_in(&page, "/settings/secrets/remove", &[("name", "API_KEY")]).await;
    assert!(page.has("API_KEY is removed.") && page.has("There are no secrets yet."), "{}", page.html);
    assert_eq!(gateway.json(&["secret", "list"]).await, json!([]));
    assert!(!gateway.log().contains(PLANTED));
}

#[tokio::test]
async fn the_gateway_tells_its_owner_where_it_listens_and_what_is_configured() {
    let (mut gateway, mut browser) = scene().await;
    let page = browser.open("/settings/gateway").await;
    for address in [gateway.mqtt, gateway.http, gateway.https] {
        assert!(page.has(&format!("<code>{address}</code>")), "{}", page.html);
    }
    let fingerprint =
        gateway.json(&["status"]).await["listening"]["certificate_fingerprint"].as_str().unwrap().to_owned();
    assert!(page.has(&fingerprint), "{}", page.html);
    assert!(page.has(&gateway.config_file().display().to_string().replace('/', "&#x2f;")), "{}", page.html);
    assert!(page.has("limits.host_per_minute = 120") && page.has(&format!("kill -HUP {}", gateway.process_id())));

    gateway.reload(Setup::new().with("[limits]\nhost_per_minute = 7")).await;
    let page = browser.open("/settings/gateway").await;
    let row = page.between("limits.host_per_minute = 7", "</tr>");
    assert!(row.contains("changed"), "{row}");

    let refused = browser.fill_in(&page, "/settings/gateway/name", &[("name", &"x".repeat(65))]).await;
    assert!(refused.status == 422 && refused.has("a gateway&#x27;s name has 1 to 64"), "{}", refused.html);
    let page = browser.fill_in(&page, "/settings/gateway/name", &[("name", "<b>x</b>")]).await;
    assert!(page.has("<a class=\"brand\" href=\"/\">&lt;b&gt;x") && !page.has("<b>"), "{}", page.html);
}

#[tokio::test]
async fn what_was_changed_after_a_backup_is_as_before_once_it_is_restored() {
    let (gateway, mut browser) = scene().await;
    let kitchen = gateway.device("kitchen").await;
    gateway.json_with(&["secret", "set", "API_KEY", "--value-stdin"], PLANTED).await;
    let hook = gateway.hook(&json!({ "event": "temp", "url": "https://a.example/?k={{{API_KEY}}}" })).await;
    let made = backup(&mut browser, PASSPHRASE).await;
    assert_eq!((made.status, made.header("content-type")), (200, Some("application/gzip")), "{}", made.body);
    let named = made.header("content-disposition").unwrap();
    assert!(named.starts_with("attachment; filename=\"farhook-backup-"), "{named}");

    gateway.json(&["device", "remove", "kitchen"]).await;
    gateway.json(&["hook", "delete", &hook]).await;
    gateway.json_with(&["user", "password", OWNER, "--password-stdin"], OTHER_PASSWORD).await;
    let login = [("name", OWNER), ("password", OTHER_PASSWORD), ("next", "/")];
    assert_eq!(browser.send("/login", &login).await.path, "/");

    let page = restore(&mut browser, &made.content, PASSPHRASE, OTHER_PASSWORD).await;
    assert!(page.status == 200 && page.has("Everything is as it was then"), "{}", page.html);
    assert!(page.has("1 devices") && page.has("href=\"/login\"") && !page.has("name=\"form_token\""), "{}", page.html);
    assert!(is_out(&browser.get("/").await), "its session is not in the backup");
    let mut browser = Browser::login(&gateway, OWNER).await;
    assert!(browser.open("/devices").await.has("kitchen"));
    gateway.login(&kitchen).await;
    assert_eq!(gateway.json(&["hook", "show", &hook]).await["state"], "enabled");
}

#[tokio::test]
async fn without_a_passphrase_the_report_says_what_is_left_to_do() {
    let (gateway, mut browser) = scene().await;
    member(&gateway).await;
    gateway.json_with(&["secret", "set", "API_KEY", "--value-stdin"], PLANTED).await;
    let hook = gateway.hook(&json!({ "event": "temp", "url": "https://a.example/?k={{{API_KEY}}}" })).await;
    let made = backup(&mut browser, "").await;
    assert_eq!(made.status, 200, "{}", made.body);
    let page = restore(&mut browser, &made.content, "", PASSWORD).await;
    assert!(page.has("The secrets were not restored."), "{}", page.html);
    assert!(page.has(&format!("/integrations/{hook}")) && page.has("API_KEY") && page.has(MEMBER), "{}", page.html);
    assert!(!is_out(&browser.get("/").await), "whoever restores keeps their account");
    assert_eq!(gateway.json(&["hook", "show", &hook]).await["state"], "disabled");
}

#[tokio::test]
async fn a_restore_that_is_refused_changes_nothing() {
    let (gateway, mut browser) = scene().await;
    let made = backup(&mut browser, PASSPHRASE).await;
    gateway.device("kitchen").await;
    let mut broken = made.content.clone();
    broken.truncate(made.content.len() / 2);
    for (file, passphrase, password, reason) in [
        (made.content.as_slice(), PASSPHRASE, "wrong", "That is not your password."),
        (&made.content, "another passphrase", PASSWORD, "the passphrase is wrong"),
        (b"something else", "", PASSWORD, "this is no backup of farhook"),
        (&broken, PASSPHRASE, PASSWORD, "the backup is damaged"),
        (b"", "", PASSWORD, "Choose the file of a backup."),
    ] {
        let page = restore(&mut browser, file, passphrase, password).await;
        assert!(page.status == 422 && page.has(reason), "{reason}: {}", page.html);
    }
    let page = browser.open("/settings/backup").await;
    let fields = [("restore_passphrase", PASSPHRASE), ("restore_password", PASSWORD)];
    let unticked = browser.upload(&page, "/settings/backup/restore", &fields, &made.content).await;
    assert!(unticked.status == 422 && unticked.has("Tick the box"), "{}", unticked.html);
    assert!(browser.open("/devices").await.has("kitchen"));

    let fields = [("passphrase", PASSPHRASE), ("passphrase_again", PASSPHRASE), ("password", "wrong")];
    let refused = browser.fill_in(&page, "/settings/backup/download", &fields).await;
    assert!(refused.status == 422 && refused.has("That is not your password."), "{}", refused.html);
    let refused = browser.fill_in(&page, "/settings/backup/download", &[("passphrase", PASSPHRASE)]).await;
    assert!(refused.status == 422 && refused.has("The two passphrases are not the same."), "{}", refused.html);
}

#[tokio::test]
async fn a_backup_as_large_as_any_may_come_while_others_send_forms() {
    let (_gateway, mut browser) = scene().await;
    let large = vec![b'x'; 16 << 20];
    let page = restore(&mut browser, &large, "", PASSWORD).await;
    assert!(page.status == 422 && page.has("this is no backup of farhook"), "{}", page.html);
    let too_large = vec![b'x'; 17 << 20];
    let page = browser.open("/settings/backup").await;
    let refused = browser.upload(&page, "/settings/backup/restore", &[], &too_large).await;
    assert_eq!(refused.status, 413);
}

#[tokio::test]
async fn a_diagnostics_bundle_is_downloaded_without_secrets() {
    let (gateway, mut browser) = scene().await;
    gateway.json_with(&["secret", "set", "API_KEY", "--value-stdin"], PLANTED).await;
    let bundle = browser.get_only("/settings/diagnostics").await;
    assert_eq!((bundle.status, bundle.header("content-type")), (200, Some("application/gzip")));
    let mut text = String::new();
    for entry in tar::Archive::new(flate2::read::GzDecoder::new(bundle.content.as_slice())).entries().unwrap() {
        std::io::Read::read_to_string(&mut entry.unwrap(), &mut text).unwrap();
    }
    assert!(text.contains("max_connections") && !text.contains(PLANTED));
}
