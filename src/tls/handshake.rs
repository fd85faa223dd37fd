//! The handshake of TLS, and what is offered in it. After that a connection is as any other.

use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use rustls::ServerConfig;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use crate::tls::Identity;
use crate::tls::certificate::provider;

/// Makes TLS of connections, and shows them the certificate.
#[derive(Clone)]
pub struct Tls(TlsAcceptor);

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tls")
    }
}

impl Tls {
    /// With what the identity shows at the time of each handshake. TLS 1.2 and 1.3. `protocols` are what can be spoken
    /// afterwards; a client that asks for others alone is refused, unless there are none.
    pub fn new(identity: Arc<Identity>, protocols: &[&str]) -> Self {
        let versions = ServerConfig::builder_with_provider(provider()).with_safe_default_protocol_versions();
        let versions = versions.expect("the provider knows these versions");
        let mut config = versions.with_no_client_auth().with_cert_resolver(identity);
        config.alpn_protocols = protocols.iter().map(|protocol| protocol.as_bytes().to_vec()).collect();
        Self(TlsAcceptor::from(Arc::new(config)))
    }

    /// The handshake of one connection.
    ///
    /// # Errors
    /// When it is no TLS that the client speaks, when the client does not trust the certificate, or when it takes longer
    /// than `within`.
    pub async fn welcome(&self, stream: TcpStream, within: Duration) -> io::Result<TlsStream<TcpStream>> {
        timeout(within, self.0.accept(stream)).await.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
    }
}
