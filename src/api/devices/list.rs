//! GET /v1/devices, GET /v1/devices/:device, GET /v1/products/:product/devices

use std::sync::Arc;

use serde_json::Value;
use serde_json::json;

use crate::api::Context;
use crate::api::devices::shown;
use crate::api::endpoint::Endpoint;
use crate::http;
use crate::http::ApiError;
use crate::http::Method;
use crate::http::Request;
use crate::http::Response;
use crate::model::Device;

/// Devices in a page of a product's list. Source: Particle's API reference, "List devices in a product", read 2026-11.
const PER_PAGE: usize = 25;

/// Devices in a page at most. Ours.
const MOST_PER_PAGE: usize = 1_000;

const IN_PRODUCT: [&str; 2] = ["/v1/products/:product/devices", "/v1/orgs/:org/products/:product/devices"];

pub(super) fn endpoints() -> Vec<Endpoint> {
    let one: &[_] = &[
        "/v1/devices/:device",
        "/v1/products/:product/devices/:device",
        "/v1/orgs/:org/products/:product/devices/:device",
    ];
    let all: &[_] = &["/v1/devices", "/v1/orgs/:org/devices"];
    vec![
        Endpoint::new(Method::GET, all, "The caller's devices", list).asks(&["deviceName"]),
        Endpoint::new(Method::GET, &IN_PRODUCT, "The devices of a product, in pages", list_product).asks(&[
            "page",
            "per_page",
            "deviceId",
            "deviceName",
            "sortAttr",
            "sortDir",
        ]),
        Endpoint::new(Method::GET, one, "A device, and what it offers", get),
    ]
}

async fn list(context: Arc<Context>, request: Request) -> Result<Response, ApiError> {
    let user = context.user(&request)?;
    let snapshot = context.snapshot();
    let mut devices: Vec<&Arc<Device>> =
        snapshot.devices_of(user).filter(|device| is_wanted(device, &request)).collect();
    devices.sort_by(|one, other| one.name.as_str().cmp(other.name.as_str()));
    let shown: Value =
        devices.into_iter().map(|device| Value::Object(shown::one(device, &context.presence.of(device.id)))).collect();
    Ok(http::json(&shown))
}

async fn list_product(context: Arc<Context>, request: Request) -> Result<Response, ApiError> {
    let (user, product) = context.scope(&request)?;
    let product = product.map(|product| product.id);
    let snapshot = context.snapshot();
    let devices = snapshot.devices_of(user).filter(|device| device.product == product);
    let mut devices: Vec<_> = devices
        .filter(|device| is_wanted(device, &request))
        .map(|device| (device, context.presence.of(device.id)))
        .collect();
    match request.query("sortAttr") {
        Some("deviceId") => devices.sort_by_key(|(device, _)| device.id),
        Some("lastConnection") => devices.sort_by_key(|(_, sighting)| sighting.connected_at),
        _ => devices.sort_by(|(one, _), (other, _)| one.name.as_str().cmp(other.name.as_str())),
    }
    if request.query("sortDir") == Some("desc") {
        devices.reverse();
    }
    let (page, meta) = page(&devices, &request)?;
    let shown: Value = page.iter().map(|(device, sighting)| Value::Object(shown::one(device, sighting))).collect();
    Ok(http::json(&json!({ "devices": shown, "customers": [], "meta": meta })))
}

async fn get(context: Arc<Context>, request: Request) -> Result<Response, ApiError> {
    let device = context.device(&request)?;
    Ok(http::json(&shown::whole(&device, &context.presence.of(device.id))))
}

/// The page that was asked for, and how many there are.
fn page<'a, T>(items: &'a [T], request: &Request) -> Result<(&'a [T], Value), ApiError> {
    let number = |name: &str, otherwise: usize| match request.query(name) {
        None => Ok(otherwise),
        Some(text) => text
            .parse()
            .ok()
            .filter(|number| *number > 0)
            .ok_or_else(|| ApiError::Invalid(format!("{name} must be a whole number from 1"))),
    };
    let (page, per_page) = (number("page", 1)?, number("per_page", PER_PAGE)?.min(MOST_PER_PAGE));
    let begin = (page - 1).saturating_mul(per_page).min(items.len());
    let end = begin.saturating_add(per_page).min(items.len());
    let pages = items.len().div_ceil(per_page).max(1);
    Ok((&items[begin..end], json!({ "page": page, "per_page": per_page, "total_pages": pages, "total": items.len() })))
}

fn is_wanted(device: &Device, request: &Request) -> bool {
    let named = |wanted: &str| device.name.as_str().to_lowercase().contains(&wanted.to_lowercase());
    let is_id = |wanted: &str| device.id.to_string().contains(&wanted.to_lowercase());
    request.query("deviceName").is_none_or(named) && request.query("deviceId").is_none_or(is_id)
}
