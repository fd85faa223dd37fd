//! How much waits for each hook, counted in the same batch that changes it: exact after any end, and known at the start
//! without reading what waits.

use std::collections::HashMap;
use std::ops::AddAssign;
use std::sync::Mutex;

use serde::Deserialize;
use serde::Serialize;

use crate::model::Fill;
use crate::model::HookId;

/// What a delivery takes beside its event's data, about: key, ids, times.
const FRAME_BYTES: u64 = 150;

/// What is stored for one hook, or for all.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tally {
    /// Deliveries that wait or are under way.
    pub waiting: u64,
    /// Bytes of their events, with about what their rows take.
    pub waiting_bytes: u64,
    /// Dead letters.
    pub dead: u64,
    /// Bytes of their events, in the same way.
    pub dead_bytes: u64,
    /// The greatest seq that was given away.
    pub(super) last_seq: u64,
}

impl Tally {
    /// How many bytes a delivery with that much data counts.
    pub(super) const fn weight(data_bytes: usize) -> u64 {
        FRAME_BYTES + data_bytes as u64
    }

    /// One delivery with that much data.
    pub const fn one(data_bytes: usize) -> Fill {
        Fill { items: 1, bytes: Self::weight(data_bytes) }
    }

    /// How much waits.
    pub fn fill(self) -> Fill {
        Fill { items: self.waiting, bytes: self.waiting_bytes }
    }

    pub(super) fn change(&mut self, is_dead: bool, weight: u64, comes: bool) {
        let (items, bytes) =
            if is_dead { (&mut self.dead, &mut self.dead_bytes) } else { (&mut self.waiting, &mut self.waiting_bytes) };
        if comes {
            *items += 1;
            *bytes += weight;
        } else {
            *items = items.saturating_sub(1);
            *bytes = bytes.saturating_sub(weight);
        }
    }
}

impl AddAssign for Tally {
    fn add_assign(&mut self, other: Self) {
        self.waiting += other.waiting;
        self.waiting_bytes += other.waiting_bytes;
        self.dead += other.dead;
        self.dead_bytes += other.dead_bytes;
        self.last_seq = self.last_seq.max(other.last_seq);
    }
}

/// The tallies of all hooks, as they are on the disk. Changed by the writer alone.
#[derive(Debug, Default)]
pub(super) struct Tallies(Mutex<Inner>);

#[derive(Debug, Default)]
struct Inner {
    by_hook: HashMap<HookId, Tally>,
    total: Tally,
}

impl Tallies {
    /// Starts over with what was read from the disk.
    pub(super) fn reset(&self, by_hook: HashMap<HookId, Tally>) {
        let total = sum(&by_hook);
        *self.0.lock().expect("nothing here panics") = Inner { by_hook, total };
    }

    /// One hook's.
    pub(super) fn of(&self, hook: HookId) -> Tally {
        self.0.lock().expect("nothing here panics").by_hook.get(&hook).copied().unwrap_or_default()
    }

    /// All hooks' together.
    pub(super) fn total(&self) -> Tally {
        self.0.lock().expect("nothing here panics").total
    }

    /// Each hook's.
    pub(super) fn all(&self) -> HashMap<HookId, Tally> {
        self.0.lock().expect("nothing here panics").by_hook.clone()
    }

    /// Lets `work` see all of them; what it gives is on the disk then.
    pub(super) fn update<E>(
        &self,
        work: impl FnOnce(&HashMap<HookId, Tally>) -> Result<HashMap<HookId, Option<Tally>>, E>,
    ) -> Result<(), E> {
        // The writer alone changes them, so nobody can come in between.
        let before = self.all();
        let touched = work(&before)?;
        let mut inner = self.0.lock().expect("nothing here panics");
        for (hook, tally) in touched {
            match tally {
                Some(tally) => drop(inner.by_hook.insert(hook, tally)),
                None => drop(inner.by_hook.remove(&hook)),
            }
        }
        inner.total = sum(&inner.by_hook);
        Ok(())
    }
}

fn sum(by_hook: &HashMap<HookId, Tally>) -> Tally {
    by_hook.values().fold(Tally::default(), |mut total, tally| {
        total += *tally;
        total
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tallies_add_up() {
        let tallies = Tallies::default();
        let hook = |number| HookId::from_bytes([number; 12]);
        let mut one = Tally::default();
        one.change(false, 100, true);
        one.change(false, 50, true);
        one.change(true, 7, true);
        let touched = HashMap::from([(hook(1), Some(one)), (hook(2), Some(one))]);
        tallies.update(|_| Ok::<_, ()>(touched)).unwrap();
        assert_eq!((tallies.total().waiting, tallies.total().waiting_bytes, tallies.total().dead), (4, 300, 2));
        one.change(false, 100, false);
        tallies.update(|_| Ok::<_, ()>(HashMap::from([(hook(1), None), (hook(2), Some(one))]))).unwrap();
        assert_eq!((tallies.total(), tallies.of(hook(1))), (one, Tally::default()));
        tallies.update(|_| Err(())).unwrap_err();
        assert_eq!(tallies.total(), one);
    }
}
