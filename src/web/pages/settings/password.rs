//! POST /settings/password, POST /settings/leave
//!
//! Another password; and the end of the account. Both need the password that holds.

use std::sync::Arc;

use crate::http::Route;
use crate::web::context::Context;
use crate::web::flash::Flash;
use crate::web::pages::login;
use crate::web::pages::settings;
use crate::web::refusal::Refusal;
use crate::web::route::Shown;
use crate::web::route::Site;
use crate::web::visit::Visit;

pub(super) fn routes(site: &Site) -> Vec<Route> {
    vec![site.form(&["/settings/password"], change), site.form(&["/settings/leave"], leave)]
}

/// All tokens end with the old password; this browser gets a new one.
async fn change(context: Arc<Context>, visit: Visit) -> Shown {
    let password = visit.form.exact("password");
    if password != visit.form.exact("password_again") {
        return Ok(settings::failed(&context, &visit, visit.t("The two passwords are not the same.")));
    }
    let user = match settings::proven(&context, &visit, "current").await {
        Ok(user) => user,
        Err(text) => return Ok(settings::failed(&context, &visit, text)),
    };
    if let Err(error) = context.accounts.set_password(user.id, Some(&user.password), password).await {
        return Ok(settings::failed(&context, &visit, settings::told(&visit, &error)));
    }
    let text = visit.t("Your password is changed. All other sessions, tokens and programs are logged out.");
    let changed = context.snapshot().users.get(&user.id).cloned();
    // Between the two somebody may have removed them.
    let user = changed.ok_or_else(|| Refusal::LogIn { wanted: settings::ACCOUNT.to_owned(), has_form: false })?;
    login::begin_with(&context, &visit, &user, settings::ACCOUNT, Some(Flash::Done { text }))
}

/// The user is removed, with everything of theirs.
async fn leave(context: Arc<Context>, visit: Visit) -> Shown {
    let user = match settings::proven(&context, &visit, "own_password").await {
        Ok(user) => user,
        Err(text) => return Ok(settings::failed(&context, &visit, text)),
    };
    if let Err(error) = context.accounts.remove(user.id, Some(&user.password)) {
        return Ok(settings::failed(&context, &visit, error.to_string()));
    }
    context.presence.keep_registered(&context.registry);
    Ok(login::out(&visit))
}
