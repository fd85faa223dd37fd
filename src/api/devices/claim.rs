//! POST /v1/devices, POST `/v1/device_claims`
//!
//! With an `id`, a device that was released becomes the caller's: with its key, or with a new one that is shown this
//! once if it was somebody else's. Without an `id`, a new device is made; its key is shown this once, too. A claim code
//! lets a device make itself one: it needs no token.

use std::sync::Arc;

use serde_json::Value;
use serde_json::json;

use crate::api::Context;
use crate::api::endpoint::Endpoint;
use crate::api::fields;
use crate::api::fields::Fields;
use crate::clock;
use crate::http;
use crate::http::ApiError;
use crate::http::Method;
use crate::http::Request;
use crate::http::Response;
use crate::model::Device;
use crate::model::DeviceName;
use crate::model::Key;
use crate::model::ProductId;
use crate::model::UserId;

pub(super) fn endpoints() -> Vec<Endpoint> {
    let device = json!({
        "type": "object",
        "properties": {
            "id": { "type": "string", "description": "A device that was released; without it a new one is made." },
            "name": { "type": "string" },
            "product_id": { "description": "The product that a new device shall belong to." },
            "claim_code": { "type": "string" },
            "request_transfer": { "type": "boolean" },
        },
    });
    vec![
        Endpoint::new(Method::POST, &["/v1/devices"], "Claim a device, or make a new one", claim_or_make)
            .takes(device)
            .open()
            .refuses(&[401, 403, 404]),
        Endpoint::new(
            Method::POST,
            &["/v1/device_claims", "/v1/products/:product/device_claims"],
            "A code with which a device can register itself",
            code,
        )
        .takes(json!({ "type": "object" })),
    ]
}

async fn claim_or_make(context: Arc<Context>, request: Request) -> Result<Response, ApiError> {
    let fields = request.fields()?;
    if let Some(code) = fields::text(fields, "claim_code")? {
        let (device, key) = context.accounts.register_device(code, name(fields)?, clock::now())?;
        return Ok(http::json(&made(&device, &key)));
    }
    let user = context.user(&request)?;
    let Some(id) = fields::text(fields, "id")? else {
        let (name, product) = (name(fields)?, product(&context, user, fields)?);
        let (device, key) = context.change(|registry| registry.add_device(user, name, product, clock::now().wall))?;
        return Ok(http::json(&made(&device, &key)));
    };
    let id = id.parse().map_err(|_| ApiError::NotFoundAmong("device does not exist".to_owned()))?;
    if context.snapshot().released.get(&id).is_some_and(|device| device.owner != user) {
        // What is known of it is its former owner's.
        context.presence.forget(id);
    }
    let (device, key) = context.change(|registry| registry.claim_device(user, id))?;
    let connected = context.presence.of(device.id).connections > 0;
    let mut claimed = json!({
        "user_id": user,
        "id": device.id,
        "deviceID": device.id,
        "connected": connected,
        "claimed": true,
        "ok": true,
    });
    if let Some(key) = key {
        claimed["key"] = json!(key.reveal());
    }
    Ok(http::json(&claimed))
}

fn made(device: &Device, key: &Key) -> Value {
    json!({
        "user_id": device.owner,
        "id": device.id,
        "name": device.name,
        "key": key.reveal(),
        "connected": false,
        "ok": true,
    })
}

fn name(fields: &Fields) -> Result<Option<DeviceName>, ApiError> {
    let name = fields::text(fields, "name")?.map(|name| DeviceName::try_from(name.to_owned())).transpose();
    name.map_err(|error| ApiError::Invalid(error.to_string()))
}

/// The product that a new device shall belong to.
fn product(context: &Context, user: UserId, fields: &Fields) -> Result<Option<ProductId>, ApiError> {
    let Some(wanted) = fields.get("product_id").filter(|product| !product.is_null()) else { return Ok(None) };
    let wanted = wanted.as_str().map_or_else(|| wanted.to_string(), str::to_owned);
    let product = context.snapshot().product_of(user, &wanted).map(|product| product.id);
    product.map(Some).ok_or_else(ApiError::no_product)
}

async fn code(context: Arc<Context>, request: Request) -> Result<Response, ApiError> {
    let (user, product) = context.scope(&request)?;
    let code = context.accounts.device_code(user, product.map(|product| product.id), clock::now());
    let snapshot = context.snapshot();
    let ids: Vec<_> = snapshot.devices_of(user).map(|device| device.id).collect();
    Ok(http::json(&json!({ "claim_code": code, "device_ids": ids })))
}
