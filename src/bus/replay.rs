//! Handing dead letters back to the intake: they wait again, behind what waits already.

use std::sync::Arc;

use tokio::sync::Mutex;
use tokio::sync::mpsc;
use tokio::sync::oneshot;

use crate::model::HookId;
use crate::model::WallTime;
use crate::store::DeadLetter;
use crate::store::DeliveryId;
use crate::store::Queue;
use crate::store::QueueError;

/// Replays that may wait in front of the intake.
const WAITING: usize = 16;

/// Dead letters that are read at once.
const AT_ONCE: usize = 32;

/// Why a dead letter was not replayed. It is where it was.
#[derive(Debug, thiserror::Error)]
pub enum ReplayRefusal {
    /// There is none of that name.
    #[error("there is no dead letter {0}")]
    NoLetter(DeliveryId),
    /// Its hook is gone.
    #[error("there is no hook {0}")]
    NoHook(HookId),
    /// Too much waits already, or the disk is full.
    #[error("the gateway cannot store it now: {0}")]
    Full(String),
    /// It cannot be read.
    #[error(transparent)]
    Unreadable(#[from] QueueError),
    /// The gateway is going down.
    #[error("the gateway is stopping")]
    Stopping,
}

type Answer = oneshot::Receiver<Result<(), ReplayRefusal>>;

/// A dead letter that shall wait again.
#[derive(Debug)]
pub struct Replay {
    /// Its name.
    pub id: DeliveryId,
    /// What it is.
    pub letter: DeadLetter,
    /// What came of it.
    pub done: oneshot::Sender<Result<(), ReplayRefusal>>,
}

/// Which dead letters.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Selection {
    /// Only of this hook.
    pub hook: Option<HookId>,
    /// Only those that died then or later.
    pub from: Option<WallTime>,
    /// Only those that died before.
    pub until: Option<WallTime>,
}

/// The handle with which dead letters are replayed. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Replays {
    queue: Queue,
    intake: mpsc::Sender<Replay>,
    /// Two at once could replay the same letter twice.
    one_at_a_time: Arc<Mutex<()>>,
}

impl Selection {
    /// Whether it holds a letter that died at that time.
    pub fn holds(&self, died_at: WallTime) -> bool {
        self.from.is_none_or(|from| died_at >= from) && self.until.is_none_or(|until| died_at < until)
    }
}

impl Replays {
    /// A handle, and the end for the intake.
    pub fn new(queue: Queue) -> (Self, mpsc::Receiver<Replay>) {
        let (intake, receiver) = mpsc::channel(WAITING);
        (Self { queue, intake, one_at_a_time: Arc::default() }, receiver)
    }

    /// Replays one dead letter; it is durable when this returns.
    ///
    /// # Errors
    /// See [`ReplayRefusal`].
    pub async fn one(&self, id: DeliveryId) -> Result<(), ReplayRefusal> {
        let _one_at_a_time = self.one_at_a_time.lock().await;
        let queue = self.queue.clone();
        let letter = read(move || queue.dead(id)).await?.ok_or(ReplayRefusal::NoLetter(id))?;
        self.hand_in(id, letter).await?.await.unwrap_or(Err(ReplayRefusal::Stopping))
    }

    /// Replays all dead letters of a selection, each hook's in the order of their arrival, up to the first refusal.
    /// Gives how many wait again, and that refusal. Those of events that are published meanwhile are not among them,
    /// nor is one that is replayed and dies again.
    pub async fn all(&self, selection: Selection) -> (u64, Option<ReplayRefusal>) {
        let _one_at_a_time = self.one_at_a_time.lock().await;
        let mut count = 0;
        let refusal = self.each(selection, &mut count).await.err();
        (count, refusal)
    }

    async fn each(&self, selection: Selection, count: &mut u64) -> Result<(), ReplayRefusal> {
        let last_seq = self.queue.next_seq();
        let hooks = selection.hook.map_or_else(|| self.queue.hooks(), |hook| vec![hook]);
        for hook in hooks {
            let mut after = None;
            loop {
                let queue = self.queue.clone();
                let page = read(move || queue.dead_page(hook, after, AT_ONCE)).await?;
                let Some((last, _)) = page.last() else { break };
                after = Some(last.seq);
                let mut handed_in = Vec::new();
                for (id, letter) in page {
                    if id.seq < last_seq && selection.holds(letter.end.at) {
                        handed_in.push(self.hand_in(id, letter).await?);
                    }
                }
                // All are waited for, or the next replay could find letters that are still being moved.
                let mut refused = None;
                for done in handed_in {
                    match done.await.unwrap_or(Err(ReplayRefusal::Stopping)) {
                        Ok(()) => *count += 1,
                        Err(refusal) => refused = refused.or(Some(refusal)),
                    }
                }
                if let Some(refusal) = refused {
                    return Err(refusal);
                }
            }
        }
        Ok(())
    }

    async fn hand_in(&self, id: DeliveryId, letter: DeadLetter) -> Result<Answer, ReplayRefusal> {
        let (done, answer) = oneshot::channel();
        self.intake.send(Replay { id, letter, done }).await.map_err(|_| ReplayRefusal::Stopping)?;
        Ok(answer)
    }
}

async fn read<T: Send + 'static>(
    read: impl FnOnce() -> Result<T, QueueError> + Send + 'static,
) -> Result<T, ReplayRefusal> {
    let read = tokio::task::spawn_blocking(read).await;
    Ok(read.map_err(|_| ReplayRefusal::Stopping)??)
}
