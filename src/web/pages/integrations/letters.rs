//! POST /integrations/:hook/{replay,discard}
//!
//! What was given up: sending it again, one or all, and throwing it away.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::timeout;

use crate::bus::protocol::Chosen;
use crate::bus::protocol::Request;
use crate::http::Route;
use crate::model::HookId;
use crate::web::context::Context;
use crate::web::flash::Flash;
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
    let asking = Arc::clone(&context);
    let mut replaying = tokio::spawn(async move {
        let went = asking.ask(user, Request::Replay { which }).await;
        drop(mark);
        went
    });
    let flash = match timeout(WAIT, &mut replaying).await {
        Ok(Ok(went)) => match went? {
            Ok(report) => {
                let count = report["replayed"].as_u64().unwrap_or(0).to_string();
                Flash::Done { text: visit.t("{n} wait again, to be sent.").replace("{n}", &count) }
            }
            Err(text) => Flash::Failed { text },
        },
        Ok(Err(_)) => Flash::Failed { text: visit.t("That failed; the log says why.") },
        Err(_) => Flash::Done { text: visit.t("They are being sent again.") },
    };
    Ok(go_on(&context, &visit, &page_of(hook), flash))
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
