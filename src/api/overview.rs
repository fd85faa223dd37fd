//! GET /v1/queue, GET /v1/limits
//!
//! What waits and how much of each limit is used, over all users: for the owner. The same as `farhook queue --json` and
//! `farhook limits --json`.

use std::sync::Arc;

use crate::api::Context;
use crate::api::endpoint::Endpoint;
use crate::http;
use crate::http::ApiError;
use crate::http::Method;
use crate::http::Request;
use crate::http::Response;

pub(super) fn endpoints() -> Vec<Endpoint> {
    vec![
        Endpoint::new(Method::GET, &["/v1/queue"], "What waits; for the owner", queue),
        Endpoint::new(Method::GET, &["/v1/limits"], "What is used of each limit; for the owner", limits),
    ]
}

async fn queue(context: Arc<Context>, request: Request) -> Result<Response, ApiError> {
    context.owner(&request)?;
    let shown = context.overview.queue().await.ok_or(ApiError::Stopping)?;
    Ok(http::json(&shown))
}

async fn limits(context: Arc<Context>, request: Request) -> Result<Response, ApiError> {
    context.owner(&request)?;
    Ok(http::json(&context.overview.limits()))
}
