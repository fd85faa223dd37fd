//! The devices: all of them, one, what can be changed about one, and taking one that was removed.

mod change;
pub(super) mod claim;
pub(super) mod list;
pub(super) mod one;
pub(in crate::web) mod sensor;
mod sessions;

use std::num::NonZeroU32;
use std::sync::Arc;

use crate::http::Route;
use crate::model::Device;
use crate::model::ProductId;
use crate::web::context::Context;
use crate::web::refusal::Refusal;
use crate::web::route::Site;
use crate::web::shown::Choice;
use crate::web::visit::Visit;

pub(super) fn routes(site: &Site) -> Vec<Route> {
    // A device can be named as one of the paths; links have its id.
    [claim::routes(site), list::routes(site), one::routes(site), change::routes(site), sensor::routes(site)].concat()
}

/// The device that the path names by its id or name.
fn wanted(context: &Context, visit: &Visit) -> Result<Arc<Device>, Refusal> {
    let snapshot = context.snapshot();
    let device = snapshot.device_of(visit.user_id(), visit.request.param("device"));
    device.cloned().ok_or(Refusal::NotFound)
}

/// Where a device is shown.
pub(super) fn path_of(device: impl std::fmt::Display) -> String {
    format!("/devices/{device}")
}

/// The user's products, with the one that is chosen now.
fn products(context: &Context, visit: &Visit, chosen: Option<ProductId>) -> Vec<Choice> {
    let snapshot = context.snapshot();
    let products = snapshot.products_of(visit.user_id());
    products
        .map(|product| Choice {
            value: product.id.to_string(),
            name: product.name.clone(),
            is_chosen: chosen == Some(product.id),
        })
        .collect()
}

/// Triggers of a device in the last minute.
fn used(context: &Context, visit: &Visit, device: &str) -> usize {
    context.overview.meters.devices.lock().expect("windows do not panic").used(device, visit.now.mono_ms)
}

/// Triggers that a device has in a minute; 0 for any number.
fn allowed(context: &Context) -> u32 {
    context.overview.config.borrow().limits.device_per_minute.map_or(0, NonZeroU32::get)
}
