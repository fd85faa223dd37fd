//! `/v1/access_tokens`
//!
//! A token's text is known only to who got it: lists name tokens by the beginning of their hash.

use std::sync::Arc;

use serde_json::Value;
use serde_json::json;
use tokio::task::block_in_place;

use crate::accounts::LoginError;
use crate::api::Context;
use crate::api::endpoint::Endpoint;
use crate::clock;
use crate::http;
use crate::http::ApiError;
use crate::http::Method;
use crate::http::Request;
use crate::http::Response;
use crate::model::KeyHash;
use crate::model::UserId;
use crate::registry::RegistryError;
use crate::registry::Token;

pub(super) fn endpoints() -> Vec<Endpoint> {
    let (current, all): (&[_], &[_]) = (&["/v1/access_tokens/current"], &["/v1/access_tokens"]);
    vec![
        Endpoint::new(Method::GET, current, "The token of this request", show_current),
        Endpoint::new(Method::DELETE, current, "Revoke the token of this request", revoke_current),
        Endpoint::new(Method::GET, all, "The caller's tokens", list).refuses(&[429]),
        Endpoint::new(Method::DELETE, all, "Revoke all of the caller's tokens", revoke_all),
        Endpoint::new(Method::DELETE, &["/v1/access_tokens/:token"], "Revoke a token: to have it is enough", revoke)
            .open(),
    ]
}

async fn show_current(context: Arc<Context>, request: Request) -> Result<Response, ApiError> {
    let token = context.token(&request)?;
    let (expires_at, client_id) = (expiry(&token), &token.client);
    Ok(http::json(&json!({ "expires_at": expires_at, "client_id": client_id, "scopes": [], "orgs": [] })))
}

async fn list(context: Arc<Context>, request: Request) -> Result<Response, ApiError> {
    let user = lister(&context, &request).await?;
    let snapshot = context.snapshot();
    let shown: Value = snapshot.tokens_of(user, clock::now().wall).into_iter().map(shown).collect();
    Ok(http::json(&shown))
}

/// Old clients show a password here, since they have no token yet.
async fn lister(context: &Context, request: &Request) -> Result<UserId, ApiError> {
    let credentials = request.credentials();
    let Some((name, password)) = credentials.login() else { return context.user(request) };
    match context.accounts.check_password(name, password, request.from, clock::now()).await {
        Ok(user) => Ok(user.id),
        Err(LoginError::Wrong) => Err(ApiError::BadPassword),
        Err(other) => Err(other.into()),
    }
}

async fn revoke(context: Arc<Context>, request: Request) -> Result<Response, ApiError> {
    let wanted = request.param("token");
    let hash = KeyHash::of(wanted);
    let revoked = match context.user(&request) {
        // By the name under which it is listed.
        Ok(user) if !context.snapshot().tokens.contains_key(&hash) => {
            block_in_place(|| context.registry.revoke_token(user, wanted))
        }
        _ => block_in_place(|| context.registry.revoke_hash(hash)),
    };
    match revoked {
        // RFC 7009, 2.2: a token that is nobody's does not hold, and that is what was asked for.
        Ok(_) | Err(RegistryError::NoToken { .. }) => Ok(http::json(&json!({ "ok": true }))),
        Err(error) => Err(error.into()),
    }
}

async fn revoke_current(context: Arc<Context>, request: Request) -> Result<Response, ApiError> {
    let token = context.token(&request)?;
    context.change(|registry| registry.revoke_hash(token.hash))?;
    Ok(http::json(&json!({ "ok": true })))
}

async fn revoke_all(context: Arc<Context>, request: Request) -> Result<Response, ApiError> {
    let user = context.user(&request)?;
    context.change(|registry| registry.revoke_all(user))?;
    Ok(http::json(&json!({ "ok": true })))
}

fn shown(token: &Token) -> Value {
    json!({ "token": token.id(), "expires_at": expiry(token), "client": token.client })
}

fn expiry(token: &Token) -> Option<String> {
    token.expires_at.map(|at| at.to_string())
}
