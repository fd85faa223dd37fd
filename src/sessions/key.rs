//! Which session: whose, and under which client id.

use std::fmt;

use sha2::Digest;
use sha2::Sha256;

use crate::model::DeviceId;
use crate::model::Hearer;
use crate::model::UserId;
use crate::model::reply;
use crate::registry::Identity;
use crate::registry::Snapshot;

/// Whose session and under which client id: the same client id of another device is another session.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct SessionKey {
    /// Who logged in.
    pub holder: Holder,
    /// The client id that they brought, or that was made for them.
    pub client_id: String,
}

/// Who logged in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Holder {
    /// A device, by its key.
    Device(DeviceId),
    /// A user, by a token.
    User(UserId),
}

impl Holder {
    /// The device's or the user's id, as text.
    pub fn id(self) -> String {
        match self {
            Self::Device(id) => id.to_string(),
            Self::User(id) => id.to_string(),
        }
    }

    /// What they are called, in a sentence.
    pub fn name(self, registry: &Snapshot) -> String {
        let known = match self {
            Self::Device(id) => registry.devices.get(&id).map(|device| format!("the device {}", device.name)),
            Self::User(id) => registry.users.get(&id).map(|user| format!("the user {}", user.name)),
        };
        known.unwrap_or_else(|| self.id())
    }

    /// Whose events they hear, and as who; none if they are not registered any more.
    pub fn hearer(self, registry: &Snapshot) -> Option<(UserId, Hearer)> {
        match self {
            Self::Device(id) => {
                let device = registry.devices.get(&id)?;
                Some((device.owner, Hearer::Device { id, reads_all_results: device.reads_all_results }))
            }
            Self::User(id) => {
                // Until the gateway is claimed, its owner is no user that anybody could log in as.
                let is_there = registry.owner == Some(id) || registry.users.contains_key(&id);
                is_there.then_some((id, Hearer::Observer))
            }
        }
    }
}

impl SessionKey {
    /// The session of who logged in.
    pub fn new(identity: &Identity, client_id: String) -> Self {
        let holder = match identity {
            Identity::Device(device) => Holder::Device(device.id),
            Identity::Observer(token) => Holder::User(token.user),
        };
        Self { holder, client_id }
    }

    /// What the topics begin with on which its holder gets answers; see [`reply`].
    pub fn reply_prefix(&self) -> String {
        reply::prefix(self.holder.id())
    }

    /// The same number for the same session over every restart: names its rows, and recognises resends.
    pub fn fingerprint(&self) -> u64 {
        let (tag, id) = match &self.holder {
            Holder::Device(id) => (b'd', id.as_bytes()),
            Holder::User(id) => (b'u', id.as_bytes()),
        };
        let digest = Sha256::new().chain_update([tag]).chain_update(id).chain_update(&self.client_id).finalize();
        u64::from_be_bytes(digest[..8].try_into().expect("a digest has 32 bytes"))
    }
}

impl fmt::Display for SessionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.holder {
            Holder::Device(id) => write!(f, "device {id} as {:?}", self.client_id),
            Holder::User(id) => write!(f, "user {id} as {:?}", self.client_id),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fingerprint_stays_what_it_is() {
        let key = |holder, client_id: &str| SessionKey { holder, client_id: client_id.to_owned() }.fingerprint();
        let (device, user) = (Holder::Device(DeviceId::from_bytes([1; 12])), Holder::User(UserId::from_bytes([1; 12])));
        assert_eq!(key(device, "x"), 7_545_652_379_001_287_872);
        assert_ne!(key(device, "x"), key(user, "x"));
        assert_ne!(key(device, "x"), key(device, "y"));
    }

    #[test]
    fn the_owner_of_a_gateway_that_nobody_claimed_hears_its_events() {
        let owner = UserId::from_bytes([1; 12]);
        let unclaimed = Snapshot { owner: Some(owner), ..Snapshot::default() };
        assert_eq!(Holder::User(owner).hearer(&unclaimed), Some((owner, Hearer::Observer)));
        assert_eq!(Holder::User(UserId::from_bytes([2; 12])).hearer(&unclaimed), None);
    }
}
