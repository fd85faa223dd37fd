//! An MQTT 3.1.1 device that does as little as it can: what it costs is not measured.

use std::sync::Arc;

use tokio::io::AsyncReadExt;
use tokio::io::AsyncWriteExt;
use tokio::io::BufReader;
use tokio::net::TcpStream;
use tokio::net::tcp::OwnedReadHalf;
use tokio::net::tcp::OwnedWriteHalf;
use tokio::sync::Mutex;
use tokio::sync::mpsc;

pub(crate) struct Device {
    writer: Arc<Mutex<OwnedWriteHalf>>,
    next_id: u16,
}

impl Device {
    /// Logs in and subscribes to its answers; each one that comes is told.
    pub(crate) async fn connect(address: &str, name: &str, key: &str) -> (Self, mpsc::UnboundedReceiver<()>) {
        let stream = TcpStream::connect(address).await.unwrap();
        stream.set_nodelay(true).unwrap();
        let (reader, mut writer) = stream.into_split();
        let mut reader = BufReader::new(reader);
        let mut connect = vec![0, 4, b'M', b'Q', b'T', b'T', 4, 0xc2, 0, 0];
        for text in [name, name, key] {
            put_text(&mut connect, text);
        }
        writer.write_all(&packet(0x10, &connect)).await.unwrap();
        assert_eq!(read_packet(&mut reader).await.unwrap().1, [0, 0], "the login is accepted");
        let mut subscribe = vec![0, 1];
        put_text(&mut subscribe, "hook-response/#");
        subscribe.push(1);
        writer.write_all(&packet(0x82, &subscribe)).await.unwrap();
        assert_eq!(read_packet(&mut reader).await.unwrap().0, 0x90);
        let writer = Arc::new(Mutex::new(writer));
        let (told, answers) = mpsc::unbounded_channel();
        tokio::spawn(read(reader, Arc::clone(&writer), told));
        (Self { writer, next_id: 0 }, answers)
    }

    pub(crate) async fn publish(&mut self, topic: &str, data: &str) {
        self.next_id = self.next_id % 60_000 + 1;
        let mut publish = Vec::with_capacity(128);
        put_text(&mut publish, topic);
        publish.extend(self.next_id.to_be_bytes());
        publish.extend(data.as_bytes());
        self.writer.lock().await.write_all(&packet(0x32, &publish)).await.unwrap();
    }
}

async fn read(
    mut reader: BufReader<OwnedReadHalf>,
    writer: Arc<Mutex<OwnedWriteHalf>>,
    told: mpsc::UnboundedSender<()>,
) {
    while let Some((kind, body)) = read_packet(&mut reader).await {
        if kind & 0xf0 != 0x30 {
            continue;
        }
        let topic = usize::from(u16::from_be_bytes([body[0], body[1]]));
        writer.lock().await.write_all(&packet(0x40, &body[topic + 2..topic + 4])).await.unwrap();
        if told.send(()).is_err() {
            return;
        }
    }
}

pub(crate) async fn read_packet(reader: &mut BufReader<OwnedReadHalf>) -> Option<(u8, Vec<u8>)> {
    let kind = reader.read_u8().await.ok()?;
    let (mut length, mut shift) = (0_usize, 0);
    loop {
        let byte = reader.read_u8().await.ok()?;
        length |= usize::from(byte & 0x7f) << shift;
        shift += 7;
        if byte & 0x80 == 0 {
            break;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).await.ok()?;
    Some((kind, body))
}

pub(crate) fn packet(kind: u8, body: &[u8]) -> Vec<u8> {
    let mut bytes = vec![kind];
    let mut length = body.len();
    while length >= 0x80 {
        bytes.push(u8::try_from(length & 0x7f).unwrap() | 0x80);
        length >>= 7;
    }
    bytes.push(u8::try_from(length).unwrap());
    bytes.extend(body);
    bytes
}

pub(crate) fn put_text(bytes: &mut Vec<u8>, text: &str) {
    bytes.extend(u16::try_from(text.len()).unwrap().to_be_bytes());
    bytes.extend(text.as_bytes());
}
