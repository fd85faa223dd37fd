//! One client's session: what its packets mean, and what is sent to it. It waits for nothing and does no I/O;
//! `connection` drives it. It ends with its connection.

use std::collections::VecDeque;

use bytes::BytesMut;
use log::debug;

use crate::bus::Publication;
use crate::bus::Publisher;
use crate::bus::Refusal;
use crate::bus::ResendMark;
use crate::bus::Verdict;
use crate::model::EventNameError;
use crate::model::Publishing;
use crate::model::Qos;
use crate::mqtt::codec;
use crate::mqtt::ending::Ending;
use crate::mqtt::envelope::Envelope;
use crate::mqtt::inbound::Inbound;
use crate::mqtt::inbound::Step;
use crate::mqtt::membership::Membership;
use crate::mqtt::outbound::Outbound;
use crate::mqtt::packet::Connect;
use crate::mqtt::packet::Publish;
use crate::mqtt::packet::Reason;
use crate::mqtt::packet::Received;
use crate::mqtt::packet::Reply;
use crate::mqtt::packet::Version;
use crate::mqtt::sessions::SessionKey;
use crate::mqtt::settings::Settings;

/// Bytes that may wait in the output before no more deliveries are put there.
const OUTPUT_BYTES: usize = 32 * 1_024;

/// See the module.
#[derive(Debug)]
pub(super) struct Session {
    version: Version,
    publisher: Publisher,
    fingerprint: u64,
    wants_reasons: bool,
    /// Bytes of a packet that the client takes.
    client_packet_bytes: usize,
    inbound: Inbound,
    outbound: Outbound,
    membership: Membership,
    waiting: VecDeque<Envelope>,
    waiting_bytes: usize,
    max_waiting_events: usize,
    max_waiting_bytes: usize,
    next_sequence: u64,
}

/// How to answer a publish of QoS 1 or 2 when its verdict comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Ticket {
    qos: Qos,
    packet_id: u16,
}

/// Something to hand to the intake. Without a ticket nobody waits for the verdict.
#[derive(Debug)]
pub(super) struct HandIn {
    pub(super) publication: Publication,
    pub(super) ticket: Option<Ticket>,
}

/// A publish that must not be acknowledged: the client keeps it and sends it again on its next connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unanswerable {
    /// The store is full, and 3.1.1 has no words for it.
    Full,
    /// The gateway is stopping.
    Stopping,
}

impl Session {
    pub(super) fn new(
        version: Version,
        connect: &Connect,
        key: &SessionKey,
        membership: Membership,
        settings: &Settings,
    ) -> Self {
        let limit = (version == Version::V5).then_some(settings.receive_maximum);
        Self {
            version,
            publisher: key.publisher(),
            fingerprint: key.fingerprint(),
            wants_reasons: connect.wants_reasons,
            client_packet_bytes: connect.max_packet_bytes.unwrap_or(usize::MAX),
            inbound: Inbound::new(limit),
            outbound: Outbound::new(settings.max_in_flight.min(connect.receive_maximum)),
            membership,
            waiting: VecDeque::new(),
            waiting_bytes: 0,
            max_waiting_events: settings.max_waiting_events,
            max_waiting_bytes: settings.max_waiting_bytes,
            next_sequence: 0,
        }
    }

    /// The protocol version of the client.
    pub(super) fn version(&self) -> Version {
        self.version
    }

    /// This session's place among who listens.
    pub(super) fn membership(&mut self) -> &mut Membership {
        &mut self.membership
    }

    /// A packet came. Replies go to `out`; a publish comes back, to be handed in.
    ///
    /// # Errors
    /// Why the connection ends.
    pub(super) fn receive(&mut self, packet: Received, out: &mut BytesMut) -> Result<Option<HandIn>, Ending> {
        match packet {
            Received::Publish(publish) => return self.publish(publish, out),
            Received::PubAck { packet_id } => self.outbound.acknowledged(packet_id),
            Received::PubRec { packet_id, refused } => {
                if let Some(known) = self.outbound.received(packet_id, refused) {
                    self.reply(Reply::PubRel { packet_id, known }, out);
                }
            }
            Received::PubRel { packet_id } => {
                let known = self.inbound.release(packet_id);
                self.reply(Reply::PubComp { packet_id, known }, out);
            }
            Received::PubComp { packet_id } => self.outbound.completed(packet_id),
            Received::Subscribe { packet_id, subscription_id, wishes } => {
                let grants = self.membership.subscribe(wishes, subscription_id);
                self.reply(Reply::SubAck { packet_id, grants }, out);
            }
            Received::Unsubscribe { packet_id, filters } => {
                let existed = self.membership.unsubscribe(&filters);
                self.reply(Reply::UnsubAck { packet_id, existed }, out);
            }
            Received::Ping => self.reply(Reply::Pong, out),
            Received::Disconnect { with_will: false } => return Err(Ending::Left),
            Received::Disconnect { with_will: true } => return Err(Ending::LeftWithWill),
        }
        Ok(None)
    }

    /// A verdict came for a publish.
    ///
    /// # Errors
    /// It must not be acknowledged, and the connection should end soon.
    pub(super) fn decide(&mut self, ticket: Ticket, verdict: Verdict, out: &mut BytesMut) -> Result<(), Unanswerable> {
        let Ticket { qos, packet_id } = ticket;
        let (reason, text) = match (verdict, self.version) {
            (Err(Refusal::Stopping), _) => return Err(Unanswerable::Stopping),
            (Err(Refusal::Full { .. }), Version::V4) => return Err(Unanswerable::Full),
            // 3.1.1 has no words for a refusal; the intake has told the device on its stream.
            (Ok(_), _) | (Err(_), Version::V4) => (Reason::Success, None),
            (Err(refusal), Version::V5) => (reason_of(&refusal), Some(refusal.to_string())),
        };
        self.inbound.decided(qos, packet_id, !reason.is_failure());
        self.answer(ticket, reason, text, out);
        Ok(())
    }

    /// Envelopes came from the router.
    ///
    /// # Errors
    /// [`Ending::Lagging`] when more wait than may, or some are missing: the client is told by a disconnect, never
    /// left without what it subscribed to.
    pub(super) fn expect(&mut self, arrivals: &mut VecDeque<Envelope>) -> Result<(), Ending> {
        for envelope in arrivals.drain(..) {
            if envelope.sequence != self.next_sequence {
                return Err(Ending::Lagging);
            }
            self.next_sequence += 1;
            self.waiting_bytes += envelope.len();
            self.waiting.push_back(envelope);
        }
        let too_much = self.waiting.len() > self.max_waiting_events || self.waiting_bytes > self.max_waiting_bytes;
        // A single event is sent however large it is.
        if too_much && self.waiting.len() > 1 { Err(Ending::Lagging) } else { Ok(()) }
    }

    /// Writes waiting events to `out`, as many as the client and the output have room for, in their order.
    pub(super) fn deliver(&mut self, out: &mut BytesMut) {
        while out.len() < OUTPUT_BYTES {
            let Some(next) = self.waiting.front() else { return };
            if next.qos != Qos::AtMostOnce && !self.outbound.has_room() {
                return;
            }
            let packet_id = if next.qos == Qos::AtMostOnce { 0 } else { self.outbound.open(next.qos) };
            let before = out.len();
            codec::encode_delivery(self.version, next, packet_id, out);
            if out.len() - before > self.client_packet_bytes {
                // MQTT 5, 3.1.2.11.4: such a packet is dropped as if it had been delivered.
                out.truncate(before);
                self.outbound.cancel(packet_id);
                debug!(publisher:? = self.publisher; "an event is larger than its subscriber takes");
            }
            self.waiting_bytes -= next.len();
            self.waiting.pop_front();
        }
    }

    /// Appends a packet to `out`.
    pub(super) fn reply(&self, reply: Reply, out: &mut BytesMut) {
        codec::encode(self.version, reply, out);
    }

    fn publish(&mut self, publish: Publish, out: &mut BytesMut) -> Result<Option<HandIn>, Ending> {
        let Publish { topic, data, qos, packet_id, dup, retain } = publish;
        if retain && self.version == Version::V5 {
            return Err(Ending::Violated(Reason::RetainNotSupported));
        }
        match self.inbound.publish(qos, packet_id) {
            Step::TooMany => return Err(Ending::Violated(Reason::ReceiveMaximumExceeded)),
            Step::Wait => return Ok(None),
            Step::AnswerAgain => {
                self.answer(Ticket { qos, packet_id }, Reason::Success, None, out);
                return Ok(None);
            }
            Step::HandIn => {}
        }
        let ticket = (qos != Qos::AtMostOnce).then_some(Ticket { qos, packet_id });
        let resend = ticket.map(|_| ResendMark { session: self.fingerprint, packet_id, dup });
        let publication = Publication {
            name: topic,
            data,
            ttl_s: None,
            publisher: self.publisher,
            resend,
            publishing: Publishing { qos },
        };
        Ok(Some(HandIn { publication, ticket }))
    }

    fn answer(&self, ticket: Ticket, reason: Reason, text: Option<String>, out: &mut BytesMut) {
        let Ticket { qos, packet_id } = ticket;
        let build = |text| match qos {
            Qos::ExactlyOnce => Reply::PubRec { packet_id, reason, text },
            _ => Reply::PubAck { packet_id, reason, text },
        };
        let before = out.len();
        self.reply(build(text.filter(|_| self.wants_reasons)), out);
        if out.len() - before > self.client_packet_bytes {
            out.truncate(before);
            self.reply(build(None), out);
        }
    }
}

/// What a version 5 client is told of a refusal.
fn reason_of(refusal: &Refusal) -> Reason {
    match refusal {
        Refusal::Name(EventNameError::Reserved { .. }) | Refusal::UnknownPublisher => Reason::NotAuthorized,
        Refusal::Name(_) => Reason::TopicInvalid,
        // "Packet too large" is not among the codes of a PUBACK.
        Refusal::DataTooLarge { .. } | Refusal::Description(_) => Reason::PayloadInvalid,
        Refusal::Full { .. } => Reason::QuotaExceeded,
        Refusal::Stopping => Reason::Unspecified,
    }
}
