//! Bluetooth, for the owner: how the radio is, what it hears, and making sensors devices.

pub(super) mod list;
pub(super) mod one;
pub(super) mod several;

use std::sync::Arc;

use crate::bus::BleFound;
use crate::http::Route;
use crate::model::Address;
use crate::model::Device;
use crate::web::context::Context;
use crate::web::refusal::Refusal;
use crate::web::route::Site;
use crate::web::visit::Visit;

pub(super) fn routes(site: &Site) -> Vec<Route> {
    // What is no address is one of the paths.
    [list::routes(site), several::routes(site), one::routes(site)].concat()
}

/// What was heard in the last hour, the strongest first.
async fn found(context: &Context) -> Result<Vec<BleFound>, Refusal> {
    context.ble.found().await.ok_or(Refusal::Stopping)
}

/// The address that the path names.
fn wanted(visit: &Visit) -> Result<Address, Refusal> {
    visit.request.param("address").parse().map_err(|_| Refusal::NotFound)
}

/// The user's device with that address.
fn adopted(context: &Context, visit: &Visit, address: Address) -> Option<Arc<Device>> {
    let snapshot = context.snapshot();
    let mut sensors = snapshot.sensors();
    let (device, _) = sensors.find(|(device, sensor)| sensor.address == address && device.owner == visit.user_id())?;
    Some(Arc::clone(device))
}

/// Where a device is shown that was heard.
fn path_of(address: Address) -> String {
    format!("/sensors/{address}")
}
