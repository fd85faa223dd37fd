//! What there is no page for.

use warp::Filter;

use crate::http::Route;
use crate::web::refusal::Refusal;
use crate::web::route::Site;

/// Where the API answers by itself, also what it does not know.
const OTHERS: [&str; 2] = ["/v1", "/oauth"];

pub(super) fn routes(site: &Site) -> Vec<Route> {
    let is_ours = warp::path::full().and_then(|path: warp::path::FullPath| async move {
        let others = OTHERS.iter().any(|other| path.as_str().trim_start_matches('/').starts_with(&other[1..]));
        if others { Err(warp::reject::not_found()) } else { Ok(()) }
    });
    let missing = site.open_page(&["/*path"], |_context, _visit| async { Err(Refusal::NotFound) });
    vec![is_ours.untuple_one().and(missing).boxed()]
}
