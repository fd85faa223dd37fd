//! POST /v1/devices/events, POST /v1/products/:product/events
//!
//! Publishes an event: with a user's token as `api`, with a device's own key as that device. The event is durable when
//! the answer comes. Takes JSON or a form, with `name` and `data`; data that is no text is published as its JSON.

use std::sync::Arc;

use serde_json::Value;
use serde_json::json;

use crate::api::Context;
use crate::api::endpoint::Endpoint;
use crate::api::fields;
use crate::bus::Publication;
use crate::bus::Publisher;
use crate::clock;
use crate::http;
use crate::http::ApiError;
use crate::http::Method;
use crate::http::Request;
use crate::http::Response;
use crate::model::Publishing;
use crate::model::spec;
use crate::registry::Identity;

/// Bytes of a request: an event's data in which every character is escaped, and some.
const REQUEST_BYTES: usize = 8 * spec::EVENT_DATA_BYTES;

pub(super) fn endpoint() -> Endpoint {
    let event = json!({
        "type": "object",
        "required": ["name"],
        "properties": {
            "name": { "type": "string", "minLength": 1, "maxLength": spec::EVENT_NAME_CHARS },
            "data": {},
            "private": { "type": "boolean" },
            "ttl": { "type": "integer" },
        },
    });
    let paths: &[_] = &[
        "/v1/devices/events",
        "/v1/products/:product/events",
        "/v1/orgs/:org/events",
        "/v1/orgs/:org/products/:product/events",
    ];
    Endpoint::new(Method::POST, paths, "Publish an event", publish).takes(event).at_most(REQUEST_BYTES)
}

async fn publish(context: Arc<Context>, request: Request) -> Result<Response, ApiError> {
    let publisher = match context.identity(&request)? {
        Identity::Device(device) => {
            context.presence.heard(device.id, clock::now().wall);
            Publisher::Device(device.id)
        }
        Identity::Observer(_) => {
            let (user, product) = context.scope(&request)?;
            Publisher::User { user, product: product.map(|product| product.id) }
        }
    };
    let fields = request.fields()?;
    let name = fields::required(fields, "name")?.to_owned();
    let data = match fields.get("data") {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    };
    let ttl_s = fields::number(fields, "ttl")?;
    context
        .intake
        .publish(Publication {
            name,
            data: data.into(),
            ttl_s,
            publisher,
            resend: None,
            publishing: Publishing::default(),
        })
        .await?;
    Ok(http::json(&json!({ "ok": true })))
}
