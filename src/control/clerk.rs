//! Who asks, and what they may: a clerk carries out one request for one caller.
//!
//! Somebody at the local socket says with `user` whose things are meant. If they say nothing, it is the owner's, and of
//! what waits and what became of it everybody's. Somebody with a token has their own things; the users, and how full
//! the gateway is, are the owner's to see.

use std::sync::Arc;

use tokio::sync::oneshot;

use crate::bus::Order;
use crate::control::Parts;
use crate::control::answer::Refused;
use crate::control::answer::refused;
use crate::model::HookId;
use crate::model::UserId;
use crate::registry::Hook;

/// Who asks.
#[derive(Debug, Clone, Copy)]
pub(super) enum Asker {
    /// Root or the gateway's own user, at the local socket.
    Local,
    /// The user of a token, at the web port.
    Remote {
        /// Who.
        user: UserId,
    },
}

/// Carries out one request.
pub(super) struct Clerk<'a> {
    pub(super) parts: &'a Parts,
    asker: Asker,
    /// Whose things are meant.
    pub(super) user: UserId,
    /// Whether, of what waits and what became of it, everybody's is meant.
    is_everybody: bool,
}

impl<'a> Clerk<'a> {
    /// For somebody who said that the things of `wanted` are meant.
    ///
    /// # Errors
    /// When there is no such user, or the caller is somebody else and not at the gateway.
    pub(super) fn new(parts: &'a Parts, asker: Asker, wanted: Option<&str>) -> Result<Self, Refused> {
        let named = |name: &str| {
            let user = parts.registry.snapshot().user(name).map(|user| user.id);
            user.ok_or_else(|| refused(format!("there is no user {name:?}")))
        };
        let (user, is_everybody) = match (asker, wanted) {
            (Asker::Local, None) => (parts.registry.owner(), true),
            (Asker::Local, Some(name)) => (named(name)?, false),
            (Asker::Remote { user }, None) => (user, false),
            // Who else there is, is not told.
            (Asker::Remote { .. }, Some(_)) => {
                return Err(refused("only at the gateway itself can somebody act for another user"));
            }
        };
        Ok(Self { parts, asker, user, is_everybody })
    }

    /// Whether they may see that owner's hooks and what became of them.
    pub(super) fn sees(&self, owner: UserId) -> bool {
        self.is_everybody || owner == self.user
    }

    /// Whether the gateway is theirs: its users, and how full it is.
    pub(super) fn has_all(&self) -> bool {
        match self.asker {
            Asker::Local => true,
            Asker::Remote { user } => user == self.parts.registry.owner(),
        }
    }

    /// # Errors
    /// When the gateway is not theirs.
    pub(super) fn must_have_all(&self) -> Result<(), Refused> {
        if self.has_all() { Ok(()) } else { Err(refused("only the owner of the gateway may do this")) }
    }

    /// # Errors
    /// When they are not at the gateway.
    pub(super) fn must_be_local(&self) -> Result<(), Refused> {
        match self.asker {
            Asker::Local => Ok(()),
            Asker::Remote { .. } => Err(refused("this can be done only at the gateway itself")),
        }
    }

    /// A hook of the user whose things are meant.
    pub(super) fn hook(&self, id: HookId) -> Result<Arc<Hook>, Refused> {
        let hook = self.seen_hook(id)?;
        if hook.owner == self.user {
            return Ok(hook);
        }
        let snapshot = self.parts.registry.snapshot();
        let name = snapshot.users.get(&hook.owner).map_or("somebody", |user| user.name.as_str());
        Err(refused(format!("hook {id} is {name}'s; say --user {name} if it is meant")))
    }

    /// A hook of which they may see what waits and what became of it.
    pub(super) fn seen_hook(&self, id: HookId) -> Result<Arc<Hook>, Refused> {
        let hook = self.parts.registry.snapshot().hooks.get(&id).cloned();
        hook.filter(|hook| self.sees(hook.owner)).ok_or_else(|| refused(format!("there is no hook {id}")))
    }

    /// Asks the dispatcher.
    pub(super) async fn order<T>(&self, order: impl FnOnce(oneshot::Sender<T>) -> Order) -> Result<T, Refused> {
        let (reply, answer) = oneshot::channel();
        self.parts.overview.orders.send(order(reply)).await.map_err(|_| refused("the gateway is stopping"))?;
        answer.await.map_err(|_| refused("the gateway is stopping"))
    }
}
