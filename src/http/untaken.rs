//! Requests that no route took: why, and telling it to somebody at a browser. Programs are told in JSON, see `reply`.

use std::convert::Infallible;

use warp::Filter;
use warp::Rejection;
use warp::http::StatusCode;

use crate::http::Response;
use crate::http::Route;
use crate::http::body::BrokenOff;
use crate::http::body::NoBodyRoom;
use crate::http::body::TooLarge;
use crate::http::head::Head;
use crate::http::path::WrongMethod;

/// Why no route took a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Untaken {
    /// Its body is larger than is taken there.
    TooLarge,
    /// There is no room for its body now.
    NoRoom,
    /// Its body broke off, did not come in time, or it makes no sense in another way.
    Broken,
    /// There is something, but not for that method.
    WrongMethod,
    /// There is nothing.
    NotFound,
}

impl Untaken {
    pub(super) fn of(rejection: &Rejection) -> Self {
        // A path that another route knows with another method is rejected by both.
        if rejection.find::<TooLarge>().is_some() {
            Self::TooLarge
        } else if rejection.find::<NoBodyRoom>().is_some() {
            Self::NoRoom
        } else if rejection.find::<BrokenOff>().is_some() {
            Self::Broken
        } else if rejection.find::<WrongMethod>().is_some() {
            Self::WrongMethod
        } else if rejection.is_not_found() {
            Self::NotFound
        } else {
            Self::Broken
        }
    }

    pub(super) fn status(self) -> StatusCode {
        match self {
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::NoRoom => StatusCode::SERVICE_UNAVAILABLE,
            Self::Broken => StatusCode::BAD_REQUEST,
            Self::WrongMethod => StatusCode::METHOD_NOT_ALLOWED,
            Self::NotFound => StatusCode::NOT_FOUND,
        }
    }
}

/// A route that answers as `tell` does what it does not take itself.
pub fn telling(route: Route, tell: impl Fn(&Head, Untaken) -> Response + Clone + Send + Sync + 'static) -> Route {
    let told = |rejection: Rejection| async move { Ok::<_, Infallible>(Err(Untaken::of(&rejection))) };
    let taken = route.map(Ok).recover(told).unify();
    warp::header::headers_cloned()
        .and(taken)
        .map(move |headers, taken: Result<Response, Untaken>| {
            taken.unwrap_or_else(|untaken| tell(&Head::new(headers), untaken))
        })
        .boxed()
}

#[cfg(test)]
mod tests {
    use warp::http::Method;

    use super::*;
    use crate::http;
    use crate::http::BodyRoom;
    use crate::http::Request;

    #[tokio::test]
    async fn what_is_not_taken_is_told_with_its_reason() {
        let form = http::request(Method::POST, &["/form"], 4_096, BodyRoom::for_one(1_024));
        let form = form.map(|_: Request| http::see_other("/")).boxed();
        let route = telling(form, |head, untaken| {
            http::page(untaken.into(), format!("{untaken:?} {}", head.header("accept-language").unwrap()))
        });
        for (method, path, bytes, status, told) in [
            ("POST", "/form", 1_024, 303, ""),
            ("POST", "/form", 1_025, 503, "NoRoom de"),
            ("POST", "/form", 4_097, 413, "TooLarge de"),
            ("PUT", "/form", 0, 405, "WrongMethod de"),
            ("POST", "/other", 0, 404, "NotFound de"),
        ] {
            let asked = warp::test::request().method(method).path(path).header("accept-language", "de");
            let answer = asked.body(vec![b'x'; bytes]).reply(&route).await;
            assert_eq!(
                (answer.status().as_u16(), answer.body().as_ref()),
                (status, told.as_bytes()),
                "{method} {path}"
            );
        }
    }
}
