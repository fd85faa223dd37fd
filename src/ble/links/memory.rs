//! What is known of a device whether it is connected or not: what it has to be told, and what it has published of late.

use std::collections::VecDeque;
use std::sync::Mutex;
use std::sync::MutexGuard;

use tokio::sync::Notify;

use crate::ble::gatt::conversation::Ticket;
use crate::ble::gatt::conversation::Told;
use crate::model::spec;
use crate::model::split_at_most;

/// Events that may wait for a device; the oldest makes room. Ours.
const MOST_WAITING: usize = 16;

/// Events of a device by which it is seen that one is published once more. Ours.
const MOST_TICKETS: usize = 64;

/// How long. Ours.
const TICKET_MS: u64 = 10 * 60 * 1_000;

/// See the module.
#[derive(Debug)]
pub(super) struct Memory {
    inner: Mutex<Inner>,
    /// Told when something has to be told.
    pub(super) changed: Notify,
}

#[derive(Debug)]
struct Inner {
    /// Names and data.
    waiting: VecDeque<(String, String)>,
    /// What is told now, or was when the last connection ended.
    telling: VecDeque<Told>,
    next_id: u8,
    tickets: VecDeque<Remembered>,
    taken: u64,
    dropped: u64,
}

#[derive(Debug)]
struct Remembered {
    ticket: Ticket,
    since_ms: u64,
    is_accepted: bool,
}

/// What is known of an event that a device publishes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Known {
    /// Nothing: it is a new one.
    New,
    /// It is being handed in.
    Pending,
    /// It was accepted.
    Accepted,
}

impl Memory {
    /// `first_id`: any number, so that what the device was told before a restart of the gateway is told apart.
    pub(super) fn new(first_id: u8) -> Self {
        let (waiting, telling, tickets) = Default::default();
        let inner = Inner { waiting, telling, next_id: first_id, tickets, taken: 0, dropped: 0 };
        Self { inner: Mutex::new(inner), changed: Notify::new() }
    }

    /// The device has to be told this. Whether something older makes room for it and is lost.
    pub(super) fn put(&self, name: String, data: String) -> bool {
        let mut inner = self.inner();
        let is_full = inner.waiting.len() >= MOST_WAITING;
        if is_full {
            inner.waiting.pop_front();
            inner.dropped += 1;
        }
        inner.waiting.push_back((name, data));
        drop(inner);
        self.changed.notify_one();
        is_full
    }

    /// What the device is told now; the same until it is [`Self::told`].
    pub(super) fn next(&self) -> Option<Told> {
        let mut inner = self.inner();
        let Inner { waiting, telling, next_id, .. } = &mut *inner;
        if telling.is_empty() {
            let (name, data) = waiting.pop_front()?;
            let mut rest = data.as_str();
            loop {
                let part;
                (part, rest) = split_at_most(rest, spec::RESPONSE_PART_BYTES);
                telling.push_back(Told {
                    id: *next_id,
                    name: name.clone(),
                    data: part.to_owned(),
                    whole_bytes: data.len(),
                    follows: !telling.is_empty(),
                    is_followed: !rest.is_empty(),
                });
                *next_id = next_id.wrapping_add(1);
                if rest.is_empty() {
                    break;
                }
            }
        }
        telling.front().cloned()
    }

    /// What was next was told.
    pub(super) fn told(&self) {
        self.inner().telling.pop_front();
    }

    /// The device publishes something under this ticket.
    pub(super) fn publishes(&self, ticket: Ticket, now_ms: u64) -> Known {
        let mut inner = self.inner();
        inner.tickets.retain(|known| now_ms.saturating_sub(known.since_ms) < TICKET_MS);
        match inner.tickets.iter().find(|known| known.ticket == ticket) {
            Some(Remembered { is_accepted: true, .. }) => Known::Accepted,
            Some(_) => Known::Pending,
            None => {
                if inner.tickets.len() >= MOST_TICKETS {
                    inner.tickets.pop_front();
                }
                inner.tickets.push_back(Remembered { ticket, since_ms: now_ms, is_accepted: false });
                Known::New
            }
        }
    }

    /// An event was accepted, or may be published under this ticket once more.
    pub(super) fn published(&self, ticket: Option<Ticket>, is_accepted: bool) {
        let mut inner = self.inner();
        inner.taken += u64::from(is_accepted);
        if is_accepted {
            if let Some(known) = inner.tickets.iter_mut().find(|known| Some(known.ticket) == ticket) {
                known.is_accepted = true;
            }
        } else {
            inner.tickets.retain(|known| Some(known.ticket) != ticket);
        }
    }

    /// Events that were taken, and what had to make room, since the start.
    pub(super) fn counts(&self) -> (u64, u64) {
        let inner = self.inner();
        (inner.taken, inner.dropped)
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().expect("nothing here panics")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn put(memory: &Memory, data: &str) -> bool {
        memory.put("hook-response/temp/0".to_owned(), data.to_owned())
    }

    #[test]
    fn what_is_told_stays_until_it_is_told() {
        let memory = Memory::new(255);
        assert_eq!(memory.next(), None);
        put(&memory, "1");
        put(&memory, "2");
        let first = memory.next().unwrap();
        assert_eq!((first.id, first.data.as_str()), (255, "1"));
        assert_eq!(memory.next(), Some(first));
        memory.told();
        let second = memory.next().unwrap();
        assert_eq!((second.id, second.data.as_str()), (0, "2"));
    }

    #[test]
    fn the_oldest_makes_room_but_what_is_being_told_does_not() {
        let memory = Memory::new(0);
        put(&memory, "first");
        memory.next();
        assert!((0..MOST_WAITING).all(|number| !put(&memory, &number.to_string())));
        assert!(put(&memory, "last"));
        assert_eq!(memory.next().unwrap().data, "first");
        memory.told();
        assert_eq!((memory.next().unwrap().data, memory.counts()), ("1".to_owned(), (0, 1)));
    }

    #[test]
    fn a_part_that_is_longer_than_a_response_carries_is_told_in_several() {
        let memory = Memory::new(0);
        put(&memory, &"x".repeat(spec::RESPONSE_PART_BYTES + 1));
        put(&memory, "");
        for (id, length, follows, is_followed) in
            [(0, spec::RESPONSE_PART_BYTES, false, true), (1, 1, true, false), (2, 0, false, false)]
        {
            let told = memory.next().unwrap();
            assert_eq!((told.id, told.data.len(), told.follows, told.is_followed), (id, length, follows, is_followed));
            memory.told();
        }
        assert_eq!(memory.next(), None);
    }

    #[test]
    fn an_event_is_known_for_a_while_unless_it_was_refused() {
        let ticket = |id| Ticket { id, crc: 7 };
        let memory = Memory::new(0);
        assert_eq!(memory.publishes(ticket(1), 0), Known::New);
        assert_eq!(memory.publishes(ticket(1), 1), Known::Pending);
        memory.published(Some(ticket(1)), true);
        assert_eq!(memory.publishes(ticket(1), TICKET_MS - 1), Known::Accepted);
        assert_eq!(memory.publishes(Ticket { id: 1, crc: 8 }, 1), Known::New);
        assert_eq!(memory.publishes(ticket(1), TICKET_MS), Known::New);
        memory.published(Some(ticket(1)), false);
        assert_eq!(memory.publishes(ticket(1), TICKET_MS), Known::New);
        memory.published(None, true);
        assert_eq!(memory.counts().0, 2);
        for id in 2..=255 {
            memory.publishes(ticket(id), TICKET_MS);
        }
        assert!(memory.inner().tickets.len() <= MOST_TICKETS);
    }
}
