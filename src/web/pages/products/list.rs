//! GET and POST /products
//!
//! All products of the user, and a form for another one.

use std::collections::HashMap;
use std::sync::Arc;

use serde::Serialize;

use crate::bus::protocol::Request;
use crate::http::PageStatus;
use crate::http::Route;
use crate::model::ProductId;
use crate::registry::Product;
use crate::web::context::Context;
use crate::web::flash::Flash;
use crate::web::pages::go_on;
use crate::web::pages::products;
use crate::web::pages::show;
use crate::web::pages::show_as;
use crate::web::route::Shown;
use crate::web::route::Site;
use crate::web::templates::Page;
use crate::web::visit::Visit;

#[derive(Serialize)]
pub(in crate::web::pages) struct Products {
    rows: Vec<Row>,
    /// Why the last one was not created.
    error: Option<String>,
    name: String,
    description: String,
    name_chars: usize,
    description_chars: usize,
}

#[derive(Serialize)]
struct Row {
    id: String,
    slug: String,
    name: String,
    devices: usize,
    hooks: usize,
}

impl Page for Products {
    const TEMPLATE: &'static str = "pages/products.html";

    #[cfg(test)]
    fn samples() -> Vec<(&'static str, Self)> {
        let row = Row {
            id: "1001".to_owned(),
            slug: "green-house".to_owned(),
            name: "<b>Green</b> house".to_owned(),
            devices: 12,
            hooks: 1,
        };
        let of = |rows, error: Option<&str>, typed: &str| Self {
            rows,
            error: error.map(ToOwned::to_owned),
            name: typed.to_owned(),
            description: typed.to_owned(),
            name_chars: Product::NAME_CHARS,
            description_chars: Product::DESCRIPTION_CHARS,
        };
        let again = of(vec![row], Some("a product's name has 1 to 64 characters"), "</textarea>\"<b>x</b>");
        vec![("empty", of(Vec::new(), None, "")), ("again", again)]
    }
}

pub(super) fn routes(site: &Site) -> Vec<Route> {
    vec![site.page(&["/products"], list), site.form(&["/products"], create)]
}

async fn list(context: Arc<Context>, visit: Visit) -> Shown {
    Ok(show(&context, &visit, &page(&context, &visit, None)))
}

async fn create(context: Arc<Context>, visit: Visit) -> Shown {
    let (name, description) = (visit.form.text("name").to_owned(), visit.form.filled("description"));
    match context.ask(visit.user_id(), Request::ProductCreate { name, description }).await? {
        Ok(created) => {
            let text = visit.t("Product {name} is created. Now put devices into it.");
            let text = text.replace("{name}", created["name"].as_str().unwrap_or_default());
            Ok(go_on(&context, &visit, &products::path_of(&created["id"]), Flash::Done { text }))
        }
        Err(error) => Ok(show_as(&context, &visit, PageStatus::Unusable, &page(&context, &visit, Some(error)))),
    }
}

/// The page, with what was typed before if that was refused.
fn page(context: &Context, visit: &Visit, error: Option<String>) -> Products {
    let (snapshot, user) = (context.snapshot(), visit.user_id());
    let devices = count(snapshot.devices_of(user).filter_map(|device| device.product));
    let hooks = count(snapshot.hooks_of(user).filter_map(|hook| hook.product));
    let of = |counts: &HashMap<ProductId, usize>, product| counts.get(&product).copied().unwrap_or(0);
    let row = |product: &Arc<Product>| Row {
        id: product.id.to_string(),
        slug: product.slug.clone(),
        name: product.name.clone(),
        devices: of(&devices, product.id),
        hooks: of(&hooks, product.id),
    };
    Products {
        rows: snapshot.products_of(user).map(row).collect(),
        error,
        name: visit.form.text("name").to_owned(),
        description: visit.form.text("description").to_owned(),
        name_chars: Product::NAME_CHARS,
        description_chars: Product::DESCRIPTION_CHARS,
    }
}

/// How often each product is named.
fn count(products: impl Iterator<Item = ProductId>) -> HashMap<ProductId, usize> {
    let mut counts = HashMap::new();
    products.for_each(|product| *counts.entry(product).or_insert(0) += 1);
    counts
}
