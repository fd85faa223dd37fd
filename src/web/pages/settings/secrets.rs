//! GET and POST /settings/secrets, POST /settings/secrets/remove
//!
//! Named secrets: what they are called and when they were set. What they are is on no page.

use std::sync::Arc;

use serde::Serialize;

use crate::bus::protocol::Request;
use crate::http::PageStatus;
use crate::http::Route;
use crate::model::Hidden;
use crate::model::Secret;
use crate::model::SecretName;
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

const PATH: &str = "/settings/secrets";

#[derive(Serialize)]
pub(in crate::web::pages) struct Secrets {
    rows: Vec<Row>,
    /// Why the last one was not set.
    error: Option<String>,
    /// The name that was typed then.
    name: String,
    value_bytes: usize,
}

#[derive(Serialize)]
struct Row {
    name: String,
    created: Moment,
    updated: Moment,
    /// Integrations that name it.
    hooks: usize,
}

impl Page for Secrets {
    const TEMPLATE: &'static str = "pages/settings/secrets.html";

    #[cfg(test)]
    fn samples() -> Vec<(&'static str, Self)> {
        use crate::model::WallTime;
        let moment = || Moment::of(WallTime::from_millis(0), WallTime::from_millis(90_000));
        let row = |name: &str, hooks| Row { name: name.to_owned(), created: moment(), updated: moment(), hooks };
        let of = |rows, error: Option<&str>, name: &str| Self {
            rows,
            error: error.map(ToOwned::to_owned),
            name: name.to_owned(),
            value_bytes: Secret::VALUE_BYTES,
        };
        let rows = vec![row("API_KEY", 2), row("OTHER", 0)];
        vec![("empty", of(Vec::new(), None, "")), ("again", of(rows, Some("a name has …"), "\"<b>x</b>"))]
    }
}

pub(super) fn routes(site: &Site) -> Vec<Route> {
    vec![site.page(&[PATH], list), site.form(&[PATH], set), site.form(&["/settings/secrets/remove"], remove)]
}

async fn list(context: Arc<Context>, visit: Visit) -> Shown {
    Ok(show(&context, &visit, &page(&context, &visit, None)))
}

async fn set(context: Arc<Context>, visit: Visit) -> Shown {
    let name = visit.form.text("name").to_owned();
    let value = Hidden::new(visit.form.exact("value").to_owned());
    if let Err(error) = context.ask(visit.user_id(), Request::SecretSet { name: name.clone(), value }).await? {
        return Ok(show_as(&context, &visit, PageStatus::Unusable, &page(&context, &visit, Some(error))));
    }
    let text = visit.t("{name} is set. It holds from the next request on.").replace("{name}", &name);
    Ok(go_on(&context, &visit, PATH, Flash::Done { text }))
}

async fn remove(context: Arc<Context>, visit: Visit) -> Shown {
    let name = visit.form.text("name").to_owned();
    let went = context.ask(visit.user_id(), Request::SecretRemove { name: name.clone() }).await?;
    let text = visit.t("{name} is removed.").replace("{name}", &name);
    Ok(go_on(&context, &visit, PATH, Flash::of(&went, text)))
}

fn page(context: &Context, visit: &Visit, error: Option<String>) -> Secrets {
    let (snapshot, user, now) = (context.snapshot(), visit.user_id(), visit.now.wall);
    let row = |(name, secret): (&SecretName, &Secret)| Row {
        name: name.as_str().to_owned(),
        created: Moment::of(secret.created_at, now),
        updated: Moment::of(secret.updated_at, now),
        hooks: snapshot.hooks_of(user).filter(|hook| hook.definition.names_secret(name)).count(),
    };
    Secrets {
        rows: snapshot.secrets_of(user).iter().map(row).collect(),
        error,
        name: visit.form.text("name").to_owned(),
        value_bytes: Secret::VALUE_BYTES,
    }
}
