//! After an attempt: what was concluded is carried out. Part of the driver.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use log::debug;
use log::warn;

use crate::clock::Now;
use crate::dispatch::attempt::Ended;
use crate::dispatch::conclude::Circumstances;
use crate::dispatch::conclude::Conclusion;
use crate::dispatch::conclude::conclude;
use crate::dispatch::driver::Driver;
use crate::dispatch::lanes::LaneKey;
use crate::dispatch::upkeep::response_limits;
use crate::hooks::response;
use crate::hooks::response::ResultPart;
use crate::hooks::retry::Next;
use crate::model::DeviceId;
use crate::model::Event;
use crate::model::HookId;
use crate::model::Source;
use crate::model::WallTime;
use crate::model::spec;
use crate::registry::Hook;
use crate::store::Changes;
use crate::store::DeliveryKey;

impl Driver {
    pub(super) fn conclude(&mut self, hook: &Hook, event: &Event, ended: &Ended, now: Now) -> Conclusion {
        let config = self.config.borrow();
        let with = Circumstances {
            answers_before: self.lanes.answers(ended.lane),
            age: ended.accepted.age(now.mono_ms),
            max_age: config.queue.max_age,
            limits: response_limits(&config),
            now: now.wall,
            jitter: self.chance.fraction(),
        };
        conclude(hook, event, &ended.how, &with)
    }

    pub(super) async fn carry_out(
        &mut self,
        hook: &Arc<Hook>,
        event: &Arc<Event>,
        ended: &Ended,
        conclusion: Conclusion,
        counted: Option<String>,
        now: Now,
    ) {
        let lane = ended.lane;
        let Conclusion { next, mut tell, parts, status, host, summary } = conclusion;
        debug!(HOOK_ID:% = hook.id, EVENT_ID:% = event.id; "attempt ended: {summary}");
        let key = DeliveryKey { hook: hook.id, seq: ended.seq };
        let mut changes = Changes::new();
        if status.is_some_and(|status| self.count_errors(hook.id, status, &mut changes)) {
            tell.push(response::error(&hook.definition, event, response::TOO_MANY_ERRORS));
        }
        if let Some(host) = &host {
            self.hosts.lock().expect("windows do not panic").record(host, now.mono_ms, &mut changes);
        }
        match next {
            Next::Done | Next::Failed | Next::Expired => {
                changes.remove(key, event.data.len());
                self.lanes.finish(lane);
            }
            Next::WhenHostAnswers => self.lanes.put_back(lane),
            Next::RetryIn(wait) => {
                let answers = self.lanes.answers(lane) + u32::from(status.is_some());
                self.record_retry(key, answers, wait, now, &mut changes).await;
                let wait_ms = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX);
                self.lanes.note_answers(lane, answers);
                self.lanes.put_off(lane, now.mono_ms.saturating_add(wait_ms));
            }
        }
        self.write(changes, counted);
        self.board.change_hook(hook.id, |report| {
            report.delivered += u64::from(next == Next::Done);
            report.failed += u64::from(matches!(next, Next::Failed | Next::Expired));
            report.last_outcome = Some(summary);
            report.last_at = Some(now.wall);
        });
        self.board.change_queue(|queue| {
            queue.delivered += u64::from(next == Next::Done);
            queue.failed += u64::from(matches!(next, Next::Failed | Next::Expired));
        });
        let is_over = matches!(next, Next::Done | Next::Failed | Next::Expired);
        self.tell(hook.id, lane, event, tell, parts, is_over, now).await;
    }

    /// Records the window of the host that a request was counted for, where there is nothing else to write.
    pub(super) fn write_window(&mut self, counted: Option<String>, now: Now) {
        let mut changes = Changes::new();
        if let Some(host) = &counted {
            self.hosts.lock().expect("windows do not panic").record(host, now.mono_ms, &mut changes);
        }
        self.write(changes, counted);
    }

    /// Writes changes; `counted` is the host whose window is in them, and whose request is recorded by that.
    fn write(&mut self, changes: Changes, counted: Option<String>) {
        match counted {
            Some(host) => {
                let done = self.writer.write(changes);
                // A disk that refuses keeps no host waiting: what is queued is sent all the same.
                self.recording.spawn(async move { done.map(|_| host).await });
            }
            None if changes.is_empty() => {}
            None => self.writer.ride_along(changes),
        }
    }

    /// Counts an answer for or against its hook. True if that disabled it.
    fn count_errors(&mut self, hook: HookId, status: u16, changes: &mut Changes) -> bool {
        let allowed = self.config.borrow().limits.errors_in_a_row.map_or(0, NonZeroU32::get);
        let disabled_now = self.roster.count(hook, status, allowed, changes);
        if disabled_now {
            warn!(HOOK_ID:% = hook; "{allowed} errors in a row: the hook is disabled");
            self.lanes.hold(hook);
        }
        disabled_now
    }

    /// Records how far a delivery has come, keeping what else its row says.
    async fn record_retry(&self, key: DeliveryKey, answers: u32, wait: Duration, now: Now, changes: &mut Changes) {
        let wait_ms = i64::try_from(wait.as_millis()).unwrap_or(i64::MAX);
        let not_before = WallTime::from_millis(now.wall.as_millis().saturating_add(wait_ms));
        let queue = self.queue.clone();
        let read = tokio::task::spawn_blocking(move || queue.read(key)).await;
        match read.map_err(|error| error.to_string()).and_then(|read| read.map_err(|error| error.to_string())) {
            Ok(Some(mut delivery)) => {
                delivery.attempts = answers;
                delivery.not_before = Some(not_before);
                changes.update(key, &delivery);
            }
            // It is tried again all the same; after a restart it would be a little early.
            Ok(None) => {}
            Err(error) => warn!("{key}: {error}"),
        }
    }

    /// Tells results, and lets the lane go on when its delivery is over and its results are out.
    #[expect(clippy::too_many_arguments, reason = "it is one step of `carry_out`, split off for reading")]
    async fn tell(
        &mut self,
        hook: HookId,
        lane: LaneKey,
        event: &Event,
        tell: Vec<ResultPart>,
        parts: Vec<ResultPart>,
        is_over: bool,
        now: Now,
    ) {
        for part in tell {
            self.live.announce(self.result(hook, lane.device, event, part, now)).await;
        }
        let parts: Vec<_> = parts.into_iter().map(|part| self.result(hook, lane.device, event, part, now)).collect();
        if !parts.is_empty() {
            self.pacer.take(lane, parts);
        } else if is_over {
            self.lanes.release(lane);
        }
    }

    fn result(&self, hook: HookId, device: Option<DeviceId>, event: &Event, part: ResultPart, now: Now) -> Arc<Event> {
        Arc::new(Event {
            id: self.chance.event_id(now.wall),
            name: part.name,
            data: part.data,
            ttl_s: spec::EVENT_TTL_S,
            published_at: now.wall,
            source: Source::Hook { hook, device },
            owner: event.owner,
        })
    }
}
