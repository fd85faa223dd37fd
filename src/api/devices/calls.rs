//! GET /v1/devices/:device/:variable, POST /v1/devices/:device/:function
//!
//! The device answers over MQTT; `docs/firmware.md` tells how.

use std::sync::Arc;

use serde_json::Value;
use serde_json::json;

use crate::api::Context;
use crate::api::endpoint::Endpoint;
use crate::bus::Ask;
use crate::bus::CallError;
use crate::http;
use crate::http::ApiError;
use crate::http::Method;
use crate::http::Request;
use crate::http::Response;
use crate::model::Device;

/// Seconds after which somebody may ask again who asked too much.
const ASK_AGAIN_S: u64 = 10;

pub(super) fn endpoints() -> Vec<Endpoint> {
    let variable: &[_] = &["/v1/devices/:device/:variable", "/v1/products/:product/devices/:device/:variable"];
    let function: &[_] = &["/v1/devices/:device/:function", "/v1/products/:product/devices/:device/:function"];
    let argument = json!({
        "type": "object",
        "properties": { "arg": { "type": "string" }, "args": { "type": "string" }, "params": { "type": "string" } },
    });
    vec![
        Endpoint::new(Method::GET, variable, "Read a variable of a device", read).refuses(&[408, 429]),
        Endpoint::new(Method::POST, function, "Call a function of a device", call).takes(argument).refuses(&[408, 429]),
    ]
}

async fn read(context: Arc<Context>, request: Request) -> Result<Response, ApiError> {
    let device = context.device(&request)?;
    let (name, sighting) = (request.param("variable").to_owned(), context.presence.of(device.id));
    let not_found = || ApiError::NotFound("Variable not found".to_owned());
    if sighting.connections == 0 {
        return Err(ApiError::TimedOut);
    }
    let kind = match &sighting.description {
        Some(described) => Some(described.variable(&name).ok_or_else(not_found)?),
        None => None,
    };
    let answer = context.calls.ask(device.id, device.owner, Ask::Variable { name: name.clone() }).await;
    let text = answer.map_err(|error| refused(error, not_found()))?;
    let result = kind.map_or_else(|| Value::String(text.clone()), |kind| kind.value(&text));
    Ok(http::json(&json!({
        "cmd": "VarReturn",
        "name": name,
        "result": result,
        "coreInfo": {
            "last_app": "",
            "last_heard": sighting.last_heard.map(|at| at.to_string()),
            "connected": true,
            "last_handshake_at": sighting.connected_at.map(|at| at.to_string()),
            "deviceID": device.id,
            "name": device.name,
            "product_id": device.product,
        },
    })))
}

async fn call(context: Arc<Context>, request: Request) -> Result<Response, ApiError> {
    let device = context.device(&request)?;
    let (name, sighting) = (request.param("function").to_owned(), context.presence.of(device.id));
    let not_found = || ApiError::NotFound(format!("Function {name} not found"));
    if sighting.connections == 0 {
        return Err(ApiError::NotConnected);
    }
    if sighting.description.is_some_and(|described| !described.has_function(&name)) {
        return Err(not_found());
    }
    let argument = argument(&request)?;
    let answer = context.calls.ask(device.id, device.owner, Ask::Function { name: name.clone(), argument }).await;
    let text = answer.map_err(|error| refused(error, not_found()))?;
    let returned: i64 = text.trim().parse().map_err(|_| {
        ApiError::Invalid(format!("the device answered {text:?}, and a function returns a whole number"))
    })?;
    Ok(http::json(&called(&device, &name, returned)))
}

fn called(device: &Device, name: &str, returned: i64) -> Value {
    json!({ "id": device.id, "name": name, "last_app": "", "connected": true, "return_value": returned })
}

/// The argument, under any of the names that clients give it.
fn argument(request: &Request) -> Result<String, ApiError> {
    let fields = request.fields()?;
    let given = ["arg", "args", "params"].iter().find_map(|name| fields.get(*name));
    Ok(match given {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    })
}

fn refused(error: CallError, not_found: ApiError) -> ApiError {
    match error {
        CallError::NoSuchName => not_found,
        CallError::ArgumentTooLarge { .. } => ApiError::Invalid(error.to_string()),
        CallError::TimedOut => ApiError::TimedOut,
        CallError::TooMany => ApiError::TooMany { reason: error.to_string(), wait_s: ASK_AGAIN_S },
        CallError::Stopping => ApiError::Stopping,
    }
}
