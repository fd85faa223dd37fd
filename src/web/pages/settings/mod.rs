//! The settings: the own account and secrets; for the owner the users, the gateway and its backups.

pub(super) mod account;
pub(super) mod backup;
pub(super) mod gateway;
pub(super) mod otp;
mod password;
pub(super) mod restore;
pub(super) mod secrets;
mod tokens;
pub(super) mod users;

use std::sync::Arc;

use crate::accounts::AccountError;
use crate::accounts::LoginError;
use crate::http::Response;
use crate::http::Route;
use crate::registry::User;
use crate::web::context::Context;
use crate::web::flash::Flash;
use crate::web::pages::go_on;
use crate::web::route::Site;
use crate::web::visit::Visit;

/// Where the account is shown.
const ACCOUNT: &str = "/settings";

pub(super) fn routes(site: &Site) -> Vec<Route> {
    [
        account::routes(site),
        password::routes(site),
        otp::routes(site),
        tokens::routes(site),
        secrets::routes(site),
        users::routes(site),
        gateway::routes(site),
        backup::routes(site),
        restore::routes(site),
    ]
    .concat()
}

/// Whoever is here, if the password in that field is theirs.
///
/// # Errors
/// When it is not, or nobody may try any more; says which.
async fn proven(context: &Context, visit: &Visit, field: &str) -> Result<Arc<User>, String> {
    let (name, password) = (visit.user().name.as_str(), visit.form.exact(field));
    let checked = context.accounts.check_password(name, password, visit.request.from, visit.now).await;
    checked.map_err(|error| told(visit, &error.into()))
}

/// Why an account stays as it is, to somebody who is logged in.
fn told(visit: &Visit, error: &AccountError) -> String {
    match error {
        AccountError::Login(LoginError::Wrong) => visit.t("That is not your password."),
        other => other.to_string(),
    }
}

/// Back to the account, with what went wrong.
fn failed(context: &Context, visit: &Visit, text: String) -> Response {
    go_on(context, visit, ACCOUNT, Flash::Failed { text })
}
