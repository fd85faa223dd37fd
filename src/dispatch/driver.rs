//! The dispatcher's task: waits for what happens, acts on what the lanes, the conclusion and the pacer say.

use std::sync::Arc;
use std::sync::Mutex;
use std::time::Duration;

use log::debug;
use log::error;
use log::info;
use log::warn;
use tokio::sync::mpsc;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::sleep;
use tokio::time::timeout;

use crate::bus::Arrival;
use crate::bus::Board;
use crate::bus::Live;
use crate::bus::Order;
use crate::bus::Routes;
use crate::bus::stopped;
use crate::chance::Chance;
use crate::clock;
use crate::clock::Now;
use crate::config::Config;
use crate::delivery::Courier;
use crate::dispatch::age::AcceptedAt;
use crate::dispatch::attempt::Attempt;
use crate::dispatch::attempt::Ended;
use crate::dispatch::attempt::How;
use crate::dispatch::attempt::Way;
use crate::dispatch::connectivity::Connectivity;
use crate::dispatch::lanes::Item;
use crate::dispatch::lanes::LaneKey;
use crate::dispatch::lanes::Lanes;
use crate::dispatch::pacer::Due;
use crate::dispatch::pacer::Pacer;
use crate::dispatch::roster::Roster;
use crate::dispatch::trial::try_out;
use crate::dispatch::unrecorded::Unrecorded;
use crate::dispatch::upkeep::response_limits;
use crate::dispatch::upkeep::settings;
use crate::limits::Windows;
use crate::model::HookId;
use crate::model::Source;
use crate::registry::Snapshot;
use crate::store::Changes;
use crate::store::DeliveryKey;
use crate::store::Queue;
use crate::store::QueueWriter;
use crate::store::StoredHealth;
use crate::store::StoredWindow;
use crate::telemetry::notify;

/// Events kept in memory while they wait; what waits beyond is read back from the store.
const EVENTS_IN_MEMORY: usize = 2_000;

/// Arrivals and ended attempts that are dealt with before new attempts are started.
const AT_ONCE: usize = 64;

/// How long an attempt that met trouble of this machine waits.
const TROUBLE_MS: u64 = 10_000;

/// How long a host waits whose requests are not on the disk yet, if nothing wakes the dispatcher before.
const RECORD_MS: u64 = 20;

/// How long attempts under way may go on when the daemon stops. What does not end by then is made again.
const LAST_ATTEMPTS: Duration = Duration::from_secs(3);

/// Names of the host limits' windows in the store begin with this.
const WINDOWS: &str = "host ";

/// What the dispatcher works with.
pub struct Parts {
    /// Deliveries that begin to wait.
    pub arrivals: mpsc::Receiver<Arrival>,
    /// What people ask.
    pub orders: mpsc::Receiver<Order>,
    /// The hooks.
    pub registry: watch::Receiver<Arc<Snapshot>>,
    /// Limits, time-outs, allowed addresses.
    pub config: watch::Receiver<Arc<Config>>,
    /// The way out of this machine.
    pub routes: watch::Receiver<Routes>,
    /// Reads deliveries back.
    pub queue: Queue,
    /// Records what became of deliveries.
    pub writer: QueueWriter,
    /// Tells everybody.
    pub live: Live,
    /// Shows how the work goes.
    pub board: Board,
    /// Makes ids and jitter.
    pub chance: Chance,
    /// The hooks' health before the restart.
    pub healths: Vec<(HookId, StoredHealth)>,
    /// The host limits' windows before the restart, by name.
    pub windows: Vec<(String, StoredWindow)>,
    /// The boot that is running.
    pub boot: [u8; 16],
    /// Whether the last daemon ended without its stop: then requests were under way that no window knows.
    pub was_killed: bool,
}

/// A dispatcher that knows what waits and has not begun.
pub struct Dispatcher {
    driver: Driver,
    arrivals: mpsc::Receiver<Arrival>,
    orders: mpsc::Receiver<Order>,
}

impl Dispatcher {
    /// Reads what waited before the restart. The intake starts after it: what arrives from then on is told.
    pub fn new(parts: Parts) -> Self {
        let (driver, arrivals, orders) = Driver::new(parts);
        Self { driver, arrivals, orders }
    }

    /// Makes deliveries until `stop` is set; then those under way get a few seconds to end.
    pub async fn run(self, mut stop: watch::Receiver<bool>) {
        let tick = notify::ping_interval().unwrap_or(Duration::from_secs(30));
        let mut pulse = tokio::time::interval(tick);
        let mut arrived = Vec::new();
        let Self { mut driver, mut arrivals, mut orders } = self;
        loop {
            let wait = driver.start_what_may().unwrap_or(tick);
            driver.show();
            tokio::select! {
                Some(ended) = driver.attempts.join_next(), if !driver.attempts.is_empty() => {
                    driver.deal_with(ended).await;
                    for _ in 1..AT_ONCE {
                        let Some(ended) = driver.attempts.try_join_next() else { break };
                        driver.deal_with(ended).await;
                    }
                }
                Some(Ok(host)) = driver.recording.join_next() => driver.unrecorded.recorded(&host),
                () = stopped(&mut stop) => break,
                1.. = arrivals.recv_many(&mut arrived, AT_ONCE) => {
                    for arrival in arrived.drain(..) {
                        driver.take_in(arrival);
                    }
                }
                Some(order) = orders.recv() => driver.obey(order),
                Ok(()) = driver.registry.changed() => driver.take_up_hooks(),
                Ok(()) = driver.config.changed() => driver.take_up_config(),
                Ok(()) = driver.routes.changed() => driver.take_up_routes(),
                _ = pulse.tick() => notify::ping(),
                () = sleep(wait) => {}
            }
            driver.tell_what_is_due().await;
        }
        driver.finish().await;
    }
}

/// Everything that the dispatcher has.
pub(super) struct Driver {
    pub(super) registry: watch::Receiver<Arc<Snapshot>>,
    pub(super) config: watch::Receiver<Arc<Config>>,
    pub(super) routes: watch::Receiver<Routes>,
    pub(super) queue: Queue,
    pub(super) writer: QueueWriter,
    pub(super) live: Live,
    pub(super) board: Board,
    pub(super) chance: Chance,
    pub(super) courier: Arc<Courier>,
    pub(super) hosts: Arc<Mutex<Windows>>,
    pub(super) roster: Roster,
    pub(super) lanes: Lanes,
    pub(super) connectivity: Connectivity,
    pub(super) pacer: Pacer,
    pub(super) attempts: JoinSet<Ended>,
    pub(super) unrecorded: Unrecorded,
    /// Windows on their way to the disk; each gives the host of the request that it records.
    pub(super) recording: JoinSet<String>,
    pub(super) boot: [u8; 16],
}

impl Driver {
    pub(super) fn new(parts: Parts) -> (Self, mpsc::Receiver<Arrival>, mpsc::Receiver<Order>) {
        let now = clock::now();
        let config = Arc::clone(&parts.config.borrow());
        let windows = Windows::restore(WINDOWS, config.limits.host_per_minute, &parts.windows, parts.boot, now.mono_ms);
        let connectivity = Connectivity::new(*parts.routes.borrow(), now.mono_ms);
        let mut driver = Self {
            registry: parts.registry,
            config: parts.config,
            routes: parts.routes,
            queue: parts.queue,
            writer: parts.writer,
            live: parts.live,
            roster: Roster::new(parts.board.clone()),
            board: parts.board,
            chance: parts.chance,
            courier: Arc::new(Courier::new(settings(&config))),
            hosts: Arc::new(Mutex::new(windows)),
            lanes: Lanes::default(),
            connectivity,
            pacer: Pacer::default(),
            attempts: JoinSet::new(),
            unrecorded: Unrecorded::default(),
            recording: JoinSet::new(),
            boot: parts.boot,
        };
        driver.tell_of_line(now);
        driver.take_up_hooks();
        for (hook, health) in parts.healths {
            driver.roster.restore(hook, health);
            driver.hold_or_resume(hook);
        }
        if parts.was_killed {
            driver.assume_lost_requests(now);
        }
        driver.queue_up_backlog(now);
        if driver.lanes.waiting() > 0 {
            info!("{} deliveries wait from before", driver.lanes.waiting());
        }
        (driver, parts.arrivals, parts.orders)
    }

    /// Starts everything that may start. Returns how long until more may, if that is known.
    fn start_what_may(&mut self) -> Option<Duration> {
        let config = Arc::clone(&self.config.borrow());
        let per_host = config.delivery.per_host;
        let per_target = per_host as usize;
        let is_limited = config.limits.host_per_minute.is_some();
        loop {
            let now = clock::now();
            let next = {
                let mut hosts = self.hosts.lock().expect("windows do not panic");
                self.lanes.next(now.mono_ms, per_target, |host| match host {
                    Some(host) if is_limited && self.unrecorded.is_full(host, per_host) => Err(now.mono_ms + RECORD_MS),
                    Some(host) => hosts.try_take(host, now.mono_ms),
                    None => Ok(()),
                })
            };
            match next {
                Ok(start) => {
                    let patience = self.patience(start.lane.hook);
                    let Some(hook) = self.roster.hook(start.lane.hook) else { continue };
                    if let Some(host) = hook.definition.host().filter(|_| is_limited) {
                        self.unrecorded.let_go(start.lane, host);
                    }
                    let attempt = Attempt {
                        hook: Arc::clone(hook),
                        lane: start.lane,
                        seq: start.item.seq,
                        began_ms: now.mono_ms,
                        event: start.item.event,
                        queue: self.queue.clone(),
                        accepted: start.item.accepted,
                        max_age: config.queue.max_age,
                        patience,
                        way: self.way(&config),
                    };
                    self.attempts.spawn(attempt.make());
                }
                Err(ask_again_ms) => {
                    let earliest = ask_again_ms.into_iter().chain(self.pacer.next_due_ms()).min()?;
                    return Some(Duration::from_millis(earliest.saturating_sub(now.mono_ms)));
                }
            }
        }
    }

    fn way(&self, config: &Config) -> Way {
        Way {
            courier: Arc::clone(&self.courier),
            hosts: Arc::clone(&self.hosts),
            default_body: config.hooks.default_body,
            response_bytes: response_limits(config).response_bytes,
        }
    }

    fn take_in(&mut self, arrival: Arrival) {
        if self.roster.hook(arrival.hook).is_none() {
            // The intake knows of a new hook a moment earlier, and of a deleted one a moment later.
            self.take_up_hooks();
        }
        if self.roster.hook(arrival.hook).is_none() {
            self.remove(&[DeliveryKey { hook: arrival.hook, seq: arrival.seq }]);
            return;
        }
        let lane = lane(arrival.hook, arrival.event.source);
        let item =
            Item { seq: arrival.seq, answers: 0, accepted: AcceptedAt::at(clock::now()), event: Some(arrival.event) };
        self.lanes.push(lane, item, EVENTS_IN_MEMORY);
    }

    async fn deal_with(&mut self, ended: Result<Ended, tokio::task::JoinError>) {
        let ended = match ended {
            Ok(ended) => ended,
            Err(error) => {
                // Attempts catch their panics and are aborted only after the last one was dealt with.
                error!("an attempt ended without word: {error}");
                return;
            }
        };
        let now = clock::now();
        let lane = ended.lane;
        let ended = Ended { how: self.believe(ended.how, now), ..ended };
        if let How::Sent { host, timing, .. } = &ended.how {
            debug!(HOOK_ID:% = lane.hook; "{host}: {timing}");
        }
        self.note_target(&ended.how, lane.hook, ended.began_ms, now);
        self.note_place(&ended.how, lane.hook, ended.began_ms, now);
        let mut counted = self.unrecorded.ended(lane);
        if ended.how.is_unsent() {
            // The window on the disk is right without it.
            counted.take().into_iter().for_each(|host| self.unrecorded.recorded(&host));
        }
        let Some(hook) = self.roster.hook(lane.hook).cloned() else {
            self.lanes.finish(lane);
            self.write_window(counted, now);
            return;
        };
        match (&ended.how, &ended.event) {
            (How::HostFull { until_ms }, _) => self.lanes.put_off(lane, *until_ms),
            (How::Trouble { reason }, _) => {
                warn!(HOOK_ID:% = hook.id; "a delivery has to wait: {reason}");
                self.lanes.put_off(lane, now.mono_ms + TROUBLE_MS);
            }
            (How::Gone, _) | (_, None) => {
                self.lanes.finish(lane);
                self.lanes.release(lane);
            }
            (_, Some(event)) => {
                let conclusion = self.conclude(&hook, event, &ended, now);
                self.carry_out(&hook, event, &ended, conclusion, counted, now).await;
                return;
            }
        }
        self.write_window(counted, now);
    }

    /// A request counts in its host's window from its end; what made no request gives its place back.
    fn note_place(&self, how: &How, hook: HookId, began_ms: u64, now: Now) {
        let own_host = self.roster.hook(hook).and_then(|hook| hook.definition.host());
        let mut hosts = self.hosts.lock().expect("windows do not panic");
        match (how, own_host) {
            (How::Sent { host, .. }, _) if how.is_unsent() => hosts.give_back(host, began_ms),
            (How::Sent { host, .. }, _) => hosts.settle(host, began_ms, now.mono_ms),
            // Without a host of its own it took its place together with its request.
            (How::Unsendable { .. } | How::TooOld | How::Gone, Some(host)) => hosts.give_back(host, began_ms),
            _ => {}
        }
    }

    async fn tell_what_is_due(&mut self) {
        let interval_ms = u64::try_from(self.config.borrow().limits.response_interval.as_millis()).unwrap_or(u64::MAX);
        for due in self.pacer.due(clock::now().mono_ms, interval_ms) {
            match due {
                Due::Announce(event) => self.live.announce(event).await,
                Due::Release(lane) => self.lanes.release(lane),
            }
        }
    }

    fn obey(&mut self, order: Order) {
        match order {
            Order::Resume { hook, reply } => {
                let _ = reply.send(self.resume(hook.id));
            }
            Order::Test { hook, event, reply } => {
                let config = Arc::clone(&self.config.borrow());
                let way = self.way(&config);
                // A test belongs to nobody's lane; who asked and went away does not get to know.
                tokio::spawn(async move {
                    let _ = reply.send(try_out(&hook, &event, &way, response_limits(&config)).await);
                });
            }
        }
    }

    fn show(&self) {
        let state_since = self.line_since(clock::now());
        self.board.change_queue(|queue| {
            queue.waiting = self.lanes.waiting();
            queue.under_way = self.lanes.under_way();
            queue.parts_waiting = self.pacer.waiting();
            queue.targets_down = self.lanes.targets_down();
            queue.state = self.connectivity.state();
            queue.state_since = Some(state_since);
        });
    }

    async fn finish(&mut self) {
        let ending = async {
            while let Some(ended) = self.attempts.join_next().await {
                self.deal_with(ended).await;
            }
        };
        if timeout(LAST_ATTEMPTS, ending).await.is_err() {
            info!("{} attempts are broken off; they will be made again", self.attempts.len());
            self.attempts.shutdown().await;
        }
        // An attempt that was broken off had its request counted, but no conclusion to record that with.
        let mut changes = Changes::new();
        self.hosts.lock().expect("windows do not panic").record_all(clock::now().mono_ms, &mut changes);
        if !changes.is_empty() {
            self.writer.ride_along(changes);
        }
        // Faster than their pace, but there is no later.
        for part in self.pacer.drain() {
            self.live.announce(part).await;
        }
    }
}

pub(super) fn lane(hook: HookId, source: Source) -> LaneKey {
    let device = match source {
        Source::Device(device) => Some(device),
        Source::Api | Source::Hook { .. } | Source::Gateway { .. } => None,
    };
    LaneKey { hook, device }
}

#[cfg(test)]
mod tests;
