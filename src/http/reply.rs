//! Answers. Only here are status codes chosen.

use std::convert::Infallible;

use http::StatusCode;
use serde::Serialize;
use serde_json::json;
use warp::Rejection;
use warp::Reply;

use crate::http::NoAccess;

/// A finished answer.
pub type Response = warp::reply::Response;

/// Why a request was not carried out. Texts are for the caller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ApiError {
    /// The caller is not let in.
    Access(NoAccess),
    /// The request makes no sense.
    Invalid(String),
    /// There is no room for what shall be stored; trying again later may help.
    Full(String),
    /// The gateway is going down.
    Stopping,
}

impl From<NoAccess> for ApiError {
    fn from(no_access: NoAccess) -> Self {
        Self::Access(no_access)
    }
}

/// 200 with a JSON body, or the error.
pub fn answer(result: Result<impl Serialize, ApiError>) -> Response {
    match result {
        Ok(body) => json(&body),
        Err(error) => refused(&error),
    }
}

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
    let status = if rejection.is_not_found() {
        StatusCode::NOT_FOUND
    } else if rejection.find::<warp::reject::PayloadTooLarge>().is_some() {
        StatusCode::PAYLOAD_TOO_LARGE
    } else if rejection.find::<warp::reject::LengthRequired>().is_some() {
        StatusCode::LENGTH_REQUIRED
    } else {
        StatusCode::METHOD_NOT_ALLOWED
    };
    Ok(with_status(status, status.canonical_reason().unwrap_or_default()))
}

/// The texts about access are those of Particle's cloud. Source: reference, "Authentication".
fn refused(error: &ApiError) -> Response {
    match error {
        ApiError::Access(NoAccess::Missing) => {
            described(StatusCode::BAD_REQUEST, "invalid_request", "The access token was not found")
        }
        ApiError::Access(NoAccess::Invalid) => {
            described(StatusCode::UNAUTHORIZED, "invalid_token", "The access token provided is invalid.")
        }
        ApiError::Access(NoAccess::Forbidden) => {
            described(StatusCode::FORBIDDEN, "invalid_scope", "A device may not do this.")
        }
        ApiError::Invalid(reason) => with_status(StatusCode::BAD_REQUEST, reason),
        ApiError::Full(reason) => with_status(StatusCode::INSUFFICIENT_STORAGE, reason),
        ApiError::Stopping => unavailable("the gateway is stopping"),
    }
}

fn described(status: StatusCode, error: &str, description: &str) -> Response {
    let body = warp::reply::json(&json!({ "error": error, "error_description": description }));
    warp::reply::with_status(body, status).into_response()
}

fn with_status(status: StatusCode, error: &str) -> Response {
    let body = warp::reply::json(&json!({ "ok": false, "error": error }));
    warp::reply::with_status(body, status).into_response()
}
