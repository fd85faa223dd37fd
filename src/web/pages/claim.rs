//! GET and POST /claim
//!
//! Whoever shows the code that the gateway printed becomes its owner. There is no such page any more when it has one.

use std::sync::Arc;

use serde::Serialize;
use tokio::task::block_in_place;

use crate::http;
use crate::http::PageStatus;
use crate::http::Route;
use crate::registry::Snapshot;
use crate::web::context::Context;
use crate::web::pages::login;
use crate::web::pages::show;
use crate::web::pages::show_as;
use crate::web::refusal::status_of;
use crate::web::route::Shown;
use crate::web::route::Site;
use crate::web::templates::Page;
use crate::web::visit::Visit;

#[derive(Default, Serialize)]
pub(super) struct Claim {
    /// Why the last try failed.
    error: Option<String>,
    code: String,
    gateway: String,
    name: String,
    gateway_chars: usize,
}

impl Page for Claim {
    const TEMPLATE: &'static str = "pages/claim.html";

    #[cfg(test)]
    fn samples() -> Vec<(&'static str, Self)> {
        let again = Self {
            error: Some("the claim code is wrong; `farhook claim` on the gateway shows it".to_owned()),
            code: "\"><script>alert(1)</script>".to_owned(),
            gateway: "Greenhouse".to_owned(),
            name: "me".to_owned(),
            gateway_chars: 64,
        };
        vec![("first", Self { gateway_chars: 64, ..Self::default() }), ("again", again)]
    }
}

pub(super) fn routes(site: &Site) -> Vec<Route> {
    vec![site.open_page(&["/claim"], ask), site.open_form(&["/claim"], become_owner)]
}

async fn ask(context: Arc<Context>, visit: Visit) -> Shown {
    if context.registry.is_claimed() {
        return Ok(http::see_other("/"));
    }
    let code = visit.request.query("code").unwrap_or_default().to_owned();
    Ok(show(&context, &visit, &Claim { code, gateway_chars: Snapshot::GATEWAY_CHARS, ..Claim::default() }))
}

async fn become_owner(context: Arc<Context>, visit: Visit) -> Shown {
    let form = &visit.form;
    let (code, gateway, name) = (form.text("code"), form.text("gateway"), form.text("name"));
    let again = |status, error: String| {
        let (code, gateway, name) = (code.to_owned(), gateway.to_owned(), name.to_owned());
        let page = Claim { error: Some(error), code, gateway, name, gateway_chars: Snapshot::GATEWAY_CHARS };
        Ok(show_as(&context, &visit, status, &page))
    };
    if context.registry.is_claimed() {
        return Ok(http::see_other("/"));
    }
    if form.exact("password") != form.exact("password_again") {
        return again(PageStatus::Unusable, visit.t("The two passwords are not the same."));
    }
    let claimed =
        context.accounts.claim(code, name.to_owned(), form.exact("password"), visit.request.from, visit.now).await;
    let owner = match claimed {
        Ok(owner) => owner,
        Err(error) => return again(status_of(&error), error.to_string()),
    };
    if !gateway.is_empty() {
        // The gateway is theirs whatever it is called; the name can be changed later.
        if let Err(error) = block_in_place(|| context.registry.name_gateway(gateway)) {
            log::warn!("the gateway keeps its name: {error}");
        }
    }
    login::begin(&context, &visit, &owner, "/")
}
