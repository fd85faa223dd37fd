//! The HTTP client: one attempt, start to end.

use std::error::Error;
use std::sync::Arc;
use std::sync::OnceLock;
use std::time::Duration;

use bytes::Bytes;
use bytes::BytesMut;
use http::HeaderMap;
use http::HeaderName;
use http::HeaderValue;
use http::Method;
use http::header;
use reqwest::Client;
use reqwest::Response;
use tokio::time::Instant;
use tokio::time::timeout_at;
use url::Host;

use crate::delivery::egress::Egress;
use crate::delivery::outcome::Answer;
use crate::delivery::outcome::NoAnswer;
use crate::delivery::outcome::Outcome;
use crate::delivery::resolver::ForbiddenAddress;
use crate::delivery::resolver::Resolver;
use crate::delivery::resolver::Unresolved;
use crate::hooks::HookRequest;
use crate::hooks::RequestMethod;

/// Seconds to get connected, TLS included, within the time for the whole answer.
const CONNECT_TIMEOUT_S: u64 = 10;

/// "Network Authentication Required": never the target's own answer. Source: RFC 6585, section 6.
const CAPTIVE_PORTAL: u16 = 511;

/// Seconds that an idle connection is kept for the next request to its host.
const IDLE_S: u64 = 60;

/// How attempts are made.
#[derive(Debug, Clone)]
pub struct Settings {
    /// From the start of an attempt to the end of its answer.
    pub timeout: Duration,
    /// Idle connections kept to one host.
    pub idle_per_host: usize,
    /// Where requests may go.
    pub egress: Egress,
}

/// The client cannot be built.
#[derive(Debug, thiserror::Error)]
#[error("the HTTP client cannot be set up")]
pub struct CourierError(#[source] reqwest::Error);

/// Makes attempts; keeps connections open between them.
#[derive(Debug)]
pub struct Courier {
    settings: Settings,
    egress: Arc<Egress>,
    clients: [OnceLock<Client>; 4],
}

impl Courier {
    /// A courier. Nothing is dialled yet, and a client is built when the first request needs it.
    pub fn new(settings: Settings) -> Self {
        let egress = Arc::new(settings.egress.clone());
        Self { settings, egress, clients: Default::default() }
    }

    /// Sends one request and reads its answer, of the body at most `body_bytes`. Ends within the configured time.
    ///
    /// Dropping the future abandons the attempt: the target may or may not have got it.
    ///
    /// # Errors
    /// When there is no client to send it with: a fault of this machine, not of the target.
    pub async fn attempt(&self, request: &HookRequest, body_bytes: usize) -> Result<Outcome, CourierError> {
        if let Some(reason) = self.forbids(request) {
            return Ok(Outcome::Forbidden { reason });
        }
        let client = self.client(request.reject_unauthorized, request.allow_lan)?;
        let deadline = Instant::now() + self.settings.timeout;
        let sending = client
            .request(method(request.method), request.url.clone())
            .headers(headers(request))
            .body(request.body.clone())
            .send();
        let response = match timeout_at(deadline, sending).await {
            Ok(Ok(response)) => response,
            Ok(Err(error)) => return Ok(self.explain(error)),
            Err(_) => return Ok(Outcome::NoAnswer(self.timeout())),
        };
        let status = response.status().as_u16();
        if status == CAPTIVE_PORTAL {
            return Ok(Outcome::NoAnswer(NoAnswer::Captive));
        }
        let retry_after = text(response.headers(), &header::RETRY_AFTER);
        let content_type = text(response.headers(), &header::CONTENT_TYPE);
        let body = read(response, body_bytes, deadline).await;
        Ok(Outcome::Answered(Answer { status, retry_after, content_type, body }))
    }

    /// A literal address never meets the resolver, so it is checked here.
    fn forbids(&self, request: &HookRequest) -> Option<String> {
        let address = match request.url.host()? {
            Host::Domain(_) => return None,
            Host::Ipv4(address) => address.into(),
            Host::Ipv6(address) => address.into(),
        };
        let forbidden = !self.egress.admits(address, request.allow_lan);
        forbidden.then(|| format!("{address} is an address that hooks may not reach"))
    }

    fn client(&self, verify: bool, lan: bool) -> Result<&Client, CourierError> {
        let slot = &self.clients[usize::from(verify) * 2 + usize::from(lan)];
        if let Some(client) = slot.get() {
            return Ok(client);
        }
        let client = Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .referer(false)
            .tcp_nodelay(true)
            .connect_timeout(Duration::from_secs(CONNECT_TIMEOUT_S).min(self.settings.timeout))
            .pool_idle_timeout(Duration::from_secs(IDLE_S))
            .pool_max_idle_per_host(self.settings.idle_per_host)
            .tls_danger_accept_invalid_certs(!verify)
            .dns_resolver(Resolver { egress: Arc::clone(&self.egress), lan })
            .build()
            .map_err(CourierError)?;
        Ok(slot.get_or_init(|| client))
    }

    fn explain(&self, error: reqwest::Error) -> Outcome {
        let timed_out = error.is_timeout();
        let connecting = error.is_connect();
        // The address may hold a secret, and whoever reads the text knows it.
        let error = error.without_url();
        let first: &dyn Error = &error;
        let chain: Vec<&dyn Error> = std::iter::successors(Some(first), |error| (*error).source()).collect();
        if let Some(forbidden) = chain.iter().find_map(|error| error.downcast_ref::<ForbiddenAddress>()) {
            return Outcome::Forbidden { reason: forbidden.to_string() };
        }
        let root = chain.last().map(ToString::to_string).unwrap_or_default();
        if error.is_builder() {
            // Nothing was sent: the target is as it was, and no other attempt would do better.
            return Outcome::Forbidden { reason: format!("the address cannot be sent: {root}") };
        }
        Outcome::NoAnswer(if chain.iter().any(|error| error.is::<Unresolved>()) {
            NoAnswer::Dns(root)
        } else if timed_out {
            self.timeout()
        } else if connecting {
            NoAnswer::Connect(root)
        } else {
            NoAnswer::Broken(root)
        })
    }

    fn timeout(&self) -> NoAnswer {
        NoAnswer::Timeout { seconds: self.settings.timeout.as_secs() }
    }
}

/// The body, up to `cap` bytes. What breaks or stalls after the status line does not unmake the answer.
async fn read(mut response: Response, cap: usize, deadline: Instant) -> Bytes {
    let mut body = BytesMut::new();
    while body.len() < cap {
        match timeout_at(deadline, response.chunk()).await {
            Ok(Ok(Some(chunk))) => body.extend_from_slice(&chunk[..chunk.len().min(cap - body.len())]),
            Ok(Ok(None) | Err(_)) | Err(_) => break,
        }
    }
    body.freeze()
}

fn method(method: RequestMethod) -> Method {
    match method {
        RequestMethod::Get => Method::GET,
        RequestMethod::Post => Method::POST,
        RequestMethod::Put => Method::PUT,
        RequestMethod::Delete => Method::DELETE,
        RequestMethod::Patch => Method::PATCH,
    }
}

fn headers(request: &HookRequest) -> HeaderMap {
    let pair = |(name, value): &(String, String)| {
        let name = HeaderName::from_bytes(name.as_bytes()).ok()?;
        Some((name, HeaderValue::from_str(value).ok()?))
    };
    // Whoever made the request saw to it that all of them are legal.
    request.headers.iter().filter_map(pair).collect()
}

fn text(headers: &HeaderMap, name: &header::HeaderName) -> Option<String> {
    headers.get(name)?.to_str().ok().map(str::to_owned)
}

#[cfg(test)]
mod tests;
