//! From a form to a definition, made of the one that the form showed.
//!
//! Each field is compared with what the definition would show. The same: its key is left alone. Another: the key gets
//! the new value, under the names that it has there; empty, or what is meant without it: the key goes.

use serde_json::Map;
use serde_json::Value;

use crate::hooks::aliases;
use crate::web::editor::form::Content;
use crate::web::editor::form::DEFAULT_RETRY;
use crate::web::editor::form::Form;
use crate::web::editor::form::first;
use crate::web::editor::rows;
use crate::web::editor::rows::Row;
use crate::web::editor::values::object;
use crate::web::editor::values::words;
use crate::web::editor::values::written;
use crate::web::editor::values::written_long;

/// The keys of which a definition has one.
const BODIES: [&str; 3] = ["json", "form", "body"];

impl Form {
    /// The definition that this form says, made of `base`, the one that it was made from. Keys that the form does not
    /// know stay. What was not changed stays to the letter.
    pub(in crate::web) fn onto(&self, base: &Value) -> Value {
        let was = Self::of(base);
        if *self == was {
            return base.clone();
        }
        let mut new = Change { base, map: base.as_object().cloned().unwrap_or_default() };
        new.text(&aliases::EVENT, &self.event, &was.event);
        new.text(&["url"], self.url.trim(), was.url.trim());
        new.list("allowed_hosts", &self.allowed_hosts, &was.allowed_hosts, Value::Array);
        if self.request_type != was.request_type {
            new.set(&["requestType"], Some(self.request_type.clone().into()));
        }
        new.text(&aliases::DEVICE, self.device_id.trim(), was.device_id.trim());
        new.text(&["name"], &self.name, &was.name);
        new.rows("query", &self.query, &was.query);
        new.rows("headers", &self.headers, &was.headers);
        new.auth(self, &was);
        new.body(self, &was);
        new.flag(&aliases::NO_DEFAULTS, self.no_defaults, was.no_defaults, false);
        new.text(&["responseTopic"], &self.response_topic, &was.response_topic);
        new.text(&aliases::ERROR_TOPIC, &self.error_response_topic, &was.error_response_topic);
        if self.response_template != was.response_template {
            let text = Some(&self.response_template).filter(|text| !text.is_empty());
            new.set(&["responseTemplate"], text.map(|text| written_long(text, base.get("responseTemplate"), false)));
        }
        new.flag(&["unchunked"], self.unchunked, was.unchunked, false);
        new.flag(&["dataUrlResponseEvent"], self.data_url_response_event, was.data_url_response_event, false);
        new.flag(&["rejectUnauthorized"], self.reject_unauthorized, was.reject_unauthorized, true);
        new.flag(&["allow_lan"], self.allow_lan, was.allow_lan, false);
        new.text(&["retry"], other_than(DEFAULT_RETRY, &self.retry), other_than(DEFAULT_RETRY, &was.retry));
        new.list("signing_secret", &self.signing_secret, &was.signing_secret, one_or_many);
        new.number("max_waiting", self.max_waiting.trim(), was.max_waiting.trim());
        new.number("max_waiting_bytes", self.max_waiting_bytes.trim(), was.max_waiting_bytes.trim());
        new.number("max_age_s", self.max_age_s.trim(), was.max_age_s.trim());
        new.text(&["when_full"], &self.when_full, &was.when_full);
        new.flag(&["disabled"], self.disabled, was.disabled, false);
        Value::Object(new.map)
    }
}

/// A definition on its way from the old to the new.
struct Change<'a> {
    base: &'a Value,
    map: Map<String, Value>,
}

impl Change<'_> {
    /// Gives a key its value under all of its names that are there, or else under its usual one.
    fn set(&mut self, names: &[&str], value: Option<Value>) {
        let Some(value) = value else {
            for name in names {
                self.map.shift_remove(*name);
            }
            return;
        };
        let is_there = |name: &&&str| self.map.get(**name).is_some_and(|value| !value.is_null());
        let there: Vec<_> = names.iter().filter(is_there).collect();
        for name in if there.is_empty() { names.iter().take(1).collect() } else { there } {
            self.map.insert((*name).to_owned(), value.clone());
        }
    }

    fn text(&mut self, names: &[&str], text: &str, was: &str) {
        if text != was {
            let value = written(text, first(self.base, names));
            self.set(names, Some(value).filter(|_| !text.is_empty()));
        }
    }

    fn number(&mut self, name: &str, text: &str, was: &str) {
        if text != was {
            let before = self.base.get(name).filter(|value| !value.is_null() && *value != "");
            let new = || text.parse::<u64>().map_or_else(|_| text.into(), Value::from);
            let value = before.map_or_else(new, |before| written(text, Some(before)));
            self.set(&[name], Some(value).filter(|_| !text.is_empty()));
        }
    }

    fn flag(&mut self, names: &[&str], is_set: bool, was: bool, default: bool) {
        if is_set != was {
            self.set(names, Some(is_set.into()).filter(|_| is_set != default));
        }
    }

    fn list(&mut self, name: &str, text: &str, was: &str, value: impl Fn(Vec<Value>) -> Value) {
        if text != was {
            let words = words(text);
            self.set(&[name], Some(words).filter(|words| !words.is_empty()).map(value));
        }
    }

    fn rows(&mut self, name: &str, rows: &[Row], was: &[Row]) {
        if rows != was {
            let map = rows::onto(rows, self.base.get(name));
            self.set(&[name], Some(map).filter(|map| !map.is_empty()).map(Value::Object));
        }
    }

    fn auth(&mut self, form: &Form, was: &Form) {
        if (&form.username, &form.password) == (&was.username, &was.password) {
            return;
        }
        if form.username.is_empty() && form.password.is_empty() {
            self.set(&["auth"], None);
            return;
        }
        let mut auth = object(self.base.get("auth"));
        // A password without a user has an empty one.
        auth.insert(
            "username".to_owned(),
            written(&form.username, auth.get("username").filter(|user| !user.is_null())),
        );
        if form.password.is_empty() {
            auth.shift_remove("password");
        } else {
            auth.insert("password".to_owned(), written(&form.password, auth.get("password")));
        }
        self.set(&["auth"], Some(auth.into()));
    }

    /// A new body stands where the old one stood.
    fn body(&mut self, form: &Form, was: &Form) {
        let is_same = match form.content {
            Content::Default => true,
            Content::Json => form.json == was.json,
            Content::Form => form.form == was.form,
            Content::Body => form.body == was.body,
        };
        if is_same && form.content == was.content {
            return;
        }
        let before = |name: &str| self.base.get(name);
        let new = match form.content {
            Content::Default => None,
            Content::Json if form.json.trim().is_empty() => None,
            Content::Json => Some(("json", written_long(&form.json, before("json"), true))),
            Content::Form => Some(("form", rows::onto(&form.form, before("form")).into())),
            Content::Body if form.body.is_empty() => None,
            Content::Body => Some(("body", Value::from(form.body.as_str()))),
        };
        let mut new = new.map(|(name, value)| (name.to_owned(), value));
        let mut map = Map::new();
        for (name, value) in std::mem::take(&mut self.map) {
            if BODIES.contains(&name.as_str()) {
                map.extend(new.take());
            } else {
                map.insert(name, value);
            }
        }
        map.extend(new);
        self.map = map;
    }
}

fn other_than<'a>(default: &str, text: &'a str) -> &'a str {
    if text == default { "" } else { text }
}

fn one_or_many(mut words: Vec<Value>) -> Value {
    if words.len() == 1 { words.remove(0) } else { Value::Array(words) }
}
