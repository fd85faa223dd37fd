//! Debian's `mosquitto_pub` and `mosquitto_sub`.

use std::net::SocketAddr;
use std::process::Output;
use std::process::Stdio;

use tokio::io::AsyncBufReadExt;
use tokio::io::BufReader;
use tokio::io::Lines;
use tokio::process::Child;
use tokio::process::ChildStdout;
use tokio::process::Command;
use tokio::time::timeout;

use crate::gateway::Gateway;
use crate::gateway::PATIENCE;
use crate::tools;

pub fn are_missing() -> bool {
    tools::is_missing("mosquitto_pub", "mosquitto-clients") || tools::is_missing("mosquitto_sub", "mosquitto-clients")
}

/// Publishes once, with these arguments.
pub async fn publish(gateway: &Gateway, name: &str, secret: &str, args: &[&str]) -> Output {
    publish_at(gateway.mqtt, name, secret, args).await
}

/// The same, to that port.
pub async fn publish_at(at: SocketAddr, name: &str, secret: &str, args: &[&str]) -> Output {
    let mut command = Command::new("mosquitto_pub");
    command.args(login(at, name, secret)).args(args).stdin(Stdio::null()).kill_on_drop(true);
    timeout(PATIENCE, command.output()).await.expect("mosquitto_pub ends").unwrap()
}

/// A running `mosquitto_sub`.
pub struct Subscriber {
    process: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Subscriber {
    /// Subscribes, and returns when that holds.
    pub async fn start(gateway: &Gateway, name: &str, secret: &str, filter: &str) -> Self {
        Self::start_at(gateway.mqtt, name, secret, filter, &[]).await
    }

    /// The same, at that port, with more arguments.
    pub async fn start_at(at: SocketAddr, name: &str, secret: &str, filter: &str, more: &[&str]) -> Self {
        // Its lines would wait in its buffer otherwise.
        let mut command = Command::new("stdbuf");
        command.args(["-oL", "mosquitto_sub"]).args(login(at, name, secret)).args(more);
        command.args(["-t", filter, "-q", "1", "-d", "-F", "heard %t %p"]);
        let mut process = command.stdout(Stdio::piped()).kill_on_drop(true).spawn().unwrap();
        let lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let mut subscriber = Self { process, lines };
        while !subscriber.line().await.starts_with("Subscribed") {}
        subscriber
    }

    /// The next message: topic and data.
    pub async fn hear(&mut self) -> String {
        loop {
            if let Some(message) = self.line().await.strip_prefix("heard ") {
                return message.to_owned();
            }
        }
    }

    /// Ends it, and gives the messages that nobody asked for.
    pub async fn end(mut self) -> Vec<String> {
        self.process.start_kill().unwrap();
        let mut rest = Vec::new();
        while let Ok(Some(line)) = self.lines.next_line().await {
            rest.extend(line.strip_prefix("heard ").map(str::to_owned));
        }
        rest
    }

    async fn line(&mut self) -> String {
        let line = timeout(PATIENCE, self.lines.next_line()).await.expect("mosquitto_sub says something");
        line.unwrap().expect("mosquitto_sub goes on")
    }
}

fn login(at: SocketAddr, name: &str, secret: &str) -> Vec<String> {
    let (host, port) = (at.ip().to_string(), at.port().to_string());
    ["-h", &host, "-p", &port, "-u", name, "-P", secret].map(str::to_owned).to_vec()
}
