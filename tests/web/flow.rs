//! A script of this folder: somebody in front of a browser.

use std::path::Path;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use serde_json::Value;
use serde_json::json;
use tempfile::TempDir;
use tokio::io::AsyncBufReadExt;
use tokio::io::AsyncReadExt;
use tokio::io::AsyncWriteExt;
use tokio::io::BufReader;
use tokio::io::Lines;
use tokio::process::Child;
use tokio::process::ChildStdin;
use tokio::process::ChildStdout;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::gateway::Gateway;
use crate::node;
use crate::tools;

/// Longer than a script takes, with a browser that starts on a slow machine; reached only when a test fails.
const PATIENCE: Duration = Duration::from_secs(180);

/// Which browser, instead of the `chromium` in the path.
const CHROMIUM: &str = "CHROMIUM";

/// Whether there is no browser, so that the test has to be skipped, with the reason said. In CI that is a failure.
pub fn is_missing() -> bool {
    let are_there = ["playwright-core", "axe-core"].iter().all(|name| node::package(name).is_dir());
    tools::is_missing("node", "nodejs")
        || (std::env::var_os(CHROMIUM).is_none() && tools::is_missing("chromium", "chromium"))
        || (!are_there && tools::skip("playwright is not installed, npm ci --ignore-scripts in tests/node"))
}

/// A script that runs. It is told JSON, and says and hears a JSON value in each line.
pub struct Flow {
    name: String,
    process: Child,
    says: Lines<BufReader<ChildStdout>>,
    hears: ChildStdin,
    complaints: JoinHandle<String>,
    _home: TempDir,
}

impl Flow {
    /// Runs a script, that needs nothing but what it is told, to its end.
    pub async fn run(name: &str, told: &Value) {
        Self::start(name, told).ends().await;
    }

    /// Starts a script on the pages of a gateway that nobody owns yet: it is told where the pages are (`gateway`) and
    /// the code that makes the first user (`claim`), and something more.
    pub async fn on_unclaimed(gateway: &Gateway, name: &str, more: &Value) -> Self {
        let claim = gateway.json(&["claim"]).await;
        let mut told = json!({ "gateway": format!("http://{}", gateway.http), "claim": claim["code"] });
        told.as_object_mut().unwrap().extend(more.as_object().cloned().unwrap_or_default());
        Self::start(name, &told)
    }

    /// Starts a script with what it has to know.
    pub fn start(name: &str, told: &Value) -> Self {
        let home = tempfile::tempdir().unwrap();
        let mut command = node::node(home.path());
        command.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/web").join(name)).arg(told.to_string());
        command.env("SCREENSHOTS", screenshots());
        if let Some(browser) = std::env::var_os(CHROMIUM) {
            command.env(CHROMIUM, browser);
        }
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut process = command.spawn().unwrap();
        let mut stderr = process.stderr.take().unwrap();
        let complaints = tokio::spawn(async move {
            let mut complaints = Vec::new();
            stderr.read_to_end(&mut complaints).await.unwrap();
            String::from_utf8_lossy(&complaints).into_owned()
        });
        Self {
            name: name.to_owned(),
            says: BufReader::new(process.stdout.take().unwrap()).lines(),
            hears: process.stdin.take().unwrap(),
            process,
            complaints,
            _home: home,
        }
    }

    /// What it says next.
    pub async fn said(&mut self) -> Value {
        match self.line().await {
            Some(line) => serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}")),
            None => self.fails("has ended").await,
        }
    }

    /// Tells it something more.
    pub async fn tell(&mut self, value: &Value) {
        self.hears.write_all(format!("{value}\n").as_bytes()).await.unwrap();
    }

    /// It must end, and well, with nothing more to say.
    pub async fn ends(mut self) {
        if let Some(line) = self.line().await {
            panic!("{} says {line}", self.name);
        }
        let status = self.process.wait().await.unwrap();
        if !status.success() {
            self.fails("ends badly").await;
        }
    }

    async fn line(&mut self) -> Option<String> {
        let Ok(line) = timeout(PATIENCE, self.says.next_line()).await else {
            self.process.kill().await.unwrap();
            self.fails("does not go on").await
        };
        line.unwrap()
    }

    async fn fails(&mut self, how: &str) -> ! {
        let complaints = (&mut self.complaints).await.unwrap();
        panic!("{} {how}: {complaints}", self.name)
    }
}

/// The paths that forms were posted to, as a script says at its end.
pub fn posted(said: &Value) -> Vec<String> {
    let posted = said["posted"].as_array().unwrap_or_else(|| panic!("{said}"));
    posted.iter().map(|path| path.as_str().unwrap().to_owned()).collect()
}

/// Beside what cargo builds, wherever that is.
fn screenshots() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("screenshots")
}
