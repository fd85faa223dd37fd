//! The plumbing of the web port: serving routes, turning results into answers. Routes themselves are in `api`.
//!
//! warp stays in here and in the routes; nobody else knows it.

mod access;
mod frame;
mod reply;
mod server;
mod sse;

use warp::filters::BoxedFilter;

pub use access::Credentials;
pub use access::NoAccess;
pub use access::credentials;
pub use reply::ApiError;
pub use reply::Response;
pub use reply::answer;
pub use reply::json;
pub use reply::unavailable;
pub use server::ListenError;
pub use server::Peer;
pub use server::answering_all;
pub use server::serve;
pub use sse::Seat;
pub use sse::Streams;
pub use sse::Subscription;
pub use sse::events;

/// One endpoint.
pub type Route = BoxedFilter<(Response,)>;
