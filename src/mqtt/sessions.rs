//! Which sessions are live, and who may have one more. A session that is claimed a second time is taken over: its
//! holder is asked to go, and the claim waits until it is gone.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::PoisonError;

use sha2::Digest;
use sha2::Sha256;
use tokio::sync::watch;

use crate::bus::Publisher;
use crate::model::DeviceId;
use crate::model::UserId;
use crate::registry::Identity;

/// Whose session and under which client id: the same client id of another device is another session.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct SessionKey {
    holder: Holder,
    client_id: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Holder {
    Device(DeviceId),
    User(UserId),
}

impl SessionKey {
    pub(super) fn new(identity: &Identity, client_id: String) -> Self {
        let holder = match identity {
            Identity::Device(device) => Holder::Device(device.id),
            Identity::Observer(token) => Holder::User(token.user),
        };
        Self { holder, client_id }
    }

    /// Who publishes in this session.
    pub(super) fn publisher(&self) -> Publisher {
        match self.holder {
            Holder::Device(id) => Publisher::Device(id),
            Holder::User(id) => Publisher::user(id),
        }
    }

    /// The same number for the same session over every restart, to recognise resends.
    pub(super) fn fingerprint(&self) -> u64 {
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

/// All sessions may be in use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("there are as many sessions as there may be")]
pub(super) struct NoSeat;

/// The table of live sessions.
#[derive(Debug)]
pub(super) struct Sessions {
    live: Mutex<HashMap<SessionKey, Live>>,
    max: usize,
}

#[derive(Debug)]
struct Live {
    /// Set when the session is claimed by another connection.
    claimed: watch::Sender<bool>,
    /// Closes when the session is gone.
    gone: watch::Receiver<()>,
}

/// A session in use. It is free again when this is dropped.
#[derive(Debug)]
pub(super) struct Seat {
    key: SessionKey,
    claimed: watch::Receiver<bool>,
    sessions: Arc<Sessions>,
    _gone: watch::Sender<()>,
}

impl Sessions {
    pub(super) fn new(max: usize) -> Arc<Self> {
        Arc::new(Self { live: Mutex::default(), max })
    }

    /// Takes the session, from its holder if it has one.
    pub(super) async fn claim(self: &Arc<Self>, key: &SessionKey) -> Result<Seat, NoSeat> {
        loop {
            let mut gone = {
                let mut live = self.live();
                match live.get(key) {
                    Some(holder) => {
                        holder.claimed.send_replace(true);
                        holder.gone.clone()
                    }
                    None if live.len() >= self.max => return Err(NoSeat),
                    None => return Ok(self.seat(&mut live, key)),
                }
            };
            // Nothing is ever sent: this ends with an error when the holder is gone.
            while gone.changed().await.is_ok() {}
        }
    }

    fn seat(self: &Arc<Self>, live: &mut HashMap<SessionKey, Live>, key: &SessionKey) -> Seat {
        let (claimed, claims) = watch::channel(false);
        let (going, gone) = watch::channel(());
        live.insert(key.clone(), Live { claimed, gone });
        Seat { key: key.clone(), claimed: claims, sessions: Arc::clone(self), _gone: going }
    }

    fn live(&self) -> MutexGuard<'_, HashMap<SessionKey, Live>> {
        self.live.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Seat {
    /// Which session it is.
    pub(super) fn key(&self) -> &SessionKey {
        &self.key
    }

    /// Waits until another connection claims the session. Cancel safe.
    pub(super) async fn claimed(&mut self) {
        // The sender is dropped only after this seat.
        if self.claimed.wait_for(|claimed| *claimed).await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.sessions.live().remove(&self.key);
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;
    use crate::model::KeyHash;
    use crate::registry::Token;

    fn key(user: u8, client_id: &str) -> SessionKey {
        let token = Token::lasting(
            UserId::from_bytes([user; 12]),
            KeyHash::of("token"),
            crate::model::WallTime::from_millis(0),
        );
        SessionKey::new(&Identity::Observer(token), client_id.to_owned())
    }

    #[tokio::test]
    async fn a_claim_waits_until_the_holder_is_gone() {
        let sessions = Sessions::new(1);
        let key = key(1, "x");
        let mut holder = sessions.claim(&key).await.unwrap();
        assert!(holder.claimed().now_or_never().is_none());
        let mut claim = Box::pin(sessions.claim(&key));
        assert!((&mut claim).now_or_never().is_none());
        holder.claimed().await;
        assert!((&mut claim).now_or_never().is_none());
        drop(holder);
        let mut taken = claim.await.unwrap();
        assert!(taken.claimed().now_or_never().is_none());
    }

    #[tokio::test]
    async fn the_same_client_id_of_somebody_else_is_another_session() {
        let sessions = Sessions::new(2);
        let mut one = sessions.claim(&key(1, "x")).await.unwrap();
        let _two = sessions.claim(&key(2, "x")).await.unwrap();
        assert!(one.claimed().now_or_never().is_none());
        assert_eq!(sessions.claim(&key(1, "y")).await.unwrap_err(), NoSeat);
        drop(one);
        assert!(sessions.claim(&key(1, "y")).await.is_ok());
    }

    #[test]
    fn a_fingerprint_stays_what_it_is() {
        assert_eq!(key(1, "x").fingerprint(), key(1, "x").fingerprint());
        assert_ne!(key(1, "x").fingerprint(), key(2, "x").fingerprint());
        assert_ne!(key(1, "x").fingerprint(), key(1, "y").fingerprint());
    }
}
