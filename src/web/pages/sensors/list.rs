//! GET /sensors, GET /sensors/now
//!
//! How the radio is, the sensors that were adopted, and what else is heard. What cannot be read, or will have another
//! address soon, is shown to whoever asks for it.

use std::collections::HashMap;
use std::sync::Arc;

use serde::Serialize;

use crate::bus::BleFound;
use crate::http::Route;
use crate::model::Address;
use crate::model::Device;
use crate::registry::Snapshot;
use crate::web::context::Context;
use crate::web::heard;
use crate::web::heard::Radio;
use crate::web::heard::Seen;
use crate::web::pages::sensors;
use crate::web::pages::show;
use crate::web::pages::show_part;
use crate::web::paging;
use crate::web::paging::Paging;
use crate::web::refusal::Refusal;
use crate::web::route::Shown;
use crate::web::route::Site;
use crate::web::templates::Page;
use crate::web::visit::Visit;

/// Devices that nobody has adopted, of those that were heard, on one page: the strongest. Ours.
const MOST: usize = 100;

#[derive(Serialize)]
pub(in crate::web) struct Sensors {
    now: Now,
}

/// The same, for who has the page already.
#[derive(Serialize)]
struct Part {
    now: Now,
}

#[derive(Serialize)]
struct Now {
    radio: Radio,
    adopted: Vec<Adopted>,
    paging: Paging,
    /// What nobody has adopted.
    found: Vec<Seen>,
    /// Of those, how many more there are than are shown.
    more: usize,
    /// Those that are not shown because nobody asked for them.
    hidden: usize,
    /// Whether somebody did.
    is_all: bool,
}

/// A sensor that is a device.
#[derive(Serialize)]
struct Adopted {
    id: String,
    name: String,
    address: String,
    /// If it was heard in the last hour.
    seen: Option<Seen>,
}

impl Page for Sensors {
    const TEMPLATE: &'static str = "pages/sensors.html";

    #[cfg(test)]
    fn samples() -> Vec<(&'static str, Self)> {
        use crate::bus::BleState;
        let of = |state, adopted, found, more, hidden, is_all| {
            let paging = if is_all { Paging::new("\"<b>", Some(1), 150) } else { Paging::new("", None, 0) };
            Self { now: Now { radio: Radio::sample(state), adopted, paging, found, more, hidden, is_all } }
        };
        let adopted = |seen| Adopted {
            id: "0123456789abcdef01234567".to_owned(),
            name: "<b>kitchen</b>".to_owned(),
            address: "A4:C1:38:00:00:01".to_owned(),
            seen,
        };
        let [seen, _] = heard::samples();
        vec![
            ("no adapter", of(BleState::NoAdapter, Vec::new(), Vec::new(), 0, 0, false)),
            (
                "full",
                of(BleState::Scanning, vec![adopted(Some(seen)), adopted(None)], heard::samples().into(), 2, 0, true),
            ),
            ("refused", of(BleState::Refused, Vec::new(), Vec::new(), 0, 12, false)),
        ]
    }
}

impl Page for Part {
    const TEMPLATE: &'static str = "parts/sensors_now.html";
}

pub(super) fn routes(site: &Site) -> Vec<Route> {
    vec![site.page(&["/sensors"], list), site.page(&["/sensors/now"], now)]
}

async fn list(context: Arc<Context>, visit: Visit) -> Shown {
    visit.must_be_owner()?;
    Ok(show(&context, &visit, &Sensors { now: Now::of(&context, &visit).await? }))
}

async fn now(context: Arc<Context>, visit: Visit) -> Shown {
    visit.must_be_owner()?;
    Ok(show_part(&context, &visit, &Part { now: Now::of(&context, &visit).await? }))
}

impl Now {
    async fn of(context: &Context, visit: &Visit) -> Result<Self, Refusal> {
        let (snapshot, wall) = (context.snapshot(), visit.now.wall);
        let (filter, is_all) = (paging::filter(visit).to_lowercase(), visit.request.query("all").is_some());
        let all = sensors::found(context).await?;
        let (found, hidden) = unadopted(&all, &snapshot, &filter, is_all);
        let by_address: HashMap<_, _> = all.iter().map(|found| (found.address.as_str(), found)).collect();

        let mut adopted: Vec<_> = snapshot.sensors().filter(|(device, _)| device.owner == visit.user_id()).collect();
        adopted.retain(|(device, sensor)| is_meant(device, sensor.address, &filter));
        adopted.sort_by_cached_key(|(device, _)| device.name.as_str().to_lowercase());
        let paging = Paging::of(visit, adopted.len());
        let row = |(device, sensor): &(&Arc<Device>, &crate::model::Sensor)| {
            let address = sensor.address.to_string();
            Adopted {
                id: device.id.to_string(),
                name: device.name.to_string(),
                seen: by_address.get(address.as_str()).map(|found| Seen::of(found, wall)),
                address,
            }
        };
        Ok(Self {
            radio: Radio::of(context.ble.report(), wall),
            adopted: paging.part(&adopted).iter().map(row).collect(),
            paging,
            more: found.len().saturating_sub(MOST),
            found: found.into_iter().take(MOST).map(|found| Seen::of(found, wall)).collect(),
            hidden,
            is_all,
        })
    }
}

/// Those that nobody has adopted and that the filter means, and how many of these are left out.
fn unadopted<'a>(found: &'a [BleFound], snapshot: &Snapshot, filter: &str, is_all: bool) -> (Vec<&'a BleFound>, usize) {
    let adopted: Vec<_> = snapshot.sensors().map(|(_, sensor)| sensor.address.to_string()).collect();
    let others = found.iter().filter(|found| !adopted.contains(&found.address) && has(found, filter));
    let (shown, hidden): (Vec<_>, Vec<_>) = others.partition(|found| is_all || heard::is_sensor(found));
    (shown, hidden.len())
}

/// Whether a filter, in lower case, means what was heard.
fn has(found: &BleFound, filter: &str) -> bool {
    let texts = [Some(found.address.as_str()), found.name.as_deref(), found.model.as_deref(), found.format];
    texts.into_iter().flatten().any(|text| text.to_lowercase().contains(filter))
}

fn is_meant(device: &Device, address: Address, filter: &str) -> bool {
    paging::is_meant(device, filter) || address.to_string().to_lowercase().contains(filter)
}
