//! GET /logs
//!
//! Events as they happen. The page has those of late; its script goes on with the API's stream where they end.

use std::sync::Arc;

use serde::Serialize;

use crate::http::Route;
use crate::model::DeviceId;
use crate::model::Event;
use crate::model::EventId;
use crate::model::Source;
use crate::model::UserId;
use crate::registry::Snapshot;
use crate::web::context::Context;
use crate::web::pages::show;
use crate::web::route::Shown;
use crate::web::route::Site;
use crate::web::shown::Moment;
use crate::web::templates::Page;
use crate::web::visit::Visit;

/// Events that the page begins with.
const SHOWN: usize = 100;

#[derive(Serialize)]
pub(in crate::web) struct Logs {
    /// What names begin with; empty for all.
    name: String,
    /// The id of the only device; empty for all.
    device: String,
    /// The only kind; empty for all.
    kind: String,
    kinds: [Kind; 6],
    devices: Vec<Named>,
    /// Newest first.
    events: Vec<Row>,
    /// The last event that the page knows of; the stream goes on after it.
    last: EventId,
}

#[derive(Serialize)]
struct Named {
    id: DeviceId,
    name: String,
}

#[derive(Serialize)]
struct Row {
    at: Moment,
    /// Hours, minutes and seconds, UTC.
    clock: String,
    kind: Kind,
    name: String,
    data: String,
    /// The device of the user's that published it, or is told; none for all others.
    device_name: Option<String>,
}

/// What an event is to a person. The page's script tells them apart in the same way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Kind {
    Device,
    Api,
    Sent,
    Response,
    Error,
    Gateway,
}

const KINDS: [Kind; 6] = [Kind::Device, Kind::Api, Kind::Sent, Kind::Response, Kind::Error, Kind::Gateway];

impl Kind {
    fn of(event: &Event) -> Self {
        let name = event.name.as_str();
        match event.source {
            Source::Device(_) => Self::Device,
            Source::Api => Self::Api,
            _ if name.starts_with("hook-sent/") => Self::Sent,
            _ if name.starts_with("hook-response/") => Self::Response,
            _ if name.starts_with("hook-error/") => Self::Error,
            _ => Self::Gateway,
        }
    }

    fn word(self) -> &'static str {
        match self {
            Self::Device => "device",
            Self::Api => "api",
            Self::Sent => "sent",
            Self::Response => "response",
            Self::Error => "error",
            Self::Gateway => "gateway",
        }
    }
}

impl Page for Logs {
    const TEMPLATE: &'static str = "pages/logs.html";

    #[cfg(test)]
    fn samples() -> Vec<(&'static str, Self)> {
        use crate::model::WallTime;
        let id = DeviceId::from_bytes([1; 12]);
        let named = Named { id, name: "<b>kitchen</b>".to_owned() };
        let row = |kind, name: &str| Row {
            at: Moment::of(WallTime::from_millis(0), WallTime::from_millis(9_000)),
            clock: "00:00:00".to_owned(),
            kind,
            name: name.to_owned(),
            data: "<script>alert(1)</script>".to_owned(),
            device_name: (kind == Kind::Device).then(|| "<b>kitchen</b>".to_owned()),
        };
        let of = |devices, events| Self {
            name: "\"te".to_owned(),
            device: String::new(),
            kind: String::new(),
            kinds: KINDS,
            devices,
            events,
            last: EventId::from_bytes([0; 12]),
        };
        let rows = vec![
            row(Kind::Response, "hook-response/temp/0"),
            row(Kind::Sent, "hook-sent/temp"),
            row(Kind::Device, "temp"),
        ];
        vec![("none", of(Vec::new(), Vec::new())), ("some", of(vec![named], rows))]
    }
}

pub(super) fn routes(site: &Site) -> Vec<Route> {
    vec![site.page(&["/logs"], logs)]
}

async fn logs(context: Arc<Context>, visit: Visit) -> Shown {
    let query = |name| visit.request.query(name).unwrap_or_default().trim().to_owned();
    let (name, device, kind) = (query("name"), query("device"), query("kind"));
    let (snapshot, user) = (context.snapshot(), visit.user_id());
    let recent = context.live.recent();
    let last = recent.last().map_or(EventId::from_bytes([0; 12]), |event| event.id);
    let is_wanted = |event: &&Arc<Event>| {
        event.owner == user
            && event.name.as_str().starts_with(&name)
            && (device.is_empty() || event.source.about().is_some_and(|id| id.to_string() == device))
            && (kind.is_empty() || Kind::of(event).word() == kind)
    };
    let wanted = recent.iter().rev().filter(is_wanted).take(SHOWN);
    let events = wanted.map(|event| Row::of(event, !device.is_empty(), &snapshot, &visit)).collect();
    let devices = devices(&snapshot, user);
    Ok(show(&context, &visit, &Logs { name, device, kind, kinds: KINDS, devices, events, last }))
}

fn devices(snapshot: &Snapshot, user: UserId) -> Vec<Named> {
    let named = snapshot.devices_of(user).map(|device| Named { id: device.id, name: device.name.to_string() });
    let mut devices: Vec<_> = named.collect();
    devices.sort_by(|one, other| one.name.cmp(&other.name));
    devices
}

impl Row {
    /// Whom a result is for is shown where one device is followed: event streams do not tell it.
    fn of(event: &Event, is_followed: bool, snapshot: &Snapshot, visit: &Visit) -> Self {
        let device = if is_followed { event.source.about() } else { event.source.device() };
        let device = device.and_then(|id| snapshot.devices.get(&id));
        let at = event.published_at.to_string();
        Self {
            at: Moment::of(event.published_at, visit.now.wall),
            clock: at.get(11..19).unwrap_or_default().to_owned(),
            kind: Kind::of(event),
            name: event.name.to_string(),
            // Particle's cloud says "undefined" there.
            data: if Kind::of(event) == Kind::Sent { String::new() } else { event.data.clone() },
            device_name: device.map(|device| device.name.to_string()),
        }
    }
}
