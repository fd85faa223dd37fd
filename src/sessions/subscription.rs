//! What a session subscribed to, and how it hears an event by that. Pure.
//!
//! A session gets one copy of an event, whatever number of its filters match: with the QoS with which it was published,
//! but no higher one than was granted to a matching filter.
//!
//! "No local" leaves out what the same session published; the same client id of another device is another session.

use crate::model::Event;
use crate::model::Hearer;
use crate::model::Qos;
use crate::sessions::TopicFilter;
use crate::store::StoredMessage;

/// One granted filter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subscription {
    /// What it matches.
    pub filter: TopicFilter,
    /// The highest QoS with which its events are sent.
    pub granted: Qos,
    /// Whether what the session's own holder published is left out.
    pub no_local: bool,
    /// Whether events come with the retain flag with which they were published.
    pub keeps_retain: bool,
    /// The identifier that the client gave it.
    pub id: Option<u32>,
}

/// How a session hears an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Heard {
    /// The QoS to send it with.
    pub qos: Qos,
    /// The retain flag to send it with.
    pub retain: bool,
    /// The identifiers of all filters that match.
    pub subscription_ids: Vec<u32>,
}

impl Heard {
    /// The event as it is kept for the session.
    pub fn message(self, event: &Event) -> StoredMessage {
        let Self { qos, retain, subscription_ids } = self;
        StoredMessage {
            owner: event.owner,
            topic: event.name.clone(),
            data: event.data.clone(),
            published_at: event.published_at,
            qos,
            subscription_ids,
            retain,
            properties: event.publishing.properties.clone(),
        }
    }
}

/// How a session, named by its fingerprint, whose holder listens as `hearer`, hears an event of its owner; none if it does
/// not.
pub fn hear(subscriptions: &[Subscription], session: u64, hearer: Hearer, event: &Event) -> Option<Heard> {
    if !hearer.may_hear(event) {
        return None;
    }
    let (mut granted, mut retain, mut subscription_ids) = (None, false, Vec::new());
    for subscription in subscriptions {
        let is_silenced = subscription.no_local && event.publishing.session == Some(session);
        if !is_silenced && subscription.filter.matches(event.name.as_str()) {
            granted = granted.max(Some(subscription.granted));
            retain |= subscription.keeps_retain && event.publishing.retain;
            subscription_ids.extend(subscription.id);
        }
    }
    granted.map(|granted| Heard { qos: granted.min(event.publishing.qos), retain, subscription_ids })
}

/// Adds a filter, or replaces the one with the same text: whether it is a new one.
///
/// # Errors
/// There are `max` filters already.
pub fn subscribe(held: &mut Vec<Subscription>, wanted: Subscription, max: usize) -> Result<bool, TooManyFilters> {
    let has_room = held.len() < max;
    match held.iter_mut().find(|held| held.filter == wanted.filter) {
        Some(same) => {
            *same = wanted;
            Ok(false)
        }
        None if has_room => {
            held.push(wanted);
            Ok(true)
        }
        None => Err(TooManyFilters),
    }
}

/// Takes a filter away: whether it was held.
pub fn unsubscribe(held: &mut Vec<Subscription>, filter: &str) -> bool {
    let before = held.len();
    held.retain(|held| held.filter.as_str() != filter);
    held.len() < before
}

/// A session has as many filters as it may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the session holds as many filters as it may")]
pub struct TooManyFilters;
