//! POST /settings/backup/restore
//!
//! Puts what is in a backup in the place of everything that is set up, and tells what is left to do; for the owner.

use std::sync::Arc;

use serde::Serialize;
use tokio::task::block_in_place;

use crate::backup;
use crate::backup::DisabledHook;
use crate::backup::LostHook;
use crate::backup::RestoreReport;
use crate::http;
use crate::http::BodyRoom;
use crate::http::PageStatus;
use crate::http::Response;
use crate::http::Route;
use crate::web::context::Context;
use crate::web::frame::Frame;
use crate::web::pages::settings;
use crate::web::pages::settings::backup::Backup;
use crate::web::pages::show_as;
use crate::web::route::Shown;
use crate::web::route::Site;
use crate::web::shown::Moment;
use crate::web::templates::Page;
use crate::web::visit::Visit;

/// Bytes of the largest form with a backup in it. The other fields have a passphrase and a password.
const UPLOAD_BYTES: usize = backup::FILE_BYTES + 64 * 1_024;

#[derive(Serialize)]
pub(in crate::web::pages) struct Restored {
    /// When the backup was made.
    made: Moment,
    counts: Counted,
    is_whole: bool,
    /// Whether whoever restored is still logged in.
    is_logged_in: bool,
    hooks: Vec<Stopped>,
    lost_hooks: Vec<Lost>,
    users: Vec<String>,
    secrets: Vec<String>,
    programs: Vec<String>,
}

#[derive(Serialize)]
struct Counted {
    users: usize,
    devices: usize,
    products: usize,
    hooks: usize,
    secrets: usize,
}

/// A hook that is switched off until its secrets are given again.
#[derive(Serialize)]
struct Stopped {
    id: String,
    event: String,
    user: String,
    missing: String,
}

/// A hook that is not there any more.
#[derive(Serialize)]
struct Lost {
    id: String,
    called: String,
    user: String,
}

impl Page for Restored {
    const TEMPLATE: &'static str = "pages/settings/restored.html";

    #[cfg(test)]
    fn samples() -> Vec<(&'static str, Self)> {
        use crate::model::WallTime;
        let of = |is_whole, hooks, lost_hooks, names: &[&str]| {
            let names = || names.iter().map(|name| (*name).to_owned()).collect();
            Self {
                made: Moment::of(WallTime::from_millis(0), WallTime::from_millis(90_000)),
                counts: Counted { users: 2, devices: 3, products: 0, hooks: 4, secrets: 1 },
                is_whole,
                is_logged_in: !is_whole,
                hooks,
                lost_hooks,
                users: names(),
                secrets: names(),
                programs: names(),
            }
        };
        let stopped = Stopped {
            id: "0123456789abcdef01234567".to_owned(),
            event: "<b>temp</b>".to_owned(),
            user: "<b>you</b>".to_owned(),
            missing: "headers, <b>KEY</b>".to_owned(),
        };
        let id = stopped.id.clone();
        let lost = [("<b>temp</b>", "<b>you</b>"), ("", "")];
        let lost = lost.map(|(called, user)| Lost { id: id.clone(), called: called.to_owned(), user: user.to_owned() });
        vec![
            ("whole", of(true, Vec::new(), Vec::new(), &[])),
            ("rest", of(false, vec![stopped], lost.into(), &["<b>you</b>", "me"])),
        ]
    }
}

impl Restored {
    fn of(report: RestoreReport, visit: &Visit, is_logged_in: bool) -> Self {
        let RestoreReport { backup, is_whole, disabled_hooks, lost_hooks, users_without_password, .. } = report;
        let stopped = |DisabledHook { id, event, user, missing }| Stopped {
            id: id.to_string(),
            event,
            user: user.unwrap_or_default(),
            missing: missing.join(", "),
        };
        let lost = |LostHook { id, called, user }| Lost {
            id,
            called: called.unwrap_or_default(),
            user: user.unwrap_or_default(),
        };
        let backup::Counts { users, devices, products, hooks, secrets } = backup.counts;
        Self {
            made: Moment::written(&backup.created_at, visit.now.wall),
            counts: Counted { users, devices, products, hooks, secrets },
            is_whole,
            is_logged_in,
            hooks: disabled_hooks.into_iter().map(stopped).collect(),
            lost_hooks: lost_hooks.into_iter().map(lost).collect(),
            users: users_without_password,
            secrets: report.missing_secrets,
            programs: report.missing_programs,
        }
    }
}

pub(super) fn routes(site: &Site) -> Vec<Route> {
    // A backup would not fit beside other bodies, and one at a time is enough.
    let site = site.with_room(BodyRoom::for_one(UPLOAD_BYTES));
    vec![site.upload(&["/settings/backup/restore"], UPLOAD_BYTES, restore)]
}

/// A backup brings passwords, and other passwords need more than a session.
async fn restore(context: Arc<Context>, visit: Visit) -> Shown {
    visit.must_be_owner()?;
    let again = |error| Ok(show_as(&context, &visit, PageStatus::Unusable, &Backup::not_restored(error)));
    let Some(file) = visit.form.file("file") else {
        return again(visit.t("Choose the file of a backup."));
    };
    if !visit.form.is_set("understood") {
        return again(visit.t("Tick the box if everything on this gateway shall be replaced."));
    }
    let user = match settings::proven(&context, &visit, "restore_password").await {
        Ok(user) => user,
        Err(error) => return again(error),
    };
    let passphrase = Some(visit.form.exact("restore_passphrase")).filter(|passphrase| !passphrase.is_empty());
    match block_in_place(|| context.backups.restore(file, passphrase, user.id, visit.now.wall)) {
        Ok(report) => {
            context.presence.keep_registered(&context.registry);
            Ok(shown(&context, &visit, report))
        }
        Err(error) => again(error.to_string()),
    }
}

/// The session may have ended: then there is nothing around the page.
fn shown(context: &Context, visit: &Visit, report: RestoreReport) -> Response {
    let is_logged_in = context.snapshot().tokens.contains_key(&visit.session());
    let frame = if is_logged_in { Frame::of(context, visit) } else { Frame::bare(context, visit.language) };
    let page = Restored::of(report, visit, is_logged_in);
    http::page(PageStatus::Good, context.templates.render(&frame, &page))
}
