//! WebSocket on the web port: the agreement on it, and handing the connection over to whoever speaks in it. From then on it is no
//! connection of the web port any more, and counts and lasts as its new owner says.
//!
//! Any page may open one, whatever its origin: a browser sends along no cookie that counted here, and who has no key or
//! token of their own gets no further than any stranger. So nothing is looked at but the form.
//! Source: RFC 6455, 4.2; MQTT 5, 6.

mod stream;

use std::net::SocketAddr;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use log::debug;
use tokio::sync::mpsc;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use warp::Filter;
use warp::filters::ext;
use warp::http::HeaderMap;
use warp::http::HeaderValue;
use warp::http::Method;
use warp::http::StatusCode;
use warp::http::header;

use crate::bus::Visitor;
use crate::http::Peer;
use crate::http::Response;
use crate::http::Route;
use crate::http::path::at;
use crate::http::reply;
use crate::http::websocket::stream::Stream;

/// The version of the protocol; there is no other. Source: RFC 6455, 4.1.
const VERSION: &str = "13";

/// Bytes of the key that a client sends. Source: RFC 6455, 4.1.
const KEY_BYTES: usize = 16;

/// Why there is no WebSocket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Refusal {
    /// It is another kind of request, or one of another version.
    NoWebSocket,
    /// It is not well-formed.
    BadKey,
    /// The client speaks something else in it.
    OtherProtocol,
}

/// A route that hands connections over which speak `protocol` in a WebSocket.
pub fn websocket(paths: &'static [&'static str], protocol: &'static str, visitors: mpsc::Sender<Visitor>) -> Route {
    at(Method::GET, paths)
        .and(warp::header::headers_cloned())
        .and(ext::optional::<OnUpgrade>())
        .and(ext::optional::<Peer>())
        .map(move |_, headers: HeaderMap, upgrade: Option<OnUpgrade>, peer: Option<Peer>| {
            let accept = match agree(&headers, protocol) {
                Ok(accept) => accept,
                Err(refusal) => return refused(refusal, protocol),
            };
            let Some((upgrade, Peer(peer))) = upgrade.zip(peer) else { return refused(Refusal::NoWebSocket, protocol) };
            tokio::spawn(hand_over(upgrade, peer, visitors.clone()));
            agreed(&accept, protocol)
        })
        .boxed()
}

/// What is to be answered to the key of a request for a WebSocket.
fn agree(headers: &HeaderMap, protocol: &str) -> Result<HeaderValue, Refusal> {
    let has = |name: &header::HeaderName, wanted: &str| tokens(headers, name).any(|it| it.eq_ignore_ascii_case(wanted));
    let is_asked_for = has(&header::CONNECTION, "upgrade")
        && has(&header::UPGRADE, "websocket")
        && has(&header::SEC_WEBSOCKET_VERSION, VERSION);
    if !is_asked_for {
        return Err(Refusal::NoWebSocket);
    }
    if !tokens(headers, &header::SEC_WEBSOCKET_PROTOCOL).any(|offered| offered == protocol) {
        return Err(Refusal::OtherProtocol);
    }
    let key = headers.get(header::SEC_WEBSOCKET_KEY).ok_or(Refusal::BadKey)?.as_bytes();
    if STANDARD.decode(key).map_or(0, |key| key.len()) != KEY_BYTES {
        return Err(Refusal::BadKey);
    }
    HeaderValue::try_from(derive_accept_key(key)).map_err(|_| Refusal::BadKey)
}

/// The words of a header that is a list.
fn tokens<'a>(headers: &'a HeaderMap, name: &header::HeaderName) -> impl Iterator<Item = &'a str> {
    let values = headers.get_all(name).into_iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).map(str::trim)
}

async fn hand_over(upgrade: OnUpgrade, peer: SocketAddr, visitors: mpsc::Sender<Visitor>) {
    let stream = match upgrade.await {
        Ok(upgraded) => Stream::new(TokioIo::new(upgraded)).await,
        Err(cause) => return debug!(peer:% = peer; "no WebSocket came of it: {cause}"),
    };
    // Nobody takes it any more when the gateway is going down.
    let _ = visitors.send(Visitor { stream: Box::new(stream), peer }).await;
}

fn agreed(accept: &HeaderValue, protocol: &'static str) -> Response {
    let mut answer = Response::default();
    *answer.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    let headers = answer.headers_mut();
    headers.insert(header::CONNECTION, HeaderValue::from_static("upgrade"));
    headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
    headers.insert(header::SEC_WEBSOCKET_ACCEPT, accept.clone());
    headers.insert(header::SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(protocol));
    answer
}

fn refused(refusal: Refusal, protocol: &str) -> Response {
    let (status, reason) = match refusal {
        Refusal::NoWebSocket => (StatusCode::UPGRADE_REQUIRED, "this is for WebSocket, version 13".to_owned()),
        Refusal::BadKey => (StatusCode::BAD_REQUEST, "the Sec-WebSocket-Key is wrong".to_owned()),
        Refusal::OtherProtocol => {
            (StatusCode::BAD_REQUEST, format!("the Sec-WebSocket-Protocol that is spoken here is {protocol}"))
        }
    };
    let mut answer = reply::with_reason(status, &reason);
    if refusal == Refusal::NoWebSocket {
        let headers = answer.headers_mut();
        headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
        headers.insert(header::SEC_WEBSOCKET_VERSION, HeaderValue::from_static(VERSION));
    }
    answer
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Source of the key and of what is answered to it: RFC 6455, 1.3.
    const GOOD: [(&str, &str); 5] = [
        ("connection", "keep-alive, Upgrade"),
        ("upgrade", "websocket"),
        ("sec-websocket-version", "13"),
        ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
        ("sec-websocket-protocol", "mqttv3.1, mqtt"),
    ];

    fn agreed_with(name: &str, value: Option<&str>) -> Result<HeaderValue, Refusal> {
        let mut headers = HeaderMap::new();
        for (known, good) in GOOD {
            if let Some(value) = if known == name { value } else { Some(good) } {
                headers.insert(known, value.parse().unwrap());
            }
        }
        agree(&headers, "mqtt")
    }

    #[test]
    fn a_client_is_answered_as_the_standard_says() {
        assert_eq!(agreed_with("", None).unwrap(), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
        assert!(agreed_with("origin", Some("https://evil.example")).is_ok());
    }

    #[test]
    fn what_is_no_websocket_for_mqtt_is_refused() {
        use Refusal::BadKey;
        use Refusal::NoWebSocket;
        use Refusal::OtherProtocol;
        for (name, value, refusal) in [
            ("connection", Some("close"), NoWebSocket),
            ("upgrade", Some("h2c"), NoWebSocket),
            ("upgrade", None, NoWebSocket),
            ("sec-websocket-version", Some("8"), NoWebSocket),
            ("sec-websocket-key", None, BadKey),
            ("sec-websocket-key", Some("c2hvcnQ="), BadKey),
            ("sec-websocket-key", Some("?"), BadKey),
            ("sec-websocket-protocol", Some("graphql-ws"), OtherProtocol),
            ("sec-websocket-protocol", None, OtherProtocol),
        ] {
            assert_eq!(agreed_with(name, value), Err(refusal), "{name}: {value:?}");
        }
    }
}
