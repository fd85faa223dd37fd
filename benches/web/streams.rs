//! 200 event streams: what they cost while nothing happens, and how long an event takes to all of them.

use std::time::Duration;
use std::time::Instant;

use tokio::io::AsyncBufReadExt;
use tokio::io::AsyncWriteExt;
use tokio::io::BufReader;
use tokio::net::TcpStream;
use tokio::sync::mpsc;

use crate::daemon::Daemon;
use crate::head;

const STREAMS: usize = 200;
const EVENTS: usize = 100;
const EVERY: Duration = Duration::from_millis(100);
/// Longer than the gap between two heartbeats.
const SETTLED: Duration = Duration::from_secs(12);
/// What comes before the data of an event, which is the time of its publish.
const DATA: &str = "data: {\"data\":\"";

pub(crate) async fn measure(daemon: &Daemon, token: &str) {
    // The first requests make what all later ones share.
    Publisher::connect(daemon.http(), token).await.publish("0").await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    let before = daemon.resident_mb();
    let began = Instant::now();
    let (arrived, mut arrivals) = mpsc::unbounded_channel();
    for _ in 0..STREAMS {
        let stream = open(daemon.http(), token).await;
        tokio::spawn(listen(stream, began, arrived.clone()));
    }
    tokio::time::sleep(SETTLED).await;
    let open = daemon.resident_mb();
    println!("idle:         resident memory {before:.1} MB, with {STREAMS} streams {open:.1} MB");
    latency(Publisher::connect(daemon.http(), token).await, &mut arrivals, began).await;
    println!("              resident memory {:.1} MB, at most {:.1} MB", daemon.resident_mb(), daemon.peak_mb());
}

async fn latency(mut publisher: Publisher, arrivals: &mut mpsc::UnboundedReceiver<Duration>, began: Instant) {
    let (mut each, mut last) = (Vec::new(), Vec::new());
    let mut ticks = tokio::time::interval(EVERY);
    for _ in 0..EVENTS {
        ticks.tick().await;
        publisher.publish(&began.elapsed().as_micros().to_string()).await;
        let mut taken = Vec::new();
        for _ in 0..STREAMS {
            taken.push(arrivals.recv().await.unwrap());
        }
        last.push(*taken.iter().max().unwrap());
        each.append(&mut taken);
    }
    for (what, taken) in [("each stream:", &mut each), ("the last:", &mut last)] {
        taken.sort_unstable();
        let at = |percent: usize| taken[(taken.len() - 1) * percent / 100];
        println!("{what:<13} publish to arrival: p50 {:.1?}, p99 {:.1?}, max {:.1?}", at(50), at(99), at(100));
    }
}

/// One connection that publishes one event after the other.
struct Publisher {
    stream: BufReader<TcpStream>,
    token: String,
}

impl Publisher {
    async fn connect(address: &str, token: &str) -> Self {
        let stream = TcpStream::connect(address).await.unwrap();
        stream.set_nodelay(true).unwrap();
        Self { stream: BufReader::new(stream), token: token.to_owned() }
    }

    async fn publish(&mut self, data: &str) {
        let body = format!("{{\"name\":\"stream\",\"data\":\"{data}\"}}");
        let request = format!(
            "POST /v1/devices/events HTTP/1.1\r\nhost: bench\r\nauthorization: Bearer {}\r\n\
             content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
            self.token,
            body.len()
        );
        self.stream.write_all(request.as_bytes()).await.unwrap();
        let head = head(&mut self.stream).await;
        assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
    }
}

async fn open(address: &str, token: &str) -> BufReader<TcpStream> {
    let mut stream = BufReader::with_capacity(1_024, TcpStream::connect(address).await.unwrap());
    let request = format!("GET /v1/devices/events HTTP/1.1\r\nhost: bench\r\nauthorization: Bearer {token}\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let head = head(&mut stream).await;
    assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
    stream
}

/// Tells how long each event took.
async fn listen(mut stream: BufReader<TcpStream>, began: Instant, arrived: mpsc::UnboundedSender<Duration>) {
    let mut line = String::new();
    while stream.read_line(&mut line).await.is_ok_and(|bytes| bytes > 0) {
        if let Some(data) = line.strip_prefix(DATA) {
            let published_us: u64 = data.split('"').next().unwrap().parse().unwrap();
            let taken = began.elapsed().saturating_sub(Duration::from_micros(published_us));
            if arrived.send(taken).is_err() {
                return;
            }
        }
        line.clear();
    }
}
