//! What the router carries to one session: a copy of an event, sealed with what the session needs to send it on.
//!
//! ```text
//! generation u64 | sequence u64 | qos u8 | ids u16 | id u32 … | topic length u16 | topic | data
//! ```
//! It never leaves the process. One envelope is one allocation of its exact size.

use bytes::Buf;
use bytes::BufMut;
use bytes::Bytes;
use bytes::BytesMut;

use crate::model::Qos;

/// An opened envelope.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Envelope {
    /// Which borrowing of the slot it is for; another one drops it.
    pub(super) generation: u64,
    /// Its place among the envelopes of that borrowing, from 0, without gaps.
    pub(super) sequence: u64,
    /// The QoS to send it with.
    pub(super) qos: Qos,
    /// The subscription identifiers of all filters that matched.
    pub(super) subscription_ids: Vec<u32>,
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
    pub(super) subscription_ids: &'a [u32],
}

const FIXED_BYTES: usize = 8 + 8 + 1 + 2 + 2;

impl Envelope {
    /// Seals a copy. Identifiers and topic bytes beyond 65,535 do not fit and are left out; neither can be.
    pub(super) fn seal(label: Label<'_>, topic: &str, data: &str) -> Bytes {
        let ids = &label.subscription_ids[..label.subscription_ids.len().min(usize::from(u16::MAX))];
        let topic = &topic.as_bytes()[..topic.len().min(usize::from(u16::MAX))];
        let mut sealed = BytesMut::with_capacity(FIXED_BYTES + 4 * ids.len() + topic.len() + data.len());
        sealed.put_u64(label.generation);
        sealed.put_u64(label.sequence);
        sealed.put_u8(label.qos.as_u8());
        sealed.put_u16(u16::try_from(ids.len()).expect("cut above"));
        for id in ids {
            sealed.put_u32(*id);
        }
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
        let qos = Qos::from_u8(sealed.get_u8())?;
        let ids = usize::from(sealed.get_u16());
        if sealed.len() < 4 * ids + 2 {
            return None;
        }
        let subscription_ids = (0..ids).map(|_| sealed.get_u32()).collect();
        let topic_bytes = usize::from(sealed.get_u16());
        if sealed.len() < topic_bytes {
            return None;
        }
        let topic = sealed.split_to(topic_bytes);
        Some(Self { generation, sequence, qos, subscription_ids, topic, data: sealed })
    }

    /// Bytes that it occupies while it waits.
    pub(super) fn len(&self) -> usize {
        FIXED_BYTES + 4 * self.subscription_ids.len() + self.topic.len() + self.data.len()
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
            ids in prop::collection::vec(any::<u32>(), 0..5),
            topic in "[a-z/]{0,40}",
            data in ".{0,200}",
        ) {
            let qos = Qos::from_u8(qos).unwrap();
            let sealed = Envelope::seal(Label { generation, sequence, qos, subscription_ids: &ids }, &topic, &data);
            let bytes = sealed.len();
            let envelope = Envelope::open(sealed).unwrap();
            prop_assert_eq!(envelope.len(), bytes);
            prop_assert_eq!(envelope, Envelope {
                generation,
                sequence,
                qos,
                subscription_ids: ids,
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
