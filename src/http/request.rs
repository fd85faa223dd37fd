//! A request as endpoints see it: everything extracted, nothing decided.

use std::net::IpAddr;
use std::net::Ipv4Addr;

use serde_json::Map;
use serde_json::Value;
use warp::Filter;
use warp::Rejection;
use warp::http::Method;

use crate::http::ApiError;
use crate::http::Body;
use crate::http::BodyRoom;
use crate::http::Credentials;
use crate::http::Params;
use crate::http::Peer;
use crate::http::Scheme;
use crate::http::body::body;
use crate::http::path::at;
use crate::model::Hidden;

/// See the module.
#[derive(Debug)]
pub struct Request {
    /// What the path's placeholders stand for.
    pub path: Params,
    /// Where it comes from.
    pub from: IpAddr,
    /// Its body.
    pub body: Body,
    /// Whether it came over TLS.
    pub is_https: bool,
    /// The address by which the caller knows the gateway, without a path.
    pub base: String,
    /// The last event that the caller of a stream heard before.
    pub last_event_id: Option<String>,
    credentials: Credentials,
    query: Vec<(String, Hidden)>,
}

/// Takes requests of that method to one of the paths, with bodies of at most so many bytes.
pub fn request(
    method: Method,
    paths: &'static [&'static str],
    most_bytes: usize,
    room: BodyRoom,
) -> impl Filter<Extract = (Request,), Error = Rejection> + Clone {
    let header = |name| warp::header::optional::<String>(name).or(warp::any().map(|| None)).unify();
    let query = warp::query::raw().or(warp::any().map(String::new)).unify();
    at(method, paths)
        .and(warp::filters::ext::optional::<Peer>())
        .and(warp::filters::ext::optional::<Scheme>())
        .and(header("authorization"))
        .and(header("host"))
        .and(header("last-event-id"))
        .and(query)
        .and(body(most_bytes, room))
        .map(
            |path,
             peer: Option<Peer>,
             scheme: Option<Scheme>,
             authorization: Option<String>,
             host: Option<String>,
             last_event_id,
             query: String,
             body| {
                let query = url::form_urlencoded::parse(query.as_bytes()).into_owned();
                let query = query.map(|(name, value)| (name, Hidden::new(value))).collect();
                let is_https = scheme == Some(Scheme::Https);
                let (scheme, host) = (if is_https { "https" } else { "http" }, host.as_deref().unwrap_or("localhost"));
                Request {
                    path,
                    from: peer.map_or(Ipv4Addr::UNSPECIFIED.into(), |Peer(address)| address.ip()),
                    body,
                    is_https,
                    base: format!("{scheme}://{host}"),
                    last_event_id,
                    credentials: Credentials::in_header(authorization.as_deref()),
                    query,
                }
            },
        )
}

impl Request {
    /// What a placeholder of the path stands for; empty if the path that was taken does not have it.
    pub fn param(&self, name: &str) -> &str {
        self.path.get(name).unwrap_or_default()
    }

    /// A field of the query.
    pub fn query(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(known, _)| known == name).map(|(_, value)| value.reveal())
    }

    /// The fields of the body; see [`Body::fields`].
    ///
    /// # Errors
    /// When the body has none.
    pub fn fields(&self) -> Result<&Map<String, Value>, ApiError> {
        self.body.fields()
    }

    /// Who is calling: the header counts, then the query, then the body.
    pub fn credentials(&self) -> Credentials {
        let credentials = self.credentials.clone().or(self.query("access_token"));
        if credentials.has_token() {
            return credentials;
        }
        let fields = self.body.fields().ok();
        credentials.or(fields.and_then(|fields| fields.get("access_token")).and_then(Value::as_str))
    }
}
