//! What people ask of the dispatcher: try a hook out, resume it, cancel deliveries, pause, wake, tell what waits. Part
//! of the driver.

use std::collections::HashMap;
use std::collections::VecDeque;
use std::sync::Arc;

use log::info;
use log::warn;
use tokio::sync::oneshot;

use crate::bus::Cancelled;
use crate::bus::FullReport;
use crate::bus::HookQueue;
use crate::bus::HookState;
use crate::bus::Order;
use crate::bus::TargetReport;
use crate::bus::TryRefusal;
use crate::bus::TryReport;
use crate::clock;
use crate::clock::Now;
use crate::dispatch::attempt::Leave;
use crate::dispatch::driver::Driver;
use crate::dispatch::driver::seconds_until;
use crate::dispatch::driver::take_place;
use crate::dispatch::trial::try_out;
use crate::model::HookId;
use crate::store::Cause;
use crate::store::Changes;
use crate::store::DeadLetter;
use crate::store::DeliveryKey;
use crate::store::End;
use crate::store::LaneKey;
use crate::store::QueueError;
use crate::store::StoredDelivery;

/// Deliveries that are cancelled before other work has its turn.
const AT_ONCE: usize = 64;

/// What is under way for somebody who waits for it.
#[derive(Debug, Default)]
pub(super) struct Errands {
    tries: HashMap<LaneKey, oneshot::Sender<Result<TryReport, TryRefusal>>>,
    cancelling: VecDeque<Cancelling>,
}

/// Everything that waits for a hook is being cancelled.
#[derive(Debug)]
struct Cancelling {
    lanes: Vec<LaneKey>,
    after: Option<u64>,
    /// What came later stays.
    last_seq: u64,
    count: u64,
    reply: oneshot::Sender<u64>,
}

impl Errands {
    /// A try came to its end, if the lane's attempt was one.
    pub(super) fn tried(&mut self, lane: LaneKey, came: Result<TryReport, TryRefusal>) {
        if let Some(reply) = self.tries.remove(&lane) {
            // Who asked and went away does not get to know.
            let _ = reply.send(came);
        }
    }

    /// Whether the lane's attempt is a try.
    pub(super) fn is_try(&self, lane: LaneKey) -> bool {
        self.tries.contains_key(&lane)
    }

    /// Whether something goes on step by step.
    pub(super) fn has_more(&self) -> bool {
        !self.cancelling.is_empty()
    }
}

impl Driver {
    pub(super) async fn obey(&mut self, order: Order) {
        match order {
            Order::Resume { hook, reply } => {
                let _ = reply.send(self.resume(hook.id));
            }
            Order::Test { hook, event, reply } => {
                let config = Arc::clone(&self.config.borrow());
                let (way, writer) = (self.way(&config), self.writer.clone());
                // A test belongs to nobody's lane; who asked and went away does not get to know.
                tokio::spawn(async move {
                    let _ = reply.send(try_out(&hook, &event, &way, &writer, &config).await);
                });
            }
            Order::TryOnce { hook, reply } => self.try_once(hook.id, reply),
            Order::Cancel { which: Cancelled::One(id), reply } => {
                let queue = self.queue.clone();
                let find = move || {
                    let Some(key) = queue.find(id)? else { return Ok(None) };
                    Ok::<_, QueueError>(queue.read(key)?.map(|delivery| (key, delivery)))
                };
                let count = match tokio::task::spawn_blocking(find).await {
                    Ok(Ok(Some(found))) => self.cancel([found]).await,
                    _ => 0,
                };
                let _ = reply.send(count);
            }
            Order::Cancel { which: Cancelled::Hook(hook), reply } => {
                let queue = self.queue.clone();
                let lanes = tokio::task::spawn_blocking(move || queue.lanes_of(hook)).await;
                let lanes = lanes.ok().and_then(Result::ok).unwrap_or_default();
                let last_seq = self.queue.next_seq();
                self.errands.cancelling.push_back(Cancelling { lanes, after: None, last_seq, count: 0, reply });
            }
            Order::Pause { reply } => {
                let _ = reply.send(self.pause(clock::now()).await);
            }
            Order::Unpause { reply } => {
                let _ = reply.send(self.unpause().await);
            }
            Order::Wake { target, reply } => {
                let _ = reply.send(self.wake(target.as_deref(), clock::now()));
            }
            Order::Report { reply } => {
                let _ = reply.send(self.report(clock::now()));
            }
        }
    }

    /// Goes on with what takes long.
    pub(super) async fn go_on_with_errands(&mut self) {
        let Some(mut cancelling) = self.errands.cancelling.pop_front() else { return };
        let Some(lane) = cancelling.lanes.last().copied() else {
            info!("{} deliveries are cancelled", cancelling.count);
            let _ = cancelling.reply.send(cancelling.count);
            return;
        };
        let (queue, after) = (self.queue.clone(), cancelling.after);
        let page = tokio::task::spawn_blocking(move || queue.page(lane, after, AT_ONCE)).await;
        let Ok(Ok(page)) = page else {
            warn!(HOOK_ID:% = lane.hook; "some of what waits cannot be read and is not cancelled");
            cancelling.lanes.pop();
            cancelling.after = None;
            return self.errands.cancelling.push_front(cancelling);
        };
        let doomed = page.deliveries.into_iter().filter(|(seq, _)| *seq < cancelling.last_seq);
        let doomed = doomed.map(|(seq, delivery)| (DeliveryKey { lane, seq }, delivery));
        cancelling.count += self.cancel(doomed).await;
        cancelling.after = page.last_seq;
        if page.is_last || page.last_seq.is_some_and(|last| last >= cancelling.last_seq) {
            cancelling.lanes.pop();
            cancelling.after = None;
        }
        self.errands.cancelling.push_front(cancelling);
    }

    fn try_once(&mut self, hook: HookId, reply: oneshot::Sender<Result<TryReport, TryRefusal>>) {
        let now = clock::now();
        match self.begin_try(hook, now) {
            Ok(lane) => drop(self.errands.tries.insert(lane, reply)),
            Err(refusal) => drop(reply.send(Err(refusal))),
        }
    }

    fn begin_try(&mut self, hook: HookId, now: Now) -> Result<LaneKey, TryRefusal> {
        if !self.roster.has_too_many_errors(hook) {
            return Err(TryRefusal::NotDisabled);
        }
        if self.lanes.is_under_way(hook) {
            return Err(TryRefusal::UnderWay);
        }
        if self.lanes.to_try(hook).is_none() {
            return Err(TryRefusal::NothingWaits);
        }
        if let Some(host) = self.roster.hook(hook).and_then(|hook| hook.definition.host()) {
            let config = self.config.borrow();
            let mut hosts = self.hosts.lock().expect("windows do not panic");
            let taken = take_place(host, &mut hosts, &self.unrecorded, &config, now);
            taken.map_err(|no| TryRefusal::HostFull { seconds: seconds_until(no.until_ms(), now) })?;
        }
        let start = self.lanes.try_held(hook).ok_or(TryRefusal::NothingWaits)?;
        let lane = start.lane;
        self.begin(start, Leave::Place, now);
        Ok(lane)
    }

    /// Makes dead letters of deliveries, as far as they wait and are not under way. Gives how many.
    async fn cancel(&mut self, deliveries: impl IntoIterator<Item = (DeliveryKey, StoredDelivery)>) -> u64 {
        let now = clock::now();
        let (mut changes, mut count) = (Changes::new(), 0);
        for (key, delivery) in deliveries {
            if self.lanes.take_out(key).is_ok() {
                let end = End {
                    cause: Cause::Cancelled,
                    reason: "it was cancelled".to_owned(),
                    status: None,
                    answer: String::new(),
                    at: now.wall,
                };
                let delivery = StoredDelivery { mark: None, not_before: None, ..delivery };
                changes.bury(key, &DeadLetter { delivery, end });
                count += 1;
            }
        }
        if count > 0 {
            // A disk that refuses is owed the changes; what was taken out is not sent in any case.
            let _ = self.writer.write(changes).await;
        }
        count
    }

    fn report(&self, now: Now) -> FullReport {
        let (oldest, bounds) = (self.lanes.oldest_accepted(), self.config.borrow().queue.bounds());
        let age_s = |hook: HookId| oldest.get(&hook).map_or(0, |accepted| accepted.age(now.mono_ms).as_secs());
        let mut hooks: Vec<HookQueue> = self
            .roster
            .hooks()
            .map(|hook| {
                let (tally, rule) = (self.queue.tally(hook.id), hook.definition.queue());
                let report = self.board.hook(hook.id);
                HookQueue {
                    id: hook.id,
                    event: hook.definition.event_prefix().to_owned(),
                    state: HookState::of(hook.definition.is_disabled(), report.too_many_errors),
                    waiting: tally.waiting,
                    bytes: tally.waiting_bytes,
                    max_waiting: rule.bounds.items.map(Into::into),
                    max_waiting_bytes: rule.bounds.bytes.map(Into::into),
                    oldest_s: age_s(hook.id),
                    dead: tally.dead,
                    dropped: report.dropped,
                    refused: report.refused,
                }
            })
            .collect();
        hooks.sort_by_key(|hook| (std::cmp::Reverse(hook.waiting), hook.id));
        let targets = self.lanes.targets().map(|(name, line)| TargetReport {
            target: name.to_owned(),
            host: line.host.clone(),
            is_down: line.target.is_down(),
            next_probe_s: line.target.waits_ms(now.mono_ms).map(|ms| ms.div_ceil(1_000)),
            under_way: line.target.in_flight(),
        });
        FullReport {
            oldest_s: oldest.values().map(|accepted| accepted.age(now.mono_ms).as_secs()).max().unwrap_or(0),
            hours_left: self.trend.hours_left(self.queue.total().fill(), bounds, now.mono_ms),
            hooks,
            targets: targets.collect(),
        }
    }
}
