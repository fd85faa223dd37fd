//! POST /integrations/:hook/{enable,disable,resume,try,delete}, GET /integrations/:hook/export
//!
//! What can be done with a hook beside editing it.

use std::sync::Arc;

use serde_json::Value;

use crate::bus::protocol::Request;
use crate::hooks::masking;
use crate::http;
use crate::http::Route;
use crate::web::context::Context;
use crate::web::flash::Flash;
use crate::web::pages::go_on;
use crate::web::pages::integrations::hook_of;
use crate::web::pages::integrations::page_of;
use crate::web::route::Shown;
use crate::web::route::Site;
use crate::web::visit::Visit;

pub(super) fn routes(site: &Site) -> Vec<Route> {
    vec![
        site.form(&["/integrations/:hook/enable", "/integrations/:hook/disable"], switch),
        site.form(&["/integrations/:hook/resume"], resume),
        site.form(&["/integrations/:hook/try"], try_once),
        site.form(&["/integrations/:hook/delete"], delete),
        site.page(&["/integrations/:hook/export"], export),
    ]
}

async fn switch(context: Arc<Context>, visit: Visit) -> Shown {
    let (hook, on) = (hook_of(&context, &visit)?.id, visit.request.path.names("enable"));
    let went = context.ask(visit.user_id(), Request::HookSwitch { hook, on }).await?;
    let done = if on { visit.t("It is enabled.") } else { visit.t("It is disabled, and skips events.") };
    Ok(go_on(&context, &visit, &page_of(hook), Flash::of(&went, done)))
}

async fn resume(context: Arc<Context>, visit: Visit) -> Shown {
    let hook = hook_of(&context, &visit)?.id;
    let went = context.ask(visit.user_id(), Request::HookResume { hook }).await?;
    Ok(go_on(&context, &visit, &page_of(hook), Flash::of(&went, visit.t("It goes on; what waits is sent."))))
}

async fn try_once(context: Arc<Context>, visit: Visit) -> Shown {
    let hook = hook_of(&context, &visit)?.id;
    let went = context.ask(visit.user_id(), Request::HookTry { hook }).await?;
    let summary = |report: &Value| report["summary"].as_str().unwrap_or_default().to_owned();
    let flash = match &went {
        Ok(report) if report["ok"] == true => Flash::Done { text: summary(report) },
        Ok(report) => Flash::Failed { text: summary(report) },
        Err(reason) => Flash::Failed { text: reason.clone() },
    };
    Ok(go_on(&context, &visit, &page_of(hook), flash))
}

async fn delete(context: Arc<Context>, visit: Visit) -> Shown {
    let hook = hook_of(&context, &visit)?.id;
    let went = context.ask(visit.user_id(), Request::HookDelete { hook }).await?;
    Ok(go_on(&context, &visit, "/integrations", Flash::of(&went, visit.t("The integration is deleted."))))
}

/// The hook as a file of Particle's tools, without its secrets: files get around.
async fn export(context: Arc<Context>, visit: Visit) -> Shown {
    let hook = hook_of(&context, &visit)?;
    let shown = masking::shown_definition(hook.definition.original());
    let text = serde_json::to_string_pretty(&shown).expect("a definition is plain JSON");
    Ok(http::download("application/json", &format!("hook-{}.json", hook.id), text.into()))
}
