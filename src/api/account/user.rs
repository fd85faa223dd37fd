//! /v1/user: the caller's own account.

use std::sync::Arc;

use serde_json::json;

use crate::accounts;
use crate::accounts::AccountError;
use crate::accounts::LoginError;
use crate::api::Context;
use crate::api::endpoint::Endpoint;
use crate::api::fields;
use crate::clock;
use crate::http;
use crate::http::ApiError;
use crate::http::Method;
use crate::http::Request;
use crate::http::Response;
use crate::registry::Role;
use crate::registry::User;

/// What the owner is called before the gateway is claimed.
const UNCLAIMED: &str = "owner";

pub(super) fn endpoints() -> Vec<Endpoint> {
    let password = json!({
        "type": "object",
        "required": ["current_password", "password"],
        "properties": { "current_password": { "type": "string" }, "password": { "type": "string" } },
    });
    let confirmation = json!({
        "type": "object",
        "required": ["mfa_token", "otp"],
        "properties": {
            "mfa_token": { "type": "string" },
            "otp": { "type": "string" },
            "invalidate_tokens": { "type": "boolean" },
        },
    });
    let own = json!({
        "type": "object",
        "required": ["password"],
        "properties": { "password": { "type": "string" } },
    });
    let current = json!({
        "type": "object",
        "required": ["current_password"],
        "properties": { "current_password": { "type": "string" } },
    });
    let (user, enable): (&[_], &[_]) = (&["/v1/user"], &["/v1/user/mfa-enable"]);
    vec![
        Endpoint::new(Method::GET, user, "Who the caller is", show),
        Endpoint::new(Method::PUT, user, "Choose another password; all tokens end", set_password)
            .takes(password)
            .refuses(&[429]),
        Endpoint::new(Method::DELETE, user, "Remove one's own account and all that belongs to it", remove)
            .takes(own)
            .refuses(&[429]),
        Endpoint::new(Method::GET, &["/v1/user/identify"], "Who the caller is, in short", identify),
        Endpoint::new(Method::GET, enable, "Begin to use one-time passwords", begin_otp),
        Endpoint::new(
            Method::POST,
            enable,
            "Show that one-time passwords work, and need them from now on",
            confirm_otp,
        )
        .takes(confirmation)
        .refuses(&[429]),
        Endpoint::new(Method::PUT, &["/v1/user/mfa-disable"], "Use no one-time passwords any more", end_otp)
            .takes(current)
            .refuses(&[429]),
    ]
}

async fn show(context: Arc<Context>, request: Request) -> Result<Response, ApiError> {
    let id = context.user(&request)?;
    let snapshot = context.snapshot();
    let user = snapshot.users.get(&id);
    Ok(http::json(&json!({
        "username": user.map_or(UNCLAIMED, |user| user.name.as_str()),
        "role": user.map_or(Role::Owner, |user| user.role),
        "account_info": {},
        "mfa": { "enabled": user.is_some_and(|user| user.otp.is_some()) },
        "memberships": [],
        "wifi_device_count": snapshot.devices_of(id).count(),
        "cellular_device_count": 0,
        "tos": 0,
        "scim_provisioned": false,
        "no_password": false,
    })))
}

async fn identify(context: Arc<Context>, request: Request) -> Result<Response, ApiError> {
    let id = context.user(&request)?;
    let snapshot = context.snapshot();
    let name = snapshot.users.get(&id).map_or(UNCLAIMED, |user| user.name.as_str());
    Ok(http::json(&json!({ "id": id, "email": name })))
}

async fn set_password(context: Arc<Context>, request: Request) -> Result<Response, ApiError> {
    let user = account(&context, &request)?;
    let fields = request.fields()?;
    let current = fields::required(fields, "current_password")?;
    let password = fields::required(fields, "password")?;
    let user = context.accounts.check_password(user.name.as_str(), current, request.from, clock::now()).await?;
    context.accounts.set_password(user.id, Some(&user.password), password).await?;
    Ok(http::json(&json!({ "ok": true })))
}

async fn remove(context: Arc<Context>, request: Request) -> Result<Response, ApiError> {
    let user = account(&context, &request)?;
    let fields = request.fields()?;
    let password = fields::required(fields, "password")?;
    let user = context.accounts.check_password(user.name.as_str(), password, request.from, clock::now()).await?;
    context.accounts.remove(user.id, Some(&user.password))?;
    context.presence.keep_registered(&context.registry);
    Ok(http::json(&json!({ "ok": true })))
}

async fn begin_otp(context: Arc<Context>, request: Request) -> Result<Response, ApiError> {
    let user = account(&context, &request)?;
    let (secret, mfa_token) = context.accounts.begin_otp(&user, clock::now())?;
    let url = accounts::otp_address(&secret, &user.name);
    Ok(http::json(&json!({ "mfa_token": mfa_token, "secret": accounts::otp_secret_text(&secret), "qr_url": url })))
}

async fn confirm_otp(context: Arc<Context>, request: Request) -> Result<Response, ApiError> {
    let user = account(&context, &request)?;
    let fields = request.fields()?;
    let (token, otp) = (fields::required(fields, "mfa_token")?, fields::required(fields, "otp")?);
    let confirmed = context.accounts.confirm_otp(user.id, token, otp, request.from, clock::now());
    confirmed.map_err(|error| match error {
        AccountError::Login(LoginError::Wrong) => ApiError::WrongOtp,
        other => other.into(),
    })?;
    if fields::is_set(fields, "invalidate_tokens") {
        context.change(|registry| registry.revoke_all(user.id))?;
    }
    Ok(http::json(&json!({ "ok": true, "enrolled": true })))
}

async fn end_otp(context: Arc<Context>, request: Request) -> Result<Response, ApiError> {
    let user = account(&context, &request)?;
    let fields = request.fields()?;
    let password = fields::required(fields, "current_password")?;
    context.accounts.end_otp(&user, password, request.from, clock::now()).await?;
    Ok(http::json(&json!({ "ok": true })))
}

/// The caller's account; a gateway that nobody claimed has none yet.
fn account(context: &Context, request: &Request) -> Result<Arc<User>, ApiError> {
    let id = context.user(request)?;
    let user = context.snapshot().users.get(&id).cloned();
    user.ok_or_else(|| ApiError::Forbidden("this gateway has no owner yet; claim it first".to_owned()))
}
