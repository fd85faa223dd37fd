//! POST /devices/:device/name, /notes, /product, /session, /key and /remove
//!
//! The forms of a device's page.

use std::sync::Arc;

use crate::bus::protocol::Request;
use crate::http::PageStatus;
use crate::http::Route;
use crate::web::context::Context;
use crate::web::flash::Flash;
use crate::web::pages::devices;
use crate::web::pages::devices::one;
use crate::web::pages::go_on;
use crate::web::pages::show_as;
use crate::web::route::Shown;
use crate::web::route::Site;
use crate::web::visit::Visit;

pub(super) fn routes(site: &Site) -> Vec<Route> {
    vec![
        site.form(&["/devices/:device/name"], rename),
        site.form(&["/devices/:device/notes"], note),
        site.form(&["/devices/:device/product"], move_to),
        site.form(&["/devices/:device/session"], end_session),
        site.form(&["/devices/:device/key"], renew_key),
        site.form(&["/devices/:device/remove"], remove),
    ]
}

async fn rename(context: Arc<Context>, visit: Visit) -> Shown {
    let device = devices::wanted(&context, &visit)?;
    let request = Request::DeviceRename { device: device.id.to_string(), name: visit.form.text("name").to_owned() };
    if let Err(error) = context.ask(visit.user_id(), request).await? {
        let page = one::not_renamed(&context, &visit, &device, error).await?;
        return Ok(show_as(&context, &visit, PageStatus::Unusable, &page));
    }
    Ok(go_on(&context, &visit, &devices::path_of(device.id), Flash::Done { text: visit.t("Renamed.") }))
}

async fn note(context: Arc<Context>, visit: Visit) -> Shown {
    let device = devices::wanted(&context, &visit)?;
    // Browsers end lines with both (HTML, 4.10.21.7).
    let notes = visit.form.text("notes").replace("\r\n", "\n");
    let request = Request::DeviceNote { device: device.id.to_string(), notes: notes.clone() };
    if let Err(error) = context.ask(visit.user_id(), request).await? {
        let page = one::with_notes(&context, &visit, &device, notes, error).await?;
        return Ok(show_as(&context, &visit, PageStatus::Unusable, &page));
    }
    Ok(go_on(&context, &visit, &devices::path_of(device.id), Flash::Done { text: visit.t("Saved.") }))
}

/// Into another product, or out of its own.
async fn move_to(context: Arc<Context>, visit: Visit) -> Shown {
    let device = devices::wanted(&context, &visit)?;
    let id = device.id.to_string();
    let request = match (visit.form.filled("product"), device.product) {
        (Some(product), _) => Some(Request::ProductAdd { product, device: id }),
        (None, Some(product)) => Some(Request::ProductRemove { product: product.to_string(), device: id }),
        (None, None) => None,
    };
    let went = match request {
        Some(request) => context.ask(visit.user_id(), request).await?.map(drop),
        None => Ok(()),
    };
    Ok(go_on(&context, &visit, &devices::path_of(device.id), Flash::of(&went, visit.t("Saved."))))
}

/// A session that is away ends.
async fn end_session(context: Arc<Context>, visit: Visit) -> Shown {
    let device = devices::wanted(&context, &visit)?;
    let client_id = Some(visit.form.text("client_id").to_owned());
    let request = Request::SessionEnd { device: device.id.to_string(), client_id };
    let went = context.ask(visit.user_id(), request).await?;
    let flash = Flash::of(&went, visit.t("The session is ended."));
    Ok(go_on(&context, &visit, &devices::path_of(device.id), flash))
}

async fn renew_key(context: Arc<Context>, visit: Visit) -> Shown {
    let device = devices::wanted(&context, &visit)?;
    let request = Request::DeviceKey { device: device.id.to_string() };
    let flash = match context.ask(visit.user_id(), request).await? {
        Ok(renewed) => Flash::DeviceKey {
            device: device.id,
            text: visit.t("This is the new key of {name}:").replace("{name}", device.name.as_str()),
            secret: renewed["key"].as_str().unwrap_or_default().to_owned(),
        },
        Err(text) => Flash::Failed { text },
    };
    Ok(go_on(&context, &visit, &devices::path_of(device.id), flash))
}

async fn remove(context: Arc<Context>, visit: Visit) -> Shown {
    let device = devices::wanted(&context, &visit)?;
    let request = Request::DeviceRemove { device: device.id.to_string() };
    let went = context.ask(visit.user_id(), request).await?;
    let text = visit.t("Device {name} is removed. To claim it back you need its id: {id}");
    let text = text.replace("{id}", &device.id.to_string()).replace("{name}", device.name.as_str());
    Ok(go_on(&context, &visit, "/devices", Flash::of(&went, text)))
}
