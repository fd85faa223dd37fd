//! The page that says why another one is not shown, or a form did nothing.

use serde::Serialize;

use crate::http;
use crate::http::PageStatus;
use crate::http::Response;
use crate::web::context::Context;
use crate::web::frame::Frame;
use crate::web::refusal::Refusal;
use crate::web::templates::Page;

#[derive(Serialize)]
pub(super) struct Refused {
    reason: String,
}

impl Page for Refused {
    const TEMPLATE: &'static str = "pages/refused.html";

    #[cfg(test)]
    fn samples() -> Vec<(&'static str, Self)> {
        vec![("refused", Self { reason: Refusal::NotFound.text().to_owned() })]
    }
}

/// What a part of a page says when whoever is at it was logged out: the page stays, with what was typed.
#[derive(Serialize)]
struct LoggedOut {}

impl Page for LoggedOut {
    const TEMPLATE: &'static str = "parts/logged_out.html";
}

/// Tells it, or shows what has to be done first.
pub(in crate::web) fn show(context: &Context, frame: &Frame, is_part: bool, refusal: &Refusal) -> Response {
    match refusal {
        Refusal::LogIn { has_form: true, .. } if is_part => {
            http::page(PageStatus::Good, context.templates.render(frame, &LoggedOut {}))
        }
        // The page as a whole has to go, not the part of it that was asked for.
        Refusal::Claim | Refusal::LogIn { .. } if is_part => http::leave_for("/login"),
        Refusal::Claim => http::see_other("/claim"),
        Refusal::LogIn { wanted, has_form: false } if wanted == "/" => http::see_other("/login"),
        Refusal::LogIn { wanted, has_form } => {
            let wanted = percent_encoding::utf8_percent_encode(wanted, percent_encoding::NON_ALPHANUMERIC);
            let lost = if *has_form { "&lost=yes" } else { "" };
            http::see_other(&format!("/login?next={wanted}{lost}"))
        }
        other => {
            let page = Refused { reason: frame.language.text(other.text()).to_owned() };
            http::page(other.status(), context.templates.render(frame, &page))
        }
    }
}
