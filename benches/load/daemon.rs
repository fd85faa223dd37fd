//! The real daemon, with its limits off and a folder of its own.

use std::io::BufRead;
use std::io::BufReader;
use std::process::Child;
use std::process::Command;
use std::process::Stdio;

use serde_json::Value;
use serde_json::json;

const FARHOOK: &str = env!("CARGO_BIN_EXE_farhook");

pub(crate) struct Daemon {
    child: Child,
    data: tempfile::TempDir,
    listening: Value,
}

impl Daemon {
    pub(crate) fn start(server_port: u16) -> Self {
        let data = tempfile::Builder::new().prefix("farhook-bench").tempdir_in(folder()).unwrap();
        let config = data.path().join("farhook.toml");
        std::fs::write(
            &config,
            "[mqtt]\nlisten = \"127.0.0.1:0\"\n[http]\nlisten = \"127.0.0.1:0\"\n\
             [egress]\nallow = [\"127.0.0.0/8\"]\n[delivery]\nper_host = 32\n\
             [limits]\ndevice_per_minute = 0\nhost_per_minute = 0\nresponse_interval_ms = 0\n",
        )
        .unwrap();
        let mut child = Command::new(FARHOOK)
            .args(["run", "--json", "--data"])
            .arg(data.path())
            .arg("--config")
            .arg(&config)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let daemon = Self { child, data, listening: serde_json::from_str(&line).unwrap() };
        let hook = daemon.data.path().join("hook.json");
        let url = format!("http://127.0.0.1:{server_port}/");
        std::fs::write(&hook, json!({ "event": "bench", "url": url }).to_string()).unwrap();
        daemon.ask(&["hook", "create", hook.to_str().unwrap()]);
        daemon
    }

    pub(crate) fn mqtt(&self) -> &str {
        self.listening["mqtt"].as_str().unwrap()
    }

    /// Names and keys of so many new devices.
    pub(crate) fn add_devices(&self, count: usize) -> Vec<(String, String)> {
        let add = |number| {
            let device = self.ask(&["device", "add", &format!("device {number}")]);
            (device["id"].as_str().unwrap().to_owned(), device["key"].as_str().unwrap().to_owned())
        };
        (0..count).map(add).collect()
    }

    pub(crate) fn delivered(&self) -> u32 {
        u32::try_from(self.ask(&["status"])["queue"]["delivered"].as_u64().unwrap()).unwrap()
    }

    pub(crate) fn resident_mb(&self) -> f64 {
        self.status_kb("VmRSS:") / 1024.0
    }

    pub(crate) fn peak_mb(&self) -> f64 {
        self.status_kb("VmHWM:") / 1024.0
    }

    /// User and system time so far.
    pub(crate) fn cpu_s(&self) -> f64 {
        crate::machine::cpu_s(&self.child.id().to_string())
    }

    pub(crate) fn written_kb(&self) -> f64 {
        self.number("io", "write_bytes:") / 1024.0
    }

    pub(crate) fn stop(mut self) {
        let pid = nix::unistd::Pid::from_raw(i32::try_from(self.child.id()).unwrap());
        nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGTERM).unwrap();
        assert!(self.child.wait().unwrap().success(), "the daemon stops with 0");
    }

    fn status_kb(&self, field: &str) -> f64 {
        self.number("status", field)
    }

    fn number(&self, file: &str, field: &str) -> f64 {
        let text = std::fs::read_to_string(format!("/proc/{}/{file}", self.child.id())).unwrap();
        let line = text.lines().find_map(|line| line.strip_prefix(field)).unwrap();
        line.split_whitespace().next().unwrap().parse().unwrap()
    }

    fn ask(&self, words: &[&str]) -> Value {
        let output =
            Command::new(FARHOOK).args(words).arg("--json").arg("--data").arg(self.data.path()).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice(&output.stdout).unwrap()
    }
}

/// On a real disk if it can be had: a folder in memory would flatter the flushes.
fn folder() -> std::path::PathBuf {
    std::env::var_os("FARHOOK_BENCH_FOLDER").map_or_else(|| env!("CARGO_TARGET_TMPDIR").into(), Into::into)
}
