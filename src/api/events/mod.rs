//! Events: publishing them, and hearing them as they happen.

mod publish;
mod stream;

use crate::api::endpoint::Endpoint;

/// Every endpoint of these.
pub(super) fn endpoints() -> Vec<Endpoint> {
    let mut endpoints = stream::endpoints();
    endpoints.push(publish::endpoint());
    endpoints
}
