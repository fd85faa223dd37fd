//! Where the web port listens: for HTTP, and for HTTPS beside it.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use log::info;
use tokio::net::TcpListener;

use crate::tls::Identity;
use crate::tls::Tls;

/// A listener cannot be had.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen for {what} on {address}")]
pub struct ListenError {
    what: &'static str,
    address: SocketAddr,
    #[source]
    source: io::Error,
}

/// See the module. Clients can connect from now on; they are answered once these are served.
pub struct Listeners {
    pub(super) plain: TcpListener,
    pub(super) secure: Option<(TcpListener, Tls)>,
    pub(super) redirect_to: Option<u16>,
}

impl Listeners {
    /// Listens for HTTP on `address`. Port 0 lets the system choose; the address in use is returned.
    ///
    /// # Errors
    /// As `bind`.
    pub async fn bind(address: SocketAddr) -> Result<(Self, SocketAddr), ListenError> {
        let (plain, address) = bind("HTTP", address).await?;
        Ok((Self { plain, secure: None, redirect_to: None }, address))
    }

    /// Listens for HTTPS as well. As [`Self::bind`].
    ///
    /// # Errors
    /// As `bind`; HTTP is as it was then.
    pub async fn bind_https(
        &mut self,
        address: SocketAddr,
        identity: Arc<Identity>,
    ) -> Result<SocketAddr, ListenError> {
        let (listener, address) = bind("HTTPS", address).await?;
        self.secure = Some((listener, Tls::new(identity, &["http/1.1"])));
        Ok(address)
    }

    /// Sends callers over HTTP to HTTPS at `port`.
    pub fn redirect_to(&mut self, port: u16) {
        self.redirect_to = Some(port);
    }
}

async fn bind(what: &'static str, address: SocketAddr) -> Result<(TcpListener, SocketAddr), ListenError> {
    let fail = |source| ListenError { what, address, source };
    let listener = TcpListener::bind(address).await.map_err(fail)?;
    let address = listener.local_addr().map_err(fail)?;
    info!("{what} on {address}");
    Ok((listener, address))
}
