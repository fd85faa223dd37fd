//! GET /sensors/:address, GET /sensors/:address/now, POST /sensors/:address/adopt
//!
//! One device that is heard and that nobody has adopted: what is known of it, and making it a device. With a bind key
//! that takes until its next packet; the browser is not kept waiting for it.

use std::sync::Arc;

use percent_encoding::NON_ALPHANUMERIC;
use percent_encoding::utf8_percent_encode;
use serde::Serialize;
use serde_json::Value;

use crate::bus::protocol::Request;
use crate::http;
use crate::http::PageStatus;
use crate::http::Route;
use crate::limits::Place;
use crate::model::Address;
use crate::model::DeviceName;
use crate::model::Hidden;
use crate::model::Link;
use crate::web::context::Context;
use crate::web::flash::Flash;
use crate::web::heard::Seen;
use crate::web::language::Language;
use crate::web::moment;
use crate::web::pages::devices;
use crate::web::pages::go_on;
use crate::web::pages::sensors;
use crate::web::pages::show;
use crate::web::pages::show_as;
use crate::web::pages::show_part;
use crate::web::refusal::Refusal;
use crate::web::route::Shown;
use crate::web::route::Site;
use crate::web::shown::Choice;
use crate::web::templates::Page;
use crate::web::visit::Visit;

#[derive(Serialize)]
pub(in crate::web) struct OneSensor {
    now: Now,
    /// Why it was not adopted.
    error: Option<String>,
    name: String,
    name_chars: usize,
    links: Vec<Choice>,
}

/// What was typed into the form before.
#[derive(Default)]
struct Typed {
    name: Option<String>,
    link: Option<Link>,
}

/// The same without the form, for who has the page already.
#[derive(Serialize)]
struct Part {
    now: Now,
}

#[derive(Serialize)]
struct Now {
    address: String,
    /// None if it was not heard in the last hour.
    seen: Option<Seen>,
    services: String,
    manufacturers: String,
    /// What was typed, for the page after a bind key was tried.
    query: String,
    /// Whether a bind key is tried.
    is_trying: bool,
}

impl Page for OneSensor {
    const TEMPLATE: &'static str = "pages/sensor.html";

    #[cfg(test)]
    fn samples() -> Vec<(&'static str, Self)> {
        use crate::web::heard;
        let [full, little] = heard::samples();
        let of = |seen, is_trying, error: Option<&str>| Self {
            now: Now {
                address: "A4:C1:38:00:00:01".to_owned(),
                seen,
                services: "0000fcd2-0000-1000-8000-00805f9b34fb".to_owned(),
                manufacturers: "0x0499".to_owned(),
                query: "name=x&link=uart".to_owned(),
                is_trying,
            },
            error: error.map(ToOwned::to_owned),
            name: "\"><b>kitchen</b>".to_owned(),
            name_chars: DeviceName::MAX_CHARS,
            links: links(Some(Link::Uart)),
        };
        vec![
            ("again", of(Some(full), false, Some("the bind key is <b>wrong</b>"))),
            ("little known", of(Some(little), false, None)),
            ("waiting", of(None, true, None)),
        ]
    }
}

impl Page for Part {
    const TEMPLATE: &'static str = "parts/sensor_now.html";
}

pub(super) fn routes(site: &Site) -> Vec<Route> {
    vec![
        site.page(&["/sensors/:address"], one),
        site.page(&["/sensors/:address/now"], now),
        site.form(&["/sensors/:address/adopt"], adopt),
    ]
}

async fn one(context: Arc<Context>, visit: Visit) -> Shown {
    visit.must_be_owner()?;
    let address = sensors::wanted(&visit)?;
    if let Some(device) = sensors::adopted(&context, &visit, address) {
        return Ok(http::see_other(&devices::path_of(device.id)));
    }
    let typed = Typed::asked(&visit);
    Ok(show(&context, &visit, &page(&context, &visit, address, typed, None).await?))
}

async fn now(context: Arc<Context>, visit: Visit) -> Shown {
    visit.must_be_owner()?;
    let (address, typed) = (sensors::wanted(&visit)?, Typed::asked(&visit));
    let now = Now::of(&context, &visit, address, &typed).await?;
    if visit.request.query("waits").is_some() && !now.is_trying {
        // The page says how it went.
        return Ok(http::load_instead(&typed.path(address)));
    }
    Ok(show_part(&context, &visit, &Part { now }))
}

async fn adopt(context: Arc<Context>, visit: Visit) -> Shown {
    visit.must_be_owner()?;
    let (address, language) = (sensors::wanted(&visit)?, visit.language);
    let typed = Typed { name: visit.form.filled("name"), link: visit.form.text("link").parse().ok() };
    let Some(place) = context.trying.take(address, 1) else {
        return Ok(http::see_other(&typed.path(address)));
    };
    let bind_key = visit.form.filled("bind_key").map(Hidden::new);
    let (name, link) = (typed.name.clone().unwrap_or_default(), typed.link);
    let request = Request::BleAdopt { address: address.to_string(), name, bind_key, link };
    let (asking, user) = (Arc::clone(&context), visit.user_id());
    let work = async move { (asking.ask(user, request).await, place) };
    let (flashes, session) = (context.flashes.clone(), visit.session());
    // The next page that is loaded tells it; only then may another key be tried.
    let late = move |(went, place): (Result<_, Refusal>, Place<Address>)| {
        let went = went.unwrap_or_else(|refusal| Err(language.text(refusal.text()).to_owned()));
        flashes.put(session, went.map_or_else(|text| Flash::Failed { text }, |adopted| told(&adopted, language)));
        drop(place);
    };
    let Some((went, place)) = moment::wait(work, late).await else {
        return Ok(http::see_other(&typed.path(address)));
    };
    drop(place);
    match went? {
        Ok(adopted) => {
            let path = devices::path_of(adopted["id"].as_str().unwrap_or_default());
            Ok(go_on(&context, &visit, &path, told(&adopted, language)))
        }
        Err(error) => {
            let page = page(&context, &visit, address, typed, Some(error)).await?;
            Ok(show_as(&context, &visit, PageStatus::Unusable, &page))
        }
    }
}

/// That it is adopted, and its key if it needs one.
fn told(adopted: &Value, language: Language) -> Flash {
    let part = |name: &str| adopted[name].as_str().unwrap_or_default();
    let t = |text| language.text(text).replace("{name}", part("name"));
    match (adopted["key"].as_str(), part("id").parse()) {
        (Some(key), Ok(device)) => {
            Flash::DeviceKey { device, text: t("Sensor {name} is adopted. This is its key:"), secret: key.to_owned() }
        }
        _ => Flash::Done { text: t("Sensor {name} is adopted. What it sends from now on makes events.") },
    }
}

/// The page, with what was typed.
async fn page(
    context: &Context,
    visit: &Visit,
    address: Address,
    typed: Typed,
    error: Option<String>,
) -> Result<OneSensor, Refusal> {
    let now = Now::of(context, visit, address, &typed).await?;
    let own = now.seen.as_ref().and_then(|seen| seen.name.clone());
    Ok(OneSensor {
        error,
        name: typed.name.or(own).unwrap_or_default(),
        name_chars: DeviceName::MAX_CHARS,
        links: links(typed.link),
        now,
    })
}

/// The kinds of links.
fn links(chosen: Option<Link>) -> Vec<Choice> {
    let choice = |link: Link| Choice {
        value: link.name().to_owned(),
        name: link.name().to_owned(),
        is_chosen: chosen == Some(link),
    };
    [Link::Farhook, Link::Uart].map(choice).into()
}

impl Typed {
    fn asked(visit: &Visit) -> Self {
        let asked = |name: &str| visit.request.query(name);
        Self { name: asked("name").map(ToOwned::to_owned), link: asked("link").and_then(|link| link.parse().ok()) }
    }

    /// As it stands in an address.
    fn query(&self) -> String {
        let name = utf8_percent_encode(self.name.as_deref().unwrap_or_default(), NON_ALPHANUMERIC);
        format!("name={name}&link={}", self.link.map_or("", Link::name))
    }

    /// Where the form stands, filled in so.
    fn path(&self, address: Address) -> String {
        format!("{}?{}", sensors::path_of(address), self.query())
    }
}

impl Now {
    async fn of(context: &Context, visit: &Visit, address: Address, typed: &Typed) -> Result<Self, Refusal> {
        let found = sensors::found(context).await?;
        let address_text = address.to_string();
        let found = found.iter().find(|found| found.address == address_text);
        let ids = |ids: &[u16]| ids.iter().map(|id| format!("{id:#06x}")).collect::<Vec<_>>().join(", ");
        Ok(Self {
            seen: found.map(|found| Seen::of(found, visit.now.wall)),
            services: found.map(|found| found.services.join(", ")).unwrap_or_default(),
            manufacturers: found.map(|found| ids(&found.manufacturers)).unwrap_or_default(),
            is_trying: context.trying.has(address),
            address: address_text,
            query: typed.query(),
        })
    }
}
