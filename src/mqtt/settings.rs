//! What an owner may set of the MQTT listener. Every number is a bound; what happens at it is said beside it.

use std::net::Ipv6Addr;
use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::time::Duration;

use crate::model::spec;
use crate::mqtt::gate::Bounds;

/// Connections beside those of the sessions: those that log in, are refused, or take a session over.
const MORE_CONNECTIONS: usize = 64;

/// The settings of the listener.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Where to listen. Port 0 takes a free one, which `Server::plain` tells.
    pub listen: SocketAddr,
    /// Where to listen for TLS; nowhere without.
    pub tls_listen: Option<SocketAddr>,
    /// Sessions at the same time; more are refused with "server unavailable" (3.1.1) or "server busy" (5).
    pub max_connections: usize,
    /// Connections at the same time from one address; more are closed. `None` is no limit, here and in the next two.
    pub max_connections_of_one: Option<NonZeroU32>,
    /// New connections in any second; more wait.
    pub new_per_second: Option<NonZeroU32>,
    /// New connections in any second from one address; more are closed.
    pub new_per_second_of_one: Option<NonZeroU32>,
    /// Topic filters that one session may hold; more are refused one by one in the SUBACK.
    pub max_filters_per_session: usize,
    /// Bytes of a packet after its fixed header; a larger one ends the connection before it is read.
    pub max_packet_bytes: usize,
    /// The same for sources. Systems tell much beside what their devices say, Zigbee2MQTT for one all that each device can
    /// do. Of a publish above [`Self::max_packet_bytes`] the data is dropped: no rule has to read as much.
    pub max_source_packet_bytes: usize,
    /// The same for SUBSCRIBE and UNSUBSCRIBE, whose filters are checked one by one and then forgotten.
    pub max_subscribe_bytes: usize,
    /// Publishes of one connection that may wait for their verdict; then reading pauses. Version 5 clients are told.
    pub receive_maximum: u16,
    /// Topics for which either side may let a number stand; a client that uses a greater one is disconnected.
    pub topic_aliases: u16,
    /// Seconds between two packets of a version 5 client, at most; who asks for more, or for none, is told this.
    pub max_keep_alive_s: u16,
    /// Events of QoS 1 and 2 that a client may leave unacknowledged; more wait. The client may ask for fewer.
    pub max_in_flight: u16,
    /// Events that may wait for one slow client; at more it is disconnected, since it would miss some.
    pub max_waiting_events: usize,
    /// The same in bytes.
    pub max_waiting_bytes: usize,
    /// How long a session may live without a connection, whatever its client asks for.
    pub longest_away: Duration,
    /// How long a new connection may take for the handshake of TLS, and then to say CONNECT.
    pub connect_timeout: Duration,
    /// How long a client may take nothing of what is written to it.
    pub write_timeout: Duration,
    /// How long a stopping listener waits for verdicts that are still to come.
    pub stop_timeout: Duration,
    /// How long a client whose publish the full store refused is left before its connection is closed (3.1.1 only).
    pub full_pause: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv6Addr::UNSPECIFIED, 1883)),
            tls_listen: None,
            max_connections: 256,
            max_connections_of_one: None,
            new_per_second: None,
            new_per_second_of_one: None,
            max_filters_per_session: 100,
            max_packet_bytes: spec::EVENT_DATA_BYTES + 4_096,
            max_source_packet_bytes: 1_024 * 1_024,
            max_subscribe_bytes: 128 * 1_024,
            receive_maximum: 64,
            topic_aliases: 16,
            max_keep_alive_s: 3_600,
            max_in_flight: 32,
            max_waiting_events: 1_024,
            max_waiting_bytes: 1_024 * 1_024,
            longest_away: Duration::from_secs(7 * 24 * 3_600),
            connect_timeout: Duration::from_secs(10),
            write_timeout: Duration::from_secs(30),
            stop_timeout: Duration::from_secs(3),
            full_pause: Duration::from_secs(1),
        }
    }
}

impl Settings {
    /// How many may connect.
    pub(super) fn gate(&self) -> Bounds {
        Bounds {
            connections: self.max_connections + MORE_CONNECTIONS,
            of_one: self.max_connections_of_one,
            new: self.new_per_second,
            new_of_one: self.new_per_second_of_one,
        }
    }
}
