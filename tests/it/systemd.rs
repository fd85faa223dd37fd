//! What systemd is told.

use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use nix::sys::signal::Signal;
use tokio::net::UnixDatagram;
use tokio::time::timeout;

use crate::gateway::PATIENCE;
use crate::gateway::Setup;

#[tokio::test]
async fn systemd_is_told_of_start_watchdog_reload_and_stop() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("notify");
    let systemd = UnixDatagram::bind(&path).unwrap();
    let limit = Duration::from_millis(400).as_micros().to_string();
    let setup = Setup::new().env("NOTIFY_SOCKET", path.to_str().unwrap()).env("WATCHDOG_USEC", &limit);
    let mut gateway = setup.start().await;

    hear(&systemd, "READY=1").await;
    // The dispatcher has nothing to do, and says so again and again.
    for _ in 0..3 {
        hear(&systemd, "WATCHDOG=1").await;
    }
    gateway.signal(Signal::SIGHUP);
    let reloading = hear(&systemd, "RELOADING=1").await;
    assert!(reloading.contains("MONOTONIC_USEC="), "{reloading}");
    hear(&systemd, "READY=1").await;
    // systemd listens while it waits; a full socket would keep nobody from stopping, but hide what is said last.
    let stopping = async { hear(&systemd, "STOPPING=1").await };
    let ((), _) = tokio::join!(gateway.stop(), stopping);
}

#[tokio::test]
async fn the_folders_that_systemd_prepares_are_used() {
    let folder = tempfile::tempdir().unwrap();
    let run = folder.path().join("run");
    std::fs::create_dir(&run).unwrap();
    let mut gateway = Setup::new().env("RUNTIME_DIRECTORY", run.to_str().unwrap()).start().await;

    let status = crate::gateway::farhook().args(["status", "--json", "--data"]).arg(&run).output();

    assert!(timeout(PATIENCE, status).await.unwrap().unwrap().status.success());
    let mode = std::fs::metadata(gateway.data()).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o700, "what is in the data folder is nobody else's");
    gateway.stop().await;
    assert!(!run.join("ctl.sock").is_symlink());
}

/// Waits until systemd is told this, and gives the whole message.
async fn hear(systemd: &UnixDatagram, wanted: &str) -> String {
    let mut buffer = [0; 512];
    loop {
        let length = timeout(PATIENCE, systemd.recv(&mut buffer)).await.expect(wanted).unwrap();
        let message = String::from_utf8(buffer[..length].to_vec()).unwrap();
        if message.lines().any(|line| line == wanted) {
            return message;
        }
    }
}
