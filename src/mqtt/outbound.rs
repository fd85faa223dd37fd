//! What was sent with QoS 1 and 2 in a session that ends with its connection, and is not finished yet. Pure.
//!
//! ```text
//! QoS 1   PUBLISH ─> sent ─ PUBACK ─> done
//! QoS 2   PUBLISH ─> sent ─ PUBREC ─> PUBREL, released ─ PUBCOMP ─> done
//! ```
//! Acknowledgements may come in any order; unknown ones change nothing. Nothing is sent twice: within one connection
//! TCP does that, and this does not outlive it.

use std::collections::HashMap;

use crate::model::Qos;

/// The unfinished deliveries of one connection.
#[derive(Debug)]
pub(super) struct Outbound {
    window: usize,
    last_id: u16,
    in_flight: HashMap<u16, Stage>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// With QoS 1: PUBACK is to come.
    Sent1,
    /// With QoS 2: PUBREC is to come.
    Sent2,
    /// PUBCOMP is to come.
    Released,
}

impl Outbound {
    /// Nothing is open, at most `window` will be.
    pub(super) fn new(window: u16) -> Self {
        Self { window: usize::from(window.max(1)), last_id: 0, in_flight: HashMap::new() }
    }

    /// Whether one more may be sent with QoS 1 or 2.
    pub(super) fn has_room(&self) -> bool {
        self.in_flight.len() < self.window
    }

    /// Opens a delivery of QoS 1 or 2 and gives its packet id, which no other open delivery has.
    pub(super) fn open(&mut self, qos: Qos) -> u16 {
        debug_assert!(self.has_room() && qos != Qos::AtMostOnce);
        loop {
            self.last_id = self.last_id.checked_add(1).unwrap_or(1);
            if !self.in_flight.contains_key(&self.last_id) {
                break;
            }
        }
        let stage = if qos == Qos::ExactlyOnce { Stage::Sent2 } else { Stage::Sent1 };
        self.in_flight.insert(self.last_id, stage);
        self.last_id
    }

    /// Takes back what was opened and then not sent.
    pub(super) fn cancel(&mut self, packet_id: u16) {
        self.in_flight.remove(&packet_id);
    }

    /// A PUBACK arrived.
    pub(super) fn acknowledged(&mut self, packet_id: u16) {
        self.finish(packet_id, Stage::Sent1);
    }

    /// A PUBREC arrived. Answers whether its delivery is known: the PUBREL says so. `None`: send no PUBREL, since the
    /// client refused the delivery.
    pub(super) fn received(&mut self, packet_id: u16, refused: bool) -> Option<bool> {
        if refused {
            self.finish(packet_id, Stage::Sent2);
            return None;
        }
        match self.in_flight.get_mut(&packet_id) {
            Some(stage @ (Stage::Sent2 | Stage::Released)) => {
                *stage = Stage::Released;
                Some(true)
            }
            _ => Some(false),
        }
    }

    /// A PUBCOMP arrived.
    pub(super) fn completed(&mut self, packet_id: u16) {
        self.finish(packet_id, Stage::Released);
    }

    fn finish(&mut self, packet_id: u16, at: Stage) {
        if self.in_flight.get(&packet_id) == Some(&at) {
            self.in_flight.remove(&packet_id);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn acknowledgements_may_come_in_any_order() {
        let mut outbound = Outbound::new(3);
        let ids = [Qos::AtLeastOnce, Qos::ExactlyOnce, Qos::AtLeastOnce].map(|qos| outbound.open(qos));
        assert_eq!(ids, [1, 2, 3]);
        assert!(!outbound.has_room());
        outbound.acknowledged(3);
        assert_eq!(outbound.received(2, false), Some(true));
        outbound.acknowledged(1);
        assert_eq!(outbound.received(2, false), Some(true));
        outbound.completed(2);
        assert!(outbound.in_flight.is_empty());
    }

    #[test]
    fn wrong_and_unknown_acknowledgements_change_nothing() {
        let mut outbound = Outbound::new(2);
        let first = outbound.open(Qos::AtLeastOnce);
        let second = outbound.open(Qos::ExactlyOnce);
        outbound.acknowledged(second);
        outbound.completed(first);
        outbound.completed(second);
        outbound.acknowledged(999);
        assert_eq!(outbound.received(first, false), Some(false));
        assert_eq!(outbound.received(999, false), Some(false));
        assert!(!outbound.has_room());
    }

    #[test]
    fn a_refused_delivery_is_done() {
        let mut outbound = Outbound::new(1);
        let id = outbound.open(Qos::ExactlyOnce);
        assert_eq!(outbound.received(id, true), None);
        assert!(outbound.has_room());
    }

    #[test]
    fn packet_ids_wrap_around_what_is_open_and_are_never_zero() {
        let mut outbound = Outbound::new(2);
        let held = outbound.open(Qos::AtLeastOnce);
        assert_eq!(held, 1);
        for _ in 0..2 * u32::from(u16::MAX) {
            let id = outbound.open(Qos::AtLeastOnce);
            assert!(id != 0 && id != held);
            outbound.acknowledged(id);
        }
    }
}
