//! Answers for browsers: pages, files, and being sent somewhere else.

use bytes::Bytes;
use http::HeaderName;
use http::HeaderValue;
use http::StatusCode;
use http::header;

use crate::http::Response;
use crate::http::untaken::Untaken;

/// What a page may do: show and run what comes from here and nothing else. Pico.css has its icons in `data:` addresses.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
     connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// How a page turned out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PageStatus {
    /// As it was asked for.
    Good,
    /// What was sent cannot be used; the page says why.
    Unusable,
    /// Whoever asks may not.
    Forbidden,
    /// There is no such page or thing.
    NotFound,
    /// The gateway is not known by the name that was asked.
    Misdirected,
    /// Too many tries.
    TooMany,
    /// The gateway is going down, or has no room.
    Unavailable,
    /// There is no page for such a request.
    Untaken(Untaken),
}

impl From<Untaken> for PageStatus {
    fn from(untaken: Untaken) -> Self {
        Self::Untaken(untaken)
    }
}

impl From<PageStatus> for StatusCode {
    fn from(status: PageStatus) -> Self {
        match status {
            PageStatus::Good => Self::OK,
            PageStatus::Unusable => Self::UNPROCESSABLE_ENTITY,
            PageStatus::Forbidden => Self::FORBIDDEN,
            PageStatus::NotFound => Self::NOT_FOUND,
            PageStatus::Misdirected => Self::MISDIRECTED_REQUEST,
            PageStatus::TooMany => Self::TOO_MANY_REQUESTS,
            PageStatus::Unavailable => Self::SERVICE_UNAVAILABLE,
            PageStatus::Untaken(untaken) => untaken.status(),
        }
    }
}

/// A page. Nothing keeps it: it shows what is somebody's.
pub fn page(status: PageStatus, html: String) -> Response {
    let mut response = answer(status.into(), "text/html; charset=utf-8", "no-store", html.into());
    for (name, value) in [
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::REFERRER_POLICY, "same-origin"),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    ] {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}

/// Shows another page after a form (303).
pub fn see_other(path: &str) -> Response {
    let mut response = Response::new(Bytes::new().into());
    *response.status_mut() = StatusCode::SEE_OTHER;
    let path = HeaderValue::from_str(path).unwrap_or(HeaderValue::from_static("/"));
    response.headers_mut().insert(header::LOCATION, path);
    response
}

/// Makes htmx leave the page for another one: whoever asked for a part of it is not logged in any more. Source: htmx 4,
/// which obeys the header at any status.
pub fn leave_for(path: &'static str) -> Response {
    let mut response = answer(StatusCode::UNAUTHORIZED, "text/plain", "no-store", Bytes::new());
    response.headers_mut().insert(HeaderName::from_static("hx-redirect"), HeaderValue::from_static(path));
    response
}

/// Makes htmx load a page instead of the part of one that it asked for.
pub fn load_instead(path: &str) -> Response {
    let mut response = answer(StatusCode::NO_CONTENT, "text/plain", "no-store", Bytes::new());
    let path = HeaderValue::from_str(path).unwrap_or(HeaderValue::from_static("/"));
    response.headers_mut().insert(HeaderName::from_static("hx-redirect"), path);
    response
}

/// A part of all pages, which stays the same for ever: another content has another address.
pub fn part(content_type: &'static str, gzipped: bool, content: Bytes) -> Response {
    let mut response = answer(StatusCode::OK, content_type, "public, max-age=31536000, immutable", content);
    response.headers_mut().insert(header::VARY, HeaderValue::from_static("accept-encoding"));
    if gzipped {
        response.headers_mut().insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    response
}

/// A file to be saved under that name, which has letters, digits, dots and dashes only.
pub fn download(content_type: &'static str, name: &str, content: Bytes) -> Response {
    let mut response = answer(StatusCode::OK, content_type, "no-store", content);
    let disposition = HeaderValue::from_str(&format!("attachment; filename=\"{name}\""));
    let disposition = disposition.unwrap_or(HeaderValue::from_static("attachment"));
    response.headers_mut().insert(header::CONTENT_DISPOSITION, disposition);
    response
}

/// Adds a cookie to an answer.
#[must_use]
pub fn with_cookie(mut response: Response, cookie: &str) -> Response {
    if let Ok(cookie) = HeaderValue::from_str(cookie) {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    response
}

fn answer(status: StatusCode, content_type: &'static str, keep: &'static str, content: Bytes) -> Response {
    let mut response = Response::new(content.into());
    *response.status_mut() = status;
    for (name, value) in [
        (header::CONTENT_TYPE, content_type),
        (header::CACHE_CONTROL, keep),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ] {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}
