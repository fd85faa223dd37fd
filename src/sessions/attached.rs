//! A session while it has a connection: what the connection may ask of it.

use std::collections::HashSet;
use std::sync::Arc;

use tokio::sync::Notify;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::clock;
use crate::model::UserId;
use crate::sessions::Due;
use crate::sessions::Expiry;
use crate::sessions::Kept;
use crate::sessions::Sessions;
use crate::sessions::Subscription;
use crate::sessions::TooManyFilters;
use crate::sessions::outbox::Outbox;
use crate::sessions::subscribe;
use crate::sessions::table::Entry;
use crate::sessions::unsubscribe;
use crate::store::Changes;
use crate::store::QueueError;
use crate::store::StoredMessage;
use crate::store::WriteError;
use crate::store::Written;

/// Bytes of messages that are read at once for a connection.
const READ_BYTES: usize = 32 * 1_024;

/// A message to send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outgoing {
    /// Which one.
    pub due: Due,
    /// What it says.
    pub message: StoredMessage,
}

/// Messages that are being read.
pub type Reading = JoinHandle<Result<Vec<Outgoing>, QueueError>>;

/// A session while it has a connection. It is left when this is dropped.
#[derive(Debug)]
pub struct Attached {
    pub(super) sessions: Sessions,
    pub(super) fingerprint: u64,
    pub(super) wake: Arc<Notify>,
    pub(super) is_present: bool,
}

impl Attached {
    /// Whether the session was there before this connection.
    pub fn is_present(&self) -> bool {
        self.is_present
    }

    /// What it subscribed to so far.
    pub fn subscriptions(&self) -> Vec<Subscription> {
        self.with(|entry| entry.subscriptions().clone()).unwrap_or_default()
    }

    /// Subscribes, or replaces the subscription with the same filter: whether it is a new one. [`Self::record`] makes it
    /// durable.
    ///
    /// # Errors
    /// There are `max` already.
    pub fn subscribe(&self, wanted: Subscription, max: usize) -> Result<bool, TooManyFilters> {
        self.with(|entry| subscribe(entry.subscriptions(), wanted, max)).unwrap_or(Err(TooManyFilters))
    }

    /// Unsubscribes: whether the filter was held. [`Self::record`] makes it durable.
    pub fn unsubscribe(&self, filter: &str) -> bool {
        self.with(|entry| unsubscribe(entry.subscriptions(), filter)).unwrap_or_default()
    }

    /// Writes what was subscribed. The answer comes when it is on the disk.
    pub fn record(&self) -> Written {
        self.sessions.writer.write(self.subscribed())
    }

    /// The same, with messages that shall wait for it: those of QoS 1 and 2 that are retained. They are sent once they are
    /// on the disk. Those for which there is no room without dropping others come back.
    pub fn record_with(&self, retained: Vec<StoredMessage>) -> (Written, Vec<StoredMessage>) {
        if retained.is_empty() {
            return (self.record(), Vec::new());
        }
        let mut changes = self.subscribed();
        let (held, rest) = self.sessions.table().keep_for(self.fingerprint, retained, &mut changes);
        let (sessions, kept) = (self.sessions.clone(), Kept(held));
        let written = sessions.writer.write(changes);
        let (done, answer) = oneshot::channel();
        tokio::spawn(async move {
            let result = written.await.unwrap_or(Err(WriteError::Closed));
            let is_durable = result.is_ok();
            // A connection that is gone finds them the next time.
            let _ = done.send(result);
            if is_durable {
                sessions.stored(&kept);
                sessions.tell(&kept);
            } else {
                sessions.discard(&kept);
            }
        });
        (answer, rest)
    }

    /// From now on it lives so long without a connection.
    pub fn set_expiry(&self, expiry: Expiry) {
        self.with(|entry| entry.set_expiry(expiry));
        drop(self.record());
    }

    /// What its client published with QoS 2 and did not release over earlier connections: packet identifiers.
    pub fn received(&self) -> HashSet<u16> {
        self.with(|entry| entry.received().clone()).unwrap_or_default()
    }

    /// Its client was told that a publish of QoS 2 was received. That is on the disk with the event.
    pub fn hold(&self, packet_id: u16) {
        self.with(|entry| entry.received().insert(packet_id));
    }

    /// Its client released one: PUBCOMP may be sent once the answer says that this is on the disk.
    pub fn release(&self, packet_id: u16) -> Written {
        self.with(|entry| entry.received().remove(&packet_id));
        let mut changes = Changes::new();
        changes.remove_received(self.fingerprint, packet_id);
        self.sessions.writer.write(changes)
    }

    /// The packet identifiers for which PUBREL is to be sent again.
    pub fn released(&self) -> Vec<u16> {
        self.with(|entry| entry.released()).unwrap_or_default()
    }

    /// Waits until something may be there to [`Self::take`]. Cancel safe.
    pub async fn woken(&self) {
        self.wake.notified().await;
    }

    /// Begins to read what may be sent now, so that no more than `window` messages are unfinished. None if nothing may.
    /// `owner` is whose events the session hears; what was kept for another owner goes. If the disk refuses, the
    /// connection has to end: with the next one they are sent.
    pub fn take(&self, window: usize, owner: UserId) -> Option<Reading> {
        let send = |outbox: &mut Outbox| Some(outbox.send(window, READ_BYTES));
        let due = self.sessions.table().change(self.fingerprint, send)?;
        if due.is_empty() {
            return None;
        }
        let (sessions, fingerprint) = (self.sessions.clone(), self.fingerprint);
        Some(tokio::task::spawn_blocking(move || {
            due.into_iter().filter_map(|due| sessions.read(fingerprint, due, owner).transpose()).collect()
        }))
    }

    /// A PUBACK came.
    pub fn acknowledged(&self, packet_id: u16) {
        self.sessions.finish(self.fingerprint, |outbox| outbox.acknowledged(packet_id));
    }

    /// A PUBREC came that refuses the message.
    pub fn refused(&self, packet_id: u16) {
        self.sessions.finish(self.fingerprint, |outbox| outbox.refused(packet_id));
    }

    /// A PUBREC came: PUBREL may be sent once the answer says that this is on the disk. None if no message is known by
    /// that packet identifier.
    pub fn received_by_client(&self, packet_id: u16) -> Option<Written> {
        let gone = self.sessions.table().change(self.fingerprint, |outbox| outbox.received(packet_id))?;
        let mut changes = Changes::new();
        changes.release_message(self.fingerprint, gone.seq, gone.pieces);
        Some(self.sessions.writer.write(changes))
    }

    /// A PUBCOMP came.
    pub fn completed(&self, packet_id: u16) {
        self.sessions.finish(self.fingerprint, |outbox| outbox.completed(packet_id));
    }

    /// A message cannot be sent to this client at all.
    pub fn give_up(&self, seq: u64) {
        self.sessions.finish(self.fingerprint, |outbox| outbox.discard(seq));
    }

    fn subscribed(&self) -> Changes {
        let mut changes = Changes::new();
        if let Some(stored) = self.with(|entry| entry.stored()) {
            changes.put_session(self.fingerprint, &stored);
        }
        changes
    }

    fn with<T>(&self, look: impl FnOnce(&mut Entry) -> T) -> Option<T> {
        self.sessions.table().session(self.fingerprint).map(look)
    }
}

impl Drop for Attached {
    fn drop(&mut self) {
        let mut changes = Changes::new();
        self.sessions.table().detach(self.fingerprint, clock::now().mono_ms, &mut changes);
        self.sessions.ride_along(changes);
    }
}
