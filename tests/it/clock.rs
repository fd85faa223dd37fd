//! A machine whose clock is wrong at first, as that of every Pi without a battery, and is set while the daemon runs.

use std::fs;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;
use std::time::SystemTime;

use serde_json::json;
use tempfile::TempDir;

use crate::gateway::Gateway;
use crate::gateway::Setup;
use crate::receiver::Answer;
use crate::receiver::Closed;
use crate::tools;

/// How far the clock is off at first: it says about 1981.
const OFF_S: i64 = -45 * 365 * 86_400;

/// A wall clock of its own for a daemon, wrong until it is set.
struct WrongClock {
    folder: TempDir,
    library: PathBuf,
}

impl WrongClock {
    /// None if it cannot be made here.
    fn new() -> Option<Self> {
        if tools::is_missing("cc", "gcc") {
            return None;
        }
        let folder = tempfile::tempdir().unwrap();
        let library = folder.path().join("clock.so");
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/clock.c");
        let mut compiler = Command::new("cc");
        compiler.args(["-shared", "-fPIC", "-O1", "-o"]).arg(&library).arg(source);
        assert!(compiler.status().unwrap().success());
        let clock = Self { folder, library };
        clock.put_off(OFF_S);
        Some(clock)
    }

    fn setup(&self) -> Setup {
        let path = |path: PathBuf| path.to_str().unwrap().to_owned();
        Setup::new().env("LD_PRELOAD", &path(self.library.clone())).env("WALL_CLOCK_OFF", &path(self.file()))
    }

    /// As NTP does.
    fn set(&self) {
        self.put_off(0);
    }

    fn put_off(&self, seconds: i64) {
        // The daemon must never see half a number.
        let new = self.folder.path().join("new");
        fs::write(&new, seconds.to_string()).unwrap();
        fs::rename(new, self.file()).unwrap();
    }

    fn file(&self) -> PathBuf {
        self.folder.path().join("off")
    }
}

#[expect(clippy::disallowed_methods, reason = "the test plays the world, and needs the real time")]
fn real_time() -> SystemTime {
    SystemTime::now()
}

#[tokio::test]
async fn what_was_published_before_the_clock_was_set_is_sent_with_the_right_time() {
    let Some(clock) = WrongClock::new() else { return };
    let mut gateway = clock.setup().start().await;
    let target = Closed::new();
    gateway.device("kitchen").await;
    gateway.hook(&json!({ "event": "temp", "url": target.url("/") })).await;
    let mut published = Vec::new();
    for number in 0..3 {
        published.push(real_time());
        gateway.json(&["publish", "temp", &number.to_string()]).await;
    }
    gateway.wait_for_queue("targets_down", 1).await;
    assert_eq!(gateway.json(&["queue"]).await["clock_is_set"], false);
    // One half is repaired in the same process, the other by the next.
    clock.set();
    gateway.wait_for_log("the clock was set").await;
    assert_eq!(gateway.json(&["queue"]).await["clock_is_set"], true);
    gateway.kill().await;
    gateway.start_again().await;

    let mut receiver = target.open(|_| Answer::status(204));
    for (number, at) in published.into_iter().enumerate() {
        let body = receiver.next().await.json();
        assert_eq!(body["data"], number.to_string());
        let sent: jiff::Timestamp = body["published_at"].as_str().unwrap().parse().unwrap();
        let really = jiff::Timestamp::try_from(at).unwrap();
        let off = (sent - really).as_secs_f64().abs();
        assert!(off <= 1.0, "{sent} is {off} s off");
    }
}

#[tokio::test]
async fn requests_over_tls_wait_for_the_clock_and_others_do_not() {
    let Some(clock) = WrongClock::new() else { return };
    let mut gateway = clock.setup().start().await;
    let (tls, plain) = (Closed::new(), Closed::new());
    gateway.device("kitchen").await;
    let url = tls.url("/").replacen("http", "https", 1);
    let hook = gateway.hook(&json!({ "event": "temp", "url": url })).await;
    gateway.hook(&json!({ "event": "temp", "url": plain.url("/") })).await;
    let mut receiver = plain.open(|_| Answer::status(204));

    gateway.json(&["publish", "temp", "72"]).await;

    receiver.next().await;
    gateway.wait_for_queue("targets_down", 1).await;
    assert_eq!(last_outcome(&gateway, &hook).await, "the clock of this machine is not set yet");
    clock.set();
    gateway.wait_for_log("the clock was set").await;
    // Nobody listens there, which shows that it was asked.
    while !last_outcome(&gateway, &hook).await.contains("no connection") {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

async fn last_outcome(gateway: &Gateway, hook: &str) -> String {
    gateway.json(&["hook", "show", hook]).await["last_outcome"].as_str().unwrap_or_default().to_owned()
}
