//! The Python programs of this folder, run with `paho-mqtt`.

use std::path::Path;
use std::process::Output;
use std::process::Stdio;
use std::time::Duration;

use serde_json::json;
use tokio::process::Command;
use tokio::time::timeout;

use crate::gateway::Gateway;
use crate::tools;

/// A Python that has `paho-mqtt`; `./test` makes it.
const PYTHON: &str = "paho-python";

/// Longer than a case takes; reached only when one hangs.
const ENDS_WITHIN: Duration = Duration::from_secs(120);

/// Whether it is missing, so that the test has to be skipped, with the reason said. In CI that is a failure.
pub fn is_missing() -> bool {
    tools::is_missing(PYTHON, "python3-venv, then ./test installs paho-mqtt")
}

/// The names of the cases in a file, in their order.
pub async fn cases(file: &str) -> Vec<String> {
    let output = run(&[file]).await;
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect()
}

/// Runs a case as an observer with this token. A wait in it is given up after `patience`.
///
/// # Errors
/// What it says when it fails.
pub async fn case(gateway: &Gateway, token: &str, patience: Duration, file: &str, case: &str) -> Result<(), String> {
    let told = json!({
        "host": gateway.mqtt.ip(), "port": gateway.mqtt.port(), "token": token, "patience": patience.as_secs(),
    });
    let output = run(&[file, case, &told.to_string()]).await;
    if output.status.success() { Ok(()) } else { Err(String::from_utf8_lossy(&output.stderr).into_owned()) }
}

async fn run(args: &[&str]) -> Output {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/interop/python");
    let mut command = Command::new(PYTHON);
    // Its byte code would be left in the tree.
    command.arg("-B").arg(folder.join("case.py")).args(args).stdin(Stdio::null()).kill_on_drop(true);
    timeout(ENDS_WITHIN, command.output()).await.expect("the case ends").unwrap()
}
