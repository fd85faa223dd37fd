//! One immutable state of the registry, and the question that every login asks it.

use std::collections::BTreeMap;
use std::collections::HashMap;
use std::sync::Arc;

use serde::Deserialize;
use serde::Serialize;

use crate::model::Device;
use crate::model::DeviceId;
use crate::model::HookId;
use crate::model::KeyHash;
use crate::model::UserId;
use crate::model::WallTime;
use crate::registry::Hook;

/// Everything that is registered, at one moment.
#[derive(Debug, Clone, Default)]
pub struct Snapshot {
    /// By id.
    pub devices: HashMap<DeviceId, Arc<Device>>,
    /// Access tokens of users, by the hash of the token.
    pub tokens: HashMap<KeyHash, Token>,
    /// By id.
    pub hooks: BTreeMap<HookId, Arc<Hook>>,
}

/// A user's access token; the token itself is known only to who was shown it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Token {
    /// Whose it is.
    pub user: UserId,
    /// Its hash.
    pub hash: KeyHash,
    /// When it was made.
    pub created_at: WallTime,
}

/// Who somebody proved to be.
#[derive(Debug, Clone)]
pub enum Identity {
    /// A device, by its key, as it was registered at the login.
    Device(Arc<Device>),
    /// A user, by an access token: may listen to all that is the user's and publish as `api`.
    Observer(Token),
}

impl Snapshot {
    /// Checks a login: a device's name or id with its key, or any name with a user's token.
    pub fn login(&self, name: &str, secret: &str) -> Option<Identity> {
        let presented = KeyHash::of(secret);
        if let Some(token) = self.tokens.get(&presented) {
            return Some(Identity::Observer(token.clone()));
        }
        let device = self.device(name)?;
        device.key_hash.admits(secret).then(|| Identity::Device(Arc::clone(device)))
    }

    /// Who shows this and nothing else: a user's token, or a device's key.
    pub fn bearer(&self, secret: &str) -> Option<Identity> {
        let presented = KeyHash::of(secret);
        let device = || self.devices.values().find(|device| device.key_hash == presented).map(Arc::clone);
        let token = self.tokens.get(&presented).cloned().map(Identity::Observer);
        token.or_else(|| device().map(Identity::Device))
    }

    /// Whether who logged in before would still be let in: the device or token exists and its key is the same.
    pub fn still_admits(&self, identity: &Identity) -> bool {
        match identity {
            Identity::Device(device) => self.devices.get(&device.id).is_some_and(|now| now.key_hash == device.key_hash),
            Identity::Observer(token) => self.tokens.contains_key(&token.hash),
        }
    }

    /// The device with that id or name.
    pub fn device(&self, id_or_name: &str) -> Option<&Arc<Device>> {
        match id_or_name.parse::<DeviceId>() {
            Ok(id) => self.devices.get(&id),
            Err(_) => self.devices.values().find(|device| device.name.is_same(id_or_name)),
        }
    }

    /// The hooks of one user, in the order of their ids.
    pub fn hooks_of(&self, user: UserId) -> impl Iterator<Item = &Arc<Hook>> {
        self.hooks.values().filter(move |hook| hook.owner == user)
    }

    /// Whether the user has at least one device: without one nothing triggers a hook.
    pub fn has_device(&self, user: UserId) -> bool {
        self.devices.values().any(|device| device.owner == user)
    }
}

impl Identity {
    /// Whose things it may see.
    pub fn owner(&self) -> UserId {
        match self {
            Self::Device(device) => device.owner,
            Self::Observer(token) => token.user,
        }
    }
}

impl Token {
    /// Digits of a token's hash that name it.
    const ID_DIGITS: usize = 8;

    /// What names the token without giving it away: the first digits of its hash.
    pub fn id(&self) -> String {
        self.hash.to_string()[..Self::ID_DIGITS].to_owned()
    }
}
