//! GET and POST /login, POST /login/otp, POST /logout, POST /language
//!
//! Letting somebody in, and out. A session is an access token of the user, so it is listed and ended as every other one.

use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use tokio::task::block_in_place;

use crate::accounts::LoginError;
use crate::http;
use crate::http::Response;
use crate::http::Route;
use crate::http::session;
use crate::model::WallTime;
use crate::registry::Proof;
use crate::registry::User;
use crate::registry::Wish;
use crate::web::context::Context;
use crate::web::flash::Flash;
use crate::web::language;
use crate::web::language::Language;
use crate::web::pages::show;
use crate::web::pages::show_as;
use crate::web::refusal::Refusal;
use crate::web::refusal::status_of_login;
use crate::web::route::Shown;
use crate::web::route::Site;
use crate::web::templates::Page;
use crate::web::visit::Visit;

/// How long somebody stays logged in. Ours.
const SESSION: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// As what a session is listed among the tokens.
pub(super) const CLIENT: &str = "web page";

#[derive(Serialize)]
pub(super) struct Login {
    /// Why the last try failed.
    error: Option<String>,
    name: String,
    /// Where to go then.
    next: String,
}

#[derive(Serialize)]
pub(super) struct Otp {
    error: Option<String>,
    /// What shows that the password was right.
    token: String,
    next: String,
}

impl Page for Login {
    const TEMPLATE: &'static str = "pages/login.html";

    #[cfg(test)]
    fn samples() -> Vec<(&'static str, Self)> {
        let error = Some("User credentials are invalid".to_owned());
        let of = |error, next: &str| Self { error, name: "me".to_owned(), next: next.to_owned() };
        vec![("first", of(None, "/")), ("again", of(error, "/logs?name=\"temp\""))]
    }
}

impl Page for Otp {
    const TEMPLATE: &'static str = "pages/otp.html";

    #[cfg(test)]
    fn samples() -> Vec<(&'static str, Self)> {
        vec![("first", Self { error: None, token: "abc".to_owned(), next: "/".to_owned() })]
    }
}

pub(super) fn routes(site: &Site) -> Vec<Route> {
    vec![
        site.open_page(&["/login"], ask),
        site.open_form(&["/login"], let_in),
        site.open_form(&["/login/otp"], second_factor),
        site.form(&["/logout"], let_out),
        site.open_form(&["/language"], choose_language),
    ]
}

/// A session for somebody whose password, and what else they need, was right: the answer that goes on with it.
pub(super) fn begin(context: &Context, visit: &Visit, user: &User, next: &str) -> Shown {
    begin_with(context, visit, user, next, None)
}

/// The same, and what its first page says first.
pub(super) fn begin_with(context: &Context, visit: &Visit, user: &User, next: &str, flash: Option<Flash>) -> Shown {
    let now = visit.now.wall;
    let lasts_ms = i64::try_from(SESSION.as_millis()).expect("it is a month");
    let wish = Wish {
        expires_at: Some(WallTime::from_millis(now.as_millis() + lasts_ms)),
        client: CLIENT.to_owned(),
        is_refreshable: false,
        proof: Proof::Password(user.password.clone()),
    };
    let made = block_in_place(|| context.registry.create_token(user.id, wish, now));
    let made = made.map_err(|error| Refusal::Unusable(error.to_string()))?;
    if let Some(flash) = flash {
        context.flashes.put(made.token.hash, flash);
    }
    let cookie = session::kept(made.secret.reveal(), SESSION, visit.request.is_https);
    Ok(http::with_cookie(http::see_other(within(next)), &cookie))
}

async fn ask(context: Arc<Context>, visit: Visit) -> Shown {
    if !context.registry.is_claimed() {
        return Err(Refusal::Claim);
    }
    let next = within(visit.request.query("next").unwrap_or_default()).to_owned();
    if visit.visitor().is_some() {
        return Ok(http::see_other(&next));
    }
    let lost = visit.request.query("lost").map(|_| Refusal::LogIn { wanted: String::new(), has_form: true });
    let error = lost.map(|lost| visit.language.text(lost.text()).to_owned());
    Ok(show(&context, &visit, &Login { error, name: String::new(), next }))
}

async fn let_in(context: Arc<Context>, visit: Visit) -> Shown {
    let (name, password) = (visit.form.text("name").to_owned(), visit.form.exact("password"));
    let next = within(visit.form.exact("next")).to_owned();
    // The token of a session ends a month after the one-time password, whatever is said here.
    let login = context.accounts.login_for_token(&name, password, None, visit.request.from, visit.now).await;
    match login {
        Ok(user) => begin(&context, &visit, &user, &next),
        Err(LoginError::NeedsOtp { token }) => Ok(show(&context, &visit, &Otp { error: None, token, next })),
        Err(error) => {
            let text = match &error {
                LoginError::Wrong => visit.t("The user name or the password is wrong."),
                LoginError::TooMany { .. } | LoginError::NeedsOtp { .. } => error.to_string(),
            };
            let page = Login { error: Some(text), name, next };
            Ok(show_as(&context, &visit, status_of_login(&error), &page))
        }
    }
}

async fn second_factor(context: Arc<Context>, visit: Visit) -> Shown {
    let (token, otp) = (visit.form.text("token").to_owned(), visit.form.text("otp"));
    let next = within(visit.form.exact("next")).to_owned();
    match context.accounts.second_factor(&token, otp, visit.request.from, visit.now) {
        Ok(passed) => begin(&context, &visit, &passed.user, &next),
        Err(error) => {
            let text = match &error {
                LoginError::TooMany { .. } => error.to_string(),
                LoginError::Wrong | LoginError::NeedsOtp { .. } => visit
                    .t("That one-time password is wrong, or too old. After five minutes the password is needed again."),
            };
            let page = Otp { error: Some(text), token, next };
            Ok(show_as(&context, &visit, status_of_login(&error), &page))
        }
    }
}

async fn let_out(context: Arc<Context>, visit: Visit) -> Shown {
    // It is gone already if somebody was faster.
    let _ = block_in_place(|| context.registry.revoke_hash(visit.session()));
    Ok(out(&visit))
}

/// Forgets a session that has ended.
pub(super) fn out(visit: &Visit) -> Response {
    http::with_cookie(http::see_other("/login"), &session::ended(visit.request.is_https))
}

async fn choose_language(_context: Arc<Context>, visit: Visit) -> Shown {
    let back = http::see_other(within(visit.form.exact("next")));
    let Some(chosen) = Language::of_code(visit.form.text("language")) else { return Ok(back) };
    Ok(http::with_cookie(back, &language::kept(chosen)))
}

/// A path of these pages; the first page for everything else: nobody is sent to another site from here.
fn within(next: &str) -> &str {
    let is_path = next.starts_with('/') && !next.starts_with("//") && !next.contains(['\\', '\r', '\n', '\t']);
    if is_path { next } else { "/" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_is_sent_to_another_site() {
        assert_eq!(within("/logs?name=temp"), "/logs?name=temp");
        for other in ["//evil.example", "https://evil.example", "/\\evil.example", "", "logs", "/\t/evil.example"] {
            assert_eq!(within(other), "/", "{other}");
        }
    }
}
