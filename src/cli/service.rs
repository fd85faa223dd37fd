//! `farhook run` and `farhook check-config`: becoming the daemon, and checking what it would read.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::path::PathBuf;

use anyhow::Context;
use clap::Args;
use serde_json::json;

use crate::cli::client::CHECKOUT;
use crate::cli::print;
use crate::cli::print::Output;
use crate::config::Config;
use crate::daemon;

/// Where an installed daemon is told to read its configuration.
pub(super) const CONFIG: &str = "/etc/farhook/farhook.toml";

/// Run the daemon until it is told to stop
///
/// When it is ready it prints where it listens; with --json as one line. SIGTERM and Ctrl-C stop it, SIGHUP makes it
/// read its configuration again.
#[derive(Debug, Args)]
pub(super) struct Run {
    /// The configuration file, with conf.d/*.toml beside it read over it; without one the defaults hold
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

/// Check configuration files, and print everything that is wrong with them
///
/// The files of conf.d beside FILE are checked too. Problems go to stderr with file and line.
#[derive(Debug, Args)]
pub(super) struct CheckConfig {
    /// The configuration file
    #[arg(default_value = CONFIG)]
    file: PathBuf,
}

impl Run {
    pub(super) fn become_daemon(self, data: Option<PathBuf>, json: bool) -> anyhow::Result<()> {
        let data = data_folder(data, std::env::var_os("STATE_DIRECTORY").as_deref());
        daemon::run(daemon::Options { data, config: self.config, json })
    }
}

impl CheckConfig {
    pub(super) fn run(&self, out: &mut Output) -> anyhow::Result<()> {
        match Config::load(Some(&self.file)) {
            Ok(_) => out.show(&json!({ "ok": true }), |_| "OK".to_owned()).context("stdout takes nothing"),
            Err(error) => {
                if out.is_json() {
                    let problems: Vec<String> = error.problems.iter().map(ToString::to_string).collect();
                    out.json(&json!({ "ok": false, "problems": problems }))?;
                }
                error.problems.iter().for_each(|problem| print::complain_plainly(&problem.to_string()));
                let (count, file) = (error.problems.len(), self.file.display());
                Err(anyhow::anyhow!("{file}: {count} problem{}", if count == 1 { "" } else { "s" }))
            }
        }
    }
}

/// What was asked for, what systemd prepared, or a folder here. systemd separates several folders by colons.
fn data_folder(asked_for: Option<PathBuf>, prepared: Option<&OsStr>) -> PathBuf {
    let prepared = prepared.map(first_folder).filter(|folder| !folder.as_os_str().is_empty());
    asked_for.or(prepared.map(Path::to_owned)).unwrap_or_else(|| CHECKOUT.into())
}

fn first_folder(folders: &OsStr) -> &Path {
    let first = folders.as_bytes().split(|byte| *byte == b':').next().unwrap_or_default();
    Path::new(OsStr::from_bytes(first))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_data_folder_is_what_was_asked_for_or_prepared_or_here() {
        let prepared = Some(OsStr::new("/var/lib/farhook:/var/lib/other"));
        assert_eq!(data_folder(Some("/d".into()), prepared), Path::new("/d"));
        assert_eq!(data_folder(None, prepared), Path::new("/var/lib/farhook"));
        assert_eq!(data_folder(None, Some(OsStr::new(""))), Path::new("./farhook-data"));
        assert_eq!(data_folder(None, None), Path::new("./farhook-data"));
    }
}
