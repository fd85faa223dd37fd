//! POST /v1/webhooks/:hook/test, and under its other names
//!
//! Sends one event through a hook now and shows what happens. No device is told, nothing is kept; the limits hold.

use std::sync::Arc;

use serde_json::Value;
use serde_json::json;

use crate::api::Context;
use crate::api::endpoint::Endpoint;
use crate::bus::Order;
use crate::clock;
use crate::hooks::sample_event;
use crate::http;
use crate::http::ApiError;
use crate::http::Method;
use crate::http::Request;
use crate::http::Response;
use crate::model::EventProduct;

pub(super) fn endpoint() -> Endpoint {
    let paths: &[_] = &[
        "/v1/webhooks/:hook/test",
        "/v1/integrations/:hook/test",
        "/v1/products/:product/webhooks/:hook/test",
        "/v1/products/:product/integrations/:hook/test",
        "/v1/orgs/:org/webhooks/:hook/test",
        "/v1/orgs/:org/integrations/:hook/test",
        "/v1/orgs/:org/products/:product/webhooks/:hook/test",
        "/v1/orgs/:org/products/:product/integrations/:hook/test",
    ];
    let event = json!({
        "type": "object",
        "properties": { "name": { "type": "string" }, "data": {}, "coreid": { "type": "string" } },
    });
    Endpoint::new(Method::POST, paths, "Send one event through a hook, and see what happens", test).takes(event)
}

async fn test(context: Arc<Context>, request: Request) -> Result<Response, ApiError> {
    let hook = context.hook(&request)?;
    let mut event = request.fields()?.clone();
    event.remove("access_token");
    if !event.contains_key("name") && !event.contains_key("event") {
        event.insert("name".to_owned(), json!(hook.definition.event_prefix()));
    }
    let now = clock::now().wall;
    let event = sample_event::parse(&Value::Object(event), context.chance.event_id(now), hook.owner, now);
    let mut event = event.map_err(|error| ApiError::Invalid(error.to_string()))?;
    event.product = hook.product.map(|id| EventProduct { id, version: None });
    let report = context.order(|reply| Order::Test { hook, event, reply }).await?;
    Ok(http::json(&report))
}
