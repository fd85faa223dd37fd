//! The task that accepts connections, and at the end waits until all of them are gone.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use log::debug;
use log::error;
use log::warn;
use nix::sys::socket::setsockopt;
use nix::sys::socket::sockopt;
use tokio::net::TcpListener;
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::task::JoinError;
use tokio::task::JoinSet;

use crate::bus::stopped;
use crate::mqtt::broker::Broker;

/// Sockets beside those of the sessions: connections that log in, are refused, or take a session over.
const MORE_SOCKETS: usize = 64;

/// How long to wait after a failed accept; most often the process has too many files open.
const ACCEPT_PAUSE: Duration = Duration::from_millis(200);

/// Seconds of silence after which the system asks whether a peer is still there; a client without keep alive that
/// vanished is noticed by this alone.
const PROBE_AFTER_S: u32 = 60;

/// Accepts until `stop`, then waits for every connection's end.
pub(super) async fn run(listener: TcpListener, broker: Arc<Broker>, mut stop: watch::Receiver<bool>) {
    let mut connections = JoinSet::new();
    let max = broker.settings.max_connections + MORE_SOCKETS;
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((_, peer)) if connections.len() >= max => debug!(peer:% = peer; "too many connections, one closed"),
                Ok((stream, peer)) => {
                    prepare(&stream, peer);
                    connections.spawn(Arc::clone(&broker).serve(stream, peer, stop.clone()));
                }
                Err(cause) => pause(&cause).await,
            },
            Some(ended) = connections.join_next() => report(ended),
            () = stopped(&mut stop) => break,
        }
    }
    drop(listener);
    while let Some(ended) = connections.join_next().await {
        report(ended);
    }
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
