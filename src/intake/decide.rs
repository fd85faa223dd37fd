//! What becomes of a publication: refused, known already, said to the gateway itself, or an event with its deliveries.
//! It decides and changes only its own memory; nothing here waits.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::Mutex;

use crate::bus::Presence;
use crate::bus::Publication;
use crate::bus::Publisher;
use crate::bus::Refusal;
use crate::bus::ResendMark;
use crate::chance::Chance;
use crate::clock::Now;
use crate::config::Config;
use crate::config::Limits;
use crate::config::Over;
use crate::hooks::QueueRule;
use crate::hooks::matching;
use crate::hooks::response;
use crate::intake::Known;
use crate::intake::notices::Kind;
use crate::intake::notices::Notices;
use crate::intake::payload;
use crate::intake::resends::Mark;
use crate::intake::resends::Resends;
use crate::intake::resends::content;
use crate::intake::room::Full;
use crate::intake::room::Room;
use crate::intake::room::Stock;
use crate::intake::room::Verdict;
use crate::intake::said::Said;
use crate::limits::Windows;
use crate::model::DeviceId;
use crate::model::Event;
use crate::model::EventName;
use crate::model::EventProduct;
use crate::model::HookId;
use crate::model::Publishing;
use crate::model::Source;
use crate::model::UserId;
use crate::model::spec;
use crate::registry::Hook;
use crate::registry::Snapshot;
use crate::retained::Keeping;
use crate::retained::Retained;
use crate::sessions::Kept;
use crate::sessions::Sessions;
use crate::store::Arrived;
use crate::store::Changes;
use crate::store::DeadLetter;
use crate::store::DeliveryId;
use crate::store::DeliveryKey;
use crate::store::LaneKey;
use crate::store::Moment;
use crate::store::StoredDelivery;
use crate::store::StoredMark;

/// The name under which a device hears that a publication was refused; the data says which and why.
const REFUSED_EVENT: &str = "farhook/refused";

/// What becomes of a publication.
pub(super) enum Decision {
    /// It is not accepted.
    Refused {
        refusal: Refusal,
        /// For the device, which under MQTT 3.1.1 hears nothing else.
        notice: Option<Arc<Event>>,
        /// The hook for which there was no room.
        full: Option<HookId>,
    },
    /// It was accepted before.
    Resent { mark: Mark },
    /// It is for the gateway itself.
    Said { device: DeviceId, said: Said },
    /// It is an event.
    Accepted {
        event: Arc<Event>,
        /// What it triggers; stored by `changes`.
        deliveries: Vec<Triggered>,
        /// What it would have triggered, had there been room or leave.
        dropped: Vec<Dropped>,
        /// None when nothing needs to be stored.
        changes: Option<Changes>,
        mark: Option<Mark>,
        /// When it was decided, in milliseconds since the boot: its places in the device's window are of then.
        at_ms: u64,
        /// What the publisher is told beside.
        notices: Option<Arc<Event>>,
        /// What is kept of all this for sessions that outlive their connection; stored by `changes`.
        kept: Kept,
        /// What is retained, or not any more; in `changes`, if the disk does not have it already.
        keeping: Option<Box<Keeping>>,
    },
}

/// A delivery that an event triggers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Triggered {
    pub(super) key: DeliveryKey,
    /// Not to be started before; 0 for at once.
    pub(super) due_ms: u64,
    /// Whether the hook's oldest shall go for it.
    pub(super) makes_room: bool,
}

/// A delivery that is not made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Dropped {
    /// Its device is over its limit.
    OverLimit(HookId),
    /// The queue is full.
    Full(HookId),
}

impl Decision {
    /// Keeps what sessions that outlive their connection want of it.
    pub(super) fn keep(&mut self, resend: Option<ResendMark>, sessions: &Sessions, registry: &Snapshot) {
        let Self::Accepted { event, changes, notices, kept, .. } = self else { return };
        let mut keeping = Changes::new();
        if let Some(held) = resend.filter(|resend| resend.is_held) {
            keeping.put_received(held.session, held.packet_id);
        }
        for event in [Some(&*event), notices.as_ref()].into_iter().flatten() {
            kept.append(sessions.keep(event, registry, &mut keeping));
        }
        if !keeping.is_empty() {
            keeping.needs_room();
            changes.get_or_insert_default().append(keeping);
        }
    }

    /// What has to be stored, once.
    pub(super) fn take_changes(&mut self) -> Option<Changes> {
        match self {
            Self::Accepted { changes, .. } => changes.take(),
            Self::Refused { .. } | Self::Resent { .. } | Self::Said { .. } => None,
        }
    }
}

/// Everything that decisions depend on beside the registry and the configuration.
pub(super) struct Desk {
    chance: Chance,
    boot: [u8; 16],
    next_seq: u64,
    resends: Resends,
    triggers: Arc<Mutex<Windows>>,
    /// Knows what devices say that they run.
    presence: Presence,
    notices: Notices,
    room: Room,
    retained: Retained,
}

/// What is stored with an event, beside its deliveries.
struct Along {
    mark: Option<Mark>,
    changes: Changes,
    keeping: Option<Keeping>,
}

impl Desk {
    pub(super) fn new(
        chance: Chance,
        known: Known,
        triggers: Arc<Mutex<Windows>>,
        presence: Presence,
        retained: Retained,
    ) -> Self {
        Self {
            chance,
            boot: known.boot,
            next_seq: known.next_seq,
            resends: known.resends,
            triggers,
            presence,
            notices: Notices::default(),
            room: Room::default(),
            retained,
        }
    }

    /// Decides about one publication.
    pub(super) fn decide(
        &mut self,
        publication: &Publication,
        registry: &Snapshot,
        config: &Config,
        stock: &impl Stock,
        now: Now,
    ) -> Decision {
        let Some(Origin { source, owner, product }) = origin(publication.publisher, registry, &self.presence) else {
            return Decision::Refused { refusal: Refusal::UnknownPublisher, full: None, notice: None };
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
            Ok(Checked::Event(name, data)) => (name, data),
            Ok(Checked::Said(device, said)) => return Decision::Said { device, said },
            Err(refusal) => {
                let notice = self.refusal_notice(&publication.name, source, owner, Kind::Refusal, &refusal, now);
                return Decision::Refused { refusal, full: None, notice };
            }
        };
        let event = Arc::new(Event {
            id: self.chance.event_id(now.wall),
            name,
            data,
            ttl_s: publication.ttl_s.unwrap_or(spec::EVENT_TTL_S),
            published_at: now.wall,
            source,
            owner,
            product,
            publishing: publication.publishing.clone(),
        });
        let wanted: Vec<&Arc<Hook>> =
            registry.hooks_for(&event).filter(|hook| matching::matches(&hook.definition, &event)).collect();
        let judged = wanted.iter().map(|hook| {
            let rule = hook.definition.queue();
            self.room.judge(hook.id, rule, event.data.len(), stock, config)
        });
        let judged: Vec<Verdict> = judged.collect();
        let rejected = wanted.iter().zip(&judged).find_map(|(hook, verdict)| match verdict {
            Verdict::Reject(full) => Some((hook.id, full.reason(hook.id))),
            _ => None,
        });
        if let Some((hook, reason)) = rejected {
            let refusal = Refusal::Full { reason };
            let notice = self.refusal_notice(&publication.name, source, owner, Kind::NoRoom, &refusal, now);
            return Decision::Refused { refusal, full: Some(hook), notice };
        }
        let mut changes = Changes::new();
        let along = match self.retained.keep(&event, now, &mut changes) {
            Ok(keeping) => Along { mark, changes, keeping },
            Err(full) => {
                let refusal = Refusal::Retained(full);
                let notice = self.refusal_notice(&publication.name, source, owner, Kind::NoRoom, &refusal, now);
                return Decision::Refused { refusal, full: None, notice };
            }
        };
        if let Some(mark) = mark {
            self.resends.remember(mark);
        }
        let has_device = registry.has_device(owner);
        let hooks: Vec<_> = wanted.into_iter().map(|hook| hook.id).zip(judged).collect();
        self.trigger(event, along, &hooks, has_device, &config.limits, now)
    }

    /// Gives a dead letter a place in its lane again.
    ///
    /// # Errors
    /// When there is no room for it.
    pub(super) fn replay(
        &mut self,
        id: DeliveryId,
        letter: &DeadLetter,
        rule: QueueRule,
        config: &Config,
        stock: &impl Stock,
        now: Now,
    ) -> Result<(DeliveryKey, Changes), Full> {
        let event = &letter.delivery.event;
        match self.room.judge(id.hook, rule, event.data.len(), stock, config) {
            Verdict::Fits => {}
            // Nobody is served by dropping one delivery for another that was given up.
            Verdict::DropOldest => return Err(Full::Queue),
            Verdict::DropNewest(full) | Verdict::Reject(full) => return Err(full),
        }
        let mut changes = Changes::new();
        changes.remove_dead(id, event.data.len());
        let key = self.store(id.hook, event, None, 0, now, &mut changes);
        Ok((key, changes))
    }

    /// Whether a publication is still remembered as accepted.
    pub(super) fn knows(&self, mark: &Mark) -> bool {
        self.resends.knows(mark)
    }

    /// What was given to the store is there, or never will be.
    pub(super) fn settle(&mut self, key: DeliveryKey, event: &Event) {
        self.room.settle(key.lane.hook, event.data.len());
    }

    /// Takes back that a publication was accepted at `at_ms`, with its places in the device's window: it did not
    /// trigger, and its resend must not find the limit reached by it.
    pub(super) fn forget(&mut self, mark: Option<Mark>, source: Source, deliveries: &[Triggered], at_ms: u64) {
        if let Some(mark) = mark {
            self.resends.forget(&mark);
        }
        if let Some(device) = source.device() {
            let mut triggers = self.triggers.lock().expect("windows do not panic");
            for triggered in deliveries {
                triggers.give_back(&device.to_string(), at_ms.max(triggered.due_ms));
            }
        }
    }

    fn trigger(
        &mut self,
        event: Arc<Event>,
        Along { mark, mut changes, keeping }: Along,
        hooks: &[(HookId, Verdict)],
        has_device: bool,
        limits: &Limits,
        now: Now,
    ) -> Decision {
        let device = event.source.device();
        let (mut deliveries, mut dropped) = (Vec::new(), Vec::new());
        let mut notices = None;
        for (hook, verdict) in hooks {
            if !has_device {
                notices = notices.or_else(|| self.notice(&event, device, Kind::NoDevice, NO_DEVICE, now));
                continue;
            }
            if let Verdict::DropNewest(full) = verdict {
                notices = notices.or_else(|| self.notice(&event, device, Kind::Full, &full.reason(*hook), now));
                dropped.push(Dropped::Full(*hook));
                continue;
            }
            let Some(due_ms) = device.map_or(Some(0), |device| self.take_place(device, limits, now)) else {
                let text = over_limit(limits);
                notices = notices.or_else(|| self.notice(&event, device, Kind::Limit, &text, now));
                dropped.push(Dropped::OverLimit(*hook));
                continue;
            };
            let key = self.store(*hook, &event, mark.map(|mark| mark.stored), due_ms, now, &mut changes);
            deliveries.push(Triggered { key, due_ms, makes_room: *verdict == Verdict::DropOldest });
        }
        if let Some(device) = device.filter(|_| !deliveries.is_empty()) {
            let triggers = self.triggers.lock().expect("windows do not panic");
            triggers.record(&device.to_string(), now.mono_ms, &mut changes);
        }
        let changes = (!changes.is_empty()).then_some(changes);
        let (kept, keeping) = (Kept::default(), keeping.map(Box::new));
        Decision::Accepted { event, deliveries, dropped, changes, mark, at_ms: now.mono_ms, notices, kept, keeping }
    }

    /// When a device may trigger: 0 for now, none if it is over its limit and not to wait.
    fn take_place(&self, device: DeviceId, limits: &Limits, now: Now) -> Option<u64> {
        let mut triggers = self.triggers.lock().expect("windows do not panic");
        triggers.allow(limits.device_per_minute);
        let device = device.to_string();
        match limits.device_over {
            Over::Drop => triggers.try_take(&device, now.mono_ms).map(|()| 0).ok(),
            Over::Queue => {
                let at_ms = triggers.take_next(&device, now.mono_ms);
                Some(if at_ms > now.mono_ms { at_ms } else { 0 })
            }
        }
    }

    /// Gives an event its place in a hook's lane.
    fn store(
        &mut self,
        hook: HookId,
        event: &Arc<Event>,
        mark: Option<StoredMark>,
        due_ms: u64,
        now: Now,
        changes: &mut Changes,
    ) -> DeliveryKey {
        let key = DeliveryKey { lane: LaneKey { hook, device: event.source.device() }, seq: self.next_seq };
        self.next_seq += 1;
        let arrived = Arrived { boot: self.boot, mono_ms: now.mono_ms };
        let not_before = (due_ms > 0).then(|| Moment::at(due_ms, self.boot, now));
        changes.store(key, &StoredDelivery { event: Arc::clone(event), attempts: 0, not_before, mark, arrived });
        self.room.give(hook, event.data.len());
        key
    }

    /// Tells a device that its publication was refused, if it is time to: with QoS 0 it hears of it in no other way.
    fn refusal_notice(
        &mut self,
        name: &str,
        source: Source,
        owner: UserId,
        kind: Kind,
        refusal: &Refusal,
        now: Now,
    ) -> Option<Arc<Event>> {
        let device = source.device().filter(|device| self.notices.is_due(Some(*device), kind, now.mono_ms))?;
        let name: String = name.chars().take(spec::EMITTED_NAME_CHARS).collect();
        let data = serde_json::json!({ "event": name, "reason": refusal.to_string() }).to_string();
        let to_device = Source::Gateway { device: Some(device) };
        Some(self.emitted(REFUSED_EVENT, data, Origin { source: to_device, owner, product: None }, now))
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
            let origin = Origin { source: Source::Gateway { device }, owner: event.owner, product: event.product };
            self.emitted(&name, text.to_owned(), origin, now)
        })
    }

    fn emitted(&self, name: &str, data: String, origin: Origin, now: Now) -> Arc<Event> {
        let Origin { source, owner, product } = origin;
        Arc::new(Event {
            id: self.chance.event_id(now.wall),
            name: EventName::emitted(name),
            data,
            ttl_s: spec::EVENT_TTL_S,
            published_at: now.wall,
            source,
            owner,
            product,
            publishing: Publishing::default(),
        })
    }
}

/// Source: guide, "Limits by User".
const NO_DEVICE: &str = "you must have at least one device registered to trigger a webhook";

fn over_limit(limits: &Limits) -> String {
    response::device_limit(limits.device_per_minute.map_or(0, NonZeroU32::get))
}

/// Whose an event is.
#[derive(Debug, Clone, Copy)]
struct Origin {
    source: Source,
    owner: UserId,
    product: Option<EventProduct>,
}

fn origin(publisher: Publisher, registry: &Snapshot, presence: &Presence) -> Option<Origin> {
    match publisher {
        Publisher::Device(id) => registry.devices.get(&id).map(|device| {
            let version = || presence.of(id).description.and_then(|described| described.product_version);
            let product = device.product.map(|id| EventProduct { id, version: version() });
            Origin { source: Source::Device(id), owner: device.owner, product }
        }),
        Publisher::User { user, product } => {
            let product = product.map(|id| EventProduct { id, version: None });
            Some(Origin { source: Source::Api, owner: user, product })
        }
    }
}

/// A publication that is well-formed.
enum Checked {
    Event(EventName, String),
    Said(DeviceId, Said),
}

fn check(publication: &Publication) -> Result<Checked, Refusal> {
    if let Publisher::Device(device) = publication.publisher {
        if let Some(said) = Said::read(publication)? {
            return Ok(Checked::Said(device, said));
        }
    }
    let name = EventName::published(&publication.name)?;
    let bytes = publication.data.len();
    if bytes > spec::EVENT_DATA_BYTES {
        return Err(Refusal::DataTooLarge { bytes });
    }
    Ok(Checked::Event(name, payload::to_text(&publication.data)))
}

#[cfg(test)]
mod tests;
