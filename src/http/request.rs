//! A request as endpoints see it: everything extracted, nothing decided.

use std::fmt;
use std::net::IpAddr;
use std::net::Ipv4Addr;

use serde_json::Map;
use serde_json::Value;
use warp::Filter;
use warp::Rejection;
use warp::filters::path::FullPath;
use warp::http::HeaderMap;
use warp::http::Method;

use crate::http::ApiError;
use crate::http::Body;
use crate::http::BodyRoom;
use crate::http::Credentials;
use crate::http::Head;
use crate::http::Params;
use crate::http::Peer;
use crate::http::Scheme;
use crate::http::body::body;
use crate::http::path::at;
use crate::model::Hidden;

/// See the module.
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
    head: Head,
    target: String,
    query: Vec<(String, Hidden)>,
}

impl fmt::Debug for Request {
    /// Not its headers: there are tokens in them.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request").field("path", &self.path).field("from", &self.from).finish_non_exhaustive()
    }
}

/// Takes requests of that method to one of the paths, with bodies of at most so many bytes.
pub fn request(
    method: Method,
    paths: &'static [&'static str],
    most_bytes: usize,
    room: BodyRoom,
) -> impl Filter<Extract = (Request,), Error = Rejection> + Clone {
    let query = warp::query::raw().or(warp::any().map(String::new)).unify();
    at(method, paths)
        .and(warp::filters::ext::optional::<Peer>())
        .and(warp::filters::ext::optional::<Scheme>())
        .and(warp::header::headers_cloned())
        .and(warp::path::full())
        .and(query)
        .and(body(most_bytes, room))
        .map(
            |path,
             peer: Option<Peer>,
             scheme: Option<Scheme>,
             headers: HeaderMap,
             asked: FullPath,
             query: String,
             body| {
                let target =
                    if query.is_empty() { asked.as_str().to_owned() } else { format!("{}?{query}", asked.as_str()) };
                let query = url::form_urlencoded::parse(query.as_bytes()).into_owned();
                let query = query.map(|(name, value)| (name, Hidden::new(value))).collect();
                let is_https = scheme == Some(Scheme::Https);
                let head = Head::new(headers);
                let scheme = if is_https { "https" } else { "http" };
                let base = format!("{scheme}://{}", head.header("host").unwrap_or("localhost"));
                let from = peer.map_or(Ipv4Addr::UNSPECIFIED.into(), |Peer(address)| address.ip());
                Request { path, from, body, is_https, base, head, target, query }
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

    /// The path and the query that were asked for, as they came.
    pub fn target(&self) -> &str {
        &self.target
    }

    /// A header that is text; the first one of that name.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.head.header(name)
    }

    /// A cookie of that name; see [`Head::cookie`].
    pub fn cookie(&self, name: &str) -> Option<&str> {
        self.head.cookie(name)
    }

    /// All headers.
    pub fn head(&self) -> &Head {
        &self.head
    }

    /// The fields of the query, in their order.
    pub fn queries(&self) -> impl Iterator<Item = (&str, &str)> {
        self.query.iter().map(|(name, value)| (name.as_str(), value.reveal()))
    }

    /// Who is calling: the header counts, then the query, then the body.
    pub fn credentials(&self) -> Credentials {
        let credentials = Credentials::in_header(self.header("authorization")).or(self.query("access_token"));
        if credentials.has_token() {
            return credentials;
        }
        let fields = self.body.fields().ok();
        credentials.or(fields.and_then(|fields| fields.get("access_token")).and_then(Value::as_str))
    }
}
