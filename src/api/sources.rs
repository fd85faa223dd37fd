//! GET /v1/sources
//!
//! The user's sources, and the devices behind them, adopted or not. The same as `farhook source list --json`.

use std::sync::Arc;

use crate::api::Context;
use crate::api::endpoint::Endpoint;
use crate::http;
use crate::http::ApiError;
use crate::http::Method;
use crate::http::Request;
use crate::http::Response;

pub(super) fn endpoints() -> Vec<Endpoint> {
    let summary = "Sources and the devices behind them, adopted or not";
    vec![Endpoint::new(Method::GET, &["/v1/sources"], summary, list)]
}

async fn list(context: Arc<Context>, request: Request) -> Result<Response, ApiError> {
    let user = context.user(&request)?;
    let config = context.overview.config.borrow().clone();
    Ok(http::json(&context.sources.overview(user, &context.snapshot(), &config)))
}
