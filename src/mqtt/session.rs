//! One client's session over one connection: what its packets mean, and what is sent to it. It waits for nothing and
//! does no I/O; `connection` drives it. What outlives the connection is in `crate::sessions`.

use std::collections::HashSet;
use std::collections::VecDeque;

use bytes::Bytes;
use bytes::BytesMut;
use log::debug;

use crate::bus::Publication;
use crate::bus::Publisher;
use crate::bus::Refusal;
use crate::bus::ResendMark;
use crate::bus::Verdict;
use crate::clock::Now;
use crate::model::EventName;
use crate::model::EventNameError;
use crate::model::Publishing;
use crate::model::Qos;
use crate::model::spec;
use crate::mqtt::aliases::Ours;
use crate::mqtt::aliases::Theirs;
use crate::mqtt::codec;
use crate::mqtt::ending::Ending;
use crate::mqtt::envelope::Envelope;
use crate::mqtt::inbound::Inbound;
use crate::mqtt::inbound::Step;
use crate::mqtt::membership::Membership;
use crate::mqtt::membership::Subscribed;
use crate::mqtt::outbound::Outbound;
use crate::mqtt::packet::Connect;
use crate::mqtt::packet::Delivery;
use crate::mqtt::packet::Publish;
use crate::mqtt::packet::Reason;
use crate::mqtt::packet::Received;
use crate::mqtt::packet::Reply;
use crate::mqtt::packet::Version;
use crate::mqtt::packet::Wish;
use crate::mqtt::settings::Settings;
use crate::mqtt::waiting::Latest;
use crate::mqtt::waiting::Waiting;
use crate::sessions::Attached;
use crate::sessions::Expiry;
use crate::sessions::Heard;
use crate::sessions::Holder;
use crate::sessions::Outgoing;
use crate::sessions::Reading;
use crate::sessions::SessionKey;
use crate::store::Written;

/// Bytes that may wait in the output before no more deliveries are put there.
const OUTPUT_BYTES: usize = 32 * 1_024;

/// Retained messages that may wait for a slow client; then it is granted no subscription until it took some.
const RETAINED_WAITING: usize = 4 * spec::RETAINED;

/// See the module.
#[derive(Debug)]
pub(super) struct Session {
    version: Version,
    publisher: Publisher,
    fingerprint: u64,
    wants_reasons: bool,
    /// Bytes of a packet that the client takes.
    client_packet_bytes: usize,
    /// Bytes of a publish's data that are handed in.
    max_data_bytes: usize,
    inbound: Inbound,
    outbound: Outbound,
    incoming_aliases: Theirs,
    outgoing_aliases: Ours,
    membership: Membership,
    /// None if the session ends with its connection.
    lasting: Option<Attached>,
    /// Messages that may be sent and not acknowledged.
    window: usize,
    waiting: VecDeque<Waiting>,
    /// Of those that came from the router.
    waiting_events: usize,
    waiting_bytes: usize,
    /// Of the others.
    waiting_retained: usize,
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

/// What is to be done before a packet is answered.
#[derive(Debug)]
pub(super) enum Errand {
    /// To hand a publish in.
    HandIn(HandIn),
    /// To wait until the disk has it; then the reply may be sent.
    Record(Written, Reply),
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
        lasting: Option<Attached>,
        settings: &Settings,
    ) -> Self {
        let limit = (version == Version::V5).then_some(settings.receive_maximum);
        let received = lasting.as_ref().map(Attached::received).unwrap_or_default();
        let window = settings.max_in_flight.min(connect.receive_maximum);
        Self {
            version,
            publisher: publisher(key.holder),
            fingerprint: key.fingerprint(),
            wants_reasons: connect.wants_reasons,
            max_data_bytes: settings.max_packet_bytes,
            client_packet_bytes: connect.max_packet_bytes.unwrap_or(usize::MAX),
            inbound: Inbound::resume(limit, received),
            outbound: Outbound::new(window),
            incoming_aliases: Theirs::new(if version == Version::V5 { settings.topic_aliases } else { 0 }),
            outgoing_aliases: Ours::new(settings.topic_aliases.min(connect.topic_aliases)),
            membership,
            lasting,
            window: usize::from(window.max(1)),
            waiting: VecDeque::new(),
            waiting_events: 0,
            waiting_bytes: 0,
            waiting_retained: 0,
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

    /// The session's other half, which outlives the connection.
    pub(super) fn lasting(&self) -> Option<&Attached> {
        self.lasting.as_ref()
    }

    /// Sends PUBREL again for what the client had received over earlier connections.
    pub(super) fn resume(&self, out: &mut BytesMut) {
        for packet_id in self.lasting.iter().flat_map(Attached::released) {
            self.reply(Reply::PubRel { packet_id, known: true }, out);
        }
    }

    /// A packet came. Replies go to `out`; what has to be done before an answer comes back.
    ///
    /// # Errors
    /// Why the connection ends.
    pub(super) fn receive(&mut self, packet: Received, now: Now, out: &mut BytesMut) -> Result<Option<Errand>, Ending> {
        match packet {
            Received::Publish(publish) => return Ok(self.publish(publish, out)?.map(Errand::HandIn)),
            Received::PubAck { packet_id } => match &self.lasting {
                Some(lasting) => lasting.acknowledged(packet_id),
                None => self.outbound.acknowledged(packet_id),
            },
            Received::PubRec { packet_id, refused } => return Ok(self.pubrec(packet_id, refused, out)),
            Received::PubRel { packet_id } => {
                let known = self.inbound.release(packet_id);
                let reply = Reply::PubComp { packet_id, known };
                return Ok(match &self.lasting {
                    Some(lasting) if known => Some(Errand::Record(lasting.release(packet_id), reply)),
                    _ => {
                        self.reply(reply, out);
                        None
                    }
                });
            }
            Received::PubComp { packet_id } => match &self.lasting {
                Some(lasting) => lasting.completed(packet_id),
                None => self.outbound.completed(packet_id),
            },
            Received::Subscribe { packet_id, subscription_id, wishes } => {
                return Ok(self.subscribe(packet_id, subscription_id, wishes, now, out));
            }
            Received::Unsubscribe { packet_id, filters } => {
                let existed = self.membership.unsubscribe(&filters, self.lasting.as_ref());
                return Ok(self.recorded(Reply::UnsubAck { packet_id, existed }, out));
            }
            Received::Ping => self.reply(Reply::Pong, out),
            Received::Disconnect { with_will, expiry_s } => {
                self.change_expiry(expiry_s)?;
                return Err(if with_will { Ending::LeftWithWill } else { Ending::Left });
            }
        }
        Ok(None)
    }

    fn pubrec(&mut self, packet_id: u16, refused: bool, out: &mut BytesMut) -> Option<Errand> {
        let known = match &self.lasting {
            Some(lasting) if refused => {
                lasting.refused(packet_id);
                return None;
            }
            Some(lasting) => match lasting.received_by_client(packet_id) {
                Some(recorded) => return Some(Errand::Record(recorded, Reply::PubRel { packet_id, known: true })),
                None => false,
            },
            None => self.outbound.received(packet_id, refused)?,
        };
        self.reply(Reply::PubRel { packet_id, known }, out);
        None
    }

    /// A reply to a change of what is subscribed: if it shall last, it is on the disk first.
    fn recorded(&self, reply: Reply, out: &mut BytesMut) -> Option<Errand> {
        if let Some(lasting) = &self.lasting {
            return Some(Errand::Record(lasting.record(), reply));
        }
        self.reply(reply, out);
        None
    }

    /// The client says with its leave how long the session shall live. Source: MQTT 5, 3.14.2.2.2.
    fn change_expiry(&mut self, expiry_s: Option<u32>) -> Result<(), Ending> {
        let Some(expiry) = expiry_s.map(Expiry::of_v5) else { return Ok(()) };
        match &self.lasting {
            Some(lasting) => lasting.set_expiry(expiry),
            None if expiry.is_at_once() => {}
            None => return Err(Ending::Violated(Reason::ProtocolError)),
        }
        Ok(())
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
        if let Some(lasting) = self.lasting.as_ref().filter(|_| qos == Qos::ExactlyOnce && !reason.is_failure()) {
            lasting.hold(packet_id);
        }
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
            self.waiting_events += 1;
            self.waiting_bytes += envelope.len();
            self.waiting.push_back(Waiting::Passing(envelope));
        }
        let too_much = self.waiting_events > self.max_waiting_events || self.waiting_bytes > self.max_waiting_bytes;
        // A single event is sent however large it is.
        if too_much && self.waiting_events > 1 { Err(Ending::Lagging) } else { Ok(()) }
    }

    /// Messages that were kept were read.
    pub(super) fn expect_kept(&mut self, read: Vec<Outgoing>) {
        self.waiting.extend(read.into_iter().map(Waiting::Kept));
    }

    /// Begins to read more of what was kept, if the client may get it and nothing waits that was read before.
    pub(super) fn take_kept(&self) -> Option<Reading> {
        let has_some = self.waiting.iter().any(|waiting| matches!(waiting, Waiting::Kept(_)));
        let lasting = self.lasting.as_ref().filter(|_| !has_some)?;
        lasting.take(self.window, self.membership.owner())
    }

    /// Writes waiting events to `out`, as many as the client and the output have room for, in their order.
    pub(super) fn deliver(&mut self, now: Now, out: &mut BytesMut) {
        while out.len() < OUTPUT_BYTES {
            let Some(next) = self.waiting.pop_front() else { return };
            let left_ms = next.left_ms(now);
            // MQTT 5, 3.3.2.3.3: what expired before anybody began to send it is not sent.
            let has_expired = left_ms == Some(0) && !matches!(&next, Waiting::Kept(outgoing) if outgoing.due.again);
            let packet_id = match &next {
                _ if has_expired => 0,
                Waiting::Kept(outgoing) => outgoing.due.packet_id,
                passing if passing.qos() == Qos::AtMostOnce => 0,
                _ if !self.outbound.has_room() => return self.waiting.push_front(next),
                passing => self.outbound.open(passing.qos()),
            };
            let expiry_s = left_ms.map(|left_ms| u32::try_from(left_ms.div_ceil(1_000)).unwrap_or(u32::MAX));
            let is_sent = !has_expired && self.send(&next, packet_id, expiry_s, out);
            match (&next, &self.lasting) {
                (Waiting::Kept(outgoing), Some(lasting)) if !is_sent => lasting.give_up(outgoing.due.seq),
                (Waiting::Kept(_), _) => {}
                (Waiting::Passing(envelope), _) => {
                    self.waiting_events -= 1;
                    self.waiting_bytes -= envelope.len();
                }
                (Waiting::Retained(_), _) => self.waiting_retained -= 1,
            }
        }
    }

    /// Appends a packet to `out`.
    pub(super) fn reply(&self, reply: Reply, out: &mut BytesMut) {
        codec::encode(self.version, reply, out);
    }

    /// Appends something to `out`, unless it is larger than the client takes.
    fn send(&mut self, next: &Waiting, packet_id: u16, expiry_s: Option<u32>, out: &mut BytesMut) -> bool {
        let mut said = BytesMut::new();
        let plain = Delivery { expiry_s, ..next.delivery(packet_id, &mut said) };
        let alias = self.outgoing_aliases.of(plain.topic);
        if self.fits(Delivery { alias, ..plain }, out) {
            if let Some(alias) = alias {
                self.outgoing_aliases.told(plain.topic, alias);
            }
            return true;
        }
        if alias.is_some() && self.fits(plain, out) {
            return true;
        }
        // MQTT 5, 3.1.2.11.4: such a packet is dropped as if it had been delivered.
        if packet_id != 0 && !matches!(next, Waiting::Kept(_)) {
            self.outbound.cancel(packet_id);
        }
        debug!(publisher:? = self.publisher; "an event is larger than its subscriber takes");
        false
    }

    fn fits(&self, delivery: Delivery<'_>, out: &mut BytesMut) -> bool {
        let before = out.len();
        codec::encode_delivery(self.version, delivery, out);
        let fits = out.len() - before <= self.client_packet_bytes;
        if !fits {
            out.truncate(before);
        }
        fits
    }

    /// Subscribes, with what is retained. To a session that outlives its connection that goes the way of everything that
    /// is acknowledged; what has no room there comes with QoS 0, while the connection lasts.
    fn subscribe(
        &mut self,
        packet_id: u16,
        id: Option<u32>,
        wishes: Vec<Wish>,
        now: Now,
        out: &mut BytesMut,
    ) -> Option<Errand> {
        let Subscribed { grants, retained } = if self.waiting_retained < RETAINED_WAITING {
            self.membership.subscribe(wishes, id, self.lasting.as_ref(), now)
        } else {
            Subscribed { grants: vec![Err(Reason::QuotaExceeded); wishes.len()], retained: Vec::new() }
        };
        let reply = Reply::SubAck { packet_id, grants };
        let Some(lasting) = &self.lasting else {
            self.reply(reply, out);
            self.begin_with(retained);
            return None;
        };
        let is_kept = |copy: &&Latest| copy.heard.qos > Qos::AtMostOnce;
        let messages = retained.iter().filter(is_kept).map(|copy| copy.heard.clone().message(&copy.event));
        let (recorded, rest) = lasting.record_with(messages.collect());
        let rest: HashSet<EventName> = rest.into_iter().map(|message| message.topic).collect();
        let passing = retained.into_iter().filter(|copy| !is_kept(&copy) || rest.contains(&copy.event.name));
        let at_most_once = |copy: Latest| Latest { heard: Heard { qos: Qos::AtMostOnce, ..copy.heard }, ..copy };
        self.begin_with(passing.map(at_most_once).collect());
        Some(Errand::Record(recorded, reply))
    }

    fn begin_with(&mut self, retained: Vec<Latest>) {
        self.waiting_retained += retained.len();
        let envelope = |Latest { event, heard, expires_ms }| {
            Waiting::Retained(Envelope::retained(&event, heard.qos, expires_ms, heard.subscription_ids))
        };
        self.waiting.extend(retained.into_iter().map(envelope));
    }

    fn publish(&mut self, publish: Publish, out: &mut BytesMut) -> Result<Option<HandIn>, Ending> {
        let Publish { topic, topic_alias, data, qos, packet_id, dup, retain, properties } = publish;
        let topic = self.incoming_aliases.resolve(topic, topic_alias).map_err(Ending::Violated)?;
        match self.inbound.publish(qos, packet_id) {
            Step::TooMany => return Err(Ending::Violated(Reason::ReceiveMaximumExceeded)),
            Step::Wait => return Ok(None),
            Step::AnswerAgain => {
                self.answer(Ticket { qos, packet_id }, Reason::Success, None, out);
                return Ok(None);
            }
            Step::HandIn => {}
        }
        // Only a source may send as much.
        let data = if data.len() > self.max_data_bytes { Bytes::new() } else { data };
        let ticket = (qos != Qos::AtMostOnce).then_some(Ticket { qos, packet_id });
        let is_held = qos == Qos::ExactlyOnce && self.lasting.is_some();
        let resend = ticket.map(|_| ResendMark { session: self.fingerprint, packet_id, dup, is_held });
        let publication = Publication {
            name: topic,
            data,
            ttl_s: None,
            publisher: self.publisher,
            resend,
            publishing: Publishing { qos, retain, session: Some(self.fingerprint), properties },
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

/// Who publishes in a session.
pub(super) fn publisher(holder: Holder) -> Publisher {
    match holder {
        Holder::Device(id) => Publisher::Device(id),
        Holder::User(id) => Publisher::user(id),
    }
}

/// What a version 5 client is told of a refusal.
fn reason_of(refusal: &Refusal) -> Reason {
    match refusal {
        Refusal::Name(EventNameError::Reserved { .. }) | Refusal::UnknownPublisher => Reason::NotAuthorized,
        Refusal::Name(_) => Reason::TopicInvalid,
        // "Packet too large" is not among the codes of a PUBACK.
        Refusal::DataTooLarge { .. } | Refusal::Description(_) => Reason::PayloadInvalid,
        Refusal::Full { .. } | Refusal::Retained(_) => Reason::QuotaExceeded,
        Refusal::Stopping => Reason::Unspecified,
    }
}
