//! The products: all of them, one, and what can be changed about one.

mod change;
pub(super) mod list;
pub(super) mod one;

use std::fmt::Display;
use std::sync::Arc;

use crate::http::Route;
use crate::registry::Product;
use crate::web::context::Context;
use crate::web::refusal::Refusal;
use crate::web::route::Site;
use crate::web::visit::Visit;

pub(super) fn routes(site: &Site) -> Vec<Route> {
    [list::routes(site), one::routes(site), change::routes(site)].concat()
}

/// The product that the path names by its number or slug.
fn wanted(context: &Context, visit: &Visit) -> Result<Arc<Product>, Refusal> {
    let snapshot = context.snapshot();
    let product = snapshot.product_of(visit.user_id(), visit.request.param("product"));
    product.cloned().ok_or(Refusal::NotFound)
}

/// Where a product is shown.
fn path_of(product: impl Display) -> String {
    format!("/products/{product}")
}
