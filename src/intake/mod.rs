//! Where an event is accepted: the one task that every publication passes through, whatever transport brought it.
//!
//! ```text
//! publication ─> well-formed? ─> resent? ─> which hooks? ─> device limit ─> stored, durable ─> verdict
//!                    │ no           │ yes                                                   ─> live
//!                  refusal       verdict of the first                                       ─> dispatcher
//! ```
//! Verdicts, the live stream and the dispatcher all see events in the order in which they came. The intake never sends
//! a request and never knows a transport.

mod decide;
mod notices;
mod payload;
mod resends;

use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::StreamExt;
use futures_util::future::BoxFuture;
use futures_util::stream::FuturesOrdered;
use log::warn;
use tokio::sync::mpsc;
use tokio::sync::oneshot;
use tokio::sync::watch;

use crate::bus::Accepted;
use crate::bus::Arrival;
use crate::bus::Board;
use crate::bus::IntakeQueue;
use crate::bus::Live;
use crate::bus::Refusal;
use crate::bus::Submission;
use crate::bus::Verdict;
use crate::bus::stopped;
use crate::chance::Chance;
use crate::clock;
use crate::config::Config;
use crate::intake::decide::Decision;
use crate::intake::decide::Desk;
use crate::intake::resends::Mark;
use crate::intake::resends::Resends;
use crate::model::Event;
use crate::registry::Snapshot;
use crate::store::QueueWriter;
use crate::store::StoredWindow;
use crate::store::Waiting;
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
    /// Knows how much waits.
    pub board: Board,
    /// Makes ids.
    pub chance: Chance,
    /// What was known before the restart.
    pub known: Known,
}

/// What the intake knew before the restart.
#[derive(Debug, Default)]
pub struct Known {
    next_seq: u64,
    resends: Resends,
    /// The device limits' windows, by name.
    pub windows: Vec<(String, StoredWindow)>,
    /// The boot that is running.
    pub boot: [u8; 16],
}

impl Known {
    /// Nothing but the windows, in this boot.
    pub fn new(windows: Vec<(String, StoredWindow)>, boot: [u8; 16]) -> Self {
        Self { windows, boot, ..Self::default() }
    }

    /// Takes note of a delivery that waits: its number is taken, and its event may be sent again.
    pub fn note(&mut self, waiting: &Waiting) {
        self.next_seq = self.next_seq.max(waiting.key.seq + 1);
        if let Some(stored) = waiting.mark {
            self.resends.remember(Mark { source: waiting.source, stored });
        }
    }
}

/// Accepts publications until `stop` is set; then those that wait are told so, and those under way are finished.
pub async fn run(parts: Parts, mut stop: watch::Receiver<bool>) {
    let Parts { mut queue, registry, config, writer, live, arrivals, board, chance, known } = parts;
    let mut desk = Desk::new(chance, known, &config.borrow().limits, clock::now());
    let mut under_way: FuturesOrdered<BoxFuture<'static, Settled>> = FuturesOrdered::new();
    loop {
        tokio::select! {
            biased;
            () = stopped(&mut stop) => break,
            Some(settled) = under_way.next(), if !under_way.is_empty() => {
                settle(settled, &mut desk, &live, &arrivals).await;
            }
            submission = queue.recv(), if under_way.len() < UNDER_WAY => {
                let Some(submission) = submission else { break };
                let decision = {
                    let registry = registry.borrow();
                    let config = config.borrow();
                    let has_room = config.queue.max_waiting.is_none_or(|most| board.queue().waiting < most.get() as usize);
                    desk.decide(&submission.publication, &registry, &config.limits, has_room, clock::now())
                };
                under_way.push_back(carry_out(submission, decision, &writer));
            }
        }
    }
    queue.close();
    while let Some(submission) = queue.recv().await {
        let _ = submission.verdict.send(Err(Refusal::Stopping));
    }
    while let Some(settled) = under_way.next().await {
        settle(settled, &mut desk, &live, &arrivals).await;
    }
}

/// A publication whose fate is known, up to the disk's answer.
struct Settled {
    verdict: oneshot::Sender<Verdict>,
    decision: Decision,
    stored: Result<(), WriteError>,
}

fn carry_out(submission: Submission, mut decision: Decision, writer: &QueueWriter) -> BoxFuture<'static, Settled> {
    let verdict = submission.verdict;
    let changes = decision.take_changes();
    let done = changes.map(|changes| writer.write(changes));
    async move {
        let stored = match done {
            Some(done) => done.await.unwrap_or(Err(WriteError::Closed)),
            None => Ok(()),
        };
        Settled { verdict, decision, stored }
    }
    .boxed()
}

/// Answers the publisher and, when all is well, tells everybody else.
async fn settle(settled: Settled, desk: &mut Desk, live: &Live, arrivals: &mpsc::Sender<Arrival>) {
    let Settled { verdict, decision, stored } = settled;
    // A publisher that is gone does not wait for its verdict; the event is accepted all the same.
    let answer = |answer: Verdict| drop(verdict.send(answer));
    match decision {
        Decision::Refused { refusal, notice } => {
            answer(Err(refusal));
            tell(live, notice).await;
        }
        Decision::Resent { mark } => {
            // The first sending may have failed at the disk in the meantime.
            let known = desk.knows(&mark);
            answer(if known { Ok(Accepted::Resent) } else { Err(full("the first sending failed")) });
        }
        Decision::Accepted { event, deliveries, mark, at_ms, notices, .. } => {
            if let Err(error) = stored {
                warn!("an event is refused: {error}");
                desk.forget(mark, event.source, deliveries.len(), at_ms);
                answer(Err(full(&error.to_string())));
                return;
            }
            let accepted =
                if deliveries.is_empty() { Accepted::PassedOn(event.id) } else { Accepted::Stored(event.id) };
            answer(Ok(accepted));
            live.announce(Arc::clone(&event)).await;
            tell(live, notices).await;
            for key in deliveries {
                let arrival = Arrival { hook: key.hook, seq: key.seq, event: Arc::clone(&event) };
                // A dispatcher that is gone finds the delivery in the store at the next start.
                let _ = arrivals.send(arrival).await;
            }
        }
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
