//! GET and POST /devices, GET /devices/now
//!
//! All devices of the user, and a form for another one. The table is asked for again and again while it is looked at.

use std::collections::HashMap;
use std::sync::Arc;

use serde::Serialize;

use crate::bus::protocol::Request;
use crate::http::PageStatus;
use crate::http::Route;
use crate::model::Device;
use crate::model::DeviceId;
use crate::model::DeviceName;
use crate::model::Event;
use crate::model::UserId;
use crate::web::context::Context;
use crate::web::flash::Flash;
use crate::web::pages::devices;
use crate::web::pages::go_on;
use crate::web::pages::show;
use crate::web::pages::show_as;
use crate::web::pages::show_part;
use crate::web::paging;
use crate::web::paging::Paging;
use crate::web::refusal::Refusal;
use crate::web::route::Shown;
use crate::web::route::Site;
use crate::web::shown::Choice;
use crate::web::shown::Moment;
use crate::web::templates::Page;
use crate::web::visit::Visit;

#[derive(Serialize)]
pub(in crate::web::pages) struct Devices {
    /// All that the user has.
    owned: usize,
    table: Table,
    /// Why the last one was not added.
    error: Option<String>,
    name: String,
    name_chars: usize,
    products: Vec<Choice>,
}

/// The table alone.
#[derive(Serialize)]
struct Now {
    table: Table,
}

#[derive(Serialize)]
struct Table {
    rows: Vec<Row>,
    paging: Paging,
    /// Triggers that each has in a minute; 0 for any number.
    allowed: u32,
}

#[derive(Serialize)]
struct Row {
    id: String,
    name: String,
    online: bool,
    last_heard: Option<Moment>,
    product: Option<Choice>,
    last_event: Option<LastEvent>,
    /// Triggers in the last minute.
    used: usize,
}

#[derive(Serialize)]
struct LastEvent {
    name: String,
    at: Moment,
}

impl Page for Devices {
    const TEMPLATE: &'static str = "pages/devices.html";

    #[cfg(test)]
    fn samples() -> Vec<(&'static str, Self)> {
        use crate::model::WallTime;
        let moment = || Moment::of(WallTime::from_millis(0), WallTime::from_millis(90_000));
        let choice = |is_chosen| Choice { value: "1001".to_owned(), name: "Green <b>house</b>".to_owned(), is_chosen };
        let table = |rows: Vec<Row>, total| Table { rows, paging: Paging::new("", None, total), allowed: 10 };
        let name_chars = DeviceName::MAX_CHARS;
        let (error, products) = (None, Vec::new());
        let empty = Self { owned: 0, table: table(Vec::new(), 0), error, name: String::new(), name_chars, products };
        let busy = Row {
            id: "0123456789abcdef01234567".to_owned(),
            name: "<b>kitchen</b>".to_owned(),
            online: true,
            last_heard: Some(moment()),
            product: Some(choice(false)),
            last_event: Some(LastEvent { name: "temp/<b>x</b>".to_owned(), at: moment() }),
            used: 7,
        };
        let silent = Row {
            id: "0123456789abcdef01234568".to_owned(),
            name: "cellar".to_owned(),
            online: false,
            last_heard: None,
            product: None,
            last_event: None,
            used: 0,
        };
        let full = Self {
            owned: 150,
            table: Table { paging: Paging::new("\"<b>", Some(1), 150), ..table(vec![busy, silent], 150) },
            error: Some("there is already a device named \"<b>kitchen</b>\"".to_owned()),
            name: "<b>kitchen</b>".to_owned(),
            name_chars,
            products: vec![choice(true)],
        };
        let nothing = Self {
            owned: 3,
            table: Table { paging: Paging::new("zzz", None, 0), ..table(Vec::new(), 0) },
            error: None,
            name: String::new(),
            name_chars,
            products: Vec::new(),
        };
        vec![("empty", empty), ("full", full), ("nothing found", nothing)]
    }
}

impl Page for Now {
    const TEMPLATE: &'static str = "parts/devices_now.html";
}

pub(super) fn routes(site: &Site) -> Vec<Route> {
    vec![site.page(&["/devices"], list), site.page(&["/devices/now"], now), site.form(&["/devices"], add)]
}

async fn list(context: Arc<Context>, visit: Visit) -> Shown {
    Ok(show(&context, &visit, &page(&context, &visit, None)))
}

async fn now(context: Arc<Context>, visit: Visit) -> Shown {
    Ok(show_part(&context, &visit, &Now { table: table(&context, &visit) }))
}

async fn add(context: Arc<Context>, visit: Visit) -> Shown {
    let (name, product) = (visit.form.text("name").to_owned(), visit.form.filled("product"));
    let added = match context.ask(visit.user_id(), Request::DeviceAdd { name: name.clone() }).await? {
        Ok(added) => added,
        Err(error) => {
            let page = page(&context, &visit, Some(error));
            return Ok(show_as(&context, &visit, PageStatus::Unusable, &page));
        }
    };
    let part = |name: &str| added[name].as_str().unwrap_or_default();
    let Ok(device) = part("id").parse::<DeviceId>() else { return Err(Refusal::Stopping) };
    let mut text = visit.t("Device {name} is added. This is its key:").replace("{name}", part("name"));
    if let Some(product) = product {
        let request = Request::ProductAdd { product, device: device.to_string() };
        if let Err(reason) = context.ask(visit.user_id(), request).await? {
            // The key is told only now: a product that is gone must not keep it back.
            text = format!("{text} ({reason})");
        }
    }
    let flash = Flash::DeviceKey { device, text, secret: part("key").to_owned() };
    Ok(go_on(&context, &visit, &devices::path_of(device), flash))
}

/// The page, with what was typed before if that was refused.
fn page(context: &Context, visit: &Visit, error: Option<String>) -> Devices {
    Devices {
        owned: context.snapshot().devices_of(visit.user_id()).count(),
        table: table(context, visit),
        error,
        name: visit.form.text("name").to_owned(),
        name_chars: DeviceName::MAX_CHARS,
        products: devices::products(context, visit, visit.form.text("product").parse().ok()),
    }
}

fn table(context: &Context, visit: &Visit) -> Table {
    let (snapshot, now) = (context.snapshot(), visit.now.wall);
    let filter = paging::filter(visit).to_lowercase();
    let mut found: Vec<_> =
        snapshot.devices_of(visit.user_id()).filter(|device| paging::is_meant(device, &filter)).collect();
    found.sort_by_cached_key(|device| device.name.as_str().to_lowercase());
    let paging = Paging::of(visit, found.len());
    let recent = context.live.recent();
    let last = last_events(&recent, visit.user_id());
    let row = |device: &&Arc<Device>| {
        let (id, sighting) = (device.id.to_string(), context.presence.of(device.id));
        let product = device.product.and_then(|product| snapshot.products.get(&product));
        Row {
            used: devices::used(context, visit, &id),
            id,
            name: device.name.to_string(),
            online: sighting.connections > 0,
            last_heard: sighting.last_heard.map(|at| Moment::of(at, now)),
            product: product.map(|product| Choice {
                value: product.id.to_string(),
                name: product.name.clone(),
                is_chosen: false,
            }),
            last_event: last
                .get(&device.id)
                .map(|event| LastEvent { name: event.name.to_string(), at: Moment::of(event.published_at, now) }),
        }
    };
    let rows = paging.part(&found).iter().map(row).collect();
    Table { rows, paging, allowed: devices::allowed(context) }
}

/// The last event that each device of the user published, of those of late, oldest first. A device that was somebody
/// else's before may have some that are not the user's to see.
fn last_events(recent: &[Arc<Event>], user: UserId) -> HashMap<DeviceId, &Event> {
    let of_user = recent.iter().filter(|event| event.owner == user);
    of_user.filter_map(|event| event.source.device().map(|device| (device, &**event))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::EventId;
    use crate::model::EventName;
    use crate::model::Publishing;
    use crate::model::Source;
    use crate::model::WallTime;

    #[test]
    fn the_last_event_of_a_device_is_its_owners_to_see() {
        let [mine, other] = [1, 2].map(|byte| UserId::from_bytes([byte; 12]));
        let device = DeviceId::from_bytes([3; 12]);
        let event = |owner, name: &str, source| {
            Arc::new(Event {
                id: EventId::from_bytes([0; 12]),
                name: EventName::published(name).unwrap(),
                data: String::new(),
                ttl_s: 60,
                published_at: WallTime::from_millis(1),
                source,
                owner,
                product: None,
                publishing: Publishing::default(),
            })
        };
        let recent = [
            event(mine, "first", Source::Device(device)),
            event(mine, "second", Source::Device(device)),
            event(mine, "told", Source::Gateway { device: Some(device) }),
            event(other, "third", Source::Device(device)),
        ];
        assert_eq!(last_events(&recent, mine)[&device].name.as_str(), "second");
        assert_eq!(last_events(&recent, other)[&device].name.as_str(), "third");
    }
}
