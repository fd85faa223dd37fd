//! What one client sent with QoS 1 and 2 and has not finished yet. Pure.
//!
//! ```text
//! QoS 1   PUBLISH ─> undecided ─ verdict ─> PUBACK
//! QoS 2   PUBLISH ─> undecided ─ verdict ─> PUBREC, received ─ PUBREL ─> PUBCOMP
//! ```
//! A QoS 2 publish that comes again before its PUBREL is answered, not handed in again. Resends over a reconnect are
//! the intake's to know.

use std::collections::HashMap;
use std::collections::HashSet;

use crate::model::Qos;

/// The unfinished publishes of one connection.
#[derive(Debug)]
pub(super) struct Inbound {
    /// Publishes that a version 5 client may leave unfinished; 3.1.1 knows no such limit.
    limit: Option<usize>,
    /// QoS 1 publishes without a verdict.
    at_least_once: usize,
    /// QoS 2 publishes by packet id; at most 65,535.
    exactly_once: HashMap<u16, Stage>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Undecided,
    Received,
}

/// What to do with a publish that arrived.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// Hand it in.
    HandIn,
    /// It was received before: send its PUBREC again.
    AnswerAgain,
    /// It was handed in before, the verdict is still to come.
    Wait,
    /// The client sent more than it was told that it may.
    TooMany,
}

impl Inbound {
    /// `limit` is the receive maximum that the client was told, `received` what it published over earlier connections
    /// and has not released.
    pub(super) fn resume(limit: Option<u16>, received: HashSet<u16>) -> Self {
        let exactly_once = received.into_iter().map(|packet_id| (packet_id, Stage::Received)).collect();
        Self { limit: limit.map(usize::from), at_least_once: 0, exactly_once }
    }

    /// A publish arrived.
    pub(super) fn publish(&mut self, qos: Qos, packet_id: u16) -> Step {
        match (qos, self.exactly_once.get(&packet_id)) {
            (Qos::AtMostOnce, _) => return Step::HandIn,
            (Qos::ExactlyOnce, Some(Stage::Received)) => return Step::AnswerAgain,
            (Qos::ExactlyOnce, Some(Stage::Undecided)) => return Step::Wait,
            _ => {}
        }
        if self.limit.is_some_and(|limit| self.at_least_once + self.exactly_once.len() >= limit) {
            return Step::TooMany;
        }
        if qos == Qos::ExactlyOnce {
            self.exactly_once.insert(packet_id, Stage::Undecided);
        } else {
            self.at_least_once += 1;
        }
        Step::HandIn
    }

    /// A verdict came, and the publish is answered now. `open` says whether a PUBREL must follow; it does not when a
    /// version 5 client is told that its publish was refused.
    pub(super) fn decided(&mut self, qos: Qos, packet_id: u16, open: bool) {
        match qos {
            Qos::AtMostOnce => {}
            Qos::AtLeastOnce => self.at_least_once = self.at_least_once.saturating_sub(1),
            Qos::ExactlyOnce if open => {
                self.exactly_once.insert(packet_id, Stage::Received);
            }
            Qos::ExactlyOnce => {
                self.exactly_once.remove(&packet_id);
            }
        }
    }

    /// A PUBREL arrived: whether its publish was known. It is answered with a PUBCOMP in any case.
    pub(super) fn release(&mut self, packet_id: u16) -> bool {
        let known = self.exactly_once.get(&packet_id) == Some(&Stage::Received);
        if known {
            self.exactly_once.remove(&packet_id);
        }
        known
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_repeated_qos_2_publish_is_handed_in_once_until_its_release() {
        let mut inbound = Inbound::resume(Some(8), HashSet::new());
        assert_eq!(inbound.publish(Qos::ExactlyOnce, 7), Step::HandIn);
        assert_eq!(inbound.publish(Qos::ExactlyOnce, 7), Step::Wait);
        inbound.decided(Qos::ExactlyOnce, 7, true);
        assert_eq!(inbound.publish(Qos::ExactlyOnce, 7), Step::AnswerAgain);
        assert!(inbound.release(7));
        assert!(!inbound.release(7));
        assert_eq!(inbound.publish(Qos::ExactlyOnce, 7), Step::HandIn);
    }

    #[test]
    fn what_was_received_over_an_earlier_connection_is_known() {
        let mut resumed = Inbound::resume(Some(8), HashSet::from([7]));
        assert_eq!(resumed.publish(Qos::ExactlyOnce, 7), Step::AnswerAgain);
        assert!(resumed.release(7));
        assert_eq!(resumed.publish(Qos::ExactlyOnce, 7), Step::HandIn);
    }

    #[test]
    fn a_refused_qos_2_publish_needs_no_release() {
        let mut inbound = Inbound::resume(Some(1), HashSet::new());
        assert_eq!(inbound.publish(Qos::ExactlyOnce, 7), Step::HandIn);
        inbound.decided(Qos::ExactlyOnce, 7, false);
        assert_eq!(inbound.publish(Qos::ExactlyOnce, 8), Step::HandIn);
    }

    #[test]
    fn a_client_cannot_leave_more_open_than_it_was_told() {
        let mut inbound = Inbound::resume(Some(2), HashSet::new());
        assert_eq!(inbound.publish(Qos::AtLeastOnce, 1), Step::HandIn);
        assert_eq!(inbound.publish(Qos::ExactlyOnce, 2), Step::HandIn);
        assert_eq!(inbound.publish(Qos::AtLeastOnce, 3), Step::TooMany);
        assert_eq!(inbound.publish(Qos::AtMostOnce, 0), Step::HandIn);
        inbound.decided(Qos::ExactlyOnce, 2, true);
        assert_eq!(inbound.publish(Qos::AtLeastOnce, 3), Step::TooMany);
        inbound.release(2);
        assert_eq!(inbound.publish(Qos::AtLeastOnce, 3), Step::HandIn);
        inbound.decided(Qos::AtLeastOnce, 1, true);
        assert_eq!(inbound.publish(Qos::AtLeastOnce, 4), Step::HandIn);
    }

    #[test]
    fn without_a_limit_every_packet_id_may_be_open() {
        let mut inbound = Inbound::resume(None, HashSet::new());
        for packet_id in 1..=u16::MAX {
            assert_eq!(inbound.publish(Qos::ExactlyOnce, packet_id), Step::HandIn);
        }
        assert_eq!(inbound.publish(Qos::ExactlyOnce, 1), Step::Wait);
    }
}
