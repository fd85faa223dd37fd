//! One session's place among those who listen: it joins when the connection begins, changes with SUBSCRIBE, UNSUBSCRIBE
//! and the registry, and leaves when dropped. What a session that outlives its connection subscribes to is remembered.

use crate::model::Qos;
use crate::model::UserId;
use crate::mqtt::audience::Newcomer;
use crate::mqtt::carrier::Listeners;
use crate::mqtt::carrier::Route;
use crate::mqtt::packet::Reason;
use crate::mqtt::packet::Wish;
use crate::mqtt::slots::Borrowed;
use crate::registry::Identity;
use crate::sessions::Attached;
use crate::sessions::FilterRefusal;
use crate::sessions::Subscription;
use crate::sessions::TopicFilter;

/// See the module.
#[derive(Debug)]
pub(super) struct Membership {
    listeners: Listeners,
    owner: UserId,
    slot: usize,
    max_filters: usize,
}

impl Membership {
    /// Joins, with what a session subscribed to over earlier connections.
    pub(super) fn join(
        listeners: Listeners,
        identity: &Identity,
        slot: &Borrowed,
        lasting: Option<&Attached>,
        max_filters: usize,
    ) -> Self {
        let route =
            Route { topic: slot.topic(), generation: slot.generation(), next_sequence: 0, load: slot.load().clone() };
        let newcomer = Newcomer {
            hearer: identity.hearer(),
            is_lasting: lasting.is_some(),
            subscriptions: lasting.map(Attached::subscriptions).unwrap_or_default(),
            route,
        };
        let (owner, slot) = (identity.owner(), slot.index());
        listeners.lock().join(owner, slot, newcomer);
        Self { listeners, owner, slot, max_filters }
    }

    /// Whose events the session hears.
    pub(super) fn owner(&self) -> UserId {
        self.owner
    }

    /// What each wish was granted, in their order.
    pub(super) fn subscribe(
        &mut self,
        wishes: Vec<Wish>,
        id: Option<u32>,
        lasting: Option<&Attached>,
    ) -> Vec<Result<Qos, Reason>> {
        wishes.into_iter().map(|wish| self.grant(wish, id, lasting)).collect()
    }

    /// Which of the filters were held, in their order.
    pub(super) fn unsubscribe(&mut self, filters: &[String], lasting: Option<&Attached>) -> Vec<bool> {
        let mut audience = self.listeners.lock();
        let mut leave = |filter: &String| {
            if let Some(lasting) = lasting {
                lasting.unsubscribe(filter);
            }
            audience.unsubscribe(self.owner, self.slot, filter)
        };
        filters.iter().map(&mut leave).collect()
    }

    /// The registry changed.
    pub(super) fn change(&mut self, identity: &Identity) {
        self.listeners.lock().change(self.owner, self.slot, identity.hearer());
    }

    /// Hears nothing more.
    pub(super) fn leave(&mut self) {
        self.listeners.lock().leave(self.owner, self.slot);
    }

    fn grant(&mut self, wish: Wish, id: Option<u32>, lasting: Option<&Attached>) -> Result<Qos, Reason> {
        let filter = TopicFilter::parse(wish.filter).map_err(|refusal| match refusal {
            FilterRefusal::Invalid => Reason::FilterInvalid,
            FilterRefusal::Shared => Reason::SharedNotSupported,
            FilterRefusal::Reserved => Reason::NotAuthorized,
        })?;
        let wanted = Subscription { filter, granted: wish.qos, no_local: wish.no_local, id };
        if let Some(lasting) = lasting {
            lasting.subscribe(wanted.clone(), self.max_filters).map_err(|_| Reason::QuotaExceeded)?;
        }
        // Locked for each filter, so that thousands in one packet do not hold the carrier up.
        let granted = self.listeners.lock().subscribe(self.owner, self.slot, wanted, self.max_filters);
        granted.map(|()| wish.qos).map_err(|_| Reason::QuotaExceeded)
    }
}

impl Drop for Membership {
    fn drop(&mut self) {
        self.leave();
    }
}
