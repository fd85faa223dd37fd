//! Which sessions are live, and who may have one more. A session that is claimed a second time is taken over: its
//! holder is asked to go, and the claim waits until it is gone.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::PoisonError;

use tokio::sync::watch;

use crate::sessions::SessionKey;

/// All sessions may be in use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("there are as many sessions as there may be")]
pub(super) struct NoSeat;

/// The table of live sessions.
#[derive(Debug)]
pub(super) struct Seats {
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
    seats: Arc<Seats>,
    _gone: watch::Sender<()>,
}

impl Seats {
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
        Seat { key: key.clone(), claimed: claims, seats: Arc::clone(self), _gone: going }
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
        self.seats.live().remove(&self.key);
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;
    use crate::model::UserId;
    use crate::sessions::Holder;

    fn key(user: u8, client_id: &str) -> SessionKey {
        SessionKey { holder: Holder::User(UserId::from_bytes([user; 12])), client_id: client_id.to_owned() }
    }

    #[tokio::test]
    async fn a_claim_waits_until_the_holder_is_gone() {
        let seats = Seats::new(1);
        let key = key(1, "x");
        let mut holder = seats.claim(&key).await.unwrap();
        assert!(holder.claimed().now_or_never().is_none());
        let mut claim = Box::pin(seats.claim(&key));
        assert!((&mut claim).now_or_never().is_none());
        holder.claimed().await;
        assert!((&mut claim).now_or_never().is_none());
        drop(holder);
        let mut taken = claim.await.unwrap();
        assert!(taken.claimed().now_or_never().is_none());
    }

    #[tokio::test]
    async fn the_same_client_id_of_somebody_else_is_another_session() {
        let seats = Seats::new(2);
        let mut one = seats.claim(&key(1, "x")).await.unwrap();
        let _two = seats.claim(&key(2, "x")).await.unwrap();
        assert!(one.claimed().now_or_never().is_none());
        assert_eq!(seats.claim(&key(1, "y")).await.unwrap_err(), NoSeat);
        drop(one);
        assert!(seats.claim(&key(1, "y")).await.is_ok());
    }
}
