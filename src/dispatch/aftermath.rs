//! After an attempt: what was concluded is carried out. Part of the driver.

use std::num::NonZeroU32;
use std::sync::Arc;

use log::debug;
use log::warn;

use crate::bus::TryReport;
use crate::clock::Now;
use crate::delivery::Answer;
use crate::delivery::Outcome;
use crate::dispatch::announcement::Announcement;
use crate::dispatch::attempt::Ended;
use crate::dispatch::attempt::How;
use crate::dispatch::conclude::Circumstances;
use crate::dispatch::conclude::Conclusion;
use crate::dispatch::conclude::conclude;
use crate::dispatch::driver::Driver;
use crate::dispatch::driver::max_age;
use crate::dispatch::upkeep::host_per_minute;
use crate::dispatch::upkeep::response_limits;
use crate::history::What;
use crate::hooks::masking;
use crate::hooks::response;
use crate::hooks::response::ResultPart;
use crate::hooks::retry::Next;
use crate::logbook::Answered;
use crate::logbook::Entry;
use crate::model::DeviceId;
use crate::model::Event;
use crate::model::HookId;
use crate::model::Publishing;
use crate::model::Source;
use crate::model::spec;
use crate::notices::Kind;
use crate::registry::Hook;
use crate::sessions::Kept;
use crate::store::Arrived;
use crate::store::Cause;
use crate::store::Changes;
use crate::store::DeadLetter;
use crate::store::DeliveryKey;
use crate::store::End;
use crate::store::Fate;
use crate::store::LaneKey;
use crate::store::Moment;
use crate::store::StoredDelivery;
use crate::store::WriteError;

/// What a write records that somebody waits for.
pub(super) struct Recorded {
    /// The host whose window is in it.
    host: Option<String>,
    /// What it keeps for sessions.
    kept: Kept,
}

impl Driver {
    pub(super) fn conclude(&mut self, hook: &Hook, event: &Event, ended: &Ended, now: Now) -> Conclusion {
        let config = self.config.borrow();
        let with = Circumstances {
            answers_before: self.lanes.answers(ended.lane),
            age: ended.accepted.age(now.mono_ms),
            max_age: max_age(hook, &config),
            limits: response_limits(&config),
            host_per_minute: host_per_minute(&config),
            now: now.wall,
            jitter: self.chance.fraction(),
        };
        conclude(hook, event, &ended.how, &with)
    }

    pub(super) async fn carry_out(
        &mut self,
        hook: &Arc<Hook>,
        event: &Arc<Event>,
        ended: Ended,
        conclusion: Conclusion,
        counted: Option<String>,
        now: Now,
    ) {
        let lane = ended.lane;
        let Conclusion { next, mut tell, parts, status, host, summary } = conclusion;
        debug!(
            HOOK_ID:% = hook.id, DEVICE_ID:% = event.source.coreid(), EVENT_ID:% = event.id;
            "attempt ended: {summary}"
        );
        let key = DeliveryKey { lane, seq: ended.seq };
        let mut changes = Changes::new();
        let was_try = self.errands.is_try(lane);
        if status.is_some_and(|status| self.count_errors(hook.id, status, now, &mut changes)) {
            tell.push(response::error(&hook.definition, event, response::TOO_MANY_ERRORS));
        }
        if let Some(host) = &host {
            self.hosts.lock().expect("windows do not panic").record(host, now.mono_ms, &mut changes);
        }
        // A target that is away is asked each second: one attempt of each delivery tells it.
        let mut tells_nothing_new = false;
        let is_over = matches!(next, Next::Done | Next::Failed | Next::Expired);
        match next {
            Next::Done => changes.remove(key, event.data.len()),
            Next::Failed | Next::Expired => changes.bury(key, &self.letter(event, &ended, next, &summary, now)),
            Next::WhenHostAnswers => tells_nothing_new = self.lanes.put_back(lane) && !was_try,
            Next::RetryIn(wait) => {
                let answers = self.lanes.answers(lane) + u32::from(status.is_some());
                let wait_ms = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX);
                let until_ms = now.mono_ms.saturating_add(wait_ms);
                self.record_retry(key, answers, Moment::at(until_ms, self.boot, now), &mut changes).await;
                self.lanes.note_answers(lane, answers);
                self.lanes.put_off(lane, until_ms);
            }
        }
        if is_over {
            self.lanes.finish(lane);
        }
        if next == Next::Expired {
            // Others whose time is over wait for the place.
            self.upkeep_ms = now.mono_ms;
        }
        let told = self.keep(hook.id, lane.device, event, tell, &mut changes, now);
        let parts = self.keep(hook.id, lane.device, event, parts, &mut changes, now);
        let kept = Kept::of(told.iter().chain(&parts).map(|announcement| &announcement.kept));
        self.write(changes, counted, kept, now);
        self.count(hook, &ended.how, next, is_over, now);
        self.board.change_hook(hook.id, |report| {
            report.delivered += u64::from(next == Next::Done);
            report.failed += u64::from(is_over && next != Next::Done);
            report.last_outcome = Some(summary.clone());
            report.last_at = Some(now.wall);
        });
        self.board.change_queue(|queue| {
            queue.delivered += u64::from(next == Next::Done);
            queue.failed += u64::from(is_over && next != Next::Done);
        });
        if was_try {
            let ok = status.is_some_and(|status| status < spec::ERROR_STATUS);
            self.errands.tried(lane, Ok(TryReport { ok, summary: summary.clone() }));
            if ok {
                self.resume(hook.id);
            }
        }
        if !tells_nothing_new {
            self.log(event, ended, next, summary, now);
        }
        self.tell(lane, told, parts, is_over).await;
    }

    /// Makes events of results, and keeps them for the sessions that outlive their connection.
    fn keep(
        &self,
        hook: HookId,
        device: Option<DeviceId>,
        event: &Event,
        results: Vec<ResultPart>,
        changes: &mut Changes,
        now: Now,
    ) -> Vec<Announcement> {
        let registry = self.registry.borrow();
        let keep = |result| {
            let event = self.result(hook, device, event, result, now);
            let kept = self.sessions.keep(&event, &registry, changes);
            Announcement { event, kept }
        };
        results.into_iter().map(keep).collect()
    }

    /// What is kept of a delivery that is given up.
    fn letter(&self, event: &Arc<Event>, ended: &Ended, next: Next, summary: &str, now: Now) -> DeadLetter {
        let (status, answer) = match &ended.how {
            How::Sent { outcome: Outcome::Answered(answer), request, .. } => {
                // Masked as a whole, since JSON that is cut cannot be read; the store cuts it.
                let body = String::from_utf8_lossy(&answer.body);
                (Some(answer.status), masking::shown_body(&request.without_secrets(&body)))
            }
            _ => (None, String::new()),
        };
        let cause = match (&ended.how, next) {
            (_, Next::Expired) => Cause::Expired,
            (How::OverLimit, _) => Cause::HostLimit,
            _ => Cause::Failed,
        };
        let end = End { cause, reason: summary.to_owned(), status, answer, at: now.wall };
        let arrived = Arrived { boot: self.boot, mono_ms: now.mono_ms };
        let delivery = StoredDelivery {
            event: Arc::clone(event),
            attempts: self.lanes.answers(ended.lane) + u32::from(status.is_some()),
            not_before: None,
            mark: None,
            arrived,
        };
        DeadLetter { delivery, end }
    }

    /// Puts an attempt into the log.
    fn log(&mut self, event: &Arc<Event>, ended: Ended, next: Next, summary: String, now: Now) {
        let fate = match next {
            Next::Done => Fate::Delivered,
            Next::Failed | Next::Expired => Fate::Dead,
            Next::RetryIn(_) | Next::WhenHostAnswers => Fate::Waiting,
        };
        let next_try_ms = match next {
            Next::RetryIn(wait) => u64::try_from(wait.as_millis()).ok(),
            Next::WhenHostAnswers => self.lanes.target(ended.lane.hook).and_then(|target| target.waits_ms(now.mono_ms)),
            Next::Done | Next::Failed | Next::Expired => None,
        };
        let next_try = next_try_ms.map(|ms| now.wall_at(now.mono_ms.saturating_add(ms)));
        let queued_ms = u64::try_from(ended.accepted.age(ended.began_ms).as_millis()).unwrap_or(u64::MAX);
        let mut entry = Entry::new(Arc::clone(event), ended.seq, now.wall, fate, summary);
        entry.next_try = next_try;
        entry.timing.queued_ms = queued_ms;
        if let How::Sent { outcome, timing, request, .. } = ended.how {
            entry.request = Some(*request);
            entry.timing.connect_ms = timing.connect_ms;
            entry.timing.first_byte_ms = timing.first_byte_ms;
            entry.timing.total_ms = Some(timing.total_ms);
            if let Outcome::Answered(Answer { status, headers, body, .. }) = outcome {
                entry.answer = Some(Answered { status, headers, body });
            }
        }
        let keep = self.config.borrow().queue.log_attempts;
        if let Err(error) = self.logbook.record(ended.lane.hook, entry, keep, now.mono_ms) {
            debug!(HOOK_ID:% = ended.lane.hook; "an attempt is not in the log: {error}");
        }
    }

    /// Records the window of the host that a request was counted for, where there is nothing else to write.
    pub(super) fn write_window(&mut self, counted: Option<String>, now: Now) {
        let mut changes = Changes::new();
        if let Some(host) = &counted {
            self.hosts.lock().expect("windows do not panic").record(host, now.mono_ms, &mut changes);
        }
        self.write(changes, counted, Kept::default(), now);
    }

    /// Writes changes; `counted` is the host whose window is in them, and whose request is recorded by that, `kept` what
    /// is in them for sessions.
    fn write(&mut self, mut changes: Changes, counted: Option<String>, kept: Kept, now: Now) {
        if !changes.is_empty() {
            self.add_figures(&mut changes, now.mono_ms);
        }
        if counted.is_none() && kept.is_empty() {
            if !changes.is_empty() {
                self.writer.ride_along(changes);
            }
            return;
        }
        let done = self.writer.write(changes);
        // A disk that refuses keeps no host waiting: what is queued is sent all the same.
        self.recording.begin(done, Recorded { host: counted, kept });
    }

    /// A write is on the disk, or never will be.
    pub(super) fn recorded(&mut self, recorded: Recorded, written: &Result<(), WriteError>) {
        let Recorded { host, kept } = recorded;
        if let Some(host) = host {
            self.unrecorded.recorded(&host);
        }
        if written.is_ok() {
            self.sessions.stored(&kept);
        } else {
            self.sessions.discard(&kept);
        }
    }

    /// Counts an attempt, and the end of its delivery if it is over.
    fn count(&self, hook: &Hook, how: &How, next: Next, is_over: bool, now: Now) {
        let count = |what| self.history.count(what, hook.id, hook.owner, 1, now);
        if matches!(how, How::Sent { .. }) {
            count(What::Attempt);
        }
        if is_over {
            count(if next == Next::Done { What::Delivered } else { What::Failed });
        }
    }

    /// Counts an answer for or against its hook. True if that disabled it.
    fn count_errors(&mut self, hook: HookId, status: u16, now: Now, changes: &mut Changes) -> bool {
        let allowed = self.config.borrow().limits.errors_in_a_row.map_or(0, NonZeroU32::get);
        let disabled_now = self.roster.count(hook, status, allowed, changes);
        if disabled_now {
            warn!(HOOK_ID:% = hook; "{allowed} errors in a row: the hook is disabled");
            self.lanes.hold(hook);
            let text = format!("the hook was disabled after {allowed} errors in a row, the last was status {status}");
            changes.append(self.notices.post(Kind::HookDisabled, Some(hook), &text, now.wall));
        }
        disabled_now
    }

    /// Records how far a delivery has come, keeping what else its row says.
    async fn record_retry(&self, key: DeliveryKey, answers: u32, not_before: Moment, changes: &mut Changes) {
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
    async fn tell(&mut self, lane: LaneKey, told: Vec<Announcement>, parts: Vec<Announcement>, is_over: bool) {
        for announcement in told {
            self.announce(announcement).await;
        }
        if !parts.is_empty() {
            self.pacer.take(lane, parts);
        } else if is_over {
            self.lanes.release(lane);
        }
    }

    pub(super) async fn announce(&self, Announcement { event, kept }: Announcement) {
        self.sessions.tell(&kept);
        self.live.announce_kept(event).await;
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
            product: event.product,
            publishing: Publishing::default(),
        })
    }
}
