//! POST /v1/webhooks, PUT and DELETE /v1/webhooks/:hook, and under their other names

use std::sync::Arc;

use serde_json::Value;
use serde_json::json;

use crate::api::Context;
use crate::api::endpoint::Endpoint;
use crate::api::fields::Fields;
use crate::api::hooks::ALL;
use crate::api::hooks::ONE;
use crate::api::hooks::shown;
use crate::clock;
use crate::hooks;
use crate::hooks::HookDefinition;
use crate::http;
use crate::http::ApiError;
use crate::http::Method;
use crate::http::Request;
use crate::http::Response;
use crate::registry::NewHook;

/// The integrations of Particle's cloud that a gateway does not have. Source: particle-api-js, read 2026-11.
const OTHER_TYPES: [&str; 4] = ["GoogleMaps", "GoogleCloudPubSub", "AzureIotHub", "GoogleMapsDeviceLocator"];

pub(super) fn endpoints() -> Vec<Endpoint> {
    let hook = json!({
        "type": "object",
        "required": ["event", "url"],
        "properties": {
            "event": { "type": "string", "minLength": 1, "maxLength": 64 },
            "url": { "type": "string" },
            "requestType": { "enum": ["GET", "POST", "PUT", "DELETE", "PATCH"] },
            "deviceID": { "type": "string", "pattern": "^[0-9a-f]{24}$" },
            "name": { "type": "string" },
            "disabled": { "type": "boolean" },
            "json": {},
            "form": { "type": "object" },
            "body": { "type": "string" },
            "query": { "type": "object" },
            "headers": { "type": "object" },
            "auth": { "type": "object" },
            "noDefaults": { "type": "boolean" },
            "rejectUnauthorized": { "type": "boolean" },
            "responseTopic": { "type": "string" },
            "errorResponseTopic": { "type": "string" },
            "responseTemplate": {},
        },
    });
    let mut change = hook.clone();
    if let Some(schema) = change.as_object_mut() {
        schema.remove("required");
    }
    vec![
        Endpoint::new(Method::POST, &ALL, "Create a hook", create).takes(hook.clone()).answers(201),
        Endpoint::new(Method::PUT, &ONE, "Change a hook: what is not said stays, null takes a key away", edit)
            .takes(change),
        Endpoint::new(Method::DELETE, &ONE, "Delete a hook and what waits for it", delete),
    ]
}

async fn create(context: Arc<Context>, request: Request) -> Result<Response, ApiError> {
    let (owner, product) = context.scope(&request)?;
    let definition = HookDefinition::parse(&Value::Object(fields(&request)?));
    let definition = definition.map_err(|invalid| ApiError::Invalid(invalid.to_string()))?;
    let limit = context.overview.config.borrow().limits.hooks_per_user.map(std::num::NonZeroU32::get);
    // In Particle's cloud the same hook twice is two hooks, and its clients rely on it.
    let new = NewHook { owner, product: product.map(|product| product.id), definition, limit, again: true };
    let hook = context.change(|registry| registry.add_hook(new, clock::now().wall))?;
    Ok(http::created(&shown::created(&hook, &request.base)))
}

async fn edit(context: Arc<Context>, request: Request) -> Result<Response, ApiError> {
    let hook = context.hook(&request)?;
    let change = fields(&request)?;
    let hook = context.change(|registry| registry.edit_hook(hook.id, |before| hooks::edited(before, change)))?;
    Ok(http::json(&shown::created(&hook, &request.base)))
}

async fn delete(context: Arc<Context>, request: Request) -> Result<Response, ApiError> {
    let hook = context.hook(&request)?;
    context.change(|registry| registry.delete_hook(hook.id))?;
    Ok(http::json(&json!({ "ok": true, "status": "Hook Deleted" })))
}

/// What only answers have: a hook that was got from here can be sent again.
const ANSWERED: [&str; 9] =
    ["id", "created_at", "product_id", "logs", "errors", "counters", "hookUrl", "ok", "access_token"];

/// What the body says of a hook.
fn fields(request: &Request) -> Result<Fields, ApiError> {
    let mut fields = request.fields()?.clone();
    fields.retain(|key, _| !ANSWERED.contains(&key.as_str()));
    if let Some(kind) = fields.get("integration_type").and_then(Value::as_str) {
        if OTHER_TYPES.contains(&kind) {
            return Err(ApiError::Invalid(format!("a gateway has webhooks only, no integrations of type {kind}")));
        }
    }
    Ok(fields)
}
