//! POST /v1/products/:product/devices, DELETE /v1/products/:product/devices/:device
//!
//! Devices come into a product as a file with an id in each line, or as JSON. Only the caller's own can.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::Value;
use serde_json::json;

use crate::api::Context;
use crate::api::endpoint::Endpoint;
use crate::api::products::wanted;
use crate::http;
use crate::http::ApiError;
use crate::http::Method;
use crate::http::Request;
use crate::http::Response;
use crate::model::DeviceId;

/// Ids in one request. Ours: as many as there may be devices.
const MOST_IDS: usize = 10_000;

pub(super) fn endpoints() -> Vec<Endpoint> {
    let ids = json!({
        "type": "object",
        "properties": {
            "id": { "type": "string" },
            "ids": { "type": "array", "items": { "type": "string" } },
        },
    });
    let all: &[_] = &["/v1/products/:product/devices", "/v1/orgs/:org/products/:product/devices"];
    let one: &[_] = &["/v1/products/:product/devices/:device", "/v1/orgs/:org/products/:product/devices/:device"];
    vec![
        Endpoint::new(Method::POST, all, "Put devices into a product", add).takes(ids).at_most(512 * 1_024),
        Endpoint::new(Method::DELETE, one, "Take a device out of a product; it stays the caller's", remove),
    ]
}

async fn add(context: Arc<Context>, request: Request) -> Result<Response, ApiError> {
    let product = wanted(&context, &request)?;
    let given = given(&request).await?;
    if given.is_empty() || given.len() > MOST_IDS {
        return Err(ApiError::Invalid(format!("give 1 to {MOST_IDS} device ids")));
    }
    let snapshot = context.snapshot();
    let (mut ids, mut seen, mut invalid) = (Vec::new(), BTreeSet::new(), Vec::new());
    for text in given {
        match text.parse::<DeviceId>() {
            Ok(id) if seen.insert(id) => ids.push(id),
            Ok(_) => {}
            Err(_) => invalid.push(text),
        }
    }
    let moved = context.change(|registry| registry.move_devices(product.owner, &ids, Some(product.id)))?;
    let moved: Vec<DeviceId> = moved.iter().map(|device| device.id).collect();
    let came_in: BTreeSet<_> = moved.iter().collect();
    let (others, unknown): (Vec<_>, Vec<_>) =
        ids.into_iter().filter(|id| !came_in.contains(id)).partition(|id| snapshot.devices.contains_key(id));
    invalid.extend(unknown.iter().map(ToString::to_string));
    Ok(http::json(&json!({
        "updated": moved.len(),
        "updatedDeviceIds": moved,
        "nonmemberDeviceIds": others,
        "invalidDeviceIds": invalid,
        "protectedDeviceIds": [],
    })))
}

async fn remove(context: Arc<Context>, request: Request) -> Result<Response, ApiError> {
    let device = context.device(&request)?;
    context.change(|registry| registry.move_devices(device.owner, &[device.id], None))?;
    Ok(http::json(&json!({ "ok": true })))
}

async fn given(request: &Request) -> Result<Vec<String>, ApiError> {
    if let Some(file) = request.body.uploaded_file().await? {
        let ids = file.split_whitespace().map(|id| id.trim_matches(['"', ',']).to_owned());
        return Ok(ids.filter(|id| !id.is_empty()).collect());
    }
    let fields = request.fields()?;
    let listed = fields.get("ids").and_then(Value::as_array).into_iter().flatten();
    Ok(fields.get("id").into_iter().chain(listed).filter_map(Value::as_str).map(str::to_owned).collect())
}
