//! POST /v1/command
//!
//! One request of a `farhook` command line that is somewhere else; `src/bus/protocol.rs` has its words. It is done
//! with the rights of the user whose token it brings.

use std::sync::Arc;

use serde_json::Value;
use serde_json::json;
use tokio::sync::oneshot;

use crate::api::Context;
use crate::api::endpoint::Endpoint;
use crate::bus::RemoteRequest;
use crate::bus::protocol::Asked;
use crate::bus::protocol::Reply;
use crate::http;
use crate::http::ApiError;
use crate::http::Method;
use crate::http::Request;
use crate::http::Response;

pub(super) fn endpoints() -> Vec<Endpoint> {
    let command = json!({
        "type": "object",
        "required": ["ask"],
        "properties": { "ask": { "type": "string", "description": "What is asked for; other fields depend on it." } },
    });
    let summary = "Do what the command line does; its own way of talking to a gateway somewhere else";
    vec![Endpoint::new(Method::POST, &["/v1/command"], summary, ask).takes(command).at_most(1 << 20)]
}

async fn ask(context: Arc<Context>, request: Request) -> Result<Response, ApiError> {
    let user = context.user(&request)?;
    let asked = match Asked::read(Value::Object(request.fields()?.clone())) {
        Ok(asked) => asked,
        Err(reason) => return Ok(http::json(&Reply::Refused(reason))),
    };
    let (reply, answer) = oneshot::channel();
    let remote = RemoteRequest { user, asked, reply };
    context.remote.send(remote).await.map_err(|_| ApiError::Stopping)?;
    Ok(http::json(&answer.await.map_err(|_| ApiError::Stopping)?))
}
