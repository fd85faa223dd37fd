//! HTTPS on the web port: the certificate that the gateway made for itself, one of the owner, and what strangers send.

use std::fs;
use std::net::IpAddr;
use std::net::SocketAddr;
use std::net::TcpListener;
use std::net::UdpSocket;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Output;
use std::time::Duration;

use futures_util::StreamExt;
use nix::sys::signal::Signal;
use serde_json::Value;
use serde_json::json;
use tokio::io::AsyncReadExt;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpSocket;
use tokio::net::TcpStream;
use tokio::time::Instant;
use tokio::time::timeout;

use crate::account::Account;
use crate::account::PASSWORD;
use crate::gateway::Gateway;
use crate::gateway::PATIENCE;
use crate::gateway::Setup;
use crate::gateway::farhook;
use crate::gateway::stderr;
use crate::tools;

/// Of the handshake.
const WITHIN: Duration = Duration::from_secs(10);

/// A client that trusts this certificate alone.
pub fn trusting(pem: &str) -> reqwest::Client {
    trusting_for(pem, |client| client)
}

/// The same, which finds the gateway under this name.
fn trusting_at(pem: &str, name: &str, gateway: &Gateway) -> reqwest::Client {
    trusting_for(pem, |client| client.resolve(name, gateway.https))
}

fn trusting_for(pem: &str, more: impl Fn(reqwest::ClientBuilder) -> reqwest::ClientBuilder) -> reqwest::Client {
    // Only an earlier one in this process could make it fail.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let certificate = reqwest::Certificate::from_pem(pem.as_bytes()).unwrap();
    let client = reqwest::Client::builder().tls_certs_only([certificate]).timeout(PATIENCE);
    more(client.redirect(reqwest::redirect::Policy::none())).build().unwrap()
}

/// What the gateway made for itself.
pub fn certificate_of(gateway: &Gateway) -> String {
    fs::read_to_string(gateway.data().join("tls/certificate.pem")).unwrap()
}

fn url(gateway: &Gateway, path: &str) -> String {
    format!("https://{}{path}", gateway.https)
}

async fn get(client: &reqwest::Client, url: &str, token: &str) -> (u16, Value) {
    let answer = client.get(url).bearer_auth(token).send().await.unwrap();
    (answer.status().as_u16(), answer.json().await.unwrap())
}

async fn is_alive(gateway: &Gateway) -> bool {
    let url = url(gateway, "/healthz");
    trusting(&certificate_of(gateway)).get(url).send().await.is_ok_and(|answer| answer.status() == 200)
}

/// Another gateway's certificate and its key.
async fn foreign_pair() -> (String, String) {
    let other = Gateway::start().await;
    (certificate_of(&other), fs::read_to_string(other.data().join("tls/key.pem")).unwrap())
}

fn with_files(folder: &Path) -> Setup {
    let [certificate, key] = ["c.pem", "k.pem"].map(|file| folder.join(file).display().to_string());
    Setup::new().with_http(&format!("certificate = \"{certificate}\"\ncertificate_key = \"{key}\""))
}

#[tokio::test]
async fn the_api_is_there_over_https_for_whoever_trusts_the_certificate() {
    let gateway = Gateway::start().await;
    let account = Account::new(&gateway, "me").await;
    let client = trusting(&certificate_of(&gateway));

    let (status, user) = get(&client, &url(&gateway, "/v1/user"), &account.token).await;
    assert_eq!((status, &user["username"]), (200, &json!("me")));
    let (status, refused) = get(&client, &url(&gateway, "/v1/devices/nobody"), &account.token).await;
    assert_eq!(status, 403);
    let info = refused["info"].as_str().unwrap();
    assert!(info.contains(&url(&gateway, "/v1/devices")), "the caller knows it by https: {info}");

    let stranger = trusting(&foreign_pair().await.0);
    assert!(stranger.get(url(&gateway, "/healthz")).send().await.is_err());
    assert_eq!(account.ask("GET", "/v1/user").await.status, 200, "and over HTTP as before");
}

#[tokio::test]
async fn a_stream_over_https_shows_each_event_at_once_and_ends_with_the_gateway() {
    let mut gateway = Gateway::start().await;
    let account = Account::new(&gateway, "me").await;
    let client = trusting(&certificate_of(&gateway));
    let request = client.get(url(&gateway, "/v1/devices/events")).bearer_auth(&account.token);
    let mut pieces = request.send().await.unwrap().bytes_stream();
    let mut heard = String::new();
    for data in ["1", "2"] {
        account.publish(&json!({ "name": "temp", "data": data })).await;
        let wanted = format!("\"data\":\"{data}\"");
        while !heard.contains(&wanted) {
            let piece = timeout(PATIENCE, pieces.next()).await.unwrap().expect("the stream goes on").unwrap();
            heard.push_str(std::str::from_utf8(&piece).unwrap());
        }
    }

    gateway.stop().await;

    while let Some(piece) = timeout(PATIENCE, pieces.next()).await.expect("the stream ends") {
        piece.expect("as a body ends");
    }
}

#[tokio::test]
async fn garbage_harms_nobody_and_half_a_handshake_ends() {
    let gateway = Gateway::start().await;
    let asked = Instant::now();
    let mut silent = TcpStream::connect(gateway.https).await.unwrap();
    let mut half = TcpStream::connect(gateway.https).await.unwrap();
    half.write_all(&[22, 3, 1, 2, 0, 1]).await.unwrap();
    for garbage in [b"GET / HTTP/1.1\r\nhost: a\r\n\r\n".to_vec(), vec![0; 5_000], vec![22, 3, 3, 255, 255, 1], vec![]]
    {
        let mut client = TcpStream::connect(gateway.https).await.unwrap();
        let _ = client.write_all(&garbage).await;
        let _ = client.shutdown().await;
        let _ = timeout(PATIENCE, client.read_to_end(&mut Vec::new())).await.expect("the connection ends");
    }
    assert!(is_alive(&gateway).await);
    for client in [&mut silent, &mut half] {
        let _ = timeout(PATIENCE, client.read_to_end(&mut Vec::new())).await.expect("it is cut");
        assert!(asked.elapsed() > WITHIN / 2, "a slow client has some time");
    }
    assert!(is_alive(&gateway).await);
    assert!(!gateway.log().contains(" WARN "), "{}", gateway.log());
}

#[tokio::test]
async fn the_certificate_and_its_fingerprint_are_the_same_after_a_restart() {
    let mut gateway = Gateway::start().await;
    let listening = gateway.json(&["status"]).await["listening"].clone();
    assert_eq!(listening["https"], gateway.https.to_string());
    let fingerprint = listening["certificate_fingerprint"].as_str().unwrap().to_owned();
    assert!(gateway.log().contains(&fingerprint), "{}", gateway.log());
    let mode = |file: &str| fs::metadata(gateway.data().join(file)).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode("tls/key.pem"), mode("tls")), (0o600, 0o700));
    let certificate = certificate_of(&gateway);

    gateway.stop().await;
    gateway.start_again().await;

    assert_eq!(gateway.json(&["status"]).await["listening"]["certificate_fingerprint"], fingerprint);
    assert_eq!(certificate_of(&gateway), certificate);
    let told = String::from_utf8(gateway.cli(&["status"]).await.stdout).unwrap();
    assert!(told.contains(&format!("certificate fingerprint  {fingerprint}\n")), "{told}");
    gateway.stop().await;
    fs::write(gateway.data().join("tls/certificate.pem"), "nonsense").unwrap();
    gateway.start_again().await;
    assert!(is_alive(&gateway).await);
    assert_ne!(certificate_of(&gateway), certificate);
}

#[tokio::test]
async fn a_certificate_of_the_owner_is_taken_up_at_sighup_and_a_broken_one_is_not() {
    let folder = tempfile::tempdir().unwrap();
    let put = |(certificate, key): &(String, String)| {
        fs::write(folder.path().join("c.pem"), certificate).unwrap();
        fs::write(folder.path().join("k.pem"), key).unwrap();
    };
    let (first, second) = (foreign_pair().await, foreign_pair().await);
    put(&first);
    let mut gateway = with_files(folder.path()).start().await;
    let shown = async |gateway: &Gateway, pair: &(String, String)| {
        // The pairs are for other addresses of this machine, but all of them are for localhost.
        let url = format!("https://localhost:{}/healthz", gateway.https.port());
        trusting_at(&pair.0, "localhost", gateway).get(url).send().await.is_ok()
    };
    assert!(shown(&gateway, &first).await && !gateway.data().join("tls").exists());

    put(&(second.0.clone(), first.1.clone()));
    gateway.signal(Signal::SIGHUP);
    gateway.wait_for_log("the certificate stays as it was").await;
    assert!(shown(&gateway, &first).await);
    let problem = gateway.json(&["status"]).await["listening"]["certificate_problem"].clone();
    assert!(problem.as_str().unwrap().contains("c.pem"), "{problem}");

    put(&second);
    gateway.signal(Signal::SIGHUP);
    gateway.wait_for_log("another certificate is shown").await;
    assert!(shown(&gateway, &second).await && !shown(&gateway, &first).await);
    assert_eq!(gateway.json(&["status"]).await["listening"]["certificate_problem"], Value::Null);
}

#[tokio::test]
async fn without_files_of_the_owner_the_gateway_goes_back_to_its_own_certificate() {
    let folder = tempfile::tempdir().unwrap();
    let pair = foreign_pair().await;
    fs::write(folder.path().join("c.pem"), &pair.0).unwrap();
    fs::write(folder.path().join("k.pem"), &pair.1).unwrap();
    let mut gateway = with_files(folder.path()).start().await;
    assert!(!gateway.data().join("tls").exists());

    gateway.reload(Setup::new().with_http("hosts = [\"Farhook.Example.com\"]")).await;

    assert!(is_alive(&gateway).await);
    let name = "farhook.example.com";
    let client = trusting_at(&certificate_of(&gateway), name, &gateway);
    let url = format!("https://{name}:{}/healthz", gateway.https.port());
    assert_eq!(client.get(url).send().await.unwrap().status(), 200);
}

#[tokio::test]
async fn broken_files_at_the_start_leave_the_gateways_own_certificate() {
    let folder = tempfile::tempdir().unwrap();
    let gateway = with_files(folder.path()).start().await;
    assert!(is_alive(&gateway).await);
    let problem = gateway.json(&["status"]).await["listening"]["certificate_problem"].clone();
    assert!(problem.as_str().unwrap().contains("c.pem cannot be read"), "{problem}");
    assert!(gateway.log().contains("the gateway's own certificate is shown"), "{}", gateway.log());
}

#[tokio::test]
async fn a_taken_port_costs_https_alone() {
    let mut gateway = Gateway::start().await;
    gateway.stop().await;
    let taken = TcpListener::bind(gateway.https).unwrap();
    gateway.start_again().await;
    let listening = gateway.json(&["status"]).await["listening"].clone();
    let problem = listening["https_problem"].as_str().unwrap();
    assert!(problem.contains(&format!("cannot listen for HTTPS on {}", taken.local_addr().unwrap())), "{problem}");
    assert_eq!(listening["https"], Value::Null);
    assert!(gateway.log().contains("there is no HTTPS"), "{}", gateway.log());
    assert!(gateway.get("/healthz").await.starts_with("HTTP/1.1 200 "));
}

#[tokio::test]
async fn neighbours_are_sent_to_https_and_this_machine_and_watchers_are_not() {
    let Some(neighbour) = address_of_this_machine() else {
        tools::skip("this machine has no address but loopback");
        return;
    };
    let gateway = Setup::new().with_http("https_redirect = true").start().await;
    let answer = async |path: &str| {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind(SocketAddr::new(neighbour, 0)).unwrap();
        let stream = socket.connect(gateway.http).await.unwrap();
        crate::plain_http::send_over(stream, "POST", path, &[], "x").await
    };

    let sent = answer("/v1/devices?a=b").await;

    let port = gateway.https.port();
    assert_eq!(sent.status, 308, "{sent:?}");
    let there = format!("https://{}:{port}/v1/devices?a=b", gateway.http.ip());
    assert_eq!(sent.header("location"), Some(there.as_str()));
    for path in ["/healthz", "/readyz"] {
        assert_ne!(answer(path).await.status, 308);
    }
    assert!(gateway.get("/v1/devices").await.starts_with("HTTP/1.1 400 "), "there is no token");
    assert!(is_alive(&gateway).await);
}

#[tokio::test]
async fn the_command_line_trusts_the_certificate_that_it_was_given_and_no_other() {
    let gateway = Gateway::start().await;
    Account::new(&gateway, "me").await;
    let home = tempfile::tempdir().unwrap();
    let (own, other) = (gateway.data().join("tls/certificate.pem"), home.path().join("other.pem"));
    fs::write(&other, foreign_pair().await.0).unwrap();
    fs::write(home.path().join("none.pem"), "nonsense").unwrap();
    let at = url(&gateway, "");
    let login = ["login", &at, "--name", "me", "--password-stdin"];
    let refused = async |more: &[&str]| {
        let output = command(home.path(), &[&login, more].concat(), PASSWORD).await;
        assert_eq!(output.status.code(), Some(1));
        stderr(&output)
    };

    for more in [[].as_slice(), &["--certificate", other.to_str().unwrap()]] {
        let told = refused(more).await;
        assert!(told.contains("is not trusted here") && told.contains("--certificate"), "{told}");
    }
    let told = refused(&["--certificate", home.path().join("none.pem").to_str().unwrap()]).await;
    assert!(told.contains("none.pem: there is no certificate in it"), "{told}");

    let more = ["--certificate", own.to_str().unwrap()];
    let output = command(home.path(), &[login.as_slice(), &more].concat(), PASSWORD).await;
    assert!(output.status.success(), "{}", stderr(&output));
    for words in [["device", "list"].as_slice(), &["logout"]] {
        let output = command(home.path(), words, "").await;
        assert!(output.status.success(), "{}", stderr(&output));
    }
}

/// The command line of somebody who has no gateway here.
async fn command(home: &Path, words: &[&str], stdin: &str) -> Output {
    let mut command = farhook();
    command.args(words).current_dir(home).env("HOME", home).env("XDG_CONFIG_HOME", home);
    command.stdin(std::process::Stdio::piped()).stdout(std::process::Stdio::piped());
    let mut process = command.stderr(std::process::Stdio::piped()).spawn().unwrap();
    let mut pipe = process.stdin.take().unwrap();
    // A command that does not read has gone by then.
    let _ = pipe.write_all(stdin.as_bytes()).await;
    drop(pipe);
    timeout(PATIENCE, process.wait_with_output()).await.expect("the command ends").unwrap()
}

/// An address that is not loopback. Nothing is sent to find it.
fn address_of_this_machine() -> Option<IpAddr> {
    let socket = UdpSocket::bind("0.0.0.0:0").ok()?;
    // An address that is nobody's. Source: RFC 5737.
    socket.connect("198.51.100.1:9").ok()?;
    socket.local_addr().ok().map(|address| address.ip()).filter(|address| !address.is_loopback())
}
