//! Products: fleets that share hooks, and which devices are in them.

mod members;

use std::sync::Arc;

use serde_json::Value;
use serde_json::json;

use crate::api::Context;
use crate::api::endpoint::Endpoint;
use crate::api::fields;
use crate::api::fields::Fields;
use crate::clock;
use crate::http;
use crate::http::ApiError;
use crate::http::Method;
use crate::http::Request;
use crate::http::Response;
use crate::registry::Product;
use crate::registry::ProductChange;

const ALL: [&str; 3] = ["/v1/products", "/v1/user/products", "/v1/orgs/:org/products"];
const ONE: [&str; 2] = ["/v1/products/:product", "/v1/orgs/:org/products/:product"];

/// Every endpoint of these.
pub(super) fn endpoints() -> Vec<Endpoint> {
    let product = json!({
        "type": "object",
        "properties": {
            "name": { "type": "string" },
            "description": { "type": "string" },
            "platform_id": { "type": "integer" },
        },
    });
    let mut endpoints = vec![
        Endpoint::new(Method::GET, &["/v1/orgs"], "Organizations: a gateway has none", list_orgs),
        Endpoint::new(Method::GET, &ALL, "The caller's products", list),
        Endpoint::new(Method::POST, &ALL, "Create a product", create).takes(product.clone()).answers(201),
        Endpoint::new(Method::GET, &ONE, "A product", get),
        Endpoint::new(Method::PUT, &ONE, "Change a product's name or description", edit).takes(product),
        Endpoint::new(Method::DELETE, &ONE, "Delete a product and its hooks", delete),
    ];
    endpoints.extend(members::endpoints());
    endpoints
}

/// Paths of Particle's organizations mean the caller's own things, whatever the organization is called: a gateway
/// belongs to one household or workshop.
async fn list_orgs(context: Arc<Context>, request: Request) -> Result<Response, ApiError> {
    context.user(&request)?;
    Ok(http::json(&json!({ "organizations": [] })))
}

async fn list(context: Arc<Context>, request: Request) -> Result<Response, ApiError> {
    let user = context.user(&request)?;
    let snapshot = context.snapshot();
    let products: Value = snapshot.products_of(user).map(|product| shown(product)).collect();
    Ok(http::json(&json!({ "products": products })))
}

async fn create(context: Arc<Context>, request: Request) -> Result<Response, ApiError> {
    let user = context.user(&request)?;
    let change = change(request.fields()?)?;
    let product = context.change(|registry| registry.add_product(user, change, clock::now().wall))?;
    Ok(http::created(&json!({ "ok": true, "product": shown(&product) })))
}

async fn get(context: Arc<Context>, request: Request) -> Result<Response, ApiError> {
    let product = wanted(&context, &request)?;
    Ok(http::json(&json!({ "product": shown(&product) })))
}

async fn edit(context: Arc<Context>, request: Request) -> Result<Response, ApiError> {
    let product = wanted(&context, &request)?;
    let change = change(request.fields()?)?;
    let product = context.change(|registry| registry.edit_product(product.id, change))?;
    Ok(http::json(&json!({ "ok": true, "product": shown(&product) })))
}

async fn delete(context: Arc<Context>, request: Request) -> Result<Response, ApiError> {
    let product = wanted(&context, &request)?;
    context.change(|registry| registry.delete_product(product.id))?;
    Ok(http::json(&json!({ "ok": true })))
}

/// The product that the path names.
fn wanted(context: &Context, request: &Request) -> Result<Arc<Product>, ApiError> {
    let (_, product) = context.scope(request)?;
    product.ok_or_else(ApiError::no_product)
}

/// What a body says of a product, in fields of its own or in one named `product`.
fn change(fields: &Fields) -> Result<ProductChange, ApiError> {
    let fields = fields.get("product").and_then(Value::as_object).unwrap_or(fields);
    let text = |name| fields::text(fields, name).map(|text| text.map(str::to_owned));
    Ok(ProductChange {
        name: text("name")?,
        description: text("description")?,
        platform_id: fields::number(fields, "platform_id")?,
    })
}

fn shown(product: &Product) -> Value {
    json!({
        "id": product.id,
        "platform_id": product.platform_id,
        "name": product.name,
        "slug": product.slug,
        "description": product.description,
        "user": product.owner,
        "groups": [],
        "settings": {},
        "created_at": product.created_at.to_string(),
    })
}
