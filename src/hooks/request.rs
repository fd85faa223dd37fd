//! The request that a hook makes of an event, exactly as it is sent. Nothing is added later except what the connection
//! itself needs and a signature.
//!
//! | | body | default data goes into |
//! |---|---|---|
//! | GET | none; `form` goes into the query, `json` and `body` are not sent | the query |
//! | others, `json` | JSON | its top-level object, if it is one |
//! | others, `form` | a web form | the form |
//! | others, `body` | the text, without a content type | nothing |
//! | others, nothing | JSON, or a form if so configured | all of it |
//! | others, nothing, `noDefaults` | the event's data as it is | nothing |
//!
//! The user's own key always wins over a default one. Named secrets of the hook's owner fill the templates of a request
//! and of nothing else; see [`Secrecy`] for how they stay inside.

use std::borrow::Cow;
use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use percent_encoding::percent_decode_str;
use serde_json::Value;
use url::Url;

use crate::hooks::FieldError;
use crate::hooks::HeaderError;
use crate::hooks::HookDefinition;
use crate::hooks::RequestMethod;
use crate::hooks::Secrecy;
use crate::hooks::TargetError;
use crate::hooks::definition::Auth;
use crate::hooks::definition::Body;
use crate::hooks::definition::Method;
use crate::hooks::headers;
use crate::hooks::masking;
use crate::hooks::pairs::DefaultData;
use crate::hooks::pairs::Pairs;
use crate::hooks::preview::Missing;
use crate::hooks::problem::Path;
use crate::hooks::rendering::RENDERED_BYTES;
use crate::hooks::rendering::Rendering;
use crate::hooks::secrecy::STAND_IN;
use crate::hooks::template::Template;
use crate::hooks::tree::Entries;
use crate::hooks::tree::render_entries;
use crate::hooks::variables;
use crate::model::DefaultBody;
use crate::model::Event;
use crate::model::Secrets;

/// What farhook calls itself, unless a hook says otherwise.
const USER_AGENT: &str = concat!("farhook/", env!("CARGO_PKG_VERSION"));

const JSON: &str = "application/json";
const FORM: &str = "application/x-www-form-urlencoded";

/// A request, ready to be sent. `Debug` masks what looks like a secret.
#[derive(Clone, PartialEq, Eq)]
pub struct HookRequest {
    /// The HTTP method.
    pub method: RequestMethod,
    /// Without user, password and fragment; the first two became a header.
    pub url: Url,
    /// Names are legal and appear once, in whatever case; values are legal too.
    pub headers: Vec<(String, String)>,
    /// Empty if there is none.
    pub body: Bytes,
    /// Whether the target's certificate is verified.
    pub reject_unauthorized: bool,
    /// Whether the target may have a private address.
    pub allow_lan: bool,
    /// What hides the named secrets that went into it; none if it has none.
    pub secrecy: Option<Box<Secrecy>>,
}

/// Why a hook can make no request of an event. The texts name the field and never repeat what was rendered.
#[derive(Debug, thiserror::Error)]
pub enum RequestError {
    /// A template failed or made too much.
    #[error(transparent)]
    Field(#[from] FieldError),
    /// The address cannot be used.
    #[error(transparent)]
    Target(#[from] TargetError),
    /// A header cannot be sent.
    #[error(transparent)]
    Header(#[from] HeaderError),
    /// The event chose a method that there is not.
    #[error("requestType: this event makes none of {}", RequestMethod::KNOWN)]
    Method,
    /// A `json` text did not become JSON.
    #[error("json: this event makes no JSON: {0}")]
    Json(#[source] serde_json::Error),
    /// The request is too large.
    #[error("the request has more than {RENDERED_BYTES} bytes")]
    TooLarge,
}

impl RequestError {
    /// The path of the field that makes the trouble; none if it is the request as a whole.
    pub fn field(&self) -> Option<&str> {
        match self {
            Self::Field(error) => Some(error.field()),
            Self::Target(error) => Some(error.field()),
            Self::Header(error) => Some(error.field()),
            Self::Method => Some("requestType"),
            Self::Json(_) => Some("json"),
            Self::TooLarge => None,
        }
    }
}

/// What goes into the body, and the content type that it implies.
struct Content {
    bytes: Vec<u8>,
    content_type: Option<&'static str>,
}

/// Makes the request of `hook` for `event`. `secrets` are those of the hook's owner, `default_body` is for hooks that
/// say nothing of a body.
///
/// # Errors
/// Names the field that this event makes unusable.
pub fn build(
    hook: &HookDefinition,
    event: &Event,
    secrets: &Secrets,
    default_body: DefaultBody,
) -> Result<HookRequest, RequestError> {
    let used = used_secrets(hook, secrets);
    let variables = variables::of(event, hook.wanted, used.iter().copied());
    let request = make(hook, event, &mut Rendering::new(&variables), None, default_body)?;
    Ok(with_secrecy(request, hook, event, &used, default_body))
}

/// The same, and the variables that the event and the secrets do not have, as far as the request got.
pub(super) fn build_watched(
    hook: &HookDefinition,
    event: &Event,
    secrets: &Secrets,
    default_body: DefaultBody,
) -> (Result<HookRequest, RequestError>, Vec<Missing>) {
    let used = used_secrets(hook, secrets);
    let variables = variables::of(event, hook.wanted, used.iter().copied());
    let mut rendering = Rendering::watching(&variables);
    let request = make(hook, event, &mut rendering, None, default_body);
    let request = request.map(|request| with_secrecy(request, hook, event, &used, default_body));
    (request, rendering.into_missing())
}

/// Names and values of the secrets that the hook's templates name.
fn used_secrets<'a>(hook: &'a HookDefinition, secrets: &'a Secrets) -> Vec<(&'a str, &'a str)> {
    let value = |name| Some(secrets.get(name)?.value.as_str());
    hook.secret_names.iter().filter_map(|name| Some((name.as_str(), value(name)?))).collect()
}

fn with_secrecy(
    mut request: HookRequest,
    hook: &HookDefinition,
    event: &Event,
    used: &[(&str, &str)],
    default_body: DefaultBody,
) -> HookRequest {
    if !used.is_empty() {
        let stand_ins = used.iter().map(|(name, _)| (*name, STAND_IN));
        let variables = variables::of(event, hook.wanted, stand_ins);
        let stand_in = make(hook, event, &mut Rendering::new(&variables), Some(request.method), default_body).ok();
        let secrecy = Secrecy::new(&request, stand_in, used.iter().map(|(_, value)| *value));
        request.secrecy = Some(Box::new(secrecy));
    }
    request
}

fn make(
    hook: &HookDefinition,
    event: &Event,
    rendering: &mut Rendering<'_>,
    chosen_method: Option<RequestMethod>,
    default_body: DefaultBody,
) -> Result<HookRequest, RequestError> {
    let method = chosen_method.map_or_else(|| method(&hook.method, rendering), Ok)?;
    let mut url = hook.target.render(rendering)?;
    let mut query = rendered_pairs(&hook.query, "query", rendering)?;
    let content = if method == RequestMethod::Get {
        add_form_and_defaults(&mut query, hook, event, &url, rendering)?;
        Content { bytes: Vec::new(), content_type: None }
    } else {
        content(hook, event, default_body, rendering)?
    };
    query.append_to(&mut url);
    let mut headers = headers::render(&hook.headers, rendering)?;
    if let Some(credentials) = credentials(hook.auth.as_ref(), &mut url, rendering)? {
        add_missing(&mut headers, "authorization", credentials);
    }
    add_missing(&mut headers, "user-agent", USER_AGENT.to_owned());
    if let Some(content_type) = content.content_type {
        add_missing(&mut headers, "content-type", content_type.to_owned());
    }
    if content.content_type == Some(JSON) {
        add_missing(&mut headers, "accept", JSON.to_owned());
    }
    add_missing(&mut headers, "webhook-id", event.id.to_string());
    if content.bytes.len() > RENDERED_BYTES || url.as_str().len() > RENDERED_BYTES {
        return Err(RequestError::TooLarge);
    }
    let body = Bytes::from(content.bytes);
    let (reject_unauthorized, allow_lan) = (hook.reject_unauthorized, hook.allow_lan);
    Ok(HookRequest { method, url, headers, body, reject_unauthorized, allow_lan, secrecy: None })
}

impl HookRequest {
    /// The value of a header, whatever the case of its name.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(given, _)| given.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// `text` as it may be shown, if it may repeat what was sent: without the named secrets that went into the request.
    pub fn without_secrets<'a>(&self, text: &'a str) -> Cow<'a, str> {
        self.secrecy.as_ref().map_or(Cow::Borrowed(text), |secrecy| secrecy.hide(text))
    }

    /// Bytes of its bodies that are kept in memory: it may have a second one, for showing.
    pub fn kept_bytes(&self) -> usize {
        self.body.len() + self.secrecy.as_ref().map_or(0, |secrecy| secrecy.bytes())
    }

    /// Adds a header that is no secret of the hook's owner.
    pub(super) fn push_header(&mut self, name: &str, value: &str) {
        let header = || (name.to_owned(), value.to_owned());
        self.headers.push(header());
        if let Some(secrecy) = &mut self.secrecy {
            secrecy.stand_in.headers.push(header());
        }
    }
}

impl fmt::Debug for HookRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        masking::shown_request(self).fmt(f)
    }
}

fn method(method: &Method, rendering: &mut Rendering<'_>) -> Result<RequestMethod, RequestError> {
    match method {
        Method::Fixed(method) => Ok(*method),
        Method::Templated(template) => {
            let text = rendering.text(template, &Path::Root("requestType"))?;
            text.parse().map_err(|_| RequestError::Method)
        }
    }
}

fn add_form_and_defaults(
    query: &mut Pairs,
    hook: &HookDefinition,
    event: &Event,
    url: &Url,
    rendering: &mut Rendering<'_>,
) -> Result<(), FieldError> {
    if let Body::Form(form) = &hook.body {
        query.extend(rendered_pairs(form, "form", rendering)?);
    }
    if !hook.without_defaults {
        let is_in_url = |name: &str| url.query_pairs().any(|(given, _)| given == name);
        query.add_missing(DefaultData::of(event).into_iter().filter(|(name, _)| !is_in_url(name)));
    }
    Ok(())
}

fn content(
    hook: &HookDefinition,
    event: &Event,
    default_body: DefaultBody,
    rendering: &mut Rendering<'_>,
) -> Result<Content, RequestError> {
    let defaults = || DefaultData::of(event).into_iter().filter(|_| !hook.without_defaults);
    let json = |bytes: Vec<u8>| Content { bytes, content_type: Some(JSON) };
    let form = |mut pairs: Pairs| {
        pairs.add_missing(defaults());
        Content { bytes: pairs.encoded().into_bytes(), content_type: Some(FORM) }
    };
    let raw = |text: String| Content { bytes: text.into_bytes(), content_type: None };
    Ok(match &hook.body {
        Body::Default if hook.without_defaults => raw(event.data.clone()),
        Body::Default if default_body == DefaultBody::Form => form(Pairs::default()),
        Body::Default => json(with_defaults(Value::Object(serde_json::Map::new()), defaults()).into_bytes()),
        Body::Json(tree) => json(with_defaults(tree.render(rendering, &Path::Root("json"))?, defaults()).into_bytes()),
        Body::JsonText(template) => json(json_text(template, defaults(), rendering)?.into_bytes()),
        Body::Form(entries) => form(rendered_pairs(entries, "form", rendering)?),
        Body::Raw(template) => raw(rendering.text(template, &Path::Root("body"))?),
    })
}

fn with_defaults(mut json: Value, defaults: impl Iterator<Item = (&'static str, String)>) -> String {
    if let Value::Object(map) = &mut json {
        for (name, value) in defaults {
            map.entry(name).or_insert(Value::String(value));
        }
    }
    json.to_string()
}

/// The rendered text as it is, with the default data before its last brace: its numbers stay as they were written.
fn json_text(
    template: &Template,
    defaults: impl Iterator<Item = (&'static str, String)>,
    rendering: &mut Rendering<'_>,
) -> Result<String, RequestError> {
    let mut text = rendering.text(template, &Path::Root("json"))?;
    let Value::Object(given) = serde_json::from_str(&text).map_err(RequestError::Json)? else { return Ok(text) };
    let missing: serde_json::Map<_, _> = defaults
        .filter(|(name, _)| !given.contains_key(*name))
        .map(|(name, value)| (name.to_owned(), Value::String(value)))
        .collect();
    if !missing.is_empty() {
        let missing = Value::Object(missing).to_string();
        text.truncate(text.trim_end().len() - 1);
        if !given.is_empty() {
            text.push(',');
        }
        text.push_str(&missing[1..]);
    }
    Ok(text)
}

fn rendered_pairs(entries: &Entries, field: &str, rendering: &mut Rendering<'_>) -> Result<Pairs, FieldError> {
    render_entries(entries, rendering, &Path::Root(field)).map(Pairs::from_json)
}

/// The value of an `Authorization` header, from `auth` or else from the address; the address loses its part.
fn credentials(
    auth: Option<&Auth>,
    url: &mut Url,
    rendering: &mut Rendering<'_>,
) -> Result<Option<String>, FieldError> {
    let decoded = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
    let in_url = (decoded(url.username()), url.password().map(decoded));
    let has_one = !in_url.0.is_empty() || in_url.1.is_some();
    // Both cannot fail on an address that has a host.
    let _ = (url.set_username(""), url.set_password(None));
    let (username, password) = match auth {
        Some(auth) => {
            let username = rendering.text(&auth.username, &Path::Root("auth.username"))?;
            let password = auth.password.as_ref();
            let password = password.map(|password| rendering.text(password, &Path::Root("auth.password")));
            (username, password.transpose()?)
        }
        None if has_one => in_url,
        None => return Ok(None),
    };
    Ok(Some(format!("Basic {}", STANDARD.encode(format!("{username}:{}", password.unwrap_or_default())))))
}

fn add_missing(headers: &mut Vec<(String, String)>, name: &str, value: String) {
    if !headers.iter().any(|(given, _)| given.eq_ignore_ascii_case(name)) {
        headers.push((name.to_owned(), value));
    }
}

#[cfg(test)]
mod tests;
