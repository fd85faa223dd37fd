//! GET and POST /settings/users, POST /settings/users/remove
//!
//! Who has an account; for the owner.

use std::sync::Arc;

use serde::Serialize;

use crate::bus::protocol::Request;
use crate::http::PageStatus;
use crate::http::Route;
use crate::model::Hidden;
use crate::registry::Role;
use crate::registry::User;
use crate::registry::UserName;
use crate::web::context::Context;
use crate::web::flash::Flash;
use crate::web::pages::go_on;
use crate::web::pages::show;
use crate::web::pages::show_as;
use crate::web::route::Shown;
use crate::web::route::Site;
use crate::web::shown::Moment;
use crate::web::templates::Page;
use crate::web::visit::Visit;

const PATH: &str = "/settings/users";

#[derive(Serialize)]
pub(in crate::web::pages) struct Users {
    rows: Vec<Row>,
    /// Why the last one was not added.
    error: Option<String>,
    /// The name that was typed then.
    name: String,
    name_chars: usize,
}

#[derive(Serialize)]
struct Row {
    name: String,
    is_owner: bool,
    has_otp: bool,
    added: Moment,
    devices: usize,
    hooks: usize,
}

impl Page for Users {
    const TEMPLATE: &'static str = "pages/settings/users.html";

    #[cfg(test)]
    fn samples() -> Vec<(&'static str, Self)> {
        use crate::model::WallTime;
        let row = |name: &str, is_owner, devices| Row {
            name: name.to_owned(),
            is_owner,
            has_otp: is_owner,
            added: Moment::of(WallTime::from_millis(0), WallTime::from_millis(90_000)),
            devices,
            hooks: devices,
        };
        let of = |rows, error: Option<&str>, name: &str| Self {
            rows,
            error: error.map(ToOwned::to_owned),
            name: name.to_owned(),
            name_chars: UserName::MAX_CHARS,
        };
        let two = vec![row("me", true, 2), row("<b>you</b>", false, 1)];
        vec![("alone", of(vec![row("me", true, 0)], None, "")), ("again", of(two, Some("taken"), "\"<b>x</b>"))]
    }
}

pub(super) fn routes(site: &Site) -> Vec<Route> {
    vec![site.page(&[PATH], list), site.form(&[PATH], add), site.form(&["/settings/users/remove"], remove)]
}

async fn list(context: Arc<Context>, visit: Visit) -> Shown {
    visit.must_be_owner()?;
    Ok(show(&context, &visit, &page(&context, &visit, None)))
}

async fn add(context: Arc<Context>, visit: Visit) -> Shown {
    visit.must_be_owner()?;
    let again = |error| Ok(show_as(&context, &visit, PageStatus::Unusable, &page(&context, &visit, Some(error))));
    let (name, password) = (visit.form.text("name").to_owned(), visit.form.exact("password").to_owned());
    if password != visit.form.exact("password_again") {
        return again(visit.t("The two passwords are not the same."));
    }
    let request = Request::UserAdd { name: name.clone(), password: Hidden::new(password) };
    if let Err(error) = context.ask(visit.user_id(), request).await? {
        return again(error);
    }
    let text = visit.t("{name} is added, and can log in now.").replace("{name}", &name);
    Ok(go_on(&context, &visit, PATH, Flash::Done { text }))
}

async fn remove(context: Arc<Context>, visit: Visit) -> Shown {
    visit.must_be_owner()?;
    let name = visit.form.text("name").to_owned();
    let went = context.ask(visit.user_id(), Request::UserRemove { name: name.clone() }).await?;
    let text = visit.t("{name} is removed.").replace("{name}", &name);
    Ok(go_on(&context, &visit, PATH, Flash::of(&went, text)))
}

fn page(context: &Context, visit: &Visit, error: Option<String>) -> Users {
    let (snapshot, now) = (context.snapshot(), visit.now.wall);
    let row = |user: &Arc<User>| Row {
        name: user.name.to_string(),
        is_owner: user.role == Role::Owner,
        has_otp: user.otp.is_some(),
        added: Moment::of(user.created_at, now),
        devices: snapshot.devices_of(user.id).count(),
        hooks: snapshot.hooks_of(user.id).count(),
    };
    let mut rows: Vec<Row> = snapshot.users.values().map(row).collect();
    rows.sort_by(|one, other| (!one.is_owner, &one.name).cmp(&(!other.is_owner, &other.name)));
    Users { rows, error, name: visit.form.text("name").to_owned(), name_chars: UserName::MAX_CHARS }
}
