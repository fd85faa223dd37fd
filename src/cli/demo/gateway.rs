//! The gateway of the demo: this very program as a process of its own, on a folder and ports of its own. Both are gone
//! afterwards, however the demo ends.

use std::fs;
use std::fs::DirBuilder;
use std::fs::File;
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use anyhow::Context;
use anyhow::anyhow;
use nix::sys::signal::Signal;
use nix::sys::signal::kill;
use nix::unistd::Pid;
use serde_json::Value;
use tokio::io::AsyncBufReadExt;
use tokio::io::BufReader;
use tokio::process::Child;
use tokio::process::ChildStdout;
use tokio::process::Command;
use tokio::time::timeout;

/// Only on this machine, on ports that the system chooses, and allowed to reach the demo's own web service.
const CONFIG: &str = r#"
[mqtt]
listen = "127.0.0.1:0"
tls_listen = "off"

[http]
listen = "127.0.0.1:0"
https_listen = "off"

[egress]
allow = ["127.0.0.0/8"]

[queue]
min_free_mb = 0

[ble]
enabled = false
"#;

/// What a service manager tells its daemons; this one is not its daemon.
const NOT_OURS: [&str; 8] = [
    "FARHOOK_DATA",
    "JOURNAL_STREAM",
    "LISTEN_FDS",
    "NOTIFY_SOCKET",
    "RUNTIME_DIRECTORY",
    "STATE_DIRECTORY",
    "WATCHDOG_PID",
    "WATCHDOG_USEC",
];

/// For the gateway to end when it is asked to; then it is ended.
const STOP_WITHIN: Duration = Duration::from_secs(5);

/// Names that are tried for the folder.
const TRIES: u32 = 100;

/// A gateway that runs.
pub(super) struct TemporaryGateway {
    // In this order: the process goes before its folder.
    process: Child,
    stdout: BufReader<ChildStdout>,
    folder: Folder,
}

/// A folder that is removed when this is dropped.
struct Folder(PathBuf);

impl TemporaryGateway {
    /// Starts it. It is not ready yet.
    ///
    /// # Errors
    /// When there is no place for its folder, or the process cannot be started.
    pub(super) fn start() -> anyhow::Result<Self> {
        let folder = Folder::make(&std::env::temp_dir())?;
        let config = folder.0.join("demo.toml");
        fs::write(&config, CONFIG).with_context(|| format!("cannot write {}", config.display()))?;
        let log = File::create(folder.log()).context("cannot write the gateway's log")?;
        let program = std::env::current_exe().context("this program cannot be found")?;
        let mut command = Command::new(program);
        command.args(["run", "--json", "--data"]).arg(folder.data()).arg("--config").arg(config);
        for name in NOT_OURS {
            command.env_remove(name);
        }
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(log).kill_on_drop(true);
        let mut process = command.spawn().context("the gateway cannot be started")?;
        let stdout = BufReader::new(process.stdout.take().expect("its stdout is piped"));
        Ok(Self { process, stdout, folder })
    }

    /// Waits until it is ready; returns where it listens.
    ///
    /// # Errors
    /// When it ends instead; repeats what it logged last.
    pub(super) async fn ready(&mut self) -> anyhow::Result<Value> {
        let mut line = String::new();
        if self.stdout.read_line(&mut line).await.context("the gateway cannot be heard")? == 0 {
            return Err(anyhow!("the gateway ended at once: {}", self.last_words()));
        }
        serde_json::from_str(&line).context("the gateway said something else than where it listens")
    }

    /// Its data folder.
    pub(super) fn data(&self) -> PathBuf {
        self.folder.data()
    }

    /// The last line of its log.
    pub(super) fn last_words(&self) -> String {
        let log = fs::read(self.folder.log()).unwrap_or_default();
        let log = String::from_utf8_lossy(&log);
        log.lines().rfind(|line| !line.trim().is_empty()).unwrap_or("it logged nothing").to_owned()
    }

    /// Ends it as systemd would, and removes what it left.
    ///
    /// # Errors
    /// When it did not end by itself, or failed at the end.
    pub(super) async fn stop(mut self) -> anyhow::Result<()> {
        // Without an id it has ended already.
        if let Some(id) = self.process.id().and_then(|id| i32::try_from(id).ok()) {
            kill(Pid::from_raw(id), Signal::SIGTERM).context("the gateway cannot be told to stop")?;
        }
        match timeout(STOP_WITHIN, self.process.wait()).await {
            Ok(Ok(status)) if status.success() => Ok(()),
            Ok(Ok(status)) => Err(anyhow!("the gateway ended with {status}: {}", self.last_words())),
            Ok(Err(error)) => Err(error).context("the gateway's end cannot be seen"),
            Err(_) => {
                let _ = self.process.kill().await;
                Err(anyhow!("the gateway did not stop within {} s", STOP_WITHIN.as_secs()))
            }
        }
    }
}

impl Folder {
    /// Makes a new folder that only this user can read.
    fn make(parent: &Path) -> anyhow::Result<Self> {
        for number in 0..TRIES {
            let folder = parent.join(format!("farhook-demo-{}-{number}", std::process::id()));
            match DirBuilder::new().mode(0o700).create(&folder) {
                Ok(()) => return Ok(Self(folder)),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error).with_context(|| format!("cannot make {}", folder.display())),
            }
        }
        Err(anyhow!("{} is full of what other demos left", parent.display()))
    }

    fn data(&self) -> PathBuf {
        self.0.join("data")
    }

    fn log(&self) -> PathBuf {
        self.0.join("gateway.log")
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;
    use crate::config::Config;

    #[test]
    fn the_configuration_of_the_demo_is_sound() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("demo.toml");
        fs::write(&file, CONFIG).unwrap();
        let config = Config::load(Some(&file)).unwrap();
        assert!(config.mqtt.listen.ip().is_loopback() && config.http.listen.ip().is_loopback());
        assert_eq!((config.mqtt.listen.port(), config.http.listen.port()), (0, 0));
        assert_eq!((config.mqtt.tls_listen, config.http.https_listen), (None, None));
    }

    #[test]
    fn two_demos_have_two_folders_and_leave_none() {
        let parent = tempfile::tempdir().unwrap();
        let (one, other) = (Folder::make(parent.path()).unwrap(), Folder::make(parent.path()).unwrap());
        assert_ne!(one.0, other.0);
        assert_eq!(fs::metadata(&one.0).unwrap().permissions().mode() & 0o777, 0o700);
        fs::create_dir(one.data()).unwrap();
        drop((one, other));
        assert_eq!(fs::read_dir(parent.path()).unwrap().count(), 0);
    }
}
