//! GET /settings/backup, POST /settings/backup/download, GET /settings/diagnostics
//!
//! Everything that was set up as one file, and how the gateway is as another one; for the owner.

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;
use tokio::task::block_in_place;

use crate::backup;
use crate::bus::protocol::Request;
use crate::http;
use crate::http::PageStatus;
use crate::http::Route;
use crate::web::context::Context;
use crate::web::flash::Flash;
use crate::web::pages::go_on;
use crate::web::pages::settings;
use crate::web::pages::show;
use crate::web::pages::show_as;
use crate::web::refusal::Refusal;
use crate::web::route::Shown;
use crate::web::route::Site;
use crate::web::templates::Page;
use crate::web::visit::Visit;

pub(super) const PATH: &str = "/settings/backup";

/// The kind of both files (RFC 6713).
const GZIP: &str = "application/gzip";

#[derive(Default, Serialize)]
pub(in crate::web::pages) struct Backup {
    /// Why there is no backup.
    error: Option<String>,
    /// Why nothing was restored.
    restore_error: Option<String>,
}

impl Page for Backup {
    const TEMPLATE: &'static str = "pages/settings/backup.html";

    #[cfg(test)]
    fn samples() -> Vec<(&'static str, Self)> {
        let error = |text: &str| Some(text.to_owned());
        let again = Self { error: error("<b>no</b>"), restore_error: error("this is no backup of farhook") };
        vec![("first", Self::default()), ("again", again)]
    }
}

impl Backup {
    /// After a restore that was refused.
    pub(super) fn not_restored(reason: String) -> Self {
        Self { restore_error: Some(reason), ..Self::default() }
    }
}

pub(super) fn routes(site: &Site) -> Vec<Route> {
    vec![
        site.page(&[PATH], ask),
        site.form(&["/settings/backup/download"], download),
        site.page(&["/settings/diagnostics"], diagnostics),
    ]
}

async fn ask(context: Arc<Context>, visit: Visit) -> Shown {
    visit.must_be_owner()?;
    Ok(show(&context, &visit, &Backup::default()))
}

/// With a passphrase the file has hashes of passwords and the values of secrets in it: that needs more than a session.
async fn download(context: Arc<Context>, visit: Visit) -> Shown {
    visit.must_be_owner()?;
    let again = |error| {
        let page = Backup { error: Some(error), ..Backup::default() };
        Ok(show_as(&context, &visit, PageStatus::Unusable, &page))
    };
    let passphrase = visit.form.exact("passphrase");
    if passphrase != visit.form.exact("passphrase_again") {
        return again(visit.t("The two passphrases are not the same."));
    }
    let passphrase = Some(passphrase).filter(|passphrase| !passphrase.is_empty());
    if passphrase.is_some() {
        if let Err(error) = settings::proven(&context, &visit, "password").await {
            return again(error);
        }
    }
    match block_in_place(|| context.backups.make(passphrase, visit.now.wall)) {
        Ok((_, file)) => Ok(http::download(GZIP, &backup::file_name(visit.now.wall), file.into())),
        Err(error) => again(error.to_string()),
    }
}

async fn diagnostics(context: Arc<Context>, visit: Visit) -> Shown {
    visit.must_be_owner()?;
    let bundle = match context.ask(visit.user_id(), Request::Diagnostics).await? {
        Ok(bundle) => bundle,
        Err(text) => return Ok(go_on(&context, &visit, PATH, Flash::Failed { text })),
    };
    let (name, file) = (bundle["name"].as_str().unwrap_or_default(), bundle["file"].as_str().unwrap_or_default());
    let file = STANDARD.decode(file).map_err(|error| Refusal::Unusable(error.to_string()))?;
    Ok(http::download(GZIP, name, file.into()))
}
