//! Answers. Only here are status codes chosen.

use std::convert::Infallible;

use http::StatusCode;
use serde::Serialize;
use serde_json::json;
use warp::Rejection;
use warp::Reply;

/// A finished answer.
pub type Response = warp::reply::Response;

/// 200 with a JSON body.
pub fn json(body: &impl Serialize) -> Response {
    warp::reply::json(body).into_response()
}

/// 503 with the reason.
pub fn unavailable(reason: &str) -> Response {
    with_status(StatusCode::SERVICE_UNAVAILABLE, reason)
}

/// What no route took.
pub(super) async fn unknown(rejection: Rejection) -> Result<Response, Infallible> {
    let status = if rejection.is_not_found() { StatusCode::NOT_FOUND } else { StatusCode::METHOD_NOT_ALLOWED };
    Ok(with_status(status, status.canonical_reason().unwrap_or_default()))
}

fn with_status(status: StatusCode, error: &str) -> Response {
    let body = warp::reply::json(&json!({ "ok": false, "error": error }));
    warp::reply::with_status(body, status).into_response()
}
