//! `particle`, the command line client of Particle's cloud, as a user of this gateway has it.

use std::fs;
use std::path::PathBuf;
use std::process::Stdio;

use serde_json::Value;
use serde_json::json;
use tempfile::TempDir;
use tokio::io::AsyncReadExt;
use tokio::io::AsyncWriteExt;
use tokio::process::Child;
use tokio::process::ChildStdin;
use tokio::process::ChildStdout;
use tokio::process::Command;
use tokio::time::timeout;

use crate::account::Account;
use crate::gateway::Gateway;
use crate::node;
use crate::node::PATIENCE;

const SETTINGS: &str = ".particle/particle.config.json";

/// The client with a home of its own, in which it keeps the gateway's address and its token.
pub struct Particle {
    home: TempDir,
}

impl Particle {
    /// Not logged in.
    pub fn new(gateway: &Gateway) -> Self {
        Self::with(&json!({ "apiUrl": format!("http://{}", gateway.http) }))
    }

    /// As `particle login` leaves it.
    pub fn logged_in(gateway: &Gateway, account: &Account) -> Self {
        let url = format!("http://{}", gateway.http);
        Self::with(&json!({ "apiUrl": url, "access_token": account.token, "username": account.name }))
    }

    fn with(settings: &Value) -> Self {
        let home = tempfile::tempdir().unwrap();
        let particle = Self { home };
        fs::create_dir(particle.path(".particle")).unwrap();
        particle.file(SETTINGS, settings);
        particle.file(".particle/profile.json", &json!({ "name": "particle" }));
        particle
    }

    /// A place where the client runs.
    pub fn path(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }

    /// Writes a file there.
    pub fn file(&self, name: &str, content: &Value) {
        fs::write(self.path(name), content.to_string()).unwrap();
    }

    /// The token that it uses.
    pub fn token(&self) -> Option<String> {
        let settings = fs::read(self.path(SETTINGS)).unwrap();
        let settings: Value = serde_json::from_slice(&settings).unwrap();
        settings["access_token"].as_str().map(str::to_owned)
    }

    /// A command that must succeed, and what it says.
    pub async fn does(&self, args: &[&str]) -> String {
        self.does_with(args, "").await
    }

    /// The same with answers to what it asks.
    pub async fn does_with(&self, args: &[&str], answers: &str) -> String {
        let (has_succeeded, said) = self.run(args, answers).await;
        assert!(has_succeeded, "{args:?}: {said}");
        said
    }

    /// A command that must fail, and what it says.
    pub async fn fails(&self, args: &[&str]) -> String {
        let (has_succeeded, said) = self.run(args, "").await;
        assert!(!has_succeeded, "{args:?}: {said}");
        said
    }

    async fn run(&self, args: &[&str], answers: &str) -> (bool, String) {
        let mut process = self.command(args).stderr(Stdio::piped()).spawn().unwrap();
        let mut stdin = process.stdin.take().unwrap();
        stdin.write_all(answers.as_bytes()).await.unwrap();
        drop(stdin);
        let output = timeout(PATIENCE, process.wait_with_output()).await;
        let output = output.unwrap_or_else(|_| panic!("particle {args:?} does not end")).unwrap();
        (output.status.success(), plain(&[output.stdout, output.stderr].concat()))
    }

    /// A command that runs on.
    pub fn start(&self, args: &[&str]) -> Running {
        let mut process = self.command(args).spawn().unwrap();
        let (stdin, stdout) = (process.stdin.take().unwrap(), process.stdout.take().unwrap());
        Running { process, stdin, stdout, said: Vec::new() }
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = node::node(self.home.path());
        command.arg(node::package("particle-cli").join("src/index.js")).args(args);
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        command
    }
}

/// See [`Particle::start`].
pub struct Running {
    process: Child,
    stdin: ChildStdin,
    stdout: ChildStdout,
    said: Vec<u8>,
}

impl Running {
    /// Waits until it has said this.
    pub async fn wait_for(&mut self, text: &str) {
        while !plain(&self.said).contains(text) {
            let mut buffer = [0; 4096];
            let read = timeout(PATIENCE, self.stdout.read(&mut buffer)).await;
            let read = read.unwrap_or_else(|_| panic!("it never says {text:?}: {}", plain(&self.said))).unwrap();
            assert!(read > 0, "it ends without {text:?}: {}", plain(&self.said));
            self.said.extend(&buffer[..read]);
        }
    }

    /// Waits until an event stream is open: the client says an empty line then.
    pub async fn wait_for_stream(&mut self) {
        self.wait_for("\n\n").await;
    }

    /// Types a line.
    pub async fn types(&mut self, line: &str) {
        self.stdin.write_all(format!("{line}\n").as_bytes()).await.unwrap();
    }

    /// It must end by itself and well; all that it said.
    pub async fn ends(mut self) -> String {
        drop(self.stdin);
        let rest = timeout(PATIENCE, self.stdout.read_to_end(&mut self.said)).await;
        rest.unwrap_or_else(|_| panic!("it does not end: {}", plain(&self.said))).unwrap();
        let status = self.process.wait().await.unwrap();
        assert!(status.success(), "{}", plain(&self.said));
        plain(&self.said)
    }

    /// It must end after some events: these.
    pub async fn events(self) -> Vec<Value> {
        let said = self.ends().await;
        said.lines().filter(|line| line.starts_with('{')).map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

/// What a terminal shows of this, more or less: no colours, and nothing about where the cursor goes.
fn plain(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes).replace('\r', "");
    let mut parts = text.split("\x1b[");
    let mut plain = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let code = part.find(|letter: char| letter.is_ascii_alphabetic()).map_or(part.len(), |at| at + 1);
        plain.push_str(&part[code..]);
    }
    plain
}
