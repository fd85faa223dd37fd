//! Packets to bytes.

use bytes::BufMut;
use bytes::BytesMut;
use rumqttd::protocol;
use rumqttd::protocol::Packet;
use rumqttd::protocol::Protocol;
use rumqttd::protocol::PubCompReason;
use rumqttd::protocol::PubRelReason;
use rumqttd::protocol::UnsubAckReason;
use rumqttd::protocol::v4::V4;
use rumqttd::protocol::v5::V5;

use crate::model::Qos;
use crate::mqtt::codec::reasons::connack_code;
use crate::mqtt::codec::reasons::puback_reason;
use crate::mqtt::codec::reasons::pubrec_reason;
use crate::mqtt::codec::reasons::suback_code;
use crate::mqtt::frame::kind;
use crate::mqtt::packet::ConnAck;
use crate::mqtt::packet::Delivery;
use crate::mqtt::packet::Reply;
use crate::mqtt::packet::Version;

/// Appends a packet to `out`.
pub(in crate::mqtt) fn encode(version: Version, reply: Reply, out: &mut BytesMut) {
    let packet = match reply {
        Reply::Disconnect { reason } => {
            if version == Version::V5 {
                out.put_slice(&[kind::DISCONNECT << 4, 2, reason as u8, 0]);
            }
            return;
        }
        Reply::Pong => Packet::PingResp(protocol::PingResp),
        Reply::ConnAck(connack) => return encode_connack(version, connack, out),
        Reply::PubAck { packet_id, reason, text } => {
            let properties = text
                .filter(|_| version == Version::V5)
                .map(|text| protocol::PubAckProperties { reason_string: Some(text), user_properties: Vec::new() });
            Packet::PubAck(protocol::PubAck { pkid: packet_id, reason: puback_reason(reason) }, properties)
        }
        Reply::PubRec { packet_id, reason, text } => {
            let properties = text
                .filter(|_| version == Version::V5)
                .map(|text| protocol::PubRecProperties { reason_string: Some(text), user_properties: Vec::new() });
            Packet::PubRec(protocol::PubRec { pkid: packet_id, reason: pubrec_reason(reason) }, properties)
        }
        Reply::PubRel { packet_id, known } => {
            let reason = if known { PubRelReason::Success } else { PubRelReason::PacketIdentifierNotFound };
            Packet::PubRel(protocol::PubRel { pkid: packet_id, reason }, None)
        }
        Reply::PubComp { packet_id, known } => {
            let reason = if known { PubCompReason::Success } else { PubCompReason::PacketIdentifierNotFound };
            Packet::PubComp(protocol::PubComp { pkid: packet_id, reason }, None)
        }
        Reply::SubAck { packet_id, grants } => {
            let return_codes = grants.into_iter().map(|grant| suback_code(version, grant)).collect();
            Packet::SubAck(protocol::SubAck { pkid: packet_id, return_codes }, None)
        }
        Reply::UnsubAck { packet_id, existed } => {
            let reason =
                |existed| if existed { UnsubAckReason::Success } else { UnsubAckReason::NoSubscriptionExisted };
            let reasons = existed.into_iter().map(reason).collect();
            Packet::UnsubAck(protocol::UnsubAck { pkid: packet_id, reasons }, None)
        }
    };
    write(version, packet, out);
}

/// Appends a PUBLISH to `out`. Written here: rumqttd gives no packet id to one that is made of its parts.
pub(in crate::mqtt) fn encode_delivery(version: Version, delivery: Delivery<'_>, out: &mut BytesMut) {
    let Delivery { qos, packet_id, dup, topic, data, subscription_ids } = delivery;
    let mut properties = BytesMut::new();
    if version == Version::V5 {
        let mut list = BytesMut::new();
        for id in subscription_ids {
            list.put_u8(SUBSCRIPTION_IDENTIFIER);
            put_variable_length(*id, &mut list);
        }
        put_variable_length(length(list.len()), &mut properties);
        properties.put_slice(&list);
    }
    let id_bytes = if qos == Qos::AtMostOnce { 0 } else { 2 };
    out.put_u8(kind::PUBLISH << 4 | u8::from(dup) << 3 | qos.as_u8() << 1);
    put_variable_length(length(2 + topic.len() + id_bytes + properties.len() + data.len()), out);
    out.put_u16(u16::try_from(topic.len()).expect("an event's name has at most 65,535 bytes"));
    out.put_slice(topic);
    if id_bytes > 0 {
        out.put_u16(packet_id);
    }
    out.put_slice(&properties);
    out.put_slice(data);
}

/// Source: MQTT 5, 3.3.2.3.8.
const SUBSCRIPTION_IDENTIFIER: u8 = 0x0B;

fn length(bytes: usize) -> u32 {
    u32::try_from(bytes).expect("events have at most 102,400 bytes")
}

/// Source: MQTT 5, 1.5.5.
fn put_variable_length(mut number: u32, out: &mut BytesMut) {
    loop {
        let low = u8::try_from(number & 0x7F).expect("seven bits");
        number >>= 7;
        if number == 0 {
            return out.put_u8(low);
        }
        out.put_u8(low | 0x80);
    }
}

fn encode_connack(version: Version, connack: ConnAck, out: &mut BytesMut) {
    let properties = connack.offer.filter(|_| version == Version::V5).map(|offer| protocol::ConnAckProperties {
        session_expiry_interval: offer.expiry_s,
        receive_max: Some(offer.receive_maximum),
        max_packet_size: u32::try_from(offer.max_packet_bytes).ok(),
        assigned_client_identifier: offer.assigned_client_id,
        retain_available: Some(0),
        topic_alias_max: Some(0),
        shared_subscription_available: Some(0),
        subscription_identifiers_available: Some(1),
        wildcard_subscription_available: Some(1),
        ..Default::default()
    });
    let code = connack_code(version, connack.reason);
    write(
        version,
        Packet::ConnAck(protocol::ConnAck { session_present: connack.session_present, code }, properties),
        out,
    );
}

fn write(version: Version, packet: Packet, out: &mut BytesMut) {
    let written = match version {
        Version::V4 => V4.write(packet, out),
        Version::V5 => V5.write(packet, out),
    };
    written.expect("packets made here have ids and fit into 268,435,455 bytes");
}
