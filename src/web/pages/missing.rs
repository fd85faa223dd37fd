//! What there is no page for.

use crate::http::Route;
use crate::web::refusal::Refusal;
use crate::web::route::Site;

pub(super) fn routes(site: &Site) -> Vec<Route> {
    vec![site.open_page(&["/*path"], |_context, _visit| async { Err(Refusal::NotFound) })]
}
