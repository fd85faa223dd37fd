//! Reason codes in rumqttd's words. Each list has what is ever sent; what a packet type has no word for is written as
//! its "unspecified", since rumqttd panics on codes of the other version.

use rumqttd::protocol;

use crate::model::Qos;
use crate::mqtt::packet::Reason;
use crate::mqtt::packet::Version;

/// For a CONNACK.
pub(super) fn connack_code(version: Version, reason: Reason) -> protocol::ConnectReturnCode {
    match version {
        Version::V4 => connack_code_v4(reason),
        Version::V5 => connack_code_v5(reason),
    }
}

/// For a PUBACK.
pub(super) fn puback_reason(reason: Reason) -> protocol::PubAckReason {
    match reason {
        Reason::Success => protocol::PubAckReason::Success,
        Reason::NotAuthorized => protocol::PubAckReason::NotAuthorized,
        Reason::TopicInvalid => protocol::PubAckReason::TopicNameInvalid,
        Reason::QuotaExceeded => protocol::PubAckReason::QuotaExceeded,
        Reason::PayloadInvalid => protocol::PubAckReason::PayloadFormatInvalid,
        _ => protocol::PubAckReason::UnspecifiedError,
    }
}

/// For a PUBREC.
pub(super) fn pubrec_reason(reason: Reason) -> protocol::PubRecReason {
    match reason {
        Reason::Success => protocol::PubRecReason::Success,
        Reason::NotAuthorized => protocol::PubRecReason::NotAuthorized,
        Reason::TopicInvalid => protocol::PubRecReason::TopicNameInvalid,
        Reason::QuotaExceeded => protocol::PubRecReason::QuotaExceeded,
        Reason::PayloadInvalid => protocol::PubRecReason::PayloadFormatInvalid,
        _ => protocol::PubRecReason::UnspecifiedError,
    }
}

/// For one filter in a SUBACK.
pub(super) fn suback_code(version: Version, grant: Result<Qos, Reason>) -> protocol::SubscribeReasonCode {
    use protocol::SubscribeReasonCode as Code;
    match grant {
        Ok(Qos::AtMostOnce) => Code::QoS0,
        Ok(Qos::AtLeastOnce) => Code::QoS1,
        Ok(Qos::ExactlyOnce) => Code::QoS2,
        Err(_) if version == Version::V4 => Code::Failure,
        Err(Reason::NotAuthorized) => Code::NotAuthorized,
        Err(Reason::FilterInvalid) => Code::TopicFilterInvalid,
        Err(Reason::QuotaExceeded) => Code::QuotaExceeded,
        Err(Reason::SharedNotSupported) => Code::SharedSubscriptionsNotSupported,
        Err(_) => Code::Unspecified,
    }
}

fn connack_code_v4(reason: Reason) -> protocol::ConnectReturnCode {
    use protocol::ConnectReturnCode as Code;
    match reason {
        Reason::Success => Code::Success,
        Reason::UnsupportedVersion => Code::RefusedProtocolVersion,
        Reason::ClientIdInvalid => Code::ClientIdentifierNotValid,
        Reason::BadLogin => Code::BadUserNamePassword,
        Reason::NotAuthorized => Code::NotAuthorized,
        _ => Code::ServiceUnavailable,
    }
}

fn connack_code_v5(reason: Reason) -> protocol::ConnectReturnCode {
    use protocol::ConnectReturnCode as Code;
    match reason {
        Reason::Success => Code::Success,
        Reason::MalformedPacket => Code::MalformedPacket,
        Reason::ProtocolError => Code::ProtocolError,
        Reason::UnsupportedVersion => Code::UnsupportedProtocolVersion,
        Reason::ClientIdInvalid => Code::ClientIdentifierNotValid,
        Reason::BadLogin => Code::BadUserNamePassword,
        Reason::NotAuthorized => Code::NotAuthorized,
        Reason::ServerUnavailable => Code::ServerUnavailable,
        Reason::ServerBusy => Code::ServerBusy,
        Reason::BadAuthenticationMethod => Code::BadAuthenticationMethod,
        Reason::PacketTooLarge => Code::PacketTooLarge,
        _ => Code::UnspecifiedError,
    }
}
