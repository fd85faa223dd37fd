//! A system bus of the test's own: Debian's `dbus-daemon`.

use std::fs;
use std::io::BufRead;
use std::io::BufReader;
use std::path::Path;
use std::process::Child;
use std::process::Command;
use std::process::Stdio;

use tempfile::TempDir;

/// A bus that runs, or was killed.
pub struct Bus {
    process: Child,
    folder: TempDir,
}

impl Bus {
    pub fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let process = begin(folder.path());
        Self { process, folder }
    }

    /// As programs are told of it.
    pub fn address(&self) -> String {
        address(self.folder.path())
    }

    /// Ends it without a warning.
    pub fn kill(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }

    /// Starts it again, at the same address.
    pub fn start_again(&mut self) {
        self.process = begin(self.folder.path());
    }
}

impl Drop for Bus {
    fn drop(&mut self) {
        self.kill();
    }
}

fn address(folder: &Path) -> String {
    format!("unix:path={}", folder.join("bus").display())
}

/// Starts it, and returns when it listens.
fn begin(folder: &Path) -> Child {
    let config = folder.join("bus.conf");
    let policy = r#"<allow send_destination="*"/><allow receive_sender="*"/><allow own="*"/><allow user="*"/>"#;
    let text = format!(
        "<busconfig><type>system</type><listen>{}</listen><policy context=\"default\">{policy}</policy></busconfig>",
        address(folder)
    );
    fs::write(&config, text).unwrap();
    let _ = fs::remove_file(folder.join("bus"));
    let mut command = Command::new("dbus-daemon");
    command.arg("--config-file").arg(&config).args(["--nofork", "--nopidfile", "--print-address"]);
    let mut process = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
    assert!(line.contains("bus"), "the bus says {line:?}");
    process
}
