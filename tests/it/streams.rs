//! Event streams, byte by byte: how they begin, what they show, and how they end.

use std::time::Duration;

use serde_json::Value;
use serde_json::json;
use tokio::io::AsyncReadExt;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpSocket;
use tokio::time::Instant;
use tokio::time::timeout;

use crate::account::Account;
use crate::gateway::Device;
use crate::gateway::Gateway;
use crate::gateway::PATIENCE;
use crate::plain_http;
use crate::plain_http::Stream;
use crate::receiver::Answer;
use crate::receiver::Receiver;

const MINE: &str = "/v1/devices/events";

async fn scene() -> (Gateway, Account, Device) {
    let gateway = Gateway::start().await;
    let account = Account::new(&gateway, "me").await;
    let device = account.device(&gateway, "kitchen").await;
    (gateway, account, device)
}

fn bearer(secret: &str) -> (&'static str, String) {
    ("authorization", format!("Bearer {secret}"))
}

fn event(name: &str, data: &str) -> Value {
    json!({ "name": name, "data": data })
}

/// The data of the next events, up to and with this one.
async fn data_until(stream: &mut Stream, last: &str) -> Vec<String> {
    let mut heard: Vec<String> = Vec::new();
    while heard.last().is_none_or(|data| data != last) {
        heard.push(stream.event().await.1["data"].as_str().unwrap().to_owned());
    }
    heard
}

#[tokio::test]
async fn a_stream_says_ok_and_then_each_event_in_a_chunk_of_its_own() {
    let (gateway, account, device) = scene().await;
    let mut client = gateway.login(&device).await;
    let mut stream = account.stream(MINE).await;
    assert_eq!(stream.piece().await, ":ok\n\n");
    // As large as an event may be, and with what has to be escaped.
    let large = "ü\n".repeat(5_000);

    client.publish("temp/kitchen", "21.5 °C").await;
    account.publish(&event("large", &large)).await;

    let piece = stream.piece().await;
    let lines: Vec<&str> = piece.split('\n').collect();
    let id = lines[0].strip_prefix("id: ").unwrap();
    assert!(id.len() == 24 && id.bytes().all(|byte| byte.is_ascii_hexdigit()), "{piece}");
    assert_eq!((lines.len(), lines[1], lines[3], lines[4]), (5, "event: temp/kitchen", "", ""), "{piece}");
    let data: Value = serde_json::from_str(lines[2].strip_prefix("data: ").unwrap()).unwrap();
    assert_eq!((&data["data"], &data["coreid"], &data["ttl"]), (&json!("21.5 °C"), &json!(device.id), &json!(60)));
    assert!(data["published_at"].as_str().unwrap().ends_with('Z') && data.as_object().unwrap().len() == 4, "{data}");
    let piece = stream.piece().await;
    assert!(piece.is_ascii() && piece.ends_with("\"}\n\n") && piece.matches("\n\n").count() == 1);
    let data = piece.lines().nth(2).unwrap().strip_prefix("data: ").unwrap();
    assert_eq!(serde_json::from_str::<Value>(data).unwrap()["data"], large);
}

#[tokio::test]
async fn each_path_shows_what_it_is_for() {
    let (gateway, account, kitchen) = scene().await;
    let cellar = account.device(&gateway, "cellar").await;
    let product = account.product(&gateway, "Green").await;
    gateway.json(&["product", "add", &product.slug, "kitchen", "--user", "me"]).await;
    let all = ["kitchen a/1", "cellar a/2", "api a/3", "kitchen a b", "product a/4", "kitchen end"].as_slice();
    let only = |wanted: &'static [&'static str]| wanted;
    let of_kitchen = only(&["kitchen a/1", "kitchen a b", "kitchen end"]);
    let of_product = only(&["kitchen a/1", "kitchen a b", "product a/4", "kitchen end"]);
    let cases = [
        (MINE.to_owned(), all),
        (format!("{MINE}/"), all),
        (format!("{MINE}/mine"), all),
        ("/v1/orgs/any/events".to_owned(), all),
        (format!("{MINE}/a%2F"), only(&["kitchen a/1", "cellar a/2", "api a/3", "product a/4"])),
        (format!("{MINE}/a/"), only(&["kitchen a/1", "cellar a/2", "api a/3", "product a/4"])),
        (format!("{MINE}/a%20b?nonce=0.1"), only(&["kitchen a b"])),
        (format!("{MINE}/A"), only(&[])),
        ("/v1/events/a/2".to_owned(), only(&["cellar a/2"])),
        (format!("/v1/devices/{}/events", kitchen.id), of_kitchen),
        ("/v1/devices/KITCHEN/events/a%2f".to_owned(), only(&["kitchen a/1"])),
        (format!("/v1/products/{}/events", product.slug), of_product),
        (format!("/v1/products/{}/events/a/", product.id), only(&["kitchen a/1", "product a/4"])),
        (format!("/v1/products/{}/devices/{}/events", product.slug, kitchen.id), of_kitchen),
        (format!("/v1/orgs/any/products/{}/events", product.slug), of_product),
        (format!("/v1/orgs/any/products/{}/devices/kitchen/events/end", product.slug), only(&["kitchen end"])),
    ];
    let mut streams = Vec::new();
    for (path, wanted) in cases {
        streams.push((account.stream(&path).await, path, wanted));
    }

    let (mut in_kitchen, mut in_cellar) = (gateway.login(&kitchen).await, gateway.login(&cellar).await);
    in_kitchen.publish("a/1", "kitchen a/1").await;
    in_cellar.publish("a/2", "cellar a/2").await;
    account.publish(&event("a/3", "api a/3")).await;
    in_kitchen.publish("a b", "kitchen a b").await;
    let path = format!("/v1/products/{}/events", product.slug);
    account.tell("POST", &path, &event("a/4", "product a/4")).await;
    in_kitchen.publish("end", "kitchen end").await;

    // Then whatever a stream has to show is written before its end.
    let mut gateway = gateway;
    gateway.stop().await;
    for (stream, path, wanted) in streams {
        let rest = stream.rest().await;
        let data = rest.lines().filter_map(|line| line.strip_prefix("data: "));
        let heard: Vec<String> = data
            .map(|data| serde_json::from_str::<Value>(data).unwrap()["data"].as_str().unwrap().to_owned())
            .collect();
        assert_eq!(heard, wanted, "{path}");
    }
}

#[tokio::test]
async fn a_stream_without_events_shows_within_nine_seconds_that_it_is_there() {
    let (_gateway, account, _) = scene().await;
    let mut stream = account.stream(MINE).await;
    assert_eq!(stream.piece().await, ":ok\n\n");
    let begun = Instant::now();
    assert_eq!(stream.piece().await, "\n");
    assert!(begun.elapsed() < Duration::from_millis(9_900), "after {:?}", begun.elapsed());
}

#[tokio::test]
async fn who_comes_back_hears_what_was_missed_once_and_then_goes_on() {
    let (mut gateway, account, device) = scene().await;
    let other = Account::new(&gateway, "you").await;
    let mut stream = account.stream(&format!("{MINE}/temp")).await;
    let mut client = gateway.login(&device).await;
    for data in ["1", "2", "3"] {
        client.publish("temp", data).await;
    }
    let mut ids = Vec::new();
    for _ in 0..3 {
        ids.push(stream.event_with_id().await.0);
    }
    drop(stream);
    client.publish("temp", "4").await;
    client.publish("else", "not asked for").await;
    other.publish(&event("temp", "somebody else's")).await;
    client.publish("temp", "5").await;
    let come_back = async |gateway: &Gateway, last: &str| {
        let headers = [bearer(&account.token), ("last-event-id", last.to_owned())];
        Stream::open_with(gateway.http, &format!("{MINE}/temp"), &headers).await
    };

    let mut back = come_back(&gateway, &ids[1]).await;
    client.publish("temp", "6").await;
    assert_eq!(data_until(&mut back, "6").await, ["3", "4", "5", "6"]);
    let (fresh, nonsense) = (account.stream(&format!("{MINE}/temp")).await, come_back(&gateway, "nonsense").await);

    gateway.stop().await;
    gateway.start_again().await;

    let mut client = gateway.login(&device).await;
    let mut back = come_back(&gateway, &ids[2]).await;
    client.publish("temp", "7").await;
    assert_eq!(data_until(&mut back, "7").await, ["4", "5", "6", "7"]);
    let nothing = [fresh.rest().await, nonsense.rest().await];
    assert_eq!(nothing, [":ok\n\n", ":ok\n\n"], "who does not say what was heard last hears what happens from now on");
}

#[tokio::test]
async fn a_stream_ends_as_a_body_ends_when_the_gateway_stops() {
    let (mut gateway, account, device) = scene().await;
    let idle = account.stream(MINE).await;
    let mut busy = account.stream(MINE).await;
    gateway.login(&device).await.publish("temp", "1").await;
    busy.event().await;
    gateway.stop().await;
    busy.rest().await;
    assert!(idle.rest().await.contains("event: temp"));
}

#[tokio::test]
async fn who_does_not_read_loses_the_stream_and_others_go_on() {
    let (gateway, account, device) = scene().await;
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4_096).unwrap();
    let mut slow = socket.connect(gateway.http).await.unwrap();
    let request = format!("GET {MINE} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {}\r\n\r\n", account.token);
    slow.write_all(request.as_bytes()).await.unwrap();
    slow.readable().await.unwrap();
    let mut reader = account.stream(MINE).await;
    let mut client = gateway.login(&device).await;
    let data = "x".repeat(16_000);

    // More than the system keeps for a socket, and more events than a stream may lag behind.
    let begun = Instant::now();
    for _ in 0..30 {
        for _ in 0..50 {
            client.publish("temp", &data).await;
        }
        for _ in 0..50 {
            assert_eq!(reader.event().await.0, "temp");
        }
    }
    assert!(begun.elapsed() < PATIENCE, "others are held up: {:?}", begun.elapsed());

    let mut got = Vec::new();
    let ended = timeout(PATIENCE, async {
        let mut piece = vec![0; 65_536];
        loop {
            match slow.read(&mut piece).await {
                Ok(0) | Err(_) => break,
                Ok(length) => got.extend_from_slice(&piece[..length]),
            }
            // The connection would be kept; what matters is the end of this body.
            if got.ends_with(b"\r\n0\r\n\r\n") {
                break;
            }
        }
    });
    ended.await.expect("the stream of who does not read ends");
    let got = String::from_utf8(got).unwrap();
    let count = got.matches("event: temp").count();
    assert!(count < 1_500, "all {count} events were kept for who did not read");
    client.publish("temp", "still there").await;
    assert_eq!(reader.event().await.1["data"], "still there");
}

#[tokio::test]
async fn a_stream_that_cannot_be_had_is_refused_as_everything_is() {
    let (gateway, account, _) = scene().await;
    let other = Account::new(&gateway, "you").await;
    let others = other.device(&gateway, "cellar").await;
    let theirs = other.product(&gateway, "Green").await;
    for path in [format!("/v1/devices/{}/events", others.id), "/v1/devices/cellar/events/x".to_owned()] {
        let answer = account.ask("GET", &path).await;
        let told = answer.json();
        assert_eq!((answer.status, &told["error"]), (403, &json!("Permission Denied")), "{path}: {told}");
        assert!(told["info"].as_str().unwrap().contains("I didn't recognize that device name or ID"), "{told}");
    }
    for path in [format!("/v1/products/{}/events", theirs.slug), format!("/v1/products/{}/events/x", theirs.id)] {
        let answer = account.ask("GET", &path).await;
        assert_eq!(
            (answer.status, answer.json()),
            (404, json!({ "ok": false, "error": "Product not found." })),
            "{path}"
        );
    }
    let everybodys = account.ask("GET", "/v1/events").await;
    assert_eq!(everybodys.status, 400, "{everybodys:?}");
    for path in [MINE, "/v1/events/x", "/v1/events", "/v1/devices/kitchen/events", "/v1/products/green/events"] {
        let without = plain_http::send(gateway.http, "GET", path, &[], "").await;
        assert_eq!((without.status, &without.json()["error"]), (400, &json!("invalid_request")), "{path}");
        let unknown = plain_http::send(gateway.http, "GET", path, &[bearer("0123")], "").await;
        let told = json!({ "error": "invalid_token", "error_description": "The access token provided is invalid." });
        assert_eq!((unknown.status, unknown.json()), (401, told), "{path}");
    }
    let in_query = format!("{MINE}?access_token={}", account.token);
    let mut stream = Stream::open_with(gateway.http, &in_query, &[]).await;
    assert_eq!(stream.piece().await, ":ok\n\n", "browsers cannot send headers with a stream");
}

#[tokio::test]
async fn a_device_listens_with_its_key_and_hears_no_results_of_others() {
    let (gateway, account, kitchen) = scene().await;
    let cellar = account.device(&gateway, "cellar").await;
    let receiver = Receiver::with(|request| Answer::ok(&format!("answer to {}", request.body)));
    let hook = json!({ "event": "temp", "url": receiver.url("/"), "body": "{{{PARTICLE_EVENT_VALUE}}}" });
    assert_eq!(account.tell("POST", "/v1/webhooks", &hook).await.status, 201);
    let mut own = Stream::open(gateway.http, MINE, &kitchen.key).await;
    let mut users = account.stream(&format!("{MINE}/hook-response")).await;
    for (device, data) in [(&cellar, "cold"), (&kitchen, "warm")] {
        gateway.login(device).await.publish("temp", data).await;
        assert_eq!(users.event().await.1["data"], format!("answer to {data}"));
    }
    let heard = data_until(&mut own, "answer to warm").await;
    assert!(heard.contains(&"cold".to_owned()), "{heard:?}");
    assert!(!heard.contains(&"answer to cold".to_owned()), "{heard:?}");

    account.ask("DELETE", &format!("/v1/devices/{}", kitchen.id)).await;
    account.publish(&event("after", "the device is gone")).await;
    let rest = own.rest().await;
    assert!(!rest.contains("the device is gone"), "{rest}");
}
