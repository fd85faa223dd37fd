//! POST /settings/tokens, /settings/tokens/revoke and /settings/logout
//!
//! Tokens for programs, and ending sessions and tokens.

use std::sync::Arc;

use tokio::task::block_in_place;

use crate::bus::protocol::Request;
use crate::http::PageStatus;
use crate::http::Route;
use crate::model::WallTime;
use crate::registry::Wish;
use crate::web::context::Context;
use crate::web::flash::Flash;
use crate::web::pages::go_on;
use crate::web::pages::login;
use crate::web::pages::settings;
use crate::web::pages::settings::account;
use crate::web::pages::show_as;
use crate::web::route::Shown;
use crate::web::route::Site;
use crate::web::visit::Visit;

/// Days that a token with an end holds at most. Ours: whoever wants longer wants no end.
const MOST_DAYS: u32 = 3_650;

const DAY_MS: i64 = 24 * 60 * 60 * 1_000;

pub(super) fn routes(site: &Site) -> Vec<Route> {
    vec![
        site.form(&["/settings/tokens"], make),
        site.form(&["/settings/tokens/revoke"], revoke),
        site.form(&["/settings/logout"], log_out_everywhere),
    ]
}

async fn make(context: Arc<Context>, visit: Visit) -> Shown {
    let not_made = |error| {
        let typed = |name| visit.form.text(name).to_owned();
        let wish = account::Wish { client: typed("client"), days: typed("days"), error: Some(error) };
        Ok(show_as(&context, &visit, PageStatus::Unusable, &account::page(&context, &visit, wish)))
    };
    let Some(client) = visit.form.filled("client").filter(|client| client != login::CLIENT) else {
        return not_made(visit.t("Say what the token is for."));
    };
    let Ok(days) = days(visit.form.text("days")) else {
        return not_made(visit.t("A token holds from 1 to 3650 days, or for ever."));
    };
    let now = visit.now.wall;
    let expires_at = days.map(|days| WallTime::from_millis(now.as_millis() + i64::from(days) * DAY_MS));
    let wish = Wish { expires_at, client, ..Wish::default() };
    let flash = match block_in_place(|| context.registry.create_token(visit.user_id(), wish, now)) {
        Ok(made) => Flash::Once { text: visit.t("This is the new token:"), secret: made.secret.reveal().to_owned() },
        Err(error) => Flash::Failed { text: error.to_string() },
    };
    Ok(go_on(&context, &visit, settings::ACCOUNT, flash))
}

async fn revoke(context: Arc<Context>, visit: Visit) -> Shown {
    let request = Request::TokenRevoke { token: visit.form.text("token").to_owned() };
    let went = context.ask(visit.user_id(), request).await?;
    Ok(go_on(&context, &visit, settings::ACCOUNT, Flash::of(&went, visit.t("It is logged out."))))
}

async fn log_out_everywhere(context: Arc<Context>, visit: Visit) -> Shown {
    if let Err(error) = block_in_place(|| context.registry.revoke_all(visit.user_id())) {
        return Ok(settings::failed(&context, &visit, error.to_string()));
    }
    Ok(login::out(&visit))
}

/// For how long somebody wants a token; none for ever.
fn days(typed: &str) -> Result<Option<u32>, ()> {
    match typed.parse() {
        _ if typed.is_empty() => Ok(None),
        Ok(days) if (1..=MOST_DAYS).contains(&days) => Ok(Some(days)),
        _ => Err(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_holds_for_whole_days_or_for_ever() {
        assert_eq!((days(""), days("1"), days("3650")), (Ok(None), Ok(Some(1)), Ok(Some(3_650))));
        for wrong in ["0", "-1", "3651", "1.5", "x", "99999999999"] {
            assert_eq!(days(wrong), Err(()), "{wrong}");
        }
    }
}
