//! What farhook tells its owner and systemd: the log and the service's state.
//!
//! `main` starts it, the daemon changes the level and notifies; everybody logs through the macros of `log`, with
//! fields: `info!(DEVICE_ID:% = id; "device logged in")`. Under systemd the fields become fields of the journal
//! (`journalctl DEVICE_ID=…`), elsewhere they follow the message on stderr. Payloads and keys are never logged above
//! `debug`. Nothing here waits, and nothing here can fail in a way that its callers had to handle.

mod filter;
mod line;
pub mod notify;

use std::io;
use std::io::IsTerminal;
use std::io::Write;

use log::LevelFilter;
use log::Log;
use log::Metadata;
use log::Record;
use log::SetLoggerError;
use systemd_journal_logger::JournalLog;
use systemd_journal_logger::connected_to_journal;

use crate::clock;
use crate::telemetry::line::Style;

/// Starts the log of this process: to the journal when systemd connected stderr to it, else as lines on stderr.
///
/// # Errors
/// Somebody set a logger in this process before.
pub fn init(level: LevelFilter) -> Result<(), SetLoggerError> {
    log::set_boxed_logger(Box::new(Logger { sink: Sink::of_this_process() }))?;
    set_level(level);
    Ok(())
}

/// Changes the level from now on. Libraries never say more than `warn`.
pub fn set_level(level: LevelFilter) {
    log::set_max_level(level);
}

struct Logger {
    sink: Sink,
}

enum Sink {
    Journal(JournalLog),
    Stderr(Style),
}

impl Sink {
    fn of_this_process() -> Self {
        let is_journal = connected_to_journal();
        // A sandbox can hide the journal's socket; stderr still leads there.
        if let (true, Ok(journal)) = (is_journal, JournalLog::new()) {
            return Self::Journal(journal);
        }
        let colours = io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
        Self::Stderr(Style { with_time: !is_journal, colours })
    }
}

impl Log for Logger {
    fn enabled(&self, metadata: &Metadata) -> bool {
        filter::admits(log::max_level(), metadata.level(), metadata.target())
    }

    fn log(&self, record: &Record) {
        if !self.enabled(record.metadata()) {
            return;
        }
        match &self.sink {
            Sink::Journal(journal) => {
                // `journalctl` shows only the message, so the fields are repeated in it.
                let message = line::message(record);
                journal.log(&record.to_builder().args(format_args!("{message}")).build());
            }
            Sink::Stderr(style) => {
                let line = style.line(clock::now().wall, record);
                // Nobody is left to tell if stderr is gone.
                let _ = io::stderr().write_all(line.as_bytes());
            }
        }
    }

    fn flush(&self) {}
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use log::debug;
    use log::info;

    use super::*;

    #[test]
    fn the_log_goes_to_stderr_and_follows_the_level() {
        let mut process = Command::new(std::env::current_exe().unwrap());
        process.args(["--ignored", "--exact", "telemetry::tests::the_process"]).env_remove("JOURNAL_STREAM");

        let output = process.output().unwrap();

        let logged = String::from_utf8(output.stderr).unwrap();
        let messages: Vec<&str> = logged.lines().map(|line| line.split_once("Z ").unwrap().1).collect();
        assert_eq!(
            messages,
            [
                "INFO  farhook::telemetry::tests: device logged in DEVICE_ID=0123",
                "WARN  reqwest::connect: a library's warning",
                "DEBUG farhook::telemetry::tests: after the change",
            ]
        );
    }

    /// What the process of the test above does: a process has one log.
    #[test]
    #[ignore = "run in a process of its own by the test above"]
    fn the_process() {
        init(LevelFilter::Info).unwrap();
        info!(DEVICE_ID = "0123"; "device logged in");
        debug!("before the change");
        log::warn!(target: "reqwest::connect", "a library's warning");
        set_level(LevelFilter::Debug);
        debug!("after the change");
        log::debug!(target: "reqwest::connect", "a library's detail");
    }
}
