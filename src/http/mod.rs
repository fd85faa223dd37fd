//! The plumbing of the web port: serving routes, turning results into answers. Routes themselves are in `api` and
//! `web`.
//!
//! warp stays in here and in the routes; nobody else knows it.

mod access;
mod body;
mod frame;
mod head;
mod listeners;
mod page;
mod path;
mod redirect;
mod reply;
mod request;
mod server;
pub mod session;
mod sse;
mod untaken;
mod websocket;

use warp::filters::BoxedFilter;

pub use access::Credentials;
pub use access::NoAccess;
pub use body::Body;
pub use body::BodyRoom;
pub use body::Upload;
pub use head::Head;
pub use listeners::ListenError;
pub use listeners::Listeners;
pub use page::PageStatus;
pub use page::download;
pub use page::leave_for;
pub use page::load_instead;
pub use page::page;
pub use page::part;
pub use page::see_other;
pub use page::with_cookie;
pub use path::Params;
pub use path::outside;
pub use reply::ApiError;
pub use reply::Response;
pub use reply::answer;
pub use reply::as_json;
pub use reply::created;
pub use reply::json;
pub use request::Request;
pub use request::request;
pub use server::Peer;
pub use server::Scheme;
pub use server::answering_all;
pub use server::one_of;
pub use server::serve;
pub use sse::End;
pub use sse::Seat;
pub use sse::Streams;
pub use sse::Subscription;
pub use sse::events;
pub use untaken::Untaken;
pub use untaken::telling;
pub use warp::http::Method;
pub use websocket::websocket;

/// One endpoint.
pub type Route = BoxedFilter<(Response,)>;
