//! What endpoints answer with, and the questions that most of them begin with: who is calling, and about which thing.

use std::sync::Arc;

use tokio::sync::mpsc;
use tokio::sync::oneshot;
use tokio::sync::watch;
use tokio::task::block_in_place;

use crate::accounts::Accounts;
use crate::bus::Ble;
use crate::bus::Calls;
use crate::bus::Intake;
use crate::bus::Live;
use crate::bus::Order;
use crate::bus::Overview;
use crate::bus::Presence;
use crate::bus::RemoteRequest;
use crate::bus::Sources;
use crate::chance::Chance;
use crate::clock;
use crate::http::ApiError;
use crate::http::NoAccess;
use crate::http::Request;
use crate::http::Streams;
use crate::http::session;
use crate::logbook::Logbook;
use crate::model::Device;
use crate::model::ProductId;
use crate::model::UserId;
use crate::registry::Hook;
use crate::registry::Identity;
use crate::registry::Product;
use crate::registry::Registry;
use crate::registry::RegistryError;
use crate::registry::Snapshot;
use crate::registry::Token;

/// See the module.
pub struct Context {
    /// Who and what is registered.
    pub registry: Arc<Registry>,
    /// Who may log in.
    pub accounts: Arc<Accounts>,
    /// How full everything is.
    pub overview: Overview,
    /// How the Bluetooth radio is.
    pub ble: Ble,
    /// What the sources say.
    pub sources: Sources,
    /// Where events are handed in.
    pub intake: Intake,
    /// Where events are heard.
    pub live: Live,
    /// Seats of those who listen.
    pub streams: Streams,
    /// Who is connected.
    pub presence: Presence,
    /// Where devices are asked for something.
    pub calls: Calls,
    /// The log of attempts.
    pub logbook: Logbook,
    /// Where requests of a command line go that is somewhere else.
    pub remote: mpsc::Sender<RemoteRequest>,
    /// Makes ids.
    pub chance: Chance,
    /// Set when the gateway stops: then streams end.
    pub stop: watch::Receiver<bool>,
}

impl Context {
    pub(super) fn snapshot(&self) -> Arc<Snapshot> {
        self.registry.snapshot()
    }

    /// Whose token or key it is.
    pub(super) fn identity(&self, request: &Request) -> Result<Identity, ApiError> {
        Ok(request.credentials().identify(&self.snapshot(), clock::now().wall)?)
    }

    /// As [`Self::identity`], also of a browser that is logged in. Only for what changes nothing: another site can make
    /// a browser ask, but not read the answer.
    pub(super) fn listener(&self, request: &Request) -> Result<Identity, ApiError> {
        let credentials = request.credentials().or(session::of(request));
        Ok(credentials.identify(&self.snapshot(), clock::now().wall)?)
    }

    /// The user's token with which the request was made.
    pub(super) fn token(&self, request: &Request) -> Result<Token, ApiError> {
        Ok(request.credentials().identify_user(&self.snapshot(), clock::now().wall)?)
    }

    /// The user who is calling.
    pub(super) fn user(&self, request: &Request) -> Result<UserId, ApiError> {
        self.token(request).map(|token| token.user)
    }

    /// The user who is calling, if it is the owner of the gateway.
    pub(super) fn owner(&self, request: &Request) -> Result<UserId, ApiError> {
        let user = self.user(request)?;
        if user == self.registry.owner() { Ok(user) } else { Err(NoAccess::Forbidden.into()) }
    }

    /// The caller, and the product of theirs that the path names, if it names one.
    pub(super) fn scope(&self, request: &Request) -> Result<(UserId, Option<Arc<Product>>), ApiError> {
        let user = self.user(request)?;
        Ok((user, self.product_in(user, request)?))
    }

    /// The user's product that the path names, if it names one.
    pub(super) fn product_in(&self, user: UserId, request: &Request) -> Result<Option<Arc<Product>>, ApiError> {
        let product = request.path.get("product").map(|wanted| {
            let found = self.snapshot().product_of(user, wanted).cloned();
            found.ok_or_else(ApiError::no_product)
        });
        product.transpose()
    }

    /// The caller's device that the path names; if the path names a product, too, one of its devices.
    pub(super) fn device(&self, request: &Request) -> Result<Arc<Device>, ApiError> {
        let (user, product) = self.scope(request)?;
        self.device_in(user, product.map(|product| product.id), request)
    }

    /// The user's device that the path names; of the product, if there is one.
    pub(super) fn device_in(
        &self,
        user: UserId,
        product: Option<ProductId>,
        request: &Request,
    ) -> Result<Arc<Device>, ApiError> {
        let device = self.snapshot().device_of(user, request.param("device")).cloned();
        let device = device.filter(|device| product.is_none_or(|product| device.product == Some(product)));
        device.ok_or_else(|| ApiError::NoDevice { base: request.base.clone() })
    }

    /// The caller's hook that the path names.
    pub(super) fn hook(&self, request: &Request) -> Result<Arc<Hook>, ApiError> {
        let (user, product) = self.scope(request)?;
        let id = request.param("hook").parse().ok();
        let hook = id.and_then(|id| self.snapshot().hooks.get(&id).cloned());
        let hook = hook.filter(|hook| hook.owner == user && hook.product == product.map(|product| product.id));
        hook.ok_or_else(|| ApiError::NotFound("Webhook not found".to_owned()))
    }

    /// Changes the registry; waits for the disk.
    pub(super) fn change<T>(&self, change: impl FnOnce(&Registry) -> Result<T, RegistryError>) -> Result<T, ApiError> {
        block_in_place(|| change(&self.registry)).map_err(ApiError::from)
    }

    /// Asks the dispatcher.
    pub(super) async fn order<T>(&self, order: impl FnOnce(oneshot::Sender<T>) -> Order) -> Result<T, ApiError> {
        let (reply, answer) = oneshot::channel();
        self.overview.orders.send(order(reply)).await.map_err(|_| ApiError::Stopping)?;
        answer.await.map_err(|_| ApiError::Stopping)
    }
}
