//! PUT /v1/devices/:device and what belongs to it: a new name, notes, a signal, a ping, a new key; DELETE releases.

use std::sync::Arc;

use serde_json::Value;
use serde_json::json;

use crate::api::Context;
use crate::api::endpoint::Endpoint;
use crate::api::fields;
use crate::clock;
use crate::http;
use crate::http::ApiError;
use crate::http::Method;
use crate::http::Request;
use crate::http::Response;
use crate::model::DeviceName;
use crate::registry::DeviceChange;

pub(super) fn endpoints() -> Vec<Endpoint> {
    let change = json!({
        "type": "object",
        "properties": {
            "name": { "type": "string" },
            "notes": { "type": "string" },
            "signal": { "enum": ["0", "1", true, false] },
        },
    });
    let one: &[_] = &["/v1/devices/:device", "/v1/products/:product/devices/:device"];
    let ping: &[_] = &["/v1/devices/:device/ping", "/v1/products/:product/devices/:device/ping"];
    vec![
        Endpoint::new(Method::PUT, one, "Rename a device, note something about it, or let it show itself", put)
            .takes(change),
        Endpoint::new(Method::PUT, ping, "Whether a device is connected", is_there).takes(json!({ "type": "object" })),
        Endpoint::new(Method::PUT, &["/v1/devices/:device/key"], "A new key for a device, shown this once", renew_key),
        Endpoint::new(
            Method::DELETE,
            &["/v1/devices/:device", "/v1/products/:product/devices/:device/owner"],
            "Release a device",
            remove,
        ),
    ]
}

async fn put(context: Arc<Context>, request: Request) -> Result<Response, ApiError> {
    let device = context.device(&request)?;
    let (owner, id) = (device.owner, device.id.to_string());
    let fields = request.fields()?;
    let mut done = json!({ "id": device.id });
    let name = fields.get("name").map(|_| fields::required(fields, "name")).transpose()?;
    let name = name.map(|name| DeviceName::try_from(name.to_owned())).transpose();
    let name = name.map_err(|error| ApiError::Invalid(error.to_string()))?;
    let notes = fields.get("notes").map(|_| fields::text(fields, "notes")).transpose()?;
    let notes = notes.map(|notes| notes.unwrap_or_default().to_owned());
    let change = DeviceChange { name, notes };
    if change != DeviceChange::default() {
        let (is_named, is_noted) = (change.name.is_some(), change.notes.is_some());
        let changed = context.change(|registry| registry.change_device(owner, &id, change))?;
        done["updated_at"] = json!(clock::now().wall.to_string());
        if is_named {
            done["name"] = json!(changed.name);
        }
        if is_noted {
            done["notes"] = json!(changed.notes);
        }
    }
    if fields.contains_key("signal") {
        let on = fields::is_set(fields, "signal");
        let connected = context.presence.of(device.id).connections > 0;
        context.calls.signal(device.id, owner, on).await;
        done["connected"] = json!(connected);
        done["signaling"] = json!(on && connected);
    }
    if done.as_object().is_none_or(|done| done.len() == 1) {
        return Err(ApiError::Invalid("nothing to change: give a name, notes or a signal".to_owned()));
    }
    Ok(http::json(&done))
}

async fn is_there(context: Arc<Context>, request: Request) -> Result<Response, ApiError> {
    let device = context.device(&request)?;
    let online = context.presence.of(device.id).connections > 0;
    Ok(http::json(&json!({ "online": online, "ok": true })))
}

async fn renew_key(context: Arc<Context>, request: Request) -> Result<Response, ApiError> {
    let device = context.device(&request)?;
    let (device, key) = context.change(|registry| registry.renew_key(device.owner, &device.id.to_string()))?;
    Ok(http::json(&json!({ "id": device.id, "name": device.name, "key": key.reveal() })))
}

async fn remove(context: Arc<Context>, request: Request) -> Result<Response, ApiError> {
    let device = context.device(&request)?;
    context.change(|registry| registry.remove_device(device.owner, &device.id.to_string()))?;
    context.presence.keep_registered(&context.registry);
    Ok(http::json(&Value::from_iter([("ok", true)])))
}
