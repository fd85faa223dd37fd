//! Connections that another task has made and hands over: MQTT over WebSocket comes in by the web port.

use std::fmt;
use std::net::SocketAddr;

use tokio::io::AsyncRead;
use tokio::io::AsyncWrite;
use tokio::sync::mpsc;

/// Connections that may wait to be taken over. Ours; the MQTT side takes them as fast as it lets connections in.
const WAITING: usize = 16;

/// Bytes both ways.
pub trait Duplex: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Duplex for T {}

/// One connection.
pub struct Visitor {
    /// What it says and hears.
    pub stream: Box<dyn Duplex>,
    /// The other end.
    pub peer: SocketAddr,
}

impl fmt::Debug for Visitor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Visitor").field("peer", &self.peer).finish_non_exhaustive()
    }
}

/// Where they are handed over, and where they are taken.
pub fn visitors() -> (mpsc::Sender<Visitor>, mpsc::Receiver<Visitor>) {
    mpsc::channel(WAITING)
}
