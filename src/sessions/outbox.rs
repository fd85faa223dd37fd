//! What waits for one session, and what was sent to it and is not acknowledged. Pure: the messages themselves are in
//! the store, this knows their numbers.
//!
//! ```text
//!          stored and told             sent              PUBACK
//!  kept ── held ──────────> ready ──────────────> sent ──────────────> gone
//!                            ^    lost connection │ │ PUBREC             ^
//!                            └────────────────────┘ └──> released ───────┘ PUBCOMP
//! ```
//! A message's packet identifier follows from its number, so that it is the same after any reconnect or restart: a
//! client that has a QoS 2 message half recognises it, and never takes another message for it.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use crate::model::Qos;

/// Packet identifiers that there are: 1 to 65,535.
const PACKET_IDS: u64 = u16::MAX as u64;

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Outbox {
    entries: BTreeMap<u64, Entry>,
    /// Those that are sent or released: looked through at each acknowledgement, and never many.
    unfinished: BTreeSet<u64>,
    last_seq: u64,
    bytes: usize,
}

/// One message.
#[derive(Debug, Clone, Copy)]
struct Entry {
    /// Rows that it takes.
    pieces: u8,
    bytes: usize,
    qos: Qos,
    state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// It is not durable yet, or it is not its time yet.
    Held { is_stored: bool, is_told: bool },
    /// It may be sent; `again` if it was sent before.
    Ready { again: bool },
    /// PUBACK or PUBREC is to come.
    Sent,
    /// PUBREC came. What is left is to send PUBREL until PUBCOMP comes.
    Released,
}

/// A message that shall be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Due {
    /// Its number in this session.
    pub seq: u64,
    /// Its packet identifier.
    pub packet_id: u16,
    /// Whether it may have been sent before.
    pub again: bool,
}

/// A message whose rows are to be removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Gone {
    pub(super) seq: u64,
    pub(super) pieces: u8,
}

impl Outbox {
    /// A message that was in the store; `is_released` if PUBREC came for it.
    pub(super) fn restore(&mut self, seq: u64, pieces: u8, bytes: usize, qos: Qos, is_released: bool) {
        let state = if is_released { State::Released } else { State::Ready { again: true } };
        self.last_seq = self.last_seq.max(seq);
        if is_released {
            self.unfinished.insert(seq);
        }
        self.put(seq, Entry { pieces, bytes, qos, state });
    }

    /// The number of the next message.
    pub(super) fn next_seq(&self) -> u64 {
        self.last_seq + 1
    }

    /// Takes a message in, to be held until it is [stored](Self::stored) and [told](Self::tell).
    pub(super) fn keep(&mut self, pieces: u8, bytes: usize, qos: Qos) -> u64 {
        self.last_seq += 1;
        let state = State::Held { is_stored: false, is_told: false };
        self.put(self.last_seq, Entry { pieces, bytes, qos, state });
        self.last_seq
    }

    /// A held message is durable: whether it may be sent now.
    pub(super) fn stored(&mut self, seq: u64) -> bool {
        self.release(seq, |is_stored, _| *is_stored = true)
    }

    /// It is time for a held message: whether it may be sent now.
    pub(super) fn tell(&mut self, seq: u64) -> bool {
        self.release(seq, |_, is_told| *is_told = true)
    }

    /// Forgets a message that did not become durable, or that is damaged.
    pub(super) fn discard(&mut self, seq: u64) -> Option<Gone> {
        let entry = self.entries.remove(&seq)?;
        self.unfinished.remove(&seq);
        self.bytes -= entry.bytes;
        Some(Gone { seq, pieces: entry.pieces })
    }

    /// Forgets the oldest message that is not under way, to make room. None if there is none.
    pub(super) fn drop_oldest(&mut self) -> Option<Gone> {
        let is_waiting = |entry: &Entry| matches!(entry.state, State::Ready { .. });
        let oldest = self.entries.iter().find(|(_, entry)| is_waiting(entry)).map(|(seq, _)| *seq)?;
        self.discard(oldest)
    }

    /// The oldest messages that may be sent, as many as `bytes` allow, but one at least, and so that no more than
    /// `window` are unfinished. They count as sent.
    pub(super) fn send(&mut self, window: usize, bytes: usize) -> Vec<Due> {
        let (mut due, mut taken) = (Vec::new(), 0);
        let room = window.saturating_sub(self.unfinished.len());
        if room == 0 {
            return due;
        }
        let in_use: Vec<u16> = self.unfinished.iter().map(|seq| packet_id(*seq)).collect();
        for (seq, entry) in &mut self.entries {
            let State::Ready { again } = entry.state else { continue };
            let packet_id = packet_id(*seq);
            let is_full = due.len() == room || (taken > 0 && taken + entry.bytes > bytes);
            // Its identifier is still in use by one that was sent 65,535 messages ago.
            if is_full || in_use.contains(&packet_id) {
                break;
            }
            taken += entry.bytes;
            entry.state = State::Sent;
            due.push(Due { seq: *seq, packet_id, again });
        }
        self.unfinished.extend(due.iter().map(|due| due.seq));
        due
    }

    /// A PUBACK came.
    pub(super) fn acknowledged(&mut self, packet_id: u16) -> Option<Gone> {
        let seq = self.find(packet_id, |entry| entry.state == State::Sent && entry.qos != Qos::ExactlyOnce)?;
        self.discard(seq)
    }

    /// A PUBREC came that refuses the message.
    pub(super) fn refused(&mut self, packet_id: u16) -> Option<Gone> {
        let seq = self.find(packet_id, |entry| entry.state == State::Sent && entry.qos == Qos::ExactlyOnce)?;
        self.discard(seq)
    }

    /// A PUBREC came. None if no message is known by that identifier; else which, and how many rows it took before.
    pub(super) fn received(&mut self, packet_id: u16) -> Option<Gone> {
        let waits_for_it =
            |entry: &Entry| entry.qos == Qos::ExactlyOnce && matches!(entry.state, State::Sent | State::Released);
        let seq = self.find(packet_id, waits_for_it)?;
        let entry = self.entries.get_mut(&seq)?;
        let gone = Gone { seq, pieces: entry.pieces };
        (entry.state, entry.pieces) = (State::Released, 1);
        self.bytes -= std::mem::take(&mut entry.bytes);
        Some(gone)
    }

    /// A PUBCOMP came.
    pub(super) fn completed(&mut self, packet_id: u16) -> Option<Gone> {
        let seq = self.find(packet_id, |entry| entry.state == State::Released)?;
        self.discard(seq)
    }

    /// The connection is gone: what was sent is to be sent again.
    pub(super) fn detach(&mut self) {
        let entries = &mut self.entries;
        self.unfinished.retain(|seq| match entries.get_mut(seq) {
            Some(entry) if entry.state == State::Sent => {
                entry.state = State::Ready { again: true };
                false
            }
            _ => true,
        });
    }

    /// The packet identifiers for which PUBREL is to be sent again.
    pub(super) fn released(&self) -> Vec<u16> {
        let is_released = |seq: &&u64| self.entries.get(seq).is_some_and(|entry| entry.state == State::Released);
        self.unfinished.iter().filter(is_released).map(|seq| packet_id(*seq)).collect()
    }

    /// Messages that wait or are under way.
    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    /// Bytes of them.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Every message.
    pub(super) fn all(&self) -> impl Iterator<Item = Gone> {
        self.entries.iter().map(|(seq, entry)| Gone { seq: *seq, pieces: entry.pieces })
    }

    fn release(&mut self, seq: u64, change: impl FnOnce(&mut bool, &mut bool)) -> bool {
        let Some(entry) = self.entries.get_mut(&seq) else { return false };
        let State::Held { mut is_stored, mut is_told } = entry.state else { return false };
        change(&mut is_stored, &mut is_told);
        let is_ready = is_stored && is_told;
        entry.state = if is_ready { State::Ready { again: false } } else { State::Held { is_stored, is_told } };
        is_ready
    }

    fn put(&mut self, seq: u64, entry: Entry) {
        self.bytes += entry.bytes;
        self.entries.insert(seq, entry);
    }

    fn find(&self, id: u16, is_it: impl Fn(&Entry) -> bool) -> Option<u64> {
        let is_it = |seq: &&u64| packet_id(**seq) == id && self.entries.get(seq).is_some_and(&is_it);
        self.unfinished.iter().find(is_it).copied()
    }
}

/// The packet identifier of a message: never 0, and the same for numbers that are a multiple of 65,535 apart.
fn packet_id(seq: u64) -> u16 {
    u16::try_from((seq - 1) % PACKET_IDS + 1).expect("it is at most 65,535")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(messages: &[Qos]) -> Outbox {
        let mut outbox = Outbox::default();
        for qos in messages {
            let seq = outbox.keep(1, 10, *qos);
            assert!(!outbox.stored(seq));
            assert!(outbox.tell(seq));
        }
        outbox
    }

    fn ids(due: &[Due]) -> Vec<(u16, bool)> {
        due.iter().map(|due| (due.packet_id, due.again)).collect()
    }

    #[test]
    fn a_message_is_sent_once_it_was_told_and_gone_once_it_was_acknowledged() {
        let mut outbox = Outbox::default();
        let seq = outbox.keep(2, 10, Qos::AtLeastOnce);
        assert!(!outbox.tell(seq));
        assert_eq!(outbox.send(9, 99), []);
        assert!(outbox.stored(seq));
        assert!(!outbox.tell(seq));
        assert_eq!(ids(&outbox.send(9, 99)), [(1, false)]);
        assert_eq!(outbox.send(9, 99), []);
        assert_eq!((outbox.completed(1), outbox.received(1), outbox.acknowledged(2)), (None, None, None));
        assert_eq!(outbox.acknowledged(1), Some(Gone { seq, pieces: 2 }));
        assert_eq!((outbox.len(), outbox.bytes(), outbox.unfinished.len()), (0, 0, 0));
    }

    #[test]
    fn what_was_not_acknowledged_is_sent_again_first_and_with_its_identifier() {
        let mut outbox = with(&[Qos::AtLeastOnce, Qos::ExactlyOnce, Qos::AtLeastOnce, Qos::AtLeastOnce]);
        assert_eq!(ids(&outbox.send(3, 99)), [(1, false), (2, false), (3, false)]);
        assert!(outbox.acknowledged(3).is_some());
        outbox.detach();
        assert_eq!(ids(&outbox.send(9, 99)), [(1, true), (2, true), (4, false)]);
    }

    #[test]
    fn a_received_message_is_never_sent_again() {
        let mut outbox = with(&[Qos::ExactlyOnce]);
        outbox.send(1, 99);
        assert_eq!(outbox.acknowledged(1), None);
        assert_eq!(outbox.received(1), Some(Gone { seq: 1, pieces: 1 }));
        outbox.detach();
        assert_eq!(outbox.send(9, 99), []);
        assert_eq!(outbox.released(), [1]);
        assert!(outbox.received(1).is_some());
        assert_eq!(outbox.completed(1), Some(Gone { seq: 1, pieces: 1 }));
        assert_eq!(outbox.completed(1), None);
    }

    #[test]
    fn the_oldest_that_waits_goes_to_make_room_and_never_what_is_under_way() {
        let mut outbox = with(&[Qos::AtLeastOnce, Qos::AtLeastOnce, Qos::AtLeastOnce]);
        outbox.send(1, 99);
        assert_eq!(outbox.drop_oldest().map(|gone| gone.seq), Some(2));
        assert_eq!(outbox.drop_oldest().map(|gone| gone.seq), Some(3));
        assert_eq!(outbox.drop_oldest(), None);
        assert_eq!(outbox.bytes(), 10);
    }

    #[test]
    fn a_large_message_is_sent_alone() {
        let mut outbox = with(&[Qos::AtLeastOnce, Qos::AtLeastOnce]);
        assert_eq!(outbox.send(9, 5).len(), 1);
        assert_eq!(outbox.send(9, 5).len(), 1);
    }

    #[test]
    fn an_identifier_in_use_is_not_given_to_another_message() {
        let mut outbox = Outbox::default();
        outbox.restore(1, 1, 0, Qos::ExactlyOnce, true);
        outbox.last_seq = PACKET_IDS;
        let seq = outbox.keep(1, 10, Qos::AtLeastOnce);
        assert!(!outbox.stored(seq) && outbox.tell(seq));
        assert_eq!(outbox.send(9, 99), []);
        outbox.completed(1);
        assert_eq!(ids(&outbox.send(9, 99)), [(1, false)]);
    }

    #[test]
    fn what_was_stored_goes_on_as_it_was() {
        let mut outbox = Outbox::default();
        outbox.restore(7, 1, 10, Qos::AtLeastOnce, false);
        outbox.restore(8, 1, 0, Qos::ExactlyOnce, true);
        assert_eq!(outbox.next_seq(), 9);
        assert_eq!(outbox.released(), [8]);
        assert_eq!(ids(&outbox.send(9, 99)), [(7, true)]);
    }
}
