//! GET /healthz, GET /readyz
//!
//! For whoever watches over the gateway: is the process there, and can it do its work? Neither tells anything that a
//! neighbour on the Wi-Fi should not know.

use serde_json::json;
use warp::Filter;

use crate::api::Context;
use crate::bus::Overview;
use crate::http;
use crate::http::Response;
use crate::http::Route;

/// The process is there.
pub(super) fn is_alive() -> Route {
    warp::path!("healthz").and(warp::get()).map(|| http::json(&json!({ "ok": true }))).boxed()
}

/// Events can be stored; if not, 503 says why.
pub(super) fn is_ready(context: &Context) -> Route {
    let overview = context.overview.clone();
    warp::path!("readyz").and(warp::get()).map(move || readiness(&overview)).boxed()
}

fn readiness(overview: &Overview) -> Response {
    match overview.trouble() {
        None => http::json(&json!({ "ok": true })),
        Some(reason) => http::unavailable(&reason),
    }
}
