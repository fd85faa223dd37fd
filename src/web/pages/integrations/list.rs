//! GET /integrations

use std::sync::Arc;

use serde::Serialize;

use crate::http::Route;
use crate::web::context::Context;
use crate::web::pages::integrations::Head;
use crate::web::pages::show;
use crate::web::route::Shown;
use crate::web::route::Site;
use crate::web::templates::Page;
use crate::web::visit::Visit;

#[derive(Serialize)]
pub(in crate::web::pages) struct List {
    hooks: Vec<Head>,
    /// Whether there is a device that could trigger one.
    has_device: bool,
}

impl Page for List {
    const TEMPLATE: &'static str = "pages/integrations.html";

    #[cfg(test)]
    fn samples() -> Vec<(&'static str, Self)> {
        use crate::bus::HookState;
        let hooks = [HookState::Enabled, HookState::Disabled, HookState::TooManyErrors].map(Head::sample);
        vec![
            ("none", Self { hooks: Vec::new(), has_device: false }),
            ("some", Self { hooks: hooks.into(), has_device: true }),
        ]
    }
}

pub(super) fn routes(site: &Site) -> Vec<Route> {
    vec![site.page(&["/integrations"], list)]
}

async fn list(context: Arc<Context>, visit: Visit) -> Shown {
    let (snapshot, user) = (context.snapshot(), visit.user_id());
    let mut hooks: Vec<_> = snapshot.hooks_of(user).collect();
    hooks.sort_by_key(|hook| (hook.created_at, hook.id));
    let head = |hook: &Arc<_>| Head::of(hook, &context, &snapshot, visit.now.wall);
    let page = List { hooks: hooks.into_iter().map(head).collect(), has_device: snapshot.has_device(user) };
    Ok(show(&context, &visit, &page))
}
