//! GET /healthz, GET /readyz
//!
//! For whoever watches over the gateway: is the process there, and can it do its work? Neither tells anything that a
//! neighbour on the Wi-Fi should not know.

use std::sync::Arc;

use serde_json::json;

use crate::api::Context;
use crate::api::endpoint::Endpoint;
use crate::http;
use crate::http::ApiError;
use crate::http::Method;
use crate::http::Request;
use crate::http::Response;

pub(super) fn endpoints() -> Vec<Endpoint> {
    vec![
        Endpoint::new(Method::GET, &["/healthz"], "Whether the gateway is there", is_alive).open(),
        Endpoint::new(Method::GET, &["/readyz"], "Whether the gateway can take events", is_ready).open(),
    ]
}

async fn is_alive(_context: Arc<Context>, _request: Request) -> Result<Response, ApiError> {
    Ok(http::json(&json!({ "ok": true })))
}

/// Events can be stored; if not, 503 says why.
async fn is_ready(context: Arc<Context>, _request: Request) -> Result<Response, ApiError> {
    match context.overview.trouble() {
        None => Ok(http::json(&json!({ "ok": true }))),
        Some(reason) => Err(ApiError::NotReady(reason)),
    }
}
