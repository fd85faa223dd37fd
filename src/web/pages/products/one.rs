//! GET /products/:product
//!
//! One product: what is in it, and the hooks that fire for that.

use std::sync::Arc;

use serde::Serialize;

use crate::http::Route;
use crate::model::Device;
use crate::registry::Hook;
use crate::registry::Product;
use crate::web::context::Context;
use crate::web::pages::products;
use crate::web::pages::show;
use crate::web::paging;
use crate::web::paging::Paging;
use crate::web::route::Shown;
use crate::web::route::Site;
use crate::web::templates::Page;
use crate::web::visit::Visit;

/// Devices that one can choose from; of more, one writes the names. Ours.
const CANDIDATES: usize = 200;

#[derive(Serialize)]
pub(in crate::web::pages) struct OneProduct {
    id: String,
    slug: String,
    name: String,
    /// All devices that are in it.
    members: usize,
    devices: Vec<Member>,
    paging: Paging,
    hooks: Vec<ProductHook>,
    /// Devices that can come in.
    candidates: Vec<Member>,
    /// Why some did not come in, and what was typed of them.
    add_error: Option<String>,
    typed: String,
    /// The device that was chosen then.
    chosen: String,
    /// Why it was not changed, and to what.
    edit_error: Option<String>,
    edited_name: String,
    description: String,
    name_chars: usize,
    description_chars: usize,
}

/// A device.
#[derive(Serialize)]
struct Member {
    id: String,
    name: String,
    is_online: bool,
}

/// A hook of the product.
#[derive(Serialize)]
struct ProductHook {
    id: String,
    name: String,
    event: String,
    host: Option<String>,
    is_on: bool,
    /// Whether it is on, and had too many errors.
    is_stopped: bool,
}

impl Page for OneProduct {
    const TEMPLATE: &'static str = "pages/product.html";

    #[cfg(test)]
    fn samples() -> Vec<(&'static str, Self)> {
        let owned = ToOwned::to_owned;
        let member =
            |name: &str, is_online| Member { id: owned("abababababababababababab"), name: owned(name), is_online };
        let hook = ProductHook {
            id: owned("0123456789abcdef01234567"),
            name: owned("<b>to</b> the web"),
            event: owned("<b>temp</b>"),
            host: Some(owned("example.com")),
            is_on: true,
            is_stopped: true,
        };
        let empty = |name: &str| Self {
            id: owned("1001"),
            slug: owned("green-house"),
            name: owned(name),
            members: 0,
            devices: Vec::new(),
            paging: Paging::new("", None, 0),
            hooks: Vec::new(),
            candidates: Vec::new(),
            add_error: None,
            typed: String::new(),
            chosen: String::new(),
            edit_error: None,
            edited_name: owned(name),
            description: String::new(),
            name_chars: Product::NAME_CHARS,
            description_chars: Product::DESCRIPTION_CHARS,
        };
        let full = Self {
            members: 250,
            devices: vec![member("<b>kitchen</b>", true), member("cellar", false)],
            paging: Paging::new("<b>", Some(2), 250),
            hooks: vec![hook],
            candidates: vec![member("<b>attic</b>", false)],
            add_error: Some(owned("there is no device \"<b>nix</b>\"")),
            typed: owned("</textarea><b>nix</b>"),
            edit_error: Some(owned("a product's name has 1 to 64 characters")),
            edited_name: String::new(),
            description: owned("</textarea><b>all</b>"),
            ..empty("<b>Green</b> house")
        };
        vec![("empty", empty("Green house")), ("full", full)]
    }
}

pub(super) fn routes(site: &Site) -> Vec<Route> {
    vec![site.page(&["/products/:product"], one)]
}

async fn one(context: Arc<Context>, visit: Visit) -> Shown {
    let product = products::wanted(&context, &visit)?;
    Ok(show(&context, &visit, &page(&context, &visit, &product)))
}

/// The page after devices did not come in, with those that were typed.
pub(super) fn not_added(context: &Context, visit: &Visit, product: &Product, error: String) -> OneProduct {
    OneProduct {
        typed: visit.form.text("devices").to_owned(),
        chosen: visit.form.text("device").to_owned(),
        add_error: Some(error),
        ..page(context, visit, product)
    }
}

/// The page after it was not changed, with what was typed.
pub(super) fn not_edited(context: &Context, visit: &Visit, product: &Product, error: String) -> OneProduct {
    OneProduct {
        edit_error: Some(error),
        edited_name: visit.form.text("name").to_owned(),
        description: visit.form.text("description").to_owned(),
        ..page(context, visit, product)
    }
}

fn page(context: &Context, visit: &Visit, product: &Product) -> OneProduct {
    let (snapshot, user) = (context.snapshot(), visit.user_id());
    let mut devices: Vec<_> = snapshot.devices_of(user).collect();
    devices.sort_by_cached_key(|device| device.name.as_str().to_lowercase());
    let (members, others): (Vec<_>, Vec<_>) =
        devices.into_iter().partition(|device| device.product == Some(product.id));
    let filter = paging::filter(visit).to_lowercase();
    let found: Vec<_> = members.iter().filter(|device| paging::is_meant(device, &filter)).collect();
    let paging = Paging::of(visit, found.len());
    let member = |device: &Arc<Device>| Member {
        id: device.id.to_string(),
        name: device.name.to_string(),
        is_online: context.presence.of(device.id).connections > 0,
    };
    let candidates = if others.len() > CANDIDATES { &[] } else { others.as_slice() };
    OneProduct {
        id: product.id.to_string(),
        slug: product.slug.clone(),
        name: product.name.clone(),
        members: members.len(),
        devices: paging.part(&found).iter().map(|device| member(device)).collect(),
        paging,
        hooks: snapshot.hooks_in(user, Some(product.id)).map(|hook| shown(context, hook)).collect(),
        candidates: candidates.iter().map(|device| member(device)).collect(),
        add_error: None,
        typed: String::new(),
        chosen: String::new(),
        edit_error: None,
        edited_name: product.name.clone(),
        description: product.description.clone(),
        name_chars: Product::NAME_CHARS,
        description_chars: Product::DESCRIPTION_CHARS,
    }
}

fn shown(context: &Context, hook: &Hook) -> ProductHook {
    let definition = &hook.definition;
    ProductHook {
        id: hook.id.to_string(),
        name: definition.title().to_owned(),
        event: definition.event_prefix().to_owned(),
        host: definition.host().map(ToOwned::to_owned),
        is_on: !definition.is_disabled(),
        is_stopped: !definition.is_disabled() && context.overview.board.hook(hook.id).too_many_errors,
    }
}
