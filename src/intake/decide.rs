//! What becomes of a publication: refused, known already, or an event with its deliveries. It decides and changes only
//! its own memory; nothing here waits.

use std::num::NonZeroU32;
use std::sync::Arc;

use crate::bus::Publication;
use crate::bus::Publisher;
use crate::bus::Refusal;
use crate::chance::Chance;
use crate::clock::Now;
use crate::config::Limits;
use crate::hooks::matching;
use crate::hooks::response;
use crate::intake::Known;
use crate::intake::notices::Kind;
use crate::intake::notices::Notices;
use crate::intake::payload;
use crate::intake::resends::Mark;
use crate::intake::resends::Resends;
use crate::intake::resends::content;
use crate::limits::Windows;
use crate::model::DeviceId;
use crate::model::Event;
use crate::model::EventName;
use crate::model::Source;
use crate::model::UserId;
use crate::model::spec;
use crate::registry::Snapshot;
use crate::store::Arrived;
use crate::store::Changes;
use crate::store::DeliveryKey;
use crate::store::StoredDelivery;
use crate::store::StoredMark;

/// Names of the device limits' windows in the store begin with this.
const WINDOWS: &str = "device ";

/// The name under which a device hears that a publication was refused; the data says which and why.
const REFUSED_EVENT: &str = "farhook/refused";

/// What becomes of a publication.
pub(super) enum Decision {
    /// It is not accepted.
    Refused {
        refusal: Refusal,
        /// For the device, which under MQTT 3.1.1 hears nothing else.
        notice: Option<Arc<Event>>,
    },
    /// It was accepted before.
    Resent { mark: Mark },
    /// It is an event.
    Accepted {
        event: Arc<Event>,
        /// What it triggers; stored by `changes`.
        deliveries: Vec<DeliveryKey>,
        /// None when nothing needs to be stored.
        changes: Option<Changes>,
        mark: Option<Mark>,
        /// When it was decided, in milliseconds since the boot: its places in the device's window are of then.
        at_ms: u64,
        /// What the publisher is told beside.
        notices: Option<Arc<Event>>,
    },
}

impl Decision {
    /// What has to be stored, once.
    pub(super) fn take_changes(&mut self) -> Option<Changes> {
        match self {
            Self::Accepted { changes, .. } => changes.take(),
            Self::Refused { .. } | Self::Resent { .. } => None,
        }
    }
}

/// Everything that decisions depend on beside the registry and the configuration.
pub(super) struct Desk {
    chance: Chance,
    boot: [u8; 16],
    next_seq: u64,
    resends: Resends,
    triggers: Windows,
    notices: Notices,
}

impl Desk {
    pub(super) fn new(chance: Chance, known: Known, limits: &Limits, now: Now) -> Self {
        let triggers = Windows::restore(WINDOWS, limits.device_per_minute, &known.windows, known.boot, now.mono_ms);
        Self {
            chance,
            boot: known.boot,
            next_seq: known.next_seq,
            resends: known.resends,
            triggers,
            notices: Notices::default(),
        }
    }

    /// Decides about one publication. Without room, what would have to wait is refused.
    pub(super) fn decide(
        &mut self,
        publication: &Publication,
        registry: &Snapshot,
        limits: &Limits,
        has_room: bool,
        now: Now,
    ) -> Decision {
        let Some((source, owner)) = origin(publication.publisher, registry) else {
            return Decision::Refused { refusal: Refusal::UnknownPublisher, notice: None };
        };
        let mark = publication.resend.map(|resend| Mark {
            source,
            stored: StoredMark {
                session: resend.session,
                packet_id: resend.packet_id,
                content: content(&publication.name, &publication.data),
            },
        });
        let says_again = publication.resend.is_some_and(|resend| resend.dup);
        if let Some(mark) = mark.filter(|mark| says_again && self.resends.knows(mark)) {
            return Decision::Resent { mark };
        }
        let (name, data) = match check(publication) {
            Ok(checked) => checked,
            Err(refusal) => return self.refuse(publication, source, owner, refusal, now),
        };
        let event = Arc::new(Event {
            id: self.chance.event_id(now.wall),
            name,
            data,
            ttl_s: spec::EVENT_TTL_S,
            published_at: now.wall,
            source,
            owner,
        });
        let is_wanted = || registry.hooks_of(owner).any(|hook| matching::matches(&hook.definition, &event));
        if !has_room && is_wanted() {
            let refusal = Refusal::Full { reason: "as many deliveries wait as may".to_owned() };
            return Decision::Refused { refusal, notice: None };
        }
        if let Some(mark) = mark {
            self.resends.remember(mark);
        }
        self.trigger(event, mark, registry, limits, now)
    }

    /// Whether a publication is still remembered as accepted.
    pub(super) fn knows(&self, mark: &Mark) -> bool {
        self.resends.knows(mark)
    }

    /// Takes back that a publication was accepted at `at_ms`, with its places in the device's window: it did not
    /// trigger, and its resend must not find the limit reached by it.
    pub(super) fn forget(&mut self, mark: Option<Mark>, source: Source, deliveries: usize, at_ms: u64) {
        if let Some(mark) = mark {
            self.resends.forget(&mark);
        }
        if let Some(device) = device_of(source) {
            for _ in 0..deliveries {
                self.triggers.give_back(&device.to_string(), at_ms);
            }
        }
    }

    fn trigger(
        &mut self,
        event: Arc<Event>,
        mark: Option<Mark>,
        registry: &Snapshot,
        limits: &Limits,
        now: Now,
    ) -> Decision {
        let device = device_of(event.source);
        let mut deliveries = Vec::new();
        let mut changes = Changes::new();
        let mut notices = None;
        self.triggers.allow(limits.device_per_minute, now.mono_ms);
        for hook in registry.hooks_of(event.owner).filter(|hook| matching::matches(&hook.definition, &event)) {
            if !registry.has_device(event.owner) {
                notices = notices.or_else(|| self.notice(&event, device, Kind::NoDevice, NO_DEVICE, now));
                continue;
            }
            if let Some(device) = device {
                if self.triggers.try_take(&device.to_string(), now.mono_ms).is_err() {
                    let text = over_limit(limits);
                    notices = notices.or_else(|| self.notice(&event, Some(device), Kind::Limit, &text, now));
                    continue;
                }
            }
            let key = DeliveryKey { hook: hook.id, seq: self.next_seq };
            self.next_seq += 1;
            let mark = mark.map(|mark| mark.stored);
            let arrived = Arrived { boot: self.boot, mono_ms: now.mono_ms };
            let delivery = StoredDelivery { event: Arc::clone(&event), attempts: 0, not_before: None, mark, arrived };
            changes.store(key, &delivery);
            deliveries.push(key);
        }
        if let Some(device) = device.filter(|_| !deliveries.is_empty()) {
            self.triggers.record(&device.to_string(), now.mono_ms, &mut changes);
        }
        let changes = (!changes.is_empty()).then_some(changes);
        Decision::Accepted { event, deliveries, changes, mark, at_ms: now.mono_ms, notices }
    }

    fn refuse(
        &mut self,
        publication: &Publication,
        source: Source,
        owner: UserId,
        refusal: Refusal,
        now: Now,
    ) -> Decision {
        let told = device_of(source).filter(|device| self.notices.is_due(Some(*device), Kind::Refusal, now.mono_ms));
        let notice = told.map(|device| {
            let name: String = publication.name.chars().take(spec::EMITTED_NAME_CHARS).collect();
            let data = serde_json::json!({ "event": name, "reason": refusal.to_string() }).to_string();
            self.emitted(REFUSED_EVENT, data, Source::Gateway { device: Some(device) }, owner, now)
        });
        Decision::Refused { refusal, notice }
    }

    /// A `hook-error` that says why an event did not trigger, unless the device was told just before.
    fn notice(
        &mut self,
        event: &Event,
        device: Option<DeviceId>,
        kind: Kind,
        text: &str,
        now: Now,
    ) -> Option<Arc<Event>> {
        let due = self.notices.is_due(device, kind, now.mono_ms);
        due.then(|| {
            let name = format!("hook-error/{}/0", event.name);
            self.emitted(&name, text.to_owned(), Source::Gateway { device }, event.owner, now)
        })
    }

    fn emitted(&self, name: &str, data: String, source: Source, owner: UserId, now: Now) -> Arc<Event> {
        Arc::new(Event {
            id: self.chance.event_id(now.wall),
            name: EventName::emitted(name),
            data,
            ttl_s: spec::EVENT_TTL_S,
            published_at: now.wall,
            source,
            owner,
        })
    }
}

/// Source: guide, "Limits by User".
const NO_DEVICE: &str = "you must have at least one device registered to trigger a webhook";

fn over_limit(limits: &Limits) -> String {
    response::device_limit(limits.device_per_minute.map_or(0, NonZeroU32::get))
}

fn origin(publisher: Publisher, registry: &Snapshot) -> Option<(Source, UserId)> {
    match publisher {
        Publisher::Device(id) => registry.devices.get(&id).map(|device| (Source::Device(id), device.owner)),
        Publisher::User(user) => Some((Source::Api, user)),
    }
}

fn check(publication: &Publication) -> Result<(EventName, String), Refusal> {
    let name = EventName::published(&publication.name)?;
    let bytes = publication.data.len();
    if bytes > spec::EVENT_DATA_BYTES {
        return Err(Refusal::DataTooLarge { bytes });
    }
    Ok((name, payload::to_text(&publication.data)))
}

fn device_of(source: Source) -> Option<DeviceId> {
    match source {
        Source::Device(device) => Some(device),
        Source::Api | Source::Hook { .. } | Source::Gateway { .. } => None,
    }
}

#[cfg(test)]
mod tests;
