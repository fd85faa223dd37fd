//! A hook's definition, ready to be used: what it matches, what it sends, what it makes of the answer. The JSON that it
//! was read from is kept unchanged beside it, unknown keys included, and is what gets stored and handed out.
//!
//! [`HookDefinition::parse`] (in `parse.rs`) is the only way to make one; nothing here changes afterwards.

use std::fmt;
use std::str::FromStr;

use serde_json::Value;

use crate::hooks::InvalidHook;
use crate::hooks::QueueRule;
use crate::hooks::headers::HeaderRule;
use crate::hooks::parse;
use crate::hooks::retry::RetryPolicy;
use crate::hooks::signing::SigningSecret;
use crate::hooks::target::Target;
use crate::hooks::template::Template;
use crate::hooks::tree::Entries;
use crate::hooks::tree::Tree;
use crate::hooks::tree::visit_entries;
use crate::hooks::variables::Wanted;
use crate::model::DeviceId;
use crate::model::SecretName;

/// A hook as its user wrote it, checked and compiled.
#[derive(Clone)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of its own in the hook's JSON")]
pub struct HookDefinition {
    pub(super) original: Value,
    pub(super) event_prefix: String,
    pub(super) device: Option<DeviceId>,
    pub(super) name: Option<String>,
    pub(super) is_disabled: bool,
    pub(super) target: Target,
    pub(super) method: Method,
    pub(super) query: Entries,
    pub(super) headers: Vec<HeaderRule>,
    pub(super) auth: Option<Auth>,
    pub(super) body: Body,
    pub(super) without_defaults: bool,
    pub(super) reject_unauthorized: bool,
    pub(super) allow_lan: bool,
    pub(super) queue: QueueRule,
    pub(super) retry: RetryPolicy,
    /// What requests are signed with; nothing if they are not.
    pub(super) signing: Vec<SigningSecret>,
    pub(super) response: ResponseRule,
    pub(super) wanted: Wanted,
    /// The names in the request's templates that secrets can have; whether there are such secrets is not known here.
    pub(super) secret_names: Box<[SecretName]>,
}

/// An HTTP method that hooks can use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RequestMethod {
    /// Sends no body; the default data goes into the query.
    Get,
    /// The default.
    Post,
    /// As POST.
    Put,
    /// As POST.
    Delete,
    /// As POST.
    Patch,
}

/// A hook's method: fixed, or chosen by the event.
#[derive(Debug, Clone)]
pub(super) enum Method {
    Fixed(RequestMethod),
    Templated(Template),
}

/// What a hook sends as its body.
#[derive(Debug, Clone)]
pub(super) enum Body {
    /// Nothing was said: the default data, or with `noDefaults` the event's data as it is.
    Default,
    /// `json`, given as JSON or as text that is JSON before anything is rendered.
    Json(Tree),
    /// `json`, given as a text that only becomes JSON when it is rendered.
    JsonText(Template),
    /// `form`.
    Form(Entries),
    /// `body`.
    Raw(Template),
}

/// HTTP Basic credentials.
#[derive(Debug, Clone)]
pub(super) struct Auth {
    pub(super) username: Template,
    pub(super) password: Option<Template>,
}

/// What a hook makes of an answer.
#[derive(Debug, Clone, Default)]
pub(super) struct ResponseRule {
    pub(super) topic: Option<Template>,
    pub(super) error_topic: Option<Template>,
    /// Rendered over the answer's JSON; an object becomes its JSON text.
    pub(super) template: Option<Tree>,
    pub(super) is_unchunked: bool,
    pub(super) as_data_url: bool,
    pub(super) wanted: Wanted,
}

impl HookDefinition {
    /// Reads a hook's JSON, of the guide's age or today's.
    ///
    /// # Errors
    /// Lists everything that is wrong with it.
    pub fn parse(hook: &Value) -> Result<Self, InvalidHook> {
        parse::parse(hook)
    }

    /// The JSON that the hook was read from, unchanged. It holds secrets: show `masking::shown_definition` of it.
    pub fn original(&self) -> &Value {
        &self.original
    }

    /// What the names of its events begin with, case-sensitive; at least one character.
    pub fn event_prefix(&self) -> &str {
        &self.event_prefix
    }

    /// The only device that triggers it; none if all of the owner's do.
    pub fn device(&self) -> Option<DeviceId> {
        self.device
    }

    /// Its label.
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// What people know it by: its label, or what its events begin with.
    pub fn title(&self) -> &str {
        self.name().unwrap_or(&self.event_prefix)
    }

    /// Whether its user switched it off.
    pub fn is_disabled(&self) -> bool {
        self.is_disabled
    }

    /// Whether the default data is left out of its requests.
    pub fn is_without_defaults(&self) -> bool {
        self.without_defaults
    }

    /// Whether its target's certificate is verified.
    pub fn rejects_unauthorized(&self) -> bool {
        self.reject_unauthorized
    }

    /// Whether a template of its requests names that secret.
    pub fn names_secret(&self, name: &SecretName) -> bool {
        self.secret_names.contains(name)
    }

    /// The names in the templates of its requests that secrets can have, whether there are such secrets or not.
    pub fn secret_names(&self) -> &[SecretName] {
        &self.secret_names
    }

    /// The one host of all its requests; none if events choose it from a list.
    pub fn host(&self) -> Option<&str> {
        self.target.fixed_host()
    }

    /// Scheme, host and port of all its requests; none if events choose the host from a list.
    pub fn origin(&self) -> Option<String> {
        self.target.fixed_origin()
    }

    /// How much may wait for it, and what happens when that is reached.
    pub fn queue(&self) -> QueueRule {
        self.queue
    }

    /// When a failed delivery is tried again.
    pub fn retry(&self) -> RetryPolicy {
        self.retry
    }

    /// Whether a `responseTemplate` reads the answer: then it needs the whole body, not only what is passed on.
    pub fn reads_whole_answer(&self) -> bool {
        self.response.template.is_some()
    }

    /// Shows every template of the request to `visit`.
    pub(super) fn visit_request<'a>(&'a self, visit: &mut impl FnMut(&'a Template)) {
        visit(self.target.template());
        if let Method::Templated(template) = &self.method {
            visit(template);
        }
        visit_entries(&self.query, visit);
        self.headers.iter().for_each(|header| header.visit(visit));
        if let Some(auth) = &self.auth {
            visit(&auth.username);
            auth.password.iter().for_each(&mut *visit);
        }
        match &self.body {
            Body::Default => {}
            Body::Json(tree) => tree.visit(visit),
            Body::Form(entries) => visit_entries(entries, visit),
            Body::JsonText(template) | Body::Raw(template) => visit(template),
        }
    }
}

impl fmt::Debug for HookDefinition {
    /// Neither addresses nor headers nor bodies: they hold secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("HookDefinition");
        shown.field("event_prefix", &self.event_prefix).field("device", &self.device).field("host", &self.host());
        shown.finish_non_exhaustive()
    }
}

/// A text is no method that hooks can use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be one of {}", RequestMethod::KNOWN)]
pub struct UnknownMethod;

impl RequestMethod {
    /// All methods, for messages.
    pub(super) const KNOWN: &str = "GET, POST, PUT, DELETE, PATCH";

    /// The method as it is sent.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Delete => "DELETE",
            Self::Patch => "PATCH",
        }
    }
}

impl FromStr for RequestMethod {
    type Err = UnknownMethod;

    /// In any case, with blanks around it.
    fn from_str(text: &str) -> Result<Self, UnknownMethod> {
        let all = [Self::Get, Self::Post, Self::Put, Self::Delete, Self::Patch];
        all.into_iter().find(|method| method.as_str().eq_ignore_ascii_case(text.trim())).ok_or(UnknownMethod)
    }
}

impl fmt::Display for RequestMethod {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
