//! Event streams: an answer that goes on until the gateway stops, the client goes, or the client is too slow.
//!
//! ```text
//! :ok ──> what was missed ──┬──> an event ──┐
//!                           │               │     9 s without one: a heartbeat
//!                           └───────────────┘
//! ends: at the stop, when it is not allowed any more, when so many events passed that some are lost
//! ```
//! A stream does nothing but when its client takes something: then the next event is looked for. So a client that does
//! not read costs nobody else anything, and is cut as every connection is; one that reads too slowly loses its stream,
//! and finds what it missed when it comes back with `Last-Event-ID`.

use std::convert::Infallible;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream;
use http::HeaderValue;
use http::header;
use log::debug;
use tokio::sync::OwnedSemaphorePermit;
use tokio::sync::Semaphore;
use tokio::sync::watch;
use tokio::time::timeout;
use warp::Reply;

use crate::bus::Watcher;
use crate::bus::stopped;
use crate::http::Response;
use crate::http::frame::frame;
use crate::model::Event;

/// Streams at once: fewer than connections, so that requests find one, too. Ours.
const MOST_STREAMS: usize = 400;

/// How long a stream says nothing. Clients give it up after 13 s. Source: spark-server, which writes as often; the
/// client's time is measured with particle-api-js 11, later ones wait 15 s.
const HEARTBEAT_AFTER: Duration = Duration::from_secs(9);

/// An empty line, which ends an event that never began.
const HEARTBEAT: &str = "\n";

/// A comment: word that the watching has begun.
const GREETING: &str = ":ok\n\n";

/// How many streams there may be. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Streams(Arc<Semaphore>);

/// The right to one stream; it ends with the stream.
#[derive(Debug)]
pub struct Seat(#[expect(dead_code, reason = "it is held")] OwnedSemaphorePermit);

/// What ends a stream.
pub type End = Pin<Box<dyn Future<Output = ()> + Send + Sync>>;

/// What one stream shows, and until when.
pub struct Subscription<W, A>
where
    W: Fn(&Event) -> bool + Send + Sync + 'static,
    A: Fn() -> bool + Send + Sync + 'static,
{
    /// What is shown first, oldest first.
    pub missed: Vec<Arc<Event>>,
    /// What is shown then. Watching must have begun where `missed` ends, as [`Live::watch_since`] does it.
    ///
    /// [`Live::watch_since`]: crate::bus::Live::watch_since
    pub watcher: Watcher,
    /// Which of all these events are shown.
    pub wants: W,
    /// Asked before everything that is written: whether the watching is still allowed. If not, the stream ends.
    pub is_allowed: A,
    /// The stream ends when this is done, also while nothing is written.
    pub ends: End,
    /// The stream ends when this is set.
    pub stop: watch::Receiver<bool>,
    /// Its right to be.
    pub seat: Seat,
}

impl Default for Streams {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(MOST_STREAMS)))
    }
}

impl Streams {
    /// A seat for one more stream; none if there are too many already.
    pub fn seat(&self) -> Option<Seat> {
        Arc::clone(&self.0).try_acquire_owned().ok().map(Seat)
    }

    /// Waits until no stream is left.
    #[cfg(test)]
    async fn wait_until_none(&self) {
        let all = u32::try_from(MOST_STREAMS).unwrap();
        drop(self.0.acquire_many(all).await.unwrap());
    }
}

impl<W, A> fmt::Debug for Subscription<W, A>
where
    W: Fn(&Event) -> bool + Send + Sync + 'static,
    A: Fn() -> bool + Send + Sync + 'static,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subscription").field("missed", &self.missed.len()).finish_non_exhaustive()
    }
}

/// 200 with a stream of events, each in one chunk.
pub fn events<W, A>(subscription: Subscription<W, A>) -> Response
where
    W: Fn(&Event) -> bool + Send + Sync + 'static,
    A: Fn() -> bool + Send + Sync + 'static,
{
    let chunks = stream::unfold(Streaming::new(subscription), |mut streaming| async {
        let chunk = streaming.next().await?;
        Some((Ok::<_, Infallible>(chunk), streaming))
    });
    let mut response = warp::reply::stream(chunks).into_response();
    for (name, value) in [
        (header::CONTENT_TYPE, "text/event-stream; charset=utf-8"),
        (header::CACHE_CONTROL, "no-store"),
        // A proxy in front must not hold events back until it has a buffer full. Source: nginx, ngx_http_proxy_module.
        (header::HeaderName::from_static("x-accel-buffering"), "no"),
    ] {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}

/// A stream on its way.
struct Streaming<W, A> {
    is_greeted: bool,
    missed: std::vec::IntoIter<Arc<Event>>,
    watcher: Watcher,
    wants: W,
    is_allowed: A,
    ends: End,
    stop: watch::Receiver<bool>,
    heartbeat_after: Duration,
    _seat: Seat,
}

impl<W, A> Streaming<W, A>
where
    W: Fn(&Event) -> bool + Send + Sync + 'static,
    A: Fn() -> bool + Send + Sync + 'static,
{
    fn new(subscription: Subscription<W, A>) -> Self {
        let Subscription { mut missed, watcher, wants, is_allowed, ends, stop, seat } = subscription;
        missed.retain(|event| wants(event));
        missed.shrink_to_fit();
        Self {
            is_greeted: false,
            missed: missed.into_iter(),
            watcher,
            wants,
            is_allowed,
            ends,
            stop,
            heartbeat_after: HEARTBEAT_AFTER,
            _seat: seat,
        }
    }

    /// What is written next; none when the stream is over.
    async fn next(&mut self) -> Option<Bytes> {
        let chunk = if !self.is_greeted {
            self.is_greeted = true;
            Bytes::from_static(GREETING.as_bytes())
        } else if *self.stop.borrow() {
            return None;
        } else if let Some(event) = self.missed.next() {
            frame(&event).into()
        } else {
            self.watch().await?
        };
        (self.is_allowed)().then_some(chunk)
    }

    /// The next event or heartbeat.
    async fn watch(&mut self) -> Option<Bytes> {
        tokio::select! {
            biased;
            () = stopped(&mut self.stop) => None,
            () = &mut self.ends => None,
            heard = timeout(self.heartbeat_after, next_wanted(&mut self.watcher, &self.wants)) => match heard {
                Ok(event) => event.map(|event| frame(&event).into()),
                Err(_) => Some(Bytes::from_static(HEARTBEAT.as_bytes())),
            },
        }
    }
}

/// None when events were missed, or none will come any more.
async fn next_wanted(watcher: &mut Watcher, wants: impl Fn(&Event) -> bool) -> Option<Arc<Event>> {
    loop {
        match watcher.recv().await {
            Ok(event) if wants(&event) => return Some(event),
            Ok(_) => {}
            Err(reason) => {
                debug!("an event stream is over: {reason}");
                return None;
            }
        }
    }
}

#[cfg(test)]
mod tests;
