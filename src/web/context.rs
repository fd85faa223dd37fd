//! What pages are made of, and what they can ask for.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use serde_json::Value;
use tokio::sync::mpsc;
use tokio::sync::oneshot;
use tokio::sync::watch;

use crate::accounts::Accounts;
use crate::backup::Backups;
use crate::bus::Ble;
use crate::bus::Live;
use crate::bus::Overview;
use crate::bus::Presence;
use crate::bus::RemoteRequest;
use crate::bus::Sources;
use crate::bus::protocol::Asked;
use crate::bus::protocol::Reply;
use crate::bus::protocol::Request;
use crate::limits::Places;
use crate::logbook::Logbook;
use crate::model::Address;
use crate::model::HookId;
use crate::model::UserId;
use crate::notices::Notices;
use crate::registry::Registry;
use crate::registry::Role;
use crate::registry::Snapshot;
use crate::registry::User;
use crate::store::StoredNotice;
use crate::web::flash::Flashes;
use crate::web::refusal::Refusal;
use crate::web::replaying::Replaying;
use crate::web::templates::Templates;

/// See the module.
pub struct Context {
    /// Who and what is registered.
    pub registry: Arc<Registry>,
    /// Who may log in.
    pub accounts: Arc<Accounts>,
    /// How the work goes, and how full everything is.
    pub overview: Overview,
    /// How the Bluetooth radio is, and what it hears.
    pub ble: Ble,
    /// What the sources say.
    pub sources: Sources,
    /// The events of late.
    pub live: Live,
    /// Who is connected.
    pub presence: Presence,
    /// The log of attempts.
    pub logbook: Logbook,
    /// What a person should read.
    pub notices: Notices,
    /// Where requests in the words of the command line go.
    pub remote: mpsc::Sender<RemoteRequest>,
    /// Makes and restores backups.
    pub backups: Backups,
    /// Where the gateway listens, as it said when it was ready, and what has changed about that.
    pub listening: watch::Receiver<Value>,
    /// The file that the configuration is read from; none for the defaults.
    pub config_file: Option<PathBuf>,
    /// The pages' templates.
    pub templates: Templates,
    /// Dead letters that are being sent again.
    pub replaying: Replaying,
    /// Sensors on whose next packet a bind key is tried.
    pub trying: Places<Address>,
    /// What the next page says first.
    pub flashes: Flashes,
}

impl Context {
    /// What that user was not told yet: the owner of everything, members of their own hooks.
    pub(super) fn notices_for(&self, user: &User) -> Vec<(u64, StoredNotice)> {
        let snapshot = self.snapshot();
        let is_own = |hook: HookId| snapshot.hooks.get(&hook).is_some_and(|hook| hook.owner == user.id);
        let is_for = |(_, notice): &(u64, StoredNotice)| user.role == Role::Owner || notice.hook.is_some_and(is_own);
        self.notices.unread().into_iter().filter(is_for).collect()
    }

    pub(super) fn snapshot(&self) -> Arc<Snapshot> {
        self.registry.snapshot()
    }

    /// Where devices connect.
    pub(super) fn mqtt_port(&self) -> u16 {
        let address = self.listening.borrow()["mqtt"].as_str().and_then(|address| address.parse::<SocketAddr>().ok());
        address.map_or(0, |address| address.port())
    }

    /// Asks as the user would at a command line somewhere else.
    ///
    /// # Errors
    /// What the command line would say, or that the gateway is stopping.
    pub(super) async fn ask(&self, user: UserId, request: Request) -> Result<Result<Value, String>, Refusal> {
        let (reply, answer) = oneshot::channel();
        let asked = Asked { request, user: None };
        self.remote.send(RemoteRequest { user, asked, reply }).await.map_err(|_| Refusal::Stopping)?;
        Ok(match answer.await.map_err(|_| Refusal::Stopping)? {
            Reply::Done(value) => Ok(value),
            Reply::Refused(reason) => Err(reason),
        })
    }
}
