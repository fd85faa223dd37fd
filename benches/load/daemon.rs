//! The real daemon, with its limits off and a folder of its own.

use std::io::BufRead;
use std::io::BufReader;
use std::path::Path;
use std::path::PathBuf;
use std::process::Child;
use std::process::Command;
use std::process::Stdio;
use std::time::Duration;
use std::time::Instant;

use serde_json::Value;
use serde_json::json;

const FARHOOK: &str = env!("CARGO_BIN_EXE_farhook");

/// Everything that is limited, without its limits.
const CONFIG: &str = "[mqtt]\nlisten = \"127.0.0.1:0\"\ntls_listen = \"off\"\nmax_connections = 1000\n\
    max_connections_of_one = 0\nnew_per_second = 0\nnew_per_second_of_one = 0\n\
    [http]\nlisten = \"127.0.0.1:0\"\nhttps_listen = \"off\"\n\
    [egress]\nallow = [\"127.0.0.0/8\"]\n[delivery]\nper_host = 32\n[queue]\nmax_waiting = 0\nmax_mb = 0\n\
    [limits]\nhooks_per_user = 0\ndevice_per_minute = 0\nhost_per_minute = 0\nresponse_interval_ms = 0\n";

pub(crate) struct Daemon {
    child: Child,
    data: tempfile::TempDir,
    listening: Value,
    /// The system bus that it finds; none for no Bluetooth.
    bus: Option<String>,
    hook: String,
    ready_after: Duration,
}

impl Daemon {
    /// Starts one that sends everything named `bench` to that port of this machine.
    pub(crate) fn start(server_port: u16) -> Self {
        Self::start_in(&folder(), server_port)
    }

    /// The same with its data in a new folder of that one.
    pub(crate) fn start_in(folder: &Path, server_port: u16) -> Self {
        let data = tempfile::Builder::new().prefix("farhook-bench").tempdir_in(folder).unwrap();
        std::fs::write(data.path().join("farhook.toml"), CONFIG).unwrap();
        let mut daemon = Self::in_data(data, None);
        let hook = daemon.data.path().join("hook.json");
        let url = format!("http://127.0.0.1:{server_port}/");
        std::fs::write(&hook, json!({ "event": "bench", "url": url }).to_string()).unwrap();
        let created = daemon.ask(&["hook", "create", hook.to_str().unwrap()]);
        created["id"].as_str().unwrap().clone_into(&mut daemon.hook);
        daemon
    }

    /// Starts one without hooks, whose system bus is there.
    pub(crate) fn start_on_bus(bus: &str) -> Self {
        let data = tempfile::Builder::new().prefix("farhook-bench").tempdir_in(folder()).unwrap();
        std::fs::write(data.path().join("farhook.toml"), CONFIG).unwrap();
        Self::in_data(data, Some(bus.to_owned()))
    }

    fn in_data(data: tempfile::TempDir, bus: Option<String>) -> Self {
        let (child, listening, ready_after) = run(data.path(), bus.as_deref());
        Self { child, data, listening, bus, hook: String::new(), ready_after }
    }

    /// Starts one that was stopped or killed, on the same data.
    pub(crate) fn start_again(&mut self) {
        (self.child, self.listening, self.ready_after) = run(self.data.path(), self.bus.as_deref());
    }

    /// How long the last start took, up to the ready line.
    pub(crate) fn ready_after(&self) -> Duration {
        self.ready_after
    }

    pub(crate) fn data(&self) -> &Path {
        self.data.path()
    }

    /// The id of its hook.
    pub(crate) fn hook(&self) -> &str {
        &self.hook
    }

    pub(crate) fn mqtt(&self) -> &str {
        self.listening["mqtt"].as_str().unwrap()
    }

    pub(crate) fn http(&self) -> &str {
        self.listening["http"].as_str().unwrap()
    }

    /// A new access token.
    pub(crate) fn token(&self) -> String {
        self.ask(&["token", "create"])["token"].as_str().unwrap().to_owned()
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

    pub(crate) fn waiting(&self) -> u64 {
        self.ask(&["status"])["queue"]["waiting"].as_u64().unwrap()
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

    /// What it had to read from the disk so far.
    pub(crate) fn read_kb(&self) -> f64 {
        self.number("io", "read_bytes:") / 1024.0
    }

    pub(crate) fn written_kb(&self) -> f64 {
        self.number("io", "write_bytes:") / 1024.0
    }

    pub(crate) fn stop(&mut self) {
        let pid = nix::unistd::Pid::from_raw(i32::try_from(self.child.id()).unwrap());
        nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGTERM).unwrap();
        assert!(self.child.wait().unwrap().success(), "the daemon stops with 0");
    }

    /// Ends it as a lack of memory would.
    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    fn status_kb(&self, field: &str) -> f64 {
        self.number("status", field)
    }

    fn number(&self, file: &str, field: &str) -> f64 {
        let text = std::fs::read_to_string(format!("/proc/{}/{file}", self.child.id())).unwrap();
        let line = text.lines().find_map(|line| line.strip_prefix(field)).unwrap();
        line.split_whitespace().next().unwrap().parse().unwrap()
    }

    /// What the command line answers.
    pub(crate) fn ask(&self, words: &[&str]) -> Value {
        let output =
            Command::new(FARHOOK).args(words).arg("--json").arg("--data").arg(self.data.path()).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice(&output.stdout).unwrap()
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        // One that has ended already is fine.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn run(data: &Path, bus: Option<&str>) -> (Child, Value, Duration) {
    let began = Instant::now();
    let mut child = Command::new(FARHOOK)
        .args(["run", "--json", "--data"])
        .arg(data)
        .arg("--config")
        .arg(data.join("farhook.toml"))
        .env("DBUS_SYSTEM_BUS_ADDRESS", bus.unwrap_or("unix:path=/nonexistent/bus"))
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    (child, serde_json::from_str(&line).unwrap(), began.elapsed())
}

/// On a real disk if it can be had: a folder in memory would flatter the flushes.
fn folder() -> PathBuf {
    std::env::var_os("FARHOOK_BENCH_FOLDER").map_or_else(|| env!("CARGO_TARGET_TMPDIR").into(), Into::into)
}
