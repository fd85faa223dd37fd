//! Devices: the caller's own, and those of a product.

mod calls;
mod change;
mod claim;
mod list;
mod shown;

use crate::api::endpoint::Endpoint;

/// Every endpoint of these. Those of a product stand with its other ones.
pub(super) fn endpoints() -> Vec<Endpoint> {
    [list::endpoints(), claim::endpoints(), change::endpoints(), calls::endpoints()].concat()
}
