//! How long each page takes for an owner with 200 integrations and 1,000 devices, from the request to its last byte.

use std::time::Duration;
use std::time::Instant;

use serde_json::Value;
use serde_json::json;
use tokio::io::AsyncWriteExt;
use tokio::io::BufReader;
use tokio::net::TcpStream;

use crate::daemon::Daemon;
use crate::head;

const HOOKS: usize = 200;
const DEVICES: usize = 1_000;
const TIMES: usize = 200;
const PAGES: [&str; 9] = [
    "/",
    "/integrations",
    "/integrations/HOOK",
    "/integrations/HOOK/edit",
    "/logs",
    "/devices",
    "/devices/DEVICE",
    "/queue",
    "/settings",
];
const PASSWORD: &str = "correct horse";

pub(crate) async fn measure(daemon: &Daemon) {
    let token = daemon.token();
    let cookie = claim(daemon).await;
    let (device, _) = daemon.add_devices(DEVICES).pop().unwrap();
    let mut stream = connect(daemon).await;
    for number in 0..HOOKS {
        let hook = json!({ "event": format!("event{number}"), "url": "http://127.0.0.1:9/" }).to_string();
        let head = ask(&mut stream, "POST /v1/webhooks", &format!("authorization: Bearer {token}"), JSON, &hook).await;
        assert!(head.starts_with("HTTP/1.1 201 "), "{head}");
    }
    println!("pages, with {HOOKS} integrations and {DEVICES} devices:");
    for page in PAGES {
        let path = page.replace("HOOK", daemon.hook()).replace("DEVICE", &device);
        let cpu_s = daemon.cpu_s();
        let (mut each, mut bytes) = (Vec::new(), String::new());
        for _ in 0..TIMES {
            let began = Instant::now();
            let head = ask(&mut stream, &format!("GET {path}"), &format!("cookie: {cookie}"), FORM, "").await;
            each.push(began.elapsed());
            assert!(head.starts_with("HTTP/1.1 200 "), "{page}: {head}");
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
            length.unwrap_or_default().clone_into(&mut bytes);
        }
        let cpu = Duration::from_secs_f64((daemon.cpu_s() - cpu_s) / f64::from(u32::try_from(TIMES).unwrap()));
        each.sort_unstable();
        let at = |percent: usize| each[(each.len() - 1) * percent / 100];
        println!("  {page:<24} p50 {:.1?}, p99 {:.1?}, CPU {cpu:.1?}, {bytes} bytes of HTML", at(50), at(99));
    }
}

const JSON: &str = "application/json";
const FORM: &str = "application/x-www-form-urlencoded";

/// The cookie of the owner, who is made for this.
async fn claim(daemon: &Daemon) -> String {
    let code: Value = daemon.ask(&["claim"]);
    let code = code["code"].as_str().unwrap();
    let form = format!("code={code}&name=owner&password={PASSWORD}&password_again={PASSWORD}").replace(' ', "+");
    let head = ask(&mut connect(daemon).await, "POST /claim", "sec-fetch-site: same-origin", FORM, &form).await;
    let cookie = head.lines().find_map(|line| line.strip_prefix("set-cookie: ")).unwrap_or_else(|| panic!("{head}"));
    cookie.split(';').next().unwrap().to_owned()
}

async fn connect(daemon: &Daemon) -> BufReader<TcpStream> {
    let stream = TcpStream::connect(daemon.http()).await.unwrap();
    stream.set_nodelay(true).unwrap();
    BufReader::new(stream)
}

/// The head of the answer, when all of it has come.
async fn ask(stream: &mut BufReader<TcpStream>, what: &str, header: &str, kind: &str, body: &str) -> String {
    let length = body.len();
    let request = format!(
        "{what} HTTP/1.1\r\nhost: 127.0.0.1\r\n{header}\r\ncontent-type: {kind}\r\ncontent-length: {length}\r\n\r\n{body}"
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    head(stream).await
}
