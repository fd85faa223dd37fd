//! GET /v1/webhooks, GET /v1/webhooks/:hook, and under their other names

use std::sync::Arc;

use serde_json::Value;
use serde_json::json;
use tokio::task::block_in_place;

use crate::api::Context;
use crate::api::endpoint::Endpoint;
use crate::api::hooks::ALL;
use crate::api::hooks::ONE;
use crate::api::hooks::shown;
use crate::clock;
use crate::http;
use crate::http::ApiError;
use crate::http::Method;
use crate::http::Request;
use crate::http::Response;

/// Attempts and errors that are shown with a hook. Source: Particle's webhook reference, "Logs", read 2026-11.
const SHOWN: usize = 10;

/// Attempts that are looked through for errors. Ours: all that are kept by default.
const LOOKED_AT: usize = 200;

pub(super) fn endpoints() -> Vec<Endpoint> {
    vec![
        Endpoint::new(Method::GET, &ALL, "The caller's hooks, or those of a product", list),
        Endpoint::new(Method::GET, &ONE, "A hook, with its latest requests, errors and counters", get),
    ]
}

async fn list(context: Arc<Context>, request: Request) -> Result<Response, ApiError> {
    let (user, product) = context.scope(&request)?;
    let product = product.map(|product| product.id);
    let hooks: Value = context.snapshot().hooks_in(user, product).map(|hook| Value::Object(shown::one(hook))).collect();
    Ok(http::json(&hooks))
}

async fn get(context: Arc<Context>, request: Request) -> Result<Response, ApiError> {
    let hook = context.hook(&request)?;
    let attempts = block_in_place(|| context.logbook.latest(hook.id, LOOKED_AT));
    let attempts = attempts.map_err(|error| ApiError::NotReady(error.to_string()))?;
    let logs: Vec<Value> = attempts.iter().take(SHOWN).map(shown::attempt).collect();
    let errors = attempts.iter().filter(|attempt| !shown::is_success(attempt));
    let errors: Vec<Value> = errors.take(SHOWN).map(shown::attempt).collect();
    let counted = context.overview.history.hook(hook.id, clock::now().wall);
    let mut whole = shown::one(&hook);
    whole.insert("logs".to_owned(), json!(logs));
    whole.insert("errors".to_owned(), json!(errors));
    let counters = json!({
        "success": counted.month_delivered,
        "error": counted.month_failed,
        "skipped": counted.month_skipped,
    });
    whole.insert("counters".to_owned(), json!([counters]));
    let key = if request.path.names("integrations") { "integration" } else { "webhook" };
    Ok(http::json(&json!({ "ok": true, key: whole })))
}
