//! Changing the registry: one change at a time, durable before it is shown. Which changes there are stands in the files
//! below, one for each kind of thing.

mod devices;
mod gateway;
mod hooks;
mod products;
mod secrets;
mod tokens;
mod users;

use std::sync::Arc;
use std::sync::Mutex;

use log::error;
use serde::de::DeserializeOwned;
use tokio::sync::watch;

use crate::chance::Chance;
use crate::model::Device;
use crate::model::ProductId;
use crate::model::Secret;
use crate::model::SecretName;
use crate::model::UserId;
use crate::registry::Hook;
use crate::registry::OauthClient;
use crate::registry::Product;
use crate::registry::RegistryError;
use crate::registry::Snapshot;
use crate::registry::Token;
use crate::registry::User;
use crate::registry::hook::StoredHook;
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
    owner: UserId,
    snapshot: watch::Sender<Arc<Snapshot>>,
    changing: Mutex<()>,
}

impl Registry {
    /// Reads what is registered. A hook that does not parse any more is left out and reported in the log.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn load(meta: Meta, chance: Chance) -> Result<Self, MetaError> {
        let owner = if let Some((_, owner)) = meta.all::<UserId>(OWNER)?.pop() {
            owner
        } else {
            let owner = chance.user_id();
            meta.put(OWNER, &owner)?;
            owner
        };
        let mut snapshot = Snapshot {
            users: rows::<User>(&meta, USERS)?.map(|user| (user.id, Arc::new(user))).collect(),
            devices: rows::<Device>(&meta, DEVICES)?.map(|device| (device.id, Arc::new(device))).collect(),
            released: rows::<Device>(&meta, RELEASED)?.map(|device| (device.id, Arc::new(device))).collect(),
            tokens: rows::<Token>(&meta, TOKENS)?.map(|token| (token.hash, token)).collect(),
            clients: rows::<OauthClient>(&meta, CLIENTS)?.map(|client| (client.id.clone(), Arc::new(client))).collect(),
            products: rows::<Product>(&meta, PRODUCTS)?.map(|product| (product.id, Arc::new(product))).collect(),
            gateway: meta.all::<String>(GATEWAY)?.pop().map(|(_, name)| name.into()),
            last_product: meta.all::<ProductId>(LAST_PRODUCT)?.pop().map(|(_, id)| id),
            ..Snapshot::default()
        };
        for (id, stored) in meta.all::<StoredHook>(HOOKS)? {
            let hook = id
                .parse()
                .map_err(|error| format!("{error}"))
                .and_then(|id| Hook::from_stored(id, &stored).map_err(|invalid| invalid.to_string()));
            match hook {
                Ok(hook) => drop(snapshot.hooks.insert(hook.id, Arc::new(hook))),
                Err(reason) => error!(HOOK_ID:% = id; "a stored hook cannot be used: {reason}"),
            }
        }
        for (key, secret) in meta.all::<Secret>(SECRETS)? {
            match secret_of(&key) {
                Some((user, name)) => {
                    Arc::make_mut(snapshot.secrets.entry(user).or_default()).insert(name, secret);
                }
                None => error!("the row {SECRETS}{key} of the registry is no secret's"),
            }
        }
        let (snapshot, _) = watch::channel(Arc::new(snapshot));
        Ok(Self { meta, chance, owner, snapshot, changing: Mutex::new(()) })
    }

    /// The user to whom the gateway belongs, or will once somebody claims it: until then everything that is made at
    /// the local command line waits for them.
    pub fn owner(&self) -> UserId {
        self.owner
    }

    /// Whether somebody claimed the gateway.
    pub fn is_claimed(&self) -> bool {
        self.snapshot.borrow().users.contains_key(&self.owner)
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
            if user != self.owner && !snapshot.users.contains_key(&user) {
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

fn rows<T: DeserializeOwned>(meta: &Meta, prefix: &str) -> Result<impl Iterator<Item = T>, MetaError> {
    Ok(meta.all::<T>(prefix)?.into_iter().map(|(_, row)| row))
}

fn secret_key(user: UserId, name: &SecretName) -> String {
    format!("{SECRETS}{user}/{name}")
}

/// Whose secret a row's key, without its prefix, is, and what it is called.
fn secret_of(key: &str) -> Option<(UserId, SecretName)> {
    let (user, name) = key.split_once('/')?;
    Some((user.parse().ok()?, SecretName::try_from(name.to_owned()).ok()?))
}

#[cfg(test)]
mod tests;
