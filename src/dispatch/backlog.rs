//! What waits on the disk: found at the start, read page by page as the lanes want it, removed when its hook is gone.
//! Part of the driver.

use std::collections::HashSet;
use std::panic::AssertUnwindSafe;
use std::panic::catch_unwind;
use std::sync::Arc;

use log::error;
use log::info;
use log::warn;

use crate::clock;
use crate::clock::Now;
use crate::dispatch::age;
use crate::dispatch::age::AcceptedAt;
use crate::dispatch::driver::Driver;
use crate::dispatch::driver::EVENTS_IN_MEMORY;
use crate::dispatch::lane::Behind;
use crate::dispatch::lane::Filling;
use crate::dispatch::lane::IN_MEMORY;
use crate::dispatch::lane::Item;
use crate::hooks::retry;
use crate::model::Event;
use crate::model::HookId;
use crate::model::WallTime;
use crate::store::LaneKey;
use crate::store::Page;
use crate::store::Queue;
use crate::store::QueueWriter;
use crate::store::StoredDelivery;

/// Pages of lanes that are read at the same time.
const PAGES_AT_ONCE: usize = 4;

impl Driver {
    /// Makes the lanes known in which something waits from before the restart. What has no hook stays on the disk until
    /// it is too old: its hook may be one that cannot be read this time, or the registry was restored from an older
    /// export.
    pub(super) fn queue_up_backlog(&mut self, now: Now) {
        let lanes = match self.queue.lanes() {
            Ok(lanes) => lanes,
            Err(error) => return error!("what waited before the restart waits for the next one: {error}"),
        };
        let (known, unknown): (Vec<_>, Vec<_>) =
            lanes.into_iter().partition(|lane| self.roster.hook(lane.hook).is_some());
        for lane in known {
            self.lanes.open(lane);
        }
        let max_age = self.config.borrow().queue.max_age;
        // What cannot be read may be young.
        let is_young = |lane: &LaneKey| match self.queue.latest(*lane, 1).as_deref() {
            Ok([delivery, ..]) => {
                let published_at = self.published_at(delivery);
                AcceptedAt::stored(delivery.arrived, published_at, self.boot, now).age(now.mono_ms) <= max_age
            }
            Ok([]) | Err(_) => true,
        };
        let kept: HashSet<HookId> = unknown.iter().filter(|lane| is_young(lane)).map(|lane| lane.hook).collect();
        for hook in self.queue.hooks() {
            if self.roster.hook(hook).is_none() && !kept.contains(&hook) {
                self.gone.push(hook);
            }
        }
        if !kept.is_empty() {
            let count: u64 = kept.iter().map(|hook| self.queue.tally(*hook).waiting).sum();
            warn!("{count} deliveries wait for hooks that are not registered; they are kept until they are too old");
        }
    }

    /// Says once what waits from before the restart.
    pub(super) fn log_what_waits(&self) {
        let waiting = self.queue.total().waiting;
        if waiting > 0 {
            info!("{waiting} deliveries wait from before");
        }
    }

    /// Starts to read the pages that lanes want.
    pub(super) fn read_pages(&mut self) {
        self.to_read.extend(self.lanes.pages_to_read());
        while self.reading.len() < PAGES_AT_ONCE {
            let Some((lane, Behind(after))) = self.to_read.pop_front() else { return };
            let queue = self.queue.clone();
            self.reading.spawn_blocking(move || {
                // A lane whose reader panicked would wait for its page for ever.
                let read = catch_unwind(AssertUnwindSafe(|| queue.page(lane, after, IN_MEMORY)));
                match read {
                    Ok(Ok(page)) => (lane, Some(page)),
                    Ok(Err(error)) => {
                        warn!(HOOK_ID:% = lane.hook; "what waits cannot be read: {error}");
                        (lane, None)
                    }
                    Err(_) => (lane, None),
                }
            });
        }
    }

    /// Takes a page in that was read.
    pub(super) fn fill(&mut self, lane: LaneKey, page: Option<Page>) {
        let now = clock::now();
        let filling = page.map(|page| {
            page.damaged.iter().for_each(|error| error!("{error}; it is left where it is"));
            let item = |(seq, delivery): (u64, StoredDelivery)| self.item(seq, delivery, now);
            Filling {
                items: page.deliveries.into_iter().map(item).collect(),
                last_seq: page.last_seq,
                is_last: page.is_last,
            }
        });
        self.lanes.fill(lane, filling, EVENTS_IN_MEMORY);
    }

    fn item(&self, seq: u64, delivery: StoredDelivery, now: Now) -> Item {
        let published_at = self.published_at(&delivery);
        let accepted = AcceptedAt::stored(delivery.arrived, published_at, self.boot, now);
        let due = |moment| age::due_ms(moment, self.boot, now, retry::RETRY_AFTER_MOST);
        let due_ms = delivery.not_before.map_or(0, due);
        let event = if published_at == delivery.event.published_at {
            delivery.event
        } else {
            Arc::new(Event { published_at, ..Event::clone(&delivery.event) })
        };
        Item { seq, answers: delivery.attempts, accepted, due_ms, met_silence: false, event: Some(event) }
    }

    /// When an event was published. Those of an earlier boot may bear a stamp of before the clock was set; those of
    /// this boot are looked at when they are sent.
    fn published_at(&self, delivery: &StoredDelivery) -> WallTime {
        let stamped = delivery.event.published_at;
        let began_ms = self.boots.get(&delivery.arrived.boot).filter(|_| delivery.arrived.boot != self.boot);
        began_ms.and_then(|began_ms| age::repaired(delivery.arrived, *began_ms, stamped)).unwrap_or(stamped)
    }

    /// Removes everything that is stored of hooks that are gone. What the disk refuses to remove is tried again.
    pub(super) fn forget_gone_hooks(&mut self) {
        while let Some(ended) = self.forgetting.try_join_next() {
            self.gone.extend(ended.unwrap_or_default());
        }
        if self.gone.is_empty() || !self.forgetting.is_empty() {
            return;
        }
        let (gone, queue, writer) = (std::mem::take(&mut self.gone), self.queue.clone(), self.writer.clone());
        self.forgetting.spawn(async move {
            let mut left = Vec::new();
            for hook in gone {
                if !forget(hook, &queue, &writer).await {
                    left.push(hook);
                }
            }
            left
        });
    }
}

/// Removes what is stored of a hook, some rows at a time. False if the disk refuses.
async fn forget(hook: HookId, queue: &Queue, writer: &QueueWriter) -> bool {
    loop {
        let queue = queue.clone();
        let changes = match tokio::task::spawn_blocking(move || queue.forgetting(hook)).await {
            Ok(Ok(Some(changes))) => changes,
            Ok(Ok(None)) => return true,
            Ok(Err(_)) | Err(_) => return false,
        };
        if !matches!(writer.write(changes).await, Ok(Ok(()))) {
            return false;
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::watch;

    use super::*;
    use crate::bus::Board;
    use crate::bus::Live;
    use crate::bus::arrivals;
    use crate::bus::orders;
    use crate::bus::routes;
    use crate::chance::Chance;
    use crate::config::Config;
    use crate::dispatch::Parts;
    use crate::history::History;
    use crate::limits::Meters;
    use crate::logbook::Logbook;
    use crate::notices::Notices;
    use crate::registry::Snapshot;
    use crate::sessions::Bounds;
    use crate::sessions::Sessions;
    use crate::store::Changes;
    use crate::store::DeliveryKey;
    use crate::store::tests::delivery;

    #[tokio::test]
    async fn what_waits_for_an_unknown_hook_is_kept_until_it_is_too_old() {
        let data = tempfile::tempdir().unwrap();
        let (queue, _) = Queue::open(data.path()).unwrap();
        let (writer, thread) = QueueWriter::start(&queue, 0);
        let max_age_ms = i64::try_from(Config::default().queue.max_age.as_millis()).unwrap();
        let now = clock::now();
        let accepted = |ago_ms: i64| WallTime::from_millis(now.wall.as_millis() - ago_ms);
        let (young, old) = (HookId::from_bytes([9; 12]), HookId::from_bytes([10; 12]));
        let mut changes = Changes::new();
        for (hook, published_at) in [(young, accepted(1_000)), (old, accepted(max_age_ms + 1_000))] {
            let key = DeliveryKey { lane: LaneKey { hook, device: None }, seq: 1 };
            let of_another_boot = delivery("21");
            let event = Event { published_at, ..Event::clone(&of_another_boot.event) };
            changes.store(key, &StoredDelivery { event: Arc::new(event), ..of_another_boot });
        }
        writer.write(changes).await.unwrap().unwrap();
        let (mut driver, ..) = Driver::new(parts(&queue, &writer));

        driver.look_after_all().await;
        while driver.forgetting.join_next().await.is_some() {}

        assert!(driver.lanes.pages_to_read().is_empty());
        assert_eq!((queue.tally(young).waiting, queue.tally(old).waiting), (1, 0));
        writer.stop();
        thread.join();
    }

    fn parts(queue: &Queue, writer: &QueueWriter) -> Parts {
        Parts {
            arrivals: arrivals().1,
            orders: orders().1,
            registry: watch::channel(Arc::new(Snapshot::default())).1,
            config: watch::channel(Arc::new(Config::default())).1,
            routes: routes().1,
            queue: queue.clone(),
            writer: writer.clone(),
            live: Live::new().0,
            sessions: Sessions::restore(queue, writer, Bounds::default(), 0).unwrap(),
            board: Board::default(),
            logbook: Logbook::new(queue.clone()),
            notices: Notices::restore(Vec::new()),
            history: History::default(),
            hosts: Meters::restore(None, None, &[], [0; 16], 0).hosts,
            chance: Chance::from_seed(1),
            healths: Vec::new(),
            boot: [0; 16],
            was_killed: false,
        }
    }
}
