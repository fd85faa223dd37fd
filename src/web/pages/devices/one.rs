//! GET /devices/:device, GET /devices/:device/now
//!
//! One device: how it is, what was heard of it, programs for it. The page after its key was made shows the key.

use std::sync::Arc;

use serde::Serialize;

use crate::bus::Sighting;
use crate::http;
use crate::http::PageStatus;
use crate::http::Route;
use crate::model::Device;
use crate::model::DeviceId;
use crate::model::DeviceName;
use crate::model::Event;
use crate::model::UserId;
use crate::model::WallTime;
use crate::web::context::Context;
use crate::web::frame::Frame;
use crate::web::pages::devices;
use crate::web::pages::devices::sensor;
use crate::web::pages::devices::sensor::Settings;
use crate::web::pages::devices::sessions::Session;
use crate::web::pages::show_part;
use crate::web::refusal::Refusal;
use crate::web::route::Shown;
use crate::web::route::Site;
use crate::web::shown;
use crate::web::shown::Choice;
use crate::web::shown::Moment;
use crate::web::sketches;
use crate::web::sketches::Facts;
use crate::web::sketches::Sketch;
use crate::web::templates::Page;
use crate::web::visit::Visit;

/// Events of late that are shown. Ours.
const EVENTS: usize = 20;

#[derive(Serialize)]
pub(in crate::web::pages) struct OneDevice {
    id: String,
    name: String,
    now: State,
    sketches: Vec<Sketch>,
    /// Whether the key stands in the sketches.
    has_key: bool,
    host: String,
    is_name: bool,
    is_loopback: bool,
    /// What it is called, or shall be.
    new_name: String,
    /// Why another name was refused.
    name_error: Option<String>,
    notes: String,
    /// Why other notes were refused.
    notes_error: Option<String>,
    products: Vec<Choice>,
    /// If it is a sensor over Bluetooth.
    sensor: Option<Settings>,
    /// Those that outlive their connection.
    sessions: Vec<Session>,
    /// If it publishes nothing itself, what it is instead.
    part: Option<Part>,
    added: Moment,
    name_chars: usize,
    notes_chars: usize,
}

/// How it is at the moment, alone.
#[derive(Serialize)]
struct Now {
    now: State,
}

#[derive(Serialize)]
struct State {
    id: String,
    /// If it is a sensor over Bluetooth.
    sensor: Option<sensor::Now>,
    is_online: bool,
    connected_at: Option<Moment>,
    address: Option<String>,
    last_heard: Option<Moment>,
    version: Option<String>,
    variables: Vec<String>,
    functions: Vec<String>,
    /// Triggers in the last minute.
    used: usize,
    /// Those that it has; 0 for any number.
    allowed: u32,
    /// The newest first.
    events: Vec<Heard>,
}

/// An event that is about the device.
#[derive(Debug, PartialEq, Eq, Serialize)]
struct Heard {
    at: Moment,
    /// Whether the device was told it, and did not publish it.
    is_told: bool,
    name: String,
    data: String,
}

/// What a device is that publishes nothing itself.
#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
enum Part {
    /// A source speaks for it.
    Adopted,
    /// The login of a source.
    Source,
}

impl Part {
    fn of(device: &Device) -> Option<Self> {
        match (&device.adoption, &device.source) {
            (Some(_), _) => Some(Self::Adopted),
            (None, Some(_)) => Some(Self::Source),
            (None, None) => None,
        }
    }
}

impl Page for OneDevice {
    const TEMPLATE: &'static str = "pages/device.html";

    #[cfg(test)]
    fn samples() -> Vec<(&'static str, Self)> {
        let moment = || Moment::of(WallTime::from_millis(0), WallTime::from_millis(90_000));
        let id = DeviceId::from_bytes([0xab; 12]);
        let owned = ToOwned::to_owned;
        let sample = |now, key, base| {
            let facts = Facts::of(id, key, base, 1_883);
            Self {
                id: id.to_string(),
                name: owned("<b>kitchen</b>"),
                now,
                sketches: sketches::all(&facts),
                has_key: key.is_some(),
                host: facts.host().to_owned(),
                is_name: facts.is_name(),
                is_loopback: facts.is_loopback(),
                new_name: owned("<b>kitchen</b>"),
                name_error: None,
                notes: String::new(),
                notes_error: None,
                products: Vec::new(),
                sensor: None,
                sessions: Vec::new(),
                part: None,
                added: moment(),
                name_chars: DeviceName::MAX_CHARS,
                notes_chars: Device::NOTES_CHARS,
            }
        };
        let state = || State {
            id: id.to_string(),
            sensor: None,
            is_online: false,
            connected_at: None,
            address: None,
            last_heard: None,
            version: None,
            variables: Vec::new(),
            functions: Vec::new(),
            used: 0,
            allowed: 0,
            events: Vec::new(),
        };
        let heard = |is_told, name: &str| Heard { at: moment(), is_told, name: owned(name), data: owned("<b>1</b>") };
        let busy = State {
            id: id.to_string(),
            sensor: None,
            is_online: true,
            connected_at: Some(moment()),
            address: Some(owned("192.168.1.20")),
            last_heard: Some(moment()),
            version: Some(owned("3")),
            variables: vec![owned("<b>temp</b>"), owned("led")],
            functions: vec![owned("led")],
            used: 10,
            allowed: 10,
            events: vec![heard(true, "hook-response/<b>temp</b>/0"), heard(false, "<b>temp</b>")],
        };
        let busy = Self {
            new_name: owned("\"><b>shed</b>"),
            name_error: Some(owned("there is already a device named \"<b>\"")),
            notes: owned("</textarea><b>in the shed</b>"),
            notes_error: Some(owned("a device's notes have at most 2000 characters")),
            sessions: Session::samples(),
            products: vec![Choice { value: owned("1001"), name: owned("<b>green</b>"), is_chosen: true }],
            ..sample(busy, None, "http://pi.local:8484")
        };
        let sensor = |is_trying| Self {
            sensor: Some(Settings::sample()),
            ..sample(
                State { sensor: Some(sensor::Now::sample(is_trying)), ..state() },
                None,
                "http://192.168.1.10:8484",
            )
        };
        let (heard, trying) = (sensor(false), sensor(true));
        let adopted = Self { part: Some(Part::Adopted), ..sample(state(), None, "http://192.168.1.10:8484") };
        let state = state();
        vec![
            ("adopted", adopted),
            ("sensor", heard),
            ("sensor trying a key", trying),
            ("new", sample(state, Some("s3cret"), "http://192.168.1.10:8484")),
            ("busy", busy),
        ]
    }
}

impl Page for Now {
    const TEMPLATE: &'static str = "parts/device_now.html";
}

pub(super) fn routes(site: &Site) -> Vec<Route> {
    vec![site.page(&["/devices/:device"], one), site.page(&["/devices/:device/now"], now)]
}

async fn one(context: Arc<Context>, visit: Visit) -> Shown {
    let device = devices::wanted(&context, &visit)?;
    let frame = Frame::of(&context, &visit);
    let key = frame.flash.as_ref().and_then(|flash| flash.key_of(device.id));
    let page = page(&context, &visit, &device, key).await?;
    Ok(http::page(PageStatus::Good, context.templates.render(&frame, &page)))
}

async fn now(context: Arc<Context>, visit: Visit) -> Shown {
    let device = devices::wanted(&context, &visit)?;
    let state = state(&context, &visit, &device).await?;
    if visit.request.query("waits").is_some() && state.sensor.as_ref().is_none_or(|sensor| !sensor.is_trying) {
        // The page says how it went.
        return Ok(http::load_instead(&devices::path_of(device.id)));
    }
    Ok(show_part(&context, &visit, &Now { now: state }))
}

/// The page after another name was refused, with what was typed.
pub(super) async fn not_renamed(
    context: &Context,
    visit: &Visit,
    device: &Device,
    error: String,
) -> Result<OneDevice, Refusal> {
    let typed = visit.form.text("name").to_owned();
    Ok(OneDevice { new_name: typed, name_error: Some(error), ..page(context, visit, device, None).await? })
}

/// The page after notes were refused, with what was typed.
pub(super) async fn with_notes(
    context: &Context,
    visit: &Visit,
    device: &Device,
    notes: String,
    error: String,
) -> Result<OneDevice, Refusal> {
    Ok(OneDevice { notes, notes_error: Some(error), ..page(context, visit, device, None).await? })
}

/// The page after something of its sensor was refused.
pub(super) async fn not_set(
    context: &Context,
    visit: &Visit,
    device: &Device,
    tell: impl FnOnce(&mut Settings),
) -> Result<OneDevice, Refusal> {
    let mut page = page(context, visit, device, None).await?;
    page.sensor.as_mut().map(tell);
    Ok(page)
}

async fn page(context: &Context, visit: &Visit, device: &Device, key: Option<&str>) -> Result<OneDevice, Refusal> {
    let facts = Facts::of(device.id, key, &visit.request.base, context.mqtt_port());
    Ok(OneDevice {
        id: device.id.to_string(),
        name: device.name.to_string(),
        now: state(context, visit, device).await?,
        sensor: Settings::of(context, visit, device).await?,
        sessions: Session::all_of(context, visit, device).await?,
        part: Part::of(device),
        sketches: sketches::all(&facts),
        has_key: key.is_some(),
        host: facts.host().to_owned(),
        is_name: facts.is_name(),
        is_loopback: facts.is_loopback(),
        new_name: device.name.to_string(),
        name_error: None,
        notes: device.notes.clone().unwrap_or_default(),
        notes_error: None,
        products: devices::products(context, visit, device.product),
        added: Moment::of(device.created_at, visit.now.wall),
        name_chars: DeviceName::MAX_CHARS,
        notes_chars: Device::NOTES_CHARS,
    })
}

async fn state(context: &Context, visit: &Visit, device: &Device) -> Result<State, Refusal> {
    let now = visit.now.wall;
    let (id, Sighting { connections, connected_at, address, last_heard, description }) =
        (device.id.to_string(), context.presence.of(device.id));
    let offered = description.as_deref();
    let used = devices::used(context, visit, &id);
    Ok(State {
        id,
        sensor: sensor::Now::of(context, visit, device).await?,
        is_online: connections > 0,
        connected_at: connected_at.map(|at| Moment::of(at, now)),
        address: address.map(|address| address.to_canonical().to_string()),
        last_heard: last_heard.map(|at| Moment::of(at, now)),
        version: offered.and_then(|offered| offered.product_version).map(|version| version.to_string()),
        variables: offered.into_iter().flat_map(|offered| &offered.variables).map(|(name, _)| name.clone()).collect(),
        functions: offered.map(|offered| offered.functions.clone()).unwrap_or_default(),
        used,
        allowed: devices::allowed(context),
        events: heard(&context.live.recent(), visit.user_id(), device.id, now),
    })
}

/// The latest events that the device published or was told, of those of late, oldest first. What it said while it was
/// somebody else's is not the user's to see.
fn heard(recent: &[Arc<Event>], user: UserId, device: DeviceId, now: WallTime) -> Vec<Heard> {
    let is_about = |event: &&Arc<Event>| event.owner == user && event.source.about() == Some(device);
    let shown = |event: &Arc<Event>| Heard {
        at: Moment::of(event.published_at, now),
        is_told: event.source.device().is_none(),
        name: event.name.to_string(),
        data: shown::shortened(&event.data),
    };
    recent.iter().rev().filter(is_about).take(EVENTS).map(shown).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::EventId;
    use crate::model::EventName;
    use crate::model::HookId;
    use crate::model::Publishing;
    use crate::model::Source;

    #[test]
    fn what_a_device_said_and_was_told_is_shown_newest_first() {
        let [mine, other] = [1, 2].map(|byte| UserId::from_bytes([byte; 12]));
        let [device, beside] = [3, 4].map(|byte| DeviceId::from_bytes([byte; 12]));
        let event = |owner, name: &str, source| {
            Arc::new(Event {
                id: EventId::from_bytes([0; 12]),
                name: EventName::emitted(name),
                data: String::new(),
                ttl_s: 60,
                published_at: WallTime::from_millis(1),
                source,
                owner,
                product: None,
                publishing: Publishing::default(),
            })
        };
        let hook = HookId::from_bytes([5; 12]);
        let recent = [
            event(other, "of before", Source::Device(device)),
            event(mine, "temp", Source::Device(device)),
            event(mine, "temp", Source::Device(beside)),
            event(mine, "hook-sent/temp", Source::Hook { hook, device: Some(device) }),
            event(mine, "api", Source::Api),
        ];
        let heard = heard(&recent, mine, device, WallTime::from_millis(1));
        let names: Vec<_> = heard.iter().map(|heard| (heard.name.as_str(), heard.is_told)).collect();
        assert_eq!(names, [("hook-sent/temp", true), ("temp", false)]);
    }
}
