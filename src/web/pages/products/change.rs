//! POST /products/:product/devices, /remove, /edit and /delete
//!
//! The forms of a product's page.

use std::sync::Arc;

use crate::bus::protocol::Request;
use crate::http::PageStatus;
use crate::http::Route;
use crate::web::context::Context;
use crate::web::flash::Flash;
use crate::web::pages::go_on;
use crate::web::pages::products;
use crate::web::pages::products::one;
use crate::web::pages::show_as;
use crate::web::route::Shown;
use crate::web::route::Site;
use crate::web::visit::Visit;

pub(super) fn routes(site: &Site) -> Vec<Route> {
    vec![
        site.form(&["/products/:product/devices"], add),
        site.form(&["/products/:product/remove"], take_out),
        site.form(&["/products/:product/edit"], edit),
        site.form(&["/products/:product/delete"], delete),
    ]
}

/// Puts devices in: the one that was chosen, and those that were typed. All of them, or none.
async fn add(context: Arc<Context>, visit: Visit) -> Shown {
    let product = products::wanted(&context, &visit)?;
    let devices = named(visit.form.text("device"), visit.form.text("devices"));
    let request = Request::ProductAddAll { product: product.id.to_string(), devices: devices.clone() };
    let went = match devices.len() {
        0 => Err(visit.t("Choose a device, or write the names of some.")),
        _ => context.ask(visit.user_id(), request).await?,
    };
    if let Err(error) = went {
        let page = one::not_added(&context, &visit, &product, error);
        return Ok(show_as(&context, &visit, PageStatus::Unusable, &page));
    }
    let text = match devices.len() {
        1 => visit.t("It is put in."),
        count => visit.t("{n} devices were put in.").replace("{n}", &count.to_string()),
    };
    Ok(go_on(&context, &visit, &products::path_of(product.id), Flash::Done { text }))
}

async fn take_out(context: Arc<Context>, visit: Visit) -> Shown {
    let product = products::wanted(&context, &visit)?;
    let device = visit.form.text("device").to_owned();
    let request = Request::ProductRemove { product: product.id.to_string(), device };
    let went = context.ask(visit.user_id(), request).await?;
    Ok(go_on(&context, &visit, &products::path_of(product.id), Flash::of(&went, visit.t("Taken out."))))
}

async fn edit(context: Arc<Context>, visit: Visit) -> Shown {
    let product = products::wanted(&context, &visit)?;
    let typed = |name: &str| Some(visit.form.text(name).replace("\r\n", "\n"));
    let request = Request::ProductEdit {
        product: product.id.to_string(),
        name: typed("name"),
        description: typed("description"),
    };
    if let Err(error) = context.ask(visit.user_id(), request).await? {
        let page = one::not_edited(&context, &visit, &product, error);
        return Ok(show_as(&context, &visit, PageStatus::Unusable, &page));
    }
    Ok(go_on(&context, &visit, &products::path_of(product.id), Flash::Done { text: visit.t("Saved.") }))
}

async fn delete(context: Arc<Context>, visit: Visit) -> Shown {
    let product = products::wanted(&context, &visit)?;
    let went = context.ask(visit.user_id(), Request::ProductDelete { product: product.id.to_string() }).await?;
    let text = visit.t("Product {name} is deleted.").replace("{name}", &product.name);
    Ok(go_on(&context, &visit, "/products", Flash::of(&went, text)))
}

/// The devices that a form names: one that was chosen, and one in each line.
fn named(chosen: &str, lines: &str) -> Vec<String> {
    let named = std::iter::once(chosen).chain(lines.lines()).map(str::trim);
    named.filter(|name| !name.is_empty()).map(ToOwned::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_names_devices_by_choice_and_by_lines() {
        assert_eq!(named("a", "b c \r\n\r\n  d\r\n"), ["a", "b c", "d"]);
        assert_eq!(named("", " \r\n"), [""; 0]);
    }
}
