//! The endpoints of the web port.

mod health;
mod overview;
mod publish;
#[cfg(test)]
mod tests;

use warp::Filter;

use crate::bus::Intake;
use crate::bus::Overview;
use crate::http::Route;

/// What endpoints answer with.
#[derive(Debug, Clone)]
pub struct Context {
    /// How full everything is.
    pub overview: Overview,
    /// Where events are handed in.
    pub intake: Intake,
}

/// Every endpoint.
pub fn routes(context: &Context) -> Route {
    health::is_alive()
        .or(health::is_ready(context))
        .unify()
        .or(overview::queue(context))
        .unify()
        .or(overview::limits(context))
        .unify()
        .or(publish::route(context))
        .unify()
        .boxed()
}
