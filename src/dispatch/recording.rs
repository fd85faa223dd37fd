//! Writes on their way to the disk that somebody waits for: the host whose window they record, the sessions for which
//! they keep messages. They end in their order.

use std::collections::VecDeque;

use tokio::sync::oneshot;

use crate::sessions::Kept;
use crate::store::WriteError;

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Recording {
    under_way: VecDeque<(oneshot::Receiver<Result<(), WriteError>>, Recorded)>,
}

/// What came of a write.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Recorded {
    /// The host whose window it records.
    pub(super) host: Option<String>,
    /// What it keeps for sessions.
    pub(super) kept: Kept,
    /// Whether it is on the disk.
    pub(super) is_stored: bool,
}

impl Recording {
    /// Waits for this, too, from now on.
    pub(super) fn begin(&mut self, done: oneshot::Receiver<Result<(), WriteError>>, host: Option<String>, kept: Kept) {
        self.under_way.push_back((done, Recorded { host, kept, is_stored: false }));
    }

    /// Whether nothing is waited for.
    pub(super) fn is_empty(&self) -> bool {
        self.under_way.is_empty()
    }

    /// Waits for the next write to end; for ever if none is under way. Cancel safe.
    pub(super) async fn next(&mut self) -> Recorded {
        let Some((done, _)) = self.under_way.front_mut() else { return std::future::pending().await };
        let is_stored = matches!(done.await, Ok(Ok(())));
        let (_, recorded) = self.under_way.pop_front().expect("it was there before");
        Recorded { is_stored, ..recorded }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    #[tokio::test]
    async fn writes_end_in_their_order() {
        let mut recording = Recording::default();
        let [(first, one), (second, other)] = [(); 2].map(|()| oneshot::channel());
        recording.begin(one, Some("a".to_owned()), Kept::default());
        recording.begin(other, Some("b".to_owned()), Kept::default());
        second.send(Ok(())).unwrap();
        assert!(recording.next().now_or_never().is_none());
        drop(first);
        let ended = [recording.next().await, recording.next().await];
        let expected = [("a", false), ("b", true)];
        assert_eq!(
            ended.map(|recorded| (recorded.host.unwrap(), recorded.is_stored)),
            expected.map(|(host, stored)| (host.to_owned(), stored))
        );
        assert!(recording.is_empty());
    }
}
