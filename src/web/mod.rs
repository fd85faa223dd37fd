//! The pages on the LAN: what a person sees of the gateway. Sibling of `api`, over the same `http`.
//!
//! ```text
//! request ─> guard: right host? own form? ─> who? ─ nobody ─> log in, or claim the gateway
//!                                              └ a user ──> a page's handler ─> template + context ─> HTML
//! ```
//! One file in `pages/` for each page: its context, its routes, its samples. What pages show they read from the
//! snapshots that everybody may read; what they change they ask for in the words of the command line
//! ([`protocol`](crate::bus::protocol)), so that what a request does and who may ask it stands once. Every page works
//! without script: forms post, and are answered by being sent to a page that tells how it went (`flash`).

mod assets;
mod context;
mod editor;
mod flash;
mod form;
mod frame;
mod guard;
mod heard;
mod language;
mod moment;
mod pages;
mod paging;
mod qr;
mod refusal;
mod replaying;
mod route;
mod shown;
mod sketches;
mod templates;
#[cfg(test)]
mod tests;
mod visit;

use std::sync::Arc;

use crate::http;
use crate::http::BodyRoom;
use crate::http::Route;
use crate::web::frame::Frame;
use crate::web::language::Language;
use crate::web::refusal::Refusal;

pub use context::Context;
pub use flash::Flashes;
pub use replaying::Replaying;
pub use templates::Templates;

/// Where programs ask, who are answered by the API, also what it does not know.
const OF_PROGRAMS: [&str; 4] = ["v1", "oauth", "healthz", "readyz"];

/// Every page, as one route. It answers also what no page takes.
pub fn routes(context: Context) -> Route {
    let (context, room) = (Arc::new(context), BodyRoom::default());
    let pages = http::one_of([assets::routes(&room), pages::routes(&context, &room)].concat());
    let pages = http::telling(pages, move |head, untaken| {
        let is_part = head.header("hx-request").is_some();
        let frame = Frame::around(&context, Language::of(head), None);
        pages::refused::show(&context, &frame, is_part, &Refusal::Untaken(untaken))
    });
    http::outside(&OF_PROGRAMS, pages)
}
