//! The words of MQTT for the rest of this module: packets as values, for both versions, free of rumqttd's types.

use bytes::Bytes;

use crate::model::Properties;
use crate::model::Publishing;
use crate::model::Qos;
use crate::sessions::Expiry;

/// Protocol versions that are spoken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Version {
    /// MQTT 3.1.1, protocol level 4.
    V4,
    /// MQTT 5, protocol level 5.
    V5,
}

/// Reason codes. Source: MQTT 5, section 2.4.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Reason {
    Success = 0x00,
    Unspecified = 0x80,
    MalformedPacket = 0x81,
    ProtocolError = 0x82,
    UnsupportedVersion = 0x84,
    ClientIdInvalid = 0x85,
    BadLogin = 0x86,
    NotAuthorized = 0x87,
    ServerUnavailable = 0x88,
    ServerBusy = 0x89,
    ShuttingDown = 0x8B,
    BadAuthenticationMethod = 0x8C,
    KeepAliveTimeout = 0x8D,
    SessionTakenOver = 0x8E,
    FilterInvalid = 0x8F,
    TopicInvalid = 0x90,
    ReceiveMaximumExceeded = 0x93,
    TopicAliasInvalid = 0x94,
    PacketTooLarge = 0x95,
    QuotaExceeded = 0x97,
    PayloadInvalid = 0x99,
    SharedNotSupported = 0x9E,
}

impl Reason {
    pub(super) fn is_failure(self) -> bool {
        self as u8 >= 0x80
    }
}

/// A packet that ends its connection, with the reason that a version 5 client is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0:?}")]
pub(super) struct Violation(pub(super) Reason);

impl Violation {
    pub(super) const MALFORMED: Self = Self(Reason::MalformedPacket);
    pub(super) const PROTOCOL: Self = Self(Reason::ProtocolError);
}

/// A client asks for a session.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "CONNECT has so many flags")]
pub(super) struct Connect {
    pub(super) client_id: String,
    /// 3.1.1 clean session, 5 clean start.
    pub(super) clean: bool,
    /// How long the session shall live without a connection.
    pub(super) expiry: Expiry,
    /// Seconds; 0 for none.
    pub(super) keep_alive_s: u16,
    /// User name and password. `None` when both are absent or empty.
    pub(super) login: Option<(String, String)>,
    pub(super) will: Option<Will>,
    /// Deliveries that the client takes before it acknowledges.
    pub(super) receive_maximum: u16,
    /// Bytes of a whole packet that the client takes.
    pub(super) max_packet_bytes: Option<usize>,
    /// Topic aliases that the client takes: 1 to this.
    pub(super) topic_aliases: u16,
    /// Whether the client wants reason strings.
    pub(super) wants_reasons: bool,
    /// Whether the client wants to know where answers for it may be published.
    pub(super) wants_response_information: bool,
    /// The client wants to log in by exchanging AUTH packets.
    pub(super) has_authentication_method: bool,
}

/// What to publish for a client that goes without a DISCONNECT.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Will {
    pub(super) topic: String,
    pub(super) data: Bytes,
    /// Seconds that the client has to come back before it is published.
    pub(super) delay_s: u32,
    pub(super) publishing: Publishing,
}

/// A publish of a client. `data` is an exact copy: it does not keep the connection's read buffer alive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Publish {
    /// Empty only with a topic alias.
    pub(super) topic: String,
    /// Stands for the topic, or shall from now on. Not 0.
    pub(super) topic_alias: Option<u16>,
    pub(super) data: Bytes,
    pub(super) qos: Qos,
    /// 0 with QoS 0, never otherwise.
    pub(super) packet_id: u16,
    pub(super) dup: bool,
    pub(super) retain: bool,
    /// None if there is nothing in them.
    pub(super) properties: Option<Box<Properties>>,
}

/// One filter of a SUBSCRIBE, as it arrived.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Wish {
    pub(super) filter: String,
    pub(super) qos: Qos,
    pub(super) no_local: bool,
    /// Whether events come with the retain flag with which they were published.
    pub(super) keeps_retain: bool,
    pub(super) retained: RetainHandling,
}

/// Which retained messages a subscription begins with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum RetainHandling {
    /// Those that it matches.
    Always,
    /// Those that it matches, if the session did not have it.
    WhenNew,
    /// None.
    Never,
}

/// What a client may send after its CONNECT.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Received {
    Publish(Publish),
    PubAck { packet_id: u16 },
    PubRec { packet_id: u16, refused: bool },
    PubRel { packet_id: u16 },
    PubComp { packet_id: u16 },
    Subscribe { packet_id: u16, subscription_id: Option<u32>, wishes: Vec<Wish> },
    Unsubscribe { packet_id: u16, filters: Vec<String> },
    Ping,
    Disconnect { with_will: bool, expiry_s: Option<u32> },
}

/// What is sent to a client, deliveries apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Reply {
    ConnAck(ConnAck),
    PubAck {
        packet_id: u16,
        reason: Reason,
        text: Option<String>,
    },
    PubRec {
        packet_id: u16,
        reason: Reason,
        text: Option<String>,
    },
    PubRel {
        packet_id: u16,
        known: bool,
    },
    PubComp {
        packet_id: u16,
        known: bool,
    },
    SubAck {
        packet_id: u16,
        grants: Vec<Result<Qos, Reason>>,
    },
    UnsubAck {
        packet_id: u16,
        existed: Vec<bool>,
    },
    Pong,
    /// 3.1.1 has no such packet to clients: nothing is written.
    Disconnect {
        reason: Reason,
    },
}

/// An event on its way to a client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Delivery<'a> {
    pub(super) qos: Qos,
    /// 0 with QoS 0, never otherwise.
    pub(super) packet_id: u16,
    pub(super) dup: bool,
    pub(super) retain: bool,
    pub(super) topic: &'a [u8],
    pub(super) data: &'a [u8],
    pub(super) subscription_ids: &'a [u32],
    /// What its publisher said about it, as `codec::write_lasting` writes it.
    pub(super) properties: &'a [u8],
    /// Seconds that it lives on.
    pub(super) expiry_s: Option<u32>,
    /// What stands for the topic, or shall from now on.
    pub(super) alias: Option<Alias>,
}

/// What stands for a topic.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Alias {
    pub(super) number: u16,
    /// Whether the client was told before: then the topic is left out.
    pub(super) is_known: bool,
}

/// The answer to a CONNECT.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ConnAck {
    pub(super) reason: Reason,
    /// Whether the session was there before.
    pub(super) session_present: bool,
    /// What a version 5 client is told of its limits; `None` when it is refused.
    pub(super) offer: Option<Offer>,
}

/// The limits of a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Offer {
    pub(super) receive_maximum: u16,
    pub(super) max_packet_bytes: usize,
    /// How long the session lives without a connection, where that is not what the client asked for.
    pub(super) expiry_s: Option<u32>,
    pub(super) topic_aliases: u16,
    /// In place of what the client asked for.
    pub(super) keep_alive_s: Option<u16>,
    /// Made for a client that brought none.
    pub(super) assigned_client_id: Option<String>,
    /// What topics for its answers begin with, for a client that asked.
    pub(super) response_information: Option<String>,
}
