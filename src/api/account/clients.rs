//! /v1/clients: programs that get tokens of the caller with a secret of their own.

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
use crate::registry::OauthClient;

pub(super) fn endpoints() -> Vec<Endpoint> {
    let client = json!({
        "type": "object",
        "required": ["name"],
        "properties": { "name": { "type": "string" }, "type": { "type": "string" } },
    });
    vec![
        Endpoint::new(Method::GET, &["/v1/clients"], "The caller's clients", list),
        Endpoint::new(Method::POST, &["/v1/clients"], "Register a client; its secret is shown once", create)
            .takes(client),
        Endpoint::new(Method::DELETE, &["/v1/clients/:client"], "Forget a client", remove),
    ]
}

async fn list(context: Arc<Context>, request: Request) -> Result<Response, ApiError> {
    let user = context.user(&request)?;
    let clients: Value =
        context.snapshot().clients.values().filter(|client| client.user == user).map(|client| shown(client)).collect();
    Ok(http::json(&json!({ "ok": true, "clients": clients })))
}

async fn create(context: Arc<Context>, request: Request) -> Result<Response, ApiError> {
    let user = context.user(&request)?;
    let fields = request.fields()?;
    let name = fields::required(fields, "name")?;
    let (client, secret) = context.change(|registry| registry.add_client(user, name, clock::now().wall))?;
    let mut shown = shown(&client);
    shown["secret"] = json!(secret.reveal());
    Ok(http::json(&json!({ "ok": true, "client": shown })))
}

async fn remove(context: Arc<Context>, request: Request) -> Result<Response, ApiError> {
    let user = context.user(&request)?;
    context.change(|registry| registry.remove_client(user, request.param("client")))?;
    Ok(http::json(&json!({ "ok": true })))
}

fn shown(client: &OauthClient) -> Value {
    json!({ "id": client.id, "name": client.name, "type": "installed" })
}
