//! Changing the registry: one change at a time, durable before it is shown. Which changes there are stands in the files
//! below, one for each kind of thing.

mod devices;
mod gateway;
mod hooks;
mod products;
mod reading;
mod replace;
mod secrets;
mod sensors;
mod sources;
mod tokens;
mod users;

use std::sync::Arc;
use std::sync::Mutex;

use log::error;
use tokio::sync::watch;

use crate::chance::Chance;
use crate::model::SecretName;
use crate::model::UserId;
use crate::registry::RegistryError;
use crate::registry::Snapshot;
use crate::store::Meta;
use crate::store::MetaChanges;
use crate::store::MetaError;

pub use devices::DeviceChange;
pub use hooks::NewHook;
pub use tokens::NewToken;
pub use tokens::Proof;
pub use tokens::Wish;

const CLIENTS: &str = "client/";
const DEVICES: &str = "device/";
const GATEWAY: &str = "gateway-name";
const HOOKS: &str = "hook/";
const OWNER: &str = "owner";
const LAST_PRODUCT: &str = "last-product";
const PRODUCTS: &str = "product/";
const RELEASED: &str = "released/";
const SECRETS: &str = "secret/";
const TOKENS: &str = "token/";
const USERS: &str = "user/";

/// The registry. Changes wait for the disk: call them where a task may block for a moment.
#[derive(Debug)]
pub struct Registry {
    meta: Meta,
    chance: Chance,
    snapshot: watch::Sender<Arc<Snapshot>>,
    changing: Mutex<()>,
}

impl Registry {
    /// Reads what is registered. A hook that does not parse any more is left out and reported in the log.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn load(meta: Meta, chance: Chance) -> Result<Self, MetaError> {
        let mut snapshot = reading::read(&meta.rows()?, |key, reason| {
            error!("the row {key} of the registry cannot be used: {reason}");
        });
        if snapshot.owner.is_none() {
            let owner = chance.user_id();
            meta.put(OWNER, &owner)?;
            snapshot.owner = Some(owner);
        }
        let (snapshot, _) = watch::channel(Arc::new(snapshot));
        Ok(Self { meta, chance, snapshot, changing: Mutex::new(()) })
    }

    /// The user to whom the gateway belongs, or will once somebody claims it: until then everything that is made at
    /// the local command line waits for them.
    pub fn owner(&self) -> UserId {
        self.snapshot.borrow().owner.expect("it is drawn when the registry is loaded")
    }

    /// Whether somebody claimed the gateway.
    pub fn is_claimed(&self) -> bool {
        self.snapshot.borrow().is_claimed()
    }

    /// What is registered now.
    pub fn snapshot(&self) -> Arc<Snapshot> {
        Arc::clone(&self.snapshot.borrow())
    }

    /// What is registered now, and word of every change.
    pub fn watch(&self) -> watch::Receiver<Arc<Snapshot>> {
        self.snapshot.subscribe()
    }

    /// As [`Self::change`], for the things of a user who must still be there: between the moment when a caller was
    /// known and this one they may have been removed.
    fn change_of<T>(
        &self,
        user: UserId,
        change: impl FnOnce(&mut Snapshot, &mut MetaChanges) -> Result<T, RegistryError>,
    ) -> Result<T, RegistryError> {
        self.change(|snapshot, rows| {
            if snapshot.owner != Some(user) && !snapshot.users.contains_key(&user) {
                return Err(RegistryError::NoUser { wanted: user.to_string() });
            }
            change(snapshot, rows)
        })
    }

    /// Makes one change: `change` alters the next snapshot and says which rows have to become durable before anybody
    /// sees it.
    fn change<T>(
        &self,
        change: impl FnOnce(&mut Snapshot, &mut MetaChanges) -> Result<T, RegistryError>,
    ) -> Result<T, RegistryError> {
        let _one_at_a_time = self.changing.lock().expect("changes do not panic");
        let mut next = Snapshot::clone(&self.snapshot.borrow());
        let mut rows = MetaChanges::default();
        let made = change(&mut next, &mut rows)?;
        self.meta.apply(&rows)?;
        self.snapshot.send_replace(Arc::new(next));
        Ok(made)
    }
}

fn secret_key(user: UserId, name: &SecretName) -> String {
    format!("{SECRETS}{user}/{name}")
}

#[cfg(test)]
mod tests;
