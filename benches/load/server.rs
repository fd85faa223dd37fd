//! The webhook's server: answers every request with two bytes and, when asked to, notes how long each event took.

use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;
use std::time::Instant;

use tokio::io::AsyncReadExt;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpSocket;
use tokio::net::TcpStream;
use tokio::sync::mpsc;

const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\n42";

pub(crate) struct Server {
    port: u16,
    watching_from: Arc<Mutex<Option<Instant>>>,
    latencies: tokio::sync::Mutex<mpsc::UnboundedReceiver<u64>>,
    answered: Arc<AtomicU64>,
}

/// A port that is taken and refuses every connection.
pub(crate) struct Closed(TcpSocket);

impl Closed {
    pub(crate) fn new() -> Self {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        Self(socket)
    }

    pub(crate) fn port(&self) -> u16 {
        self.0.local_addr().unwrap().port()
    }

    /// Answers from now on.
    pub(crate) fn open(self) -> Server {
        let port = self.port();
        let listener = self.0.listen(1_024).unwrap();
        let watching_from = Arc::new(Mutex::new(None));
        let (noted, latencies) = mpsc::unbounded_channel();
        let (watching, answered) = (Arc::clone(&watching_from), Arc::new(AtomicU64::new(0)));
        let count = Arc::clone(&answered);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(answer(stream, Arc::clone(&watching), noted.clone(), Arc::clone(&count)));
            }
        });
        Server { port, watching_from, latencies: latencies.into(), answered }
    }
}

impl Server {
    pub(crate) fn start() -> Self {
        Closed::new().open()
    }

    /// Requests that it answered so far.
    pub(crate) fn answered(&self) -> u64 {
        self.answered.load(Ordering::Relaxed)
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// Notes from now on how long each event took; its `us` is the time of its publish since `began`.
    pub(crate) fn watch_from(&self, began: Instant) {
        *self.watching_from.lock().unwrap() = Some(began);
    }

    /// Waits for so many events and stops noting. Microseconds.
    pub(crate) async fn take_latencies(&self, count: usize) -> Vec<u64> {
        let mut taken = Vec::with_capacity(count);
        let mut latencies = self.latencies.lock().await;
        while taken.len() < count {
            taken.push(latencies.recv().await.unwrap());
        }
        *self.watching_from.lock().unwrap() = None;
        taken
    }
}

async fn answer(
    mut stream: TcpStream,
    watching: Arc<Mutex<Option<Instant>>>,
    noted: mpsc::UnboundedSender<u64>,
    answered: Arc<AtomicU64>,
) -> Option<()> {
    stream.set_nodelay(true).ok()?;
    let mut bytes = Vec::with_capacity(4_096);
    loop {
        let body_at = loop {
            if let Some(at) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
                break at + 4;
            }
            read_more(&mut stream, &mut bytes).await?;
        };
        let head = String::from_utf8_lossy(&bytes[..body_at]).to_ascii_lowercase();
        let length = head.split("content-length: ").nth(1)?.lines().next()?.trim().parse::<usize>().ok()?;
        while bytes.len() < body_at + length {
            read_more(&mut stream, &mut bytes).await?;
        }
        let began = *watching.lock().unwrap();
        if let Some(began) = began {
            let body = String::from_utf8_lossy(&bytes[body_at..body_at + length]).into_owned();
            let sent_us: u64 = body.split("us\\\":").nth(1)?.split(',').next()?.parse().ok()?;
            let now_us = u64::try_from(began.elapsed().as_micros()).ok()?;
            let _ = noted.send(now_us - sent_us);
        }
        bytes.drain(..body_at + length);
        stream.write_all(ANSWER).await.ok()?;
        answered.fetch_add(1, Ordering::Relaxed);
    }
}

async fn read_more(stream: &mut TcpStream, bytes: &mut Vec<u8>) -> Option<()> {
    (stream.read_buf(bytes).await.ok()? > 0).then_some(())
}
