//! Attempts at a server on this machine.

use std::net::Ipv4Addr;
use std::net::SocketAddr;

use bytes::Bytes;
use tokio::io::AsyncReadExt;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;
use tokio::net::TcpStream;

use super::*;
use crate::clock;
use crate::delivery::outcome::Answer;
use crate::delivery::responder::Reply;
use crate::delivery::responder::Responder;
use crate::delivery::responder::answer;
use crate::delivery::responder::provide_crypto;
use crate::delivery::responder::silent_port;
use crate::delivery::timing::Timing;

const PLENTY: usize = 1 << 20;

/// Part of every address here; it must not show up in any text.
const SECRET: &str = "key=hunter2";

fn courier(allow: &[&str], timeout: Duration) -> Courier {
    provide_crypto();
    let allow = allow.iter().map(|range| range.parse().unwrap()).collect();
    Courier::new(Settings { timeout, idle_per_host: 8, egress: Egress { allow } })
}

/// A courier that may reach this machine.
fn local() -> Courier {
    courier(&["127.0.0.0/8", "::1/128"], Duration::from_secs(20))
}

fn get(url: &str) -> HookRequest {
    HookRequest {
        method: RequestMethod::Get,
        url: url.parse().unwrap(),
        headers: Vec::new(),
        body: Bytes::new(),
        reject_unauthorized: true,
        allow_lan: false,
        secrecy: None,
    }
}

async fn attempt(courier: &Courier, url: &str) -> Outcome {
    courier.attempt(&get(url), PLENTY, Patience::default(), clock::now().wall).await.unwrap().outcome
}

fn answered(outcome: Outcome) -> Answer {
    match outcome {
        Outcome::Answered(answer) => answer,
        other => panic!("no answer: {other:?}"),
    }
}

#[tokio::test]
async fn a_request_is_sent_as_it_was_made_and_its_answer_read() {
    let mut responder =
        Responder::start(|_| answer(201, "retry-after: 7\r\ncontent-type: text/plain\r\n", "it is 72 degrees"));
    let request = HookRequest {
        method: RequestMethod::Put,
        headers: vec![("x-room".to_owned(), "kitchen".to_owned())],
        body: Bytes::from_static(b"{\"t\":72}"),
        ..get(&responder.url("/a?b=c"))
    };
    let got =
        answered(local().attempt(&request, PLENTY, Patience::default(), clock::now().wall).await.unwrap().outcome);
    assert_eq!(
        got,
        Answer {
            status: 201,
            retry_after: Some("7".to_owned()),
            content_type: Some("text/plain".to_owned()),
            headers: [
                ("content-length", "16"),
                ("connection", "close"),
                ("retry-after", "7"),
                ("content-type", "text/plain"),
            ]
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .to_vec(),
            foreign_redirect: None,
            is_verified: false,
            body: Bytes::from_static(b"it is 72 degrees"),
        }
    );
    let sent = responder.requests.recv().await.unwrap();
    assert!(sent.starts_with("PUT /a?b=c HTTP/1.1\r\n"), "{sent}");
    assert!(sent.contains("\r\nx-room: kitchen\r\n") && sent.ends_with("\r\n\r\n{\"t\":72}"), "{sent}");
}

#[tokio::test]
async fn no_more_of_a_body_is_read_than_was_asked_for() {
    let responder = Responder::start(|_| answer(200, "", &"x".repeat(300_000)));
    for cap in [0, 1, 102_400] {
        let got = answered(
            local()
                .attempt(&get(&responder.url("/")), cap, Patience::default(), clock::now().wall)
                .await
                .unwrap()
                .outcome,
        );
        assert_eq!(got.body.len(), cap);
    }
}

#[tokio::test]
async fn an_answer_that_stalls_in_its_body_is_still_an_answer() {
    let head = "HTTP/1.1 200 -\r\ncontent-length: 100\r\n\r\n";
    let responder = Responder::start(move |_| Reply::Stalled(format!("{head}the beginning")));
    let courier = courier(&["127.0.0.0/8"], Duration::from_secs(1));
    let got = answered(attempt(&courier, &responder.url("/")).await);
    assert_eq!((got.status, got.body.as_ref()), (200, b"the beginning".as_slice()));
}

#[tokio::test]
async fn an_answer_that_breaks_off_in_its_body_is_still_an_answer() {
    let responder =
        Responder::start(|_| Reply::Whole("HTTP/1.1 500 -\r\ncontent-length: 100\r\n\r\nthe beginning".to_owned()));
    let got = answered(attempt(&local(), &responder.url("/")).await);
    assert_eq!((got.status, got.body.as_ref()), (500, b"the beginning".as_slice()));
}

#[tokio::test]
async fn a_target_that_says_nothing_is_waited_for_as_long_as_configured() {
    let responder = Responder::start(|_| Reply::Stalled(String::new()));
    let courier = courier(&["127.0.0.0/8"], Duration::from_secs(1));
    let outcome = attempt(&courier, &responder.url("/")).await;
    assert_eq!(outcome, Outcome::NoAnswer(NoAnswer::Timeout { seconds: 1 }));
}

#[tokio::test]
async fn a_refused_connection_is_no_answer() {
    let port = silent_port();
    let address: SocketAddr = port.local_addr().unwrap();
    let outcome = attempt(&local(), &format!("http://{address}/?{SECRET}")).await;
    assert!(matches!(outcome, Outcome::NoAnswer(NoAnswer::Connect(_))), "{outcome:?}");
    assert!(!format!("{outcome:?}").contains(SECRET), "{outcome:?}");
}

#[tokio::test]
async fn a_connection_that_breaks_before_an_answer_is_no_answer() {
    let responder = Responder::start(|_| Reply::Whole(String::new()));
    let outcome = attempt(&local(), &responder.url(&format!("/?{SECRET}"))).await;
    assert!(matches!(outcome, Outcome::NoAnswer(NoAnswer::Broken(_))), "{outcome:?}");
    assert!(!format!("{outcome:?}").contains(SECRET), "{outcome:?}");
}

#[tokio::test]
async fn what_is_no_http_is_no_answer() {
    let responder = Responder::start(|_| Reply::Whole("220 mail.example.com ESMTP\r\n".to_owned()));
    let outcome = attempt(&local(), &responder.url(&format!("/?{SECRET}"))).await;
    assert!(matches!(outcome, Outcome::NoAnswer(NoAnswer::Broken(_))), "{outcome:?}");
    assert!(!format!("{outcome:?}").contains(SECRET), "{outcome:?}");
}

#[tokio::test]
async fn a_target_without_tls_is_no_answer() {
    let responder = Responder::start(|_| answer(200, "", ""));
    let url = responder.url(&format!("/?{SECRET}")).replace("http:", "https:");
    // The server reads until it finds the end of a head, which it never does.
    let courier = courier(&["127.0.0.0/8"], Duration::from_secs(1));
    let outcome = attempt(&courier, &url).await;
    assert!(matches!(outcome, Outcome::NoAnswer(_)), "{outcome:?}");
    assert!(!format!("{outcome:?}").contains(SECRET), "{outcome:?}");
}

#[tokio::test]
async fn a_forbidden_address_is_never_dialled() {
    let mut responder = Responder::start(|_| answer(200, "", ""));
    let strict = courier(&[], Duration::from_secs(20));
    let port = responder.url("").rsplit_once(':').unwrap().1.to_owned();
    let literal = Ipv4Addr::LOCALHOST.to_string();
    for host in [&literal, "2130706433", "[::ffff:127.0.0.1]", "localhost", "LOCALHOST"] {
        let outcome = attempt(&strict, &format!("http://{host}:{port}/?{SECRET}")).await;
        let Outcome::Forbidden { reason } = outcome else { panic!("{host}: {outcome:?}") };
        assert!(!reason.contains(SECRET), "{reason}");
    }
    assert!(responder.requests.try_recv().is_err());
}

#[tokio::test]
async fn a_name_is_reached_at_the_addresses_that_are_allowed() {
    let responder = Responder::start(|_| answer(200, "", "ok"));
    let outcome = attempt(&local(), &responder.url("/").replace("127.0.0.1", "localhost")).await;
    assert_eq!(answered(outcome).body.as_ref(), b"ok");
}

#[tokio::test]
async fn a_redirect_is_an_answer_and_is_not_followed() {
    let mut responder = Responder::start(|_| answer(302, "location: /elsewhere\r\n", "moved"));
    let got = answered(attempt(&local(), &responder.url("/")).await);
    assert_eq!((got.status, got.body.as_ref()), (302, b"moved".as_slice()));
    assert!(responder.requests.recv().await.unwrap().starts_with("GET / "));
    assert!(responder.requests.try_recv().is_err());
}

#[tokio::test]
async fn an_address_too_long_to_be_sent_says_nothing_about_its_target() {
    let url = format!("http://127.0.0.1:9/?a={}", "x".repeat(70_000));
    let outcome = attempt(&local(), &url).await;
    assert!(matches!(outcome, Outcome::Forbidden { .. }), "{outcome:?}");
}

#[tokio::test]
async fn the_answer_of_a_captive_portal_is_none_of_the_target() {
    let portal = Responder::start(|_| answer(511, "", ""));
    assert_eq!(
        attempt(&local(), &portal.url("/")).await,
        Outcome::NoAnswer(NoAnswer::Captive(CaptiveSign::LoginRequired))
    );
}

#[tokio::test]
async fn an_attempt_says_how_long_its_parts_took() {
    let responder = Responder::start(|_| Reply::Whole("HTTP/1.1 204 -\r\n\r\n".to_owned()));
    let attempted =
        local().attempt(&get(&responder.url("/")), PLENTY, Patience::default(), clock::now().wall).await.unwrap();
    let Timing { connect_ms, first_byte_ms, total_ms } = attempted.timing;
    assert!(connect_ms <= first_byte_ms && first_byte_ms <= Some(total_ms), "{:?}", attempted.timing);
    assert!(connect_ms.is_some(), "{:?}", attempted.timing);

    let port = silent_port();
    let url = format!("http://{}/", port.local_addr().unwrap());
    let refused = local().attempt(&get(&url), PLENTY, Patience::default(), clock::now().wall).await.unwrap().timing;
    assert_eq!((refused.connect_ms, refused.first_byte_ms), (None, None));
}

#[tokio::test]
async fn an_attempt_on_an_open_connection_has_no_time_to_connect() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let courier = local();
    let server = tokio::spawn(async move { answer_on_one_connection(&listener, 2).await });
    let first = courier.attempt(&get(&url), PLENTY, Patience::default(), clock::now().wall).await.unwrap();
    let second = courier.attempt(&get(&url), PLENTY, Patience::default(), clock::now().wall).await.unwrap();
    assert!(first.timing.connect_ms.is_some(), "{first:?}");
    assert_eq!(second.timing.connect_ms, None, "{second:?}");
    assert!(second.timing.first_byte_ms.is_some(), "{second:?}");
    server.await.unwrap();
}

#[tokio::test]
async fn a_probe_gives_up_on_a_connection_that_does_not_stand_in_time() {
    // It takes the connection and says nothing of TLS.
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let url = format!("https://{}/?{SECRET}", listener.local_addr().unwrap());
    let patience = Patience { connect: Duration::from_secs(1) };
    let attempted = local().attempt(&get(&url), PLENTY, patience, clock::now().wall).await.unwrap();
    assert_eq!(attempted.outcome, Outcome::NoAnswer(NoAnswer::Connect("not within 1 s".to_owned())));
    assert!((1_000..5_000).contains(&attempted.timing.total_ms), "{:?}", attempted.timing);
    assert_eq!(attempted.timing.connect_ms, None);
}

#[tokio::test]
async fn a_target_that_is_reached_and_slow_is_not_given_up_by_a_probe() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let slow = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        sleep(Duration::from_millis(300)).await;
        stream.write_all(b"HTTP/1.1 200 -\r\ncontent-length: 0\r\n\r\n").await.unwrap();
        stream
    });
    let patience = Patience { connect: Duration::from_millis(100) };
    let attempted = local().attempt(&get(&url), PLENTY, patience, clock::now().wall).await.unwrap();
    assert_eq!(answered(attempted.outcome).status, 200);
    assert!(attempted.timing.first_byte_ms.is_some_and(|ms| ms >= 300), "{:?}", attempted.timing);
    drop(slow.await);
}

#[tokio::test]
async fn an_open_connection_that_leads_nowhere_is_not_used_again() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let server = tokio::spawn(async move {
        let dead = answer_on_one_connection(&listener, 1).await;
        let _fresh = answer_on_one_connection(&listener, 1).await;
        drop(dead);
    });
    let courier = courier(&["127.0.0.0/8"], Duration::from_secs(1));
    assert_eq!(answered(attempt(&courier, &url).await).status, 204);
    assert_eq!(attempt(&courier, &url).await, Outcome::NoAnswer(NoAnswer::Timeout { seconds: 1 }));
    assert_eq!(answered(attempt(&courier, &url).await).status, 204);
    server.await.unwrap();
}

#[tokio::test]
async fn a_plain_redirect_to_another_host_is_an_answer_that_says_so() {
    let portal = Responder::start(|_| answer(302, "location: http://login.hotel.example/\r\n", ""));
    let got = answered(attempt(&local(), &portal.url("/")).await);
    assert_eq!((got.status, got.foreign_redirect.as_deref()), (302, Some("login.hotel.example")));
}

#[tokio::test]
async fn without_a_clock_nothing_is_sent_that_needs_a_certificate() {
    let mut responder = Responder::start(|_| answer(200, "", ""));
    let plain = get(&responder.url("/plain"));
    let verified = get(&responder.url("/").replace("http:", "https:"));
    let courier = local();
    let at_1970 = WallTime::from_millis(0);
    let outcome = courier.attempt(&verified, PLENTY, Patience::default(), at_1970).await.unwrap().outcome;
    assert_eq!(outcome, Outcome::NoAnswer(NoAnswer::NoClock));
    answered(courier.attempt(&plain, PLENTY, Patience::default(), at_1970).await.unwrap().outcome);
    assert!(responder.requests.recv().await.unwrap().starts_with("GET /plain "));
    assert!(clock::now().wall >= BUILT_AT, "the clock of whoever runs the tests is set");
}

/// Takes a connection and answers so many requests on it; then it says nothing more.
async fn answer_on_one_connection(listener: &TcpListener, requests: usize) -> TcpStream {
    let (mut stream, _) = listener.accept().await.unwrap();
    for _ in 0..requests {
        let mut request = Vec::new();
        while !request.ends_with(b"\r\n\r\n") {
            assert!(stream.read_buf(&mut request).await.unwrap() > 0);
        }
        stream.write_all(b"HTTP/1.1 204 -\r\n\r\n").await.unwrap();
    }
    stream
}
