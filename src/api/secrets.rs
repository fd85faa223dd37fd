//! /v1/secrets
//!
//! Named values that hooks' templates may use: `{{{NAME}}}`. What they are is never told again.

use std::sync::Arc;

use serde_json::Value;
use serde_json::json;

use crate::api::Context;
use crate::api::endpoint::Endpoint;
use crate::clock;
use crate::http;
use crate::http::ApiError;
use crate::http::Method;
use crate::http::Request;
use crate::http::Response;
use crate::model::Secret;
use crate::model::SecretName;
use crate::model::UserId;
use crate::registry::Snapshot;

const ALL: [&str; 2] = ["/v1/secrets", "/v1/orgs/:org/secrets"];
const ONE: [&str; 2] = ["/v1/secrets/:secret", "/v1/orgs/:org/secrets/:secret"];

pub(super) fn endpoints() -> Vec<Endpoint> {
    let secret = json!({
        "type": "object",
        "required": ["secret"],
        "properties": {
            "secret": {
                "type": "object",
                "required": ["value"],
                "properties": { "value": { "type": "string", "maxLength": Secret::VALUE_BYTES } },
            },
        },
    });
    let mut named = secret.clone();
    named["properties"]["secret"]["properties"]["name"] = json!({ "type": "string" });
    vec![
        Endpoint::new(Method::GET, &ALL, "The names of the caller's secrets", list),
        Endpoint::new(Method::GET, &ONE, "When a secret was set, and what uses it", get),
        Endpoint::new(Method::POST, &ALL, "Set a secret that is named in the body", set).takes(named),
        Endpoint::new(Method::PUT, &ONE, "Set a secret", set).takes(secret),
        Endpoint::new(Method::DELETE, &ONE, "Remove a secret", remove),
    ]
}

async fn list(context: Arc<Context>, request: Request) -> Result<Response, ApiError> {
    let user = context.user(&request)?;
    let snapshot = context.snapshot();
    let secrets: Value =
        snapshot.secrets_of(user).iter().map(|(name, secret)| shown(name, secret, user, &snapshot)).collect();
    Ok(http::json(&json!({ "secrets": secrets })))
}

async fn get(context: Arc<Context>, request: Request) -> Result<Response, ApiError> {
    let user = context.user(&request)?;
    let snapshot = context.snapshot();
    let name = parsed(request.param("secret"))?;
    let secrets = snapshot.secrets_of(user);
    let secret = secrets.get(&name).ok_or_else(|| ApiError::NotFound("Secret not found".to_owned()))?;
    Ok(http::json(&json!({ "secret": shown(&name, secret, user, &snapshot) })))
}

async fn set(context: Arc<Context>, request: Request) -> Result<Response, ApiError> {
    let user = context.user(&request)?;
    let fields = request.fields()?;
    let in_body = fields.get("secret").and_then(|secret| secret.get("name")).and_then(Value::as_str);
    let name = parsed(request.path.get("secret").or(in_body).unwrap_or_default())?;
    let value = fields.get("secret").and_then(|secret| secret.get("value")).or(fields.get("value"));
    let value =
        value.and_then(Value::as_str).ok_or_else(|| ApiError::Invalid("secret.value is required".to_owned()))?;
    let set = name.clone();
    let secret = context.change(|registry| registry.set_secret(user, set, value.to_owned(), clock::now().wall))?;
    Ok(http::json(&json!({ "ok": true, "secret": shown(&name, &secret, user, &context.snapshot()) })))
}

async fn remove(context: Arc<Context>, request: Request) -> Result<Response, ApiError> {
    let user = context.user(&request)?;
    context.change(|registry| registry.remove_secret(user, request.param("secret")))?;
    Ok(http::json(&json!({ "ok": true })))
}

fn parsed(name: &str) -> Result<SecretName, ApiError> {
    SecretName::try_from(name.to_owned()).map_err(|error| ApiError::Invalid(error.to_string()))
}

fn shown(name: &SecretName, secret: &Secret, user: UserId, snapshot: &Snapshot) -> Value {
    let users = snapshot.hooks_of(user).filter(|hook| hook.definition.names_secret(name));
    let users: Vec<_> = users.map(|hook| json!({ "id": hook.id })).collect();
    json!({
        "name": name,
        "created_at": secret.created_at.to_string(),
        "updated_at": secret.updated_at.to_string(),
        "last_accessed_at": null,
        "integrations": users,
        "logic_functions": [],
    })
}
