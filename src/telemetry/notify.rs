//! What systemd is told about the service. Without `NOTIFY_SOCKET`, as outside of systemd, nothing happens.
//!
//! The daemon calls these as its state changes. A message that systemd cannot be given is logged and forgotten: whether
//! to wait for it or to kill us is systemd's to decide.

use std::time::Duration;

use log::warn;
use sd_notify::NotifyState;

use crate::telemetry::line::Escaped;

/// The service is up, or done with reloading. `status` is the line that `systemctl status` shows.
pub fn ready(status: &str) {
    tell(&[NotifyState::Ready, NotifyState::Status(&one_line(status))]);
}

/// The service reads its configuration again; [`ready`] says that it is done.
pub fn reloading() {
    // `Type=notify-reload` wants both in one message, to know which reload is meant.
    match NotifyState::monotonic_usec_now() {
        Ok(now) => tell(&[NotifyState::Reloading, now]),
        Err(error) => warn!(ERROR:% = error; "systemd was not told of the reload: there is no monotonic clock"),
    }
}

/// The service goes down.
pub fn stopping() {
    tell(&[NotifyState::Stopping]);
}

/// The line that `systemctl status` shows.
pub fn status(text: &str) {
    tell(&[NotifyState::Status(&one_line(text))]);
}

/// How often to [`ping`]: twice in the time after which systemd takes the service for hung. `None` without a watchdog.
pub fn ping_interval() -> Option<Duration> {
    sd_notify::watchdog_enabled().filter(|limit| !limit.is_zero()).map(|limit| limit / 2)
}

/// The service is not hung.
pub fn ping() {
    tell(&[NotifyState::Watchdog]);
}

fn tell(states: &[NotifyState]) {
    if let Err(error) = sd_notify::notify(states) {
        warn!(ERROR:% = error; "systemd could not be told of the service's state");
    }
}

/// A line break would begin another assignment.
fn one_line(text: &str) -> String {
    Escaped(text).to_string()
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixDatagram;
    use std::path::Path;
    use std::process::Command;
    use std::process::ExitStatus;

    use super::*;

    #[test]
    fn systemd_hears_every_state_in_a_message_of_its_own() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("notify");
        let systemd = UnixDatagram::bind(&path).unwrap();
        systemd.set_read_timeout(Some(Duration::from_secs(10))).unwrap();

        let status = run_service(Some(&path));

        assert!(status.success());
        assert_eq!(receive(&systemd), "READY=1\nSTATUS=2 devices\n");
        let reload = receive(&systemd);
        let usec = reload.strip_prefix("RELOADING=1\nMONOTONIC_USEC=").and_then(|rest| rest.strip_suffix('\n'));
        assert!(usec.is_some_and(|usec| usec.parse::<u64>().is_ok_and(|usec| usec > 0)), "{reload:?}");
        assert_eq!(receive(&systemd), "STATUS=a\\nMAINPID=1\n");
        assert_eq!(receive(&systemd), "WATCHDOG=1\n");
        assert_eq!(receive(&systemd), "STOPPING=1\n");
    }

    #[test]
    fn without_systemd_nothing_happens() {
        assert!(run_service(None).success());
    }

    #[test]
    fn a_gone_systemd_stops_nobody() {
        let folder = tempfile::tempdir().unwrap();
        assert!(run_service(Some(&folder.path().join("nobody"))).success());
    }

    /// What the process of [`run_service`] does: the environment can be set only for a new process.
    #[test]
    #[ignore = "run in a process of its own by the tests above"]
    fn the_service() {
        ready("2 devices");
        reloading();
        status("a\nMAINPID=1");
        ping();
        stopping();
        assert_eq!(ping_interval(), Some(Duration::from_secs(3)));
    }

    fn run_service(socket: Option<&Path>) -> ExitStatus {
        let mut service = Command::new(std::env::current_exe().unwrap());
        service.args(["--ignored", "--exact", "telemetry::notify::tests::the_service"]);
        service.env_remove("WATCHDOG_PID").env("WATCHDOG_USEC", "6000000").env_remove("NOTIFY_SOCKET");
        service.envs(socket.map(|path| ("NOTIFY_SOCKET", path)));
        service.output().unwrap().status
    }

    fn receive(systemd: &UnixDatagram) -> String {
        let mut buffer = [0; 512];
        let bytes = systemd.recv(&mut buffer).unwrap();
        String::from_utf8(buffer[..bytes].to_vec()).unwrap()
    }
}
