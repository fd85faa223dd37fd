//! The daemon: a process of its own, on a data folder, addresses and a configuration of its own.

use std::fs;
use std::net::Ipv4Addr;
use std::net::SocketAddr;
use std::path::Path;
use std::path::PathBuf;
use std::process::Output;
use std::process::Stdio;
use std::sync::atomic::AtomicU32;
use std::sync::atomic::Ordering;
use std::time::Duration;

use nix::sys::signal::Signal;
use nix::unistd::Pid;
use serde_json::Value;
use tempfile::TempDir;
use tokio::io::AsyncBufReadExt;
use tokio::io::AsyncReadExt;
use tokio::io::AsyncWriteExt;
use tokio::io::BufReader;
use tokio::net::TcpStream;
use tokio::process::Child;
use tokio::process::ChildStderr;
use tokio::process::Command;
use tokio::sync::watch;
use tokio::time::Instant;
use tokio::time::timeout;

use crate::mqtt::Client;

/// Longer than anything takes; reached only when a test fails.
pub const PATIENCE: Duration = Duration::from_secs(30);

pub const PROGRAM: &str = env!("CARGO_BIN_EXE_farhook");

/// What a service manager tells its daemons; whoever runs the tests may have it.
const NOT_OURS: [&str; 9] = [
    "CREDENTIALS_DIRECTORY",
    "FARHOOK_DATA",
    "JOURNAL_STREAM",
    "LISTEN_FDS",
    "NOTIFY_SOCKET",
    "RUNTIME_DIRECTORY",
    "STATE_DIRECTORY",
    "WATCHDOG_PID",
    "WATCHDOG_USEC",
];

/// How a gateway is to be started.
pub struct Setup {
    config: String,
    /// Of the section `[http]`, whose addresses are written here.
    http: String,
    /// Of the section `[mqtt]`, likewise.
    mqtt: String,
    env: Vec<(String, String)>,
    under: Vec<String>,
    data: Option<PathBuf>,
}

impl Setup {
    /// With leave to reach the receivers of the tests.
    pub fn new() -> Self {
        Self::bare().with("[egress]\nallow = [\"127.0.0.0/8\"]")
    }

    /// With the defaults alone.
    pub fn bare() -> Self {
        Self {
            config: String::new(),
            http: String::new(),
            mqtt: String::new(),
            env: Vec::new(),
            under: Vec::new(),
            data: None,
        }
    }

    /// With more configuration.
    pub fn with(mut self, config: &str) -> Self {
        self.config.push_str(config);
        self.config.push('\n');
        self
    }

    /// With more configuration of the web port.
    pub fn with_http(mut self, config: &str) -> Self {
        self.http.push_str(config);
        self.http.push('\n');
        self
    }

    /// With more configuration of the MQTT side.
    pub fn with_mqtt(mut self, config: &str) -> Self {
        self.mqtt.push_str(config);
        self.mqtt.push('\n');
        self
    }

    pub fn without_limits(self) -> Self {
        self.with("[limits]\nhooks_per_user = 0\ndevice_per_minute = 0\nhost_per_minute = 0\nerrors_in_a_row = 0")
    }

    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.env.push((name.to_owned(), value.to_owned()));
        self
    }

    /// As the argument of another program that becomes it.
    pub fn under(mut self, command: &[&str]) -> Self {
        self.under = command.iter().map(|word| (*word).to_owned()).collect();
        self
    }

    /// With its data in a folder of the test.
    pub fn data(mut self, folder: &Path) -> Self {
        self.data = Some(folder.to_owned());
        self
    }

    pub async fn start(self) -> Gateway {
        let folder = tempfile::tempdir().unwrap();
        let anywhere = SocketAddr::from((own_address(), 0));
        let data = data_folder(&self, &folder);
        let (mut process, log) = begin(&self, &data, &folder.path().join("farhook.toml"), [anywhere; 4]);
        let ready = ready(&mut process, &log).await;
        let address = |part: &str| ready[part].as_str().unwrap().parse().unwrap();
        let (mqtt, mqtt_tls) = (address("mqtt"), address("mqtt_tls"));
        let (http, https) = (address("http"), address("https"));
        assert_eq!(ready["socket"], data.join("ctl.sock").to_str().unwrap());
        Gateway { process, setup: self, log, mqtt, mqtt_tls, http, https, folder }
    }
}

/// A gateway that runs, or was stopped.
pub struct Gateway {
    // In this order: the process goes before its folder.
    process: Child,
    setup: Setup,
    log: watch::Receiver<String>,
    pub mqtt: SocketAddr,
    pub mqtt_tls: SocketAddr,
    pub http: SocketAddr,
    pub https: SocketAddr,
    folder: TempDir,
}

/// A registered device.
#[derive(Clone)]
pub struct Device {
    pub id: String,
    pub name: String,
    pub key: String,
}

impl Gateway {
    pub async fn start() -> Self {
        Setup::new().start().await
    }

    pub fn data(&self) -> PathBuf {
        data_folder(&self.setup, &self.folder)
    }

    pub fn folder(&self) -> PathBuf {
        self.folder.path().to_owned()
    }

    pub fn process_id(&self) -> u32 {
        self.process.id().expect("it runs")
    }

    pub fn signal(&self, signal: Signal) {
        let id = i32::try_from(self.process_id()).unwrap();
        nix::sys::signal::kill(Pid::from_raw(id), signal).unwrap();
    }

    /// Asks it to stop: it must, with exit code 0, within 5 s.
    pub async fn stop(&mut self) {
        self.signal(Signal::SIGTERM);
        self.ended().await;
    }

    /// It was asked to stop: it must, with exit code 0, within 5 s.
    pub async fn ended(&mut self) {
        let asked = Instant::now();
        let status = timeout(PATIENCE, self.process.wait()).await.expect("it ends").unwrap();
        let took = asked.elapsed();
        assert!(took < Duration::from_secs(5), "it took {took:?} to stop");
        assert!(status.success(), "{status}");
    }

    /// Ends it without a warning, as the kernel or a lost current would.
    pub async fn kill(&mut self) {
        self.process.kill().await.unwrap();
    }

    /// Starts it again and ends it so, before anybody knows how far it got.
    pub async fn start_and_kill(&mut self, after: Duration) {
        self.begin_again();
        tokio::time::sleep(after).await;
        self.kill().await;
    }

    /// Starts it again, on the same data and ports.
    pub async fn start_again(&mut self) {
        self.begin_again();
        self.wait_until_ready().await;
    }

    /// Starts it again and does not wait until it is ready.
    pub fn begin_again(&mut self) {
        let listen = [self.mqtt, self.mqtt_tls, self.http, self.https];
        (self.process, self.log) = begin(&self.setup, &self.data(), &self.config_file(), listen);
    }

    /// It was begun: it must get ready, on the ports that it had; but HTTPS may be missing.
    pub async fn wait_until_ready(&mut self) {
        let ready = ready(&mut self.process, &self.log).await;
        assert_eq!(ready["mqtt"], self.mqtt.to_string());
    }

    /// Changes the configuration of the running daemon.
    pub async fn reload(&mut self, setup: Setup) {
        fs::write(self.config_file(), configuration(&setup, [self.mqtt, self.mqtt_tls, self.http, self.https]))
            .unwrap();
        (self.setup.config, self.setup.http, self.setup.mqtt) = (setup.config, setup.http, setup.mqtt);
        self.signal(Signal::SIGHUP);
        self.wait_for_log("the configuration is loaded again").await;
    }

    pub async fn wait_for_log(&mut self, text: &str) {
        let said = self.log.wait_for(|log| log.contains(text));
        let said = timeout(PATIENCE, said).await.map(|said| said.map(drop));
        assert!(matches!(said, Ok(Ok(()))), "the log never says {text:?}");
    }

    pub fn log(&self) -> String {
        self.log.borrow().clone()
    }

    pub fn config_file(&self) -> PathBuf {
        self.folder.path().join("farhook.toml")
    }

    /// The command line, talking to this gateway.
    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = farhook();
        command.args(args).env("FARHOOK_DATA", self.data());
        command
    }

    pub async fn cli(&self, args: &[&str]) -> Output {
        self.cli_with(args, "").await
    }

    /// With something on stdin.
    pub async fn cli_with(&self, args: &[&str], stdin: &str) -> Output {
        let mut command = self.command(args);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut process = command.spawn().unwrap();
        let mut pipe = process.stdin.take().unwrap();
        // A command that does not read has gone by then.
        let _ = pipe.write_all(stdin.as_bytes()).await;
        drop(pipe);
        timeout(PATIENCE, process.wait_with_output()).await.expect("the command ends").unwrap()
    }

    /// A command that must succeed, and what it says with `--json`.
    pub async fn json(&self, args: &[&str]) -> Value {
        self.json_with(args, "").await
    }

    pub async fn json_with(&self, args: &[&str], stdin: &str) -> Value {
        let output = self.cli_with(&[args, &["--json"]].concat(), stdin).await;
        assert!(output.status.success(), "{args:?}: {}", stderr(&output));
        serde_json::from_slice(&output.stdout).unwrap()
    }

    /// What its HTTP port answers, with the head.
    pub async fn get(&self, path: &str) -> String {
        self.request(format!("GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")).await
    }

    /// What it answers to a JSON body, sent by whose token or key this is.
    pub async fn post(&self, path: &str, secret: &str, body: &str) -> String {
        let head = format!("POST {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\nauthorization: Bearer {secret}");
        let length = body.len();
        self.request(format!("{head}\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}"))
            .await
    }

    async fn request(&self, request: String) -> String {
        let mut stream = TcpStream::connect(self.http).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        timeout(PATIENCE, stream.read_to_string(&mut answer)).await.expect("it answers").unwrap();
        answer
    }

    /// A command that must be refused, and its reason.
    pub async fn refused(&self, args: &[&str], stdin: &str) -> String {
        let output = self.cli_with(args, stdin).await;
        assert_eq!(output.status.code(), Some(1), "{args:?}: {output:?}");
        stderr(&output)
    }

    pub async fn device(&self, name: &str) -> Device {
        let added = self.json(&["device", "add", name]).await;
        let part = |part: &str| added[part].as_str().unwrap().to_owned();
        Device { id: part("id"), name: part("name"), key: part("key") }
    }

    /// Creates a hook and gives its id.
    pub async fn hook(&self, definition: &Value) -> String {
        let hook = self.json_with(&["hook", "create", "-"], &definition.to_string()).await;
        hook["id"].as_str().unwrap().to_owned()
    }

    /// A session of a device.
    pub async fn login(&self, device: &Device) -> Client {
        Client::login(self.mqtt, &device.name, &device.key).await.expect("the device may log in")
    }

    /// A session of the owner that hears everything.
    pub async fn observer(&self) -> Client {
        let token = self.json(&["token", "create"]).await;
        let mut observer = Client::login(self.mqtt, "observer", token["token"].as_str().unwrap()).await.unwrap();
        observer.subscribe("#").await;
        observer
    }

    /// One number of `farhook status`, once it is as wanted.
    pub async fn wait_for_queue(&self, name: &str, wanted: u64) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let status = self.json(&["status"]).await;
            if status["queue"][name] == wanted {
                return;
            }
            assert!(Instant::now() < deadline, "{name} is never {wanted}: {status}");
        }
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("the log of the daemon on {}:\n{}", self.mqtt, *self.log.borrow());
        }
    }
}

pub fn farhook() -> Command {
    command(PROGRAM)
}

pub fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

/// A loopback address that no other gateway has: then its ports stay free for it while it is down.
fn own_address() -> Ipv4Addr {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let part = |number: u32| u8::try_from(1 + number % 250).expect("at most 250");
    let process = std::process::id();
    Ipv4Addr::new(127, part(process / 250), part(process), part(NEXT.fetch_add(1, Ordering::Relaxed)))
}

fn configuration(setup: &Setup, [mqtt, mqtt_tls, http, https]: [SocketAddr; 4]) -> String {
    let web = format!("[http]\nlisten = \"{http}\"\nhttps_listen = \"{https}\"\n{}", setup.http);
    format!("[mqtt]\nlisten = \"{mqtt}\"\ntls_listen = \"{mqtt_tls}\"\n{}{web}{}", setup.mqtt, setup.config)
}

fn data_folder(setup: &Setup, folder: &TempDir) -> PathBuf {
    setup.data.clone().unwrap_or_else(|| folder.path().join("data"))
}

/// What the daemon says when it is ready.
async fn ready(process: &mut Child, log: &watch::Receiver<String>) -> Value {
    let mut stdout = BufReader::new(process.stdout.take().unwrap()).lines();
    let line = timeout(PATIENCE, stdout.next_line()).await.expect("it gets ready in time").unwrap();
    let line = line.unwrap_or_else(|| panic!("it does not start: {}", *log.borrow()));
    serde_json::from_str(&line).unwrap()
}

fn begin(setup: &Setup, data: &Path, config: &Path, listen: [SocketAddr; 4]) -> (Child, watch::Receiver<String>) {
    fs::write(config, configuration(setup, listen)).unwrap();
    let mut command = farhook();
    if let [program, args @ ..] = setup.under.as_slice() {
        command = self::command(program);
        command.args(args).arg(PROGRAM);
    }
    command.arg("run").arg("--data").arg(data).arg("--config").arg(config).arg("--json");
    command.envs(setup.env.iter().cloned()).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut process = command.spawn().unwrap();
    let log = collect(process.stderr.take().unwrap());
    (process, log)
}

fn command(program: &str) -> Command {
    let mut command = Command::new(program);
    command.kill_on_drop(true);
    // The tests do not listen to whoever is near; tests/radio has a bus of its own.
    command.env("DBUS_SYSTEM_BUS_ADDRESS", "unix:path=/nonexistent/bus");
    for name in NOT_OURS {
        command.env_remove(name);
    }
    command
}

fn collect(stderr: ChildStderr) -> watch::Receiver<String> {
    let (sender, log) = watch::channel(String::new());
    tokio::spawn(async move {
        let mut lines = BufReader::new(stderr).lines();
        while let Ok(Some(line)) = lines.next_line().await {
            sender.send_modify(|log| {
                log.push_str(&line);
                log.push('\n');
            });
        }
    });
    log
}
