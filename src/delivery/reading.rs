//! Reads an answer: its status and headers, and its body up to a cap.

use bytes::Bytes;
use bytes::BytesMut;
use http::HeaderMap;
use http::header;
use reqwest::Response;
use tokio::time::Instant;
use tokio::time::timeout_at;

use crate::delivery::captive::foreign_redirect;
use crate::delivery::outcome::Answer;
use crate::hooks::HookRequest;

/// Headers of an answer that are kept, and the bytes of their names and values together. Ours: servers send a dozen.
const HEADERS: usize = 64;
const HEADER_BYTES: usize = 4_096;

/// Reads the answer to `request`, of its body at most `cap` bytes. What breaks or stalls after the status line does not
/// unmake it.
pub(super) async fn read(response: Response, request: &HookRequest, cap: usize, deadline: Instant) -> Answer {
    let status = response.status().as_u16();
    let location = text(response.headers(), &header::LOCATION);
    Answer {
        status,
        retry_after: text(response.headers(), &header::RETRY_AFTER),
        content_type: text(response.headers(), &header::CONTENT_TYPE),
        headers: kept(response.headers()),
        foreign_redirect: foreign_redirect(&request.url, status, location.as_deref()),
        is_verified: is_verified(request),
        body: body(response, cap, deadline).await,
    }
}

/// Whether whoever answers this request proves who it is.
pub(super) fn is_verified(request: &HookRequest) -> bool {
    request.url.scheme() == "https" && request.reject_unauthorized
}

async fn body(mut response: Response, cap: usize, deadline: Instant) -> Bytes {
    let mut body = BytesMut::new();
    while body.len() < cap {
        match timeout_at(deadline, response.chunk()).await {
            Ok(Ok(Some(chunk))) => body.extend_from_slice(&chunk[..chunk.len().min(cap - body.len())]),
            Ok(Ok(None) | Err(_)) | Err(_) => break,
        }
    }
    body.freeze()
}

/// The headers in the order in which they came. One that is too large is left out, those after it are not.
fn kept(headers: &HeaderMap) -> Vec<(String, String)> {
    let mut room = HEADER_BYTES;
    let mut kept = Vec::new();
    for (name, value) in headers {
        let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
        let bytes = name.as_str().len() + value.len();
        if kept.len() < HEADERS && bytes <= room {
            room -= bytes;
            kept.push((name.as_str().to_owned(), value));
        }
    }
    kept
}

fn text(headers: &HeaderMap, name: &header::HeaderName) -> Option<String> {
    headers.get(name)?.to_str().ok().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use http::HeaderName;
    use http::HeaderValue;

    use super::*;

    fn headers(pairs: impl IntoIterator<Item = (String, Vec<u8>)>) -> HeaderMap {
        let pair = |(name, value): (String, Vec<u8>)| {
            (HeaderName::try_from(name).unwrap(), HeaderValue::from_bytes(&value).unwrap())
        };
        pairs.into_iter().map(pair).collect()
    }

    #[test]
    fn headers_keep_their_order_and_are_text_whatever_they_were() {
        let pairs = [("x-b", b"1".as_slice()), ("x-a", b"caf\xe9"), ("x-c", b"3")];
        let got = kept(&headers(pairs.map(|(name, value)| (name.to_owned(), value.to_vec()))));
        let expected = [("x-b", "1"), ("x-a", "caf\u{fffd}"), ("x-c", "3")];
        assert_eq!(got, expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
    }

    #[test]
    fn no_more_headers_are_kept_than_there_is_room_for() {
        let many = kept(&headers((0..200).map(|number| (format!("x-{number}"), b"1".to_vec()))));
        assert_eq!(many.len(), HEADERS);
        let large = [("x-small", 10), ("x-huge", 5_000), ("x-half", 3_000), ("x-half-too", 3_000), ("x-last", 10)];
        let large = kept(&headers(large.map(|(name, length)| (name.to_owned(), vec![b'x'; length]))));
        let names: Vec<&str> = large.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["x-small", "x-half", "x-last"]);
    }
}
