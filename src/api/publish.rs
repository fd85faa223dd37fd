//! POST /v1/devices/events
//!
//! Publishes an event: with a user's token as `api`, with a device's own key as that device. The event is durable when
//! the answer comes. Takes JSON or a form, with `name` and `data`; data that is no text is published as its JSON.

use bytes::Bytes;
use serde_json::Value;
use serde_json::json;
use warp::Filter;

use crate::api::Context;
use crate::bus::Publication;
use crate::bus::Publisher;
use crate::bus::Refusal;
use crate::http;
use crate::http::ApiError;
use crate::http::Credentials;
use crate::http::Response;
use crate::http::Route;
use crate::model::spec;
use crate::registry::Identity;

/// Bytes of a request: an event's data in which every character is escaped, and some.
const REQUEST_BYTES: u64 = 8 * spec::EVENT_DATA_BYTES as u64;

/// Publish an event.
pub(super) fn route(context: &Context) -> Route {
    let context = context.clone();
    let content_type = warp::header::optional::<String>("content-type").or(warp::any().map(|| None)).unify();
    warp::path!("v1" / "devices" / "events")
        .and(warp::post())
        .and(http::credentials())
        .and(content_type)
        .and(warp::body::content_length_limit(REQUEST_BYTES))
        .and(warp::body::bytes())
        .then(move |credentials, content_type, body| publish(context.clone(), credentials, content_type, body))
        .boxed()
}

async fn publish(context: Context, credentials: Credentials, content_type: Option<String>, body: Bytes) -> Response {
    let handed_in = match read(&context, credentials, content_type.as_deref(), &body) {
        Ok(publication) => context.intake.publish(publication).await.map_err(|refusal| refused(&refusal)),
        Err(error) => Err(error),
    };
    http::answer(handed_in.map(|_| json!({ "ok": true })))
}

fn read(
    context: &Context,
    credentials: Credentials,
    content_type: Option<&str>,
    body: &Bytes,
) -> Result<Publication, ApiError> {
    let is_form = content_type.is_some_and(|kind| kind.starts_with("application/x-www-form-urlencoded"));
    let parsed: serde_json::Result<Value> = if is_form { Ok(form(body)) } else { serde_json::from_slice(body) };
    let fields = parsed.as_ref().unwrap_or(&Value::Null);
    let text = |name: &str| fields[name].as_str().map(str::to_owned);
    let credentials = credentials.or(text("access_token"));
    let publisher = match credentials.identify(&context.overview.registry.borrow())? {
        Identity::Device(device) => Publisher::Device(device.id),
        Identity::Observer(token) => Publisher::User(token.user),
    };
    if let Err(error) = &parsed {
        return Err(ApiError::Invalid(format!("the body is no JSON: {error}")));
    }
    let name = text("name").ok_or_else(|| ApiError::Invalid("name is required".to_owned()))?;
    let data = match &fields["data"] {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    Ok(Publication { name, data: data.into(), publisher, resend: None })
}

fn form(body: &[u8]) -> Value {
    let pairs = url::form_urlencoded::parse(body);
    pairs.map(|(name, value)| (name.into_owned(), Value::String(value.into_owned()))).collect()
}

fn refused(refusal: &Refusal) -> ApiError {
    match refusal {
        Refusal::Full { .. } => ApiError::Full(refusal.to_string()),
        Refusal::Stopping => ApiError::Stopping,
        Refusal::UnknownPublisher => ApiError::Access(http::NoAccess::Invalid),
        Refusal::Name(_) | Refusal::DataTooLarge { .. } | Refusal::Description(_) => {
            ApiError::Invalid(refusal.to_string())
        }
    }
}
