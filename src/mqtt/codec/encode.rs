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

use crate::mqtt::codec::reasons::connack_code;
use crate::mqtt::codec::reasons::puback_reason;
use crate::mqtt::codec::reasons::pubrec_reason;
use crate::mqtt::codec::reasons::suback_code;
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

fn encode_connack(version: Version, connack: ConnAck, out: &mut BytesMut) {
    let properties = connack.offer.filter(|_| version == Version::V5).map(|offer| protocol::ConnAckProperties {
        session_expiry_interval: offer.expiry_s,
        receive_max: Some(offer.receive_maximum),
        max_packet_size: u32::try_from(offer.max_packet_bytes).ok(),
        assigned_client_identifier: offer.assigned_client_id,
        retain_available: Some(1),
        topic_alias_max: Some(offer.topic_aliases),
        server_keep_alive: offer.keep_alive_s,
        response_information: offer.response_information,
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
