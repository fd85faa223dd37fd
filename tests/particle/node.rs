//! Node and the clients that run in it.

use std::path::Path;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use serde_json::Value;
use tokio::io::AsyncBufReadExt;
use tokio::io::BufReader;
use tokio::io::Lines;
use tokio::process::Child;
use tokio::process::ChildStdout;
use tokio::process::Command;
use tokio::time::timeout;

use crate::tools;

/// Longer than a client takes, even while it is loaded from a slow card; reached only when a test fails.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// Whether the clients are missing, so that the test has to be skipped, with the reason said. In CI that is a failure.
pub fn is_missing() -> bool {
    let are_there = ["particle-cli", "particle-api-js"].iter().all(|name| package(name).is_dir());
    tools::is_missing("node", "nodejs")
        || (!are_there && tools::skip("Particle's clients are not installed, npm ci --ignore-scripts in tests/node"))
}

/// The folder of an installed package.
pub fn package(name: &str) -> PathBuf {
    tests().join("node/node_modules").join(name)
}

/// Node, with nothing of our own surroundings but the path. A proxy that is set there would be asked for `127.0.0.1`,
/// too, and a home would be read.
pub fn node(home: &Path) -> Command {
    let mut command = Command::new("node");
    command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default()).env("HOME", home);
    command.current_dir(home).kill_on_drop(true);
    command
}

/// The one-time password of this moment, or of `steps` times 30 s later, computed by node's own cryptography.
pub async fn one_time_password(secret: &str, steps: i32) -> String {
    let mut command = node(&std::env::temp_dir());
    command.arg(tests().join("particle/one_time_password.js")).args([secret, &steps.to_string()]);
    let output = timeout(PATIENCE, command.output()).await.expect("node ends").unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

/// A running script of this folder that says a JSON value in each line.
pub struct Script {
    _process: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Script {
    /// Starts it with what it has to know.
    pub fn start(name: &str, told: &Value) -> Self {
        let mut command = node(&std::env::temp_dir());
        command.arg(tests().join("particle").join(name)).arg(told.to_string());
        let mut process = command.env("NODE_PATH", package("")).stdout(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(process.stdout.take().unwrap()).lines();
        Self { _process: process, lines }
    }

    /// What it says next; `None` when it has ended.
    pub async fn line(&mut self) -> Option<Value> {
        timeout(PATIENCE, self.next()).await.expect("the script says something")
    }

    /// The same, however long it takes.
    pub async fn next(&mut self) -> Option<Value> {
        let line = self.lines.next_line().await.unwrap()?;
        Some(serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}")))
    }
}

fn tests() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests")
}
