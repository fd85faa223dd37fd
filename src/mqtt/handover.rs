//! What a connection handed to the intake and has no verdict for. In order: one publication after another goes into
//! the intake's queue, and verdicts are taken in the same order.

use std::collections::VecDeque;
use std::pin::Pin;

use futures_util::FutureExt;
use tokio::sync::oneshot;
use tokio::sync::oneshot::error::TryRecvError;

use crate::bus::Intake;
use crate::bus::Refusal;
use crate::bus::Verdict;
use crate::mqtt::session::HandIn;
use crate::mqtt::session::Ticket;

/// A publication on its way into the intake's queue; then the place where its verdict comes.
type Submission = Pin<Box<dyn Future<Output = Option<oneshot::Receiver<Verdict>>> + Send>>;

/// See the module.
pub(super) struct Handover {
    intake: Intake,
    /// The queue is full: this waits for room, and no other publication may be handed in.
    submitting: Option<(Submission, Option<Ticket>)>,
    undecided: VecDeque<(Ticket, oneshot::Receiver<Verdict>)>,
    max_undecided: usize,
}

/// What came of waiting.
#[derive(Debug)]
pub(super) enum Progress {
    /// What waited for room in the queue is in it.
    HandedIn,
    /// The oldest publication with a ticket has its verdict.
    Decided(Ticket, Verdict),
    /// There is no intake any more.
    IntakeGone,
}

/// There is no intake any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the intake is gone")]
pub(super) struct IntakeGone;

impl Handover {
    pub(super) fn new(intake: Intake, max_undecided: u16) -> Self {
        Self { intake, submitting: None, undecided: VecDeque::new(), max_undecided: usize::from(max_undecided) }
    }

    /// Whether one more may be handed in.
    pub(super) fn has_room(&self) -> bool {
        self.submitting.is_none() && self.undecided.len() < self.max_undecided
    }

    /// Whether every verdict came.
    pub(super) fn is_decided(&self) -> bool {
        self.submitting.is_none() && self.undecided.is_empty()
    }

    /// Hands a publication in; only when there is room. Most often there is room in the queue, too, and this is done
    /// at once.
    pub(super) fn hand_in(&mut self, HandIn { publication, ticket }: HandIn) -> Result<(), IntakeGone> {
        let intake = self.intake.clone();
        let mut submission: Submission = Box::pin(async move { intake.submit(publication).await });
        if let Some(receiver) = (&mut submission).now_or_never() {
            return self.expect_verdict(ticket, receiver);
        }
        self.submitting = Some((submission, ticket));
        Ok(())
    }

    /// Waits for whatever comes next; for ever if nothing is under way. Cancel safe.
    pub(super) async fn progress(&mut self) -> Progress {
        tokio::select! {
            receiver = submitted(&mut self.submitting) => {
                let ticket = self.submitting.take().and_then(|(_, ticket)| ticket);
                match self.expect_verdict(ticket, receiver) {
                    Ok(()) => Progress::HandedIn,
                    Err(IntakeGone) => Progress::IntakeGone,
                }
            }
            (ticket, verdict) = first_verdict(&mut self.undecided) => {
                self.undecided.pop_front();
                Progress::Decided(ticket, verdict)
            }
        }
    }

    /// The next verdict, if it is there already.
    pub(super) fn decided(&mut self) -> Option<(Ticket, Verdict)> {
        let (ticket, receiver) = self.undecided.front_mut()?;
        let verdict = match receiver.try_recv() {
            Ok(verdict) => verdict,
            Err(TryRecvError::Closed) => Err(Refusal::Stopping),
            Err(TryRecvError::Empty) => return None,
        };
        let ticket = *ticket;
        self.undecided.pop_front();
        Some((ticket, verdict))
    }

    fn expect_verdict(
        &mut self,
        ticket: Option<Ticket>,
        receiver: Option<oneshot::Receiver<Verdict>>,
    ) -> Result<(), IntakeGone> {
        let receiver = receiver.ok_or(IntakeGone)?;
        // Without a ticket nobody is told.
        self.undecided.extend(ticket.map(|ticket| (ticket, receiver)));
        Ok(())
    }
}

async fn submitted(submitting: &mut Option<(Submission, Option<Ticket>)>) -> Option<oneshot::Receiver<Verdict>> {
    match submitting {
        Some((submission, _)) => submission.await,
        None => std::future::pending().await,
    }
}

async fn first_verdict(undecided: &mut VecDeque<(Ticket, oneshot::Receiver<Verdict>)>) -> (Ticket, Verdict) {
    match undecided.front_mut() {
        Some((ticket, receiver)) => (*ticket, receiver.await.unwrap_or(Err(Refusal::Stopping))),
        None => std::future::pending().await,
    }
}
