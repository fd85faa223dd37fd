//! What is on its way: reading the queue database. Its rows and keys are in `keys`.

use std::collections::HashMap;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;

use log::error;

use crate::model::DeviceId;
use crate::model::Event;
use crate::model::HookId;
use crate::model::Qos;
use crate::model::WallTime;
use crate::store::AttemptShelf;
use crate::store::AttemptSlot;
use crate::store::Changes;
use crate::store::DeadLetter;
use crate::store::DeliveryId;
use crate::store::DeliveryKey;
use crate::store::LaneKey;
use crate::store::MessageRow;
use crate::store::StoredAttempt;
use crate::store::StoredDelivery;
use crate::store::StoredFigures;
use crate::store::StoredHealth;
use crate::store::StoredMessage;
use crate::store::StoredNotice;
use crate::store::StoredRetained;
use crate::store::StoredSensor;
use crate::store::StoredSession;
use crate::store::StoredWindow;
use crate::store::Tally;
use crate::store::Whose;
use crate::store::attempt;
use crate::store::changes::Tallying;
use crate::store::dead;
use crate::store::delivery;
use crate::store::figures;
use crate::store::keys;
use crate::store::open::OpenError;
use crate::store::recent;
use crate::store::retained;
use crate::store::row;
use crate::store::row::RowError;
use crate::store::rows;
use crate::store::session;
use crate::store::shelf::Shelf;
use crate::store::tally::Tallies;

/// sled's page cache, in bytes.
const CACHE_BYTES: u64 = 2 << 20;

const NAME: &str = "queue";

/// Rows that are moved or removed together, at most.
const AT_ONCE: usize = 256;

/// Why the queue could not be read.
#[derive(Debug, thiserror::Error)]
pub enum QueueError {
    /// sled or the disk.
    #[error("the queue cannot be read: {0}")]
    Read(String),
    /// A row that this farhook cannot decode.
    #[error("a row cannot be decoded")]
    Row(#[from] RowError),
    /// A delivery that this farhook cannot decode.
    #[error("the delivery {id} cannot be decoded")]
    Delivery {
        /// Which one.
        id: DeliveryId,
        /// Why.
        #[source]
        source: RowError,
    },
}

/// Deliveries of one lane, in their order.
#[derive(Debug, Default)]
pub struct Page {
    /// Each with its seq.
    pub deliveries: Vec<(u64, StoredDelivery)>,
    /// What could not be decoded among them; it is left where it is.
    pub damaged: Vec<QueueError>,
    /// The last row that was looked at.
    pub last_seq: Option<u64>,
    /// Whether nothing stood behind them.
    pub is_last: bool,
}

/// Reads the queue database. Writing is the writer's. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Queue {
    shelf: Arc<Shelf>,
    tallies: Arc<Tallies>,
}

impl Queue {
    /// Opens the queue in the data folder. The path is where a damaged one was put aside.
    ///
    /// # Errors
    /// When not even an empty one can be made.
    pub fn open(data: &Path) -> Result<(Self, Option<PathBuf>), OpenError> {
        let (shelf, set_aside) = Shelf::open(data, NAME, CACHE_BYTES)?;
        let queue = Self { shelf: Arc::new(shelf), tallies: Arc::default() };
        let refused = |error: QueueError| OpenError::Refused { path: data.join(NAME), reason: error.to_string() };
        queue.load_tallies().map_err(refused)?;
        queue.move_old_rows().map_err(refused)?;
        Ok((queue, set_aside))
    }

    /// One delivery with its event; none if it is not waiting any more.
    ///
    /// # Errors
    /// When the disk or the row is bad.
    pub fn read(&self, key: DeliveryKey) -> Result<Option<StoredDelivery>, QueueError> {
        self.with(|db| {
            let Some(found) = db.get(keys::delivery(key)).map_err(unreadable)? else { return Ok(None) };
            decoded(db, key.id(), &found).map(Some)
        })
    }

    /// Every lane in which something waits.
    ///
    /// # Errors
    /// When the disk is bad.
    pub fn lanes(&self) -> Result<Vec<LaneKey>, QueueError> {
        self.lanes_under(&[keys::DELIVERY])
    }

    /// Every lane of a hook in which something waits.
    ///
    /// # Errors
    /// When the disk is bad.
    pub fn lanes_of(&self, hook: HookId) -> Result<Vec<LaneKey>, QueueError> {
        self.lanes_under(&keys::of_hook(keys::DELIVERY, hook))
    }

    /// At most `most` deliveries of a lane behind `after`, or from its beginning.
    ///
    /// # Errors
    /// When the disk is bad.
    pub fn page(&self, lane: LaneKey, after: Option<u64>, most: usize) -> Result<Page, QueueError> {
        self.with(|db| {
            let mut page = Page { is_last: true, ..Page::default() };
            for entry in db.range(keys::lane_behind(lane, after)) {
                if page.deliveries.len() == most {
                    page.is_last = false;
                    break;
                }
                let (key, value) = entry.map_err(unreadable)?;
                let Some(key) = keys::read_delivery(&key) else { continue };
                page.last_seq = Some(key.seq);
                match decoded(db, key.id(), &value) {
                    Ok(delivery) => page.deliveries.push((key.seq, delivery)),
                    Err(error) => page.damaged.push(error),
                }
            }
            Ok(page)
        })
    }

    /// The latest deliveries of a lane, newest first, at most `most`. What cannot be decoded is left out.
    ///
    /// # Errors
    /// When the disk is bad.
    pub fn latest(&self, lane: LaneKey, most: usize) -> Result<Vec<StoredDelivery>, QueueError> {
        self.with(|db| {
            let mut latest = Vec::new();
            for entry in db.range(keys::lane_behind(lane, None)).rev().take(most) {
                let (key, value) = entry.map_err(unreadable)?;
                let id = keys::read_delivery(&key).map(|key| key.id());
                latest.extend(id.and_then(|id| decoded(db, id, &value).ok()));
            }
            Ok(latest)
        })
    }

    /// Where a delivery waits; none if it does not.
    ///
    /// # Errors
    /// When the disk is bad.
    pub fn find(&self, id: DeliveryId) -> Result<Option<DeliveryKey>, QueueError> {
        for lane in self.lanes_of(id.hook)? {
            let key = DeliveryKey { lane, seq: id.seq };
            if self.with(|db| db.contains_key(keys::delivery(key)).map_err(unreadable))? {
                return Ok(Some(key));
            }
        }
        Ok(None)
    }

    /// One dead letter; none if there is none of that name.
    ///
    /// # Errors
    /// When the disk or the row is bad.
    pub fn dead(&self, id: DeliveryId) -> Result<Option<DeadLetter>, QueueError> {
        self.with(|db| {
            let Some(found) = db.get(keys::numbered(keys::DEAD, id)).map_err(unreadable)? else { return Ok(None) };
            decoded_dead(db, id, &found).map(Some)
        })
    }

    /// At most `most` dead letters of a hook behind `after`, in the order of their arrival. What cannot be decoded is
    /// left out.
    ///
    /// # Errors
    /// When the disk is bad.
    pub fn dead_page(
        &self,
        hook: HookId,
        after: Option<u64>,
        most: usize,
    ) -> Result<Vec<(DeliveryId, DeadLetter)>, QueueError> {
        let seq = after.map_or(0, |seq| seq.saturating_add(1));
        let from = keys::numbered(keys::DEAD, DeliveryId { hook, seq });
        let to = keys::numbered(keys::DEAD, DeliveryId { hook, seq: u64::MAX });
        self.with(|db| {
            let mut letters = Vec::new();
            for entry in db.range(from..to) {
                if letters.len() == most {
                    break;
                }
                let (key, value) = entry.map_err(unreadable)?;
                let Some(id) = keys::read_numbered(keys::DEAD, &key) else { continue };
                letters.extend(decoded_dead(db, id, &value).ok().map(|letter| (id, letter)));
            }
            Ok(letters)
        })
    }

    /// The attempts on one of a hook's shelves, by their slots. What cannot be decoded is left out.
    ///
    /// # Errors
    /// When the disk is bad.
    pub fn attempts(&self, hook: HookId, on: AttemptShelf) -> Result<Vec<(u16, StoredAttempt)>, QueueError> {
        let key = |slot, part| attempt::key(AttemptSlot { hook, shelf: on, slot }, part);
        self.with(|db| {
            let mut attempts = Vec::new();
            for entry in db.range(key(0, 0)..=key(u16::MAX, u8::MAX)) {
                let (key, value) = entry.map_err(unreadable)?;
                let Some(slot) = attempt::slot_of_first(&key) else { continue };
                let piece = |number: u8| {
                    let mut key = key.to_vec();
                    *key.last_mut().expect("a key is not empty") = number;
                    Ok::<_, QueueError>(db.get(key).map_err(unreadable)?.unwrap_or_default().to_vec())
                };
                attempts.extend(attempt::decode(&value, piece).ok().map(|attempt| (slot, attempt)));
            }
            Ok(attempts)
        })
    }

    /// The slot and the number of the newest attempt on one of a hook's shelves; none if there is none.
    ///
    /// # Errors
    /// When the disk is bad.
    pub fn newest_attempt(&self, hook: HookId, on: AttemptShelf) -> Result<Option<(u16, u64)>, QueueError> {
        let key = |slot, part| attempt::key(AttemptSlot { hook, shelf: on, slot }, part);
        self.with(|db| {
            let mut newest = None;
            for entry in db.range(key(0, 0)..=key(u16::MAX, u8::MAX)) {
                let (key, value) = entry.map_err(unreadable)?;
                let found = attempt::slot_of_first(&key).zip(attempt::number(&value).ok());
                newest = found.into_iter().chain(newest).max_by_key(|(_, number)| *number);
            }
            Ok(newest)
        })
    }

    /// Every recorded window, by its name.
    ///
    /// # Errors
    /// When the disk is bad. Windows that cannot be decoded are left out.
    pub fn windows(&self) -> Result<Vec<(String, StoredWindow)>, QueueError> {
        self.rows(keys::WINDOW, rows::WINDOW_VERSION, |name| String::from_utf8(name.to_vec()).ok())
    }

    /// Every recorded health, by hook.
    ///
    /// # Errors
    /// When the disk is bad. Rows that cannot be decoded are left out.
    pub fn healths(&self) -> Result<Vec<(HookId, StoredHealth)>, QueueError> {
        self.rows(keys::HEALTH, rows::HEALTH_VERSION, |id| id.try_into().ok().map(HookId::from_bytes))
    }

    /// The counters of every sensor, by its device.
    ///
    /// # Errors
    /// When the disk is bad. Rows that cannot be decoded are left out.
    pub fn sensors(&self) -> Result<Vec<(DeviceId, StoredSensor)>, QueueError> {
        self.rows(keys::SENSOR, rows::SENSOR_VERSION, |id| id.try_into().ok().map(DeviceId::from_bytes))
    }

    /// Every session that outlives its connection.
    ///
    /// # Errors
    /// When the disk is bad. Rows that cannot be decoded are left out.
    pub fn sessions(&self) -> Result<Vec<(u64, StoredSession)>, QueueError> {
        let name = |session: &[u8]| session.try_into().ok().map(u64::from_be_bytes);
        self.rows(keys::SESSION, session::SESSION_VERSION, name)
    }

    /// What sessions published with QoS 2 and have not released: the session, and the packet identifier.
    ///
    /// # Errors
    /// When the disk is bad. Rows that cannot be decoded are left out.
    pub fn received(&self) -> Result<Vec<(u64, u16)>, QueueError> {
        let rows = self.rows::<_, ()>(keys::RECEIVED, session::RECEIVED_VERSION, session::received_of)?;
        Ok(rows.into_iter().map(|(received, ())| received).collect())
    }

    /// What waits for sessions, by session and in the order of its numbers.
    ///
    /// # Errors
    /// When the disk is bad. What cannot be decoded is left out.
    pub fn message_rows(&self) -> Result<Vec<(u64, MessageRow)>, QueueError> {
        self.with(|db| {
            let mut all = Vec::new();
            for entry in db.scan_prefix([keys::MESSAGE]) {
                let (key, value) = entry.map_err(unreadable)?;
                let Some((session, seq)) = session::message_of_first(&key) else { continue };
                let Ok(pieces) = session::pieces_of(&value) else { continue };
                let Ok(message) = read_message(db, session, seq, &value) else { continue };
                let qos = message.as_ref().map_or(Qos::ExactlyOnce, |message| message.qos);
                let bytes = message.as_ref().map_or(0, StoredMessage::weight);
                all.push((session, MessageRow { seq, pieces, qos, bytes, is_released: message.is_none() }));
            }
            Ok(all)
        })
    }

    /// One message; none if it is not there, or PUBREC came for it.
    ///
    /// # Errors
    /// When the disk or the row is bad.
    pub fn message(&self, session: u64, seq: u64) -> Result<Option<StoredMessage>, QueueError> {
        self.with(|db| {
            let found = db.get(session::message_key(session, seq, 0)).map_err(unreadable)?;
            found.map_or(Ok(None), |first| read_message(db, session, seq, &first))
        })
    }

    /// Every notice, by its number.
    ///
    /// # Errors
    /// When the disk is bad. Rows that cannot be decoded are left out.
    pub fn notices(&self) -> Result<Vec<(u64, StoredNotice)>, QueueError> {
        self.rows(keys::NOTICE, rows::NOTICE_VERSION, |number| number.try_into().ok().map(u64::from_be_bytes))
    }

    /// When each known boot began, in milliseconds since 1970.
    ///
    /// # Errors
    /// When the disk is bad. Rows that cannot be decoded are left out.
    pub fn boots(&self) -> Result<Vec<([u8; 16], i64)>, QueueError> {
        self.rows(keys::BOOT, rows::BOOT_VERSION, |boot| boot.try_into().ok())
    }

    /// Since when nothing is sent; none if it is.
    ///
    /// # Errors
    /// When the disk is bad.
    pub fn paused_since(&self) -> Result<Option<WallTime>, QueueError> {
        let rows = self.rows(keys::PAUSE, rows::PAUSE_VERSION, |rest| rest.is_empty().then_some(()))?;
        Ok(rows.into_iter().map(|((), since)| since).next())
    }

    /// All figures, by whose they are.
    ///
    /// # Errors
    /// When the disk is bad. What cannot be decoded is left out.
    pub fn figures(&self) -> Result<Vec<(Whose, StoredFigures)>, QueueError> {
        self.with(|db| {
            let mut all = Vec::new();
            for entry in db.scan_prefix([keys::FIGURES]) {
                let (key, value) = entry.map_err(unreadable)?;
                let Some(whose) = figures::whose_of_first(&key) else { continue };
                let piece = |number: u8| {
                    let row = db.get(figures::key(whose, number)).map_err(unreadable)?;
                    Ok::<_, QueueError>(row.unwrap_or_default().to_vec())
                };
                all.extend(figures::decode(&value, piece).ok().map(|figures| (whose, figures)));
            }
            Ok(all)
        })
    }

    /// The retained messages.
    ///
    /// # Errors
    /// When the disk is bad. What cannot be decoded is left out.
    pub fn retained(&self) -> Result<Vec<StoredRetained>, QueueError> {
        self.with(|db| {
            let mut all = Vec::new();
            for entry in db.scan_prefix([keys::RETAINED]) {
                let (key, value) = entry.map_err(unreadable)?;
                if !retained::is_first(&key) {
                    continue;
                }
                let piece = |number: u8| {
                    let row = db.get(retained::piece_of(&key, number)).map_err(unreadable)?;
                    Ok::<_, QueueError>(row.unwrap_or_default().to_vec())
                };
                all.extend(retained::decode(&value, piece).ok());
            }
            Ok(all)
        })
    }

    /// The events of late, as they were kept at the last orderly stop, oldest first.
    ///
    /// # Errors
    /// When the disk is bad. Events that cannot be decoded are left out.
    pub fn recent(&self) -> Result<Vec<Arc<Event>>, QueueError> {
        self.with(|db| {
            let mut events = Vec::new();
            for entry in db.scan_prefix([keys::RECENT]) {
                let (key, value) = entry.map_err(unreadable)?;
                let Some(place) = recent::place_of_first(&key) else { continue };
                let piece = |number: u8| {
                    let row = db.get(recent::key(place, number)).map_err(unreadable)?;
                    Ok::<_, QueueError>(row.unwrap_or_default().to_vec())
                };
                events.extend(recent::decode(&value, piece).ok().map(Arc::new));
            }
            Ok(events)
        })
    }

    /// What keeps these events, in this order, in place of those that were kept before. This needs room on the disk:
    /// without it the write is refused, and those from before stay.
    ///
    /// # Errors
    /// When the disk is bad.
    pub fn keeping_recent(&self, events: &[Arc<Event>]) -> Result<Changes, QueueError> {
        self.with(|db| {
            let mut changes = Changes::new();
            for key in db.scan_prefix([keys::RECENT]).keys() {
                changes.remove_row(key.map_err(unreadable)?.to_vec());
            }
            for (place, event) in (0..=u16::MAX).zip(events) {
                changes.put_recent(place, event);
            }
            Ok(changes)
        })
    }

    /// What is stored for one hook.
    pub fn tally(&self, hook: HookId) -> Tally {
        self.tallies.of(hook)
    }

    /// What is stored for all hooks together, those that are gone included.
    pub fn total(&self) -> Tally {
        self.tallies.total()
    }

    /// The hooks for which something is or was stored.
    pub fn hooks(&self) -> Vec<HookId> {
        self.tallies.all().into_keys().collect()
    }

    /// The seq that is given away next: greater than all before it.
    pub fn next_seq(&self) -> u64 {
        self.total().last_seq + 1
    }

    /// Bytes that the database takes on the disk.
    pub fn size_on_disk(&self) -> u64 {
        self.with(|db| db.size_on_disk().map_err(unreadable)).unwrap_or_default()
    }

    /// What removes some of the rows of a hook that is gone; none if nothing of it is left. Write it and ask again.
    ///
    /// # Errors
    /// When the disk is bad.
    pub fn forgetting(&self, hook: HookId) -> Result<Option<Changes>, QueueError> {
        self.with(|db| {
            let mut changes = Changes::new();
            let rows = keys::OF_HOOK.iter().flat_map(|prefix| db.scan_prefix(keys::of_hook(*prefix, hook)));
            for entry in rows.take(AT_ONCE) {
                let key = entry.map_err(unreadable)?.0;
                match key.first() {
                    Some(&keys::TALLY) => changes.forget_tally(hook),
                    _ => changes.remove_row(key.to_vec()),
                }
            }
            Ok((!changes.is_empty()).then_some(changes))
        })
    }

    pub(super) fn shelf(&self) -> Arc<Shelf> {
        Arc::clone(&self.shelf)
    }

    /// Reads the tallies from the disk; what cannot be read is counted anew.
    pub(super) fn load_tallies(&self) -> Result<(), QueueError> {
        let read: Vec<(HookId, Option<Tally>)> = self.with(|db| {
            let mut read = Vec::new();
            for entry in db.scan_prefix([keys::TALLY]) {
                let (key, value) = entry.map_err(unreadable)?;
                if let Ok(hook) = key[1..].try_into() {
                    read.push((HookId::from_bytes(hook), row::decode(rows::TALLY_VERSION, &value).ok()));
                }
            }
            Ok(read)
        })?;
        let mut tallies = HashMap::new();
        for (hook, tally) in read {
            tallies.insert(hook, tally.map_or_else(|| self.count(hook), Ok)?);
        }
        self.tallies.reset(tallies);
        Ok(())
    }

    /// Counts what is stored for a hook by reading all of it.
    fn count(&self, hook: HookId) -> Result<Tally, QueueError> {
        self.with(|db| {
            let mut tally = Tally::default();
            let mut note = |id: DeliveryId, data_bytes: usize, is_dead: bool| {
                tally.change(is_dead, Tally::weight(data_bytes), true);
                tally.last_seq = tally.last_seq.max(id.seq);
            };
            for entry in db.scan_prefix(keys::of_hook(keys::DELIVERY, hook)) {
                let (key, value) = entry.map_err(unreadable)?;
                let Some(id) = keys::read_delivery(&key).map(|key| key.id()) else { continue };
                note(id, decoded(db, id, &value).map_or(0, |delivery| delivery.event.data.len()), false);
            }
            for entry in db.scan_prefix(keys::of_hook(keys::DEAD, hook)) {
                let (key, value) = entry.map_err(unreadable)?;
                let Some(id) = keys::read_numbered(keys::DEAD, &key) else { continue };
                note(id, decoded_dead(db, id, &value).map_or(0, |letter| letter.delivery.event.data.len()), true);
            }
            Ok(tally)
        })
    }

    /// Makes changes durable, with what they mean for the tallies.
    pub(super) fn apply<'a>(&self, changes: impl IntoIterator<Item = &'a Changes>) -> Result<(), sled::Error> {
        self.tallies.update(|before| {
            let mut batch = sled::Batch::default();
            let mut tallying = Tallying::over(before);
            for changes in changes {
                changes.put_into(&mut batch, &mut tallying, |key| self.shelf.contains(key))?;
            }
            let touched = tallying.finish(&mut batch);
            self.shelf.write(batch)?;
            Ok(touched)
        })
    }

    /// Gives the deliveries of version 0.1 their place in a lane. Safe at any end: each batch moves some rows as a
    /// whole. What cannot be decoded is left where it is.
    fn move_old_rows(&self) -> Result<(), QueueError> {
        let mut from = vec![keys::OLD_DELIVERY];
        loop {
            let old: Vec<_> = self.with(|db| {
                let rows = db.range(from.clone()..vec![keys::OLD_DELIVERY + 1]).take(AT_ONCE);
                rows.collect::<Result<_, _>>().map_err(unreadable)
            })?;
            let Some((last, _)) = old.last() else { return Ok(()) };
            // The next key behind it.
            from = [last, &[0][..]].concat();
            let mut changes = Changes::new();
            for (key, value) in &old {
                let Some(id) = keys::read_numbered(keys::OLD_DELIVERY, key) else { continue };
                match self.with(|db| delivery::decode_old(value, |part| read_part(db, id, part))) {
                    Ok(moved) => {
                        let lane = LaneKey { hook: id.hook, device: moved.event.source.device() };
                        changes.remove_row(key.to_vec());
                        changes.store(DeliveryKey { lane, seq: id.seq }, &moved);
                    }
                    Err(QueueError::Row(source)) => error!("{}", QueueError::Delivery { id, source }),
                    Err(unread) => return Err(unread),
                }
            }
            self.apply([&changes]).map_err(unreadable)?;
        }
    }

    fn lanes_under(&self, prefix: &[u8]) -> Result<Vec<LaneKey>, QueueError> {
        self.with(|db| {
            let mut lanes = Vec::new();
            let mut cursor = prefix.to_vec();
            // From lane to lane, whatever is in them.
            while let Some(entry) = db.range(cursor..).next() {
                let (key, _) = entry.map_err(unreadable)?;
                let Some(key) = keys::read_delivery(&key).filter(|_| key.starts_with(prefix)) else { break };
                lanes.push(key.lane);
                cursor = keys::behind_lane(key.lane);
            }
            Ok(lanes)
        })
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

fn decoded(db: &sled::Db, id: DeliveryId, row: &[u8]) -> Result<StoredDelivery, QueueError> {
    delivery::decode(row, |part| read_part(db, id, part)).map_err(|error| named(error, id))
}

fn decoded_dead(db: &sled::Db, id: DeliveryId, row: &[u8]) -> Result<DeadLetter, QueueError> {
    dead::decode(row, |part| read_part(db, id, part)).map_err(|error| named(error, id))
}

fn named(error: QueueError, id: DeliveryId) -> QueueError {
    match error {
        QueueError::Row(source) => QueueError::Delivery { id, source },
        error => error,
    }
}

fn read_message(db: &sled::Db, session: u64, seq: u64, first: &[u8]) -> Result<Option<StoredMessage>, QueueError> {
    session::decode(first, |piece| {
        let row = db.get(session::message_key(session, seq, piece)).map_err(unreadable)?;
        Ok(row.unwrap_or_default().to_vec())
    })
}

fn read_part(db: &sled::Db, id: DeliveryId, part: u8) -> Result<Vec<u8>, QueueError> {
    Ok(db.get(keys::part(id, part)).map_err(unreadable)?.unwrap_or_default().to_vec())
}

#[expect(clippy::needless_pass_by_value, reason = "it is given to map_err")]
fn unreadable(error: sled::Error) -> QueueError {
    QueueError::Read(error.to_string())
}

#[cfg(test)]
pub(crate) mod tests;
