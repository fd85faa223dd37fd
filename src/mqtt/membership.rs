//! One session's place in the audience: it joins when the session begins, changes with SUBSCRIBE, UNSUBSCRIBE and the
//! registry, and leaves when dropped.

use crate::model::Qos;
use crate::model::UserId;
use crate::mqtt::audience::Subscription;
use crate::mqtt::carrier::Listeners;
use crate::mqtt::carrier::Route;
use crate::mqtt::filter::FilterRefusal;
use crate::mqtt::filter::TopicFilter;
use crate::mqtt::packet::Reason;
use crate::mqtt::packet::Wish;
use crate::mqtt::slots::Borrowed;
use crate::registry::Identity;

/// See the module.
#[derive(Debug)]
pub(super) struct Membership {
    listeners: Listeners,
    owner: UserId,
    slot: usize,
    max_filters: usize,
}

impl Membership {
    /// Joins, without filters yet.
    pub(super) fn join(listeners: Listeners, identity: &Identity, slot: &Borrowed, max_filters: usize) -> Self {
        let route =
            Route { topic: slot.topic(), generation: slot.generation(), next_sequence: 0, load: slot.load().clone() };
        let (owner, slot) = (identity.owner(), slot.index());
        listeners.lock().join(owner, slot, identity.hearer(), route);
        Self { listeners, owner, slot, max_filters }
    }

    /// What each wish was granted, in their order.
    pub(super) fn subscribe(&mut self, wishes: Vec<Wish>, id: Option<u32>) -> Vec<Result<Qos, Reason>> {
        wishes.into_iter().map(|wish| self.grant(wish, id)).collect()
    }

    /// Which of the filters were held, in their order.
    pub(super) fn unsubscribe(&mut self, filters: &[String]) -> Vec<bool> {
        let mut audience = self.listeners.lock();
        filters.iter().map(|filter| audience.unsubscribe(self.owner, self.slot, filter)).collect()
    }

    /// The registry changed.
    pub(super) fn change(&mut self, identity: &Identity) {
        self.listeners.lock().change(self.owner, self.slot, identity.hearer());
    }

    /// Hears nothing more.
    pub(super) fn leave(&mut self) {
        self.listeners.lock().leave(self.owner, self.slot);
    }

    fn grant(&mut self, wish: Wish, id: Option<u32>) -> Result<Qos, Reason> {
        let filter = TopicFilter::parse(wish.filter).map_err(|refusal| match refusal {
            FilterRefusal::Invalid => Reason::FilterInvalid,
            FilterRefusal::Shared => Reason::SharedNotSupported,
            FilterRefusal::Reserved => Reason::NotAuthorized,
        })?;
        let wanted = Subscription { filter, granted: wish.qos, no_local: wish.no_local, id };
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
