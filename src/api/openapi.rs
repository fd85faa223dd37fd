//! GET /v1/openapi.json
//!
//! The API's own description, made of the endpoints themselves: what is not an endpoint cannot be in it, and each
//! endpoint is.

use std::sync::Arc;
use std::sync::OnceLock;

use serde_json::Map;
use serde_json::Value;
use serde_json::json;

use crate::api::Context;
use crate::api::endpoint::Endpoint;
use crate::http;
use crate::http::ApiError;
use crate::http::Method;
use crate::http::Request;
use crate::http::Response;

pub(super) fn endpoints() -> Vec<Endpoint> {
    vec![Endpoint::new(Method::GET, &["/v1/openapi.json"], "This document", show).open()]
}

async fn show(_context: Arc<Context>, _request: Request) -> Result<Response, ApiError> {
    static DOCUMENT: OnceLock<Value> = OnceLock::new();
    Ok(http::json(DOCUMENT.get_or_init(|| document(&crate::api::endpoints()))))
}

/// The document of these endpoints. Source of its form: the `OpenAPI` Specification 3.0.3.
pub(super) fn document(endpoints: &[Endpoint]) -> Value {
    let mut paths = Map::new();
    for endpoint in endpoints {
        for path in endpoint.paths {
            let path = paths.entry(template(path)).or_insert_with(|| json!({}));
            let operations = path.as_object_mut().expect("a path is an object");
            // Where two take the same path, the first gets it.
            operations.entry(endpoint.method.as_str().to_lowercase()).or_insert_with(|| operation(endpoint));
        }
    }
    for (template, operations) in &mut paths {
        let parameters: Vec<Value> = placeholders(template).map(in_path).collect();
        if let Some(operations) = operations.as_object_mut().filter(|_| !parameters.is_empty()) {
            operations.insert("parameters".to_owned(), Value::Array(parameters));
        }
    }
    json!({
        "openapi": "3.0.3",
        "info": {
            "title": "farhook",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "Particle's REST API, on a gateway of your own. Bodies may be JSON or forms.",
        },
        "paths": paths,
        "components": {
            "securitySchemes": { "token": { "type": "http", "scheme": "bearer" } },
            "schemas": {
                "Refusal": {
                    "type": "object",
                    "properties": {
                        "ok": { "type": "boolean" },
                        "error": { "type": "string" },
                        "error_description": { "type": "string" },
                    },
                },
            },
        },
        "security": [{ "token": [] }],
    })
}

fn operation(endpoint: &Endpoint) -> Value {
    let mut operation = json!({ "summary": endpoint.summary, "responses": responses(endpoint) });
    if endpoint.is_open {
        operation["security"] = json!([]);
    }
    if endpoint.is_stream {
        operation["tags"] = json!(["stream"]);
    }
    if !endpoint.query.is_empty() {
        let in_query = |name: &&str| json!({ "name": name, "in": "query", "schema": { "type": "string" } });
        operation["parameters"] = endpoint.query.iter().map(in_query).collect();
    }
    if !endpoint.takes.is_null() {
        operation["requestBody"] = json!({ "content": { "application/json": { "schema": endpoint.takes } } });
    }
    operation
}

fn responses(endpoint: &Endpoint) -> Value {
    let mut responses = Map::new();
    let kind = if endpoint.is_stream { "text/event-stream" } else { "application/json" };
    responses.insert(endpoint.status.to_string(), json!({ "description": "It is done.", "content": { kind: {} } }));
    for status in endpoint.refused() {
        let schema = json!({ "schema": { "$ref": "#/components/schemas/Refusal" } });
        let refusal = json!({ "description": "It is refused.", "content": { "application/json": schema } });
        responses.insert(status.to_string(), refusal);
    }
    Value::Object(responses)
}

/// A path as `OpenAPI` writes it: `/v1/devices/{device}`.
fn template(path: &str) -> String {
    let segments = path.split('/').map(|segment| match segment.strip_prefix([':', '*']) {
        Some(name) => format!("{{{name}}}"),
        None => segment.to_owned(),
    });
    segments.collect::<Vec<_>>().join("/")
}

fn placeholders(template: &str) -> impl Iterator<Item = &str> {
    template.split('/').filter_map(|segment| segment.strip_prefix('{')?.strip_suffix('}'))
}

fn in_path(name: &str) -> Value {
    json!({ "name": name, "in": "path", "required": true, "schema": { "type": "string", "minLength": 1 } })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_endpoint_is_described_and_none_hides_behind_another() {
        let endpoints = crate::api::endpoints();
        let document = document(&endpoints);
        let mut described = 0;
        for endpoint in &endpoints {
            for path in endpoint.paths {
                let method = endpoint.method.as_str().to_lowercase();
                let operation = &document["paths"][template(path)][&method];
                assert_eq!(operation["summary"], endpoint.summary, "{method} {path} is another endpoint's already");
                described += 1;
            }
        }
        let paths = document["paths"].as_object().unwrap().values();
        let operations = paths.flat_map(|path| path.as_object().unwrap().keys()).filter(|key| *key != "parameters");
        assert_eq!(operations.count(), described);
    }
}
