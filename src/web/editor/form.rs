//! The form in which a hook is shown and changed. Each field is what stands in a field of the page.

use serde::Serialize;
use serde_json::Value;

use crate::hooks::RequestMethod;
use crate::hooks::aliases;
use crate::web::editor::rows;
use crate::web::editor::rows::Row;
use crate::web::editor::values::flag;
use crate::web::editor::values::object;
use crate::web::editor::values::shown;
use crate::web::editor::values::shown_list;
use crate::web::editor::values::shown_long;

/// A hook as a form. Whatever is empty is not said.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[expect(clippy::struct_excessive_bools, reason = "each is a box of its own on the page")]
pub(in crate::web) struct Form {
    pub(in crate::web) event: String,
    pub(in crate::web) url: String,
    /// Hosts that an event may choose, with blanks between them.
    pub(in crate::web) allowed_hosts: String,
    /// `GET`, `POST` …, or a template.
    pub(in crate::web) request_type: String,
    /// Empty for all devices.
    pub(in crate::web) device_id: String,
    pub(in crate::web) name: String,
    pub(in crate::web) disabled: bool,
    /// Which of the next three is sent.
    pub(in crate::web) content: Content,
    pub(in crate::web) json: String,
    #[expect(clippy::struct_field_names, reason = "it is the form that the hook sends")]
    pub(in crate::web) form: Vec<Row>,
    pub(in crate::web) body: String,
    pub(in crate::web) query: Vec<Row>,
    pub(in crate::web) headers: Vec<Row>,
    pub(in crate::web) username: String,
    pub(in crate::web) password: String,
    /// Also true if nothing is said.
    pub(in crate::web) reject_unauthorized: bool,
    pub(in crate::web) no_defaults: bool,
    pub(in crate::web) response_topic: String,
    pub(in crate::web) error_response_topic: String,
    pub(in crate::web) response_template: String,
    pub(in crate::web) unchunked: bool,
    pub(in crate::web) data_url_response_event: bool,
    /// `network`, `always` or `none`.
    pub(in crate::web) retry: String,
    /// Several have blanks between them.
    pub(in crate::web) signing_secret: String,
    pub(in crate::web) allow_lan: bool,
    pub(in crate::web) max_waiting: String,
    pub(in crate::web) max_waiting_bytes: String,
    pub(in crate::web) max_age_s: String,
    /// `reject`, `drop_oldest`, `drop_newest`, or empty for what the configuration says.
    pub(in crate::web) when_full: String,
}

/// What a hook sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "lowercase")]
pub(in crate::web) enum Content {
    /// The default data.
    #[default]
    Default,
    Json,
    Form,
    Body,
}

/// When a hook says nothing of it.
pub(super) const DEFAULT_RETRY: &str = "network";

impl Default for Form {
    fn default() -> Self {
        Self::of(&Value::Null)
    }
}

impl Form {
    /// The form that shows a definition. It shows any JSON, as far as that makes sense.
    pub(in crate::web) fn of(definition: &Value) -> Self {
        let get = |name: &str| definition.get(name);
        let text = |name: &str| shown(get(name));
        let is_set = |name: &str, default: bool| flag(get(name), default);
        let auth = object(get("auth"));
        Self {
            event: shown(first(definition, &aliases::EVENT)),
            url: text("url"),
            allowed_hosts: shown_list(get("allowed_hosts")),
            request_type: known_method(&text("requestType")),
            device_id: shown(first(definition, &aliases::DEVICE)),
            name: text("name"),
            disabled: is_set("disabled", false),
            content: Content::of(definition),
            json: shown_long(get("json")),
            form: rows::of(get("form")),
            body: shown_long(get("body")),
            query: rows::of(get("query")),
            headers: rows::of(get("headers")),
            username: shown(auth.get("username")),
            password: shown(auth.get("password")),
            reject_unauthorized: is_set("rejectUnauthorized", true),
            no_defaults: flag(first(definition, &aliases::NO_DEFAULTS), false),
            response_topic: text("responseTopic"),
            error_response_topic: shown(first(definition, &aliases::ERROR_TOPIC)),
            response_template: shown_long(get("responseTemplate")),
            unchunked: is_set("unchunked", false),
            data_url_response_event: is_set("dataUrlResponseEvent", false),
            retry: known_retry(&text("retry")),
            signing_secret: shown_list(get("signing_secret")),
            allow_lan: is_set("allow_lan", false),
            max_waiting: text("max_waiting"),
            max_waiting_bytes: text("max_waiting_bytes"),
            max_age_s: text("max_age_s"),
            when_full: text("when_full"),
        }
    }
}

impl Content {
    /// The first that is there, as when a hook is read.
    fn of(definition: &Value) -> Self {
        let is_given = |value: &Value| !value.is_null() && value != "";
        let all = [("json", Self::Json), ("form", Self::Form), ("body", Self::Body)];
        let given = all.into_iter().find(|(name, _)| definition.get(*name).is_some_and(is_given));
        given.map_or(Self::Default, |(_, content)| content)
    }

    /// The content that a form's field names.
    pub(super) fn from_name(name: &str) -> Self {
        match name {
            "json" => Self::Json,
            "form" => Self::Form,
            "body" => Self::Body,
            _ => Self::Default,
        }
    }
}

/// A method in capitals, POST for none, and anything else as it is.
pub(super) fn known_method(text: &str) -> String {
    match text.parse::<RequestMethod>() {
        Ok(method) => method.as_str().to_owned(),
        Err(_) if text.trim().is_empty() => RequestMethod::Post.as_str().to_owned(),
        Err(_) => text.to_owned(),
    }
}

pub(super) fn known_retry(text: &str) -> String {
    if text.is_empty() { DEFAULT_RETRY.to_owned() } else { text.to_owned() }
}

/// The value of a key under the first of its names that is there.
pub(super) fn first<'a>(definition: &'a Value, names: &[&str]) -> Option<&'a Value> {
    names.iter().find_map(|name| definition.get(*name).filter(|value| !value.is_null()))
}
