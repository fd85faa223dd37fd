//! Sending callers from HTTP to HTTPS, if the owner wants that. Pure.

use std::net::IpAddr;

use http::HeaderMap;
use http::Uri;
use http::header::HOST;
use http::uri::Authority;

/// For whoever watches over the gateway, and follows no redirect.
const SPARED: [&str; 2] = ["/healthz", "/readyz"];

/// Where a request over HTTP should go instead; nowhere if it may be answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Instead {
    /// To this address.
    There(String),
    /// The request does not say by which name its sender knows the gateway.
    Unknown,
}

/// Whether a request from there has to go to HTTPS at `port`. Programs on this machine talk to no one in between.
pub(super) fn instead(from: IpAddr, uri: &Uri, headers: &HeaderMap, port: u16) -> Option<Instead> {
    if from.to_canonical().is_loopback() || SPARED.contains(&uri.path()) {
        return None;
    }
    let host = headers.get(HOST).and_then(|host| host.to_str().ok()?.parse::<Authority>().ok());
    let host = host.as_ref().or_else(|| uri.authority()).map(Authority::host).filter(|host| !host.is_empty());
    let Some(host) = host else { return Some(Instead::Unknown) };
    let path = uri.path_and_query().map_or("/", |path| path.as_str());
    // 443 is what a browser takes when nothing is said.
    let port = if port == 443 { String::new() } else { format!(":{port}") };
    Some(Instead::There(format!("https://{host}{port}{path}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NEIGHBOUR: &str = "192.0.2.7";

    fn of(from: &str, uri: &str, host: Option<&str>, port: u16) -> Option<Instead> {
        let headers = host.map(|host| (HOST, host.parse().unwrap())).into_iter().collect();
        instead(from.parse().unwrap(), &uri.parse().unwrap(), &headers, port)
    }

    #[test]
    fn a_caller_is_sent_to_the_same_path_at_the_same_host() {
        for (uri, host, port, there) in [
            ("/", "pi.local:8484", 8443, "https://pi.local:8443/"),
            ("/v1/devices?a=b%20c", "pi.local", 443, "https://pi.local/v1/devices?a=b%20c"),
            ("/x", "[fd00::1]:8484", 8443, "https://[fd00::1]:8443/x"),
            ("/x", "me@pi.local", 8443, "https://pi.local:8443/x"),
            ("//evil.example/x", "pi.local", 8443, "https://pi.local:8443//evil.example/x"),
        ] {
            assert_eq!(of(NEIGHBOUR, uri, Some(host), port), Some(Instead::There(there.to_owned())));
        }
    }

    #[test]
    fn this_machine_and_watchers_are_spared() {
        for from in ["127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1"] {
            assert_eq!(of(from, "/v1/devices", Some("pi"), 8443), None);
        }
        assert_eq!(of(NEIGHBOUR, "/healthz", Some("pi"), 8443), None);
        assert_eq!(of(NEIGHBOUR, "/readyz?a", None, 8443), None);
        assert!(of(NEIGHBOUR, "/healthz/x", Some("pi"), 8443).is_some());
    }

    #[test]
    fn a_request_without_a_host_cannot_be_sent_anywhere() {
        for host in [None, Some(""), Some("a b"), Some("/")] {
            assert_eq!(of(NEIGHBOUR, "/", host, 8443), Some(Instead::Unknown), "{host:?}");
        }
    }
}
