//! The endpoints of the web port: Particle's REST API, as its own clients speak it, and what the gateway has beside.
//!
//! One file for each thing that there is; each `Endpoint` names its method, its paths and what it takes, and
//! `openapi.rs` makes the API's document of that. Handlers find out who is calling (`context.rs`), ask the registry,
//! the intake or the dispatcher, and say what came of it; status codes are chosen in `http`.

mod account;
mod ble;
mod command;
mod context;
mod devices;
mod endpoint;
mod events;
mod fields;
mod health;
mod hooks;
mod openapi;
mod overview;
mod products;
mod refusals;
mod secrets;
mod sources;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use crate::api::endpoint::Endpoint;
use crate::http;
use crate::http::BodyRoom;
use crate::http::Route;

pub use context::Context;

/// Every endpoint, as one route.
pub fn routes(context: Context) -> Route {
    let (context, room) = (Arc::new(context), BodyRoom::default());
    http::one_of(endpoints().into_iter().map(|endpoint| endpoint.route(&context, &room)))
}

/// Every endpoint. Where two take the same path, the first gets it.
fn endpoints() -> Vec<Endpoint> {
    [
        health::endpoints(),
        overview::endpoints(),
        ble::endpoints(),
        sources::endpoints(),
        account::endpoints(),
        // Before the devices, one of which might be called "events".
        events::endpoints(),
        devices::endpoints(),
        hooks::endpoints(),
        products::endpoints(),
        secrets::endpoints(),
        command::endpoints(),
        openapi::endpoints(),
    ]
    .concat()
}
