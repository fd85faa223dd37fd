//! The listener, as its clients see it.

use std::net::Ipv4Addr;
use std::sync::Arc;

use tokio::io::AsyncReadExt;
use tokio::io::AsyncWriteExt;
use tokio::sync::Semaphore;
use tokio::sync::mpsc;

use super::*;

/// Longer than any of this takes.
const PATIENCE: Duration = Duration::from_secs(10);

const SHORT: Duration = Duration::from_millis(300);

struct Scene {
    address: SocketAddr,
    stop: watch::Sender<bool>,
    served: JoinHandle<()>,
    /// The paths that were asked for.
    asked: mpsc::UnboundedReceiver<String>,
    /// One permit lets one `GET /slow` be answered.
    slow: Arc<Semaphore>,
}

impl Scene {
    async fn new(bounds: Bounds) -> Self {
        let (told, asked) = mpsc::unbounded_channel();
        let slow = Arc::new(Semaphore::new(0));
        let waiting = Arc::clone(&slow);
        let route = warp::path::full()
            .and(warp::filters::ext::get::<Peer>())
            .and(warp::body::bytes())
            .then(move |path: warp::path::FullPath, Peer(peer), body: bytes::Bytes| {
                told.send(path.as_str().to_owned()).unwrap();
                let waiting = Arc::clone(&waiting);
                async move {
                    match path.as_str() {
                        "/peer" => peer.to_string(),
                        "/slow" => {
                            waiting.acquire().await.unwrap().forget();
                            "slow".to_owned()
                        }
                        _ => String::from_utf8(body.to_vec()).unwrap(),
                    }
                }
            })
            .map(|text: String| warp::reply::Reply::into_response(text))
            .boxed();
        let (stop, stopped) = watch::channel(false);
        let (address, served) = serve_within(bounds, (Ipv4Addr::LOCALHOST, 0).into(), route, stopped).await.unwrap();
        Self { address, stop, served, asked, slow }
    }

    async fn connect(&self, sent: &str) -> TcpStream {
        let mut client = TcpStream::connect(self.address).await.unwrap();
        client.write_all(sent.as_bytes()).await.unwrap();
        client
    }

    async fn asked(&mut self) -> String {
        timeout(PATIENCE, self.asked.recv()).await.unwrap().unwrap()
    }
}

fn get(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nhost: a\r\n\r\n")
}

/// Everything until the end of the connection.
async fn rest(client: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    // A reset is an end, too.
    let _ = timeout(PATIENCE, client.read_to_end(&mut bytes)).await.expect("the connection ends");
    String::from_utf8(bytes).unwrap()
}

/// Until what comes ends with that.
async fn until(client: &mut TcpStream, end: &str) {
    let mut bytes = Vec::new();
    while !bytes.ends_with(end.as_bytes()) {
        bytes.push(timeout(PATIENCE, client.read_u8()).await.unwrap().unwrap());
    }
}

#[tokio::test]
async fn an_endpoint_knows_who_is_calling() {
    let scene = Scene::new(Bounds::default()).await;
    let mut client = scene.connect(&get("/peer")).await;
    let own = client.local_addr().unwrap().to_string();
    until(&mut client, &own).await;
}

#[tokio::test]
async fn more_connections_than_allowed_wait_for_their_turn() {
    let mut scene = Scene::new(Bounds { connections: 1, ..Bounds::default() }).await;
    let mut first = scene.connect(&get("/first")).await;
    assert_eq!(scene.asked().await, "/first");
    let mut second = scene.connect(&get("/second")).await;
    first.write_all(get("/again").as_bytes()).await.unwrap();
    assert_eq!(scene.asked().await, "/again");
    drop(first);
    assert_eq!(scene.asked().await, "/second");
    until(&mut second, "\r\n\r\n").await;
}

#[tokio::test]
async fn one_address_cannot_have_all_connections() {
    let mut scene = Scene::new(Bounds { of_one: 1, ..Bounds::default() }).await;
    let first = scene.connect(&get("/first")).await;
    assert_eq!(scene.asked().await, "/first");
    assert_eq!(rest(&mut scene.connect("").await).await, "");
    drop(first);
}

#[tokio::test]
async fn a_client_that_does_not_finish_its_head_is_cut() {
    let scene = Scene::new(Bounds { head: SHORT, ..Bounds::default() }).await;
    for sent in ["", "GET / HTTP/1.1\r\nhost"] {
        assert_eq!(rest(&mut scene.connect(sent).await).await, "", "{sent:?}");
    }
    let answer = rest(&mut scene.connect(&get("/")).await).await;
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "and an idle connection ends: {answer}");
}

#[tokio::test]
async fn a_client_that_does_not_finish_its_body_is_cut() {
    let scene = Scene::new(Bounds { answer: SHORT, ..Bounds::default() }).await;
    let sent = "POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 9\r\n\r\nhalf";
    assert_eq!(rest(&mut scene.connect(sent).await).await, "");
}

#[tokio::test]
async fn a_body_may_be_longer_than_the_buffers_but_a_head_may_not() {
    let scene = Scene::new(Bounds::default()).await;
    let long = "x".repeat(8 * BUFFER_BYTES);
    let mut client = scene.connect("").await;
    let request = format!("POST / HTTP/1.1\r\nhost: a\r\ncontent-length: {}\r\n\r\n{long}", long.len());
    client.write_all(request.as_bytes()).await.unwrap();
    until(&mut client, &long).await;

    let mut client = scene.connect("").await;
    let request = format!("GET / HTTP/1.1\r\nhost: a\r\nlong: {}\r\n\r\n", &long[..BUFFER_BYTES]);
    // It may be answered before all is sent.
    let _ = client.write_all(request.as_bytes()).await;
    let answer = rest(&mut client).await;
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 431 "), "{answer}");
}

#[tokio::test]
async fn at_the_stop_what_is_under_way_is_answered_and_nobody_else_waited_for() {
    let mut scene = Scene::new(Bounds::default()).await;
    let mut idle = scene.connect(&get("/idle")).await;
    until(&mut idle, "\r\n\r\n").await;
    let mut silent = scene.connect("").await;
    let mut slow = scene.connect(&get("/slow")).await;
    while scene.asked().await != "/slow" {}

    scene.stop.send_replace(true);

    assert_eq!((rest(&mut idle).await, rest(&mut silent).await), (String::new(), String::new()));
    scene.slow.add_permits(1);
    let answer = rest(&mut slow).await;
    assert!(answer.ends_with("\r\n\r\nslow") && answer.contains("connection: close\r\n"), "{answer}");
    timeout(PATIENCE, scene.served).await.unwrap().unwrap();
    assert!(TcpStream::connect(scene.address).await.is_err());
}

#[tokio::test]
async fn an_aborted_server_cuts_its_connections() {
    let mut scene = Scene::new(Bounds::default()).await;
    let mut slow = scene.connect(&get("/slow")).await;
    scene.asked().await;
    scene.served.abort();
    assert_eq!(rest(&mut slow).await, "");
}
