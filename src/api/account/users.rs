//! /v1/users, /v1/claim: who there is, for the owner; and becoming the owner.

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
use crate::registry::User;

pub(super) fn endpoints() -> Vec<Endpoint> {
    let account = json!({
        "type": "object",
        "required": ["username", "password"],
        "properties": { "username": { "type": "string" }, "password": { "type": "string" } },
    });
    let claim = json!({
        "type": "object",
        "required": ["code", "username", "password"],
        "properties": {
            "code": { "type": "string" },
            "username": { "type": "string" },
            "password": { "type": "string" },
        },
    });
    vec![
        Endpoint::new(Method::GET, &["/v1/users"], "All users; for the owner", list),
        Endpoint::new(Method::POST, &["/v1/users"], "Add a user; for the owner", add).takes(account).answers(201),
        Endpoint::new(
            Method::DELETE,
            &["/v1/users/:user"],
            "Remove a member and all their things; for the owner",
            remove,
        ),
        Endpoint::new(Method::POST, &["/v1/claim"], "Become the owner of a gateway that has none", become_owner)
            .takes(claim)
            .answers(201)
            .open()
            .refuses(&[403, 429]),
    ]
}

async fn list(context: Arc<Context>, request: Request) -> Result<Response, ApiError> {
    context.owner(&request)?;
    let users: Value = context.snapshot().users.values().map(|user| shown(user)).collect();
    Ok(http::json(&users))
}

async fn add(context: Arc<Context>, request: Request) -> Result<Response, ApiError> {
    context.owner(&request)?;
    let fields = request.fields()?;
    let (name, password) = (fields::required(fields, "username")?, fields::required(fields, "password")?);
    let user = context.accounts.add(name.to_owned(), password, clock::now()).await?;
    Ok(http::created(&shown(&user)))
}

async fn remove(context: Arc<Context>, request: Request) -> Result<Response, ApiError> {
    context.owner(&request)?;
    let name = request.param("user");
    let user = context.snapshot().user(name).cloned();
    let user = user.ok_or_else(|| ApiError::NotFound(format!("there is no user {name:?}")))?;
    context.accounts.remove(user.id, None)?;
    context.presence.keep_registered(&context.registry);
    Ok(http::json(&json!({ "ok": true })))
}

async fn become_owner(context: Arc<Context>, request: Request) -> Result<Response, ApiError> {
    let fields = request.fields()?;
    let [code, name, password] = [
        fields::required(fields, "code")?,
        fields::required(fields, "username")?,
        fields::required(fields, "password")?,
    ];
    let owner = context.accounts.claim(code, name.to_owned(), password, request.from, clock::now()).await?;
    Ok(http::created(&shown(&owner)))
}

fn shown(user: &User) -> Value {
    json!({
        "id": user.id,
        "username": user.name,
        "role": user.role,
        "mfa": { "enabled": user.otp.is_some() },
        "created_at": user.created_at.to_string(),
    })
}
