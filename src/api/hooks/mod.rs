//! Webhooks, which Particle's newer clients call integrations: the caller's own, and those of a product.

mod change;
mod list;
mod shown;
mod test;

use crate::api::endpoint::Endpoint;

const ALL: [&str; 8] = [
    "/v1/webhooks",
    "/v1/integrations",
    "/v1/products/:product/webhooks",
    "/v1/products/:product/integrations",
    "/v1/orgs/:org/webhooks",
    "/v1/orgs/:org/integrations",
    "/v1/orgs/:org/products/:product/webhooks",
    "/v1/orgs/:org/products/:product/integrations",
];

const ONE: [&str; 8] = [
    "/v1/webhooks/:hook",
    "/v1/integrations/:hook",
    "/v1/products/:product/webhooks/:hook",
    "/v1/products/:product/integrations/:hook",
    "/v1/orgs/:org/webhooks/:hook",
    "/v1/orgs/:org/integrations/:hook",
    "/v1/orgs/:org/products/:product/webhooks/:hook",
    "/v1/orgs/:org/products/:product/integrations/:hook",
];

/// Every endpoint of these.
pub(super) fn endpoints() -> Vec<Endpoint> {
    [list::endpoints(), change::endpoints(), vec![test::endpoint()]].concat()
}
