//! The dispatcher's task: waits for what happens, acts on what the lanes, the conclusion and the pacer say.

use std::collections::HashMap;
use std::collections::VecDeque;
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
use crate::bus::TryRefusal;
use crate::bus::TryReport;
use crate::bus::stopped;
use crate::chance::Chance;
use crate::clock;
use crate::clock::Now;
use crate::config::Config;
use crate::config::Over;
use crate::delivery::Courier;
use crate::dispatch::aftermath::Recorded;
use crate::dispatch::age::AcceptedAt;
use crate::dispatch::attempt::Attempt;
use crate::dispatch::attempt::Ended;
use crate::dispatch::attempt::How;
use crate::dispatch::attempt::Leave;
use crate::dispatch::attempt::Way;
use crate::dispatch::connectivity::Connectivity;
use crate::dispatch::errands::Errands;
use crate::dispatch::lane::Behind;
use crate::dispatch::lane::Item;
use crate::dispatch::lanes;
use crate::dispatch::lanes::Lanes;
use crate::dispatch::pacer::Due;
use crate::dispatch::pacer::Pacer;
use crate::dispatch::roster::Roster;
use crate::dispatch::trend::Trend;
use crate::dispatch::unrecorded::Unrecorded;
use crate::dispatch::upkeep::response_limits;
use crate::dispatch::upkeep::settings;
use crate::history::History;
use crate::limits::Windows;
use crate::logbook::Logbook;
use crate::model::HookId;
use crate::model::WallTime;
use crate::notices::Notices;
use crate::registry::Hook;
use crate::registry::Snapshot;
use crate::sessions::Sessions;
use crate::store::Changes;
use crate::store::LaneKey;
use crate::store::Page;
use crate::store::Queue;
use crate::store::QueueWriter;
use crate::store::StoredHealth;
use crate::store::Writes;
use crate::telemetry::notify;

/// Bytes of events kept in memory while they wait; what waits beyond is read back from the store.
pub(super) const EVENTS_IN_MEMORY: usize = 2 << 20;

/// Arrivals and ended attempts that are dealt with before new attempts are started.
const AT_ONCE: usize = 64;

/// How long an attempt that met trouble of this machine waits.
const TROUBLE_MS: u64 = 10_000;

/// How long a host waits whose requests are not on the disk yet, if nothing wakes the dispatcher before.
const RECORD_MS: u64 = 20;

/// How long attempts under way may go on when the daemon stops. What does not end by then is made again.
const LAST_ATTEMPTS: Duration = Duration::from_secs(3);

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
    /// Keeps results for those who sleep.
    pub sessions: Sessions,
    /// Shows how the work goes.
    pub board: Board,
    /// Records every attempt.
    pub logbook: Logbook,
    /// Tells people what they should know.
    pub notices: Notices,
    /// Counts how much went when.
    pub history: History,
    /// The hosts' windows.
    pub hosts: Arc<Mutex<Windows>>,
    /// Makes ids and jitter.
    pub chance: Chance,
    /// The hooks' health before the restart.
    pub healths: Vec<(HookId, StoredHealth)>,
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
        driver.log_what_waits();
        loop {
            let until_upkeep = driver.look_after_all().await;
            driver.read_pages();
            let wait = driver.start_what_may().unwrap_or(tick).min(until_upkeep);
            driver.show();
            tokio::select! {
                Some(ended) = driver.attempts.join_next(), if !driver.attempts.is_empty() => {
                    driver.deal_with(ended).await;
                    for _ in 1..AT_ONCE {
                        let Some(ended) = driver.attempts.try_join_next() else { break };
                        driver.deal_with(ended).await;
                    }
                }
                (recorded, written) = driver.recording.next() => driver.recorded(recorded, &written),
                Some(Ok((lane, page))) = driver.reading.join_next() => driver.fill(lane, page),
                () = stopped(&mut stop) => break,
                1.. = arrivals.recv_many(&mut arrived, AT_ONCE) => {
                    // What was published after a reload is sent as the reload has it.
                    if driver.config.has_changed().unwrap_or(false) {
                        driver.take_up_config();
                    }
                    for arrival in arrived.drain(..) {
                        driver.take_in(arrival);
                    }
                    driver.make_room().await;
                }
                Some(order) = orders.recv() => driver.obey(order).await,
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
    pub(super) sessions: Sessions,
    pub(super) board: Board,
    pub(super) logbook: Logbook,
    pub(super) notices: Notices,
    pub(super) history: History,
    pub(super) chance: Chance,
    pub(super) courier: Arc<Courier>,
    pub(super) hosts: Arc<Mutex<Windows>>,
    pub(super) roster: Roster,
    pub(super) lanes: Lanes,
    pub(super) connectivity: Connectivity,
    pub(super) pacer: Pacer,
    pub(super) attempts: JoinSet<Ended>,
    pub(super) unrecorded: Unrecorded,
    /// Writes on their way to the disk that somebody waits for, in their order.
    pub(super) recording: Writes<Recorded>,
    /// Pages of lanes that are being read, and those that shall be.
    pub(super) reading: JoinSet<(LaneKey, Option<Page>)>,
    pub(super) to_read: VecDeque<(LaneKey, Behind)>,
    /// Rows of hooks that are gone, being removed.
    pub(super) forgetting: JoinSet<Vec<HookId>>,
    pub(super) gone: Vec<HookId>,
    /// Hooks whose oldest delivery shall go, one for each time.
    pub(super) full: Vec<HookId>,
    /// What the log was told last of what is full.
    pub(super) told_full: Option<&'static str>,
    pub(super) errands: Errands,
    /// Since when nothing is let go because somebody wants it so.
    pub(super) paused_since: Option<WallTime>,
    pub(super) trend: Trend,
    pub(super) upkeep_ms: u64,
    pub(super) boot: [u8; 16],
    /// When each boot began, by the wall clock, in milliseconds since 1970.
    pub(super) boots: HashMap<[u8; 16], i64>,
}

impl Driver {
    pub(super) fn new(parts: Parts) -> (Self, mpsc::Receiver<Arrival>, mpsc::Receiver<Order>) {
        let now = clock::now();
        let config = Arc::clone(&parts.config.borrow());
        let connectivity = Connectivity::new(*parts.routes.borrow(), now.mono_ms);
        let mut driver = Self {
            registry: parts.registry,
            config: parts.config,
            routes: parts.routes,
            queue: parts.queue,
            writer: parts.writer,
            live: parts.live,
            sessions: parts.sessions,
            roster: Roster::new(parts.board.clone()),
            board: parts.board,
            logbook: parts.logbook,
            notices: parts.notices,
            history: parts.history,
            chance: parts.chance,
            courier: Arc::new(Courier::new(settings(&config))),
            hosts: parts.hosts,
            lanes: Lanes::default(),
            connectivity,
            pacer: Pacer::default(),
            attempts: JoinSet::new(),
            unrecorded: Unrecorded::default(),
            recording: Writes::default(),
            reading: JoinSet::new(),
            to_read: VecDeque::new(),
            forgetting: JoinSet::new(),
            gone: Vec::new(),
            full: Vec::new(),
            told_full: None,
            errands: Errands::default(),
            paused_since: None,
            trend: Trend::default(),
            upkeep_ms: now.mono_ms,
            boot: parts.boot,
            boots: HashMap::new(),
        };
        driver.recall_boots(now);
        driver.recall_pause();
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
        // Whoever asks from the first moment on is told what waits.
        driver.show();
        (driver, parts.arrivals, parts.orders)
    }

    /// Starts everything that may start. Returns how long until more may, if that is known.
    fn start_what_may(&mut self) -> Option<Duration> {
        let config = Arc::clone(&self.config.borrow());
        let order =
            lanes::Order { per_target: config.delivery.per_host as usize, interleave: config.delivery.interleave };
        let drops = config.limits.host_over == Over::Drop;
        loop {
            let now = clock::now();
            let mut is_over_limit = false;
            let next = if self.paused_since.is_some() {
                Err(None)
            } else {
                let mut hosts = self.hosts.lock().expect("windows do not panic");
                self.lanes.next(now.mono_ms, order, |host| {
                    let Some(host) = host else { return Ok(()) };
                    match take_place(host, &mut hosts, &self.unrecorded, &config, now) {
                        Err(NoPlace::Limit { .. }) if drops => {
                            is_over_limit = true;
                            Ok(())
                        }
                        taken => taken.map_err(NoPlace::until_ms),
                    }
                })
            };
            match next {
                Ok(start) if is_over_limit => self.begin(start, Leave::OverLimit, now),
                Ok(start) => self.begin(start, Leave::Place, now),
                Err(ask_again_ms) => {
                    let earliest = ask_again_ms.into_iter().chain(self.pacer.next_due_ms()).min()?;
                    return Some(Duration::from_millis(earliest.saturating_sub(now.mono_ms)));
                }
            }
        }
    }

    /// Begins the attempt at a delivery that the lanes have started.
    pub(super) fn begin(&mut self, start: lanes::Start, leave: Leave, now: Now) {
        let config = Arc::clone(&self.config.borrow());
        let patience = self.patience(start.lane.hook);
        let Some(hook) = self.roster.hook(start.lane.hook) else { return };
        let is_limited = config.limits.host_per_minute.is_some();
        if let Some(host) = hook.definition.host().filter(|_| is_limited && leave == Leave::Place) {
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
            max_age: max_age(hook, &config),
            leave,
            patience,
            way: self.way(&config),
        };
        self.attempts.spawn(attempt.make());
    }

    pub(super) fn way(&self, config: &Config) -> Way {
        Way {
            courier: Arc::clone(&self.courier),
            registry: self.registry.clone(),
            hosts: Arc::clone(&self.hosts),
            default_body: config.hooks.default_body,
            response_bytes: response_limits(config).response_bytes,
            drops_over_limit: config.limits.host_over == Over::Drop,
        }
    }

    fn take_in(&mut self, arrival: Arrival) {
        let Arrival { key, event, due_ms, makes_room } = arrival;
        if self.roster.hook(key.lane.hook).is_none() {
            // The intake knows of a new hook a moment earlier, and of a deleted one a moment later.
            self.take_up_hooks();
        }
        if self.roster.hook(key.lane.hook).is_none() {
            let mut changes = Changes::new();
            changes.remove(key, event.data.len());
            self.writer.ride_along(changes);
            return;
        }
        let accepted = AcceptedAt::at(clock::now());
        let item = Item { seq: key.seq, answers: 0, accepted, due_ms, met_silence: false, event: Some(event) };
        self.lanes.announce(key.lane, item, EVENTS_IN_MEMORY);
        if makes_room {
            self.full.push(key.lane.hook);
        }
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
        self.note_target(&ended.how, lane, ended.began_ms, now);
        {
            let mut windows = self.hosts.lock().expect("windows do not panic");
            ended.how.end_place(ended.place.as_deref(), ended.began_ms, now.mono_ms, &mut windows);
        }
        let mut counted = self.unrecorded.ended(lane);
        if ended.how.is_unsent() {
            // The window on the disk is right without it.
            counted.take().into_iter().for_each(|host| self.unrecorded.recorded(&host));
        }
        let Some(hook) = self.roster.hook(lane.hook).cloned() else {
            self.errands.tried(lane, Err(TryRefusal::NothingWaits));
            self.lanes.finish(lane);
            self.write_window(counted, now);
            return;
        };
        match (&ended.how, &ended.event) {
            (How::HostFull { until_ms }, _) => {
                self.errands.tried(lane, Err(TryRefusal::HostFull { seconds: seconds_until(*until_ms, now) }));
                self.lanes.put_off(lane, *until_ms);
            }
            (How::Trouble { reason }, _) => {
                warn!(HOOK_ID:% = hook.id; "a delivery has to wait: {reason}");
                self.errands.tried(lane, Ok(TryReport { ok: false, summary: reason.clone() }));
                self.lanes.put_off(lane, now.mono_ms + TROUBLE_MS);
            }
            (How::Gone, _) | (_, None) => {
                self.errands.tried(lane, Err(TryRefusal::NothingWaits));
                self.lanes.finish(lane);
                self.lanes.release(lane);
            }
            (_, Some(event)) => {
                let event = Arc::clone(event);
                let conclusion = self.conclude(&hook, &event, &ended, now);
                self.carry_out(&hook, &event, ended, conclusion, counted, now).await;
                return;
            }
        }
        self.write_window(counted, now);
    }

    async fn tell_what_is_due(&mut self) {
        let interval_ms = u64::try_from(self.config.borrow().limits.response_interval.as_millis()).unwrap_or(u64::MAX);
        for due in self.pacer.due(clock::now().mono_ms, interval_ms) {
            match due {
                Due::Announce(part) => self.announce(part).await,
                Due::Release(lane) => self.lanes.release(lane),
            }
        }
    }

    fn show(&self) {
        let now = clock::now();
        let state_since = self.line_since(now);
        let total = self.queue.total();
        self.history.note_waiting(total.waiting, now);
        self.board.change_queue(|queue| {
            queue.waiting = total.waiting;
            queue.bytes = total.waiting_bytes;
            queue.dead = total.dead;
            queue.under_way = self.lanes.under_way();
            queue.parts_waiting = self.pacer.waiting();
            queue.targets_down = self.lanes.targets_down();
            queue.state = self.connectivity.state();
            queue.state_since = Some(state_since);
            queue.paused_since = self.paused_since;
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
        self.writer.ride_along(self.logbook.take(self.config.borrow().queue.log_attempts));
        changes.append(self.history.take());
        if !changes.is_empty() {
            self.writer.ride_along(changes);
        }
        // Faster than their pace, but there is no later.
        for part in self.pacer.drain() {
            self.announce(part).await;
        }
        while !self.recording.is_empty() {
            let (recorded, written) = self.recording.next().await;
            self.recorded(recorded, &written);
        }
    }
}

/// Why a request may not go to its host now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NoPlace {
    /// Its limit is reached until then.
    Limit { until_ms: u64 },
    /// Too many requests of it are not on the disk yet.
    Unrecorded { until_ms: u64 },
}

impl NoPlace {
    /// When to ask again.
    pub(super) fn until_ms(self) -> u64 {
        let (Self::Limit { until_ms } | Self::Unrecorded { until_ms }) = self;
        until_ms
    }
}

/// Takes a place in the window of a host for a request to it.
pub(super) fn take_place(
    host: &str,
    windows: &mut Windows,
    unrecorded: &Unrecorded,
    config: &Config,
    now: Now,
) -> Result<(), NoPlace> {
    if config.limits.host_per_minute.is_some() && unrecorded.is_full(host, config.delivery.per_host) {
        return Err(NoPlace::Unrecorded { until_ms: now.mono_ms + RECORD_MS });
    }
    windows.try_begin(host, now.mono_ms).map_err(|until_ms| NoPlace::Limit { until_ms })
}

/// Whole seconds until a time.
pub(super) fn seconds_until(at_ms: u64, now: Now) -> u64 {
    at_ms.saturating_sub(now.mono_ms).div_ceil(1_000)
}

/// How long deliveries of a hook may wait.
pub(super) fn max_age(hook: &Hook, config: &Config) -> Duration {
    hook.definition.queue().max_age.map_or(config.queue.max_age, |own| own.min(config.queue.max_age))
}

#[cfg(test)]
mod tests;
