//! Event streams, over real sockets.

use std::net::Ipv4Addr;
use std::net::SocketAddr;

use nix::sys::socket::setsockopt;
use nix::sys::socket::sockopt;
use tokio::io::AsyncBufReadExt;
use tokio::io::AsyncReadExt;
use tokio::io::AsyncWriteExt;
use tokio::io::BufReader;
use tokio::net::TcpSocket;
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use warp::Filter;

use super::*;
use crate::bus::Live;
use crate::http::Listeners;
use crate::http::frame;
use crate::http::frame::tests::event;
use crate::http::server::Bounds;
use crate::http::server::serve_within;

/// Longer than any of this takes.
const PATIENCE: Duration = Duration::from_secs(20);

struct Scene {
    live: Live,
    streams: Streams,
    address: SocketAddr,
    allowed: watch::Sender<bool>,
    stop: watch::Sender<bool>,
    served: JoinHandle<()>,
}

impl Scene {
    /// One endpoint: a stream of the events whose names begin with the path.
    async fn new(taking: Duration) -> Self {
        let (live, _) = Live::new();
        let (streams, (allowed, is_allowed)) = (Streams::default(), watch::channel(true));
        let (stop, stopped) = watch::channel(false);
        let (events_of, seats, stopping) = (live.clone(), streams.clone(), stopped.clone());
        let route = warp::path::param()
            .and(warp::header::optional("last-event-id"))
            .map(move |prefix: String, last: Option<String>| {
                let (missed, watcher) = match last {
                    Some(last) => events_of.watch_since(last.parse().unwrap()),
                    None => (Vec::new(), events_of.watch()),
                };
                let is_allowed = is_allowed.clone();
                events(Subscription {
                    missed,
                    watcher,
                    wants: move |event| event.name.as_str().starts_with(&prefix),
                    is_allowed: move || *is_allowed.borrow(),
                    ends: Box::pin(std::future::pending()),
                    stop: stopping.clone(),
                    seat: seats.seat().unwrap(),
                })
            })
            .boxed();
        let bounds = Bounds { taking, ..Bounds::default() };
        let (listeners, address) = Listeners::bind((Ipv4Addr::LOCALHOST, 0).into()).await.unwrap();
        let served = serve_within(bounds, listeners, route, stopped);
        Self { live, streams, address, allowed, stop, served }
    }

    async fn announce(&self, number: u16, name: &str, data: &str) -> String {
        let event = event(number, name, data);
        let written = frame::frame(&event);
        self.live.announce(Arc::new(event)).await;
        written
    }

    async fn open(&self, more: &str) -> Client {
        let mut client = Client::open(TcpStream::connect(self.address).await.unwrap(), more).await;
        let head = client.head().await;
        for line in [
            "HTTP/1.1 200 OK\r\n",
            "content-type: text/event-stream; charset=utf-8\r\n",
            "cache-control: no-store\r\n",
            "x-accel-buffering: no\r\n",
            "transfer-encoding: chunked\r\n",
        ] {
            assert!(head.contains(line), "{line:?} is in {head:?}");
        }
        assert_eq!(client.chunk().await.as_deref(), Some(":ok\n\n"));
        client
    }
}

struct Client(BufReader<TcpStream>);

impl Client {
    /// Asks for the events whose names begin with `temp`.
    async fn open(mut stream: TcpStream, more: &str) -> Self {
        let request = format!("GET /temp HTTP/1.1\r\nhost: a\r\n{more}\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        Self(BufReader::new(stream))
    }

    async fn head(&mut self) -> String {
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            timeout(PATIENCE, self.0.read_line(&mut head)).await.unwrap().unwrap();
        }
        head
    }

    /// One chunk; none when the stream is over.
    async fn chunk(&mut self) -> Option<String> {
        let mut length = String::new();
        timeout(PATIENCE, self.0.read_line(&mut length)).await.unwrap().unwrap();
        let length = usize::from_str_radix(length.trim_end(), 16).unwrap();
        let mut chunk = vec![0; length + 2];
        timeout(PATIENCE, self.0.read_exact(&mut chunk)).await.unwrap().unwrap();
        chunk.truncate(length);
        (length > 0).then(|| String::from_utf8(chunk).unwrap())
    }
}

#[tokio::test]
async fn each_event_is_one_chunk_whatever_its_length() {
    let scene = Scene::new(PATIENCE).await;
    let mut client = scene.open("").await;
    let mut written = Vec::new();
    for (number, data) in [(1, "21.5"), (2, ""), (3, &"é".repeat(11_000)), (4, "a\nb")] {
        scene.announce(number, "other", data).await;
        written.push(scene.announce(number, "temp/kitchen", data).await);
    }
    for expected in written {
        assert_eq!(client.chunk().await, Some(expected));
    }
}

#[tokio::test]
async fn who_comes_back_gets_what_was_missed_and_then_what_comes() {
    let scene = Scene::new(PATIENCE).await;
    let mut client = scene.open("").await;
    let first = scene.announce(1, "temp", "a").await;
    assert_eq!(client.chunk().await.as_ref(), Some(&first));
    drop(client);
    let mut missed = Vec::new();
    for number in 2..40 {
        missed.push(scene.announce(number, "temp", "b").await);
    }
    scene.announce(40, "other", "c").await;
    let last = first.lines().next().unwrap().replace("id:", "last-event-id:");
    let mut client = scene.open(&format!("{last}\r\n")).await;
    missed.push(scene.announce(41, "temp", "d").await);
    for expected in missed {
        assert_eq!(client.chunk().await, Some(expected));
    }
}

#[tokio::test]
async fn a_stream_ends_at_the_stop() {
    let scene = Scene::new(PATIENCE).await;
    let mut client = scene.open("").await;
    scene.stop.send_replace(true);
    assert_eq!(client.chunk().await, None);
    timeout(PATIENCE, scene.served).await.unwrap().unwrap();
    timeout(PATIENCE, scene.streams.wait_until_none()).await.unwrap();
}

#[tokio::test]
async fn a_stream_ends_when_it_is_not_allowed_any_more() {
    let scene = Scene::new(PATIENCE).await;
    let mut client = scene.open("").await;
    scene.allowed.send_replace(false);
    scene.announce(1, "temp", "secret").await;
    assert_eq!(client.chunk().await, None);
}

#[tokio::test]
async fn a_stream_whose_client_is_gone_gives_its_seat_back() {
    let scene = Scene::new(PATIENCE).await;
    drop(scene.open("").await);
    timeout(PATIENCE, scene.streams.wait_until_none()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_does_not_read_is_cut_and_holds_nobody_up() {
    let scene = Scene::new(Duration::from_millis(500)).await;
    let socket = TcpSocket::new_v4().unwrap();
    setsockopt(&socket, sockopt::RcvBuf, &4_096).unwrap();
    let deaf = Client::open(socket.connect(scene.address).await.unwrap(), "").await;
    let mut other = scene.open("").await;
    // More than the system buffers for a connection, and less than a watcher may lag behind.
    let data = "x".repeat(16_000);
    for number in 0..1_000 {
        let expected = scene.announce(number, "temp", &data).await;
        assert_eq!(other.chunk().await, Some(expected));
    }
    drop(other);
    timeout(PATIENCE, scene.streams.wait_until_none()).await.expect("the deaf one is cut");
    drop(deaf);
}

#[tokio::test]
async fn a_stream_that_lags_behind_ends() {
    let (live, _) = Live::new();
    let (_stop, mut streaming) = streaming(&live);
    assert_eq!(streaming.next().await.as_deref(), Some(GREETING.as_bytes()));
    for number in 0..2_000 {
        live.announce(Arc::new(event(number, "temp", ""))).await;
    }
    assert_eq!(streaming.next().await, None);
}

#[tokio::test]
async fn a_heartbeat_comes_when_nothing_was_written_for_long_enough() {
    let (live, _) = Live::new();
    let (_stop, mut streaming) = streaming(&live);
    streaming.heartbeat_after = Duration::from_millis(50);
    streaming.next().await;
    let announcing = async {
        loop {
            live.announce(Arc::new(event(1, "other", ""))).await;
            tokio::task::yield_now().await;
        }
    };
    let chunk = tokio::select! {
        biased;
        chunk = streaming.next() => chunk,
        () = announcing => None,
    };
    assert_eq!(chunk.as_deref(), Some(HEARTBEAT.as_bytes()), "an event that is not shown is no sign of life");
    live.announce(Arc::new(event(2, "temp", ""))).await;
    assert_ne!(streaming.next().await.as_deref(), Some(HEARTBEAT.as_bytes()));
}

#[test]
fn there_are_only_so_many_streams() {
    let streams = Streams::default();
    let mut seats: Vec<_> = std::iter::from_fn(|| streams.seat()).collect();
    assert_eq!((seats.len(), streams.seat().is_none()), (MOST_STREAMS, true));
    seats.pop();
    assert!(streams.seat().is_some());
}

/// A stream of `temp` that nobody takes anything of.
fn streaming(
    live: &Live,
) -> (watch::Sender<bool>, Streaming<impl Fn(&Event) -> bool + use<>, impl Fn() -> bool + use<>>) {
    let (stopping, stop) = watch::channel(false);
    let subscription = Subscription {
        missed: Vec::new(),
        watcher: live.watch(),
        wants: |event: &Event| event.name.as_str() == "temp",
        is_allowed: || true,
        ends: Box::pin(std::future::pending()),
        stop,
        seat: Streams::default().seat().unwrap(),
    };
    (stopping, Streaming::new(subscription))
}
