//! `farhook diagnostics`: how the gateway is, in one file, for whoever helps with it.

use std::path::PathBuf;

use anyhow::Context;
use anyhow::bail;
use clap::Args;
use serde_json::Value;

use crate::bus::protocol::Request;
use crate::cli::backup::save;
use crate::cli::client::Gateway;
use crate::cli::print::Output;
use crate::cli::print::field;

/// Write how the gateway is into one file, without secrets and without data of events
///
/// For whoever helps with it: status, queue, limits, configuration, devices, hooks with their secrets masked, how the
/// latest attempts ended, notices, and figures of the machine.
#[derive(Debug, Args)]
pub(super) struct Diagnostics {
    /// The file, which must not be there yet; without it farhook-diagnostics-DATE.tar.gz in this folder
    file: Option<PathBuf>,
}

impl Diagnostics {
    pub(super) async fn run(self, gateway: &Gateway, out: &mut Output) -> anyhow::Result<()> {
        if let Some(file) = self.file.as_deref().filter(|file| file.exists()) {
            bail!("{} is there already", file.display());
        }
        let mut made = gateway.ask(&Request::Diagnostics).await?;
        save(&mut made, self.file)?;
        out.show(&made, written).context("stdout takes nothing")
    }
}

fn written(made: &Value) -> String {
    format!("{} is written. Look at hooks.json in it before you pass it on.", field(made, "file"))
}
