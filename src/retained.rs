//! Retained messages: of each owner and topic the last event that was published to be kept, for MQTT clients that
//! subscribe later.
//!
//! ```text
//!  intake ── keep ─> promised, in the batch of the event ── settle ─> kept ── matching ─> a new subscription
//! ```
//! The intake alone changes them, in the order in which events come; what is kept is on disk before anybody sees it.
//! They are in memory, too, within bounds for each owner; what would go beyond is refused, never dropped in silence.
//! Only what a device or a user published is kept, so all of an owner's clients may have it.

use std::collections::BTreeMap;
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::MutexGuard;

use crate::clock::Now;
use crate::model::Event;
use crate::model::UserId;
use crate::model::WallTime;
use crate::model::spec;
use crate::store::Arrived;
use crate::store::Changes;
use crate::store::StoredRetained;

/// What one message takes beside its topic, data and properties, in bytes: about that much in memory.
const OVERHEAD_BYTES: usize = 256;

/// Everything that is kept. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Retained {
    shelves: Arc<Mutex<HashMap<UserId, Shelf>>>,
    boot: [u8; 16],
}

/// A message would go beyond what is kept for its owner.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RetainedFull {
    /// Too many.
    #[error("{} retained messages are kept already", spec::RETAINED)]
    Count,
    /// Too large together.
    #[error("retained messages take {} bytes together already", spec::RETAINED_BYTES)]
    Bytes,
}

/// A change that is on its way to the disk.
#[derive(Debug)]
pub struct Keeping {
    owner: UserId,
    topic: String,
    /// None to end what was kept.
    kept: Option<Kept>,
}

/// A message that is kept.
#[derive(Debug, Clone)]
pub struct Kept {
    /// As it was accepted.
    pub event: Arc<Event>,
    arrived: Arrived,
    pieces: u8,
}

/// One owner's.
#[derive(Debug, Default)]
struct Shelf {
    places: BTreeMap<String, Place>,
    bytes: usize,
    refused: u64,
}

/// One topic's.
#[derive(Debug, Default)]
struct Place {
    kept: Option<Kept>,
    /// Changes that are on their way to the disk.
    under_way: usize,
    /// Of the largest message that is kept or on its way.
    weight: usize,
    /// Rows that it may take on the disk.
    pieces: u8,
}

impl Retained {
    /// What was kept before the start.
    pub fn restore(stored: Vec<StoredRetained>, boot: [u8; 16]) -> Self {
        let mut shelves: HashMap<UserId, Shelf> = HashMap::new();
        for StoredRetained { event, arrived, pieces } in stored {
            let own = shelves.entry(event.owner).or_default();
            let (topic, weight) = (event.name.as_str().to_owned(), weight(&event));
            let kept = Some(Kept { event, arrived, pieces });
            own.bytes += weight;
            own.places.insert(topic, Place { kept, under_way: 0, weight, pieces });
        }
        Self { shelves: Arc::new(Mutex::new(shelves)), boot }
    }

    /// Puts into `changes` what keeps an event, or ends what was kept if it has no data. Nothing for an event that is
    /// not to be kept. Whoever writes the changes says with [`Self::settle`] what came of it, in the same order.
    ///
    /// # Errors
    /// See [`RetainedFull`]; then nothing changes.
    pub fn keep(&self, event: &Arc<Event>, now: Now, changes: &mut Changes) -> Result<Option<Keeping>, RetainedFull> {
        if !event.publishing.retain {
            return Ok(None);
        }
        let (owner, topic) = (event.owner, event.name.as_str().to_owned());
        let mut all = self.shelves();
        let own = all.entry(owner).or_default();
        if event.data.is_empty() {
            let Some(place) = own.places.get_mut(&topic) else { return Ok(None) };
            changes.remove_retained(owner, &topic, place.pieces);
            place.under_way += 1;
            return Ok(Some(Keeping { owner, topic, kept: None }));
        }
        let weight = weight(event);
        if own.lacks(&topic, weight).is_some() {
            own.drop_if(owner, changes, |kept| kept.left_s(self.boot, now) == Some(0));
        }
        if let Some(full) = own.lacks(&topic, weight) {
            own.refused += 1;
            return Err(full);
        }
        let arrived = Arrived { boot: self.boot, mono_ms: now.mono_ms };
        let place = own.places.entry(topic.clone()).or_default();
        let mut kept = Kept { event: Arc::clone(event), arrived, pieces: place.pieces };
        if !place.holds_already(event) {
            kept.pieces = changes.put_retained(event, arrived, place.pieces);
        }
        own.bytes += weight.saturating_sub(place.weight);
        place.weight = place.weight.max(weight);
        place.pieces = place.pieces.max(kept.pieces);
        place.under_way += 1;
        Ok(Some(Keeping { owner, topic, kept: Some(kept) }))
    }

    /// What [`Self::keep`] put into its changes is durable, or never will be.
    pub fn settle(&self, keeping: Keeping, is_durable: bool) {
        let Keeping { owner, topic, kept } = keeping;
        let mut all = self.shelves();
        let Some(own) = all.get_mut(&owner) else { return };
        let Some(place) = own.places.get_mut(&topic) else { return };
        place.under_way -= 1;
        if is_durable {
            place.kept = kept;
        }
        if place.under_way > 0 {
            return;
        }
        let before = place.weight;
        place.weight = place.kept.as_ref().map_or(0, |kept| weight(&kept.event));
        if is_durable {
            place.pieces = place.kept.as_ref().map_or(0, |kept| kept.pieces);
        }
        own.bytes -= before - place.weight;
        // After an error rows may be there all the same: the place remembers how many.
        if place.kept.is_none() && place.pieces == 0 {
            own.places.remove(&topic);
        }
    }

    /// Calls `take` for each message of an owner that still lives, in the order of their topics, with when it ends, in
    /// milliseconds since the boot.
    pub fn each(&self, owner: UserId, now: Now, mut take: impl FnMut(&Arc<Event>, Option<u64>)) {
        let all = self.shelves();
        let Some(own) = all.get(&owner) else { return };
        for kept in own.places.values().filter_map(|place| place.kept.as_ref()) {
            match kept.left_s(self.boot, now) {
                Some(0) => {}
                left_s => take(&kept.event, left_s.map(|left_s| now.mono_ms + u64::from(left_s) * 1_000)),
            }
        }
    }

    /// Forgets what `is_gone` says of, such as the messages of devices that are not registered any more. None if there
    /// is nothing to forget.
    pub fn forget(&self, is_gone: impl Fn(&Event) -> bool) -> Option<Changes> {
        let mut changes = Changes::new();
        let mut all = self.shelves();
        for (owner, own) in &mut *all {
            own.drop_if(*owner, &mut changes, |kept| is_gone(&kept.event));
        }
        all.retain(|_, own| !own.places.is_empty() || own.refused > 0);
        (!changes.is_empty()).then_some(changes)
    }

    /// How many messages are kept for all owners.
    pub fn count(&self) -> usize {
        self.shelves().values().map(Shelf::count).sum()
    }

    /// How many messages of an owner were refused since the start, since there was no room.
    pub fn refused(&self, owner: UserId) -> u64 {
        self.shelves().get(&owner).map_or(0, |own| own.refused)
    }

    fn shelves(&self) -> MutexGuard<'_, HashMap<UserId, Shelf>> {
        self.shelves.lock().expect("nothing here panics")
    }
}

impl Kept {
    /// Seconds that it lives on, rounded up; none if it does not end.
    fn left_s(&self, boot: [u8; 16], now: Now) -> Option<u32> {
        let expiry_s = self.event.publishing.expiry_s()?;
        let age_ms = if self.arrived.boot == boot {
            now.mono_ms.saturating_sub(self.arrived.mono_ms)
        } else {
            age_ms(self.event.published_at, now.wall)
        };
        Some(expiry_s.saturating_sub(u32::try_from(age_ms / 1_000).unwrap_or(u32::MAX)))
    }
}

impl Shelf {
    fn count(&self) -> usize {
        self.places.values().filter(|place| place.kept.is_some()).count()
    }

    /// Why a message of that weight has no room.
    fn lacks(&self, topic: &str, weight: usize) -> Option<RetainedFull> {
        let held = self.places.get(topic).map_or(0, |place| place.weight);
        if !self.places.contains_key(topic) && self.places.len() >= spec::RETAINED {
            return Some(RetainedFull::Count);
        }
        (self.bytes + weight.saturating_sub(held) > spec::RETAINED_BYTES).then_some(RetainedFull::Bytes)
    }

    /// Drops settled messages.
    fn drop_if(&mut self, owner: UserId, changes: &mut Changes, is_dropped: impl Fn(&Kept) -> bool) {
        let bytes = &mut self.bytes;
        self.places.retain(|topic, place| {
            let goes = place.under_way == 0 && place.kept.as_ref().is_some_and(&is_dropped);
            if goes {
                changes.remove_retained(owner, topic, place.pieces);
                *bytes -= place.weight;
            }
            !goes
        });
    }
}

impl Place {
    /// Whether the disk has just that already. Clients like to say the same again, and it costs the disk nothing; but
    /// what ends must be known with its time.
    fn holds_already(&self, event: &Event) -> bool {
        let is_same = |kept: &Kept| {
            let held = &kept.event;
            let is_published_alike = held.publishing.qos == event.publishing.qos
                && held.publishing.properties == event.publishing.properties;
            held.data == event.data && is_published_alike && held.source == event.source
        };
        self.under_way == 0 && event.publishing.expiry_s().is_none() && self.kept.as_ref().is_some_and(is_same)
    }
}

fn weight(event: &Event) -> usize {
    let properties = event.publishing.properties.as_ref().map_or(0, |properties| properties.weight());
    OVERHEAD_BYTES + event.name.as_str().len() + event.data.len() + properties
}

/// How old something of another boot is, as far as the wall clock can tell.
fn age_ms(since: WallTime, now: WallTime) -> u64 {
    u64::try_from(now.as_millis().saturating_sub(since.as_millis())).unwrap_or(0)
}

#[cfg(test)]
mod tests;
