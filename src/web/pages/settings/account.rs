//! GET /settings
//!
//! The own account: password, one-time passwords, sessions and tokens, leaving.

use std::sync::Arc;

use serde::Serialize;

use crate::http::Route;
use crate::model::WallTime;
use crate::registry::Role;
use crate::registry::Token;
use crate::web::context::Context;
use crate::web::pages::login;
use crate::web::pages::show;
use crate::web::route::Shown;
use crate::web::route::Site;
use crate::web::shown::Moment;
use crate::web::templates::Page;
use crate::web::visit::Visit;

const HOUR_S: u64 = 60 * 60;
const DAY_S: u64 = 24 * HOUR_S;

#[derive(Serialize)]
pub(in crate::web::pages) struct Account {
    name: String,
    has_otp: bool,
    can_leave: bool,
    /// The newest first.
    tokens: Vec<Row>,
    /// The token that was not made.
    wish: Wish,
}

/// A token that somebody asked for and did not get.
#[derive(Default, Serialize)]
pub(super) struct Wish {
    /// What it is for.
    pub(super) client: String,
    /// For how long.
    pub(super) days: String,
    /// Why it was not made.
    pub(super) error: Option<String>,
}

/// A session, or a token of a program.
#[derive(Serialize)]
struct Row {
    id: String,
    client: String,
    /// Whether it is a browser that is logged in.
    is_session: bool,
    /// Whether it is this browser.
    is_this: bool,
    created: Moment,
    ends: Option<End>,
}

/// When something stops to hold.
#[derive(Serialize)]
struct End {
    iso: String,
    in_s: u64,
}

impl Page for Account {
    const TEMPLATE: &'static str = "pages/settings/account.html";

    #[cfg(test)]
    fn samples() -> Vec<(&'static str, Self)> {
        let row = |id: &str, client: &str, is_this, ends| Row {
            id: id.to_owned(),
            client: client.to_owned(),
            is_session: is_this,
            is_this,
            created: Moment::of(WallTime::from_millis(0), WallTime::from_millis(90_000)),
            ends,
        };
        let in_a_week = End { iso: "1970-01-08T00:00:00.000Z".to_owned(), in_s: 604_800 };
        let owner = vec![row("0123abcd", login::CLIENT, true, Some(in_a_week))];
        let wish = Wish { client: "\"<b>".to_owned(), days: "<b>".to_owned(), error: Some("<b>".to_owned()) };
        let of = |name: &str, has_otp, can_leave, tokens, wish| Self {
            name: name.to_owned(),
            has_otp,
            can_leave,
            tokens,
            wish,
        };
        let member = vec![
            row("0123abcd", login::CLIENT, true, None),
            row("89abcdef", "<b>program</b>", false, None),
            row("76543210", "", false, None),
        ];
        vec![
            ("owner", of("me", false, false, owner, Wish::default())),
            ("member", of("<b>you</b>", true, true, member, wish)),
        ]
    }
}

impl End {
    fn of(at: WallTime, now: WallTime) -> Self {
        let left_ms = at.as_millis().saturating_sub(now.as_millis());
        let seconds = u64::try_from(left_ms).unwrap_or(0) / 1_000;
        // What was made for a week ends in 7 days, not in 6 and 86,399 seconds.
        let in_s = if seconds > DAY_S { seconds.next_multiple_of(HOUR_S) } else { seconds };
        Self { iso: at.to_string(), in_s }
    }
}

pub(super) fn routes(site: &Site) -> Vec<Route> {
    vec![site.page(&["/settings"], account)]
}

async fn account(context: Arc<Context>, visit: Visit) -> Shown {
    Ok(show(&context, &visit, &page(&context, &visit, Wish::default())))
}

/// The page, with a token that was not made.
pub(super) fn page(context: &Context, visit: &Visit, wish: Wish) -> Account {
    let (snapshot, now, user) = (context.snapshot(), visit.now.wall, visit.user());
    let row = |token: &Token| Row {
        id: token.id(),
        client: token.client.clone(),
        is_session: token.client == login::CLIENT,
        is_this: token.hash == visit.session(),
        created: Moment::of(token.created_at, now),
        ends: token.expires_at.map(|at| End::of(at, now)),
    };
    Account {
        name: user.name.to_string(),
        has_otp: user.otp.is_some(),
        can_leave: user.role == Role::Member,
        tokens: snapshot.tokens_of(user.id, now).into_iter().rev().map(row).collect(),
        wish,
    }
}
