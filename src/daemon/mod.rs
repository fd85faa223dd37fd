//! The daemon: builds the parts, joins them, waits for signals, and takes them down in the right order.
//!
//! ```text
//! start:  lock ─ store ─ registry ─ intake, dispatcher ─ MQTT, HTTP, socket ─ ready
//! stop:   intake and dispatcher (what is under way ends or goes back) ─ flush ─ MQTT, HTTP, socket ─ exit
//! ```

mod boot;
mod certificate;
mod gateway;
mod https;
mod lock;
mod ports;
mod preset;
mod recalled;
mod run_mark;
mod shared;

use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use log::error;
use log::info;
use log::warn;
use tokio::signal::unix::SignalKind;
use tokio::signal::unix::signal;
use tokio::time::MissedTickBehavior;

use crate::chance::Chance;
use crate::config::Config;
use crate::daemon::gateway::Gateway;
use crate::daemon::lock::DataLock;
use crate::telemetry;
use crate::telemetry::notify;

/// How to run.
#[derive(Debug, Clone)]
pub struct Options {
    /// The data folder; made if it is missing.
    pub data: PathBuf,
    /// The configuration file; none for the defaults.
    pub config: Option<PathBuf>,
    /// Whether the first line on stdout is JSON.
    pub json: bool,
}

/// Threads that work; a Pi has four cores and other things to do.
const WORKERS: usize = 2;

/// Seconds between the signal to stop and the end, whatever hangs.
const STOP_WITHIN: Duration = Duration::from_millis(4_500);

/// How often the certificate is looked at.
const LOOK_EVERY: Duration = Duration::from_secs(24 * 60 * 60);

/// Runs the daemon until it is told to stop.
///
/// # Errors
/// When it cannot start, or when a part of it failed: everything acknowledged is on the disk then, too.
pub fn run(options: Options) -> anyhow::Result<()> {
    let config = Config::load(options.config.as_deref())?;
    telemetry::init(config.log.level)?;
    // Whatever is written holds keys and secrets.
    nix::sys::stat::umask(nix::sys::stat::Mode::from_bits_truncate(0o077));
    let _lock = DataLock::take(&options.data)?;
    // Only an earlier installation in this process could make it fail.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(WORKERS)
        .enable_all()
        .build()
        .context("cannot start the threads")?;
    let ended = runtime.block_on(serve(options, config));
    runtime.shutdown_background();
    ended
}

async fn serve(options: Options, config: Config) -> anyhow::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut hang_up = signal(SignalKind::hangup())?;
    let mut gateway =
        Gateway::start(&options.data, Arc::new(config), options.config.clone(), Chance::from_os()).await?;
    say_ready(&options, &gateway);
    let mut look = tokio::time::interval(LOOK_EVERY);
    look.set_missed_tick_behavior(MissedTickBehavior::Delay);
    look.reset();
    let failed = loop {
        tokio::select! {
            _ = terminate.recv() => break None,
            _ = interrupt.recv() => break None,
            _ = hang_up.recv() => reload(&options, &mut gateway),
            _ = look.tick() => gateway.renew_certificate(),
            reason = gateway.failed() => break Some(reason),
        }
    };
    notify::stopping();
    info!("stopping");
    if tokio::time::timeout(STOP_WITHIN, gateway.stop()).await.is_err() {
        error!("something did not stop in time; what was acknowledged is on the disk");
    }
    failed.map_or(Ok(()), |reason| Err(anyhow::anyhow!(reason)))
}

fn say_ready(options: &Options, gateway: &Gateway) {
    let listening = gateway.listening();
    let mut stdout = std::io::stdout().lock();
    let line =
        if options.json {
            listening.to_string()
        } else {
            let mut lines = vec![format!("farhook {} is ready", env!("CARGO_PKG_VERSION"))];
            for (part, place) in listening.as_object().into_iter().flatten() {
                let part = part.replace('_', " ");
                lines.push(format!("  {part:<23} {}", place.as_str().unwrap_or_default()));
            }
            lines.extend(gateway.claim_code().map(|code| {
                format!("  claim                   {code} (for the first user; or: farhook user add NAME)")
            }));
            lines.join("\n")
        };
    // Whoever started it may not want to read.
    let _ = writeln!(stdout, "{line}").and_then(|()| stdout.flush());
    if let Some(code) = gateway.claim_code() {
        info!("this gateway has no owner yet; whoever shows the code {code} becomes it");
    }
    let told = |key: &str| listening[key].as_str().map(ToOwned::to_owned);
    let mqtt = told("mqtt").map(|address| format!("MQTT on {address}")).or_else(|| told("mqtt_problem"));
    notify::ready(&mqtt.unwrap_or_default());
}

fn reload(options: &Options, gateway: &mut Gateway) {
    notify::reloading();
    match Config::load(options.config.as_deref()) {
        Ok(config) => {
            telemetry::set_level(config.log.level);
            gateway.reconfigure(Arc::new(config));
            info!("the configuration is loaded again");
        }
        Err(error) => warn!("the configuration stays as it was: {error}"),
    }
    notify::ready("the configuration is loaded again");
}
