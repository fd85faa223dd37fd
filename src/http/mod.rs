//! The plumbing of the web port: serving routes, turning results into answers. Routes themselves are in `api`.
//!
//! warp stays in here and in the routes; nobody else knows it.

mod access;
mod reply;

use std::net::SocketAddr;

use log::info;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use warp::Filter;
use warp::filters::BoxedFilter;

use crate::bus::stopped;
pub use access::Credentials;
pub use access::NoAccess;
pub use access::credentials;
pub use reply::ApiError;
pub use reply::Response;
pub use reply::answer;
pub use reply::json;
pub use reply::unavailable;

/// One endpoint.
pub type Route = BoxedFilter<(Response,)>;

/// The listener cannot be had.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen for HTTP on {address}")]
pub struct ListenError {
    address: SocketAddr,
    #[source]
    source: std::io::Error,
}

/// A route that answers also what no endpoint takes.
pub fn answering_all(route: Route) -> Route {
    route.recover(reply::unknown).unify().boxed()
}

/// Serves the route on `address` until `stop` is set and the requests under way are answered. Port 0 lets the system
/// choose; the address in use is returned.
///
/// # Errors
/// As `bind`.
pub async fn serve(
    address: SocketAddr,
    route: Route,
    mut stop: watch::Receiver<bool>,
) -> Result<(SocketAddr, JoinHandle<()>), ListenError> {
    let fail = |source| ListenError { address, source };
    let listener = TcpListener::bind(address).await.map_err(fail)?;
    let address = listener.local_addr().map_err(fail)?;
    info!("HTTP on {address}");
    let stopping = async move { stopped(&mut stop).await };
    let server = warp::serve(answering_all(route)).incoming(listener).graceful(stopping).run();
    Ok((address, tokio::spawn(server)))
}
