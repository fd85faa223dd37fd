//! The pages, one file for each: its context, its routes, its samples.

mod claim;
pub(super) mod devices;
mod integrations;
mod login;
mod logs;
mod missing;
mod overview;
mod products;
mod queue;
pub(super) mod refused;
mod sensors;
mod settings;
mod sources;

use std::sync::Arc;

use crate::http;
use crate::http::BodyRoom;
use crate::http::PageStatus;
use crate::http::Response;
use crate::http::Route;
use crate::web::context::Context;
use crate::web::flash::Flash;
use crate::web::frame::Frame;
use crate::web::route::Site;
use crate::web::templates::Page;
use crate::web::visit::Visit;

/// Every page. Where two take the same path, the first gets it.
pub(super) fn routes(context: &Arc<Context>, room: &BodyRoom) -> Vec<Route> {
    let site = Site::new(context, room);
    [
        claim::routes(&site),
        login::routes(&site),
        overview::routes(&site),
        integrations::routes(&site),
        logs::routes(&site),
        devices::routes(&site),
        products::routes(&site),
        queue::routes(&site),
        sensors::routes(&site),
        settings::routes(&site),
        sources::routes(&site),
        // Last: it takes every path.
        missing::routes(&site),
    ]
    .concat()
}

/// A page as it was asked for.
fn show<P: Page>(context: &Context, visit: &Visit, page: &P) -> Response {
    show_as(context, visit, PageStatus::Good, page)
}

/// A page that turned out so.
fn show_as<P: Page>(context: &Context, visit: &Visit, status: PageStatus, page: &P) -> Response {
    let frame = Frame::of(context, visit);
    http::page(status, context.templates.render(&frame, page))
}

/// A part of a page, as a script asks for it again and again.
fn show_part<P: Page>(context: &Context, visit: &Visit, part: &P) -> Response {
    let frame = Frame::of_part(visit);
    http::page(PageStatus::Good, context.templates.render(&frame, part))
}

/// Goes on to another page, which says first how it went.
fn go_on(context: &Context, visit: &Visit, path: &str, flash: Flash) -> Response {
    context.flashes.put(visit.session(), flash);
    http::see_other(path)
}

/// Every page from its samples, by its template and the sample's name.
#[cfg(test)]
pub(super) fn rendered(context: &crate::web::Templates, frame: &Frame) -> Vec<(String, String)> {
    fn of<P: Page>(templates: &crate::web::Templates, frame: &Frame) -> Vec<(String, String)> {
        let name = P::TEMPLATE.trim_start_matches("pages/").trim_end_matches(".html");
        let samples = P::samples();
        assert!(!samples.is_empty(), "{name} is shown to nobody");
        samples
            .into_iter()
            .map(|(sample, page)| {
                let html = templates.try_render(frame, &page);
                (format!("{name}, {sample}"), html.unwrap_or_else(|error| panic!("{name}, {sample}: {error:#}")))
            })
            .collect()
    }
    [
        of::<claim::Claim>,
        of::<login::Login>,
        of::<login::Otp>,
        of::<integrations::list::List>,
        of::<integrations::detail::Detail>,
        of::<integrations::edit::Editor>,
        of::<logs::Logs>,
        of::<overview::Overview>,
        of::<devices::list::Devices>,
        of::<devices::one::OneDevice>,
        of::<devices::claim::DeviceClaim>,
        of::<products::list::Products>,
        of::<products::one::OneProduct>,
        of::<queue::Queue>,
        of::<sensors::list::Sensors>,
        of::<sensors::one::OneSensor>,
        of::<sensors::several::Several>,
        of::<settings::account::Account>,
        of::<settings::otp::Enrolment>,
        of::<settings::secrets::Secrets>,
        of::<settings::users::Users>,
        of::<settings::gateway::Gateway>,
        of::<settings::backup::Backup>,
        of::<settings::restore::Restored>,
        of::<sources::SourceList>,
        of::<refused::Refused>,
    ]
    .iter()
    .flat_map(|page| page(context, frame))
    .collect()
}
