//! The few MQTT 3.1.1 packets that a sensor needs, in bytes. Source: MQTT 3.1.1, chapters 2 and 3.

use std::io;

use tokio::io::AsyncRead;
use tokio::io::AsyncReadExt;

/// Bytes of the longest packet that is read; an event's data has 16 KB.
const PACKET_BYTES: usize = 64 * 1024;

/// Bytes of the longest length field. Source: MQTT 3.1.1, 2.2.3.
const LENGTH_BYTES: u32 = 4;

/// What the broker says, as far as a sensor wants to know.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Packet {
    /// The login is accepted (0) or refused (a reason).
    ConnAck(u8),
    /// The subscription stands.
    SubAck,
    /// The publish is safe.
    PubAck,
    /// Something was published. It has an identifier if it wants to be acknowledged.
    Publish { topic: String, payload: String, packet_id: Option<u16> },
    /// Anything else.
    Other,
}

/// A login that leaves no session behind.
pub(super) fn connect(client_id: &str, user: &str, password: &str) -> Vec<u8> {
    let mut body = text("MQTT");
    // Level 4 is 3.1.1; user name, password, clean session; one minute between signs of life.
    body.extend([4, 0b1100_0010, 0, 60]);
    for field in [client_id, user, password] {
        body.extend(text(field));
    }
    packet(0x10, &body)
}

/// A subscription to these filters, with `QoS` 1.
pub(super) fn subscribe(packet_id: u16, filters: &[&str]) -> Vec<u8> {
    let mut body = packet_id.to_be_bytes().to_vec();
    for filter in filters {
        body.extend(text(filter));
        body.push(1);
    }
    packet(0x82, &body)
}

/// A publish with `QoS` 1.
pub(super) fn publish(packet_id: u16, topic: &str, payload: &str) -> Vec<u8> {
    let mut body = text(topic);
    body.extend(packet_id.to_be_bytes());
    body.extend(payload.as_bytes());
    packet(0x32, &body)
}

/// The acknowledgement of a publish.
pub(super) fn puback(packet_id: u16) -> Vec<u8> {
    packet(0x40, &packet_id.to_be_bytes())
}

/// A farewell.
pub(super) fn disconnect() -> Vec<u8> {
    packet(0xe0, &[])
}

/// Reads one packet.
///
/// # Errors
/// When the connection ends, or what came is no packet.
pub(super) async fn read(from: &mut (impl AsyncRead + Unpin)) -> io::Result<Packet> {
    let first = from.read_u8().await?;
    let length = read_length(from).await?;
    if length > PACKET_BYTES {
        return Err(malformed("a packet is too long"));
    }
    let mut body = vec![0; length];
    from.read_exact(&mut body).await?;
    Ok(match first >> 4 {
        2 => Packet::ConnAck(*body.get(1).ok_or_else(|| malformed("a CONNACK is too short"))?),
        3 => published(first, &body).ok_or_else(|| malformed("a PUBLISH is too short"))?,
        4 => Packet::PubAck,
        9 => Packet::SubAck,
        _ => Packet::Other,
    })
}

async fn read_length(from: &mut (impl AsyncRead + Unpin)) -> io::Result<usize> {
    let mut length = 0;
    for at in 0..LENGTH_BYTES {
        let byte = from.read_u8().await?;
        length |= usize::from(byte & 0x7f) << (7 * at);
        if byte < 0x80 {
            return Ok(length);
        }
    }
    Err(malformed("a packet's length is too long"))
}

fn published(first: u8, body: &[u8]) -> Option<Packet> {
    let (length, rest) = body.split_first_chunk()?;
    let (topic, rest) = rest.split_at_checked(usize::from(u16::from_be_bytes(*length)))?;
    let is_acknowledged = first & 0b0110 != 0;
    let (packet_id, payload) = if is_acknowledged {
        let (packet_id, payload) = rest.split_first_chunk()?;
        (Some(u16::from_be_bytes(*packet_id)), payload)
    } else {
        (None, rest)
    };
    let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
    Some(Packet::Publish { topic: text(topic), payload: text(payload), packet_id })
}

fn packet(first: u8, body: &[u8]) -> Vec<u8> {
    let mut packet = vec![first];
    let mut length = body.len();
    loop {
        let seven = u8::try_from(length & 0x7f).expect("seven bits fit");
        length >>= 7;
        packet.push(if length > 0 { seven | 0x80 } else { seven });
        if length == 0 {
            break;
        }
    }
    packet.extend(body);
    packet
}

fn text(text: &str) -> Vec<u8> {
    let length = u16::try_from(text.len()).expect("the demo's texts are short");
    [&length.to_be_bytes(), text.as_bytes()].concat()
}

fn malformed(what: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packets_are_written_as_the_standard_says() {
        assert_eq!(connect("c", "u", "p"), b"\x10\x13\x00\x04MQTT\x04\xc2\x00\x3c\x00\x01c\x00\x01u\x00\x01p");
        assert_eq!(subscribe(1, &["a/#"]), b"\x82\x08\x00\x01\x00\x03a/#\x01");
        assert_eq!(publish(2, "t", "x"), b"\x32\x06\x00\x01t\x00\x02x");
        assert_eq!(puback(2), b"\x40\x02\x00\x02");
        assert_eq!(disconnect(), b"\xe0\x00");
    }

    #[tokio::test]
    async fn packets_are_read_as_they_are_written() {
        let long = "x".repeat(300);
        let mut bytes = publish(7, "temp", &long);
        bytes.extend(b"\x20\x02\x00\x05\x90\x03\x00\x01\x01\x30\x04\x00\x01tx\xd0\x00");
        let mut stream = bytes.as_slice();
        let mut packets = Vec::new();
        while !stream.is_empty() {
            packets.push(read(&mut stream).await.unwrap());
        }
        let publish = |topic: &str, payload: &str, packet_id| {
            let (topic, payload) = (topic.to_owned(), payload.to_owned());
            Packet::Publish { topic, payload, packet_id }
        };
        let expected = [
            publish("temp", &long, Some(7)),
            Packet::ConnAck(5),
            Packet::SubAck,
            publish("t", "x", None),
            Packet::Other,
        ];
        assert_eq!(packets, expected);
    }

    #[tokio::test]
    async fn what_is_no_packet_is_an_error() {
        for bytes in
            [&b""[..], b"\x20", b"\x20\x00", b"\x32\x02\x00\x05", b"\x30\xff\xff\xff\xff\x01", b"\x30\xff\xff\x7f"]
        {
            assert!(read(&mut &bytes[..]).await.is_err(), "{bytes:?}");
        }
    }
}
