//! The command line with a gateway somewhere else: over HTTP, with a token of its own.

use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::Output;
use std::process::Stdio;

use serde_json::Value;
use serde_json::json;
use tempfile::TempDir;
use tokio::io::AsyncBufReadExt;
use tokio::io::AsyncWriteExt;
use tokio::io::BufReader;
use tokio::process::Command;
use tokio::time::timeout;

use crate::account::Account;
use crate::account::PASSWORD;
use crate::gateway::Gateway;
use crate::gateway::PATIENCE;
use crate::gateway::farhook;
use crate::gateway::stderr;
use crate::receiver::Answer;
use crate::receiver::Receiver;

/// A computer of somebody, which has no gateway.
struct Computer {
    home: TempDir,
}

impl Computer {
    fn new() -> Self {
        Self { home: tempfile::tempdir().unwrap() }
    }

    /// With somebody who logged in.
    async fn logged_in(gateway: &Gateway, name: &str) -> Self {
        let computer = Self::new();
        computer.json_with(&["login", &address(gateway), "--name", name, "--password-stdin"], PASSWORD).await;
        computer
    }

    fn file(&self) -> PathBuf {
        self.home.path().join("config/farhook/login.json")
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = farhook();
        command.args(args).current_dir(self.home.path()).env("HOME", self.home.path());
        command.env("XDG_CONFIG_HOME", self.home.path().join("config"));
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    async fn cli(&self, args: &[&str], stdin: &str) -> Output {
        output(self.command(args), stdin).await
    }

    async fn json(&self, args: &[&str]) -> Value {
        self.json_with(args, "").await
    }

    async fn json_with(&self, args: &[&str], stdin: &str) -> Value {
        let output = self.cli(&[args, &["--json"]].concat(), stdin).await;
        assert!(output.status.success(), "{args:?}: {}", stderr(&output));
        serde_json::from_slice(&output.stdout).unwrap()
    }

    /// A command that must be refused, and its reason.
    async fn refused(&self, args: &[&str], stdin: &str) -> String {
        let output = self.cli(args, stdin).await;
        assert_eq!(output.status.code(), Some(1), "{args:?}: {output:?}");
        stderr(&output)
    }
}

async fn output(mut command: Command, stdin: &str) -> Output {
    let mut process = command.spawn().unwrap();
    let mut pipe = process.stdin.take().unwrap();
    // A command that does not read has gone by then.
    let _ = pipe.write_all(stdin.as_bytes()).await;
    drop(pipe);
    timeout(PATIENCE, process.wait_with_output()).await.expect("the command ends").unwrap()
}

fn address(gateway: &Gateway) -> String {
    format!("http://{}", gateway.http)
}

#[tokio::test]
async fn a_login_is_kept_where_only_its_owner_can_read_it_until_the_logout_ends_it() {
    let gateway = Gateway::start().await;
    Account::new(&gateway, "me@example.com").await;
    let computer = Computer::new();
    let login = |name| ["login", "--name", name, "--password-stdin"].to_vec();
    let url = format!("{}/", address(&gateway));

    let wrong = computer.refused(&[login("me@example.com"), vec![&url]].concat(), "a wrong one").await;
    assert!(wrong.contains("User credentials are invalid") && !computer.file().exists(), "{wrong}");
    let told = computer.json_with(&[login("me@example.com"), vec![&url]].concat(), PASSWORD).await;

    assert_eq!(told, json!({ "url": address(&gateway), "user": "me@example.com" }), "and no token");
    let mode = |path: PathBuf| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(computer.file()), mode(computer.file().parent().unwrap().to_owned())), (0o600, 0o700));
    let kept: Value = serde_json::from_slice(&std::fs::read(computer.file()).unwrap()).unwrap();
    let account = Account::holding(&gateway, kept["token"].as_str().unwrap());
    assert_eq!(account.ask("GET", "/v1/user").await.json()["username"], "me@example.com");
    let listed = computer.json(&["token", "list"]).await;
    assert!(listed.as_array().unwrap().iter().any(|token| token["client"] == "farhook"), "{listed}");

    computer.json(&["logout"]).await;

    assert!(!computer.file().exists());
    assert_eq!(account.ask("GET", "/v1/user").await.status, 401);
    let again = computer.refused(&["logout"], "").await;
    assert!(again.contains("not logged in"), "{again}");
    let nowhere = computer.refused(&["device", "list"], "").await;
    assert!(nowhere.contains("no gateway found"), "{nowhere}");
}

#[tokio::test]
async fn what_is_no_gateway_is_not_logged_in_to() {
    let computer = Computer::new();
    let receiver = Receiver::start();
    for (url, reason) in [
        ("raspberrypi.local", "is no address"),
        ("http://127.0.0.1/v1", "without a path"),
        ("http://127.0.0.1:1", "cannot be reached"),
        (&receiver.url(""), "no gateway's answer"),
    ] {
        let told = computer.refused(&["login", url, "--name", "me", "--password-stdin"], PASSWORD).await;
        assert!(told.contains(reason), "{url}: {told}");
    }
    assert!(!computer.file().exists());
}

#[tokio::test]
async fn from_afar_the_owner_gets_a_backup_without_secrets_and_restores_none() {
    let gateway = Gateway::start().await;
    Account::new(&gateway, "me").await;
    Account::new(&gateway, "you").await;
    let (mine, yours) = (Computer::logged_in(&gateway, "me").await, Computer::logged_in(&gateway, "you").await);

    let made = mine.json(&["backup", "b.tar.gz"]).await;
    assert_eq!((&made["has_secrets"], &made["counts"]["users"]), (&json!(false), &json!(2)));
    assert!(mine.home.path().join("b.tar.gz").exists());
    assert!(mine.json(&["diagnostics", "d.tar.gz"]).await["bytes"].as_u64() > Some(500));

    let only_here = "only at the gateway itself";
    let told = mine.refused(&["backup", "c.tar.gz", "--passphrase-stdin"], "correct horse").await;
    assert!(told.contains(only_here) && !mine.home.path().join("c.tar.gz").exists(), "{told}");
    let told = mine.refused(&["restore", "b.tar.gz", "--yes"], "").await;
    assert!(told.contains(only_here), "{told}");
    let request = json!({ "ask": "restore", "file": "" });
    let owner = gateway.json(&["token", "create"]).await;
    let answer =
        Account::holding(&gateway, owner["token"].as_str().unwrap()).tell("POST", "/v1/command", &request).await;
    assert!(answer.body.contains(only_here), "{answer:?}");
    for command in ["backup", "diagnostics"] {
        let told = yours.refused(&[command], "").await;
        assert!(told.contains("only the owner"), "{told}");
    }
}

#[tokio::test]
async fn without_a_folder_for_configuration_the_login_is_kept_in_the_home() {
    let gateway = Gateway::start().await;
    Account::new(&gateway, "me").await;
    let computer = Computer::new();
    let mut command = computer.command(&["login", &address(&gateway), "--name", "me", "--password-stdin"]);
    command.env_remove("XDG_CONFIG_HOME");
    let done = output(command, PASSWORD).await;
    assert!(done.status.success(), "{}", stderr(&done));
    assert!(computer.home.path().join(".config/farhook/login.json").is_file() && !computer.file().exists());
}

#[tokio::test]
async fn a_member_works_with_their_own_things_from_elsewhere() {
    let gateway = Gateway::start().await;
    let owner = Account::new(&gateway, "me").await;
    Account::new(&gateway, "you").await;
    let computer = Computer::logged_in(&gateway, "you").await;
    let mut receiver = Receiver::with(|_| Answer::status(200));

    let device = computer.json(&["device", "add", "kitchen"]).await;
    let key = device["key"].as_str().unwrap();
    assert_eq!(computer.json(&["device", "list"]).await[0]["id"], device["id"]);
    computer.json(&["device", "rename", "kitchen", "cellar"]).await;
    computer.json(&["device", "note", "cellar", "south wall"]).await;
    let shown = computer.json(&["device", "show", "cellar"]).await;
    assert_eq!((&shown["id"], &shown["notes"]), (&device["id"], &json!("south wall")));
    let hook = computer.json(&["hook", "create", "temp", &receiver.url("/")]).await["id"].as_str().unwrap().to_owned();
    assert_eq!(computer.json(&["hook", "list"]).await[0]["id"], hook);
    computer.json_with(&["secret", "set", "KEY", "--value-stdin"], "s3cret").await;
    assert_eq!(computer.json(&["secret", "list"]).await[0]["name"], "KEY");
    let product = computer.json(&["product", "create", "Green"]).await;
    computer.json(&["product", "add", "green", "cellar"]).await;
    assert_eq!(computer.json(&["device", "show", "cellar"]).await["product"], product["id"]);

    let mut client = crate::mqtt::Client::login(gateway.mqtt, "cellar", key).await.unwrap();
    client.publish("temp", "21.5").await;
    assert_eq!(receiver.next().await.json()["coreid"], device["id"]);
    let tested = computer.json(&["hook", "test", &hook]).await;
    assert_eq!((&tested["ok"], receiver.next().await.json()["event"].clone()), (&json!(true), json!("temp")));
    gateway.wait_for_queue("waiting", 0).await;
    assert_eq!(computer.json(&["log", &hook]).await[0]["event"]["coreid"], device["id"]);
    assert_eq!(computer.json(&["dead"]).await, json!([]));
    assert_eq!(computer.json(&["status"]).await["devices"], 1);

    let token = computer.json(&["token", "create", "--expires-in", "60"]).await;
    let account = Account::holding(&gateway, token["token"].as_str().unwrap());
    assert_eq!(account.ask("GET", "/v1/user").await.json()["username"], "you");
    computer.json(&["token", "revoke", token["id"].as_str().unwrap()]).await;
    assert_eq!(account.ask("GET", "/v1/user").await.status, 401);
    for path in ["/v1/devices", "/v1/webhooks"] {
        assert_eq!(owner.ask("GET", path).await.json(), json!([]), "{path}");
    }
    computer.json(&["hook", "delete", &hook]).await;
    computer.json(&["device", "remove", "cellar"]).await;
    client.wait_for_end().await;
    computer.json(&["device", "claim", device["id"].as_str().unwrap()]).await;
    crate::mqtt::Client::login(gateway.mqtt, "cellar", key).await.expect("it is theirs again, with its key");
}

#[tokio::test]
async fn events_are_published_and_heard_from_elsewhere() {
    let gateway = Gateway::start().await;
    let owner = Account::new(&gateway, "me").await;
    Account::new(&gateway, "you").await;
    let computer = Computer::logged_in(&gateway, "you").await;
    // What tells that it listens is an event that it hears.
    let mut listening = computer.command(&["events", "temp/a 1", "--count", "2", "--json"]).spawn().unwrap();
    let mut lines = BufReader::new(listening.stdout.take().unwrap()).lines();
    let first = async {
        loop {
            owner.publish(&json!({ "name": "temp/a 1", "data": "somebody else's" })).await;
            computer.json(&["publish", "temp", "not asked for"]).await;
            computer.json(&["publish", "temp/a 1/a", "-21.5"]).await;
            if let Ok(line) = timeout(std::time::Duration::from_millis(200), lines.next_line()).await {
                break line.unwrap().unwrap();
            }
        }
    };
    let first: Value = serde_json::from_str(&timeout(PATIENCE, first).await.expect("it is heard")).unwrap();
    assert_eq!(
        (&first["name"], &first["data"], &first["coreid"]),
        (&json!("temp/a 1/a"), &json!("-21.5"), &json!("api"))
    );
    computer.json(&["publish", "temp/a 1/b"]).await;
    timeout(PATIENCE, listening.wait()).await.expect("it ends after as many as it was told").unwrap();
}

#[tokio::test]
async fn a_member_is_told_what_is_not_for_members() {
    let gateway = Gateway::start().await;
    let owner = Account::new(&gateway, "me").await;
    Account::new(&gateway, "you").await;
    let hook = json!({ "event": "temp", "url": "http://127.0.0.1:9/" });
    let hook = owner.tell("POST", "/v1/webhooks", &hook).await.json()["id"].as_str().unwrap().to_owned();
    owner.device(&gateway, "kitchen").await;
    let computer = Computer::logged_in(&gateway, "you").await;
    let only_owner = "only the owner of the gateway may do this";
    let only_here = "only at the gateway";
    let no_hook = format!("there is no hook {hook}");
    for (args, reason) in [
        (["user", "list"].as_slice(), only_owner),
        (&["user", "remove", "me"], only_owner),
        (&["user", "add", "third", "--password-stdin"], only_owner),
        (&["queue"], only_owner),
        (&["limits"], only_owner),
        (&["notices"], only_owner),
        (&["replay", "--all"], "there are no such dead letters"),
        (&["user", "password", "you", "--password-stdin"], only_here),
        (&["user", "mfa", "you", "--off"], only_here),
        (&["claim"], only_here),
        (&["device", "list", "--user", "me"], only_here),
        (&["hook", "show", &hook], &no_hook),
        (&["hook", "delete", &hook], &no_hook),
        (&["hook", "disable", &hook], &no_hook),
        (&["hook", "test", &hook], &no_hook),
        (&["log", &hook], &no_hook),
        (&["device", "show", "kitchen"], "there is no device \"kitchen\""),
    ] {
        let told = computer.refused(args, PASSWORD).await;
        assert!(told.contains(reason), "{args:?}: {told}");
    }
    assert_eq!(owner.ask("GET", "/v1/webhooks").await.json()[0]["id"], hook);
    assert_eq!(gateway.json(&["user", "list"]).await.as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn the_owner_sees_to_the_gateway_from_elsewhere() {
    let gateway = Gateway::start().await;
    Account::new(&gateway, "me").await;
    let computer = Computer::logged_in(&gateway, "me").await;
    let added = computer.json_with(&["user", "add", "you", "--password-stdin"], PASSWORD).await;
    assert_eq!(added["role"], "member");
    let names: Vec<Value> = computer.json(&["user", "list"]).await.as_array().unwrap().clone();
    assert_eq!(names.iter().map(|user| &user["name"]).collect::<Vec<_>>().len(), 2);
    assert_eq!(computer.json(&["queue"]).await["waiting"], 0);
    assert_eq!(computer.json(&["limits"]).await["hooks_of_user"]["allowed"], 20);
    assert_eq!(computer.json(&["status"]).await["users"], 2);
    assert_eq!(computer.json(&["notices"]).await, json!([]));
    for args in [&["user", "password", "you", "--password-stdin"], ["user", "mfa", "you", "--off"].as_slice()] {
        let told = computer.refused(args, PASSWORD).await;
        assert!(told.contains("only at the gateway"), "{args:?}: {told}");
    }
    let other = computer.refused(&["device", "list", "--user", "you"], "").await;
    assert!(other.contains("only at the gateway itself can somebody act for another user"), "{other}");
    computer.json(&["user", "remove", "you"]).await;
    assert_eq!(gateway.json(&["user", "list"]).await.as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn who_names_a_folder_means_its_gateway() {
    let gateway = Gateway::start().await;
    Account::new(&gateway, "me").await;
    let you = Account::new(&gateway, "you").await;
    let device = you.device(&gateway, "kitchen").await;
    let computer = Computer::logged_in(&gateway, "you").await;
    assert_eq!(computer.json(&["device", "list"]).await[0]["id"], device.id);
    let data = gateway.data();
    let here = computer.json(&["device", "list", "--data", data.to_str().unwrap()]).await;
    assert_eq!(here, json!([]), "those of the owner");
}

#[tokio::test]
async fn a_login_that_holds_no_longer_says_so() {
    let gateway = Gateway::start().await;
    Account::new(&gateway, "me").await;
    let computer = Computer::logged_in(&gateway, "me").await;
    gateway.json_with(&["user", "password", "me", "--password-stdin"], "another one").await;
    for args in [["device", "list"].as_slice(), &["events", "--count", "1"]] {
        let told = computer.refused(args, "").await;
        assert!(told.contains("token provided is invalid") || told.contains("401"), "{args:?}: {told}");
    }
    // What ended already can still be forgotten.
    computer.json(&["logout"]).await;
    assert!(!computer.file().exists());
}

#[tokio::test]
async fn a_login_asks_for_the_one_time_password_that_is_needed() {
    let gateway = Gateway::start().await;
    Account::new(&gateway, "me").await;
    let secret = gateway.json(&["user", "mfa", "me"]).await["secret"].as_str().unwrap().to_owned();
    let computer = Computer::new();
    let url = address(&gateway);
    let login = ["login", &url, "--name", "me", "--password-stdin"];
    let wrong = computer.refused(&[login.as_slice(), &["--otp", "abcdef"]].concat(), PASSWORD).await;
    assert!(wrong.contains("one-time password"), "{wrong}");
    let otp = crate::account::one_time_password(&secret);
    computer.json_with(&[login.as_slice(), &["--otp", &otp]].concat(), PASSWORD).await;
    assert_eq!(computer.json(&["device", "list"]).await, json!([]));
}
