//! The page that says why another one is not shown, or a form did nothing.

use serde::Serialize;

use crate::http;
use crate::http::Response;
use crate::web::context::Context;
use crate::web::frame::Frame;
use crate::web::language::Language;
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

/// Tells it, or shows what has to be done first.
pub(in crate::web) fn show(context: &Context, language: Language, is_part: bool, refusal: &Refusal) -> Response {
    match refusal {
        // The page as a whole has to go, not the part of it that was asked for.
        Refusal::Claim | Refusal::LogIn { .. } if is_part => http::leave_for("/login"),
        Refusal::Claim => http::see_other("/claim"),
        Refusal::LogIn { wanted } if wanted == "/" => http::see_other("/login"),
        Refusal::LogIn { wanted } => {
            let wanted = percent_encoding::utf8_percent_encode(wanted, percent_encoding::NON_ALPHANUMERIC);
            http::see_other(&format!("/login?next={wanted}"))
        }
        other => {
            let page = Refused { reason: language.text(other.text()).to_owned() };
            http::page(other.status(), context.templates.render(&Frame::bare(context, language), &page))
        }
    }
}
