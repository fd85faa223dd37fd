//! How many envelopes are between the carrier and one session's task: what the router holds of them.

use std::sync::atomic::AtomicBool;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering;

use tokio::sync::Notify;

/// Counted up by the carrier and down by the session's task.
#[derive(Debug, Default)]
pub(super) struct Load {
    envelopes: AtomicUsize,
    is_closed: AtomicBool,
    lessened: Notify,
}

impl Load {
    /// One more is on its way: how many there are now.
    pub(super) fn add(&self) -> usize {
        self.envelopes.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// One arrived.
    pub(super) fn take(&self) {
        self.envelopes.fetch_sub(1, Ordering::Release);
        self.lessened.notify_one();
    }

    /// The session is gone: nobody waits for it any more.
    pub(super) fn close(&self) {
        self.is_closed.store(true, Ordering::Release);
        self.lessened.notify_one();
    }

    /// Waits until at most `few` are on their way or the session is gone. For one waiter.
    pub(super) async fn lessens_to(&self, few: usize) {
        while !self.is_closed.load(Ordering::Acquire) && self.envelopes.load(Ordering::Acquire) > few {
            // What happened since the check has left its permit.
            self.lessened.notified().await;
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    #[test]
    fn the_wait_ends_when_enough_was_taken_or_the_session_is_gone() {
        let load = Load::default();
        for _ in 0..3 {
            load.add();
        }
        assert!(load.lessens_to(1).now_or_never().is_none());
        load.take();
        assert!(load.lessens_to(1).now_or_never().is_none());
        load.take();
        assert!(load.lessens_to(1).now_or_never().is_some());
        assert!(load.lessens_to(0).now_or_never().is_none());
        load.close();
        assert!(load.lessens_to(0).now_or_never().is_some());
    }
}
