//! The HTTP client: one attempt, start to end.

use std::error::Error;
use std::pin::pin;
use std::sync::Arc;
use std::sync::Mutex;
use std::time::Duration;

use http::HeaderMap;
use http::HeaderName;
use http::HeaderValue;
use http::Method;
use reqwest::Client;
use reqwest::Response;
use tokio::time::Instant;
use tokio::time::sleep;
use tokio::time::timeout_at;
use url::Host;

use crate::clock::BUILT_AT;
use crate::delivery::captive::CaptiveSign;
use crate::delivery::captive::LOGIN_REQUIRED;
use crate::delivery::captive::is_for_another_name;
use crate::delivery::egress::Egress;
use crate::delivery::outcome::Attempted;
use crate::delivery::outcome::NoAnswer;
use crate::delivery::outcome::Outcome;
use crate::delivery::reading::is_verified;
use crate::delivery::reading::read;
use crate::delivery::resolver::ForbiddenAddress;
use crate::delivery::resolver::Resolver;
use crate::delivery::resolver::Unresolved;
use crate::delivery::timing::Stopwatch;
use crate::delivery::timing::TimingLayer;
use crate::hooks::HookRequest;
use crate::hooks::RequestMethod;
use crate::model::WallTime;

/// How long getting connected may take, TLS included, within the time for the whole answer.
const CONNECT_MOST: Duration = Duration::from_secs(10);

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

/// How long one attempt waits for what.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// Getting connected: name, TCP and TLS. It does not touch an attempt that has a connection; how long the whole may
    /// take is in the settings.
    pub connect: Duration,
}

impl Default for Patience {
    /// That of an ordinary attempt.
    fn default() -> Self {
        Self { connect: CONNECT_MOST }
    }
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
    clients: [Mutex<Option<Client>>; 4],
}

impl Courier {
    /// A courier. Nothing is dialled yet, and a client is built when the first request needs it.
    pub fn new(settings: Settings) -> Self {
        let egress = Arc::new(settings.egress.clone());
        Self { settings, egress, clients: Default::default() }
    }

    /// Sends one request and reads its answer, of the body at most `body_bytes`. Ends within the configured time.
    /// What needs a certificate is not sent while `now` is before [`BUILT_AT`].
    ///
    /// Dropping the future abandons the attempt: the target may or may not have got it.
    ///
    /// # Errors
    /// When there is no client to send it with: a fault of this machine, not of the target.
    pub async fn attempt(
        &self,
        request: &HookRequest,
        body_bytes: usize,
        patience: Patience,
        now: WallTime,
    ) -> Result<Attempted, CourierError> {
        let stopwatch = Stopwatch::start();
        let outcome = if let Some(reason) = self.forbids(request) {
            Outcome::Forbidden { reason }
        } else if is_verified(request) && now < BUILT_AT {
            // Every certificate would be "not valid yet", and a signature would bear a wrong time.
            Outcome::NoAnswer(NoAnswer::NoClock)
        } else {
            self.ask(request, body_bytes, patience, &stopwatch).await?
        };
        Ok(Attempted { outcome, timing: stopwatch.timing() })
    }

    /// Closes the connections that are kept open, as far as no attempt uses them.
    pub fn hang_up(&self) {
        for slot in &self.clients {
            *slot.lock().expect("nothing in there panics") = None;
        }
    }

    async fn ask(
        &self,
        request: &HookRequest,
        body_bytes: usize,
        patience: Patience,
        stopwatch: &Arc<Stopwatch>,
    ) -> Result<Outcome, CourierError> {
        let client = self.client(request.reject_unauthorized, request.allow_lan)?;
        let deadline = Instant::now() + self.settings.timeout;
        let sending = client
            .request(method(request.method), request.url.clone())
            .headers(headers(request))
            .body(request.body.clone())
            .send();
        let response = match timeout_at(deadline, connected(sending, patience, stopwatch)).await {
            Ok(Ok(Ok(response))) => response,
            Ok(Ok(Err(error))) => return Ok(self.explain(error)),
            Ok(Err(NotConnected)) => return Ok(Outcome::NoAnswer(not_connected(patience.connect))),
            Err(_) if stopwatch.is_dialling() => return Ok(Outcome::NoAnswer(not_connected(self.settings.timeout))),
            Err(_) => {
                // There was a connection, and it may lead nowhere by now: the next attempt gets another.
                self.hang_up();
                return Ok(Outcome::NoAnswer(self.timeout()));
            }
        };
        stopwatch.answered();
        if response.status().as_u16() == LOGIN_REQUIRED {
            return Ok(Outcome::NoAnswer(NoAnswer::Captive(CaptiveSign::LoginRequired)));
        }
        Ok(Outcome::Answered(read(response, request, body_bytes, deadline).await))
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

    fn client(&self, verify: bool, lan: bool) -> Result<Client, CourierError> {
        let mut slot =
            self.clients[usize::from(verify) * 2 + usize::from(lan)].lock().expect("nothing in there panics");
        if let Some(client) = &*slot {
            return Ok(client.clone());
        }
        let client = Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .referer(false)
            .tcp_nodelay(true)
            // An attempt that was given up must not reach the target later: the kernel would send it for minutes.
            .tcp_user_timeout(self.settings.timeout)
            .connect_timeout(CONNECT_MOST.min(self.settings.timeout))
            .connector_layer(TimingLayer)
            .pool_idle_timeout(Duration::from_secs(IDLE_S))
            .pool_max_idle_per_host(self.settings.idle_per_host)
            .tls_danger_accept_invalid_certs(!verify)
            .dns_resolver(Resolver { egress: Arc::clone(&self.egress), lan })
            .build()
            .map_err(CourierError)?;
        *slot = Some(client.clone());
        Ok(client)
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
        } else if is_for_another_name(&error) {
            NoAnswer::Captive(CaptiveSign::WrongName)
        } else if timed_out && connecting {
            not_connected(CONNECT_MOST.min(self.settings.timeout))
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

/// The connection did not stand in time.
struct NotConnected;

/// Sends, but gives up if the connection does not stand in time.
async fn connected(
    sending: impl Future<Output = reqwest::Result<Response>>,
    patience: Patience,
    stopwatch: &Arc<Stopwatch>,
) -> Result<reqwest::Result<Response>, NotConnected> {
    let mut sending = pin!(stopwatch.around(sending));
    tokio::select! {
        biased;
        sent = &mut sending => return Ok(sent),
        () = sleep(patience.connect) => {}
    }
    if stopwatch.is_dialling() { Err(NotConnected) } else { Ok(sending.await) }
}

fn not_connected(within: Duration) -> NoAnswer {
    NoAnswer::Connect(format!("not within {} s", within.as_secs()))
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

#[cfg(test)]
mod tests;
