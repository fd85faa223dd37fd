//! GET /v1/queue, GET /v1/limits, GET /v1/history
//!
//! What waits and how much of each limit is used, over all users: for the owner. The same as `farhook queue --json` and
//! `farhook limits --json`. How much went when: of everybody's hooks for the owner, of their own for everybody else.

use std::sync::Arc;

use crate::api::Context;
use crate::api::endpoint::Endpoint;
use crate::clock;
use crate::history::Span;
use crate::http;
use crate::http::ApiError;
use crate::http::Method;
use crate::http::Request;
use crate::http::Response;

pub(super) fn endpoints() -> Vec<Endpoint> {
    vec![
        Endpoint::new(Method::GET, &["/v1/queue"], "What waits; for the owner", queue),
        Endpoint::new(Method::GET, &["/v1/limits"], "What is used of each limit; for the owner", limits),
        Endpoint::new(
            Method::GET,
            &["/v1/history"],
            "How much went when, over a day in steps of five minutes or over a month in steps of an hour: of all hooks for \
             the owner, of their own for others",
            history,
        )
        .asks(&["span"]),
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

async fn history(context: Arc<Context>, request: Request) -> Result<Response, ApiError> {
    let user = context.user(&request)?;
    let span = request.query("span").map(str::parse::<Span>).transpose();
    let span = span.map_err(|error| ApiError::Invalid(error.to_string()))?.unwrap_or_default();
    let (history, now) = (&context.overview.history, clock::now().wall);
    let is_owner = user == context.registry.owner();
    Ok(http::json(&if is_owner { history.gateway(span, now) } else { history.owner(user, span, now) }))
}
