//! The ways in for devices beside plain TCP: TLS and WebSocket; what strangers do there; how many may come; and a port that another
//! program has.

use std::fs;
use std::net::IpAddr;
use std::net::Ipv4Addr;
use std::net::SocketAddr;
use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

use futures_util::SinkExt;
use futures_util::StreamExt;
use nix::sys::signal::Signal;
use rustls::ClientConfig;
use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::ServerName;
use rustls::pki_types::pem::PemObject;
use serde_json::json;
use tokio::io::AsyncReadExt;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpSocket;
use tokio::net::TcpStream;
use tokio::time::Instant;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::client_async;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;

use crate::gateway::Device;
use crate::gateway::Gateway;
use crate::gateway::PATIENCE;
use crate::gateway::Setup;
use crate::mosquitto;
use crate::mqtt::Client;
use crate::receiver::Answer;
use crate::receiver::Receiver;

/// Of a handshake.
const WITHIN: Duration = Duration::from_secs(10);

const PING: [u8; 2] = [0xC0, 0];
const PONG: [u8; 2] = [0xD0, 0];

/// A login under 3.1.1, without keep alive.
fn connect(device: &Device) -> Vec<u8> {
    let mut body = b"\0\x04MQTT\x04\xC2\0\0".to_vec();
    for part in [&device.name, &device.name, &device.key] {
        body.extend(u16::try_from(part.len()).unwrap().to_be_bytes());
        body.extend(part.as_bytes());
    }
    let mut packet = vec![0x10, u8::try_from(body.len()).unwrap()];
    packet.extend(body);
    packet
}

/// A connection over TLS which trusts the certificate that the gateway has now.
async fn over_tls(gateway: &Gateway) -> std::io::Result<TlsStream<TcpStream>> {
    let pem = fs::read(gateway.data().join("tls/certificate.pem")).unwrap();
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(&pem).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let config = config.with_root_certificates(roots).with_no_client_auth();
    let stream = TcpStream::connect(gateway.mqtt_tls).await.unwrap();
    TlsConnector::from(Arc::new(config)).connect(ServerName::from(gateway.mqtt_tls.ip()), stream).await
}

async fn answer(stream: &mut TlsStream<TcpStream>, sent: &[u8], wanted: &[u8]) {
    stream.write_all(sent).await.unwrap();
    let mut heard = vec![0; wanted.len()];
    timeout(PATIENCE, stream.read_exact(&mut heard)).await.expect("it answers").unwrap();
    assert_eq!(heard, wanted);
}

async fn over_websocket(gateway: &Gateway) -> WebSocketStream<TcpStream> {
    let mut request = format!("ws://{}/mqtt", gateway.http).into_client_request().unwrap();
    let headers = request.headers_mut();
    headers.insert("sec-websocket-protocol", "mqtt".parse().unwrap());
    headers.insert("origin", "https://elsewhere.example".parse().unwrap());
    let stream = TcpStream::connect(gateway.http).await.unwrap();
    let (socket, answer) = client_async(request, stream).await.unwrap();
    assert_eq!(answer.headers()["sec-websocket-protocol"], "mqtt");
    socket
}

/// The next binary message.
async fn heard(socket: &mut WebSocketStream<TcpStream>) -> Vec<u8> {
    loop {
        match timeout(PATIENCE, socket.next()).await.expect("it answers").unwrap().unwrap() {
            Message::Binary(bytes) => return bytes.to_vec(),
            Message::Pong(_) => {}
            other => panic!("{other:?}"),
        }
    }
}

/// A login from another address of this machine; none if the gateway closes.
async fn login_from(gateway: &Gateway, from: IpAddr, device: &Device) -> Option<TcpStream> {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(SocketAddr::new(from, 0)).unwrap();
    let mut stream = socket.connect(gateway.mqtt).await.unwrap();
    stream.write_all(&connect(device)).await.ok()?;
    let mut answer = [0; 4];
    timeout(PATIENCE, stream.read_exact(&mut answer)).await.expect("it answers or closes").ok()?;
    (answer == [0x20, 2, 0, 0]).then_some(stream)
}

#[tokio::test]
async fn mosquitto_publishes_to_a_hook_and_hears_its_answer_over_tls() {
    if mosquitto::are_missing() {
        return;
    }
    let gateway = Gateway::start().await;
    let device = gateway.device("kitchen").await;
    let receiver = Receiver::with(|_| Answer::Status(200, Vec::new(), "well done".to_owned()));
    gateway.hook(&json!({ "event": "temp", "url": receiver.url("/") })).await;
    let file = gateway.data().join("tls/certificate.pem");
    let trusting = ["--cafile", file.to_str().unwrap()];
    let filter = "hook-response/temp/#";
    let mut subscriber =
        mosquitto::Subscriber::start_at(gateway.mqtt_tls, "kitchen", &device.key, filter, &trusting).await;
    for more in [&[][..], &["--insecure"]] {
        let args = [&trusting, more, &["-t", "temp", "-m", "21.5", "-q", "1"]].concat();
        let published = mosquitto::publish_at(gateway.mqtt_tls, "kitchen", &device.key, &args).await;
        assert!(published.status.success(), "{published:?}");
        assert_eq!(subscriber.hear().await, "hook-response/temp/0 well done");
    }
    let foreign = tempfile::tempdir().unwrap();
    let other = Gateway::start().await;
    fs::copy(other.data().join("tls/certificate.pem"), foreign.path().join("c.pem")).unwrap();
    let untrusting =
        ["--cafile", foreign.path().join("c.pem").to_str().unwrap(), "-t", "temp", "-m", "x"].map(str::to_owned);
    let untrusting: Vec<&str> = untrusting.iter().map(String::as_str).collect();
    assert!(!mosquitto::publish_at(gateway.mqtt_tls, "kitchen", &device.key, &untrusting).await.status.success());
}

#[tokio::test]
async fn another_certificate_is_shown_to_new_connections_and_old_ones_go_on() {
    let mut gateway = Gateway::start().await;
    let device = gateway.device("kitchen").await;
    let mut old = over_tls(&gateway).await.unwrap();
    answer(&mut old, &connect(&device), &[0x20, 2, 0, 0]).await;
    let before = fs::read(gateway.data().join("tls/certificate.pem")).unwrap();
    fs::write(gateway.data().join("tls/key.pem"), "damaged").unwrap();

    gateway.signal(Signal::SIGHUP);
    gateway.wait_for_log("another certificate is shown").await;

    assert_ne!(fs::read(gateway.data().join("tls/certificate.pem")).unwrap(), before);
    answer(&mut old, &PING, &PONG).await;
    let mut new = over_tls(&gateway).await.expect("the new one is shown");
    answer(&mut new, &connect(&gateway.device("cellar").await), &[0x20, 2, 0, 0]).await;
    answer(&mut old, &PING, &PONG).await;
}

#[tokio::test]
async fn silent_and_trickling_clients_keep_nobody_waiting_and_are_cut() {
    let gateway = Gateway::start().await;
    let device = gateway.device("kitchen").await;
    let begun = Instant::now();
    let mut slow = Vec::new();
    for (at, bytes) in [
        (gateway.mqtt_tls, Vec::new()),
        (gateway.mqtt_tls, vec![22, 3, 1, 2, 0, 1, 0, 1, 252, 3, 3].into_iter().chain([0; 500]).collect()),
        (gateway.mqtt, connect(&device)),
    ] {
        let mut stream = TcpStream::connect(at).await.unwrap();
        slow.push(tokio::spawn(async move {
            let mut bytes = bytes.into_iter();
            let mut next = tokio::time::interval(Duration::from_millis(400));
            let (mut reader, mut writer) = stream.split();
            let mut heard = [0; 16];
            loop {
                tokio::select! {
                    read = reader.read(&mut heard) => if !matches!(read, Ok(1..)) { return begun.elapsed() },
                    _ = next.tick() => if let Some(byte) = bytes.next() {
                        let _ = writer.write_all(&[byte]).await;
                    },
                }
            }
        }));
    }
    let mut well = over_tls(&gateway).await.unwrap();
    answer(&mut well, &connect(&device), &[0x20, 2, 0, 0]).await;
    assert!(begun.elapsed() < WITHIN / 2, "nobody waits for the others");
    for slow in slow {
        let took = timeout(PATIENCE, slow).await.expect("it is cut").unwrap();
        assert!(took > WITHIN / 2, "there is some time: {took:?}");
    }
    answer(&mut well, &PING, &PONG).await;
    let report = gateway.json(&["status"]).await["mqtt"].clone();
    assert_eq!(report["tls_failed"], 2, "{report}");
}

#[tokio::test]
async fn packets_are_found_in_a_websocket_wherever_its_frames_are_cut() {
    let mut gateway = Gateway::start().await;
    let device = gateway.device("kitchen").await;
    let mut socket = over_websocket(&gateway).await;
    let packet = connect(&device);
    for byte in &packet {
        socket.send(Message::binary(vec![*byte])).await.unwrap();
    }
    assert_eq!(heard(&mut socket).await, [0x20, 2, 0, 0]);
    socket.send(Message::binary([PING, PING, PING].concat())).await.unwrap();
    socket.send(Message::Ping(Vec::new().into())).await.unwrap();
    let mut pongs = Vec::new();
    while pongs.len() < 3 * PONG.len() {
        pongs.extend(heard(&mut socket).await);
    }
    assert_eq!(pongs, [PONG, PONG, PONG].concat());
    assert_eq!(gateway.json(&["status"]).await["devices_online"], 1);
    let list = gateway.json(&["status"]).await["mqtt"]["connections"].clone();
    assert_eq!(list, 1, "it counts as any other connection");

    gateway.signal(Signal::SIGTERM);

    while let Some(Ok(message)) = timeout(PATIENCE, socket.next()).await.expect("it ends with the gateway") {
        assert!(matches!(message, Message::Pong(_) | Message::Close(_)), "{message:?}");
    }
    gateway.ended().await;
}

#[tokio::test]
async fn what_is_no_mqtt_over_websocket_harms_nobody() {
    let gateway = Gateway::start().await;
    let device = gateway.device("kitchen").await;
    let asked = gateway.get("/mqtt").await;
    assert!(asked.starts_with("HTTP/1.1 426 ") && asked.contains("upgrade: websocket"), "{asked}");
    for message in [
        Message::text("hello"),
        Message::binary(vec![0x10; 70_000]),
        Message::binary(b"GET / HTTP/1.1\r\n\r\n".to_vec()),
        Message::Close(None),
    ] {
        let mut socket = over_websocket(&gateway).await;
        let _ = socket.send(message).await;
        let ended = async { while let Some(Ok(_)) = socket.next().await {} };
        timeout(PATIENCE, ended).await.expect("it ends");
    }
    let mut raw = TcpStream::connect(gateway.http).await.unwrap();
    let head = "GET /mqtt HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\n\
        sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\nsec-websocket-protocol: mqtt\r\n\r\n";
    raw.write_all(head.as_bytes()).await.unwrap();
    // Not masked, as no client may send it.
    raw.write_all(&[0x82, 2, 0xC0, 0]).await.unwrap();
    timeout(PATIENCE, raw.read_to_end(&mut Vec::new())).await.expect("it ends").unwrap();
    let mut socket = over_websocket(&gateway).await;
    socket.send(Message::binary(connect(&device))).await.unwrap();
    assert_eq!(heard(&mut socket).await, [0x20, 2, 0, 0]);
}

#[tokio::test]
async fn one_address_cannot_take_all_connections() {
    let gateway = Setup::new().with_mqtt("max_connections_of_one = 3").start().await;
    let device = gateway.device("kitchen").await;
    let mut taken = Vec::new();
    for _ in 0..3 {
        taken.push(TcpStream::connect(gateway.mqtt).await.unwrap());
    }
    taken[2].write_all(&connect(&device)).await.unwrap();
    taken[2].read_exact(&mut [0; 4]).await.expect("all three are in");
    assert!(Client::login(gateway.mqtt, "kitchen", &device.key).await.is_none(), "a fourth is closed");
    let elsewhere = Ipv4Addr::new(127, 251, 251, 251).into();
    assert!(login_from(&gateway, elsewhere, &device).await.is_some(), "another address has its own");
    assert_eq!(gateway.json(&["status"]).await["mqtt"]["too_many_of_one"], 1);
}

#[tokio::test]
async fn one_address_cannot_connect_without_end_and_others_can_meanwhile() {
    let gateway = Setup::new().with_mqtt("new_per_second_of_one = 5\nnew_per_second = 1000").start().await;
    let device = gateway.device("kitchen").await;
    let mut closed = 0;
    for _ in 0..200 {
        let mut stream = TcpStream::connect(gateway.mqtt).await.unwrap();
        let _ = stream.write_all(&[0]).await;
        // Garbage is closed, too, but whoever is turned away is counted.
        let _ = timeout(PATIENCE, stream.read(&mut [0])).await.expect("it is closed");
        closed += 1;
    }
    let report = gateway.json(&["status"]).await["mqtt"].clone();
    assert!(report["too_fast"].as_u64().unwrap() > 0, "{closed} were made: {report}");
    let elsewhere = Ipv4Addr::new(127, 251, 251, 252).into();
    assert!(login_from(&gateway, elsewhere, &device).await.is_some());
}

#[tokio::test]
async fn when_all_come_at_once_they_get_in_one_after_another() {
    let gateway = Setup::new().with_mqtt("new_per_second = 5").start().await;
    let device = gateway.device("kitchen").await;
    let begun = Instant::now();
    for _ in 0..11 {
        Client::login(gateway.mqtt, "kitchen", &device.key).await.expect("nobody is turned away");
    }
    assert!(begun.elapsed() > Duration::from_secs(1), "{:?}", begun.elapsed());
    assert_ne!(gateway.json(&["status"]).await["mqtt"]["waited"], 0);
}

#[tokio::test]
async fn a_port_of_another_program_is_told_and_taken_when_it_is_free() {
    let mut gateway = Gateway::start().await;
    let device = gateway.device("kitchen").await;
    gateway.stop().await;
    let taken = TcpListener::bind(gateway.mqtt).unwrap();
    gateway.begin_again();
    gateway.wait_for_log("while another program has that port").await;
    let mut socket = loop {
        // The other ways in are there, as soon as it is ready.
        if TcpStream::connect(gateway.http).await.is_ok() {
            break over_websocket(&gateway).await;
        }
        tokio::task::yield_now().await;
    };
    socket.send(Message::binary(connect(&device))).await.unwrap();
    assert_eq!(heard(&mut socket).await, [0x20, 2, 0, 0]);
    let listening = gateway.json(&["status"]).await["listening"].clone();
    let problem = listening["mqtt_problem"].as_str().unwrap();
    assert!(problem.contains(&gateway.mqtt.to_string()) && listening["mqtt"].is_null(), "{listening}");
    let doctor = gateway.cli(&["doctor"]).await;
    let told = String::from_utf8(doctor.stdout).unwrap();
    assert!(told.contains("!!  MQTT") && told.contains("set mqtt.listen to another port"), "{told}");

    drop(taken);

    gateway.wait_for_log("listening for MQTT address=").await;
    gateway.login(&device).await.ping().await;
    let listening = gateway.json(&["status"]).await["listening"].clone();
    assert!(listening["mqtt"] == gateway.mqtt.to_string() && listening["mqtt_problem"].is_null(), "{listening}");
}
