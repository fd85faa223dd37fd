//! POST /integrations/:hook/{replay,discard,cancel}
//!
//! What was given up: sending it again, one or all, and throwing it away; and giving up what waits.

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use tokio::time::timeout;

use crate::bus::protocol::Chosen;
use crate::bus::protocol::Request;
use crate::http::Route;
use crate::model::HookId;
use crate::web::context::Context;
use crate::web::flash::Flash;
use crate::web::language::Language;
use crate::web::pages::go_on;
use crate::web::pages::integrations::hook_of;
use crate::web::pages::integrations::page_of;
use crate::web::route::Shown;
use crate::web::route::Site;
use crate::web::visit::Visit;

/// How long a browser waits for all of them before it is shown how far it got.
const WAIT: Duration = Duration::from_secs(1);

pub(super) fn routes(site: &Site) -> Vec<Route> {
    vec![
        site.form(&["/integrations/:hook/replay"], replay),
        site.form(&["/integrations/:hook/discard"], discard),
        site.form(&["/integrations/:hook/cancel"], cancel),
    ]
}

/// The one that the form names, or all of the hook's.
fn chosen(visit: &Visit, hook: HookId) -> Chosen {
    Chosen { id: visit.form.filled("id"), hook: Some(hook), ..Chosen::default() }
}

/// Goes on by itself if it takes long; the page of the hook tells how far it is.
async fn replay(context: Arc<Context>, visit: Visit) -> Shown {
    let (hook, user) = (hook_of(&context, &visit)?.id, visit.user_id());
    let which = chosen(&visit, hook);
    let Some(mark) = context.replaying.begin(hook) else {
        let text = visit.t("They are being sent again.");
        return Ok(go_on(&context, &visit, &page_of(hook), Flash::Done { text }));
    };
    let (asking, language) = (Arc::clone(&context), visit.language);
    let replaying = tokio::spawn(async move {
        let told = match asking.ask(user, Request::Replay { which }).await {
            Ok(Ok(report)) => told(&report, language),
            Ok(Err(text)) => Flash::Failed { text },
            Err(refusal) => Flash::Failed { text: refusal.text().to_owned() },
        };
        mark.end(told);
    });
    let flash = match timeout(WAIT, replaying).await {
        Ok(_) => context.replaying.outcome(hook),
        Err(_) => Some(Flash::Done { text: visit.t("They are being sent again.") }),
    };
    let flash = flash.unwrap_or_else(|| Flash::Failed { text: visit.t("That failed; the log says why.") });
    Ok(go_on(&context, &visit, &page_of(hook), flash))
}

/// How many wait again, and why the others do not.
fn told(report: &Value, language: Language) -> Flash {
    let t = |text: &'static str| language.text(text).to_owned();
    let count = report["replayed"].as_u64().unwrap_or(0).to_string();
    let text = t("{n} wait again, to be sent.").replace("{n}", &count);
    match report["refused"].as_str() {
        None => Flash::Done { text },
        Some(reason) => {
            let rest = t("The others are still given up: {reason}").replace("{reason}", reason);
            Flash::Failed { text: format!("{text} {rest}") }
        }
    }
}

async fn discard(context: Arc<Context>, visit: Visit) -> Shown {
    let hook = hook_of(&context, &visit)?.id;
    let went = context.ask(visit.user_id(), Request::Discard { which: chosen(&visit, hook) }).await?;
    Ok(go_on(&context, &visit, &page_of(hook), Flash::of(&went, visit.t("Thrown away."))))
}

/// What waits for the hook is not sent.
async fn cancel(context: Arc<Context>, visit: Visit) -> Shown {
    let hook = hook_of(&context, &visit)?.id;
    let went = context.ask(visit.user_id(), Request::Cancel { which: chosen(&visit, hook) }).await?;
    Ok(go_on(&context, &visit, &page_of(hook), Flash::of(&went, visit.t("What waited is cancelled."))))
}
