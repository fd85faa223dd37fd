//! What is on its way: the rows of the queue database, their keys, and reading them back.
//!
//! ```text
//! d | hook (12) | seq (8, big-endian)              a delivery: its event, and what became of it so far
//! b | hook (12) | seq (8, big-endian) | part (1)   the rest of a long event's data
//! w | name                                         a limit's window: when its last takes were
//! s | hook (12)                                    a hook's health
//! ```
//! One delivery is one row, so storing and removing it is one operation. A value stays under 7 KB: sled writes larger
//! ones to files that it never syncs.

use std::fmt;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;

use serde::Deserialize;
use serde::Serialize;

use crate::model::Event;
use crate::model::EventId;
use crate::model::EventName;
use crate::model::HookId;
use crate::model::Source;
use crate::model::UserId;
use crate::model::WallTime;
use crate::model::split_at_most;
use crate::store::open::OpenError;
use crate::store::row;
use crate::store::row::RowError;
use crate::store::shelf::Shelf;

/// Bytes of an event's data in the delivery's own row and in each further part.
const PART_BYTES: usize = 4_000;

/// sled's page cache, in bytes.
const CACHE_BYTES: u64 = 2 << 20;

const NAME: &str = "queue";
const DELIVERY_VERSION: u8 = 1;
const PART_VERSION: u8 = 1;
const WINDOW_VERSION: u8 = 1;
const HEALTH_VERSION: u8 = 1;

/// Names one delivery: the hook and the place in the order of arrival.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct DeliveryKey {
    /// The hook that it is for.
    pub hook: HookId,
    /// Grows with each stored delivery, over all hooks.
    pub seq: u64,
}

/// One event on its way to one hook's target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredDelivery {
    /// What triggered the hook.
    pub event: Arc<Event>,
    /// Attempts that count towards the retry policy's schedule.
    pub attempts: u32,
    /// Not to be tried before this time.
    pub not_before: Option<WallTime>,
    /// How to recognise a resend of the event, also after a restart.
    pub mark: Option<StoredMark>,
    /// When the event was accepted, on a clock that is right even while the wall clock is not.
    pub arrived: Arrived,
}

/// A moment on the clock of one boot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Arrived {
    /// The boot.
    pub boot: [u8; 16],
    /// Milliseconds since that boot.
    pub mono_ms: u64,
}

/// What identifies an MQTT publication that was stored: its sender may send it again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct StoredMark {
    /// The session, hashed from the client id.
    pub session: u64,
    /// The packet identifier.
    pub packet_id: u16,
    /// A hash of name and data.
    pub content: u64,
}

/// A delivery as it is found at the start, without its event's data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Waiting {
    /// Which one.
    pub key: DeliveryKey,
    /// Who published the event.
    pub source: Source,
    /// Attempts that count towards the retry policy's schedule.
    pub attempts: u32,
    /// When the event was accepted.
    pub published_at: WallTime,
    /// How to recognise a resend.
    pub mark: Option<StoredMark>,
    /// Not to be tried before this time.
    pub not_before: Option<WallTime>,
    /// When the event was accepted.
    pub arrived: Arrived,
}

/// A limit's window as it was last recorded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredWindow {
    /// The boot in which the times were taken: they mean nothing in another one.
    pub boot: [u8; 16],
    /// Milliseconds since that boot, oldest first.
    pub taken_ms: Vec<u64>,
}

/// A hook's health as it was last recorded.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredHealth {
    /// Answers with an error since the last good one.
    pub errors_in_a_row: u32,
    /// Whether they were too many.
    pub disabled: bool,
}

/// Why the queue could not be read.
#[derive(Debug, thiserror::Error)]
pub enum QueueError {
    /// sled or the disk.
    #[error("the queue cannot be read: {0}")]
    Read(String),
    /// A row that this farhook cannot decode.
    #[error("the delivery {key} cannot be decoded")]
    Row {
        /// The row.
        key: DeliveryKey,
        /// Why.
        #[source]
        source: RowError,
    },
}

/// Reads the queue database. Writing is the writer's. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Queue {
    shelf: Arc<Shelf>,
}

impl Queue {
    /// Opens the queue in the data folder. The path is where a damaged one was put aside.
    ///
    /// # Errors
    /// When not even an empty one can be made.
    pub fn open(data: &Path) -> Result<(Self, Option<PathBuf>), OpenError> {
        let (shelf, set_aside) = Shelf::open(data, NAME, CACHE_BYTES)?;
        Ok((Self { shelf: Arc::new(shelf) }, set_aside))
    }

    /// One delivery with its event; none if it is not waiting any more.
    ///
    /// # Errors
    /// When the disk or the row is bad.
    pub fn read(&self, key: DeliveryKey) -> Result<Option<StoredDelivery>, QueueError> {
        self.with(|db| {
            let Some(found) = db.get(delivery_key(key)).map_err(unreadable)? else { return Ok(None) };
            let bad = |source| QueueError::Row { key, source };
            let mut row: DeliveryV1 = row::decode(DELIVERY_VERSION, &found).map_err(bad)?;
            for part in 0..row.data_parts {
                let bytes = db.get(part_key(key, part)).map_err(unreadable)?.unwrap_or_default();
                let text: String = row::decode(PART_VERSION, &bytes).map_err(bad)?;
                row.data.push_str(&text);
            }
            Ok(Some(row.into()))
        })
    }

    /// Every waiting delivery, hook by hook, each hook's in the order of arrival. A row that cannot be read is
    /// handed to `damaged` and left where it is. For the start: it reads every row once.
    ///
    /// # Errors
    /// When the disk is bad.
    pub fn each_waiting(
        &self,
        mut each: impl FnMut(Waiting),
        mut damaged: impl FnMut(QueueError),
    ) -> Result<(), QueueError> {
        self.with(|db| {
            for entry in db.scan_prefix([DELIVERY]) {
                let (bytes, value) = entry.map_err(unreadable)?;
                let Some(id) = read_delivery_key(&bytes) else { continue };
                match row::decode::<DeliveryV1>(DELIVERY_VERSION, &value) {
                    Ok(row) => each(row.waiting(id)),
                    Err(source) => damaged(QueueError::Row { key: id, source }),
                }
            }
            Ok(())
        })
    }

    /// Every recorded window, by its name.
    ///
    /// # Errors
    /// When the disk is bad. Windows that cannot be decoded are left out.
    pub fn windows(&self) -> Result<Vec<(String, StoredWindow)>, QueueError> {
        self.rows(WINDOW, WINDOW_VERSION, |name| String::from_utf8(name.to_vec()).ok())
    }

    /// Every recorded health, by hook.
    ///
    /// # Errors
    /// When the disk is bad. Rows that cannot be decoded are left out.
    pub fn healths(&self) -> Result<Vec<(HookId, StoredHealth)>, QueueError> {
        self.rows(HEALTH, HEALTH_VERSION, |id| id.try_into().ok().map(HookId::from_bytes))
    }

    pub(super) fn shelf(&self) -> Arc<Shelf> {
        Arc::clone(&self.shelf)
    }

    fn rows<K, T: serde::de::DeserializeOwned>(
        &self,
        prefix: u8,
        version: u8,
        name: impl Fn(&[u8]) -> Option<K>,
    ) -> Result<Vec<(K, T)>, QueueError> {
        self.with(|db| {
            let mut rows = Vec::new();
            for entry in db.scan_prefix([prefix]) {
                let (key, value) = entry.map_err(unreadable)?;
                if let (Some(name), Ok(row)) = (name(&key[1..]), row::decode(version, &value)) {
                    rows.push((name, row));
                }
            }
            Ok(rows)
        })
    }

    fn with<T>(&self, read: impl FnOnce(&sled::Db) -> Result<T, QueueError>) -> Result<T, QueueError> {
        let closed = || Err(QueueError::Read("it is being opened again after an error".to_owned()));
        self.shelf.with(read).unwrap_or_else(closed)
    }
}

/// Operations that become durable together, or not at all.
#[derive(Debug, Default)]
pub struct Changes {
    /// Keys, each with its new value or none to remove it.
    pub(super) rows: Vec<(Vec<u8>, Option<Vec<u8>>)>,
    /// Whether something is stored that was not there before.
    pub(super) adds: bool,
}

impl Changes {
    /// No change yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Stores a delivery. This needs room on the disk: the whole write is refused when there is none.
    pub fn store(&mut self, key: DeliveryKey, delivery: &StoredDelivery) {
        self.adds = true;
        self.put_delivery(key, delivery);
    }

    /// Records what became of a delivery that goes on waiting.
    pub fn update(&mut self, key: DeliveryKey, delivery: &StoredDelivery) {
        self.put_delivery(key, delivery);
    }

    /// Removes a delivery. `data_bytes` is the length of its event's data.
    pub fn remove(&mut self, key: DeliveryKey, data_bytes: usize) {
        self.remove_row(delivery_key(key));
        for part in 0..further_parts(data_bytes) {
            self.remove_row(part_key(key, part));
        }
    }

    /// Whether there is nothing to write.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Records a limit's window.
    pub fn put_window(&mut self, name: &str, window: &StoredWindow) {
        self.put_row(prefixed(WINDOW, name.as_bytes()), row::encode(WINDOW_VERSION, window));
    }

    /// Records a hook's health.
    pub fn put_health(&mut self, hook: HookId, health: StoredHealth) {
        self.put_row(prefixed(HEALTH, hook.as_bytes()), row::encode(HEALTH_VERSION, &health));
    }

    fn put_delivery(&mut self, key: DeliveryKey, delivery: &StoredDelivery) {
        let (row, rest) = DeliveryV1::from_delivery(delivery);
        self.put_row(delivery_key(key), row::encode(DELIVERY_VERSION, &row));
        for (part, text) in rest.iter().enumerate() {
            let part = u8::try_from(part).expect("event data has a few parts");
            self.put_row(part_key(key, part), row::encode(PART_VERSION, text));
        }
    }

    fn put_row(&mut self, key: Vec<u8>, value: Vec<u8>) {
        self.rows.push((key, Some(value)));
    }

    fn remove_row(&mut self, key: Vec<u8>) {
        self.rows.push((key, None));
    }
}

impl fmt::Display for DeliveryKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.hook, self.seq)
    }
}

const DELIVERY: u8 = b'd';
const PART: u8 = b'b';
const WINDOW: u8 = b'w';
const HEALTH: u8 = b's';

/// Version 1 of a delivery's row. Never edit it; add a version 2.
#[derive(Debug, Serialize, Deserialize)]
struct DeliveryV1 {
    event: EventId,
    name: EventName,
    data: String,
    data_parts: u8,
    ttl_s: u32,
    published_at: WallTime,
    source: Source,
    owner: UserId,
    attempts: u32,
    not_before: Option<WallTime>,
    mark: Option<StoredMark>,
    arrived: Arrived,
}

impl DeliveryV1 {
    fn from_delivery(delivery: &StoredDelivery) -> (Self, Vec<&str>) {
        let StoredDelivery { event, attempts, not_before, mark, arrived } = delivery;
        let mut parts = split(&event.data);
        let data = parts.remove(0).to_owned();
        let row = Self {
            event: event.id,
            name: event.name.clone(),
            data,
            data_parts: u8::try_from(parts.len()).expect("event data has a few parts"),
            ttl_s: event.ttl_s,
            published_at: event.published_at,
            source: event.source,
            owner: event.owner,
            attempts: *attempts,
            not_before: *not_before,
            mark: *mark,
            arrived: *arrived,
        };
        (row, parts)
    }

    fn waiting(self, key: DeliveryKey) -> Waiting {
        Waiting {
            key,
            arrived: self.arrived,
            source: self.source,
            attempts: self.attempts,
            published_at: self.published_at,
            mark: self.mark,
            not_before: self.not_before,
        }
    }
}

impl From<DeliveryV1> for StoredDelivery {
    fn from(row: DeliveryV1) -> Self {
        let event = Event {
            id: row.event,
            name: row.name,
            data: row.data,
            ttl_s: row.ttl_s,
            published_at: row.published_at,
            source: row.source,
            owner: row.owner,
        };
        Self {
            event: Arc::new(event),
            attempts: row.attempts,
            not_before: row.not_before,
            mark: row.mark,
            arrived: row.arrived,
        }
    }
}

/// Cuts data into pieces of exactly [`PART_BYTES`], less where a character would be split; at least one piece.
fn split(data: &str) -> Vec<&str> {
    let mut parts = Vec::with_capacity(1);
    let mut rest = data;
    while rest.len() > PART_BYTES {
        let (part, behind) = split_at_most(rest, PART_BYTES);
        parts.push(part);
        rest = behind;
    }
    parts.push(rest);
    parts
}

/// Parts beyond the first that data of this length can have taken: a character of up to 4 bytes may have made each
/// part 3 bytes shorter.
fn further_parts(data_bytes: usize) -> u8 {
    let parts = data_bytes.saturating_sub(1) / (PART_BYTES - 3);
    u8::try_from(parts).expect("event data has a few parts")
}

fn delivery_key(key: DeliveryKey) -> Vec<u8> {
    let mut bytes = prefixed(DELIVERY, key.hook.as_bytes());
    bytes.extend(key.seq.to_be_bytes());
    bytes
}

fn part_key(key: DeliveryKey, part: u8) -> Vec<u8> {
    let mut bytes = prefixed(PART, key.hook.as_bytes());
    bytes.extend(key.seq.to_be_bytes());
    bytes.push(part);
    bytes
}

fn prefixed(prefix: u8, rest: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(1 + rest.len() + 9);
    bytes.push(prefix);
    bytes.extend(rest);
    bytes
}

fn read_delivery_key(bytes: &[u8]) -> Option<DeliveryKey> {
    let (hook, seq) = bytes.strip_prefix(&[DELIVERY])?.split_at_checked(12)?;
    let hook = HookId::from_bytes(hook.try_into().ok()?);
    Some(DeliveryKey { hook, seq: u64::from_be_bytes(seq.try_into().ok()?) })
}

#[expect(clippy::needless_pass_by_value, reason = "it is given to map_err")]
fn unreadable(error: sled::Error) -> QueueError {
    QueueError::Read(error.to_string())
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::model::DeviceId;

    pub(crate) fn delivery(data: &str) -> StoredDelivery {
        let event = Event {
            id: EventId::from_bytes([3; 12]),
            name: EventName::published("temp").unwrap(),
            data: data.to_owned(),
            ttl_s: 60,
            published_at: WallTime::from_millis(1_460_813_828_728),
            source: Source::Device(DeviceId::from_bytes([1; 12])),
            owner: UserId::from_bytes([2; 12]),
        };
        let mark = StoredMark { session: 9, packet_id: 5, content: 77 };
        let arrived = Arrived { boot: [6; 16], mono_ms: 300 };
        StoredDelivery { event: Arc::new(event), attempts: 2, not_before: None, mark: Some(mark), arrived }
    }

    /// Closes the database, as it is after an error that reopening did not mend.
    pub(in crate::store) fn close(queue: &Queue) {
        queue.shelf.close();
    }

    const KEY: DeliveryKey = DeliveryKey { hook: HookId::from_bytes([4; 12]), seq: 258 };

    fn written(data: &Path, changes: Changes) -> Queue {
        let (queue, _) = Queue::open(data).unwrap();
        write(&queue, changes);
        queue
    }

    fn write(queue: &Queue, changes: Changes) {
        let mut batch = sled::Batch::default();
        for (key, value) in changes.rows {
            match value {
                Some(value) => batch.insert(key, value),
                None => batch.remove(key),
            }
        }
        queue.shelf.write(batch).unwrap();
    }

    #[test]
    fn a_delivery_is_read_as_it_was_stored() {
        let data = tempfile::tempdir().unwrap();
        for text in [String::new(), "72".to_owned(), "x".repeat(16_384), "é".repeat(8_192), "€".repeat(5_461)] {
            let stored = delivery(&text);
            let mut changes = Changes::new();
            changes.store(KEY, &stored);
            let queue = written(data.path(), changes);
            assert_eq!(queue.read(KEY).unwrap().as_ref(), Some(&stored), "{} bytes", text.len());

            let mut changes = Changes::new();
            changes.remove(KEY, text.len());
            write(&queue, changes);
            assert_eq!(queue.read(KEY).unwrap(), None);
            assert!(queue.with(|db| Ok(db.is_empty())).unwrap());
        }
    }

    #[test]
    fn what_waits_is_listed_in_the_order_of_arrival() {
        let data = tempfile::tempdir().unwrap();
        let mut changes = Changes::new();
        for seq in [300, 2, 70_000] {
            changes.store(DeliveryKey { seq, ..KEY }, &delivery("72"));
        }
        let queue = written(data.path(), changes);
        let mut seqs = Vec::new();
        queue.each_waiting(|waiting| seqs.push(waiting.key.seq), |error| panic!("{error}")).unwrap();
        assert_eq!(seqs, [2, 300, 70_000]);
    }

    #[test]
    fn windows_and_health_are_read_as_they_were_recorded() {
        let data = tempfile::tempdir().unwrap();
        let window = StoredWindow { boot: [8; 16], taken_ms: vec![1, 2, 90_000] };
        let health = StoredHealth { errors_in_a_row: 10, disabled: true };
        let mut changes = Changes::new();
        changes.put_window("host example.com:443", &window);
        changes.put_health(KEY.hook, health);
        let queue = written(data.path(), changes);
        assert_eq!(queue.windows().unwrap(), [("host example.com:443".to_owned(), window)]);
        assert_eq!(queue.healths().unwrap(), [(KEY.hook, health)]);
    }

    /// Deliveries that an older farhook stored must be read by every later one. If this test fails, the row changed:
    /// give it a new version and keep reading this one.
    #[test]
    fn the_bytes_of_version_1_do_not_change() {
        let (row, _) = DeliveryV1::from_delivery(&delivery("72"));
        let bytes = row::encode(DELIVERY_VERSION, &row);
        let expected = [
            &[1][..],
            &[3; 12],
            b"\x04temp",
            b"\x0272",
            &[0, 60],
            &[0xf0, 0xc9, 0xd0, 0xf4, 0x83, 0x55, 0],
            &[1; 12],
            &[2; 12],
            &[2, 0],
            &[1, 9, 5, 77],
            &[6; 16],
            &[0xac, 2],
        ]
        .concat();
        assert_eq!(bytes, expected);
        assert_eq!(delivery_key(KEY), [&[b'd'][..], &[4; 12], &[0, 0, 0, 0, 0, 0, 1, 2]].concat());
    }
}
