//! One port where clients connect, with or without TLS. If another program has it, or its address is not there yet, it is tried
//! again and again: a gateway without this port still takes events on the others.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use log::info;
use log::warn;
use tokio::net::TcpListener;
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::Instant;
use tokio::time::sleep_until;

use crate::tls::Tls;

/// Between two tries to have a port. Ours: asking the system costs nothing.
const RETRY: Duration = Duration::from_secs(2);

/// How a port is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PortState {
    /// Where it is; with the port that the system chose if it was asked to. Where it should be, while there is a problem.
    pub address: SocketAddr,
    /// Why nobody can connect there, if so.
    pub problem: Option<String>,
}

/// See the module.
#[derive(Debug)]
pub(super) struct Port {
    listener: Option<TcpListener>,
    tls: Option<Tls>,
    retry_at: Instant,
    state: watch::Sender<PortState>,
}

impl Port {
    /// Tries to have it, for the first time.
    pub(super) async fn open(address: SocketAddr, tls: Option<Tls>) -> Self {
        let (state, _) = watch::channel(PortState { address, problem: None });
        let mut port = Self { listener: None, tls, retry_at: Instant::now(), state };
        port.try_to_listen(address).await;
        port
    }

    /// How it is, now and later.
    pub(super) fn state(&self) -> watch::Receiver<PortState> {
        self.state.subscribe()
    }

    /// The next connection, and what it has to agree on TLS with. Cancel safe.
    ///
    /// # Errors
    /// As `accept`.
    pub(super) async fn accept(&mut self) -> io::Result<(TcpStream, SocketAddr, Option<Tls>)> {
        loop {
            if let Some(listener) = &self.listener {
                return listener.accept().await.map(|(stream, peer)| (stream, peer, self.tls.clone()));
            }
            sleep_until(self.retry_at).await;
            let address = self.state.borrow().address;
            self.try_to_listen(address).await;
        }
    }

    async fn try_to_listen(&mut self, wanted: SocketAddr) {
        let over = if self.tls.is_some() { "MQTT over TLS" } else { "MQTT" };
        let bound = TcpListener::bind(wanted).await;
        let bound = bound.and_then(|listener| listener.local_addr().map(|address| (listener, address)));
        let state = match bound {
            Ok((listener, address)) => {
                self.listener = Some(listener);
                info!(address:% = address; "listening for {over}");
                PortState { address, problem: None }
            }
            Err(cause) => {
                self.retry_at = Instant::now() + RETRY;
                PortState { address: wanted, problem: Some(told(over, wanted, &cause)) }
            }
        };
        self.state.send_if_modified(|shown| {
            let is_new = *shown != state;
            if let Some(problem) = state.problem.as_ref().filter(|_| is_new) {
                warn!("{problem}");
            }
            *shown = state;
            is_new
        });
    }
}

fn told(over: &str, address: SocketAddr, cause: &io::Error) -> String {
    match cause.kind() {
        io::ErrorKind::AddrInUse => {
            format!("there is no {over} on {address} while another program has that port; it is taken once it is free")
        }
        _ => format!("there is no {over} on {address}: {cause}; it is tried again"),
    }
}
