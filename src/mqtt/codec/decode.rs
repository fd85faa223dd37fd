//! Bytes to packets.

use bytes::BufMut;
use bytes::Bytes;
use bytes::BytesMut;
use rumqttd::protocol;
use rumqttd::protocol::Packet;
use rumqttd::protocol::Protocol;
use rumqttd::protocol::v4::V4;
use rumqttd::protocol::v5::V5;

use crate::model::Properties;
use crate::model::Publishing;
use crate::model::Qos;
use crate::mqtt::codec::properties::USER_PROPERTIES;
use crate::mqtt::codec::properties::response_topic;
use crate::mqtt::codec::publish;
use crate::mqtt::frame::Header;
use crate::mqtt::frame::kind;
use crate::mqtt::packet::Connect;
use crate::mqtt::packet::Reason;
use crate::mqtt::packet::Received;
use crate::mqtt::packet::RetainHandling;
use crate::mqtt::packet::Version;
use crate::mqtt::packet::Violation;
use crate::mqtt::packet::Will;
use crate::mqtt::packet::Wish;
use crate::sessions::Expiry;

/// What the first packet says of its protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::mqtt) enum Greeting {
    /// A version that is spoken here.
    Spoken(Version),
    /// MQTT, but another version; the refusal is written in the form of the given one.
    Unspoken(Version),
}

/// Reads the protocol's name and level from a whole CONNECT.
///
/// # Errors
/// It is not MQTT at all, or its flags cannot be.
pub(in crate::mqtt) fn greet(frame: &[u8], header: Header) -> Result<Greeting, Violation> {
    let body = &frame[header.fixed_bytes..];
    let (level, flags) = match body {
        [0, 4, b'M', b'Q', b'T', b'T', level, flags, ..] => (*level, *flags),
        [0, 6, b'M', b'Q', b'I', b's', b'd', b'p', ..] => return Ok(Greeting::Unspoken(Version::V4)),
        _ => return Err(Violation::MALFORMED),
    };
    let version = match level {
        4 => Version::V4,
        5 => Version::V5,
        0..4 => return Ok(Greeting::Unspoken(Version::V4)),
        6.. => return Ok(Greeting::Unspoken(Version::V5)),
    };
    let is_reserved_set = flags & 0b1 != 0;
    let has_password_alone = flags & 0b1100_0000 == 0b0100_0000;
    if is_reserved_set || (version == Version::V4 && has_password_alone) {
        return Err(Violation::MALFORMED);
    }
    Ok(Greeting::Spoken(version))
}

/// Reads a whole CONNECT.
pub(in crate::mqtt) fn decode_connect(version: Version, frame: BytesMut) -> Result<Connect, Violation> {
    let Packet::Connect(connect, properties, will, will_properties, login) = read(version, frame)? else {
        return Err(Violation::PROTOCOL);
    };
    let will = will.map(|will| read_will(&will, will_properties)).transpose()?;
    let properties = properties.as_ref();
    if properties.and_then(|p| p.receive_maximum) == Some(0) || properties.and_then(|p| p.max_packet_size) == Some(0) {
        return Err(Violation::PROTOCOL);
    }
    if connect.client_id.contains('\0') {
        return Err(Violation::MALFORMED);
    }
    let expiry = match version {
        Version::V4 if connect.clean_session => Expiry::AT_ONCE,
        Version::V4 => Expiry::NEVER,
        Version::V5 => Expiry::of_v5(properties.and_then(|p| p.session_expiry_interval).unwrap_or(0)),
    };
    Ok(Connect {
        client_id: connect.client_id,
        clean: connect.clean_session,
        expiry,
        keep_alive_s: connect.keep_alive,
        login: login.map(|login| (login.username, login.password)),
        will,
        receive_maximum: properties.and_then(|p| p.receive_maximum).unwrap_or(u16::MAX),
        max_packet_bytes: properties.and_then(|p| p.max_packet_size).and_then(|bytes| usize::try_from(bytes).ok()),
        topic_aliases: properties.and_then(|p| p.topic_alias_max).unwrap_or(0),
        wants_response_information: properties.and_then(|p| p.request_response_info) == Some(1),
        wants_reasons: properties.and_then(|p| p.request_problem_info) != Some(0),
        has_authentication_method: properties.is_some_and(|p| p.authentication_method.is_some()),
    })
}

/// Reads a whole packet that is no CONNECT.
///
/// # Errors
/// What ends the connection.
pub(in crate::mqtt) fn decode(version: Version, header: Header, mut frame: BytesMut) -> Result<Received, Violation> {
    let body_bytes = header.total_bytes - header.fixed_bytes;
    match (header.kind, body_bytes) {
        (kind::PINGREQ, 0) => return Ok(Received::Ping),
        (kind::PINGREQ, _) => return Err(Violation::MALFORMED),
        (kind::CONNECT, _) => return Err(Violation::PROTOCOL),
        // A reason code alone is allowed (MQTT 5, 3.14.2.2.1); rumqttd wants the properties' length, too.
        (kind::DISCONNECT, 1) if version == Version::V5 => {
            frame[header.fixed_bytes - 1] = 2;
            frame.put_u8(0);
        }
        _ => {}
    }
    if header.kind == kind::PUBLISH {
        return publish::read(version, header, &frame).map(Received::Publish);
    }
    match read(version, frame)? {
        Packet::PubAck(ack, _) => Ok(Received::PubAck { packet_id: numbered(ack.pkid)? }),
        Packet::PubRec(ack, _) => Ok(Received::PubRec {
            packet_id: numbered(ack.pkid)?,
            refused: !matches!(
                ack.reason,
                protocol::PubRecReason::Success | protocol::PubRecReason::NoMatchingSubscribers
            ),
        }),
        Packet::PubRel(ack, _) => Ok(Received::PubRel { packet_id: numbered(ack.pkid)? }),
        Packet::PubComp(ack, _) => Ok(Received::PubComp { packet_id: numbered(ack.pkid)? }),
        Packet::Subscribe(subscribe, properties) => {
            let id = properties.and_then(|properties| properties.id);
            let subscription_id = id.map(|id| u32::try_from(id).map_err(|_| Violation::MALFORMED)).transpose()?;
            if subscription_id == Some(0) || subscribe.filters.is_empty() {
                return Err(Violation::PROTOCOL);
            }
            let wishes = subscribe.filters.into_iter().map(wish).collect();
            Ok(Received::Subscribe { packet_id: numbered(subscribe.pkid)?, subscription_id, wishes })
        }
        Packet::Unsubscribe(unsubscribe, _) if unsubscribe.filters.is_empty() => Err(Violation::PROTOCOL),
        Packet::Unsubscribe(unsubscribe, _) => {
            Ok(Received::Unsubscribe { packet_id: numbered(unsubscribe.pkid)?, filters: unsubscribe.filters })
        }
        Packet::Disconnect(disconnect, properties) => Ok(Received::Disconnect {
            with_will: disconnect.reason_code != protocol::DisconnectReasonCode::NormalDisconnection,
            expiry_s: properties.and_then(|properties| properties.session_expiry_interval),
        }),
        _ => Err(Violation::PROTOCOL),
    }
}

fn read(version: Version, mut frame: BytesMut) -> Result<Packet, Violation> {
    let bytes = frame.len();
    let packet = match version {
        Version::V4 => V4.read_mut(&mut frame, bytes),
        Version::V5 => V5.read_mut(&mut frame, bytes),
    };
    packet.map_err(|error| match error {
        protocol::Error::PacketIdZero | protocol::Error::EmptySubscription => Violation::PROTOCOL,
        _ => Violation::MALFORMED,
    })
}

fn read_will(will: &protocol::LastWill, said: Option<protocol::LastWillProperties>) -> Result<Will, Violation> {
    let mut delay_s = 0;
    let properties = said.map(|said| {
        delay_s = said.delay_interval.unwrap_or(0);
        let is_text = match said.payload_format_indicator {
            None => None,
            Some(flag @ (0 | 1)) => Some(flag == 1),
            Some(_) => return Err(Violation::PROTOCOL),
        };
        Ok(Box::new(Properties {
            is_text,
            expiry_s: said.message_expiry_interval,
            content_type: said.content_type,
            response_topic: said.response_topic.map(|topic| response_topic(&topic)).transpose()?,
            correlation_data: said.correlation_data.map(Vec::from),
            user: said.user_properties,
        }))
    });
    let properties = properties.transpose()?.filter(|properties| **properties != Properties::default());
    if properties.as_ref().is_some_and(|properties| properties.user.len() > USER_PROPERTIES) {
        return Err(Violation(Reason::QuotaExceeded));
    }
    let publishing = Publishing { qos: qos_of(will.qos), retain: will.retain, session: None, properties };
    Ok(Will { topic: text(&will.topic)?, data: copy(&will.message), delay_s, publishing })
}

fn wish(filter: protocol::Filter) -> Wish {
    let retained = match filter.retain_forward_rule {
        protocol::RetainForwardRule::OnEverySubscribe => RetainHandling::Always,
        protocol::RetainForwardRule::OnNewSubscribe => RetainHandling::WhenNew,
        protocol::RetainForwardRule::Never => RetainHandling::Never,
    };
    Wish {
        filter: filter.path,
        qos: qos_of(filter.qos),
        no_local: filter.nolocal,
        keeps_retain: filter.preserve_retain,
        retained,
    }
}

fn qos_of(qos: protocol::QoS) -> Qos {
    match qos {
        protocol::QoS::AtMostOnce => Qos::AtMostOnce,
        protocol::QoS::AtLeastOnce => Qos::AtLeastOnce,
        protocol::QoS::ExactlyOnce => Qos::ExactlyOnce,
    }
}

fn numbered(packet_id: u16) -> Result<u16, Violation> {
    if packet_id == 0 { Err(Violation::PROTOCOL) } else { Ok(packet_id) }
}

/// A topic as text. NUL must end the connection (MQTT 5, 1.5.4).
fn text(bytes: &Bytes) -> Result<String, Violation> {
    match std::str::from_utf8(bytes) {
        Ok(text) if !text.contains('\0') => Ok(text.to_owned()),
        _ => Err(Violation::MALFORMED),
    }
}

fn copy(bytes: &Bytes) -> Bytes {
    Bytes::copy_from_slice(bytes)
}
