//! POST /settings/otp, /settings/otp/confirm and /settings/otp/end
//!
//! One-time passwords: the secret for an app, the first password of it, and the end.

use std::sync::Arc;

use serde::Serialize;

use crate::accounts;
use crate::accounts::AccountError;
use crate::accounts::LoginError;
use crate::http::Route;
use crate::registry::OtpSecret;
use crate::web::context::Context;
use crate::web::flash::Flash;
use crate::web::pages::go_on;
use crate::web::pages::settings;
use crate::web::pages::show;
use crate::web::pages::show_as;
use crate::web::qr::Qr;
use crate::web::refusal::status_of;
use crate::web::route::Shown;
use crate::web::route::Site;
use crate::web::templates::Page;
use crate::web::visit::Visit;

#[derive(Serialize)]
pub(in crate::web::pages) struct Enrolment {
    /// Why the last try failed.
    error: Option<String>,
    /// What belongs to the secret, and shows nothing of it.
    token: String,
    /// As people type it into an app.
    secret: String,
    /// As an app reads it.
    address: String,
    /// The same for a camera.
    qr: Option<Qr>,
}

impl Page for Enrolment {
    const TEMPLATE: &'static str = "pages/settings/otp.html";

    #[cfg(test)]
    fn samples() -> Vec<(&'static str, Self)> {
        let of = |error: Option<&str>, qr| Self {
            error: error.map(ToOwned::to_owned),
            token: "abc\"<b>".to_owned(),
            secret: "GEZDGNBVGY3TQOJQ".to_owned(),
            address: "otpauth://totp/farhook:me?secret=GEZDGNBVGY3TQOJQ&issuer=farhook".to_owned(),
            qr,
        };
        let again = of(Some("That one-time password is wrong, or too old."), None);
        vec![("first", of(None, Qr::of("GEZDGNBVGY3TQOJQ"))), ("again", again)]
    }
}

impl Enrolment {
    fn of(visit: &Visit, secret: &OtpSecret, token: String, error: Option<String>) -> Self {
        let address = accounts::otp_address(secret, &visit.user().name);
        Self { error, token, secret: accounts::otp_secret_text(secret), qr: Qr::of(&address), address }
    }
}

pub(super) fn routes(site: &Site) -> Vec<Route> {
    vec![
        site.form(&["/settings/otp"], begin),
        site.form(&["/settings/otp/confirm"], confirm),
        site.form(&["/settings/otp/end"], end),
    ]
}

async fn begin(context: Arc<Context>, visit: Visit) -> Shown {
    match context.accounts.begin_otp(visit.user(), visit.now) {
        Ok((secret, token)) => Ok(show(&context, &visit, &Enrolment::of(&visit, &secret, token, None))),
        Err(error) => Ok(settings::failed(&context, &visit, error.to_string())),
    }
}

async fn confirm(context: Arc<Context>, visit: Visit) -> Shown {
    let (user, token) = (visit.user_id(), visit.form.exact("token").to_owned());
    let Some(secret) = context.accounts.begun_otp(user, &token, visit.now) else {
        return Ok(settings::failed(&context, &visit, visit.t("That took too long. Begin again, with a new secret.")));
    };
    let otp = visit.form.text("otp");
    let Err(error) = context.accounts.confirm_otp(user, &token, otp, visit.request.from, visit.now) else {
        let text = visit.t("From now on you are asked for a one-time password when you log in.");
        return Ok(go_on(&context, &visit, settings::ACCOUNT, Flash::Done { text }));
    };
    let text = match &error {
        AccountError::Login(LoginError::Wrong) => visit.t("That one-time password is wrong, or too old."),
        other => other.to_string(),
    };
    Ok(show_as(&context, &visit, status_of(&error), &Enrolment::of(&visit, &secret, token, Some(text))))
}

async fn end(context: Arc<Context>, visit: Visit) -> Shown {
    let password = visit.form.exact("otp_password");
    if let Err(error) = context.accounts.end_otp(visit.user(), password, visit.request.from, visit.now).await {
        return Ok(settings::failed(&context, &visit, settings::told(&visit, &error)));
    }
    let text = visit.t("You are not asked for one-time passwords any more.");
    Ok(go_on(&context, &visit, settings::ACCOUNT, Flash::Done { text }))
}
