//! One session's place among those who listen: it joins when the connection begins, changes with SUBSCRIBE, UNSUBSCRIBE
//! and the registry, and leaves when dropped. What a session that outlives its connection subscribes to is remembered.

use std::sync::Arc;

use crate::clock::Now;
use crate::model::Hearer;
use crate::model::Qos;
use crate::model::UserId;
use crate::mqtt::audience::Newcomer;
use crate::mqtt::carrier::Listeners;
use crate::mqtt::carrier::Route;
use crate::mqtt::packet::Reason;
use crate::mqtt::packet::RetainHandling;
use crate::mqtt::packet::Wish;
use crate::mqtt::slots::Borrowed;
use crate::mqtt::waiting::Latest;
use crate::registry::Identity;
use crate::retained::Retained;
use crate::sessions::Attached;
use crate::sessions::FilterRefusal;
use crate::sessions::Heard;
use crate::sessions::Subscription;
use crate::sessions::TopicFilter;
use crate::sessions::hear;

/// See the module.
#[derive(Debug)]
pub(super) struct Membership {
    listeners: Listeners,
    retained: Retained,
    owner: UserId,
    session: u64,
    hearer: Hearer,
    slot: usize,
    max_filters: usize,
}

/// What became of a SUBSCRIBE.
#[derive(Debug)]
pub(super) struct Subscribed {
    /// What each wish was granted, in their order.
    pub(super) grants: Vec<Result<Qos, Reason>>,
    /// The retained messages that the session gets for it, each once.
    pub(super) retained: Vec<Latest>,
}

impl Membership {
    /// Joins, with what a session subscribed to over earlier connections.
    pub(super) fn join(
        listeners: Listeners,
        retained: Retained,
        identity: &Identity,
        session: u64,
        slot: &Borrowed,
        lasting: Option<&Attached>,
        max_filters: usize,
    ) -> Self {
        let route =
            Route { topic: slot.topic(), generation: slot.generation(), next_sequence: 0, load: slot.load().clone() };
        let (owner, slot, hearer) = (identity.owner(), slot.index(), identity.hearer());
        let newcomer = Newcomer {
            session,
            hearer,
            is_lasting: lasting.is_some(),
            subscriptions: lasting.map(Attached::subscriptions).unwrap_or_default(),
            route,
        };
        listeners.lock().join(owner, slot, newcomer);
        Self { listeners, retained, owner, session, hearer, slot, max_filters }
    }

    /// Whose events the session hears.
    pub(super) fn owner(&self) -> UserId {
        self.owner
    }

    /// Adds the filters that are granted. From then on events are heard, and only then it is looked what is retained:
    /// so the last of each topic is never missed.
    pub(super) fn subscribe(
        &mut self,
        wishes: Vec<Wish>,
        id: Option<u32>,
        lasting: Option<&Attached>,
        now: Now,
    ) -> Subscribed {
        let mut begun = Vec::new();
        let mut grants = Vec::with_capacity(wishes.len());
        for wish in wishes {
            let handling = wish.retained;
            let granted = self.grant(wish, id, lasting);
            if let Ok((subscription, is_new)) = &granted {
                if handling == RetainHandling::Always || (handling == RetainHandling::WhenNew && *is_new) {
                    begun.push(subscription.clone());
                }
            }
            grants.push(granted.map(|(subscription, _)| subscription.granted));
        }
        let retained = if begun.is_empty() { Vec::new() } else { self.retained_for(&begun, now) };
        Subscribed { grants, retained }
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
        self.hearer = identity.hearer();
        self.listeners.lock().change(self.owner, self.slot, self.hearer);
    }

    /// Hears nothing more.
    pub(super) fn leave(&mut self) {
        self.listeners.lock().leave(self.owner, self.slot);
    }

    fn grant(
        &mut self,
        wish: Wish,
        id: Option<u32>,
        lasting: Option<&Attached>,
    ) -> Result<(Subscription, bool), Reason> {
        let filter = TopicFilter::parse(wish.filter).map_err(|refusal| match refusal {
            FilterRefusal::Invalid => Reason::FilterInvalid,
            FilterRefusal::Shared => Reason::SharedNotSupported,
            FilterRefusal::Reserved => Reason::NotAuthorized,
        })?;
        let Wish { qos: granted, no_local, keeps_retain, .. } = wish;
        let wanted = Subscription { filter, granted, no_local, keeps_retain, id };
        if let Some(lasting) = lasting {
            lasting.subscribe(wanted.clone(), self.max_filters).map_err(|_| Reason::QuotaExceeded)?;
        }
        // Locked for each filter, so that thousands in one packet do not hold the carrier up.
        let is_new = self.listeners.lock().subscribe(self.owner, self.slot, wanted.clone(), self.max_filters);
        is_new.map(|is_new| (wanted, is_new)).map_err(|_| Reason::QuotaExceeded)
    }

    /// What is retained of the topics that these match: one copy each, as with what is published.
    fn retained_for(&self, subscriptions: &[Subscription], now: Now) -> Vec<Latest> {
        let mut copies = Vec::new();
        self.retained.each(self.owner, now, |event, expires_ms| {
            if let Some(heard) = hear(subscriptions, self.session, self.hearer, event) {
                copies.push(Latest { event: Arc::clone(event), heard: Heard { retain: true, ..heard }, expires_ms });
            }
        });
        copies
    }
}

impl Drop for Membership {
    fn drop(&mut self) {
        self.leave();
    }
}
