//! Replies that may be sent only once something is on the disk. They come in the order in which they were promised.

use std::collections::VecDeque;

use tokio::sync::oneshot;

use crate::mqtt::packet::Reply;
use crate::store::WriteError;

/// Replies that wait, at most; then the client is not read from until one comes.
const WAITING: usize = 64;

/// When a write is on the disk.
pub(super) type Recorded = oneshot::Receiver<Result<(), WriteError>>;

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Recording {
    waiting: VecDeque<(Recorded, Reply)>,
}

impl Recording {
    /// Whether one more may be promised.
    pub(super) fn has_room(&self) -> bool {
        self.waiting.len() < WAITING
    }

    /// Whether every promised reply was sent.
    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Promises a reply for when the write is on the disk.
    pub(super) fn promise(&mut self, recorded: Recorded, reply: Reply) {
        self.waiting.push_back((recorded, reply));
    }

    /// Waits for the next reply that may be sent; for ever if none was promised. Cancel safe.
    ///
    /// # Errors
    /// The disk refused: the reply must not be sent.
    pub(super) async fn next(&mut self) -> Result<Reply, WriteError> {
        let Some((recorded, _)) = self.waiting.front_mut() else { return std::future::pending().await };
        let recorded = recorded.await.unwrap_or(Err(WriteError::Closed));
        let (_, reply) = self.waiting.pop_front().expect("it was there before");
        recorded.map(|()| reply)
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    #[tokio::test]
    async fn no_reply_comes_before_its_write_is_on_the_disk() {
        let mut recording = Recording::default();
        let [(first, one), (second, other)] = [(); 2].map(|()| oneshot::channel());
        recording.promise(one, Reply::Pong);
        recording.promise(other, Reply::Pong);
        second.send(Err(WriteError::NoRoom)).unwrap();
        assert!(recording.next().now_or_never().is_none());
        first.send(Ok(())).unwrap();
        assert_eq!(recording.next().await, Ok(Reply::Pong));
        assert_eq!(recording.next().await, Err(WriteError::NoRoom));
        assert!(recording.next().now_or_never().is_none());
    }
}
