//! The events of late, for whoever comes back and asks what it missed. A plain value: [`Live`](crate::bus::Live) holds
//! it.
//!
//! Bounded twice, by how many events and by how much data; the oldest go first. Events of all owners are in it: whoever
//! shows them leaves out what is not the asker's.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::model::Event;
use crate::model::EventId;

/// Events that are remembered, at most. Ours.
const EVENTS: usize = 2_000;

/// Bytes of data that they have together, at most. Ours.
const DATA_BYTES: usize = 2_000_000;

/// The events of late, oldest first.
#[derive(Debug, Default)]
pub(super) struct Ring {
    events: VecDeque<Arc<Event>>,
    data_bytes: usize,
}

impl Ring {
    /// Remembers an event, and forgets the oldest as far as it needs their room.
    pub(super) fn push(&mut self, event: Arc<Event>) {
        self.data_bytes += event.data.len();
        self.events.push_back(event);
        while self.events.len() > EVENTS || self.data_bytes > DATA_BYTES {
            let Some(oldest) = self.events.pop_front() else { break };
            self.data_bytes -= oldest.data.len();
        }
    }

    /// What came after `last`, oldest first.
    ///
    /// If `last` is not remembered, its time decides: what is not older came after it. So nothing is missed that is
    /// still here, but an event of the same millisecond can come twice.
    pub(super) fn since(&self, last: EventId) -> Vec<Arc<Event>> {
        match self.events.iter().rposition(|event| event.id == last) {
            Some(place) => self.events.range(place + 1..).cloned().collect(),
            None => self.events.iter().filter(|event| time(&event.id) >= time(&last)).cloned().collect(),
        }
    }

    /// Everything that is remembered, oldest first.
    pub(super) fn all(&self) -> Vec<Arc<Event>> {
        self.events.iter().cloned().collect()
    }
}

/// Ids begin with their time.
fn time(id: &EventId) -> &[u8] {
    &id.as_bytes()[..6]
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::model::EventName;
    use crate::model::Publishing;
    use crate::model::Source;
    use crate::model::UserId;
    use crate::model::WallTime;

    /// An event of that millisecond, the `nth` of it.
    pub(in crate::bus) fn event(at_ms: u32, nth: u16, data: &str) -> Arc<Event> {
        let mut id = [0; 12];
        id[2..6].copy_from_slice(&at_ms.to_be_bytes());
        id[10..].copy_from_slice(&nth.to_be_bytes());
        Arc::new(Event {
            id: EventId::from_bytes(id),
            name: EventName::published("temp").unwrap(),
            data: data.to_owned(),
            ttl_s: 60,
            published_at: WallTime::from_millis(at_ms.into()),
            source: Source::Api,
            owner: UserId::from_bytes([2; 12]),
            product: None,
            publishing: Publishing::default(),
        })
    }

    fn ring(events: impl IntoIterator<Item = Arc<Event>>) -> Ring {
        let mut ring = Ring::default();
        events.into_iter().for_each(|event| ring.push(event));
        ring
    }

    #[test]
    fn what_came_after_a_known_event_is_told_by_its_place() {
        let events = [event(5, 9, ""), event(5, 3, ""), event(4, 1, ""), event(6, 0, "")];
        let ring = ring(events.clone());
        assert_eq!(ring.since(events[0].id), events[1..], "ids of one millisecond are in no order");
        assert_eq!(ring.since(events[2].id), events[3..]);
        assert_eq!(ring.since(events[3].id), []);
    }

    #[test]
    fn what_came_after_an_unknown_event_is_told_by_its_time() {
        let events = [event(4, 0, ""), event(5, 7, ""), event(6, 0, "")];
        let ring = ring(events.clone());
        assert_eq!(ring.since(event(5, 9, "").id), events[1..], "rather twice than not at all");
        assert_eq!(ring.since(event(0, 0, "").id), events);
        assert_eq!(ring.since(event(7, 0, "").id), []);
        assert_eq!(Ring::default().since(event(7, 0, "").id), []);
    }

    #[test]
    fn the_oldest_are_forgotten_at_either_bound() {
        let many = u32::try_from(EVENTS).unwrap() + 5;
        let events: Vec<_> = (0..many).map(|at_ms| event(at_ms, 0, "72")).collect();
        assert_eq!(ring(events.clone()).all(), events[5..]);

        let long = "x".repeat(DATA_BYTES / 4);
        let events: Vec<_> = (0..7).map(|at_ms| event(at_ms, 0, &long)).collect();
        let mut ring = ring(events.clone());
        assert_eq!((ring.all(), ring.data_bytes), (events[3..].to_vec(), DATA_BYTES));
        ring.push(event(8, 0, "x"));
        assert_eq!((ring.all().len(), ring.data_bytes), (4, DATA_BYTES / 4 * 3 + 1));
    }
}
