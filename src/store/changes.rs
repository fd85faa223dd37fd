//! What becomes durable together, or not at all.

use std::collections::HashMap;

use crate::model::DeviceId;
use crate::model::Event;
use crate::model::HookId;
use crate::model::UserId;
use crate::model::WallTime;
use crate::store::Arrived;
use crate::store::AttemptSlot;
use crate::store::DeadLetter;
use crate::store::DeliveryId;
use crate::store::DeliveryKey;
use crate::store::StoredAttempt;
use crate::store::StoredDelivery;
use crate::store::StoredFigures;
use crate::store::StoredHealth;
use crate::store::StoredMessage;
use crate::store::StoredNotice;
use crate::store::StoredSensor;
use crate::store::StoredSession;
use crate::store::StoredWindow;
use crate::store::Whose;
use crate::store::attempt;
use crate::store::dead;
use crate::store::delivery;
use crate::store::figures;
use crate::store::keys;
use crate::store::recent;
use crate::store::retained;
use crate::store::row;
use crate::store::rows;
use crate::store::session;
use crate::store::tally::Tally;

/// Operations that become durable together, or not at all. Later ones win over earlier ones of the same row.
#[derive(Debug, Default)]
pub struct Changes {
    /// Keys, each with its new value or none to remove it.
    rows: Vec<(Vec<u8>, Option<Vec<u8>>)>,
    /// Which of them are counted.
    counts: Vec<Count>,
    forgotten: Vec<HookId>,
    adds: bool,
}

/// A row that is counted comes or goes.
#[derive(Debug, Clone)]
struct Count {
    key: Vec<u8>,
    id: DeliveryId,
    weight: u64,
    is_dead: bool,
    comes: bool,
}

impl Changes {
    /// No change yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Stores a delivery. This needs room on the disk: the whole write is refused when there is none.
    pub fn store(&mut self, key: DeliveryKey, delivery: &StoredDelivery) {
        self.adds = true;
        self.move_in(key, delivery);
    }

    /// Records what became of a delivery that goes on waiting.
    pub fn update(&mut self, key: DeliveryKey, delivery: &StoredDelivery) {
        self.move_in(key, delivery);
    }

    /// Removes a delivery. `data_bytes` is the length of its event's data.
    pub fn remove(&mut self, key: DeliveryKey, data_bytes: usize) {
        self.remove_row(keys::delivery(key));
        self.remove_parts(key.id(), data_bytes);
        self.count_delivery(key, data_bytes, false);
    }

    /// Makes a dead letter of a delivery.
    pub fn bury(&mut self, key: DeliveryKey, letter: &DeadLetter) {
        let data_bytes = letter.delivery.event.data.len();
        self.remove_row(keys::delivery(key));
        self.count_delivery(key, data_bytes, false);
        let (row, parts) = dead::encode(letter);
        self.put_row(keys::numbered(keys::DEAD, key.id()), row);
        self.put_parts(key.id(), parts);
        self.count_letter(key.id(), data_bytes, true);
    }

    /// Removes a dead letter. `data_bytes` is the length of its event's data.
    pub fn remove_dead(&mut self, id: DeliveryId, data_bytes: usize) {
        self.remove_row(keys::numbered(keys::DEAD, id));
        self.remove_parts(id, data_bytes);
        self.count_letter(id, data_bytes, false);
    }

    /// Records a limit's window.
    pub fn put_window(&mut self, name: &str, window: &StoredWindow) {
        self.put_row(keys::prefixed(keys::WINDOW, name.as_bytes()), row::encode(rows::WINDOW_VERSION, window));
    }

    /// Records a hook's health.
    pub fn put_health(&mut self, hook: HookId, health: StoredHealth) {
        self.put_row(keys::of_hook(keys::HEALTH, hook), row::encode(rows::HEALTH_VERSION, &health));
    }

    /// Records the counters of a sensor.
    pub fn put_sensor(&mut self, device: DeviceId, sensor: StoredSensor) {
        self.put_row(keys::prefixed(keys::SENSOR, device.as_bytes()), row::encode(rows::SENSOR_VERSION, &sensor));
    }

    /// Forgets them.
    pub fn remove_sensor(&mut self, device: DeviceId) {
        self.remove_row(keys::prefixed(keys::SENSOR, device.as_bytes()));
    }

    /// Records a session that outlives its connection.
    pub fn put_session(&mut self, session: u64, stored: &StoredSession) {
        self.put_row(session::session_key(session), row::encode(session::SESSION_VERSION, stored));
    }

    /// Forgets a session. Its messages are removed one by one.
    pub fn remove_session(&mut self, session: u64) {
        self.remove_row(session::session_key(session));
    }

    /// Keeps a message for a session: how many rows it takes. It needs no room by itself, so that what is concluded is
    /// concluded on a full disk, too; see [`Self::needs_room`].
    pub fn put_message(&mut self, session: u64, seq: u64, message: &StoredMessage) -> u8 {
        let rows = session::encode(message);
        let pieces = u8::try_from(rows.len()).expect("a message has a few pieces");
        for (piece, row) in (0..pieces).zip(rows) {
            self.put_row(session::message_key(session, seq, piece), row);
        }
        pieces
    }

    /// Keeps of a message of so many rows only that PUBREC came for it.
    pub fn release_message(&mut self, session: u64, seq: u64, pieces: u8) {
        self.remove_message(session, seq, pieces);
        self.put_row(session::message_key(session, seq, 0), session::released());
    }

    /// Removes a message of so many rows.
    pub fn remove_message(&mut self, session: u64, seq: u64, pieces: u8) {
        for piece in 0..pieces {
            self.remove_row(session::message_key(session, seq, piece));
        }
    }

    /// Remembers what a session published with QoS 2, until it is released.
    pub fn put_received(&mut self, session: u64, packet_id: u16) {
        self.put_row(session::received_key(session, packet_id), row::encode(session::RECEIVED_VERSION, &()));
    }

    /// It is released.
    pub fn remove_received(&mut self, session: u64, packet_id: u16) {
        self.remove_row(session::received_key(session, packet_id));
    }

    /// The whole write is to be refused when there is no room on the disk.
    pub fn needs_room(&mut self) {
        self.adds = true;
    }

    /// Records an attempt, in place of the one that was in its slot.
    pub fn put_attempt(&mut self, slot: AttemptSlot, attempt: &StoredAttempt) {
        for (part, piece) in attempt::encode(attempt).into_iter().enumerate() {
            let part = u8::try_from(part).expect("an attempt has a few parts");
            self.put_row(attempt::key(slot, part), piece);
        }
    }

    /// Records a notice.
    pub fn put_notice(&mut self, number: u64, notice: &StoredNotice) {
        self.put_row(rows::notice_key(number), row::encode(rows::NOTICE_VERSION, notice));
    }

    /// Removes a notice.
    pub fn remove_notice(&mut self, number: u64) {
        self.remove_row(rows::notice_key(number));
    }

    /// Records when a boot began by the wall clock, in milliseconds since 1970.
    pub fn put_boot(&mut self, boot: [u8; 16], began_ms: i64) {
        self.put_row(keys::prefixed(keys::BOOT, &boot), row::encode(rows::BOOT_VERSION, &began_ms));
    }

    /// Forgets a boot of which nothing is left.
    pub fn remove_boot(&mut self, boot: [u8; 16]) {
        self.remove_row(keys::prefixed(keys::BOOT, &boot));
    }

    /// Records figures, in place of those that were there.
    pub fn put_figures(&mut self, whose: Whose, figures: &StoredFigures) {
        for (piece, row) in (0..).zip(figures::encode(figures)) {
            self.put_row(figures::key(whose, piece), row);
        }
    }

    /// Removes the figures of a user or a hook that is gone.
    pub fn remove_figures(&mut self, whose: Whose) {
        for piece in 0..figures::PIECES {
            self.remove_row(figures::key(whose, piece));
        }
    }

    /// Records that nothing is sent since then.
    pub fn put_pause(&mut self, since: WallTime) {
        self.put_row(keys::prefixed(keys::PAUSE, &[]), row::encode(rows::PAUSE_VERSION, &since));
    }

    /// Records that sending goes on.
    pub fn remove_pause(&mut self) {
        self.remove_row(keys::prefixed(keys::PAUSE, &[]));
    }

    /// Keeps an event of late at that place. This needs room on the disk: the whole write is refused when there is
    /// none.
    pub(super) fn put_recent(&mut self, place: u16, event: &Event) {
        self.adds = true;
        for (piece, row) in (0..).zip(recent::encode(event)) {
            self.put_row(recent::key(place, piece), row);
        }
    }

    /// Keeps a retained message in place of one that may take `before` rows: how many rows it takes. This needs room on
    /// the disk: the whole write is refused when there is none.
    pub fn put_retained(&mut self, event: &Event, arrived: Arrived, before: u8) -> u8 {
        self.adds = true;
        let rows = retained::encode(event, arrived);
        let pieces = u8::try_from(rows.len()).expect("a message has a few pieces");
        for (piece, row) in (0..pieces).zip(rows) {
            self.put_row(retained::key(event.owner, event.name.as_str(), piece), row);
        }
        for piece in pieces..before {
            self.remove_row(retained::key(event.owner, event.name.as_str(), piece));
        }
        pieces
    }

    /// Removes a retained message of so many rows.
    pub fn remove_retained(&mut self, owner: UserId, topic: &str, pieces: u8) {
        for piece in 0..pieces {
            self.remove_row(retained::key(owner, topic, piece));
        }
    }

    /// Adds what `other` changes behind this.
    pub fn append(&mut self, other: Changes) {
        self.rows.extend(other.rows);
        self.counts.extend(other.counts);
        self.forgotten.extend(other.forgotten);
        self.adds |= other.adds;
    }

    /// Whether there is nothing to write.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The rows of deliveries and dead letters, with what they count; and all others but those of the log of attempts.
    pub(super) fn split_counted(self) -> (Self, Self) {
        const COUNTED: [u8; 3] = [keys::DELIVERY, keys::PART, keys::DEAD];
        let is_counted = |row: &(Vec<u8>, Option<Vec<u8>>)| COUNTED.contains(&row.0[0]);
        let (counted, rest): (Vec<_>, Vec<_>) = self.rows.into_iter().partition(is_counted);
        let rest = rest.into_iter().filter(|(key, _)| key[0] != keys::ATTEMPT).collect();
        let counted = Self { rows: counted, counts: self.counts, forgotten: Vec::new(), adds: self.adds };
        (counted, Self { rows: rest, counts: Vec::new(), forgotten: self.forgotten, adds: false })
    }

    /// Adds what `other` changes behind this; of each row only its last version is kept.
    pub(super) fn append_latest(&mut self, other: Self) {
        let is_replaced = |key: &Vec<u8>| other.rows.iter().any(|(later, _)| later == key);
        self.rows.retain(|(key, _)| !is_replaced(key));
        self.append(other);
    }

    /// Rows that are changed.
    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether something is stored that was not there before.
    pub(super) fn adds(&self) -> bool {
        self.adds
    }

    /// Removes a row by its bare key: for the rows of a hook that is gone.
    pub(super) fn remove_row(&mut self, key: Vec<u8>) {
        self.rows.push((key, None));
    }

    /// The last word about a hook that is gone: nothing of it is counted any more.
    pub(super) fn forget_tally(&mut self, hook: HookId) {
        self.remove_row(keys::of_hook(keys::TALLY, hook));
        self.forgotten.push(hook);
    }

    /// Puts the changes into a batch, and what they mean for the count of what waits into `tallying`, as far as rows
    /// really come or go: `is_there` knows which are there before.
    pub(super) fn put_into(
        &self,
        batch: &mut sled::Batch,
        tallying: &mut Tallying,
        is_there: impl Fn(&[u8]) -> Result<bool, sled::Error>,
    ) -> Result<(), sled::Error> {
        for count in &self.counts {
            let was_there = match tallying.changed.get(&count.key) {
                Some(is_there) => *is_there,
                None => is_there(&count.key)?,
            };
            let tally = tallying.of(count.id.hook);
            if was_there != count.comes {
                tally.change(count.is_dead, count.weight, count.comes);
            }
            tally.last_seq = tally.last_seq.max(count.id.seq);
            tallying.changed.insert(count.key.clone(), count.comes);
        }
        for (key, value) in &self.rows {
            match value {
                Some(value) => batch.insert(key.as_slice(), value.as_slice()),
                None => batch.remove(key.as_slice()),
            }
        }
        for hook in &self.forgotten {
            tallying.touched.insert(*hook, None);
        }
        Ok(())
    }

    fn move_in(&mut self, key: DeliveryKey, delivery: &StoredDelivery) {
        let (row, parts) = delivery::encode(delivery);
        self.put_row(keys::delivery(key), row);
        self.put_parts(key.id(), parts);
        self.count_delivery(key, delivery.event.data.len(), true);
    }

    fn count_delivery(&mut self, key: DeliveryKey, data_bytes: usize, comes: bool) {
        self.count(keys::delivery(key), key.id(), data_bytes, false, comes);
    }

    fn count_letter(&mut self, id: DeliveryId, data_bytes: usize, comes: bool) {
        self.count(keys::numbered(keys::DEAD, id), id, data_bytes, true, comes);
    }

    fn count(&mut self, key: Vec<u8>, id: DeliveryId, data_bytes: usize, is_dead: bool, comes: bool) {
        self.counts.push(Count { key, id, weight: Tally::weight(data_bytes), is_dead, comes });
    }

    fn put_parts(&mut self, id: DeliveryId, parts: Vec<Vec<u8>>) {
        for (part, row) in parts.into_iter().enumerate() {
            let part = u8::try_from(part).expect("event data has a few parts");
            self.put_row(keys::part(id, part), row);
        }
    }

    fn remove_parts(&mut self, id: DeliveryId, data_bytes: usize) {
        for part in 0..delivery::further_parts(data_bytes) {
            self.remove_row(keys::part(id, part));
        }
    }

    fn put_row(&mut self, key: Vec<u8>, value: Vec<u8>) {
        self.rows.push((key, Some(value)));
    }
}

/// The tallies that a batch changes, on the way.
pub(super) struct Tallying<'a> {
    before: &'a HashMap<HookId, Tally>,
    /// None for a hook that is gone.
    touched: HashMap<HookId, Option<Tally>>,
    /// The counted rows that the batch touched so far, and whether they are there after it.
    changed: HashMap<Vec<u8>, bool>,
}

impl<'a> Tallying<'a> {
    /// Begins with what was counted before.
    pub(super) fn over(before: &'a HashMap<HookId, Tally>) -> Self {
        Self { before, touched: HashMap::new(), changed: HashMap::new() }
    }

    /// Puts the changed tallies into the batch, and gives them.
    pub(super) fn finish(self, batch: &mut sled::Batch) -> HashMap<HookId, Option<Tally>> {
        for (hook, tally) in &self.touched {
            let key = keys::of_hook(keys::TALLY, *hook);
            match tally {
                Some(tally) => batch.insert(key, row::encode(rows::TALLY_VERSION, tally)),
                None => batch.remove(key),
            }
        }
        self.touched
    }

    fn of(&mut self, hook: HookId) -> &mut Tally {
        let before = self.before.get(&hook).copied().unwrap_or_default();
        self.touched.entry(hook).or_insert(Some(before)).get_or_insert_default()
    }
}
