//! PUBLISH, both ways. Written here rather than by rumqttd, which keeps the packet id to itself, does not check that
//! the properties end where they say, and mixes them up.

use bytes::BufMut;
use bytes::Bytes;
use bytes::BytesMut;

use crate::model::Qos;
use crate::mqtt::codec::cursor::Cursor;
use crate::mqtt::codec::properties;
use crate::mqtt::frame::Header;
use crate::mqtt::frame::kind;
use crate::mqtt::packet::Delivery;
use crate::mqtt::packet::Publish;
use crate::mqtt::packet::Reason;
use crate::mqtt::packet::Version;
use crate::mqtt::packet::Violation;

/// Reads a whole PUBLISH. `data` is an exact copy: it does not keep the connection's read buffer alive.
pub(super) fn read(version: Version, header: Header, frame: &[u8]) -> Result<Publish, Violation> {
    let qos = Qos::from_u8((header.flags >> 1) & 0b11).ok_or(Violation::MALFORMED)?;
    let mut cursor = Cursor::new(frame.get(header.fixed_bytes..).ok_or(Violation::MALFORMED)?);
    let topic = cursor.text()?.to_owned();
    let packet_id = match qos {
        Qos::AtMostOnce => 0,
        _ => Some(cursor.number()?).filter(|packet_id| *packet_id != 0).ok_or(Violation::PROTOCOL)?,
    };
    let (mut properties, mut topic_alias) = (None, None);
    if version == Version::V5 {
        let bytes = cursor.properties()?;
        let (said, alias) = properties::read(bytes)?;
        topic_alias = alias;
        properties = (said != crate::model::Properties::default()).then(|| Box::new(said));
        if topic_alias == Some(0) {
            return Err(Violation(Reason::TopicAliasInvalid));
        }
        if topic.is_empty() && topic_alias.is_none() {
            return Err(Violation::PROTOCOL);
        }
    }
    let data = Bytes::copy_from_slice(cursor.rest());
    let (dup, retain) = (header.flags & 0b1000 != 0, header.flags & 0b0001 != 0);
    Ok(Publish { topic, topic_alias, data, qos, packet_id, dup, retain, properties })
}

/// Appends a delivery to `out`.
pub(in crate::mqtt) fn encode_delivery(version: Version, delivery: Delivery<'_>, out: &mut BytesMut) {
    let Delivery { qos, packet_id, dup, retain, topic, data, .. } = delivery;
    let topic = if delivery.alias.is_some_and(|alias| alias.is_known) { &[] } else { topic };
    let (mut said, mut lasting) = (BytesMut::new(), &[][..]);
    if version == Version::V5 {
        let alias = delivery.alias.map(|alias| alias.number);
        let mut passing = BytesMut::new();
        properties::write_passing(delivery.expiry_s, delivery.subscription_ids, alias, &mut passing);
        lasting = delivery.properties;
        properties::write_length(passing.len() + lasting.len(), &mut said);
        said.put_slice(&passing);
    }
    let id_bytes = if qos == Qos::AtMostOnce { 0 } else { 2 };
    out.put_u8(kind::PUBLISH << 4 | u8::from(dup) << 3 | qos.as_u8() << 1 | u8::from(retain));
    properties::write_length(2 + topic.len() + id_bytes + said.len() + lasting.len() + data.len(), out);
    properties::write_data(topic, out);
    if id_bytes > 0 {
        out.put_u16(packet_id);
    }
    out.put_slice(&said);
    out.put_slice(lasting);
    out.put_slice(data);
}
