//! GET /v1/ble
//!
//! How the Bluetooth radio is, and what it hears: for the owner. The same as `farhook ble scan --json`.

use std::sync::Arc;

use serde_json::json;

use crate::api::Context;
use crate::api::endpoint::Endpoint;
use crate::http;
use crate::http::ApiError;
use crate::http::Method;
use crate::http::Request;
use crate::http::Response;

pub(super) fn endpoints() -> Vec<Endpoint> {
    vec![Endpoint::new(Method::GET, &["/v1/ble"], "How the Bluetooth radio is and what it hears; for the owner", heard)]
}

async fn heard(context: Arc<Context>, request: Request) -> Result<Response, ApiError> {
    context.owner(&request)?;
    let devices = context.ble.found().await.ok_or(ApiError::Stopping)?;
    Ok(http::json(&json!({ "ble": context.ble.report(), "devices": devices })))
}
