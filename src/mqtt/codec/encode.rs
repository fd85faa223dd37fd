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
use crate::mqtt::envelope::Envelope;
use crate::mqtt::frame::kind;
use crate::mqtt::packet::ConnAck;
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

/// Appends a PUBLISH to `out`. `packet_id` is 0 with QoS 0 and never otherwise.
pub(in crate::mqtt) fn encode_delivery(version: Version, delivery: &Envelope, packet_id: u16, out: &mut BytesMut) {
    let publish = if delivery.qos == Qos::AtMostOnce {
        protocol::Publish::new(delivery.topic.clone(), delivery.data.clone(), false)
    } else {
        numbered_publish(delivery, packet_id)
    };
    let properties = (version == Version::V5 && !delivery.subscription_ids.is_empty()).then(|| {
        let ids = delivery.subscription_ids.iter().filter_map(|id| usize::try_from(*id).ok());
        protocol::PublishProperties { subscription_identifiers: ids.collect(), ..Default::default() }
    });
    write(version, Packet::Publish(publish, properties), out);
}

/// The way to a publish with a packet id: rumqttd makes one only from its own serialised form.
fn numbered_publish(delivery: &Envelope, packet_id: u16) -> protocol::Publish {
    let topic_bytes = u16::try_from(delivery.topic.len()).expect("an envelope's topic has at most 65,535 bytes");
    let mut serialised = BytesMut::with_capacity(5 + delivery.topic.len() + delivery.data.len());
    serialised.put_u8(kind::PUBLISH << 4 | delivery.qos.as_u8() << 1);
    serialised.put_u16(packet_id);
    serialised.put_u16(topic_bytes);
    serialised.put_slice(&delivery.topic);
    serialised.put_slice(&delivery.data);
    protocol::Publish::deserialize(serialised.freeze())
}

fn encode_connack(version: Version, connack: ConnAck, out: &mut BytesMut) {
    let properties = connack.offer.filter(|_| version == Version::V5).map(|offer| protocol::ConnAckProperties {
        session_expiry_interval: Some(0),
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
    write(version, Packet::ConnAck(protocol::ConnAck { session_present: false, code }, properties), out);
}

fn write(version: Version, packet: Packet, out: &mut BytesMut) {
    let written = match version {
        Version::V4 => V4.write(packet, out),
        Version::V5 => V5.write(packet, out),
    };
    written.expect("packets made here have ids and fit into 268,435,455 bytes");
}
