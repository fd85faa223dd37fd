//! All sessions that outlive their connection. Pure: it is told the time and says what is to be written.

use std::collections::HashMap;
use std::collections::HashSet;
use std::sync::Arc;

use tokio::sync::Notify;

use crate::model::Event;
use crate::model::Qos;
use crate::registry::Snapshot;
use crate::sessions::Bounds;
use crate::sessions::Expiry;
use crate::sessions::Holder;
use crate::sessions::SessionKey;
use crate::sessions::SessionReport;
use crate::sessions::Subscription;
use crate::sessions::TopicFilter;
use crate::sessions::outbox::Gone;
use crate::sessions::outbox::Outbox;
use crate::sessions::subscription::hear;
use crate::store::Changes;
use crate::store::MessageRow;
use crate::store::StoredHolder;
use crate::store::StoredMessage;
use crate::store::StoredSession;
use crate::store::StoredSubscription;

/// See the module.
#[derive(Debug)]
pub(super) struct Table {
    /// By their fingerprints.
    sessions: HashMap<u64, Entry>,
    bounds: Bounds,
    /// Bytes of messages in all outboxes.
    bytes: usize,
    /// Messages that had to go since the start.
    dropped: u64,
}

/// One session.
#[derive(Debug)]
pub(super) struct Entry {
    key: SessionKey,
    expiry: Expiry,
    subscriptions: Vec<Subscription>,
    outbox: Outbox,
    /// Wakes its connection when something may be sent.
    wake: Arc<Notify>,
    /// Since when it has no connection, in milliseconds since the boot; none while it has one.
    left_ms: Option<u64>,
    /// What its client published with QoS 2 and has not released: packet identifiers.
    received: HashSet<u16>,
    dropped: u64,
    /// Whether a message had to go since it last had a connection.
    is_overfull: bool,
}

/// There are as many sessions as there may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("there are as many lasting sessions as there may be")]
pub struct TooManySessions;

/// A session that has a connection now.
#[derive(Debug)]
pub(super) struct Opened {
    pub(super) is_present: bool,
    pub(super) wake: Arc<Notify>,
}

/// A message that is held for a session: its fingerprint, and its number there.
pub(super) type Held = (u64, u64);

impl Table {
    /// What was stored, each session without a connection since `now_ms`.
    pub(super) fn restore(
        sessions: Vec<(u64, StoredSession)>,
        messages: Vec<(u64, MessageRow)>,
        received: Vec<(u64, u16)>,
        bounds: Bounds,
        now_ms: u64,
    ) -> Self {
        let mut table = Self { sessions: HashMap::new(), bounds, bytes: 0, dropped: 0 };
        for (fingerprint, stored) in sessions {
            table.sessions.insert(fingerprint, Entry::restore(stored, now_ms));
        }
        for (fingerprint, row) in messages {
            if let Some(entry) = table.sessions.get_mut(&fingerprint) {
                entry.outbox.restore(row.seq, row.pieces, row.bytes, row.qos, row.is_released);
                table.bytes += row.bytes;
            }
        }
        for (fingerprint, packet_id) in received {
            if let Some(entry) = table.sessions.get_mut(&fingerprint) {
                entry.received.insert(packet_id);
            }
        }
        table
    }

    /// Gives a session its connection. `clean` forgets what was. None if it is not to outlive the connection.
    ///
    /// # Errors
    /// [`TooManySessions`]: it would be one more than there may be, and none of the same holder is away.
    pub(super) fn attach(
        &mut self,
        key: &SessionKey,
        clean: bool,
        expiry: Expiry,
        changes: &mut Changes,
    ) -> Result<Option<Opened>, TooManySessions> {
        let fingerprint = key.fingerprint();
        let is_there = self.sessions.get(&fingerprint).is_some_and(|entry| entry.key == *key);
        if clean || !is_there {
            self.remove(fingerprint, changes);
        }
        if let Some(entry) = self.sessions.get_mut(&fingerprint) {
            (entry.left_ms, entry.is_overfull) = (None, false);
            if entry.expiry != expiry {
                entry.expiry = expiry;
                changes.put_session(fingerprint, &entry.stored());
            }
            return Ok(Some(Opened { is_present: true, wake: Arc::clone(&entry.wake) }));
        }
        if expiry.is_at_once() {
            return Ok(None);
        }
        self.make_room(key.holder, changes)?;
        let entry = Entry::new(key.clone(), expiry);
        let wake = Arc::clone(&entry.wake);
        changes.put_session(fingerprint, &entry.stored());
        self.sessions.insert(fingerprint, entry);
        Ok(Some(Opened { is_present: false, wake }))
    }

    /// A session lost its connection. It ends if it is to end with it.
    pub(super) fn detach(&mut self, fingerprint: u64, now_ms: u64, changes: &mut Changes) {
        let Some(entry) = self.sessions.get_mut(&fingerprint) else { return };
        entry.outbox.detach();
        entry.left_ms = Some(now_ms);
        if entry.expiry.is_at_once() {
            self.remove(fingerprint, changes);
        }
    }

    /// Ends the sessions that were away for too long, and those of who is not registered any more.
    pub(super) fn expire(&mut self, registry: &Snapshot, now_ms: u64, changes: &mut Changes) -> Vec<SessionKey> {
        let longest = self.bounds.longest_away;
        let is_over = |entry: &Entry| {
            let Some(left_ms) = entry.left_ms else { return false };
            let may_ms = entry.expiry.at_most(longest).seconds().map(|seconds| u64::from(seconds) * 1_000);
            let is_expired = may_ms.is_some_and(|may_ms| now_ms.saturating_sub(left_ms) >= may_ms);
            is_expired || entry.key.holder.hearer(registry).is_none()
        };
        let over: Vec<u64> = self.sessions.iter().filter(|(_, entry)| is_over(entry)).map(|(id, _)| *id).collect();
        over.into_iter().filter_map(|fingerprint| self.remove(fingerprint, changes)).collect()
    }

    /// Ends a session that has no connection: whether there was one.
    pub(super) fn end(&mut self, fingerprint: u64, changes: &mut Changes) -> bool {
        let is_away = self.sessions.get(&fingerprint).is_some_and(|entry| entry.left_ms.is_some());
        is_away && self.remove(fingerprint, changes).is_some()
    }

    /// Keeps a message for each session that hears the event with QoS 1 or 2, held until it is told. `overfull` gets
    /// those that lose a message for the first time since they got their connection.
    pub(super) fn keep(
        &mut self,
        event: &Event,
        registry: &Snapshot,
        changes: &mut Changes,
        overfull: &mut Vec<SessionKey>,
    ) -> Vec<Held> {
        let mut held = Vec::new();
        for (fingerprint, entry) in &mut self.sessions {
            let Some((owner, hearer)) = entry.key.holder.hearer(registry) else { continue };
            if owner != event.owner {
                continue;
            }
            let heard =
                hear(&entry.subscriptions, *fingerprint, hearer, event).filter(|heard| heard.qos > Qos::AtMostOnce);
            let Some(heard) = heard else { continue };
            let qos = heard.qos;
            let message = heard.message(event);
            let (weight, dropped) = (message.weight(), entry.dropped);
            let others = self.bytes - entry.outbox.bytes();
            let has_room = entry.make_room(*fingerprint, weight, others, &self.bounds, &mut self.dropped, changes);
            if entry.dropped > dropped && !std::mem::replace(&mut entry.is_overfull, true) {
                overfull.push(entry.key.clone());
            }
            if has_room {
                let seq = entry.outbox.next_seq();
                let pieces = changes.put_message(*fingerprint, seq, &message);
                held.push((*fingerprint, entry.outbox.keep(pieces, weight, qos)));
            }
            self.bytes = others + entry.outbox.bytes();
        }
        held
    }

    /// Keeps messages for one session, as far as there is room. They are held until they are told; the others come
    /// back.
    pub(super) fn keep_for(
        &mut self,
        fingerprint: u64,
        messages: Vec<StoredMessage>,
        changes: &mut Changes,
    ) -> (Vec<Held>, Vec<StoredMessage>) {
        let Some(entry) = self.sessions.get_mut(&fingerprint) else { return (Vec::new(), messages) };
        let (mut held, mut rest) = (Vec::new(), Vec::new());
        for message in messages {
            let weight = message.weight();
            let others = self.bytes - entry.outbox.bytes();
            if entry.fits(weight, others, &self.bounds) {
                let pieces = changes.put_message(fingerprint, entry.outbox.next_seq(), &message);
                changes.needs_room();
                held.push((fingerprint, entry.outbox.keep(pieces, weight, message.qos)));
            } else {
                rest.push(message);
            }
            self.bytes = others + entry.outbox.bytes();
        }
        (held, rest)
    }

    /// What was held is durable.
    pub(super) fn stored(&mut self, held: &[Held]) {
        self.release(held, Outbox::stored);
    }

    /// It is time for what was held.
    pub(super) fn tell(&mut self, held: &[Held]) {
        self.release(held, Outbox::tell);
    }

    /// What was held did not become durable.
    pub(super) fn discard(&mut self, held: &[Held]) {
        for (fingerprint, seq) in held {
            self.change(*fingerprint, |outbox| outbox.discard(*seq));
        }
    }

    /// Changes an outbox, and keeps the count of all bytes.
    pub(super) fn change<T>(&mut self, fingerprint: u64, change: impl FnOnce(&mut Outbox) -> Option<T>) -> Option<T> {
        let outbox = &mut self.sessions.get_mut(&fingerprint)?.outbox;
        let before = outbox.bytes();
        let changed = change(outbox);
        self.bytes = self.bytes - before + outbox.bytes();
        changed
    }

    /// A session, to be changed; not its outbox.
    pub(super) fn session(&mut self, fingerprint: u64) -> Option<&mut Entry> {
        self.sessions.get_mut(&fingerprint)
    }

    /// How every session is.
    pub(super) fn reports(&self, now_ms: u64) -> Vec<SessionReport> {
        let mut reports: Vec<_> = self.sessions.values().map(|entry| entry.report(now_ms)).collect();
        reports.sort_by_key(|report| (report.key.holder.id(), report.key.client_id.clone()));
        reports
    }

    /// Messages that had to go since the start, to make room.
    pub(super) fn dropped(&self) -> u64 {
        self.dropped
    }

    /// Wakes the sessions that may be sent something now.
    fn release(&mut self, held: &[Held], release: impl Fn(&mut Outbox, u64) -> bool) {
        for (fingerprint, seq) in held {
            if let Some(entry) = self.sessions.get_mut(fingerprint) {
                if release(&mut entry.outbox, *seq) {
                    entry.wake.notify_one();
                }
            }
        }
    }

    /// Sees to it that one more session may begin: the one of the same holder that is away for longest ends for it.
    fn make_room(&mut self, holder: Holder, changes: &mut Changes) -> Result<(), TooManySessions> {
        let of_holder = self.sessions.values().filter(|entry| entry.key.holder == holder).count();
        if of_holder < self.bounds.sessions_per_holder && self.sessions.len() < self.bounds.sessions {
            return Ok(());
        }
        let away = self.sessions.iter().filter(|(_, entry)| entry.key.holder == holder);
        let oldest = away.filter_map(|(id, entry)| Some((entry.left_ms?, *id))).min().ok_or(TooManySessions)?;
        if let Some(key) = self.remove(oldest.1, changes) {
            log::debug!(session:% = key; "a lasting MQTT session ends for a newer one of the same client");
        }
        Ok(())
    }

    fn remove(&mut self, fingerprint: u64, changes: &mut Changes) -> Option<SessionKey> {
        let entry = self.sessions.remove(&fingerprint)?;
        self.bytes -= entry.outbox.bytes();
        for Gone { seq, pieces } in entry.outbox.all() {
            changes.remove_message(fingerprint, seq, pieces);
        }
        for packet_id in entry.received {
            changes.remove_received(fingerprint, packet_id);
        }
        changes.remove_session(fingerprint);
        Some(entry.key)
    }
}

impl Entry {
    fn new(key: SessionKey, expiry: Expiry) -> Self {
        Self {
            key,
            expiry,
            subscriptions: Vec::new(),
            outbox: Outbox::default(),
            wake: Arc::default(),
            left_ms: None,
            received: HashSet::new(),
            dropped: 0,
            is_overfull: false,
        }
    }

    fn restore(stored: StoredSession, now_ms: u64) -> Self {
        let StoredSession { holder, client_id, expiry_s, subscriptions } = stored;
        let holder = match holder {
            StoredHolder::Device(id) => Holder::Device(id),
            StoredHolder::User(id) => Holder::User(id),
        };
        let read = |stored: StoredSubscription| {
            let StoredSubscription { filter, granted, no_local, id, keeps_retain } = stored;
            // What this farhook does not take any more is no subscription.
            Some(Subscription { filter: TopicFilter::parse(filter).ok()?, granted, no_local, keeps_retain, id })
        };
        let mut entry = Self::new(SessionKey { holder, client_id }, Expiry::after(expiry_s));
        entry.subscriptions = subscriptions.into_iter().filter_map(read).collect();
        entry.left_ms = Some(now_ms);
        entry
    }

    /// As it is kept.
    pub(super) fn stored(&self) -> StoredSession {
        let holder = match self.key.holder {
            Holder::Device(id) => StoredHolder::Device(id),
            Holder::User(id) => StoredHolder::User(id),
        };
        let stored = |held: &Subscription| StoredSubscription {
            filter: held.filter.as_str().to_owned(),
            granted: held.granted,
            no_local: held.no_local,
            id: held.id,
            keeps_retain: held.keeps_retain,
        };
        StoredSession {
            holder,
            client_id: self.key.client_id.clone(),
            expiry_s: self.expiry.seconds(),
            subscriptions: self.subscriptions.iter().map(stored).collect(),
        }
    }

    /// What it subscribed to.
    pub(super) fn subscriptions(&mut self) -> &mut Vec<Subscription> {
        &mut self.subscriptions
    }

    /// What its client published with QoS 2 and has not released.
    pub(super) fn received(&mut self) -> &mut HashSet<u16> {
        &mut self.received
    }

    /// How long it lives without a connection.
    pub(super) fn expiry(&self) -> Expiry {
        self.expiry
    }

    /// From now on it lives so long without a connection.
    pub(super) fn set_expiry(&mut self, expiry: Expiry) {
        self.expiry = expiry;
    }

    /// The packet identifiers for which PUBREL is to be sent again.
    pub(super) fn released(&self) -> Vec<u16> {
        self.outbox.released()
    }

    /// Whether one more message has room. `others` is what other sessions' messages take.
    fn fits(&self, weight: usize, others: usize, bounds: &Bounds) -> bool {
        let bytes = self.outbox.bytes() + weight;
        self.outbox.len() < bounds.messages && bytes <= bounds.bytes && others + bytes <= bounds.all_bytes
    }

    /// Lets the oldest messages go until one more fits. False if it does not fit even so.
    fn make_room(
        &mut self,
        fingerprint: u64,
        weight: usize,
        others: usize,
        bounds: &Bounds,
        dropped: &mut u64,
        changes: &mut Changes,
    ) -> bool {
        loop {
            if self.fits(weight, others, bounds) {
                return true;
            }
            (self.dropped, *dropped) = (self.dropped + 1, *dropped + 1);
            let Some(Gone { seq, pieces }) = self.outbox.drop_oldest() else { return false };
            changes.remove_message(fingerprint, seq, pieces);
        }
    }

    fn report(&self, now_ms: u64) -> SessionReport {
        SessionReport {
            key: self.key.clone(),
            away_s: self.left_ms.map(|left_ms| now_ms.saturating_sub(left_ms) / 1_000),
            filters: self.subscriptions.iter().map(|held| held.filter.as_str().to_owned()).collect(),
            waiting: self.outbox.len(),
            waiting_bytes: self.outbox.bytes(),
            dropped: self.dropped,
        }
    }
}

#[cfg(test)]
mod tests;
