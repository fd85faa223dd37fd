//! What waits to be sent to a client, in its turn: from the router, from what is retained, from what was kept.

use std::sync::Arc;

use bytes::BytesMut;

use crate::clock;
use crate::clock::Now;
use crate::model::Event;
use crate::model::Qos;
use crate::mqtt::codec;
use crate::mqtt::envelope::Envelope;
use crate::mqtt::packet::Delivery;
use crate::sessions::Heard;
use crate::sessions::Outgoing;

/// A retained message for one session.
#[derive(Debug)]
pub(super) struct Latest {
    pub(super) event: Arc<Event>,
    pub(super) heard: Heard,
    /// When it ends, in milliseconds since the boot.
    pub(super) expires_ms: Option<u64>,
}

/// Something to send to the client, in its turn.
#[derive(Debug)]
pub(super) enum Waiting {
    /// It came from the router.
    Passing(Envelope),
    /// It is retained, for a subscription: it does not count as an event for which the client is too slow.
    Retained(Envelope),
    /// It was kept.
    Kept(Outgoing),
}

impl Waiting {
    pub(super) fn qos(&self) -> Qos {
        match self {
            Self::Passing(envelope) | Self::Retained(envelope) => envelope.qos,
            Self::Kept(outgoing) => outgoing.message.qos,
        }
    }

    /// Milliseconds that it lives on; none if it does not end.
    pub(super) fn left_ms(&self, now: Now) -> Option<u64> {
        match self {
            Self::Passing(envelope) | Self::Retained(envelope) => {
                envelope.expires_ms.map(|expires_ms| expires_ms.saturating_sub(now.mono_ms))
            }
            Self::Kept(outgoing) => outgoing.message.left_ms(now.wall, clock::BUILT_AT),
        }
    }

    /// `said` is the room for what its publisher said about it.
    pub(super) fn delivery<'a>(&'a self, packet_id: u16, said: &'a mut BytesMut) -> Delivery<'a> {
        let (expiry_s, alias) = (None, None);
        match self {
            Self::Passing(envelope) | Self::Retained(envelope) => Delivery {
                qos: envelope.qos,
                packet_id,
                dup: false,
                retain: envelope.retain,
                topic: &envelope.topic,
                data: &envelope.data,
                subscription_ids: &envelope.subscription_ids,
                properties: &envelope.properties,
                expiry_s,
                alias,
            },
            Self::Kept(Outgoing { due, message }) => {
                if let Some(properties) = &message.properties {
                    codec::write_lasting(properties, said);
                }
                Delivery {
                    qos: message.qos,
                    packet_id,
                    dup: due.again,
                    retain: message.retain,
                    topic: message.topic.as_str().as_bytes(),
                    data: message.data.as_bytes(),
                    subscription_ids: &message.subscription_ids,
                    properties: said,
                    expiry_s,
                    alias,
                }
            }
        }
    }
}
