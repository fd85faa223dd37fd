//! What was refused and nobody may lose: removals of what was delivered, dead letters, windows, health. Bounded: of a
//! row that is written over and over only the last version is owed, and the log of attempts not at all.

use std::collections::VecDeque;

use crate::store::Changes;

/// What is owed to the disk.
#[derive(Debug, Default)]
pub(super) struct Owed {
    /// Deliveries that come to their end, each with its rows and its count.
    ends: VecDeque<Changes>,
    /// Everything else.
    rest: Changes,
}

impl Owed {
    /// Owes changes that add nothing.
    pub(super) fn owe(&mut self, changes: Changes) {
        let (ends, rest) = changes.split_counted();
        if !ends.is_empty() {
            self.ends.push_back(ends);
        }
        self.rest.append_latest(rest);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.ends.is_empty() && self.rest.is_empty()
    }

    /// At most so many ends, and the small rest.
    pub(super) fn some(&self, most: usize) -> impl Iterator<Item = &Changes> {
        self.ends.iter().take(most).chain([&self.rest])
    }

    /// What [`Self::some`] gave is on the disk.
    pub(super) fn paid(&mut self, most: usize) {
        self.ends.drain(..most.min(self.ends.len()));
        self.rest = Changes::new();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::HookId;
    use crate::store::AttemptShelf;
    use crate::store::AttemptSlot;
    use crate::store::DeliveryKey;
    use crate::store::LaneKey;
    use crate::store::StoredHealth;
    use crate::store::StoredWindow;
    use crate::store::attempt::tests::attempt;

    const HOOK: HookId = HookId::from_bytes([4; 12]);

    fn end(seq: u64) -> Changes {
        let mut changes = Changes::new();
        changes.remove(DeliveryKey { lane: LaneKey { hook: HOOK, device: None }, seq }, 2);
        changes.put_window("host a", &StoredWindow { boot: [1; 16], taken_ms: vec![seq] });
        changes.put_health(HOOK, StoredHealth::default());
        changes.put_attempt(AttemptSlot { hook: HOOK, shelf: AttemptShelf::All, slot: 0 }, &attempt(seq, "x"));
        changes
    }

    #[test]
    fn ends_are_owed_one_by_one_and_of_the_rest_the_latest() {
        let mut owed = Owed::default();
        assert!(owed.is_empty());
        (0..40).for_each(|seq| owed.owe(end(seq)));
        assert_eq!((owed.ends.len(), owed.rest.len()), (40, 2), "a window and a health");
        let sizes: Vec<usize> = std::iter::from_fn(|| {
            let size = (!owed.is_empty()).then(|| owed.some(16).count());
            owed.paid(16);
            size
        })
        .collect();
        assert_eq!(sizes, [17, 17, 9]);
    }
}
