//! Requests of a command line that is somewhere else, and of pages, as the web port hands them over.
//!
//! Each has a seat while it is carried out. One that waits for something far away gives its seat back at once and takes
//! a place of its own kind, or is refused: a slow target holds nobody up who asks for something else.

use std::sync::Arc;

use tokio::sync::Semaphore;
use tokio::sync::mpsc;
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::bus::RemoteRequest;
use crate::bus::protocol::Reply;
use crate::bus::stopped;
use crate::control::Parts;
use crate::control::clerk::Asker;
use crate::control::places::Places;
use crate::control::places::is_long;

/// Requests that are carried out at once, without those that wait for something far away; more wait.
const AT_ONCE: usize = 8;

/// Carries them out until `stop` is set.
pub(super) async fn serve(
    mut requests: mpsc::Receiver<RemoteRequest>,
    parts: Arc<Parts>,
    mut stop: watch::Receiver<bool>,
) {
    let mut under_way = JoinSet::new();
    let (seats, places) = (Arc::new(Semaphore::new(AT_ONCE)), Places::default());
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
        let RemoteRequest { user, asked, reply } = request;
        let (seat, place) = if is_long(&asked.request) {
            match places.take(user) {
                Ok(place) => (None, Some(place)),
                Err(no_place) => {
                    let _ = reply.send(Reply::Refused(no_place.to_string()));
                    continue;
                }
            }
        } else {
            (Some(seat), None)
        };
        let parts = Arc::clone(&parts);
        under_way.spawn(async move {
            // It is carried out to its end, whoever hangs up: half of it is not what was asked for.
            let answer = parts.answer(Asker::Remote { user }, asked).await;
            // Who has the answer may ask for the next.
            drop((seat, place));
            // Who hung up does not want to know.
            let _ = reply.send(answer);
        });
        while under_way.try_join_next().is_some() {}
    }
}
