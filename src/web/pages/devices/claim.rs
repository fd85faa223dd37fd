//! GET and POST /devices/claim
//!
//! Taking a device that was removed, by its id.

use std::sync::Arc;

use serde::Serialize;

use crate::bus::protocol::Request;
use crate::http::PageStatus;
use crate::http::Route;
use crate::model::DeviceId;
use crate::web::context::Context;
use crate::web::flash::Flash;
use crate::web::pages::devices;
use crate::web::pages::go_on;
use crate::web::pages::show;
use crate::web::pages::show_as;
use crate::web::route::Shown;
use crate::web::route::Site;
use crate::web::templates::Page;
use crate::web::visit::Visit;

#[derive(Default, Serialize)]
pub(in crate::web::pages) struct DeviceClaim {
    /// Why the last try failed.
    error: Option<String>,
    id: String,
}

impl Page for DeviceClaim {
    const TEMPLATE: &'static str = "pages/device_claim.html";

    #[cfg(test)]
    fn samples() -> Vec<(&'static str, Self)> {
        let again = Self { error: Some("there is no device \"<b>\"".to_owned()), id: "\"><b>x</b>".to_owned() };
        vec![("first", Self::default()), ("again", again)]
    }
}

pub(super) fn routes(site: &Site) -> Vec<Route> {
    vec![site.page(&["/devices/claim"], ask), site.form(&["/devices/claim"], claim)]
}

async fn ask(context: Arc<Context>, visit: Visit) -> Shown {
    Ok(show(&context, &visit, &DeviceClaim::default()))
}

async fn claim(context: Arc<Context>, visit: Visit) -> Shown {
    let typed = visit.form.text("id").to_owned();
    let went = context.ask(visit.user_id(), Request::DeviceClaim { id: typed.clone() }).await?;
    let (claimed, device) = match went {
        Err(error) => {
            let page = DeviceClaim { error: Some(error), id: typed };
            return Ok(show_as(&context, &visit, PageStatus::Unusable, &page));
        }
        Ok(claimed) => (claimed, typed.parse::<DeviceId>()),
    };
    let name = claimed["name"].as_str().unwrap_or_default();
    let flash = match (claimed["key"].as_str(), device) {
        (Some(key), Ok(device)) => Flash::DeviceKey {
            device,
            text: visit.t("Device {name} is yours. This is its new key:").replace("{name}", name),
            secret: key.to_owned(),
        },
        _ => Flash::Done {
            text: visit.t("Device {name} is yours again, with the key that it had.").replace("{name}", name),
        },
    };
    Ok(go_on(&context, &visit, &devices::path_of(claimed["id"].as_str().unwrap_or_default()), flash))
}
