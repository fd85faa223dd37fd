//! The listener, as its clients see it.

use std::net::Ipv4Addr;
use std::sync::Arc;

use rustls::ClientConfig;
use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::ServerName;
use rustls::pki_types::pem::PemObject;
use tempfile::TempDir;
use tokio::io::AsyncReadExt;
use tokio::io::AsyncWriteExt;
use tokio::sync::Semaphore;
use tokio::sync::mpsc;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::*;
use crate::clock;
use crate::tls::Identity;
use crate::tls::Wanted;
use crate::tls::provider;

/// Longer than any of this takes.
const PATIENCE: Duration = Duration::from_secs(10);

const SHORT: Duration = Duration::from_millis(300);

struct Scene {
    address: SocketAddr,
    /// For HTTPS.
    secure: SocketAddr,
    /// With the certificate.
    data: TempDir,
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
            .and(warp::filters::ext::get::<Scheme>())
            .and(warp::body::bytes())
            .then(move |path: warp::path::FullPath, Peer(peer), scheme: Scheme, body: bytes::Bytes| {
                told.send(path.as_str().to_owned()).unwrap();
                let waiting = Arc::clone(&waiting);
                async move {
                    match path.as_str() {
                        "/peer" => peer.to_string(),
                        "/scheme" => format!("{scheme:?}"),
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
        let (any, data) = (SocketAddr::from((Ipv4Addr::LOCALHOST, 0)), tempfile::tempdir().unwrap());
        let (mut listeners, address) = Listeners::bind(any).await.unwrap();
        let wanted = Wanted { files: None, hosts: Vec::new(), listen: vec![any.ip()] };
        let (identity, _) = Identity::open(data.path(), &wanted, clock::now().wall).unwrap();
        let secure = listeners.bind_https(any, Arc::new(identity)).await.unwrap();
        let served = serve_within(bounds, listeners, route, stopped);
        Self { address, secure, data, stop, served, asked, slow }
    }

    async fn connect(&self, sent: &str) -> TcpStream {
        let mut client = TcpStream::connect(self.address).await.unwrap();
        client.write_all(sent.as_bytes()).await.unwrap();
        client
    }

    /// With the handshake done.
    async fn connect_securely(&self, sent: &str) -> TlsStream<TcpStream> {
        let mut roots = RootCertStore::empty();
        let own = CertificateDer::from_pem_file(self.data.path().join("tls/certificate.pem"));
        roots.add(own.unwrap()).unwrap();
        let config = ClientConfig::builder_with_provider(provider()).with_safe_default_protocol_versions();
        let config = config.unwrap().with_root_certificates(roots).with_no_client_auth();
        let stream = TcpStream::connect(self.secure).await.unwrap();
        let name = ServerName::try_from("localhost").unwrap();
        let mut client = TlsConnector::from(Arc::new(config)).connect(name, stream).await.unwrap();
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
async fn rest(client: &mut (impl AsyncRead + Unpin)) -> String {
    let mut bytes = Vec::new();
    // A reset is an end, too.
    let _ = timeout(PATIENCE, client.read_to_end(&mut bytes)).await.expect("the connection ends");
    String::from_utf8(bytes).unwrap()
}

/// Until what comes ends with that.
async fn until(client: &mut (impl AsyncRead + Unpin), end: &str) {
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

#[tokio::test]
async fn a_request_over_tls_is_answered_and_known_as_such() {
    let scene = Scene::new(Bounds::default()).await;
    until(&mut scene.connect(&get("/scheme")).await, "\r\n\r\nHttp").await;
    let mut client = scene.connect_securely(&get("/scheme")).await;
    until(&mut client, "\r\n\r\nHttps").await;
    assert_eq!(client.get_ref().1.alpn_protocol(), None, "a client that asks for none gets HTTP/1.1");
    // Longer than the buffers, in both directions.
    let long = "x".repeat(8 * BUFFER_BYTES);
    let request = format!("POST / HTTP/1.1\r\nhost: a\r\ncontent-length: {}\r\n\r\n{long}", long.len());
    client.write_all(request.as_bytes()).await.unwrap();
    until(&mut client, &long).await;
}

#[tokio::test]
async fn a_client_that_does_not_finish_its_handshake_is_cut() {
    let scene = Scene::new(Bounds { handshake: SHORT, ..Bounds::default() }).await;
    // The beginning of a greeting of TLS, and none.
    for sent in [[22, 3, 1, 2, 0].as_slice(), &[]] {
        let mut client = TcpStream::connect(scene.secure).await.unwrap();
        client.write_all(sent).await.unwrap();
        assert_eq!(rest(&mut client).await, "");
    }
}

#[tokio::test]
async fn what_is_no_tls_is_cut_at_once() {
    let scene = Scene::new(Bounds::default()).await;
    for sent in [get("/").into_bytes(), vec![0; 1_000], vec![255; 1_000], vec![22, 3, 3, 0, 0], b"\n".repeat(5)] {
        let mut client = TcpStream::connect(scene.secure).await.unwrap();
        let _ = client.write_all(&sent).await;
        let _ = timeout(PATIENCE, client.read_to_end(&mut Vec::new())).await.expect("the connection ends");
    }
    until(&mut scene.connect_securely(&get("/scheme")).await, "Https").await;
}

#[tokio::test]
async fn both_ports_have_their_connections_together() {
    let mut scene = Scene::new(Bounds { of_one: 1, ..Bounds::default() }).await;
    let first = scene.connect_securely(&get("/first")).await;
    assert_eq!(scene.asked().await, "/first");
    assert_eq!(rest(&mut scene.connect("").await).await, "", "there are enough from this address");
    drop(first);

    let mut scene = Scene::new(Bounds { connections: 1, ..Bounds::default() }).await;
    let first = scene.connect_securely(&get("/first")).await;
    assert_eq!(scene.asked().await, "/first");
    let mut second = scene.connect(&get("/second")).await;
    drop(first);
    until(&mut second, "\r\n\r\n").await;
    assert_eq!(scene.asked().await, "/second");
}

#[tokio::test]
async fn at_the_stop_connections_over_tls_end_as_others_do() {
    let mut scene = Scene::new(Bounds::default()).await;
    let mut shaking = TcpStream::connect(scene.secure).await.unwrap();
    let mut idle = scene.connect_securely("").await;
    let mut slow = scene.connect_securely(&get("/slow")).await;
    assert_eq!(scene.asked().await, "/slow");

    scene.stop.send_replace(true);

    assert_eq!((rest(&mut shaking).await, rest(&mut idle).await), (String::new(), String::new()));
    scene.slow.add_permits(1);
    let answer = rest(&mut slow).await;
    assert!(answer.ends_with("\r\n\r\nslow"), "{answer}");
    timeout(PATIENCE, scene.served).await.unwrap().unwrap();
    assert!(TcpStream::connect(scene.secure).await.is_err());
}
