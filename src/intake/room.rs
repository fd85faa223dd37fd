//! Whether there is room for what an event triggers. Pure, but for the memory of what is on its way to the disk.

use std::collections::HashMap;

use crate::config::Config;
use crate::hooks::QueueRule;
use crate::model::Fill;
use crate::model::HookId;
use crate::model::WhenFull;
use crate::store::Queue;
use crate::store::Tally;

/// What is full.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Full {
    /// The hook's own part of the queue.
    Hook,
    /// The queue as a whole.
    Queue,
    /// The disk.
    Disk,
}

/// What becomes of a delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// There is room for it.
    Fits,
    /// It is kept, and an older one of its hook goes for it.
    DropOldest,
    /// It is not kept.
    DropNewest(Full),
    /// Its event is refused.
    Reject(Full),
}

/// How much room there is, and for how much more it has been given away.
#[derive(Debug, Default)]
pub(super) struct Room {
    /// Deliveries that are on their way to the disk, and in no tally yet.
    on_the_way: HashMap<HookId, Fill>,
    total_on_the_way: Fill,
}

/// What the queue looks like just now.
pub(super) trait Stock {
    /// What waits for one hook.
    fn of(&self, hook: HookId) -> Fill;
    /// What waits for all.
    fn total(&self) -> Fill;
    /// Bytes that are free on the disk.
    fn free_bytes(&self) -> u64;
}

/// The real queue.
pub(super) struct Stored<'a> {
    pub(super) queue: &'a Queue,
    pub(super) free_bytes: u64,
}

impl Stock for Stored<'_> {
    fn of(&self, hook: HookId) -> Fill {
        self.queue.tally(hook).fill()
    }

    fn total(&self) -> Fill {
        self.queue.total().fill()
    }

    fn free_bytes(&self) -> u64 {
        self.free_bytes
    }
}

impl Full {
    /// For whoever is refused because of that hook.
    pub(super) fn reason(self, hook: HookId) -> String {
        match self {
            Self::Hook => format!("as much waits for hook {hook} as its max_waiting and max_waiting_bytes allow"),
            Self::Queue => "as much waits as queue.max_waiting and queue.max_mb allow".to_owned(),
            Self::Disk => "the disk is nearly full".to_owned(),
        }
    }
}

impl Room {
    /// What becomes of one more delivery of `data_bytes` for a hook.
    pub(super) fn judge(
        &self,
        hook: HookId,
        rule: QueueRule,
        data_bytes: usize,
        stock: &impl Stock,
        config: &Config,
    ) -> Verdict {
        let more = Tally::one(data_bytes);
        let on_the_way = self.on_the_way.get(&hook).copied().unwrap_or_default();
        let own = stock.of(hook).with(on_the_way);
        let all = stock.total().with(self.total_on_the_way);
        let full = if !rule.bounds.admit(own, more) {
            Full::Hook
        } else if !config.queue.bounds().admit(all, more) {
            Full::Queue
        } else if config.queue.is_low(stock.free_bytes()) {
            Full::Disk
        } else {
            return Verdict::Fits;
        };
        match rule.when_full.unwrap_or(config.queue.when_full) {
            WhenFull::Reject => Verdict::Reject(full),
            // It makes room only for itself: with nothing of its own to drop it would take that of others.
            WhenFull::DropOldest if stock.of(hook).items > 0 => Verdict::DropOldest,
            WhenFull::DropOldest | WhenFull::DropNewest => Verdict::DropNewest(full),
        }
    }

    /// A delivery goes to the disk.
    pub(super) fn give(&mut self, hook: HookId, data_bytes: usize) {
        let more = Tally::one(data_bytes);
        let own = self.on_the_way.entry(hook).or_default();
        *own = own.with(more);
        self.total_on_the_way = self.total_on_the_way.with(more);
    }

    /// A delivery is on the disk, or never will be.
    pub(super) fn settle(&mut self, hook: HookId, data_bytes: usize) {
        let less = Tally::one(data_bytes);
        if let Some(own) = self.on_the_way.get_mut(&hook) {
            *own = own.without(less);
            if own.items == 0 {
                self.on_the_way.remove(&hook);
            }
        }
        self.total_on_the_way = self.total_on_the_way.without(less);
    }
}

#[cfg(test)]
pub(super) mod tests {
    use std::num::NonZeroU64;

    use super::*;
    use crate::model::Bounds;

    /// A queue in which so many deliveries of 10 bytes wait for every hook, and three times as many in all.
    pub(in crate::intake) struct Holding {
        pub(in crate::intake) items: u64,
        pub(in crate::intake) free_bytes: u64,
    }

    impl Stock for Holding {
        fn of(&self, _: HookId) -> Fill {
            Fill { items: self.items, bytes: self.items * Tally::one(10).bytes }
        }

        fn total(&self) -> Fill {
            Fill { items: 3 * self.items, bytes: 3 * self.items * Tally::one(10).bytes }
        }

        fn free_bytes(&self) -> u64 {
            self.free_bytes
        }
    }

    const HOOK: HookId = HookId::from_bytes([4; 12]);
    const PLENTY: u64 = u64::MAX;

    fn rule(items: u64, when_full: WhenFull) -> QueueRule {
        let bounds = Bounds { items: NonZeroU64::new(items), bytes: None };
        QueueRule { bounds, when_full: Some(when_full), max_age: None }
    }

    fn judge(rule: QueueRule, items: u64, free_bytes: u64) -> Verdict {
        Room::default().judge(HOOK, rule, 10, &Holding { items, free_bytes }, &Config::default())
    }

    #[test]
    fn a_full_hook_does_what_it_was_told_to() {
        assert_eq!(judge(rule(5, WhenFull::Reject), 4, PLENTY), Verdict::Fits);
        assert_eq!(judge(rule(5, WhenFull::Reject), 5, PLENTY), Verdict::Reject(Full::Hook));
        assert_eq!(judge(rule(5, WhenFull::DropOldest), 5, PLENTY), Verdict::DropOldest);
        assert_eq!(judge(rule(5, WhenFull::DropNewest), 5, PLENTY), Verdict::DropNewest(Full::Hook));
    }

    #[test]
    fn a_full_queue_and_a_full_disk_are_bounds_too() {
        assert_eq!(judge(QueueRule::default(), 66_666, PLENTY), Verdict::Fits);
        assert_eq!(judge(QueueRule::default(), 66_667, PLENTY), Verdict::Reject(Full::Queue));
        assert_eq!(judge(QueueRule::default(), 0, (128 << 20) - 1), Verdict::Reject(Full::Disk));
        assert_eq!(judge(QueueRule::default(), 0, 128 << 20), Verdict::Fits);
    }

    #[test]
    fn a_hook_drops_only_its_own() {
        assert_eq!(judge(rule(5, WhenFull::DropOldest), 0, 0), Verdict::DropNewest(Full::Disk));
    }

    #[test]
    fn what_is_on_its_way_to_the_disk_counts() {
        let mut room = Room::default();
        let stock = Holding { items: 3, free_bytes: PLENTY };
        let verdict = |room: &Room| room.judge(HOOK, rule(5, WhenFull::Reject), 10, &stock, &Config::default());
        room.give(HOOK, 10);
        assert_eq!(verdict(&room), Verdict::Fits);
        room.give(HOOK, 10);
        assert_eq!(verdict(&room), Verdict::Reject(Full::Hook));
        room.settle(HOOK, 10);
        assert_eq!(verdict(&room), Verdict::Fits);
        room.settle(HOOK, 10);
        assert!(room.on_the_way.is_empty() && room.total_on_the_way == Fill::default());
    }
}
