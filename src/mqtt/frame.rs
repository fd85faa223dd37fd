//! Where a packet ends, and what can be refused before it is even read: types that only servers send, wrong flags,
//! and packets over the limit. Pure. rumqttd's decoder panics on some of these.

use crate::mqtt::packet::Reason;
use crate::mqtt::packet::Version;
use crate::mqtt::packet::Violation;

/// Bytes that a packet may have after its fixed header.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    /// Any packet but those below.
    pub(super) packet_bytes: usize,
    /// SUBSCRIBE and UNSUBSCRIBE.
    pub(super) subscribe_bytes: usize,
}

/// Packet types, as they stand in the high half of the first byte.
pub(super) mod kind {
    pub(crate) const CONNECT: u8 = 1;
    pub(crate) const CONNACK: u8 = 2;
    pub(crate) const PUBLISH: u8 = 3;
    pub(crate) const PUBREL: u8 = 6;
    pub(crate) const SUBSCRIBE: u8 = 8;
    pub(crate) const SUBACK: u8 = 9;
    pub(crate) const UNSUBSCRIBE: u8 = 10;
    pub(crate) const UNSUBACK: u8 = 11;
    pub(crate) const PINGREQ: u8 = 12;
    pub(crate) const PINGRESP: u8 = 13;
    pub(crate) const DISCONNECT: u8 = 14;
    pub(crate) const AUTH: u8 = 15;
}

/// The beginning of a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Header {
    /// One of [`kind`].
    pub(super) kind: u8,
    /// The low half of the first byte.
    pub(super) flags: u8,
    /// Bytes of the fixed header itself, 2 to 5.
    pub(super) fixed_bytes: usize,
    /// Bytes of the whole packet, the fixed header included.
    pub(super) total_bytes: usize,
}

/// The header of the packet at the start of `input`; `None` while more bytes are needed to tell.
///
/// # Errors
/// What a client must not send. Said as soon as it shows: the rest of the packet need not have arrived.
pub(super) fn header(input: &[u8], version: Version, limits: Limits) -> Result<Option<Header>, Violation> {
    let Some(&first) = input.first() else { return Ok(None) };
    let (kind, flags) = (first >> 4, first & 0x0F);
    check_type(kind, flags, version)?;
    let Some((remaining, length_bytes)) = variable_length(&input[1..])? else { return Ok(None) };
    let limit = match kind {
        kind::SUBSCRIBE | kind::UNSUBSCRIBE => limits.subscribe_bytes,
        _ => limits.packet_bytes,
    };
    if remaining > limit {
        return Err(Violation(Reason::PacketTooLarge));
    }
    let fixed_bytes = 1 + length_bytes;
    Ok(Some(Header { kind, flags, fixed_bytes, total_bytes: fixed_bytes + remaining }))
}

fn check_type(kind: u8, flags: u8, version: Version) -> Result<(), Violation> {
    let expected = match kind {
        0 => return Err(Violation::MALFORMED),
        kind::CONNACK | kind::SUBACK | kind::UNSUBACK | kind::PINGRESP => return Err(Violation::PROTOCOL),
        kind::AUTH if version == Version::V5 => return Err(Violation(Reason::BadAuthenticationMethod)),
        kind::AUTH => return Err(Violation::MALFORMED),
        kind::PUBLISH => {
            let (qos, dup) = ((flags >> 1) & 0b11, flags & 0b1000 != 0);
            // DUP says that something is repeated, which QoS 0 never is.
            return if qos == 3 || (qos == 0 && dup) { Err(Violation::MALFORMED) } else { Ok(()) };
        }
        kind::PUBREL | kind::SUBSCRIBE | kind::UNSUBSCRIBE => 0b0010,
        _ => 0,
    };
    if flags == expected { Ok(()) } else { Err(Violation::MALFORMED) }
}

/// A length and the bytes that it is written with: at most four, seven bits in each. `None` while some are missing.
pub(super) fn variable_length(bytes: &[u8]) -> Result<Option<(usize, usize)>, Violation> {
    let mut length = 0;
    for (at, byte) in bytes.iter().take(4).enumerate() {
        length |= usize::from(byte & 0x7F) << (7 * at);
        if byte & 0x80 == 0 {
            return Ok(Some((length, at + 1)));
        }
    }
    if bytes.len() < 4 { Ok(None) } else { Err(Violation::MALFORMED) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: Limits = Limits { packet_bytes: 300, subscribe_bytes: 1_000 };

    fn of(input: &[u8]) -> Result<Option<Header>, Violation> {
        header(input, Version::V5, LIMITS)
    }

    #[test]
    fn a_header_tells_where_the_packet_ends() {
        assert_eq!(of(&[]), Ok(None));
        assert_eq!(of(&[0xC0]), Ok(None));
        let ping = Header { kind: kind::PINGREQ, flags: 0, fixed_bytes: 2, total_bytes: 2 };
        assert_eq!(of(&[0xC0, 0x00, 0x30]), Ok(Some(ping)));
        assert_eq!(of(&[0x32, 0xAC]), Ok(None));
        let publish = Header { kind: kind::PUBLISH, flags: 0b0010, fixed_bytes: 3, total_bytes: 303 };
        assert_eq!(of(&[0x32, 0xAC, 0x02]), Ok(Some(publish)));
    }

    #[test]
    fn a_packet_over_its_limit_is_refused_from_its_header() {
        assert_eq!(of(&[0x32, 0xAD, 0x02]), Err(Violation(Reason::PacketTooLarge)));
        assert!(of(&[0x82, 0xAD, 0x02]).is_ok());
        assert_eq!(of(&[0x32, 0xFF, 0xFF, 0xFF, 0x7F]), Err(Violation(Reason::PacketTooLarge)));
        assert_eq!(of(&[0x32, 0xFF, 0xFF, 0xFF, 0xFF]), Err(Violation::MALFORMED));
    }

    #[test]
    fn types_and_flags_that_no_client_sends_are_refused() {
        for first in [0x20, 0x90, 0xB0, 0xD0] {
            assert_eq!(of(&[first]), Err(Violation::PROTOCOL), "{first:#x}");
        }
        for first in [0x00, 0x36, 0x38, 0x11, 0x41, 0x60, 0x80, 0xA0, 0xC1, 0xE1] {
            assert_eq!(of(&[first]), Err(Violation::MALFORMED), "{first:#x}");
        }
        assert_eq!(of(&[0xF0]), Err(Violation(Reason::BadAuthenticationMethod)));
        assert_eq!(header(&[0xF0], Version::V4, LIMITS), Err(Violation::MALFORMED));
    }
}
