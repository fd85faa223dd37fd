//! Changing the registry: one change at a time, durable before it is shown.

use std::sync::Arc;
use std::sync::Mutex;

use log::error;
use serde_json::Value;
use tokio::sync::watch;

use crate::chance::Chance;
use crate::hooks::HookDefinition;
use crate::hooks::InvalidHook;
use crate::model::Device;
use crate::model::DeviceId;
use crate::model::DeviceName;
use crate::model::HookId;
use crate::model::Key;
use crate::model::KeyHash;
use crate::model::UserId;
use crate::model::WallTime;
use crate::registry::Hook;
use crate::registry::Snapshot;
use crate::registry::Token;
use crate::registry::hook::StoredHook;
use crate::store::Meta;
use crate::store::MetaError;

const DEVICES: &str = "device/";
const HOOKS: &str = "hook/";
const TOKENS: &str = "token/";
const OWNER: &str = "owner";

/// Why a change was refused. Nothing changed.
#[derive(Debug, thiserror::Error)]
pub enum RegistryError {
    /// Another device of the same owner has the name.
    #[error("there is already a device named \"{name}\": {id}")]
    NameTaken {
        /// The wanted name.
        name: DeviceName,
        /// Who has it.
        id: DeviceId,
    },
    /// No such device.
    #[error("there is no device {wanted:?}")]
    NoDevice {
        /// The id or name asked for.
        wanted: String,
    },
    /// No such hook.
    #[error("there is no hook {id}")]
    NoHook {
        /// The id asked for.
        id: HookId,
    },
    /// No such token.
    #[error("there is no token {wanted:?}")]
    NoToken {
        /// The token's id asked for.
        wanted: String,
    },
    /// The user has as many hooks as one may have.
    #[error("a user can create up to {limit} webhooks, and there are {limit}; delete one first")]
    TooManyHooks {
        /// How many one may have.
        limit: u32,
    },
    /// The user has the same hook already.
    #[error("hook {id} is the same; creating it again would send everything twice (--force does it all the same)")]
    SameHook {
        /// The hook that is the same.
        id: HookId,
    },
    /// The definition is wrong.
    #[error(transparent)]
    Invalid(#[from] InvalidHook),
    /// The disk refuses.
    #[error(transparent)]
    Meta(#[from] MetaError),
}

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
        let mut snapshot = Snapshot::default();
        for (_, device) in meta.all::<Device>(DEVICES)? {
            snapshot.devices.insert(device.id, Arc::new(device));
        }
        for (_, token) in meta.all::<Token>(TOKENS)? {
            snapshot.tokens.insert(token.hash, token);
        }
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
        let (snapshot, _) = watch::channel(Arc::new(snapshot));
        Ok(Self { meta, chance, owner, snapshot, changing: Mutex::new(()) })
    }

    /// The user to whom everything belongs that is made at the local command line.
    pub fn owner(&self) -> UserId {
        self.owner
    }

    /// What is registered now.
    pub fn snapshot(&self) -> Arc<Snapshot> {
        Arc::clone(&self.snapshot.borrow())
    }

    /// What is registered now, and word of every change.
    pub fn watch(&self) -> watch::Receiver<Arc<Snapshot>> {
        self.snapshot.subscribe()
    }

    /// Registers a device. The key is shown now or never.
    ///
    /// # Errors
    /// When the name is taken or the disk refuses.
    pub fn add_device(&self, name: DeviceName, now: WallTime) -> Result<(Arc<Device>, Key), RegistryError> {
        self.change(|snapshot| {
            let taken = |device: &&Arc<Device>| device.owner == self.owner && device.name.is_same(name.as_str());
            if let Some(device) = snapshot.devices.values().find(taken) {
                return Err(RegistryError::NameTaken { name, id: device.id });
            }
            let key = self.chance.key();
            let device = Device {
                id: self.chance.device_id(),
                name,
                owner: self.owner,
                key_hash: KeyHash::of(key.reveal()),
                created_at: now,
                reads_all_results: false,
            };
            Ok((self.put_device(snapshot, device)?, key))
        })
    }

    /// Gives a device a new key; the old one is worth nothing from now on.
    ///
    /// # Errors
    /// When there is no such device or the disk refuses.
    pub fn renew_key(&self, device: &str) -> Result<(Arc<Device>, Key), RegistryError> {
        self.change(|snapshot| {
            let device = find(snapshot, device)?;
            let key = self.chance.key();
            let renewed = Device { key_hash: KeyHash::of(key.reveal()), ..Device::clone(&device) };
            Ok((self.put_device(snapshot, renewed)?, key))
        })
    }

    /// Removes a device. What it published before is still delivered.
    ///
    /// # Errors
    /// When there is no such device or the disk refuses.
    pub fn remove_device(&self, device: &str) -> Result<Arc<Device>, RegistryError> {
        self.change(|snapshot| {
            let device = find(snapshot, device)?;
            self.meta.remove(&format!("{DEVICES}{}", device.id))?;
            snapshot.devices.remove(&device.id);
            Ok(device)
        })
    }

    /// Creates a hook. `limit` is how many its user may have, none for any number; the same hook twice is refused
    /// unless `again` says that it is wanted.
    ///
    /// # Errors
    /// When it is one too many or the same again, or the disk refuses.
    pub fn add_hook(
        &self,
        definition: HookDefinition,
        limit: Option<u32>,
        again: bool,
        now: WallTime,
    ) -> Result<Arc<Hook>, RegistryError> {
        self.change(|snapshot| {
            let mine: Vec<&Arc<Hook>> = snapshot.hooks_of(self.owner).collect();
            if let Some(limit) = limit.filter(|limit| mine.len() >= *limit as usize) {
                return Err(RegistryError::TooManyHooks { limit });
            }
            let same = |hook: &&&Arc<Hook>| hook.definition.original() == definition.original();
            if let Some(hook) = mine.iter().find(same).filter(|_| !again) {
                return Err(RegistryError::SameHook { id: hook.id });
            }
            let hook = Hook { id: self.chance.hook_id(), owner: self.owner, created_at: now, definition };
            self.put_hook(snapshot, hook)
        })
    }

    /// Switches a hook off or on, as its user wants it: it skips events while it is off.
    ///
    /// # Errors
    /// When there is no such hook or the disk refuses.
    pub fn switch_hook(&self, id: HookId, on: bool) -> Result<Arc<Hook>, RegistryError> {
        self.change(|snapshot| {
            let hook = snapshot.hooks.get(&id).ok_or(RegistryError::NoHook { id })?;
            let mut definition = hook.definition.original().clone();
            if let Some(fields) = definition.as_object_mut() {
                fields.insert("disabled".to_owned(), Value::Bool(!on));
            }
            let switched = Hook { definition: HookDefinition::parse(&definition)?, ..Hook::clone(hook) };
            self.put_hook(snapshot, switched)
        })
    }

    /// Deletes a hook. What waits for it is dropped by who sees that it is gone.
    ///
    /// # Errors
    /// When there is no such hook or the disk refuses.
    pub fn delete_hook(&self, id: HookId) -> Result<Arc<Hook>, RegistryError> {
        self.change(|snapshot| {
            let hook = snapshot.hooks.get(&id).cloned().ok_or(RegistryError::NoHook { id })?;
            self.meta.remove(&format!("{HOOKS}{id}"))?;
            snapshot.hooks.remove(&id);
            Ok(hook)
        })
    }

    /// Makes an access token. It is shown now or never.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn create_token(&self, now: WallTime) -> Result<(Token, Key), RegistryError> {
        self.change(|snapshot| {
            let key = self.chance.key();
            let token = Token { user: self.owner, hash: KeyHash::of(key.reveal()), created_at: now };
            self.meta.put(&format!("{TOKENS}{}", token.hash), &token)?;
            snapshot.tokens.insert(token.hash, token.clone());
            Ok((token, key))
        })
    }

    /// Revokes the token with that id.
    ///
    /// # Errors
    /// When there is no such token or the disk refuses.
    pub fn revoke_token(&self, id: &str) -> Result<Token, RegistryError> {
        self.change(|snapshot| {
            let token = snapshot.tokens.values().find(|token| token.id() == id).cloned();
            let token = token.ok_or_else(|| RegistryError::NoToken { wanted: id.to_owned() })?;
            self.meta.remove(&format!("{TOKENS}{}", token.hash))?;
            snapshot.tokens.remove(&token.hash);
            Ok(token)
        })
    }

    fn put_device(&self, snapshot: &mut Snapshot, device: Device) -> Result<Arc<Device>, RegistryError> {
        self.meta.put(&format!("{DEVICES}{}", device.id), &device)?;
        let device = Arc::new(device);
        snapshot.devices.insert(device.id, Arc::clone(&device));
        Ok(device)
    }

    fn put_hook(&self, snapshot: &mut Snapshot, hook: Hook) -> Result<Arc<Hook>, RegistryError> {
        self.meta.put(&format!("{HOOKS}{}", hook.id), &hook.stored())?;
        let hook = Arc::new(hook);
        snapshot.hooks.insert(hook.id, Arc::clone(&hook));
        Ok(hook)
    }

    fn change<T>(&self, change: impl FnOnce(&mut Snapshot) -> Result<T, RegistryError>) -> Result<T, RegistryError> {
        let _one_at_a_time = self.changing.lock().expect("changes do not panic");
        let mut next = Snapshot::clone(&self.snapshot.borrow());
        let made = change(&mut next)?;
        self.snapshot.send_replace(Arc::new(next));
        Ok(made)
    }
}

fn find(snapshot: &Snapshot, device: &str) -> Result<Arc<Device>, RegistryError> {
    snapshot.device(device).cloned().ok_or_else(|| RegistryError::NoDevice { wanted: device.to_owned() })
}

#[cfg(test)]
mod tests;
