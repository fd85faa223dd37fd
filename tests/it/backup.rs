//! Backup and restore, and the diagnostics bundle, as somebody at the gateway uses them.

use std::fs;
use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use serde_json::Value;
use serde_json::json;

use crate::account::Account;
use crate::account::PASSWORD;
use crate::gateway::Device;
use crate::gateway::Gateway;
use crate::gateway::stderr;
use crate::mqtt::Client;
use crate::plain_http::Answer;
use crate::plain_http::send;
use crate::receiver::Receiver;

const PASSPHRASE: &str = "correct horse battery";

/// Is in every secret that a person gives.
const PLANTED: &str = "pl4nted";

/// A gateway with something of everything.
struct Household {
    gateway: Gateway,
    receiver: Receiver,
    me: Account,
    you: Account,
    kitchen: Device,
    client_secret: String,
}

impl Household {
    async fn start() -> Self {
        let (gateway, receiver) = (Gateway::start().await, Receiver::start());
        let (me, you) = (Account::new(&gateway, "me").await, Account::new(&gateway, "you").await);
        let client = me.tell("POST", "/v1/clients", &json!({ "name": "program", "type": "installed" })).await.json();
        let kitchen = gateway.device("kitchen").await;
        gateway.json(&["product", "create", "greenhouse"]).await;
        gateway.json(&["product", "add", "greenhouse", "kitchen"]).await;
        gateway.json_with(&["secret", "set", "API_KEY", "--value-stdin"], &format!("{PLANTED}-named")).await;
        gateway.hook(&json!({ "event": "plain", "url": receiver.url("/plain") })).await;
        gateway.hook(&json!({ "event": "named", "url": receiver.url("/named?k={{{API_KEY}}}") })).await;
        gateway
            .hook(&json!({
                "event": "masked",
                "url": receiver.url(&format!("/masked?api_key={PLANTED}-query")),
                "headers": { "X-Api-Key": format!("{PLANTED}-header") },
                "auth": { "username": "u", "password": format!("{PLANTED}-auth") },
                "body": format!("token={PLANTED}-body&data={{{{PARTICLE_EVENT_VALUE}}}}"),
            }))
            .await;
        let client_secret = client["client"]["secret"].as_str().expect("a program has a secret").to_owned();
        Self { gateway, receiver, me, you, kitchen, client_secret }
    }

    async fn backup(&self, name: &str, passphrase: Option<&str>) -> Value {
        let path = self.gateway.folder().join(name);
        let mut args = vec!["backup", path.to_str().unwrap()];
        args.extend(passphrase.map(|_| "--passphrase-stdin"));
        self.gateway.json_with(&args, passphrase.unwrap_or_default()).await
    }

    /// Everything that must be in no file, by what it is.
    fn secrets(&self) -> Vec<String> {
        let hashes = fs::read_to_string(self.gateway.data().join("meta-export.json")).unwrap();
        let rows: Value = serde_json::from_str(&hashes).unwrap();
        let mut secrets = vec![
            PLANTED.to_owned(),
            PASSWORD.to_owned(),
            self.kitchen.key.clone(),
            self.me.token.clone(),
            self.you.token.clone(),
            self.client_secret.clone(),
            "argon2id$".to_owned(),
        ];
        for (key, row) in rows.as_object().unwrap() {
            let field = match key.split_once('/') {
                Some(("user", _)) => "password",
                Some(("token", _)) => "hash",
                Some(("client", _)) => "secret",
                _ => continue,
            };
            secrets.push(row[field].as_str().unwrap().to_owned());
        }
        assert_eq!(secrets.len(), 7 + 2 + 2 + 1, "two users, two tokens, a program");
        secrets
    }
}

/// All files of a bundle, as text.
fn contents(path: &Path) -> Vec<(String, String)> {
    let mut tar = tar::Archive::new(flate2::read::GzDecoder::new(fs::File::open(path).unwrap()));
    let mut files = Vec::new();
    for entry in tar.entries().unwrap() {
        let mut entry = entry.unwrap();
        let mut text = String::new();
        entry.read_to_string(&mut text).unwrap();
        files.push((entry.path().unwrap().display().to_string(), text));
    }
    files
}

async fn login(gateway: &Gateway, name: &str, password: &str) -> Answer {
    let fields = [("grant_type", "password"), ("username", name), ("password", password)];
    let form = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
    let headers = [("content-type", "application/x-www-form-urlencoded".to_owned())];
    send(gateway.http, "POST", "/oauth/token", &headers, &form).await
}

#[tokio::test]
async fn neither_a_backup_without_a_passphrase_nor_a_diagnostics_bundle_has_a_secret_in_it() {
    let mut household = Household::start().await;
    let gateway = &household.gateway;
    let mut kitchen = gateway.login(&household.kitchen).await;
    for event in ["plain", "named", "masked"] {
        kitchen.publish(event, &format!("{PLANTED}-data")).await;
        household.receiver.next().await;
    }
    gateway.wait_for_queue("waiting", 0).await;
    gateway.json(&["device", "note", "kitchen", &format!("{PLANTED}-note")]).await;

    let bundle = gateway.folder().join("d.tar.gz");
    gateway.json(&["diagnostics", bundle.to_str().unwrap()]).await;
    gateway.json(&["device", "note", "kitchen", ""]).await;
    let made = household.backup("b.tar.gz", None).await;
    let sealed = household.backup("s.tar.gz", Some(PASSPHRASE)).await;

    assert_eq!((&made["has_secrets"], &sealed["has_secrets"]), (&json!(false), &json!(true)));
    assert_eq!(made["counts"], json!({ "users": 2, "devices": 1, "products": 1, "hooks": 3, "secrets": 1 }));
    for name in ["b.tar.gz", "s.tar.gz", "d.tar.gz"] {
        let path = household.gateway.folder().join(name);
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        for (file, text) in contents(&path) {
            for secret in household.secrets() {
                assert!(!text.contains(&secret), "{secret} is in {file} of {name}");
            }
        }
    }
    let files = contents(&bundle);
    let text = |name: &str| &files.iter().find(|(file, _)| file == name).unwrap_or_else(|| panic!("{name}")).1;
    assert!(text("attempts.json").contains("status 200") && text("devices.json").contains("kitchen"));
    assert!(text("config.txt").contains("max_connections") && text("machine.json").contains("kernel"));
    for name in ["README.txt", "made.json", "status.json", "queue.json", "limits.json", "notices.json", "hooks.json"] {
        assert!(text(name).len() > 2, "{name}");
    }
    let key_hash = &contents(&household.gateway.folder().join("b.tar.gz"))[1].1;
    assert!(key_hash.contains("key_hash") && !files.iter().any(|(_, text)| text.contains("key_hash")));
}

#[tokio::test]
async fn with_its_passphrase_a_backup_makes_another_gateway_the_same() {
    let household = Household::start().await;
    household.backup("b.tar.gz", Some(PASSPHRASE)).await;
    let file = household.gateway.folder().join("b.tar.gz");
    let file = file.to_str().unwrap();
    let other = Gateway::start().await;
    let somebody = Account::new(&other, "somebody").await;
    let shed = other.device("shed").await;
    let mut shed = other.login(&shed).await;
    let stream = somebody.stream("/v1/devices/events").await;

    let told = other.refused(&["restore", file, "--passphrase-stdin"], PASSPHRASE).await;
    assert!(told.contains("1 user, 1 device, 0 hooks") && told.contains("--yes"), "{told}");
    let told = other.refused(&["restore", file, "--passphrase-stdin", "--yes"], "another horse").await;
    assert!(told.contains("the passphrase is wrong"), "{told}");
    shed.ping().await;
    let report = other.json_with(&["restore", file, "--passphrase-stdin", "--yes"], PASSPHRASE).await;

    assert_eq!((&report["is_whole"], &report["disabled_hooks"]), (&json!(true), &json!([])));
    shed.wait_for_end().await;
    stream.rest().await;
    assert_eq!(somebody.ask("GET", "/v1/user").await.status, 401);
    assert_eq!(login(&other, "somebody", PASSWORD).await.status, 400);
    for (name, token) in [("me", &household.me.token), ("you", &household.you.token)] {
        assert_eq!(login(&other, name, PASSWORD).await.status, 200);
        assert_eq!(Account::holding(&other, token).ask("GET", "/v1/user").await.json()["username"], name);
    }
    let Household { gateway, mut receiver, kitchen, .. } = household;
    drop(gateway);
    let mut kitchen = other.login(&kitchen).await;
    kitchen.publish("masked", "21.5").await;
    let request = receiver.next().await;
    assert_eq!(request.path, format!("/masked?api_key={PLANTED}-query"));
    assert_eq!(request.header("x-api-key"), Some(format!("{PLANTED}-header").as_str()));
    assert_eq!(request.body, format!("token={PLANTED}-body&data=21.5"));
    kitchen.publish("named", "21.5").await;
    assert_eq!(receiver.next().await.path, format!("/named?k={PLANTED}-named"));
}

#[tokio::test]
async fn without_its_secrets_a_backup_is_restored_and_told_is_what_is_left_to_do() {
    let mut household = Household::start().await;
    household.backup("b.tar.gz", None).await;
    let file = household.gateway.folder().join("b.tar.gz");
    let mut other = Gateway::start().await;
    let somebody = Account::new(&other, "somebody").await;

    let output = other.cli(&["restore", file.to_str().unwrap(), "--yes"]).await;
    assert!(output.status.success(), "{}", stderr(&output));
    let told = String::from_utf8(output.stdout).unwrap();
    for line in [
        "Restored: 2 users, 1 device, 3 hooks",
        "(masked) of somebody is switched off, its secrets are missing: url, headers, auth, body",
        "(named) of somebody is switched off, its secrets are missing: API_KEY",
        "User you has no password: farhook user password you",
        "Secret API_KEY of somebody has to be set again",
        "Program program has to be registered again",
    ] {
        assert!(told.contains(line), "{line}: {told}");
    }

    other.kill().await;
    other.start_again().await;
    assert_eq!(somebody.ask("GET", "/v1/user").await.json()["username"], "somebody");
    assert_eq!(login(&other, "somebody", PASSWORD).await.status, 200);
    assert_eq!(login(&other, "you", PASSWORD).await.status, 400);
    other.json_with(&["user", "password", "you", "--password-stdin"], PASSWORD).await;
    assert_eq!(login(&other, "you", PASSWORD).await.status, 200);
    let mut kitchen = other.login(&household.kitchen).await;
    for event in ["masked", "named", "plain"] {
        kitchen.publish(event, "21.5").await;
    }
    assert_eq!(household.receiver.next().await.path, "/plain", "the others are off");
}

#[tokio::test]
async fn what_is_no_sound_backup_is_refused_and_nothing_changes() {
    let household = Household::start().await;
    household.backup("b.tar.gz", None).await;
    let gateway = &household.gateway;
    let folder = gateway.folder();
    let sound = fs::read(folder.join("b.tar.gz")).unwrap();
    let path = |name: &str| folder.join(name).to_str().unwrap().to_owned();
    let mut changed = sound.clone();
    changed[sound.len() / 2] ^= 0xff;
    for (name, bytes, reason) in [
        ("cut.tar.gz", &sound[..sound.len() - 20], "is damaged"),
        ("changed.tar.gz", &changed, "is damaged"),
        ("empty.tar.gz", b"", "no backup of farhook"),
        ("foreign.tar.gz", b"PK\x03\x04 and so on", "no backup of farhook"),
    ] {
        fs::write(folder.join(name), bytes).unwrap();
        let told = gateway.refused(&["restore", &path(name), "--yes"], "").await;
        assert!(told.contains(reason), "{name}: {told}");
    }
    let told = gateway.refused(&["restore", &path("nowhere.tar.gz"), "--yes"], "").await;
    assert!(told.contains("nowhere.tar.gz cannot be read"), "{told}");
    let told = gateway.refused(&["backup", &path("b.tar.gz")], "").await;
    assert!(told.contains("is there already") && fs::read(folder.join("b.tar.gz")).unwrap() == sound, "{told}");
    let told = gateway.refused(&["backup", &path("c.tar.gz"), "--passphrase-stdin"], "short").await;
    assert!(told.contains("at least 8 characters") && !folder.join("c.tar.gz").exists(), "{told}");
    assert_eq!(gateway.json(&["hook", "list"]).await.as_array().unwrap().len(), 3);
    assert!(Client::login(gateway.mqtt, "kitchen", &household.kitchen.key).await.is_some());
}

#[tokio::test]
async fn what_a_restore_does_not_know_is_dropped_from_the_queue_and_what_it_knows_waits_on() {
    let household = Household::start().await;
    let gateway = &household.gateway;
    household.backup("b.tar.gz", Some(PASSPHRASE)).await;
    let closed = crate::receiver::Closed::new();
    gateway.hook(&json!({ "event": "later", "url": closed.url("/later") })).await;
    let mut kitchen = gateway.login(&household.kitchen).await;
    kitchen.publish("later", "1").await;
    gateway.wait_for_queue("waiting", 1).await;

    let file = gateway.folder().join("b.tar.gz");
    gateway.json_with(&["restore", file.to_str().unwrap(), "--yes", "--passphrase-stdin"], PASSPHRASE).await;

    gateway.wait_for_queue("waiting", 0).await;
    assert_eq!(gateway.json(&["dead"]).await, json!([]));
    kitchen.ping().await;
}
