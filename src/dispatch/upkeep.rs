//! Keeping up with what people change: hooks come, go and are switched, the configuration is loaded again. Part of the
//! driver.

use std::num::NonZeroUsize;
use std::sync::Arc;

use log::error;
use log::info;
use log::warn;

use crate::clock;
use crate::clock::Now;
use crate::config::Config;
use crate::delivery::Courier;
use crate::delivery::Egress;
use crate::delivery::Settings;
use crate::dispatch::age::AcceptedAt;
use crate::dispatch::driver::Driver;
use crate::dispatch::driver::lane;
use crate::dispatch::lanes::Item;
use crate::dispatch::unrecorded::Unrecorded;
use crate::hooks::response::ResponseLimits;
use crate::hooks::retry;
use crate::model::HookId;
use crate::model::WallTime;
use crate::model::spec;
use crate::store::Changes;
use crate::store::DeliveryKey;
use crate::store::Waiting;

/// Removals that are written together when a hook goes.
const REMOVALS_AT_ONCE: usize = 256;

/// Bytes of a response that are read when the configuration sets no limit.
const RESPONSE_BYTES_UNLIMITED: usize = 8 << 20;

impl Driver {
    /// Queues up what waited before the restart. What has no hook stays on the disk until it is too old: its hook may
    /// be one that cannot be read this time, or the registry was restored from an older export.
    pub(super) fn queue_up_backlog(&mut self, now: Now) {
        let max_age = self.config.borrow().queue.max_age;
        let (mut kept, mut too_old) = (0, Vec::new());
        let queue = self.queue.clone();
        let queue_up = |waiting: Waiting| {
            let accepted = AcceptedAt::stored(waiting.arrived, waiting.published_at, self.boot, now);
            if self.roster.hook(waiting.key.hook).is_some() {
                self.queue_up(&waiting, accepted, now);
            } else if accepted.age(now.mono_ms) > max_age {
                too_old.push(waiting.key);
            } else {
                kept += 1;
            }
        };
        // Whoever read the queue before reported the rows that cannot be read.
        if let Err(error) = queue.each_waiting(queue_up, |_| {}) {
            error!("what waited before the restart waits for the next one: {error}");
        }
        self.remove(&too_old);
        if kept > 0 {
            warn!("{kept} deliveries wait for hooks that are not registered; they are kept until they are too old");
        }
    }

    fn queue_up(&mut self, waiting: &Waiting, accepted: AcceptedAt, now: Now) {
        let lane = lane(waiting.key.hook, waiting.source);
        let item = Item { seq: waiting.key.seq, answers: waiting.attempts, accepted, event: None };
        self.lanes.push(lane, item, 0);
        if let Some(not_before) = waiting.not_before {
            self.lanes.rest(lane, now.mono_ms + wait_ms(not_before, now.wall));
        }
    }

    pub(super) fn resume(&mut self, hook: HookId) -> bool {
        let mut changes = Changes::new();
        let was_disabled = self.roster.resume(hook, &mut changes);
        if was_disabled {
            info!(HOOK_ID:% = hook; "the hook is resumed");
            self.writer.ride_along(changes);
            self.hold_or_resume(hook);
        }
        was_disabled
    }

    pub(super) fn hold_or_resume(&mut self, hook: HookId) {
        if self.roster.may_work(hook) {
            self.lanes.resume(hook);
        } else {
            self.lanes.hold(hook);
        }
    }

    /// Takes up new and changed hooks and lets go of those that are gone, with what waits for them.
    pub(super) fn take_up_hooks(&mut self) {
        let snapshot = Arc::clone(&self.registry.borrow_and_update());
        let changed = self.roster.take_up(&snapshot);
        for hook in changed.gone {
            let keys: Vec<_> = self.lanes.remove_hook(hook).into_iter().map(|seq| DeliveryKey { hook, seq }).collect();
            self.remove(&keys);
        }
        for id in changed.new {
            let definition = &snapshot.hooks[&id].definition;
            self.lanes.add_hook(id, definition.origin().as_deref(), definition.host());
        }
        for id in self.roster.ids().collect::<Vec<_>>() {
            self.hold_or_resume(id);
        }
    }

    /// A daemon that was killed may have sent requests that it did not get to record: as many as may be unrecorded.
    pub(super) fn assume_lost_requests(&mut self, now: Now) {
        let unrecorded = Unrecorded::most(self.config.borrow().delivery.per_host);
        let mut windows = self.hosts.lock().expect("windows do not panic");
        for host in self.roster.hosts() {
            windows.assume(&host, unrecorded, now.mono_ms);
        }
    }

    pub(super) fn take_up_config(&mut self) {
        let config = Arc::clone(&self.config.borrow_and_update());
        self.courier = Arc::new(Courier::new(settings(&config)));
        let mut hosts = self.hosts.lock().expect("windows do not panic");
        hosts.allow(config.limits.host_per_minute, clock::now().mono_ms);
    }

    pub(super) fn remove(&self, keys: &[DeliveryKey]) {
        for keys in keys.chunks(REMOVALS_AT_ONCE) {
            let mut changes = Changes::new();
            for key in keys {
                changes.remove(*key, spec::EVENT_TEXT_BYTES);
            }
            self.writer.ride_along(changes);
        }
    }
}

/// How long a delivery still waits that was put off before the restart. No wait is as long as one that a wrong clock
/// makes, and nobody would end that: it counts as over.
fn wait_ms(not_before: WallTime, now: WallTime) -> u64 {
    let wait_ms = u64::try_from(not_before.as_millis().saturating_sub(now.as_millis())).unwrap_or(0);
    if u128::from(wait_ms) > retry::RETRY_AFTER_MOST.as_millis() { 0 } else { wait_ms }
}

/// How attempts are made under this configuration.
pub(super) fn settings(config: &Config) -> Settings {
    Settings {
        timeout: config.delivery.timeout,
        idle_per_host: config.delivery.per_host as usize,
        egress: Egress { allow: config.egress.allow.clone() },
    }
}

/// How much of a response is passed on under this configuration.
pub(super) fn response_limits(config: &Config) -> ResponseLimits {
    ResponseLimits {
        part_bytes: config.limits.response_part_bytes.map_or(0, NonZeroUsize::get),
        response_bytes: config.limits.response_bytes.map_or(RESPONSE_BYTES_UNLIMITED, NonZeroUsize::get),
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
    use crate::dispatch::Parts;
    use crate::model::Event;
    use crate::registry::Snapshot;
    use crate::store::Queue;
    use crate::store::QueueWriter;
    use crate::store::StoredDelivery;
    use crate::store::tests::delivery;

    #[test]
    fn a_clock_that_stands_at_1970_parks_no_delivery() {
        let day_ms = 24 * 60 * 60 * 1_000;
        let at = WallTime::from_millis;
        assert_eq!(wait_ms(at(5_000), at(2_000)), 3_000);
        assert_eq!(wait_ms(at(2_000), at(5_000)), 0);
        assert_eq!(wait_ms(at(day_ms), at(0)), 86_400_000);
        assert_eq!(wait_ms(at(1_800_000_000_000), at(0)), 0);
    }

    #[tokio::test]
    async fn what_waits_for_an_unknown_hook_is_kept_until_it_is_too_old() {
        let data = tempfile::tempdir().unwrap();
        let (queue, _) = Queue::open(data.path()).unwrap();
        let (writer, thread) = QueueWriter::start(&queue, 0);
        let max_age_ms = i64::try_from(Config::default().queue.max_age.as_millis()).unwrap();
        let now = clock::now();
        let accepted = |ago_ms: i64| WallTime::from_millis(now.wall.as_millis() - ago_ms);
        let mut changes = Changes::new();
        for (seq, published_at) in [(1, accepted(1_000)), (2, accepted(max_age_ms + 1_000))] {
            let key = DeliveryKey { hook: HookId::from_bytes([9; 12]), seq };
            let of_another_boot = delivery("21");
            let event = Event { published_at, ..Event::clone(&of_another_boot.event) };
            changes.store(key, &StoredDelivery { event: Arc::new(event), ..of_another_boot });
        }
        writer.write(changes).await.unwrap().unwrap();

        let (driver, ..) = Driver::new(parts(&queue, &writer));

        assert_eq!(driver.lanes.waiting(), 0);
        writer.stop();
        thread.join();
        let mut left = Vec::new();
        queue.each_waiting(|waiting| left.push(waiting.key.seq), |_| {}).unwrap();
        assert_eq!(left, [1]);
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
            board: Board::default(),
            chance: Chance::from_seed(1),
            healths: Vec::new(),
            windows: Vec::new(),
            boot: [0; 16],
            was_killed: false,
        }
    }
}
