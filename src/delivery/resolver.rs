//! Resolves a host's name to the addresses that requests may go to. The address that was checked is the one that is
//! dialled, so a name server that changes its mind in between changes nothing.

use std::net::SocketAddr;
use std::sync::Arc;

use reqwest::dns::Addrs;
use reqwest::dns::Name;
use reqwest::dns::Resolve;
use reqwest::dns::Resolving;

use crate::delivery::egress::Egress;

/// A name that resolves only to addresses that may not be reached.
#[derive(Debug, thiserror::Error)]
#[error("{host} is at {address}, which hooks may not reach")]
pub(super) struct ForbiddenAddress {
    host: String,
    address: SocketAddr,
}

/// A name that does not resolve.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(super) struct Unresolved(std::io::Error);

/// The resolver of one client.
#[derive(Debug)]
pub(super) struct Resolver {
    pub(super) egress: Arc<Egress>,
    pub(super) lan: bool,
}

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        let egress = Arc::clone(&self.egress);
        let lan = self.lan;
        Box::pin(async move {
            let host = name.as_str().to_owned();
            // The port is the caller's to fill in.
            let found = tokio::net::lookup_host((host.as_str(), 0)).await.map_err(Unresolved)?;
            let (admitted, refused): (Vec<_>, Vec<_>) = found.partition(|address| egress.admits(address.ip(), lan));
            match refused.first() {
                Some(&address) if admitted.is_empty() => Err(ForbiddenAddress { host, address }.into()),
                _ => Ok(Box::new(admitted.into_iter()) as Addrs),
            }
        })
    }
}
