//! The endpoints of the web port.

mod health;

use warp::Filter;

use crate::http::Route;
use crate::store::QueueWriter;

/// What endpoints answer with.
#[derive(Debug, Clone)]
pub struct Context {
    /// Knows whether events can be stored.
    pub writer: QueueWriter,
}

/// Every endpoint.
pub fn routes(context: &Context) -> Route {
    health::is_alive().or(health::is_ready(context)).unify().boxed()
}
