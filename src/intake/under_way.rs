//! What is on its way to the disk: what was decided, until the disk has said something to it.

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tokio::sync::oneshot;

use crate::bus::Replay;
use crate::bus::Verdict;
use crate::intake::decide::Decision;
use crate::intake::source::Waiting;
use crate::store::Changes;
use crate::store::DeliveryKey;
use crate::store::QueueWriter;
use crate::store::WriteError;

/// What was decided, and what the disk said to it.
pub(super) enum Settled {
    Publication {
        waiting: Waiting,
        decision: Decision,
        stored: Result<(), WriteError>,
    },
    /// A source said nothing that is an event.
    Nothing {
        verdict: oneshot::Sender<Verdict>,
    },
    Replay {
        replay: Replay,
        key: DeliveryKey,
        stored: Result<(), WriteError>,
    },
}

pub(super) fn carry_out(waiting: Waiting, mut decision: Decision, writer: &QueueWriter) -> BoxFuture<'static, Settled> {
    let changes = decision.take_changes();
    let done = changes.map(|changes| writer.write(changes));
    async move {
        let stored = match done {
            Some(done) => done.await.unwrap_or(Err(WriteError::Closed)),
            None => Ok(()),
        };
        Settled::Publication { waiting, decision, stored }
    }
    .boxed()
}

pub(super) fn carry_out_replay(
    replay: Replay,
    key: DeliveryKey,
    changes: Changes,
    writer: &QueueWriter,
) -> BoxFuture<'static, Settled> {
    let done = writer.write(changes);
    async move {
        let stored = done.await.unwrap_or(Err(WriteError::Closed));
        Settled::Replay { replay, key, stored }
    }
    .boxed()
}
