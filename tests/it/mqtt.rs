//! A client of MQTT 3.1.1, and of as much of version 5 as publishing takes, that shows each packet and when it came.

use std::collections::VecDeque;
use std::net::SocketAddr;

use tokio::io::AsyncReadExt;
use tokio::io::AsyncWriteExt;
use tokio::io::BufReader;
use tokio::net::TcpStream;
use tokio::net::tcp::OwnedReadHalf;
use tokio::net::tcp::OwnedWriteHalf;
use tokio::sync::mpsc;
use tokio::time::Instant;
use tokio::time::timeout;

use crate::gateway::PATIENCE;

/// The flag of a session that ends with its connection.
const CLEAN_SESSION: u8 = 0b10;

/// What was published.
#[derive(Debug, Clone)]
pub struct Message {
    pub topic: String,
    pub data: String,
    pub at: Instant,
}

#[derive(Debug)]
pub enum Packet {
    /// With the code, and whether the session was there before.
    ConnAck(u8, bool),
    PubAck(u16),
    /// A PUBACK of version 5 with the reason of a refusal.
    Refused(u16, u8),
    SubAck,
    Pong,
    /// With the packet id, if it wants to be acknowledged.
    Publish(Message, Option<u16>),
}

/// A connection that was let in.
pub struct Client {
    writer: OwnedWriteHalf,
    packets: mpsc::UnboundedReceiver<Packet>,
    heard: VecDeque<Message>,
    last_id: u16,
    version: u8,
}

impl Client {
    /// Logs in, the name being the client id, too. `None` if it is not let in.
    pub async fn login(at: SocketAddr, name: &str, secret: &str) -> Option<Self> {
        Self::login_with(4, CLEAN_SESSION, at, name, secret).await.map(|(client, _)| client)
    }

    /// The same with version 5; it can only publish.
    pub async fn login_5(at: SocketAddr, name: &str, secret: &str) -> Option<Self> {
        Self::login_with(5, CLEAN_SESSION, at, name, secret).await.map(|(client, _)| client)
    }

    /// Logs in to a session that outlives its connection: whether it was there before, too.
    pub async fn resume(at: SocketAddr, name: &str, secret: &str) -> (Self, bool) {
        Self::login_with(4, 0, at, name, secret).await.expect("it is let in")
    }

    /// Leaves as clients do. The messages that came.
    pub async fn leave(mut self) -> Vec<Message> {
        self.send(&[0xE0, 0]).await.expect("the connection holds");
        self.rest().await
    }

    /// The messages that came before the connection ended.
    pub async fn rest(mut self) -> Vec<Message> {
        let mut rest = Vec::new();
        while let Some(message) = timeout(PATIENCE, self.next()).await.expect("the connection ends in time") {
            rest.push(message);
        }
        rest
    }

    async fn login_with(
        version: u8,
        clean_session: u8,
        at: SocketAddr,
        name: &str,
        secret: &str,
    ) -> Option<(Self, bool)> {
        let mut client = Self::connect(version, at).await?;
        let mut body = text("MQTT");
        body.extend([version, 0b1100_0000 | clean_session, 0, 0]);
        body.extend(no_properties(version));
        for part in [name, name, secret] {
            body.extend(text(part));
        }
        client.send(&packet(0x10, &body)).await?;
        match client.packets.recv().await {
            Some(Packet::ConnAck(0, was_there)) => Some((client, was_there)),
            _ => None,
        }
    }

    async fn connect(version: u8, at: SocketAddr) -> Option<Self> {
        let stream = TcpStream::connect(at).await.ok()?;
        stream.set_nodelay(true).ok()?;
        let (reader, writer) = stream.into_split();
        let (sender, packets) = mpsc::unbounded_channel();
        tokio::spawn(async move {
            let mut reader = BufReader::new(reader);
            while let Some(packet) = read(&mut reader).await {
                if sender.send(packet).is_err() {
                    break;
                }
            }
        });
        Some(Self { writer, packets, heard: VecDeque::new(), last_id: 0, version })
    }

    /// The next packet; `None` when the connection is over. Safe to be given up.
    pub async fn packet(&mut self) -> Option<Packet> {
        self.packets.recv().await
    }

    /// Subscribes with QoS 1, and returns when that holds.
    pub async fn subscribe(&mut self, filter: &str) {
        let mut body = vec![0, 1];
        body.extend(text(filter));
        body.push(1);
        self.send(&packet(0x82, &body)).await.expect("the connection holds");
        self.wait_for(|packet| matches!(packet, Packet::SubAck)).await;
    }

    /// Publishes with QoS 1, and returns when it is acknowledged.
    pub async fn publish(&mut self, topic: &str, data: &str) {
        let id = self.next_id();
        self.send_publish(topic, id, data, false).await.expect("the connection holds");
        self.wait_for(|packet| matches!(packet, Packet::PubAck(acked) if *acked == id)).await;
    }

    /// The same, to be retained.
    pub async fn publish_retained(&mut self, topic: &str, data: &str) {
        let id = self.next_id();
        let body = [text(topic), id.to_be_bytes().to_vec(), data.as_bytes().to_vec()].concat();
        self.send(&packet(0x33, &body)).await.expect("the connection holds");
        self.wait_for(|packet| matches!(packet, Packet::PubAck(acked) if *acked == id)).await;
    }

    /// The same, if the gateway may refuse it: by closing the connection, or under version 5 with a reason.
    pub async fn try_publish(&mut self, topic: &str, data: &str) -> Result<(), Option<u8>> {
        let id = self.next_id();
        self.send_publish(topic, id, data, false).await.ok_or(None)?;
        loop {
            match timeout(PATIENCE, self.packets.recv()).await.expect("there is an answer in time").ok_or(None)? {
                Packet::PubAck(acked) if acked == id => return Ok(()),
                Packet::Refused(refused, reason) if refused == id => return Err(Some(reason)),
                _ => {}
            }
        }
    }

    /// Sends a PUBLISH of QoS 1 and waits for nothing.
    pub async fn send_publish(&mut self, topic: &str, packet_id: u16, data: &str, dup: bool) -> Option<()> {
        let mut body = text(topic);
        body.extend(packet_id.to_be_bytes());
        body.extend(no_properties(self.version));
        body.extend(data.as_bytes());
        self.send(&packet(if dup { 0x3A } else { 0x32 }, &body)).await
    }

    /// Whatever was sent before is answered when this returns.
    pub async fn ping(&mut self) {
        self.send(&[0xC0, 0]).await.expect("the connection holds");
        self.wait_for(|packet| matches!(packet, Packet::Pong)).await;
    }

    /// The next message.
    pub async fn hear(&mut self) -> Message {
        loop {
            if let Some(message) = self.heard.pop_front() {
                return message;
            }
            self.wait_for(|packet| matches!(packet, Packet::Publish(..))).await;
        }
    }

    /// The next message on `topic`; the others are passed over.
    pub async fn hear_on(&mut self, topic: &str) -> Message {
        loop {
            let message = self.hear().await;
            if message.topic == topic {
                return message;
            }
        }
    }

    /// The messages that came so far.
    pub async fn heard_so_far(&mut self) -> Vec<Message> {
        self.ping().await;
        self.heard.drain(..).collect()
    }

    /// Returns when the gateway has closed the connection.
    pub async fn wait_for_end(&mut self) {
        let ended = async { while self.packets.recv().await.is_some() {} };
        timeout(PATIENCE, ended).await.expect("the connection ends in time");
    }

    /// The next message, however long it takes; `None` when the connection is over.
    pub async fn next(&mut self) -> Option<Message> {
        loop {
            if let Some(message) = self.heard.pop_front() {
                return Some(message);
            }
            let packet = self.packets.recv().await?;
            self.keep(packet).await;
        }
    }

    /// Reads on until the wanted packet; messages are acknowledged and kept.
    async fn wait_for(&mut self, is_wanted: impl Fn(&Packet) -> bool) {
        loop {
            let packet = timeout(PATIENCE, self.packets.recv()).await.expect("the packet comes in time");
            let packet = packet.expect("the connection holds");
            let was_wanted = is_wanted(&packet);
            self.keep(packet).await;
            if was_wanted {
                return;
            }
        }
    }

    /// Acknowledges and keeps a message.
    async fn keep(&mut self, packet: Packet) {
        if let Packet::Publish(message, packet_id) = packet {
            if let Some([high, low]) = packet_id.map(u16::to_be_bytes) {
                let _ = self.send(&[0x40, 2, high, low]).await;
            }
            self.heard.push_back(message);
        }
    }

    fn next_id(&mut self) -> u16 {
        self.last_id = self.last_id % 60_000 + 1;
        self.last_id
    }

    async fn send(&mut self, bytes: &[u8]) -> Option<()> {
        self.writer.write_all(bytes).await.ok()
    }
}

async fn read(reader: &mut BufReader<OwnedReadHalf>) -> Option<Packet> {
    let first = reader.read_u8().await.ok()?;
    let (mut length, mut shift) = (0_usize, 0);
    loop {
        let byte = reader.read_u8().await.ok()?;
        length |= usize::from(byte & 0x7F) << shift;
        shift += 7;
        if byte & 0x80 == 0 {
            break;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).await.ok()?;
    let at = Instant::now();
    let number = |at: usize| u16::from_be_bytes([body[at], body[at + 1]]);
    Some(match first >> 4 {
        2 => Packet::ConnAck(body[1], body[0] & 1 == 1),
        3 => {
            let mut rest = 2 + usize::from(number(0));
            let topic = String::from_utf8(body[2..rest].to_vec()).unwrap();
            let packet_id = (first & 0b0110 != 0).then(|| number(rest));
            rest += packet_id.map_or(0, |_| 2);
            let data = String::from_utf8(body[rest..].to_vec()).unwrap();
            Packet::Publish(Message { topic, data, at }, packet_id)
        }
        4 if body.get(2).is_some_and(|reason| *reason >= 0x80) => Packet::Refused(number(0), body[2]),
        4 => Packet::PubAck(number(0)),
        9 => Packet::SubAck,
        13 => Packet::Pong,
        14 => return None,
        other => panic!("packet type {other}"),
    })
}

/// The length of the properties, which version 5 wants to know.
fn no_properties(version: u8) -> Option<u8> {
    (version == 5).then_some(0)
}

fn text(text: &str) -> Vec<u8> {
    let mut bytes = u16::try_from(text.len()).unwrap().to_be_bytes().to_vec();
    bytes.extend(text.as_bytes());
    bytes
}

fn packet(first: u8, body: &[u8]) -> Vec<u8> {
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
