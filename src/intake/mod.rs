//! Where an event is accepted: the one task that every publication passes through, whatever transport brought it.
//!
//! ```text
//! publication ─> well-formed? ─> resent? ─> which hooks? ─> room? ─> device limit ─> stored, durable ─> verdict
//!                    │ no           │ yes                     │ no            dead letter ─┘           ─> live
//!                  refusal       verdict of the first      refusal, or what the hook says              ─> dispatcher
//! ```
//! What a source publishes is read by its rules first, and goes this way as events of the devices that were adopted from
//! it. What a device says to the gateway itself is no event: a result goes to who waits for it, a description to the others
//! that are known, and then comes the verdict.
//!
//! Verdicts, the live stream and the dispatcher all see events in the order in which they came. The intake never sends
//! a request and never knows a transport.

mod decide;
mod notices;
mod payload;
mod resends;
mod room;
mod said;
mod source;
mod under_way;

use std::sync::Arc;
use std::sync::Mutex;

use futures_util::FutureExt;
use futures_util::StreamExt;
use futures_util::future::BoxFuture;
use futures_util::future::ready;
use futures_util::stream::FuturesOrdered;
use log::debug;
use log::warn;
use tokio::sync::mpsc;
use tokio::sync::watch;

use crate::bus::Accepted;
use crate::bus::Arrival;
use crate::bus::Board;
use crate::bus::Calls;
use crate::bus::IntakeQueue;
use crate::bus::Live;
use crate::bus::Presence;
use crate::bus::Refusal;
use crate::bus::Replay;
use crate::bus::ReplayRefusal;
use crate::bus::Sources;
use crate::bus::Verdict;
use crate::bus::stopped;
use crate::chance::Chance;
use crate::clock;
use crate::config::Config;
use crate::history::History;
use crate::history::What;
use crate::intake::decide::Decision;
use crate::intake::decide::Desk;
use crate::intake::decide::Dropped;
use crate::intake::decide::Triggered;
use crate::intake::resends::Mark;
use crate::intake::resends::Resends;
use crate::intake::room::Stored;
use crate::intake::said::Said;
use crate::intake::source::Waiting;
use crate::intake::source::Wanted;
use crate::intake::under_way::Settled;
use crate::intake::under_way::carry_out;
use crate::intake::under_way::carry_out_replay;
use crate::limits::Windows;
use crate::model::DeviceId;
use crate::model::Event;
use crate::model::Source;
use crate::model::UserId;
use crate::registry::Snapshot;
use crate::retained::Retained;
use crate::sessions::Sessions;
use crate::store::Changes;
use crate::store::DeliveryKey;
use crate::store::Queue;
use crate::store::QueueError;
use crate::store::QueueWriter;
use crate::store::WriteError;

/// Publications that may be on their way to the disk at once; more wait in front of the intake.
const UNDER_WAY: usize = 1_024;

/// What the intake works with.
pub struct Parts {
    /// Where publications come from.
    pub queue: IntakeQueue,
    /// Who and what is registered.
    pub registry: watch::Receiver<Arc<Snapshot>>,
    /// The limits.
    pub config: watch::Receiver<Arc<Config>>,
    /// Makes accepted events durable.
    pub writer: QueueWriter,
    /// Tells everybody.
    pub live: Live,
    /// Tells the dispatcher.
    pub arrivals: mpsc::Sender<Arrival>,
    /// Dead letters that shall wait again.
    pub replays: mpsc::Receiver<Replay>,
    /// Knows how much waits.
    pub store: Queue,
    /// The devices' windows.
    pub triggers: Arc<Mutex<Windows>>,
    /// Shows what was dropped.
    pub board: Board,
    /// Counts it.
    pub history: History,
    /// Knows who waits for a result.
    pub calls: Calls,
    /// Knows what devices offer.
    pub presence: Presence,
    /// Keeps events for those who sleep.
    pub sessions: Sessions,
    /// What MQTT clients that subscribe later get.
    pub retained: Retained,
    /// Hears the sources.
    pub sources: Sources,
    /// Makes ids.
    pub chance: Chance,
    /// What was known before the restart.
    pub known: Known,
}

/// What the intake knew before the restart.
#[derive(Debug)]
pub struct Known {
    next_seq: u64,
    resends: Resends,
    /// The boot that is running.
    boot: [u8; 16],
}

impl Known {
    /// Reads from the store which number is next and which publications may be sent again.
    ///
    /// # Errors
    /// When the disk is bad.
    pub fn recall(store: &Queue, boot: [u8; 16]) -> Result<Self, QueueError> {
        let mut resends = Resends::default();
        for lane in store.lanes()? {
            for delivery in store.latest(lane, resends::PER_SESSION)?.iter().rev() {
                if let Some(stored) = delivery.mark {
                    resends.remember(Mark { source: delivery.event.source, stored });
                }
            }
        }
        Ok(Self { next_seq: store.next_seq(), resends, boot })
    }
}

/// Accepts publications until `stop` is set; then those that wait are told so, and those under way are finished.
pub async fn run(parts: Parts, mut stop: watch::Receiver<bool>) {
    let Parts {
        mut queue,
        mut replays,
        registry,
        config,
        store,
        triggers,
        writer,
        live,
        arrivals,
        board,
        history,
        calls,
        presence,
        sessions,
        retained,
        sources,
        chance,
        known,
    } = parts;
    let desk = Desk::new(chance, known, triggers, presence.clone(), retained.clone());
    let mut registrations = registry.clone();
    forget_gone(&retained, &registrations.borrow_and_update(), &writer);
    let mut clerk = Clerk {
        desk,
        retained,
        live,
        arrivals,
        board,
        history,
        calls,
        presence,
        sessions,
        sources,
        of_source: Ok(Accepted::Taken),
        unwanted: 0,
    };
    let mut under_way: FuturesOrdered<BoxFuture<'static, Settled>> = FuturesOrdered::new();
    loop {
        tokio::select! {
            biased;
            () = stopped(&mut stop) => break,
            Some(settled) = under_way.next(), if !under_way.is_empty() => clerk.settle(settled).await,
            Ok(()) = registrations.changed() => forget_gone(&clerk.retained, &registrations.borrow_and_update(), &writer),
            // They come a page at a time, and each page is waited for: nobody has to wait for long.
            Some(replay) = replays.recv(), if under_way.len() < UNDER_WAY => {
                let decided = {
                    let (registry, config) = (registry.borrow(), config.borrow());
                    let stock = Stored { queue: &store, free_bytes: writer.free_bytes() };
                    clerk.decide_replay(&replay, &registry, &config, &stock)
                };
                match decided {
                    Ok((key, changes)) => under_way.push_back(carry_out_replay(replay, key, changes, &writer)),
                    Err(refusal) => drop(replay.done.send(Err(refusal))),
                }
            }
            submission = queue.recv(), if under_way.len() < UNDER_WAY => {
                let Some(submission) = submission else { break };
                let (registry, config) = (Arc::clone(&registry.borrow()), config.borrow());
                let stock = Stored { queue: &store, free_bytes: writer.free_bytes() };
                match clerk.interpret(submission, &registry, &config) {
                    Wanted::Nothing(verdict) => under_way.push_back(ready(Settled::Nothing { verdict }).boxed()),
                    Wanted::Publications(publications) => for (publication, waiting) in publications {
                        let mut decision = clerk.desk.decide(&publication, &registry, &config, &stock, clock::now());
                        decision.keep(publication.resend, &clerk.sessions, &registry);
                        under_way.push_back(carry_out(waiting, decision, &writer));
                    },
                }
            }
        }
    }
    queue.close();
    while let Some(submission) = queue.recv().await {
        let _ = submission.verdict.send(Err(Refusal::Stopping));
    }
    while let Some(settled) = under_way.next().await {
        clerk.settle(settled).await;
    }
}

/// Who decides, and tells everybody what was decided.
struct Clerk {
    desk: Desk,
    retained: Retained,
    live: Live,
    arrivals: mpsc::Sender<Arrival>,
    board: Board,
    history: History,
    calls: Calls,
    presence: Presence,
    sessions: Sessions,
    sources: Sources,
    /// What a source is told of the publish of which a part was settled last.
    of_source: Verdict,
    /// Results that nobody waited for, since the start.
    unwanted: u64,
}

impl Clerk {
    fn decide_replay(
        &mut self,
        replay: &Replay,
        registry: &Snapshot,
        config: &Config,
        stock: &Stored<'_>,
    ) -> Result<(DeliveryKey, Changes), ReplayRefusal> {
        let hook = registry.hooks.get(&replay.id.hook).ok_or(ReplayRefusal::NoHook(replay.id.hook))?;
        let rule = hook.definition.queue();
        let decided = self.desk.replay(replay.id, &replay.letter, rule, config, stock, clock::now());
        decided.map_err(|full| ReplayRefusal::Full(full.reason(replay.id.hook)))
    }

    /// Answers the publisher and, when all is well, tells everybody else.
    async fn settle(&mut self, settled: Settled) {
        match settled {
            Settled::Publication { waiting, decision, stored } => {
                self.settle_publication(waiting, decision, stored).await;
            }
            Settled::Nothing { verdict } => drop(verdict.send(Ok(Accepted::Taken))),
            Settled::Replay { replay, key, stored } => {
                let event = replay.letter.delivery.event;
                self.desk.settle(key, &event);
                let done = stored.map_err(|error| ReplayRefusal::Full(error.to_string()));
                if done.is_ok() {
                    self.arrive(Triggered { key, due_ms: 0, makes_room: false }, &event).await;
                }
                // Who asked and went away does not get to know.
                let _ = replay.done.send(done);
            }
        }
    }

    async fn settle_publication(&mut self, waiting: Waiting, decision: Decision, stored: Result<(), WriteError>) {
        match decision {
            Decision::Refused { refusal, full, notice } => {
                if let Some(hook) = full {
                    self.board.change_hook(hook, |report| report.refused += 1);
                    self.history.refused(hook, clock::now());
                }
                if notice.is_some() {
                    warn!("a publication is refused: {refusal}");
                }
                self.answer(waiting, Err(refusal));
                tell(&self.live, notice).await;
            }
            Decision::Resent { mark } => {
                // The first sending may have failed at the disk in the meantime.
                let known = self.desk.knows(&mark);
                let verdict = if known { Ok(Accepted::Resent) } else { Err(full("the first sending failed")) };
                self.answer(waiting, verdict);
            }
            Decision::Said { device, said } => {
                self.hear(device, said);
                self.answer(waiting, Ok(Accepted::Taken));
            }
            Decision::Accepted { event, deliveries, dropped, mark, at_ms, notices, kept, keeping, .. } => {
                if let Some(keeping) = keeping {
                    self.retained.settle(*keeping, stored.is_ok());
                }
                for triggered in &deliveries {
                    self.desk.settle(triggered.key, &event);
                }
                if let Err(error) = stored {
                    debug!("an event is refused: {error}");
                    self.desk.forget(mark, event.source, &deliveries, at_ms);
                    self.sessions.discard(&kept);
                    self.answer(waiting, Err(full(&error.to_string())));
                    return;
                }
                let accepted =
                    if deliveries.is_empty() { Accepted::PassedOn(event.id) } else { Accepted::Stored(event.id) };
                self.answer(waiting, Ok(accepted));
                self.sessions.stored(&kept);
                self.sessions.tell(&kept);
                self.live.announce_kept(Arc::clone(&event)).await;
                self.count(&dropped, event.owner);
                if let Some(notice) = notices {
                    self.live.announce_kept(notice).await;
                }
                for triggered in deliveries {
                    self.arrive(triggered, &event).await;
                }
            }
        }
    }

    /// A device said something to the gateway itself.
    fn hear(&mut self, device: DeviceId, said: Said) {
        match said {
            Said::Description(description) => self.presence.described(device, description),
            Said::Result { request, value } => {
                if !self.calls.answer(device, &request, value) {
                    self.unwanted += 1;
                    debug!(device:% = device, request, unwanted = self.unwanted; "nobody waits for a result");
                }
            }
        }
    }

    async fn arrive(&self, triggered: Triggered, event: &Arc<Event>) {
        let Triggered { key, due_ms, makes_room } = triggered;
        let arrival = Arrival { key, event: Arc::clone(event), due_ms, makes_room };
        // A dispatcher that is gone finds the delivery in the store at the next start.
        let _ = self.arrivals.send(arrival).await;
    }

    fn count(&self, dropped: &[Dropped], owner: UserId) {
        for dropped in dropped {
            let (Dropped::OverLimit(hook) | Dropped::Full(hook)) = dropped;
            self.history.count(What::Dropped, *hook, owner, 1, clock::now());
            match dropped {
                Dropped::OverLimit(hook) => self.board.change_hook(*hook, |report| report.over_limit += 1),
                Dropped::Full(hook) => {
                    self.board.change_hook(*hook, |report| report.dropped += 1);
                    self.board.change_queue(|queue| queue.dropped += 1);
                }
            }
        }
    }
}

/// Forgets the retained messages of devices and users that are not registered any more.
fn forget_gone(retained: &Retained, registry: &Snapshot, writer: &QueueWriter) {
    let is_gone = |event: &Event| match event.source {
        Source::Device(device) => registry.devices.get(&device).is_none_or(|device| device.owner != event.owner),
        _ => registry.owner != Some(event.owner) && !registry.users.contains_key(&event.owner),
    };
    if let Some(changes) = retained.forget(is_gone) {
        writer.ride_along(changes);
    }
}

async fn tell(live: &Live, notices: impl IntoIterator<Item = Arc<Event>>) {
    for notice in notices {
        live.announce(notice).await;
    }
}

fn full(reason: &str) -> Refusal {
    Refusal::Full { reason: reason.to_owned() }
}

#[cfg(test)]
mod tests;
