//! One immutable state of the registry, and the questions that every login and every event asks it.

use std::collections::BTreeMap;
use std::collections::HashMap;
use std::sync::Arc;

use crate::model::Device;
use crate::model::DeviceId;
use crate::model::Event;
use crate::model::Hearer;
use crate::model::HookId;
use crate::model::KeyHash;
use crate::model::ProductId;
use crate::model::Secrets;
use crate::model::Sensor;
use crate::model::UserId;
use crate::model::WallTime;
use crate::registry::Hook;
use crate::registry::OauthClient;
use crate::registry::Product;
use crate::registry::Token;
use crate::registry::User;

/// Everything that is registered, at one moment.
#[derive(Debug, Clone, Default)]
pub struct Snapshot {
    /// The user to whom the gateway belongs, or will once somebody claims it; none before that is drawn.
    pub owner: Option<UserId>,
    /// What people call the gateway, if they gave it a name.
    pub gateway: Option<Arc<str>>,
    /// By id.
    pub users: BTreeMap<UserId, Arc<User>>,
    /// By id.
    pub devices: HashMap<DeviceId, Arc<Device>>,
    /// Devices that their owners removed: they cannot log in, and whoever claims one gets it with its key.
    pub released: HashMap<DeviceId, Arc<Device>>,
    /// Access tokens of users, by the hash of the token.
    pub tokens: HashMap<KeyHash, Token>,
    /// Programs that may ask for tokens, by their ids.
    pub clients: BTreeMap<String, Arc<OauthClient>>,
    /// By id.
    pub products: BTreeMap<ProductId, Arc<Product>>,
    /// The number that was given last; none is given twice.
    pub last_product: Option<ProductId>,
    /// By id.
    pub hooks: BTreeMap<HookId, Arc<Hook>>,
    /// Each user's secrets.
    pub secrets: HashMap<UserId, Arc<Secrets>>,
}

/// Who somebody proved to be.
#[derive(Debug, Clone)]
pub enum Identity {
    /// A device, by its key, as it was registered at the login.
    Device(Arc<Device>),
    /// A user, by an access token: may listen to all that is the user's and publish as `api`.
    Observer(Token),
}

/// Why what somebody shows is no proof.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoProof {
    /// It is nobody's.
    #[error("it is nobody's token or key")]
    Unknown,
    /// It is a token that held once.
    #[error("the token has expired")]
    Expired,
}

impl Snapshot {
    /// Characters of the gateway's name. Ours.
    pub const GATEWAY_CHARS: usize = 64;

    /// What people call the gateway.
    pub fn gateway_name(&self) -> &str {
        self.gateway.as_deref().unwrap_or("farhook")
    }

    /// Checks a login: a device's name or id with its key, or any name with a user's token.
    pub fn login(&self, name: &str, secret: &str, now: WallTime) -> Option<Identity> {
        match self.bearer(secret, now).ok()? {
            // Names are unique only among the devices of one user, keys everywhere.
            Identity::Device(device) => {
                let is_called = name.parse() == Ok(device.id) || device.name.is_same(name);
                is_called.then_some(Identity::Device(device))
            }
            observer @ Identity::Observer(_) => Some(observer),
        }
    }

    /// Who shows this and nothing else: a user's token, or a device's key.
    ///
    /// # Errors
    /// When it is nobody's, or is not any more.
    pub fn bearer(&self, secret: &str, now: WallTime) -> Result<Identity, NoProof> {
        let presented = KeyHash::of(secret);
        match self.tokens.get(&presented) {
            Some(token) if token.is_expired(now) => Err(NoProof::Expired),
            Some(token) => Ok(Identity::Observer(token.clone())),
            None => {
                let device = self.devices.values().find(|device| device.key_hash == presented);
                device.map(|device| Identity::Device(Arc::clone(device))).ok_or(NoProof::Unknown)
            }
        }
    }

    /// Whether who logged in before would still be let in: the device exists with the same key and owner, or the token
    /// exists, is the same user's and has not expired.
    pub fn still_admits(&self, identity: &Identity, now: WallTime) -> bool {
        match identity {
            Identity::Device(device) => {
                let is_same = |now: &Arc<Device>| now.key_hash == device.key_hash && now.owner == device.owner;
                self.devices.get(&device.id).is_some_and(is_same)
            }
            Identity::Observer(token) => {
                let is_same = |found: &Token| found.user == token.user && !found.is_expired(now);
                self.tokens.get(&token.hash).is_some_and(is_same)
            }
        }
    }

    /// Whether somebody claimed the gateway.
    pub fn is_claimed(&self) -> bool {
        self.owner.is_some_and(|owner| self.users.contains_key(&owner))
    }

    /// The user with that name.
    pub fn user(&self, name: &str) -> Option<&Arc<User>> {
        self.users.values().find(|user| user.name.is_same(name))
    }

    /// The user's device with that id or name.
    pub fn device_of(&self, user: UserId, id_or_name: &str) -> Option<&Arc<Device>> {
        let device = match id_or_name.parse::<DeviceId>() {
            Ok(id) => self.devices.get(&id),
            Err(_) => self.devices_of(user).find(|device| device.name.is_same(id_or_name)),
        };
        device.filter(|device| device.owner == user)
    }

    /// The devices of one user, in no order.
    pub fn devices_of(&self, user: UserId) -> impl Iterator<Item = &Arc<Device>> {
        self.devices.values().filter(move |device| device.owner == user)
    }

    /// The devices of all users that are sensors, in no order.
    pub fn sensors(&self) -> impl Iterator<Item = (&Arc<Device>, &Sensor)> {
        self.devices.values().filter_map(|device| Some((device, device.sensor.as_ref()?)))
    }

    /// The tokens of one user that hold at `now`, in the order in which they were made.
    pub fn tokens_of(&self, user: UserId, now: WallTime) -> Vec<&Token> {
        let mut tokens: Vec<_> =
            self.tokens.values().filter(|token| token.user == user && !token.is_expired(now)).collect();
        tokens.sort_by_key(|token| (token.created_at, token.id()));
        tokens
    }

    /// The products of one user, in the order of their numbers.
    pub fn products_of(&self, user: UserId) -> impl Iterator<Item = &Arc<Product>> {
        self.products.values().filter(move |product| product.owner == user)
    }

    /// The user's product with that number or slug.
    pub fn product_of(&self, user: UserId, id_or_slug: &str) -> Option<&Arc<Product>> {
        self.products_of(user).find(|product| product.is_called(id_or_slug))
    }

    /// The hooks of one user, those of products among them, in the order of their ids.
    pub fn hooks_of(&self, user: UserId) -> impl Iterator<Item = &Arc<Hook>> {
        self.hooks.values().filter(move |hook| hook.owner == user)
    }

    /// The hooks of one user's own, or of one of their products.
    pub fn hooks_in(&self, user: UserId, product: Option<ProductId>) -> impl Iterator<Item = &Arc<Hook>> {
        self.hooks_of(user).filter(move |hook| hook.product == product)
    }

    /// The hooks that may be triggered by an event: those of its owner, and of its product only.
    pub fn hooks_for(&self, event: &Event) -> impl Iterator<Item = &Arc<Hook>> {
        let product = event.product.map(|product| product.id);
        self.hooks_of(event.owner).filter(move |hook| hook.product.is_none() || hook.product == product)
    }

    /// What a user's hooks may use in their templates.
    pub fn secrets_of(&self, user: UserId) -> Arc<Secrets> {
        self.secrets.get(&user).cloned().unwrap_or_default()
    }

    /// Whether the user has at least one device: without one nothing triggers a hook.
    pub fn has_device(&self, user: UserId) -> bool {
        self.devices_of(user).next().is_some()
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

    /// Who listens for them.
    pub fn hearer(&self) -> Hearer {
        match self {
            Self::Device(device) => Hearer::Device { id: device.id, reads_all_results: device.reads_all_results },
            Self::Observer(_) => Hearer::Observer,
        }
    }
}
