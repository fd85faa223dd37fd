//! A client that can do everything wrong: it writes bytes and reads whole packets.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::AsyncReadExt;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::time::timeout;

/// Longer than anything takes; reached only when a test fails.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);

pub(crate) const V4: u8 = 4;
pub(crate) const V5: u8 = 5;

pub(crate) struct Client {
    pub(crate) stream: TcpStream,
    pub(crate) level: u8,
}

/// A CONNECT in the making.
pub(crate) struct Connect {
    pub(crate) level: u8,
    pub(crate) client_id: String,
    pub(crate) login: Option<(String, String)>,
    pub(crate) flags: u8,
    pub(crate) keep_alive_s: u16,
    pub(crate) properties: Vec<u8>,
    /// Topic and data.
    pub(crate) will: Option<(String, String)>,
    /// At most 127 bytes.
    pub(crate) will_properties: Vec<u8>,
}

impl Connect {
    pub(crate) fn new(level: u8, client_id: &str, name: &str, secret: &str) -> Self {
        let login = Some((name.to_owned(), secret.to_owned()));
        let client_id = client_id.to_owned();
        let (flags, keep_alive_s) = (0b10, 0);
        Self {
            level,
            client_id,
            login,
            flags,
            keep_alive_s,
            properties: Vec::new(),
            will: None,
            will_properties: Vec::new(),
        }
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        let mut flags = self.flags;
        let mut payload = text(&self.client_id);
        if let Some((topic, data)) = &self.will {
            flags |= 0b0000_0100;
            if self.level == V5 {
                payload.push(u8::try_from(self.will_properties.len()).unwrap());
                payload.extend(&self.will_properties);
            }
            payload.extend(text(topic));
            payload.extend(text(data));
        }
        if let Some((name, secret)) = &self.login {
            flags |= 0b1100_0000;
            payload.extend(text(name));
            payload.extend(text(secret));
        }
        let mut body = text("MQTT");
        body.extend([self.level, flags]);
        body.extend(self.keep_alive_s.to_be_bytes());
        if self.level == V5 {
            body.push(u8::try_from(self.properties.len()).unwrap());
            body.extend(&self.properties);
        }
        body.extend(payload);
        packet(0x10, &body)
    }
}

impl Client {
    /// Connects and must be let in.
    pub(crate) async fn open(at: SocketAddr, connect: &Connect) -> Self {
        let (client, connack) = Self::knock(at, connect).await;
        assert_eq!((connack[0], connack[3]), (0x20, 0), "{connack:02x?}");
        client
    }

    /// Connects and gives the CONNACK.
    pub(crate) async fn knock(at: SocketAddr, connect: &Connect) -> (Self, Vec<u8>) {
        let mut client = Self::raw(at, connect.level).await;
        client.send(&connect.bytes()).await;
        let connack = client.receive().await.expect("a CONNACK");
        (client, connack)
    }

    pub(crate) async fn raw(at: SocketAddr, level: u8) -> Self {
        Self { stream: TcpStream::connect(at).await.unwrap(), level }
    }

    pub(crate) async fn send(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).await.unwrap();
    }

    /// The next packet; `None` when the connection is closed.
    pub(crate) async fn receive(&mut self) -> Option<Vec<u8>> {
        timeout(PATIENCE, self.read_packet()).await.expect("a packet or the end in time")
    }

    /// The next packet must be this one.
    pub(crate) async fn expect(&mut self, packet: &[u8]) {
        let received = self.receive().await;
        assert_eq!(received.as_deref(), Some(packet), "{received:02x?} instead of {packet:02x?}");
    }

    /// The connection must end, after a DISCONNECT with this reason for version 5.
    pub(crate) async fn expect_end(&mut self, reason: u8) {
        if self.level == V5 {
            self.expect(&[0xE0, 2, reason, 0]).await;
        }
        assert_eq!(self.receive().await, None);
    }

    /// Whatever was sent before is answered when this returns; nothing but the answer to the ping may come.
    pub(crate) async fn ping(&mut self) {
        self.send(&[0xC0, 0]).await;
        self.expect(&[0xD0, 0]).await;
    }

    pub(crate) async fn publish(&mut self, first: u8, topic: &str, packet_id: u16, data: &[u8]) {
        let bytes = self.publish_bytes(first, topic, packet_id, data);
        self.send(&bytes).await;
    }

    pub(crate) fn publish_bytes(&self, first: u8, topic: &str, packet_id: u16, data: &[u8]) -> Vec<u8> {
        let mut body = text(topic);
        if first & 0b0110 != 0 {
            body.extend(packet_id.to_be_bytes());
        }
        if self.level == V5 {
            body.push(0);
        }
        body.extend(data);
        packet(first, &body)
    }

    /// Subscribes and gives the codes of the SUBACK.
    pub(crate) async fn subscribe(&mut self, filters: &[(&str, u8)]) -> Vec<u8> {
        let bytes = self.subscribe_bytes(77, &[], filters);
        self.send(&bytes).await;
        let suback = self.receive().await.expect("a SUBACK");
        assert_eq!(suback[0], 0x90, "{suback:02x?}");
        suback[suback.len() - filters.len()..].to_vec()
    }

    pub(crate) fn subscribe_bytes(&self, packet_id: u16, properties: &[u8], filters: &[(&str, u8)]) -> Vec<u8> {
        let mut body = packet_id.to_be_bytes().to_vec();
        if self.level == V5 {
            body.push(u8::try_from(properties.len()).unwrap());
            body.extend(properties);
        }
        for (filter, options) in filters {
            body.extend(text(filter));
            body.push(*options);
        }
        packet(0x82, &body)
    }

    /// The next packet must be a PUBLISH: its first byte, topic, packet id and what follows (properties and data).
    pub(crate) async fn heard(&mut self) -> (u8, String, u16, Vec<u8>) {
        let packet = self.receive().await.expect("a PUBLISH");
        assert_eq!(packet[0] >> 4, 3, "{packet:02x?}");
        let mut at = 1 + packet[1..].iter().position(|byte| byte & 0x80 == 0).unwrap() + 1;
        let topic_bytes = usize::from(u16::from_be_bytes([packet[at], packet[at + 1]]));
        at += 2;
        let topic = String::from_utf8(packet[at..at + topic_bytes].to_vec()).unwrap();
        at += topic_bytes;
        let mut packet_id = 0;
        if packet[0] & 0b0110 != 0 {
            packet_id = u16::from_be_bytes([packet[at], packet[at + 1]]);
            at += 2;
        }
        (packet[0], topic, packet_id, packet[at..].to_vec())
    }

    async fn read_packet(&mut self) -> Option<Vec<u8>> {
        let mut packet = vec![self.stream.read_u8().await.ok()?];
        let (mut length, mut shift) = (0_usize, 0);
        loop {
            let byte = self.stream.read_u8().await.ok()?;
            packet.push(byte);
            length |= usize::from(byte & 0x7F) << shift;
            shift += 7;
            if byte & 0x80 == 0 {
                break;
            }
        }
        let head = packet.len();
        packet.resize(head + length, 0);
        self.stream.read_exact(&mut packet[head..]).await.ok()?;
        Some(packet)
    }
}

pub(crate) fn text(text: &str) -> Vec<u8> {
    let mut bytes = u16::try_from(text.len()).unwrap().to_be_bytes().to_vec();
    bytes.extend(text.as_bytes());
    bytes
}

pub(crate) fn packet(first: u8, body: &[u8]) -> Vec<u8> {
    let mut bytes = vec![first];
    let mut rest = body.len();
    loop {
        let byte = u8::try_from(rest % 128).unwrap();
        rest /= 128;
        bytes.push(if rest > 0 { byte | 0x80 } else { byte });
        if rest == 0 {
            break;
        }
    }
    bytes.extend(body);
    bytes
}
