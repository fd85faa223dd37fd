//! What each request does.

use std::fmt::Display;
use std::sync::Arc;

use serde_json::Value;
use serde_json::json;
use tokio::sync::oneshot;
use tokio::task::block_in_place;

use crate::bus::Intake;
use crate::bus::Live;
use crate::bus::Order;
use crate::bus::Overview;
use crate::bus::Presence;
use crate::bus::Publication;
use crate::bus::Publisher;
use crate::bus::Replays;
use crate::chance::Chance;
use crate::clock;
use crate::control::protocol::Reply;
use crate::control::protocol::Request;
use crate::control::shown;
use crate::hooks::HookDefinition;
use crate::hooks::sample_event;
use crate::logbook::Logbook;
use crate::model::Device;
use crate::model::DeviceName;
use crate::model::HookId;
use crate::model::Key;
use crate::notices::Notices;
use crate::registry::Hook;
use crate::registry::Registry;

/// What requests are answered with.
pub struct Parts {
    /// Who and what is registered.
    pub registry: Arc<Registry>,
    /// Where events are handed in.
    pub intake: Intake,
    /// Where events are heard.
    pub live: Live,
    /// Who is connected.
    pub presence: Presence,
    /// How the work goes, and how full everything is.
    pub overview: Overview,
    /// The log of attempts.
    pub logbook: Logbook,
    /// What a person should read.
    pub notices: Notices,
    /// Where dead letters are handed in again.
    pub replays: Replays,
    /// Makes ids.
    pub chance: Chance,
    /// What the daemon said when it was ready: where it listens.
    pub listening: Value,
}

/// A request that was not carried out; its text is for the person who asked.
pub(super) struct Refused(String);

pub(super) type Answer = Result<Value, Refused>;

impl Parts {
    pub(super) async fn answer(&self, request: Request) -> Reply {
        let answer = match request {
            Request::DeviceAdd { name } => self.add_device(name),
            Request::DeviceList => Ok(self.devices()),
            Request::DeviceShow { device } => self.show_device(&device),
            Request::DeviceKey { device } => {
                block_in_place(|| self.registry.renew_key(&device)).map(with_key).map_err(refused)
            }
            Request::DeviceRemove { device } => self.remove_device(&device),
            Request::HookCreate { definition, again } => self.create_hook(&definition, again),
            Request::HookList => Ok(self.hooks()),
            Request::HookShow { hook } => self.hook(hook).map(|hook| self.shown(&hook)),
            Request::HookDelete { hook } => {
                block_in_place(|| self.registry.delete_hook(hook)).map(|hook| json!({ "id": hook.id })).map_err(refused)
            }
            Request::HookSwitch { hook, on } => {
                block_in_place(|| self.registry.switch_hook(hook, on)).map(|hook| self.shown(&hook)).map_err(refused)
            }
            Request::HookResume { hook } => self.resume(hook).await,
            Request::HookTry { hook } => self.try_once(hook).await,
            Request::HookTest { hook, event } => self.test(hook, event).await,
            Request::Limits => Ok(self.limits()),
            Request::Queue => self.queue().await,
            Request::Log { hook, count } => self.log(hook, count),
            Request::Waiting { hook, count } => self.waiting(hook, count),
            Request::Cancel { which } => self.cancel(&which).await,
            Request::Dead { which, count } => self.dead(&which, count),
            Request::Replay { which } => self.replay(&which).await,
            Request::Discard { which } => self.discard(&which).await,
            Request::Notices => Ok(self.unread()),
            Request::NoticeRead { number } => self.read_notice(number).await,
            Request::Publish { name, data } => self.publish(name, data).await,
            Request::Status => Ok(self.status()),
            Request::TokenCreate => self.create_token(),
            Request::TokenList => Ok(self.tokens()),
            Request::TokenRevoke { token } => {
                block_in_place(|| self.registry.revoke_token(&token)).map(|token| shown::token(&token)).map_err(refused)
            }
            Request::Events { .. } => Err(refused("events are a stream")),
        };
        match answer {
            Ok(value) => Reply::Done(value),
            Err(Refused(reason)) => Reply::Refused(reason),
        }
    }

    fn add_device(&self, name: String) -> Answer {
        let name = DeviceName::try_from(name).map_err(refused)?;
        let added = block_in_place(|| self.registry.add_device(name, clock::now().wall));
        added.map(with_key).map_err(refused)
    }

    fn devices(&self) -> Value {
        let snapshot = self.registry.snapshot();
        let mut devices: Vec<_> = snapshot.devices.values().collect();
        devices.sort_by(|one, other| one.name.as_str().cmp(other.name.as_str()));
        devices.into_iter().map(|device| shown::device(device, &self.presence.of(device.id))).collect()
    }

    fn show_device(&self, wanted: &str) -> Answer {
        let snapshot = self.registry.snapshot();
        let device = snapshot.device(wanted).ok_or_else(|| refused(format!("there is no device {wanted:?}")))?;
        Ok(shown::device(device, &self.presence.of(device.id)))
    }

    fn remove_device(&self, device: &str) -> Answer {
        let device = block_in_place(|| self.registry.remove_device(device)).map_err(refused)?;
        self.presence.forget(device.id);
        Ok(json!({ "id": device.id, "name": device.name }))
    }

    fn create_hook(&self, definition: &Value, again: bool) -> Answer {
        let definition = HookDefinition::parse(definition).map_err(refused)?;
        let limit = self.overview.config.borrow().limits.hooks_per_user.map(std::num::NonZeroU32::get);
        let added = block_in_place(|| self.registry.add_hook(definition, limit, again, clock::now().wall));
        added.map(|hook| self.shown(&hook)).map_err(refused)
    }

    fn hooks(&self) -> Value {
        self.registry.snapshot().hooks.values().map(|hook| self.shown(hook)).collect()
    }

    pub(super) fn hook(&self, id: HookId) -> Result<Arc<Hook>, Refused> {
        self.registry.snapshot().hooks.get(&id).cloned().ok_or_else(|| refused(format!("there is no hook {id}")))
    }

    async fn resume(&self, id: HookId) -> Answer {
        let hook = self.hook(id)?;
        let was_disabled = self.order(|reply| Order::Resume { hook: Arc::clone(&hook), reply }).await?;
        if was_disabled {
            Ok(self.shown(&hook))
        } else {
            Err(refused(format!("hook {id} has not been disabled by errors")))
        }
    }

    async fn test(&self, id: HookId, event: Option<Value>) -> Answer {
        let hook = self.hook(id)?;
        let event = event.unwrap_or_else(|| json!({ "name": hook.definition.event_prefix(), "data": "test" }));
        let now = clock::now().wall;
        let event = sample_event::parse(&event, self.chance.event_id(now), hook.owner, now).map_err(refused)?;
        let report = self.order(|reply| Order::Test { hook, event, reply }).await?;
        Ok(serde_json::to_value(report).expect("a report is plain JSON"))
    }

    pub(super) async fn order<T>(&self, order: impl FnOnce(oneshot::Sender<T>) -> Order) -> Result<T, Refused> {
        let (reply, answer) = oneshot::channel();
        self.overview.orders.send(order(reply)).await.map_err(|_| refused("the gateway is stopping"))?;
        answer.await.map_err(|_| refused("the gateway is stopping"))
    }

    async fn publish(&self, name: String, data: String) -> Answer {
        let publisher = Publisher::User(self.registry.owner());
        let publication = Publication { name, data: data.into(), publisher, resend: None };
        self.intake.publish(publication).await.map_err(refused)?;
        Ok(json!({ "ok": true }))
    }

    fn status(&self) -> Value {
        let snapshot = self.registry.snapshot();
        let online = snapshot.devices.keys().filter(|device| self.presence.of(**device).connections > 0).count();
        json!({
            "version": env!("CARGO_PKG_VERSION"),
            "listening": self.listening,
            "devices": snapshot.devices.len(),
            "devices_online": online,
            "hooks": snapshot.hooks.len(),
            "queue": self.overview.board.queue(),
            "notices": self.notices.unread().len(),
        })
    }

    fn create_token(&self) -> Answer {
        let (token, key) = block_in_place(|| self.registry.create_token(clock::now().wall)).map_err(refused)?;
        Ok(json!({ "token": key.reveal(), "id": token.id() }))
    }

    fn tokens(&self) -> Value {
        let snapshot = self.registry.snapshot();
        let mut tokens: Vec<_> = snapshot.tokens.values().collect();
        tokens.sort_by_key(|token| token.created_at);
        tokens.into_iter().map(shown::token).collect()
    }

    fn shown(&self, hook: &Hook) -> Value {
        shown::hook(hook, &self.overview.board.hook(hook.id))
    }
}

fn with_key((device, key): (Arc<Device>, Key)) -> Value {
    json!({ "id": device.id, "name": device.name, "key": key.reveal() })
}

pub(super) fn refused(reason: impl Display) -> Refused {
    Refused(reason.to_string())
}
