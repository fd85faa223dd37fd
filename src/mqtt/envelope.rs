//! What the router carries to one session: a copy of an event, sealed with what the session needs to send it on.
//!
//! ```text
//! generation u64 | sequence u64 | flags u8 | expires u64 | ids u16 | id u32 … | properties length u32 | properties
//!     | topic length u16 | topic | data
//! ```
//! It never leaves the process. One envelope is one allocation of its exact size.

use std::sync::Arc;

use bytes::Buf;
use bytes::BufMut;
use bytes::Bytes;
use bytes::BytesMut;

use crate::model::Event;
use crate::model::Qos;
use crate::mqtt::codec::write_lasting;

/// An opened envelope.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Envelope {
    /// Which borrowing of the slot it is for; another one drops it.
    pub(super) generation: u64,
    /// Its place among the envelopes of that borrowing, from 0, without gaps.
    pub(super) sequence: u64,
    /// The QoS to send it with.
    pub(super) qos: Qos,
    /// The retain flag to send it with.
    pub(super) retain: bool,
    /// When nobody gets it any more, in milliseconds since the boot.
    pub(super) expires_ms: Option<u64>,
    /// The subscription identifiers of all filters that matched.
    pub(super) subscription_ids: Vec<u32>,
    /// What its publisher said about it, as `codec::write_lasting` writes it.
    pub(super) properties: Bytes,
    /// The event's name.
    pub(super) topic: Bytes,
    /// The event's data.
    pub(super) data: Bytes,
}

/// What does not come from the event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Label<'a> {
    pub(super) generation: u64,
    pub(super) sequence: u64,
    pub(super) qos: Qos,
    pub(super) retain: bool,
    pub(super) expires_ms: Option<u64>,
    pub(super) subscription_ids: &'a [u32],
}

const FIXED_BYTES: usize = 8 + 8 + 1 + 8 + 2 + 4 + 2;

/// In the flags, beside the QoS.
const RETAIN: u8 = 0b100;

/// Written for what never expires.
const NEVER: u64 = u64::MAX;

impl Envelope {
    /// Seals a copy. Identifiers and topic bytes beyond 65,535 do not fit and are left out; neither can be.
    pub(super) fn seal(label: Label<'_>, properties: &[u8], topic: &str, data: &str) -> Bytes {
        let ids = &label.subscription_ids[..label.subscription_ids.len().min(usize::from(u16::MAX))];
        let topic = &topic.as_bytes()[..topic.len().min(usize::from(u16::MAX))];
        let bytes = FIXED_BYTES + 4 * ids.len() + properties.len() + topic.len() + data.len();
        let mut sealed = BytesMut::with_capacity(bytes);
        sealed.put_u64(label.generation);
        sealed.put_u64(label.sequence);
        sealed.put_u8(label.qos.as_u8() | if label.retain { RETAIN } else { 0 });
        sealed.put_u64(label.expires_ms.unwrap_or(NEVER));
        sealed.put_u16(u16::try_from(ids.len()).expect("cut above"));
        for id in ids {
            sealed.put_u32(*id);
        }
        sealed.put_u32(u32::try_from(properties.len()).expect("properties come in one packet"));
        sealed.put_slice(properties);
        sealed.put_u16(u16::try_from(topic.len()).expect("cut above"));
        sealed.put_slice(topic);
        sealed.put_slice(data.as_bytes());
        sealed.freeze()
    }

    /// Opens one. `None` for what `seal` did not make.
    pub(super) fn open(mut sealed: Bytes) -> Option<Self> {
        if sealed.len() < FIXED_BYTES {
            return None;
        }
        let generation = sealed.get_u64();
        let sequence = sealed.get_u64();
        let flags = sealed.get_u8();
        let (qos, retain) = (Qos::from_u8(flags & !RETAIN)?, flags & RETAIN != 0);
        let expires_ms = Some(sealed.get_u64()).filter(|expires_ms| *expires_ms != NEVER);
        let ids = usize::from(sealed.get_u16());
        if sealed.len() < 4 * ids + 4 {
            return None;
        }
        let subscription_ids = (0..ids).map(|_| sealed.get_u32()).collect();
        let properties_bytes = usize::try_from(sealed.get_u32()).ok()?;
        if sealed.len() < properties_bytes.checked_add(2)? {
            return None;
        }
        let properties = sealed.split_to(properties_bytes);
        let topic_bytes = usize::from(sealed.get_u16());
        if sealed.len() < topic_bytes {
            return None;
        }
        let topic = sealed.split_to(topic_bytes);
        let data = sealed;
        Some(Self { generation, sequence, qos, retain, expires_ms, subscription_ids, properties, topic, data })
    }

    /// A retained message for one session. It does not come through the router; its data is shared, not copied.
    pub(super) fn retained(event: &Arc<Event>, qos: Qos, expires_ms: Option<u64>, subscription_ids: Vec<u32>) -> Self {
        let mut properties = BytesMut::new();
        if let Some(said) = &event.publishing.properties {
            write_lasting(said, &mut properties);
        }
        Self {
            generation: 0,
            sequence: 0,
            qos,
            retain: true,
            expires_ms,
            subscription_ids,
            properties: properties.freeze(),
            topic: Bytes::copy_from_slice(event.name.as_str().as_bytes()),
            data: Bytes::from_owner(Data(Arc::clone(event))),
        }
    }

    /// Bytes that it occupies while it waits.
    pub(super) fn len(&self) -> usize {
        FIXED_BYTES + 4 * self.subscription_ids.len() + self.properties.len() + self.topic.len() + self.data.len()
    }
}

/// The data of an event that others hold, too.
struct Data(Arc<Event>);

impl AsRef<[u8]> for Data {
    fn as_ref(&self) -> &[u8] {
        self.0.data.as_bytes()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn an_envelope_holds_what_was_sealed(
            generation: u64,
            sequence: u64,
            qos in 0_u8..3,
            retain: bool,
            expires_ms in prop::option::of(0..u64::MAX),
            properties in prop::collection::vec(any::<u8>(), 0..40),
            ids in prop::collection::vec(any::<u32>(), 0..5),
            topic in "[a-z/]{0,40}",
            data in ".{0,200}",
        ) {
            let qos = Qos::from_u8(qos).unwrap();
            let label = Label { generation, sequence, qos, retain, expires_ms, subscription_ids: &ids };
            let sealed = Envelope::seal(label, &properties, &topic, &data);
            let bytes = sealed.len();
            let envelope = Envelope::open(sealed).unwrap();
            prop_assert_eq!(envelope.len(), bytes);
            prop_assert_eq!(envelope, Envelope {
                generation,
                sequence,
                qos,
                retain,
                expires_ms,
                subscription_ids: ids,
                properties: Bytes::from(properties),
                topic: Bytes::from(topic),
                data: Bytes::from(data),
            });
        }

        #[test]
        fn what_is_no_envelope_is_not_opened(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
            let whole = bytes.len();
            if let Some(envelope) = Envelope::open(Bytes::from(bytes)) {
                prop_assert_eq!(envelope.len(), whole);
            }
        }
    }
}
