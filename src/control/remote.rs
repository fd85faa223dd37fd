//! Requests of a command line that is somewhere else, and of pages, as the web port hands them over.

use std::sync::Arc;

use tokio::sync::Semaphore;
use tokio::sync::mpsc;
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::bus::RemoteRequest;
use crate::bus::stopped;
use crate::control::Parts;
use crate::control::clerk::Asker;

/// Requests that are carried out at once; more wait.
const AT_ONCE: usize = 8;

/// Carries them out until `stop` is set.
pub(super) async fn serve(
    mut requests: mpsc::Receiver<RemoteRequest>,
    parts: Arc<Parts>,
    mut stop: watch::Receiver<bool>,
) {
    let mut under_way = JoinSet::new();
    let seats = Arc::new(Semaphore::new(AT_ONCE));
    loop {
        let next = async {
            let seat = Arc::clone(&seats).acquire_owned().await.expect("the seats are never closed");
            Some((seat, requests.recv().await?))
        };
        let (seat, request) = tokio::select! {
            () = stopped(&mut stop) => break,
            next = next => match next {
                Some(next) => next,
                None => break,
            },
        };
        let parts = Arc::clone(&parts);
        under_way.spawn(async move {
            let _seat = seat;
            let RemoteRequest { user, asked, reply } = request;
            // It is carried out to its end, whoever hangs up: half of it is not what was asked for.
            let answer = parts.answer(Asker::Remote { user }, asked).await;
            // Who hung up does not want to know.
            let _ = reply.send(answer);
        });
        while under_way.try_join_next().is_some() {}
    }
}
