//! GET and POST /sources, POST /sources/adopt
//!
//! The user's sources, the devices behind each, and forms that make a source, and a device of what it speaks of.

use std::sync::Arc;

use serde::Serialize;

use crate::bus::SourceDevice;
use crate::bus::SourceOverview;
use crate::bus::protocol::Request;
use crate::http::PageStatus;
use crate::http::Route;
use crate::model::DeviceName;
use crate::model::WallTime;
use crate::sources::PRESETS;
use crate::sources::RuleSet;
use crate::web::context::Context;
use crate::web::flash::Flash;
use crate::web::pages::go_on;
use crate::web::pages::show;
use crate::web::pages::show_as;
use crate::web::route::Shown;
use crate::web::route::Site;
use crate::web::shown;
use crate::web::shown::Choice;
use crate::web::shown::Moment;
use crate::web::templates::Page;
use crate::web::visit::Visit;

const PATH: &str = "/sources";

#[derive(Serialize)]
pub(in crate::web) struct SourceList {
    sources: Vec<Source>,
    /// Why the last one was not made.
    error: Option<String>,
    name: String,
    name_chars: usize,
    rules: Vec<Choice>,
}

#[derive(Serialize)]
struct Source {
    id: String,
    name: String,
    rules: String,
    has_rules: bool,
    devices: Vec<Device>,
    unread: u64,
    unread_topic: Option<String>,
}

/// A device behind a source.
#[derive(Serialize)]
struct Device {
    known_as: String,
    /// The device that it was adopted as.
    id: Option<String>,
    name: Option<String>,
    last: Option<Moment>,
    event: Option<String>,
    data: Option<String>,
}

impl Page for SourceList {
    const TEMPLATE: &'static str = "pages/sources.html";

    #[cfg(test)]
    fn samples() -> Vec<(&'static str, Self)> {
        let of = |sources, error: Option<&str>| Self {
            sources,
            error: error.map(ToOwned::to_owned),
            name: "\"><b>house</b>".to_owned(),
            name_chars: DeviceName::MAX_CHARS,
            rules: rules(&[], "tasmota"),
        };
        let device = |known_as: &str, is_adopted: bool, is_heard: bool| Device {
            known_as: known_as.to_owned(),
            id: is_adopted.then(|| "0123456789abcdef01234567".to_owned()),
            name: is_adopted.then(|| "<b>kitchen</b>".to_owned()),
            last: is_heard.then(|| Moment::of(WallTime::from_millis(0), WallTime::from_millis(90_000))),
            event: is_heard.then(|| "sensor/<b>".to_owned()),
            data: is_heard.then(|| "{\"<b>\":1}".to_owned()),
        };
        let source = |devices, has_rules, unread| Source {
            id: "0123456789abcdef01234568".to_owned(),
            name: "<b>house</b>".to_owned(),
            rules: "tasmota".to_owned(),
            has_rules,
            devices,
            unread,
            unread_topic: (unread > 0).then(|| "tele/<b>".to_owned()),
        };
        let devices = vec![device("<b>plug</b>", true, true), device("lamp", true, false), device("<b>", false, true)];
        vec![
            ("none", of(Vec::new(), None)),
            ("some", of(vec![source(devices, true, 3), source(Vec::new(), false, 0)], None)),
            ("again", of(Vec::new(), Some("there is already a device named <b>"))),
        ]
    }
}

pub(super) fn routes(site: &Site) -> Vec<Route> {
    vec![site.page(&["/sources"], list), site.form(&["/sources"], add), site.form(&["/sources/adopt"], adopt)]
}

async fn list(context: Arc<Context>, visit: Visit) -> Shown {
    Ok(show(&context, &visit, &page(&context, &visit, None)))
}

async fn add(context: Arc<Context>, visit: Visit) -> Shown {
    let [name, rules] = ["name", "rules"].map(|field| visit.form.text(field).to_owned());
    match context.ask(visit.user_id(), Request::SourceAdd { name, rules }).await? {
        Ok(added) => {
            let [name, key] = ["name", "key"].map(|part| added[part].as_str().unwrap_or_default().to_owned());
            let text = visit.t("Your devices log in with the user name {name} and this password:");
            let flash = Flash::Once { text: text.replace("{name}", &name), secret: key };
            Ok(go_on(&context, &visit, PATH, flash))
        }
        Err(error) => {
            let page = page(&context, &visit, Some(error));
            Ok(show_as(&context, &visit, PageStatus::Unusable, &page))
        }
    }
}

async fn adopt(context: Arc<Context>, visit: Visit) -> Shown {
    let [source, known_as] = ["source", "known_as"].map(|field| visit.form.text(field).to_owned());
    let request = Request::SourceAdopt { source, known_as, name: visit.form.filled("name") };
    let went = context.ask(visit.user_id(), request).await?;
    let name = went.as_ref().map(|adopted| adopted["name"].as_str().unwrap_or_default().to_owned());
    let done = visit.t("Device {name} is adopted. What is said of it from now on makes events.");
    let flash = Flash::of(&went, done.replace("{name}", &name.unwrap_or_default()));
    Ok(go_on(&context, &visit, PATH, flash))
}

/// The page, with what was typed before if that was refused.
fn page(context: &Context, visit: &Visit, error: Option<String>) -> SourceList {
    let config = context.overview.config.borrow().clone();
    let sources = context.sources.overview(visit.user_id(), &context.snapshot(), &config);
    SourceList {
        sources: sources.into_iter().map(|source| shown_source(source, visit.now.wall)).collect(),
        error,
        name: visit.form.text("name").to_owned(),
        name_chars: DeviceName::MAX_CHARS,
        rules: rules(&config.sources, visit.form.text("rules")),
    }
}

fn shown_source(source: SourceOverview, now: WallTime) -> Source {
    Source {
        id: source.id.to_string(),
        name: source.name.to_string(),
        rules: source.rules,
        has_rules: source.has_rules,
        devices: source.devices.into_iter().map(|device| shown_device(device, now)).collect(),
        unread: source.unread,
        unread_topic: source.unread_topic,
    }
}

fn shown_device(device: SourceDevice, now: WallTime) -> Device {
    let (event, data) = match device.reading {
        Some(reading) => (Some(reading.event), Some(shown::shortened(&reading.data))),
        None => (None, None),
    };
    Device {
        known_as: device.known_as,
        id: device.id.map(|id| id.to_string()),
        name: device.name.map(|name| name.to_string()),
        last: device.last_seen.map(|at| Moment::written(&at, now)),
        event,
        data,
    }
}

/// The rules that a source can have: the presets, and those of the configuration.
fn rules(own: &[RuleSet], chosen: &str) -> Vec<Choice> {
    let choice = |name: &str| Choice { value: name.to_owned(), name: name.to_owned(), is_chosen: name == chosen };
    PRESETS.into_iter().chain(own.iter().map(RuleSet::name)).map(choice).collect()
}
