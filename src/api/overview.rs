//! GET /v1/queue, GET /v1/limits
//!
//! What waits and how much of each limit is used, for users. The same as `farhook queue --json` and `farhook limits --json`.

use warp::Filter;

use crate::api::Context;
use crate::http;
use crate::http::ApiError;
use crate::http::Credentials;
use crate::http::Response;
use crate::http::Route;

/// Everything that waits.
pub(super) fn queue(context: &Context) -> Route {
    let context = context.clone();
    warp::path!("v1" / "queue")
        .and(warp::get())
        .and(http::credentials())
        .then(move |credentials| show_queue(context.clone(), credentials))
        .boxed()
}

/// What is used of each limit.
pub(super) fn limits(context: &Context) -> Route {
    let context = context.clone();
    warp::path!("v1" / "limits")
        .and(warp::get())
        .and(http::credentials())
        .map(move |credentials| http::answer(show_limits(&context, &credentials)))
        .boxed()
}

async fn show_queue(context: Context, credentials: Credentials) -> Response {
    let allowed = credentials.identify_user(&context.overview.registry.borrow());
    let shown = match allowed {
        Ok(()) => context.overview.queue().await.ok_or(ApiError::Stopping),
        Err(no_access) => Err(no_access.into()),
    };
    http::answer(shown)
}

fn show_limits(context: &Context, credentials: &Credentials) -> Result<impl serde::Serialize, ApiError> {
    credentials.identify_user(&context.overview.registry.borrow())?;
    Ok(context.overview.limits())
}
