//! Work that mostly is done at once, and sometimes takes a minute: a browser waits for a moment, and what comes later
//! finds its own way.

use std::future::Future;
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::timeout;

/// How long a browser waits. Ours.
const WAIT: Duration = Duration::from_secs(1);

/// Does the work to its end, whoever goes away. What came of it, if that is known in a moment; else none, and `late` is
/// told it.
pub(super) async fn wait<T: Send + 'static>(
    work: impl Future<Output = T> + Send + 'static,
    late: impl FnOnce(T) + Send + 'static,
) -> Option<T> {
    within(WAIT, work, late).await
}

async fn within<T: Send + 'static>(
    moment: Duration,
    work: impl Future<Output = T> + Send + 'static,
    late: impl FnOnce(T) + Send + 'static,
) -> Option<T> {
    let (reply, mut answer) = oneshot::channel();
    tokio::spawn(async move {
        if let Err(came) = reply.send(work.await) {
            late(came);
        }
    });
    if let Ok(came) = timeout(moment, &mut answer).await {
        return came.ok();
    }
    answer.close();
    answer.try_recv().ok()
}

#[cfg(test)]
mod tests {
    use tokio::sync::mpsc;

    use super::*;

    #[tokio::test]
    async fn what_is_done_in_time_is_given_back_and_what_takes_longer_is_told_later() {
        let (told, mut heard) = mpsc::unbounded_channel();
        let tell = move |came| told.send(came).unwrap();
        assert_eq!(within(Duration::from_secs(60), async { 1 }, tell.clone()).await, Some(1));
        let (go_on, goes_on) = oneshot::channel();
        assert_eq!(within(Duration::ZERO, async { goes_on.await.unwrap() }, tell).await, None);
        go_on.send(2).unwrap();
        assert_eq!(heard.recv().await, Some(2));
        assert_eq!(heard.recv().await, None);
    }
}
