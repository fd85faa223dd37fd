//! What has to go without being delivered: the oldest of hooks whose queue is full, what has waited too long, dead
//! letters of which there are too many. Part of the driver.

use std::sync::Arc;
use std::time::Duration;

use log::info;
use log::warn;

use crate::clock;
use crate::clock::Now;
use crate::dispatch::attempt::Leave;
use crate::dispatch::driver::Driver;
use crate::dispatch::driver::max_age;
use crate::dispatch::trend::ONE_MORE;
use crate::history::What;
use crate::model::Fill;
use crate::model::HookId;
use crate::notices::Kind;
use crate::store::Changes;
use crate::store::DeliveryKey;
use crate::store::Tally;

/// Deliveries that one event may drop, when it is larger than the oldest.
const DROPPED_AT_ONCE: usize = 64;

/// Deliveries whose time is over that are brought to their end at the same time.
const EXPIRED_AT_ONCE: usize = 64;

/// Dead letters that are removed together.
const TRIMMED_AT_ONCE: usize = 256;

impl Driver {
    /// Tells the log when the queue or the disk gets full, and when there is room again.
    pub(super) fn note_room(&mut self) {
        let full = if self.is_disk_low() {
            Some("the disk is nearly full")
        } else if !self.config.borrow().queue.bounds().admit(self.queue.total().fill(), ONE_MORE) {
            Some("as much waits as queue.max_waiting and queue.max_mb allow")
        } else {
            None
        };
        if full != self.told_full {
            match full {
                Some(reason) => warn!("{reason}: what hooks want is refused or dropped, as they say"),
                None => info!("there is room for new events again"),
            }
            self.told_full = full;
        }
    }

    /// Drops the oldest deliveries of hooks for whose events there was no room: one for each that has come, as long as
    /// there is too little, and more if the hook's own bounds want it.
    pub(super) async fn make_room(&mut self) {
        let mut full = std::mem::take(&mut self.full);
        full.sort_unstable();
        for arrivals in full.chunk_by(PartialEq::eq) {
            self.drop_oldest(arrivals[0], arrivals.len()).await;
        }
    }

    async fn drop_oldest(&mut self, hook: HookId, arrivals: usize) {
        let Some((rule, owner)) = self.roster.hook(hook).map(|hook| (hook.definition.queue(), hook.owner)) else {
            return;
        };
        let (mut own, mut total) = (self.queue.tally(hook).fill(), self.queue.total().fill());
        let (mut changes, mut dropped) = (Changes::new(), 0);
        while dropped < arrivals.max(DROPPED_AT_ONCE) {
            let is_own_kept = rule.bounds.admit(own, Fill::default());
            let is_room =
                is_own_kept && self.config.borrow().queue.bounds().admit(total, Fill::default()) && !self.is_disk_low();
            if is_room || (is_own_kept && dropped >= arrivals) {
                break;
            }
            let Some((key, data_bytes)) = self.take_oldest(hook).await else { break };
            changes.remove(key, data_bytes);
            let one = Tally::one(data_bytes);
            (own, total) = (own.without(one), total.without(one));
            dropped += 1;
        }
        if dropped == 0 {
            return;
        }
        let text = "its queue is full: its oldest deliveries are dropped";
        changes.append(self.notices.post(Kind::EventsDropped, Some(hook), text, clock::now().wall));
        // The tally has to know of it before the next has to go. A disk that refuses is owed it.
        let _ = self.writer.write(changes).await;
        let times = u32::try_from(dropped).unwrap_or(u32::MAX);
        self.history.count(What::Dropped, hook, owner, times, clock::now());
        self.board.change_hook(hook, |report| report.dropped += dropped as u64);
        self.board.change_queue(|queue| queue.dropped += dropped as u64);
    }

    /// Takes the oldest delivery of a hook out of its lane. Gives it with the length of its event's data.
    async fn take_oldest(&mut self, hook: HookId) -> Option<(DeliveryKey, usize)> {
        let key = self.lanes.oldest(hook)?;
        let queue = self.queue.clone();
        let delivery = tokio::task::spawn_blocking(move || queue.read(key)).await.ok()?.ok()??;
        self.lanes.take_out(key).ok()?;
        Some((key, delivery.event.data.len()))
    }

    /// Brings deliveries to their end that have waited too long. Their end calls for the next.
    pub(super) fn expire(&mut self, now: Now) {
        let config = Arc::clone(&self.config.borrow());
        let max_age = |hook| self.roster.hook(hook).map_or(Duration::MAX, |hook| max_age(hook, &config));
        let most = EXPIRED_AT_ONCE.saturating_sub(self.lanes.ending());
        for start in self.lanes.start_expired(now.mono_ms, most, max_age) {
            self.begin(start, Leave::Expired, now);
        }
    }

    /// Removes the oldest dead letters of hooks that have too many. True if there may be more.
    pub(super) async fn trim_letters(&self) -> bool {
        let most = u64::from(self.config.borrow().queue.max_dead);
        let mut has_more = false;
        for hook in self.roster.ids().collect::<Vec<_>>() {
            let excess = self.queue.tally(hook).dead.saturating_sub(most);
            if excess == 0 {
                continue;
            }
            let (queue, count) =
                (self.queue.clone(), usize::try_from(excess).unwrap_or(usize::MAX).min(TRIMMED_AT_ONCE));
            let oldest = tokio::task::spawn_blocking(move || queue.dead_page(hook, None, count)).await;
            // What cannot be read stays, and is no news each time.
            let Some(oldest) = oldest.ok().and_then(Result::ok).filter(|oldest| !oldest.is_empty()) else { continue };
            let mut changes = Changes::new();
            for (id, letter) in &oldest {
                changes.remove_dead(*id, letter.delivery.event.data.len());
            }
            let text = format!("it had more than {most} dead letters: the oldest were removed");
            changes.append(self.notices.post(Kind::LettersRemoved, Some(hook), &text, clock::now().wall));
            // Without an answer the tally would say the same again.
            has_more |= matches!(self.writer.write(changes).await, Ok(Ok(())));
        }
        has_more
    }

    fn is_disk_low(&self) -> bool {
        self.config.borrow().queue.is_low(self.writer.free_bytes())
    }
}
