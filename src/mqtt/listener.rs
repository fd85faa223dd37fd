//! The task that lets connections in, from every port and from the web port, and at the end waits until all of them are gone.
//! Handshakes are made in the connections' own tasks: nobody waits for a silent client but itself.

use std::io;
use std::net::IpAddr;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use log::debug;
use log::error;
use log::warn;
use nix::sys::socket::setsockopt;
use nix::sys::socket::sockopt;
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::sync::watch;
use tokio::task::JoinError;
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio::time::sleep_until;

use crate::bus::Board;
use crate::bus::Duplex;
use crate::bus::Visitor;
use crate::bus::stopped;
use crate::limits::Place;
use crate::mqtt::broker::Broker;
use crate::mqtt::gate::Gate;
use crate::mqtt::gate::TurnedAway;
use crate::mqtt::port::Port;
use crate::tls::Tls;

/// How long to wait after a failed accept; most often the process has too many files open.
const ACCEPT_PAUSE: Duration = Duration::from_millis(200);

/// Seconds of silence after which the system asks whether a peer is still there; a client without keep alive that
/// vanished is noticed by this alone.
const PROBE_AFTER_S: u32 = 60;

/// Where connections come from.
#[derive(Debug)]
pub(super) struct Doors {
    pub(super) plain: Port,
    pub(super) secure: Option<Port>,
    /// From the web port.
    pub(super) visitors: mpsc::Receiver<Visitor>,
}

/// A connection that was not let in yet.
struct Came {
    stream: Stream,
    peer: SocketAddr,
}

enum Stream {
    Plain(TcpStream),
    Secure(TcpStream, Tls),
    Handed(Box<dyn Duplex>),
}

impl Doors {
    /// The next connection. Cancel safe.
    async fn next(&mut self) -> io::Result<Came> {
        let secure = async {
            match &mut self.secure {
                Some(port) => port.accept().await,
                None => std::future::pending().await,
            }
        };
        let (stream, peer, tls) = tokio::select! {
            accepted = self.plain.accept() => accepted?,
            accepted = secure => accepted?,
            Some(Visitor { stream, peer }) = self.visitors.recv() => return Ok(Came { stream: Stream::Handed(stream), peer }),
        };
        prepare(&stream, peer);
        let stream = match tls {
            Some(tls) => Stream::Secure(stream, tls),
            None => Stream::Plain(stream),
        };
        Ok(Came { stream, peer })
    }
}

/// Lets connections in until `stop`, then waits for every connection's end.
pub(super) async fn run(mut doors: Doors, broker: Arc<Broker>, board: Board, mut stop: watch::Receiver<bool>) {
    let mut connections = JoinSet::new();
    let mut gate = Gate::new(broker.settings.gate());
    let mut is_held_up = false;
    loop {
        let (held_until, was_held_up) = (gate.opens_at(Instant::now()), is_held_up);
        is_held_up = held_until.is_some();
        board.change_mqtt(|report| {
            report.connections = connections.len();
            report.waited += u64::from(is_held_up && !was_held_up);
        });
        let came = tokio::select! {
            came = doors.next(), if !is_held_up => came,
            Some(ended) = connections.join_next() => {
                report(ended);
                continue;
            }
            () = sleep_until(held_until.unwrap_or_else(Instant::now)), if is_held_up => continue,
            () = stopped(&mut stop) => break,
        };
        match came.map(|came| (gate.admit(came.peer, connections.len(), Instant::now()), came)) {
            Ok((Ok(place), came)) => {
                connections.spawn(came.attend(place, Arc::clone(&broker), board.clone(), stop.clone()));
            }
            Ok((Err(why), came)) => turn_away(why, &came, &board),
            Err(cause) => pause(&cause).await,
        }
    }
    drop(doors);
    while let Some(ended) = connections.join_next().await {
        report(ended);
    }
}

impl Came {
    /// Serves it to its end. Others may have its place then.
    async fn attend(self, _place: Place<IpAddr>, broker: Arc<Broker>, board: Board, mut stop: watch::Receiver<bool>) {
        let Self { stream, peer } = self;
        let (stream, tls) = match stream {
            Stream::Plain(stream) => return broker.serve(stream, peer, stop).await,
            Stream::Handed(stream) => return broker.serve(stream, peer, stop).await,
            Stream::Secure(stream, tls) => (stream, tls),
        };
        let welcomed = tokio::select! {
            welcomed = tls.welcome(stream, broker.settings.connect_timeout) => welcomed,
            () = stopped(&mut stop) => return,
        };
        match welcomed {
            Ok(stream) => broker.serve(stream, peer, stop).await,
            Err(cause) => {
                board.change_mqtt(|report| report.tls_failed += 1);
                debug!(peer:% = peer; "no TLS was agreed upon: {cause}");
            }
        }
    }
}

fn turn_away(why: TurnedAway, came: &Came, board: &Board) {
    debug!(peer:% = came.peer, why:? = why; "an MQTT connection was turned away");
    board.change_mqtt(|report| match why {
        TurnedAway::TooMany => report.too_many += 1,
        TurnedAway::TooManyOfOne => report.too_many_of_one += 1,
        TurnedAway::TooFast => report.too_fast += 1,
    });
}

fn prepare(stream: &TcpStream, peer: SocketAddr) {
    // Without this every answer waits some 40 ms for the client's delayed acknowledgement.
    let prepared = stream.set_nodelay(true).and_then(|()| {
        setsockopt(stream, sockopt::KeepAlive, &true)?;
        setsockopt(stream, sockopt::TcpKeepIdle, &PROBE_AFTER_S)?;
        Ok(())
    });
    if let Err(cause) = prepared {
        debug!(peer:% = peer; "socket options not set: {cause}");
    }
}

async fn pause(cause: &io::Error) {
    warn!("no MQTT connection accepted: {cause}");
    tokio::time::sleep(ACCEPT_PAUSE).await;
}

/// A panic of one connection ends that one alone.
fn report(ended: Result<(), JoinError>) {
    if let Err(cause) = ended {
        error!("an MQTT connection failed: {cause}");
    }
}
