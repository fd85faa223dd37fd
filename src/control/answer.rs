//! What each request does; how, stands in the files beside, one for each kind of thing.

use std::fmt::Display;
use std::sync::Arc;

use serde_json::Value;
use serde_json::json;
use tokio::sync::watch;

use crate::accounts::Accounts;
use crate::backup::Backups;
use crate::bus::Ble;
use crate::bus::Intake;
use crate::bus::Live;
use crate::bus::Overview;
use crate::bus::Presence;
use crate::bus::Publication;
use crate::bus::Publisher;
use crate::bus::Replays;
use crate::bus::Sources;
use crate::bus::protocol::Asked;
use crate::bus::protocol::Reply;
use crate::bus::protocol::Request;
use crate::chance::Chance;
use crate::control::clerk::Asker;
use crate::control::clerk::Clerk;
use crate::logbook::Logbook;
use crate::model::Publishing;
use crate::notices::Notices;
use crate::registry::Registry;
use crate::sessions::Sessions;

/// What requests are answered with.
pub struct Parts {
    /// Who and what is registered.
    pub registry: Arc<Registry>,
    /// Who may log in.
    pub accounts: Arc<Accounts>,
    /// Where events are handed in.
    pub intake: Intake,
    /// Where events are heard.
    pub live: Live,
    /// Who is connected.
    pub presence: Presence,
    /// Sessions that outlive their connection.
    pub sessions: Sessions,
    /// How the work goes, and how full everything is.
    pub overview: Overview,
    /// What the sources say.
    pub sources: Sources,
    /// How the Bluetooth radio is.
    pub ble: Ble,
    /// The log of attempts.
    pub logbook: Logbook,
    /// What a person should read.
    pub notices: Notices,
    /// Where dead letters are handed in again.
    pub replays: Replays,
    /// Makes and restores backups.
    pub backups: Backups,
    /// Makes ids.
    pub chance: Chance,
    /// Where the daemon listens, as it said when it was ready, and what has changed about that.
    pub listening: watch::Receiver<Value>,
}

/// A request that was not carried out; its text is for the person who asked.
pub(super) struct Refused(pub(super) String);

pub(super) type Answer = Result<Value, Refused>;

impl Parts {
    pub(super) async fn answer(&self, asker: Asker, Asked { request, user }: Asked) -> Reply {
        let answer = match Clerk::new(self, asker, user.as_deref()) {
            Ok(clerk) => clerk.carry_out(request).await,
            Err(refused) => Err(refused),
        };
        match answer {
            Ok(value) => Reply::Done(value),
            Err(Refused(reason)) => Reply::Refused(reason),
        }
    }
}

impl Clerk<'_> {
    async fn carry_out(&self, request: Request) -> Answer {
        match request {
            Request::DeviceAdd { name } => self.add_device(name),
            Request::DeviceClaim { id } => self.claim_device(&id),
            Request::DeviceList => Ok(self.devices()),
            Request::DeviceShow { device } => self.show_device(&device),
            Request::DeviceKey { device } => self.renew_key(&device),
            Request::DeviceRename { device, name } => self.rename_device(&device, name),
            Request::DeviceNote { device, notes } => self.note_device(&device, notes),
            Request::DeviceRemove { device } => self.remove_device(&device),
            Request::HookCreate { definition, again, product } => {
                self.create_hook(&definition, again, product.as_deref())
            }
            Request::HookList { product } => self.hooks(product.as_deref()),
            Request::HookShow { hook } => self.hook(hook).map(|hook| self.shown(&hook)),
            Request::HookEdit { hook, definition } => self.edit_hook(hook, &definition),
            Request::HookDelete { hook } => self.delete_hook(hook),
            Request::HookSwitch { hook, on } => self.switch_hook(hook, on),
            Request::HookResume { hook } => self.resume(hook).await,
            Request::HookTry { hook } => self.try_once(hook).await,
            Request::HookTest { hook, event } => self.test(hook, event).await,
            Request::ProductCreate { name, description } => self.create_product(name, description),
            Request::ProductList => Ok(self.products()),
            Request::ProductShow { product } => self.show_product(&product),
            Request::ProductEdit { product, name, description } => self.edit_product(&product, name, description),
            Request::ProductDelete { product } => self.delete_product(&product),
            Request::ProductAdd { product, device } => self.add_to_product(&product, &[device]),
            Request::ProductAddAll { product, devices } => self.add_to_product(&product, &devices),
            Request::ProductRemove { product, device } => self.remove_from_product(&product, &device),
            Request::SecretSet { name, value } => self.set_secret(name, &value),
            Request::SecretList => Ok(self.secrets()),
            Request::SecretRemove { name } => self.remove_secret(&name),
            Request::BleScan => self.heard_by_bluetooth().await,
            Request::BleAdopt { address, name, bind_key, link } => {
                self.adopt_sensor(&address, name, bind_key, link).await
            }
            Request::BleAdoptAll { addresses, prefix } => self.adopt_sensors(addresses, &prefix).await,
            Request::BleSet { device, telling, bind_key } => self.set_sensor(&device, &telling, bind_key).await,
            Request::BleForget { device } => self.forget_sensor(&device),
            Request::BleList => self.sensors().await,
            Request::SourceAdd { name, rules } => self.add_source(name, rules),
            Request::SourceSet { source, rules } => self.set_source(&source, rules),
            Request::SourceList => Ok(self.sources()),
            Request::SourceAdopt { source, known_as, name } => self.adopt_device(&source, &known_as, name),
            Request::SourceForget { device } => self.forget_adopted(&device),
            Request::Limits => self.limits(),
            Request::Queue => self.queue().await,
            Request::Pause => self.pause().await,
            Request::Unpause => self.unpause().await,
            Request::Wake { target } => self.wake(target).await,
            Request::Log { hook, count } => self.log(hook, count),
            Request::Waiting { hook, count } => self.waiting(hook, count),
            Request::Cancel { which } => self.cancel(&which).await,
            Request::Dead { which, count } => self.dead(&which, count),
            Request::Replay { which } => self.replay(&which).await,
            Request::Discard { which } => self.discard(&which).await,
            Request::SessionList { device } => Ok(self.sessions(device.as_deref())),
            Request::SessionEnd { device, client_id } => self.end_session(&device, client_id.as_deref()),
            Request::Notices => self.unread(),
            Request::NoticeRead { number } => self.read_notice(number).await,
            Request::Publish { name, data } => self.publish(name, data).await,
            Request::Status => Ok(self.status()),
            Request::TokenCreate { expires_in_s } => self.create_token(expires_in_s),
            Request::TokenList => Ok(self.tokens()),
            Request::TokenRevoke { token } => self.revoke_token(&token),
            Request::UserAdd { name, password } => self.add_user(name, password.reveal()).await,
            Request::UserList => self.users(),
            Request::UserRemove { name } => self.remove_user(&name),
            Request::UserPassword { name, password } => self.set_password(&name, password.reveal()).await,
            Request::UserMfa { name, on } => self.set_mfa(&name, on),
            Request::ClaimCode => self.claim_code(),
            Request::Backup { passphrase } => self.back_up(passphrase.as_ref()),
            Request::Restore { file, passphrase } => self.restore(&file, passphrase.as_ref()),
            Request::Diagnostics => self.diagnostics().await,
            Request::Events { .. } => Err(refused("events are a stream")),
        }
    }

    async fn publish(&self, name: String, data: String) -> Answer {
        let publication = Publication {
            name,
            data: data.into(),
            ttl_s: None,
            publisher: Publisher::user(self.user),
            resend: None,
            publishing: Publishing::default(),
        };
        self.parts.intake.publish(publication).await.map_err(refused)?;
        Ok(json!({ "ok": true }))
    }

    pub(super) fn status(&self) -> Value {
        let snapshot = self.parts.registry.snapshot();
        let devices = || snapshot.devices.values().filter(|device| self.sees(device.owner));
        let online = devices().filter(|device| self.parts.presence.of(device.id).connections > 0).count();
        let mut status = json!({
            "version": env!("CARGO_PKG_VERSION"),
            "devices": devices().count(),
            "devices_online": online,
            "hooks": snapshot.hooks.values().filter(|hook| self.sees(hook.owner)).count(),
            "sessions": self.sessions_in_figures(),
        });
        if self.has_all() {
            status["listening"] = self.parts.listening.borrow().clone();
            status["claimed"] = json!(self.parts.registry.is_claimed());
            status["users"] = json!(snapshot.users.len());
            status["mqtt"] = json!(self.parts.overview.board.mqtt());
            status["queue"] = json!(self.parts.overview.board.queue());
            status["ble"] = json!(self.parts.ble.report());
            status["notices"] = json!(self.parts.notices.unread().len());
        }
        status
    }
}

pub(super) fn refused(reason: impl Display) -> Refused {
    Refused(reason.to_string())
}
