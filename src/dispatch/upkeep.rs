//! Keeping up with what people change, and with time: hooks come, go and are switched, the configuration is loaded
//! again, the clock is set, the log is due. Part of the driver.

use std::collections::BTreeSet;
use std::num::NonZeroU32;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use log::info;

use crate::clock;
use crate::clock::Now;
use crate::config::Config;
use crate::delivery::Courier;
use crate::delivery::Egress;
use crate::delivery::Settings;
use crate::dispatch::age;
use crate::dispatch::driver::Driver;
use crate::dispatch::unrecorded::Unrecorded;
use crate::hooks::response::ResponseLimits;
use crate::model::HookId;
use crate::model::UserId;
use crate::registry::Snapshot;
use crate::store::Changes;

/// How often the dispatcher looks after what time alone changes: ages, clocks, logs.
const UPKEEP_MS: u64 = 2_000;

/// Boots whose beginning is remembered.
const BOOTS: usize = 32;

/// Bytes of a response that are read when the configuration sets no limit.
const RESPONSE_BYTES_UNLIMITED: usize = 8 << 20;

impl Driver {
    /// Does what time alone brings about. Gives how long until it is to be done again.
    pub(super) async fn look_after_all(&mut self) -> Duration {
        self.go_on_with_errands().await;
        let now = clock::now();
        if now.mono_ms >= self.upkeep_ms {
            self.upkeep_ms = now.mono_ms + UPKEEP_MS;
            self.note_clock(now);
            self.note_room();
            self.trend.note(self.queue.total().fill(), now.mono_ms);
            let keep = self.config.borrow().queue.log_attempts;
            if let Some(mut changes) = self.logbook.due(keep, now.mono_ms) {
                self.add_figures(&mut changes, now.mono_ms);
                self.writer.ride_along(changes);
            }
            if let Some(changes) = self.history.due(now.mono_ms) {
                self.writer.ride_along(changes);
            }
            self.lanes.retry_pages();
            self.forget_gone_hooks();
            self.expire(now);
            if self.trim_letters().await {
                // Others have their turn in between.
                self.upkeep_ms = now.mono_ms;
            }
        }
        let again_ms = if self.errands.has_more() { now.mono_ms } else { self.upkeep_ms };
        Duration::from_millis(again_ms.saturating_sub(now.mono_ms))
    }

    /// Remembers when each boot began. What is long past is forgotten.
    pub(super) fn recall_boots(&mut self, now: Now) {
        self.boots = self.queue.boots().unwrap_or_default().into_iter().collect();
        self.note_clock(now);
        let mut oldest: Vec<_> = self.boots.iter().map(|(boot, began_ms)| (*began_ms, *boot)).collect();
        oldest.sort_unstable();
        let mut changes = Changes::new();
        for (_, boot) in &oldest[..oldest.len().saturating_sub(BOOTS)] {
            changes.remove_boot(*boot);
        }
        if !changes.is_empty() {
            self.writer.ride_along(changes);
        }
    }

    /// Notices when the clock was set: from then on this boot is known to have begun at another time, and the stamps of
    /// its events are repaired by that.
    fn note_clock(&mut self, now: Now) {
        let began_ms = age::began_ms(now);
        let known_ms = self.boots.get(&self.boot).copied();
        if known_ms.is_some_and(|known_ms| !age::was_set(known_ms, began_ms)) {
            return;
        }
        self.boots.insert(self.boot, began_ms);
        let mut changes = Changes::new();
        changes.put_boot(self.boot, began_ms);
        self.writer.ride_along(changes);
        if let Some(known_ms) = known_ms {
            info!("the clock was set, by {} s", (began_ms - known_ms) / 1_000);
            self.lanes.forgive_targets(now.mono_ms);
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
            self.lanes.remove_hook(hook);
            self.logbook.forget(hook);
            self.gone.push(hook);
            self.upkeep_ms = 0;
        }
        self.forget_figures(&snapshot);
        for id in changed.changed {
            let definition = &snapshot.hooks[&id].definition;
            self.lanes.add_hook(id, definition.origin().as_deref(), definition.host());
        }
        for id in self.roster.ids().collect::<Vec<_>>() {
            self.hold_or_resume(id);
        }
    }

    /// Lets figures that have waited long enough go along with what is written anyway.
    pub(super) fn add_figures(&self, changes: &mut Changes, now_ms: u64) {
        if let Some(figures) = self.history.riding(now_ms) {
            changes.append(figures);
        }
    }

    /// Forgets what was counted of hooks and users that are gone.
    fn forget_figures(&self, snapshot: &Snapshot) {
        let has_user = |user: UserId| snapshot.users.contains_key(&user) || snapshot.hooks_of(user).next().is_some();
        let changes = self.history.keep(|hook| snapshot.hooks.contains_key(&hook), has_user);
        if !changes.is_empty() {
            self.writer.ride_along(changes);
        }
    }

    /// A daemon that was killed may have sent requests that it did not get to record: as many as may be unrecorded.
    pub(super) fn assume_lost_requests(&mut self, now: Now) {
        let unrecorded = Unrecorded::most(self.config.borrow().delivery.per_host);
        let mut windows = self.hosts.lock().expect("windows do not panic");
        let hosts: BTreeSet<String> = self.roster.hosts().into_iter().chain(windows.names()).collect();
        for host in hosts {
            windows.assume(&host, unrecorded, now.mono_ms);
        }
    }

    pub(super) fn take_up_config(&mut self) {
        let config = Arc::clone(&self.config.borrow_and_update());
        self.courier = Arc::new(Courier::new(settings(&config)));
        self.hosts.lock().expect("windows do not panic").allow(config.limits.host_per_minute);
    }
}

/// How attempts are made under this configuration.
pub(super) fn settings(config: &Config) -> Settings {
    Settings {
        timeout: config.delivery.timeout,
        idle_per_host: config.delivery.per_host as usize,
        egress: Egress { allow: config.egress.allow.clone() },
    }
}

/// Requests that a host may get in a minute, for messages; 0 without a limit.
pub(super) fn host_per_minute(config: &Config) -> u32 {
    config.limits.host_per_minute.map_or(0, NonZeroU32::get)
}

/// How much of a response is passed on under this configuration.
pub(super) fn response_limits(config: &Config) -> ResponseLimits {
    ResponseLimits {
        part_bytes: config.limits.response_part_bytes.map_or(0, NonZeroUsize::get),
        response_bytes: config.limits.response_bytes.map_or(RESPONSE_BYTES_UNLIMITED, NonZeroUsize::get),
    }
}
