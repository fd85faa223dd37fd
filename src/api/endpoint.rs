//! One endpoint: for which requests it is, what it does, and what the API's document says of it.

use std::collections::BTreeSet;
use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use serde_json::Value;
use warp::Filter;

use crate::api::Context;
use crate::http;
use crate::http::ApiError;
use crate::http::BodyRoom;
use crate::http::Method;
use crate::http::Request;
use crate::http::Response;
use crate::http::Route;

/// Bytes of a request's body, unless its endpoint says otherwise. Ours: a hook with room to spare.
const MOST_BYTES: usize = 256 * 1_024;

type Answered = BoxFuture<'static, Result<Response, ApiError>>;

/// See the module.
#[derive(Clone)]
pub(super) struct Endpoint {
    pub(super) method: Method,
    /// Several where Particle's cloud has several names for the same.
    pub(super) paths: &'static [&'static str],
    /// What it does, in a line.
    pub(super) summary: &'static str,
    /// The status of a good answer.
    pub(super) status: u16,
    /// The JSON schema of its body; `null` if it takes none.
    pub(super) takes: Value,
    /// The fields of its query.
    pub(super) query: &'static [&'static str],
    /// Statuses that it refuses with, beside those that all endpoints of its kind have.
    refusals: &'static [u16],
    /// Whether its answer goes on for ever.
    pub(super) is_stream: bool,
    /// Whether anybody may call it.
    pub(super) is_open: bool,
    most_bytes: usize,
    handle: Arc<dyn Fn(Arc<Context>, Request) -> Answered + Send + Sync>,
}

impl Endpoint {
    /// An endpoint that takes no body and answers 200.
    pub(super) fn new<F, A>(method: Method, paths: &'static [&'static str], summary: &'static str, handle: F) -> Self
    where
        F: Fn(Arc<Context>, Request) -> A + Send + Sync + 'static,
        A: Future<Output = Result<Response, ApiError>> + Send + 'static,
    {
        Self {
            method,
            paths,
            summary,
            status: 200,
            takes: Value::Null,
            query: &[],
            refusals: &[],
            is_stream: false,
            is_open: false,
            most_bytes: MOST_BYTES,
            handle: Arc::new(move |context, request| handle(context, request).boxed()),
        }
    }

    /// With a body of that JSON schema.
    pub(super) fn takes(self, schema: Value) -> Self {
        Self { takes: schema, ..self }
    }

    /// With fields in its query.
    pub(super) fn asks(self, query: &'static [&'static str]) -> Self {
        Self { query, ..self }
    }

    /// With another status of a good answer.
    pub(super) fn answers(self, status: u16) -> Self {
        Self { status, ..self }
    }

    /// With these statuses of refusals, beside those that all endpoints of its kind have.
    pub(super) fn refuses(self, refusals: &'static [u16]) -> Self {
        Self { refusals, ..self }
    }

    /// For anybody, with or without a token.
    pub(super) fn open(self) -> Self {
        Self { is_open: true, ..self }
    }

    /// With an answer that goes on until one side ends it.
    pub(super) fn streams(self) -> Self {
        Self { is_stream: true, ..self }
    }

    /// With bodies of another size at most.
    pub(super) fn at_most(self, most_bytes: usize) -> Self {
        Self { most_bytes, ..self }
    }

    /// Every status that it may refuse with, in order.
    pub(super) fn refused(&self) -> BTreeSet<u16> {
        let names_something = self.paths.iter().any(|path| path.contains("/:"));
        let changes_something = self.method != Method::GET;
        // No sense or no token; no room for the body; going down.
        let mut refused = BTreeSet::from([400, 413, 503]);
        refused.extend(if self.is_open { [].as_slice() } else { &[401, 403] });
        refused.extend(if names_something { [404].as_slice() } else { &[] });
        refused.extend(if changes_something { [507].as_slice() } else { &[] });
        refused.extend(self.refusals);
        refused
    }

    /// As a route of the web port.
    pub(super) fn route(self, context: &Arc<Context>, room: &BodyRoom) -> Route {
        let (context, handle) = (Arc::clone(context), self.handle);
        http::request(self.method, self.paths, self.most_bytes, room.clone())
            .then(move |request| handle(Arc::clone(&context), request).map(http::answer))
            .boxed()
    }
}
