//! MQTT sessions that outlive their connection: what they subscribed to, and what waits for them.
//!
//! ```text
//!  an event is accepted, a result is concluded
//!     │ keep: for each session that wants it, a message in the same batch, on the disk with it
//!     v
//!  held ── stored, tell ──> wakes the connection, if there is one ── take ──> sent ── PUBACK ──> removed
//! ```
//! So nothing that was acknowledged to its publisher, and no result, is lost to a subscriber that sleeps, or to a power
//! cut. What is sent with QoS 0, and what the gateway asks of a device for now, is not kept.
//!
//! A session ends when its client says so, when it was away for too long, or when its device or user is gone. Time away
//! is counted anew from each start of the gateway. Everything is bounded by [`Bounds`]; when an outbox is full its
//! oldest message goes, which is counted, logged, and a notice once for each time that the session is away.
//!
//! [`filter`](TopicFilter) and [`subscription`](hear) are also the rules for sessions that do not outlive their
//! connection. Nothing here knows MQTT's packets.

mod attached;
mod expiry;
mod filter;
mod key;
mod outbox;
mod subscription;
mod table;

use std::sync::Arc;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::time::Duration;

pub use attached::Attached;
pub use attached::Outgoing;
pub use attached::Reading;
pub use expiry::Expiry;
pub use filter::FilterRefusal;
pub use filter::TopicFilter;
pub use key::Holder;
pub use key::SessionKey;
use log::error;
use log::warn;
pub use outbox::Due;
pub use subscription::Heard;
pub use subscription::Subscription;
pub use subscription::TooManyFilters;
pub use subscription::hear;
pub use subscription::subscribe;
pub use subscription::unsubscribe;
pub use table::TooManySessions;

use crate::model::Event;
use crate::model::UserId;
use crate::notices::Kind;
use crate::notices::Notices;
use crate::registry::Snapshot;
use crate::sessions::outbox::Gone;
use crate::sessions::outbox::Outbox;
use crate::sessions::table::Held;
use crate::sessions::table::Opened;
use crate::sessions::table::Table;
use crate::store::Changes;
use crate::store::Queue;
use crate::store::QueueError;
use crate::store::QueueWriter;
use crate::store::WriteError;

/// How much there may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// Sessions in all.
    pub sessions: usize,
    /// Sessions of one device or user; for one more, the one that is away for longest ends.
    pub sessions_per_holder: usize,
    /// Messages that wait for one session, or are under way to it; for one more, the oldest that waits goes.
    pub messages: usize,
    /// The same in bytes of topics and data.
    pub bytes: usize,
    /// The same for all sessions together.
    pub all_bytes: usize,
    /// How long a session may be without a connection.
    pub longest_away: Duration,
}

impl Default for Bounds {
    fn default() -> Self {
        Self {
            sessions: 1_000,
            sessions_per_holder: 8,
            messages: 1_000,
            bytes: 1 << 20,
            all_bytes: 16 << 20,
            longest_away: Duration::from_secs(7 * 24 * 3_600),
        }
    }
}

/// How a session is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionReport {
    /// Which one.
    pub key: SessionKey,
    /// Seconds since it has no connection; none while it has one.
    pub away_s: Option<u64>,
    /// What it subscribed to.
    pub filters: Vec<String>,
    /// Messages that wait or are under way.
    pub waiting: usize,
    /// Their bytes.
    pub waiting_bytes: usize,
    /// Messages that had to go since the start, to make room.
    pub dropped: u64,
}

/// All sessions that outlive their connection. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Sessions {
    table: Arc<Mutex<Table>>,
    queue: Queue,
    writer: QueueWriter,
    /// Where it is posted that messages had to go; nowhere without.
    notices: Option<Notices>,
}

/// Messages in a batch that is on its way to the disk. They are held until they are [stored](Sessions::stored) and
/// [told](Sessions::tell), or [discarded](Sessions::discard).
#[derive(Debug, Default, Clone, PartialEq, Eq)]
#[must_use]
pub struct Kept(Vec<Held>);

impl Kept {
    /// Whether any session wants the event.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// All messages of these, which are in the same batch.
    pub fn of<'a>(all: impl Iterator<Item = &'a Self>) -> Self {
        Self(all.flat_map(|kept| &kept.0).copied().collect())
    }

    /// Adds the messages of `other`, which are in the same batch.
    pub fn append(&mut self, other: Self) {
        self.0.extend(other.0);
    }
}

impl Sessions {
    /// What was stored. The time away of every session begins at `now_ms`.
    ///
    /// # Errors
    /// When the disk is bad.
    pub fn restore(queue: &Queue, writer: &QueueWriter, bounds: Bounds, now_ms: u64) -> Result<Self, QueueError> {
        let table = Table::restore(queue.sessions()?, queue.message_rows()?, queue.received()?, bounds, now_ms);
        Ok(Self { table: Arc::new(Mutex::new(table)), queue: queue.clone(), writer: writer.clone(), notices: None })
    }

    /// That messages had to go is posted there.
    #[must_use]
    pub fn posting(self, notices: Notices) -> Self {
        Self { notices: Some(notices), ..self }
    }

    /// Puts a message for each session that wants the event into the batch in which the event becomes durable.
    pub fn keep(&self, event: &Event, registry: &Snapshot, changes: &mut Changes) -> Kept {
        let mut overfull = Vec::new();
        let held = self.table().keep(event, registry, changes, &mut overfull);
        for SessionKey { holder, client_id } in overfull {
            let name = holder.name(registry);
            let text = format!("too much waits for {name} with the client id {client_id:?}: its oldest messages go");
            warn!("{text}");
            if let Some(notices) = &self.notices {
                changes.append(notices.post(Kind::MessagesDropped, None, &text, event.published_at));
            }
        }
        Kept(held)
    }

    /// The batch is on the disk.
    pub fn stored(&self, kept: &Kept) {
        if !kept.is_empty() {
            self.table().stored(&kept.0);
        }
    }

    /// It is time: who has a connection gets its messages, once they are on the disk.
    pub fn tell(&self, kept: &Kept) {
        if !kept.is_empty() {
            self.table().tell(&kept.0);
        }
    }

    /// The batch was refused.
    pub fn discard(&self, kept: &Kept) {
        if !kept.is_empty() {
            self.table().discard(&kept.0);
        }
    }

    /// Gives a session its connection, and waits until what that changes is on the disk. `clean` forgets what was.
    /// None if the session is not to outlive its connection.
    ///
    /// # Errors
    /// When there are too many sessions, or the disk refuses.
    pub async fn attach(&self, key: &SessionKey, clean: bool, expiry: Expiry) -> Result<Option<Attached>, AttachError> {
        let mut changes = Changes::new();
        let opened = self.table().attach(key, clean, expiry, &mut changes)?;
        // From here on the session is left again whatever becomes of this.
        let attached = opened.map(|Opened { is_present, wake }| Attached {
            sessions: self.clone(),
            fingerprint: key.fingerprint(),
            wake,
            is_present,
        });
        if !changes.is_empty() {
            self.writer.write(changes).await.unwrap_or(Err(WriteError::Closed))?;
        }
        Ok(attached)
    }

    /// Ends the sessions whose time is over. To be called every few seconds.
    pub fn expire(&self, registry: &Snapshot, now_ms: u64) -> Vec<SessionKey> {
        let mut changes = Changes::new();
        let over = self.table().expire(registry, now_ms, &mut changes);
        self.ride_along(changes);
        over
    }

    /// How long a session lives without a connection; none if there is no such session.
    pub fn expiry_of(&self, key: &SessionKey) -> Option<Expiry> {
        self.table().session(key.fingerprint()).map(|entry| entry.expiry())
    }

    /// Ends a session that has no connection: whether there was one.
    pub fn end(&self, key: &SessionKey) -> bool {
        let mut changes = Changes::new();
        let was_there = self.table().end(key.fingerprint(), &mut changes);
        self.ride_along(changes);
        was_there
    }

    /// How every session is, by holder and client id.
    pub fn reports(&self, now_ms: u64) -> Vec<SessionReport> {
        self.table().reports(now_ms)
    }

    /// Messages that had to go since the start, to make room.
    pub fn dropped(&self) -> u64 {
        self.table().dropped()
    }

    /// A message that shall be sent. None if it never can be: then it goes.
    fn read(&self, fingerprint: u64, due: Due, owner: UserId) -> Result<Option<Outgoing>, QueueError> {
        match self.queue.message(fingerprint, due.seq) {
            Ok(Some(message)) if message.owner == owner => return Ok(Some(Outgoing { due, message })),
            Ok(_) => {}
            Err(cause @ QueueError::Read(_)) => return Err(cause),
            Err(cause) => error!("a message for a lasting MQTT session is lost: {cause}"),
        }
        self.finish(fingerprint, |outbox| outbox.discard(due.seq));
        Ok(None)
    }

    /// Does with an outbox what may finish one of its messages, and removes that from the disk.
    fn finish(&self, fingerprint: u64, finish: impl FnOnce(&mut Outbox) -> Option<Gone>) {
        let gone = self.table().change(fingerprint, finish);
        if let Some(Gone { seq, pieces }) = gone {
            let mut changes = Changes::new();
            changes.remove_message(fingerprint, seq, pieces);
            self.ride_along(changes);
        }
    }

    fn ride_along(&self, changes: Changes) {
        if !changes.is_empty() {
            self.writer.ride_along(changes);
        }
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock().expect("a table does not panic")
    }
}

/// Why a session got no connection.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AttachError {
    /// There are as many as there may be.
    #[error(transparent)]
    TooMany(#[from] TooManySessions),
    /// What it changes could not be stored.
    #[error(transparent)]
    Disk(#[from] WriteError),
}
