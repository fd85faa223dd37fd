//! What the web port and the local socket both work with, and handing it to each.

use std::path::PathBuf;
use std::sync::Arc;

use serde_json::Value;
use tokio::sync::mpsc;
use tokio::sync::watch;

use crate::accounts::Accounts;
use crate::api;
use crate::backup::Backups;
use crate::bus::Ble;
use crate::bus::Calls;
use crate::bus::Intake;
use crate::bus::Live;
use crate::bus::Overview;
use crate::bus::Presence;
use crate::bus::RemoteRequest;
use crate::bus::Replays;
use crate::bus::Sources;
use crate::chance::Chance;
use crate::control;
use crate::http::Streams;
use crate::limits::Places;
use crate::logbook::Logbook;
use crate::notices::Notices;
use crate::registry::Registry;
use crate::sessions::Sessions;
use crate::web;

/// See the module.
pub(super) struct Shared {
    pub(super) registry: Arc<Registry>,
    pub(super) accounts: Arc<Accounts>,
    pub(super) intake: Intake,
    pub(super) live: Live,
    pub(super) presence: Presence,
    pub(super) sessions: Sessions,
    pub(super) overview: Overview,
    pub(super) sources: Sources,
    pub(super) ble: Ble,
    pub(super) logbook: Logbook,
    pub(super) backups: Backups,
    pub(super) chance: Chance,
}

impl Shared {
    /// For the web port.
    pub(super) fn for_api(
        &self,
        calls: Calls,
        remote: mpsc::Sender<RemoteRequest>,
        stop: watch::Receiver<bool>,
    ) -> api::Context {
        api::Context {
            registry: Arc::clone(&self.registry),
            accounts: Arc::clone(&self.accounts),
            overview: self.overview.clone(),
            sources: self.sources.clone(),
            ble: self.ble.clone(),
            intake: self.intake.clone(),
            live: self.live.clone(),
            streams: Streams::default(),
            presence: self.presence.clone(),
            calls,
            logbook: self.logbook.clone(),
            remote,
            chance: self.chance.clone(),
            stop,
        }
    }

    /// For the pages.
    pub(super) fn for_web(
        &self,
        remote: mpsc::Sender<RemoteRequest>,
        notices: Notices,
        listening: watch::Receiver<Value>,
        config_file: Option<PathBuf>,
    ) -> web::Context {
        web::Context {
            registry: Arc::clone(&self.registry),
            accounts: Arc::clone(&self.accounts),
            overview: self.overview.clone(),
            ble: self.ble.clone(),
            sources: self.sources.clone(),
            live: self.live.clone(),
            presence: self.presence.clone(),
            logbook: self.logbook.clone(),
            notices,
            remote,
            backups: self.backups.clone(),
            listening,
            config_file,
            templates: web::Templates::default(),
            replaying: web::Replaying::default(),
            trying: Places::default(),
            flashes: web::Flashes::default(),
        }
    }

    /// For the local socket.
    pub(super) fn for_control(
        self,
        notices: Notices,
        replays: Replays,
        listening: watch::Receiver<Value>,
    ) -> control::Parts {
        let Self {
            registry,
            accounts,
            intake,
            live,
            presence,
            sessions,
            overview,
            sources,
            ble,
            logbook,
            backups,
            chance,
        } = self;
        control::Parts {
            registry,
            accounts,
            intake,
            live,
            presence,
            sessions,
            overview,
            sources,
            ble,
            logbook,
            notices,
            replays,
            backups,
            chance,
            listening,
        }
    }
}
