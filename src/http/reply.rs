//! Answers to programs. Only here, and in `page`, `untaken` and `websocket`, are status codes chosen.

use std::convert::Infallible;

use serde::Serialize;
use serde_json::Value;
use serde_json::json;
use warp::Rejection;
use warp::Reply;
use warp::http::HeaderValue;
use warp::http::StatusCode;
use warp::http::header::LOCATION;
use warp::http::header::RETRY_AFTER;

use crate::http::NoAccess;
use crate::http::redirect::Instead;
use crate::http::untaken::Untaken;
use crate::model::Hidden;

/// A finished answer.
pub type Response = warp::reply::Response;

/// Why a request was not carried out. Texts are for the caller; their shapes are those of Particle's cloud.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ApiError {
    /// The caller is not let in.
    Access(NoAccess),
    /// A login or a wish for a token is refused, in the words of RFC 6749, 5.2.
    Grant {
        /// What kind of refusal.
        error: &'static str,
        /// Why.
        description: String,
    },
    /// The password is right, and a one-time password is needed as well.
    MfaRequired {
        /// What has to come with the one-time password.
        token: Hidden,
    },
    /// The one-time password is wrong.
    WrongOtp,
    /// A password that was shown with a request is wrong.
    BadPassword,
    /// The request makes no sense.
    Invalid(String),
    /// No device of the caller is called so.
    NoDevice {
        /// Where the caller's devices are listed.
        base: String,
    },
    /// There is no such thing.
    NotFound(String),
    /// As [`Self::NotFound`], as the cloud says it of devices.
    NotFoundAmong(String),
    /// It belongs to somebody else.
    Forbidden(String),
    /// A device is not connected, or gave no answer in time.
    TimedOut,
    /// A device is not connected, as the cloud says it of functions.
    NotConnected,
    /// Too much was asked for lately, or at once.
    TooMany {
        /// What.
        reason: String,
        /// Until it may be tried again.
        wait_s: u64,
    },
    /// There is no room for what shall be stored; trying again later may help.
    Full(String),
    /// The gateway cannot do its work now.
    NotReady(String),
    /// The gateway is going down.
    Stopping,
}

impl From<NoAccess> for ApiError {
    fn from(no_access: NoAccess) -> Self {
        Self::Access(no_access)
    }
}

impl ApiError {
    /// There is no such product, in the cloud's words.
    pub fn no_product() -> Self {
        Self::NotFound("Product not found.".to_owned())
    }
}

/// 200 with a JSON body.
pub fn json(body: &impl Serialize) -> Response {
    warp::reply::json(body).into_response()
}

/// 201 with a JSON body.
pub fn created(body: &impl Serialize) -> Response {
    with_body(StatusCode::CREATED, body)
}

/// The answer, or the refusal.
pub fn answer(result: Result<Response, ApiError>) -> Response {
    result.unwrap_or_else(|error| refused(&error))
}

/// The answer to a request that should be made again over HTTPS, with the same method and body.
pub(super) fn sent_to(instead: Instead) -> Response {
    let there = match instead {
        Instead::There(there) => HeaderValue::try_from(there).ok(),
        Instead::Unknown => None,
    };
    let Some(there) = there else { return with_reason(StatusCode::BAD_REQUEST, "use HTTPS") };
    let mut answer = with_reason(StatusCode::PERMANENT_REDIRECT, "use HTTPS");
    answer.headers_mut().insert(LOCATION, there);
    answer
}

/// What no route took.
pub(super) async fn unknown(rejection: Rejection) -> Result<Response, Infallible> {
    let status = Untaken::of(&rejection).status();
    Ok(with_reason(status, status.canonical_reason().unwrap_or_default()))
}

fn refused(error: &ApiError) -> Response {
    match error {
        ApiError::Access(NoAccess::Missing) => {
            described(StatusCode::BAD_REQUEST, "invalid_request", "The access token was not found")
        }
        ApiError::Access(NoAccess::Invalid) => {
            described(StatusCode::UNAUTHORIZED, "invalid_token", "The access token provided is invalid.")
        }
        ApiError::Access(NoAccess::Expired) => {
            described(StatusCode::UNAUTHORIZED, "invalid_token", "The access token provided has expired.")
        }
        ApiError::Access(NoAccess::Forbidden) => {
            described(StatusCode::FORBIDDEN, "invalid_scope", "Your account or key may not do this.")
        }
        ApiError::Grant { error, description } => described(StatusCode::BAD_REQUEST, error, description),
        ApiError::MfaRequired { token } => {
            let description = "A one-time password is required";
            let body =
                json!({ "error": "mfa_required", "error_description": description, "mfa_token": token.reveal() });
            with_body(StatusCode::FORBIDDEN, &body)
        }
        ApiError::WrongOtp => described(StatusCode::FORBIDDEN, "invalid_grant", "The one-time password is invalid"),
        ApiError::BadPassword => {
            with_body(StatusCode::UNAUTHORIZED, &json!({ "ok": false, "errors": ["Bad password"] }))
        }
        ApiError::Invalid(reason) => with_reason(StatusCode::BAD_REQUEST, reason),
        ApiError::NoDevice { base } => {
            let info = format!(
                "I didn't recognize that device name or ID, try opening {base}/v1/devices?access_token=undefined"
            );
            with_body(StatusCode::FORBIDDEN, &json!({ "error": "Permission Denied", "info": info }))
        }
        ApiError::NotFound(reason) => with_body(StatusCode::NOT_FOUND, &json!({ "ok": false, "error": reason })),
        ApiError::NotFoundAmong(reason) => {
            with_body(StatusCode::NOT_FOUND, &json!({ "ok": false, "errors": [reason] }))
        }
        ApiError::Forbidden(reason) => with_reason(StatusCode::FORBIDDEN, reason),
        ApiError::TimedOut => with_body(StatusCode::REQUEST_TIMEOUT, &json!({ "error": "Timed out." })),
        ApiError::NotConnected => with_body(StatusCode::BAD_REQUEST, &json!({ "ok": false, "error": "Timed out." })),
        ApiError::TooMany { reason, wait_s } => {
            let mut answer = described(StatusCode::TOO_MANY_REQUESTS, "rate_limited", reason);
            answer.headers_mut().insert(RETRY_AFTER, (*wait_s).into());
            answer
        }
        ApiError::Full(reason) => with_reason(StatusCode::INSUFFICIENT_STORAGE, reason),
        ApiError::NotReady(reason) => with_reason(StatusCode::SERVICE_UNAVAILABLE, reason),
        ApiError::Stopping => with_reason(StatusCode::SERVICE_UNAVAILABLE, "the gateway is stopping"),
    }
}

fn described(status: StatusCode, error: &str, description: &str) -> Response {
    with_body(status, &json!({ "error": error, "error_description": description }))
}

pub(super) fn with_reason(status: StatusCode, reason: &str) -> Response {
    // particle-cli shows the one in some places and particle-api-js only the other.
    with_body(status, &json!({ "ok": false, "error": reason, "error_description": reason }))
}

fn with_body(status: StatusCode, body: &impl Serialize) -> Response {
    warp::reply::with_status(warp::reply::json(body), status).into_response()
}

/// A value that has the form of JSON by its construction.
pub fn as_json(value: &impl Serialize) -> Value {
    serde_json::to_value(value).expect("answers are plain JSON")
}
