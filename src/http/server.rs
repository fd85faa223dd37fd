//! Serving the web port, over HTTP and HTTPS: who may connect, how long a client may keep a connection waiting, and how all of them
//! end. What is answered is the route's.
//!
//! warp's own server accepts without a bound and waits for ever. Here a client is waited for so long:
//!
//! | for | at most |
//! |---|---|
//! | the handshake of TLS | [`Bounds::handshake`] |
//! | a request's head, also the first one, also the next one on a connection that is kept | [`Bounds::head`] |
//! | a request's body and the beginning of the answer | [`Bounds::answer`] |
//! | taking what was sent | [`Bounds::taking`] |

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::time::Duration;

use futures_util::FutureExt;
use hyper::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use hyper_util::rt::TokioTimer;
use log::debug;
use log::error;
use log::warn;
use nix::sys::socket::setsockopt;
use nix::sys::socket::sockopt;
use tokio::io::AsyncRead;
use tokio::io::AsyncWrite;
use tokio::net::TcpListener;
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::task::JoinError;
use tokio::task::JoinHandle;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tower_service::Service;
use warp::Filter;

use crate::bus::stopped;
use crate::http::Listeners;
use crate::http::Route;
use crate::http::redirect::instead;
use crate::http::reply;
use crate::limits::Places;
use crate::model::network_of;
use crate::tls::Tls;

/// Bytes of a request's head, and of what is buffered for a connection in each direction. Bodies pass in pieces. Ours.
const BUFFER_BYTES: usize = 16 << 10;

/// How long to wait after a failed accept; most often the process has too many files open.
const ACCEPT_PAUSE: Duration = Duration::from_millis(200);

/// Seconds of silence after which the system asks whether a peer is still there. Ours.
const PROBE_AFTER_S: u32 = 60;

/// What serving stops at, HTTP and HTTPS together. All of them ours.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bounds {
    /// Connections at once; more wait in the listener's backlog until one ends.
    pub(super) connections: usize,
    /// For the handshake of TLS.
    pub(super) handshake: Duration,
    /// For a request's head. hyper starts this clock when the connection is made, and again when an answer is out, so
    /// it ends idle connections, too.
    pub(super) head: Duration,
    /// Connections at once from one address; more are closed.
    pub(super) of_one: usize,
    /// From the head to the beginning of the answer, the request's body included.
    pub(super) answer: Duration,
    /// For a client to take what was sent: the system cuts a connection whose data goes unacknowledged for so long,
    /// also if that is for the lack of a window (`TCP_USER_TIMEOUT`, tcp(7)).
    pub(super) taking: Duration,
}

impl Default for Bounds {
    fn default() -> Self {
        Self {
            connections: 512,
            handshake: Duration::from_secs(10),
            of_one: 384,
            head: Duration::from_secs(10),
            // A test of a hook takes up to `delivery.timeout_s`, 300 at most.
            answer: Duration::from_secs(330),
            taking: Duration::from_secs(30),
        }
    }
}

/// Who is calling: the other end of the connection. In the extensions of every request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Peer(pub SocketAddr);

/// How a request came. In the extensions of every request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scheme {
    /// Anybody in between can read it.
    Http,
    /// Over TLS.
    Https,
}

/// A route that answers also what no endpoint takes.
pub fn answering_all(route: Route) -> Route {
    route.recover(reply::unknown).unify().boxed()
}

/// All routes as one. Where two take the same request, the first gets it.
pub fn one_of(routes: impl IntoIterator<Item = Route>) -> Route {
    let both = |one: Route, other: Route| one.or(other).unify().boxed();
    routes.into_iter().reduce(both).expect("there are routes")
}

/// Serves the route until `stop` is set and the requests under way are answered. Aborting the task cuts every
/// connection.
pub fn serve(listeners: Listeners, route: Route, stop: watch::Receiver<bool>) -> JoinHandle<()> {
    serve_within(Bounds::default(), listeners, route, stop)
}

/// As [`serve`], with other bounds.
pub(super) fn serve_within(
    bounds: Bounds,
    listeners: Listeners,
    route: Route,
    stop: watch::Receiver<bool>,
) -> JoinHandle<()> {
    tokio::spawn(accept(bounds, listeners, answering_all(route), stop))
}

async fn accept(bounds: Bounds, listeners: Listeners, route: Route, mut stop: watch::Receiver<bool>) {
    let (mut connections, callers) = (JoinSet::new(), Places::default());
    let Listeners { plain, secure, redirect_to } = listeners;
    loop {
        let accepted = tokio::select! {
            accepted = plain.accept(), if connections.len() < bounds.connections => accepted.map(|came| (came, None)),
            accepted = accept_secure(secure.as_ref()), if connections.len() < bounds.connections => accepted,
            Some(ended) = connections.join_next() => {
                report(ended);
                continue;
            }
            () = stopped(&mut stop) => break,
        };
        match accepted {
            Ok(((stream, peer), tls)) => match callers.take(network_of(peer.ip()), bounds.of_one) {
                Some(place) => {
                    prepare(bounds, &stream, peer);
                    let visit = Visit { bounds, peer, redirect_to, route: route.clone(), stop: stop.clone() };
                    connections.spawn(visit.attend(stream, tls).map(move |()| drop(place)));
                }
                None => debug!(peer:% = peer; "too many HTTP connections from one address"),
            },
            Err(cause) => pause(&cause).await,
        }
    }
    drop((plain, secure));
    while let Some(ended) = connections.join_next().await {
        report(ended);
    }
}

/// The next connection for HTTPS; never, without it.
async fn accept_secure(secure: Option<&(TcpListener, Tls)>) -> io::Result<((TcpStream, SocketAddr), Option<Tls>)> {
    match secure {
        Some((listener, tls)) => Ok((listener.accept().await?, Some(tls.clone()))),
        None => std::future::pending().await,
    }
}

fn prepare(bounds: Bounds, stream: &TcpStream, peer: SocketAddr) {
    let taking_ms = u32::try_from(bounds.taking.as_millis()).expect("a client is not waited for for weeks");
    let prepared = stream.set_nodelay(true).and_then(|()| {
        // A WebSocket may be silent for long, and nobody else would notice that its client vanished.
        setsockopt(stream, sockopt::KeepAlive, &true)?;
        setsockopt(stream, sockopt::TcpKeepIdle, &PROBE_AFTER_S)?;
        setsockopt(stream, sockopt::TcpUserTimeout, &taking_ms)?;
        Ok(())
    });
    if let Err(cause) = prepared {
        debug!(peer:% = peer; "socket options not set: {cause}");
    }
}

/// One connection, from its beginning to its end.
struct Visit {
    bounds: Bounds,
    peer: SocketAddr,
    /// Where callers over HTTP are sent to.
    redirect_to: Option<u16>,
    route: Route,
    stop: watch::Receiver<bool>,
}

impl Visit {
    async fn attend(mut self, stream: TcpStream, tls: Option<Tls>) {
        let Some(tls) = tls else { return self.converse(stream, Scheme::Http).await };
        let welcomed = tokio::select! {
            welcomed = tls.welcome(stream, self.bounds.handshake) => welcomed,
            () = stopped(&mut self.stop) => return,
        };
        match welcomed {
            Ok(stream) => self.converse(stream, Scheme::Https).await,
            Err(cause) => debug!(peer:% = self.peer; "no TLS was agreed upon: {cause}"),
        }
    }

    /// Answers requests until the connection ends; after `stop` only the one that is under way.
    async fn converse(self, stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static, scheme: Scheme) {
        let Self { bounds, peer, redirect_to, route, mut stop } = self;
        let answers = warp::service(route);
        let service = service_fn(move |mut request: Request<Incoming>| {
            let port = redirect_to.filter(|_| scheme == Scheme::Http);
            let instead = port.and_then(|port| instead(peer.ip(), request.uri(), request.headers(), port));
            request.extensions_mut().insert(Peer(peer));
            request.extensions_mut().insert(scheme);
            let mut answers = answers.clone();
            // hyper closes the connection of a request whose answer did not come.
            async move {
                match instead {
                    Some(instead) => Ok(reply::sent_to(instead)),
                    None => timeout(bounds.answer, answers.call(request)).await.map(certain),
                }
            }
        });
        let mut server = http1::Builder::new();
        server.timer(TokioTimer::new()).header_read_timeout(bounds.head).max_buf_size(BUFFER_BYTES);
        let mut connection = pin!(server.serve_connection(TokioIo::new(stream), service).with_upgrades());
        let ended = tokio::select! {
            ended = connection.as_mut() => ended,
            () = stopped(&mut stop) => {
                connection.as_mut().graceful_shutdown();
                connection.await
            }
        };
        if let Err(cause) = ended {
            debug!(peer:% = peer; "an HTTP connection ended early: {cause}");
        }
    }
}

fn certain<T>(result: Result<T, Infallible>) -> T {
    result.unwrap_or_else(|never| match never {})
}

async fn pause(cause: &io::Error) {
    warn!("no HTTP connection accepted: {cause}");
    tokio::time::sleep(ACCEPT_PAUSE).await;
}

/// A panic of one connection ends that one alone.
fn report(ended: Result<(), JoinError>) {
    if let Err(cause) = ended {
        error!("an HTTP connection failed: {cause}");
    }
}

#[cfg(test)]
mod tests;
