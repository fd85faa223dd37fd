//! Which field of the form a problem is about. Problems name the keys of a definition, by their paths.

use serde::Serialize;

use crate::hooks::aliases;
use crate::web::editor::form::Form;
use crate::web::editor::rows::Row;

/// A field to be marked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(in crate::web) struct Mark {
    /// Its name, as in [`Form`].
    pub(in crate::web) field: &'static str,
    /// Of rows the one that it is about, counted from 0.
    pub(in crate::web) row: Option<usize>,
}

/// The keys whose fields have other names.
const OTHERS: [(&[&str], &str); 13] = [
    (&aliases::EVENT, "event"),
    (&["requestType"], "request_type"),
    (&aliases::DEVICE, "device_id"),
    (&["auth.username", "auth"], "username"),
    (&["auth.password"], "password"),
    (&["rejectUnauthorized"], "reject_unauthorized"),
    (&aliases::NO_DEFAULTS, "no_defaults"),
    (&["responseTopic"], "response_topic"),
    (&aliases::ERROR_TOPIC, "error_response_topic"),
    (&["responseTemplate"], "response_template"),
    (&["dataUrlResponseEvent"], "data_url_response_event"),
    (&["form"], "form"),
    (&["json"], "json"),
];

/// The keys whose fields have the same names.
const SAME: [&str; 15] = [
    "url",
    "allowed_hosts",
    "name",
    "disabled",
    "body",
    "query",
    "headers",
    "unchunked",
    "retry",
    "signing_secret",
    "allow_lan",
    "max_waiting",
    "max_waiting_bytes",
    "max_age_s",
    "when_full",
];

impl Form {
    /// The field that a problem's path leads to; none for the hook as a whole.
    pub(in crate::web) fn mark(&self, path: &str) -> Option<Mark> {
        let key = path.split(['.', '[']).next().unwrap_or_default();
        let other = |wanted: &str| OTHERS.iter().find(|(names, _)| names.contains(&wanted)).map(|(_, field)| *field);
        let same = || SAME.into_iter().find(|name| *name == key);
        let field = other(path).or_else(|| other(key)).or_else(same)?;
        let rows = match field {
            "form" => &self.form,
            "query" => &self.query,
            "headers" => &self.headers,
            _ => return Some(Mark { field, row: None }),
        };
        let inside = path.get(key.len() + 1..).unwrap_or_default();
        Some(Mark { field, row: row_of(rows, inside) })
    }
}

/// The row whose name the path begins with: the longest, since names may have dots in them. Paths cut long names.
fn row_of(rows: &[Row], path: &str) -> Option<usize> {
    let begins = |row: &Row| {
        let cut = path.split_once('…').is_some_and(|(start, _)| !start.is_empty() && row.name.starts_with(start));
        let rest = path.strip_prefix(row.name.as_str());
        cut || rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
    };
    let found = rows.iter().enumerate().filter(|(_, row)| begins(row));
    found.max_by_key(|(_, row)| row.name.len()).map(|(at, _)| at)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::hooks::HookDefinition;

    #[test]
    fn each_problem_of_a_definition_leads_to_a_field() {
        let definition = json!({
            "event": "a+b", "url": "ftp://a.example/", "requestType": "FETCH", "coreid": "kitchen", "disabled": 2,
            "form": {"a": "{{#x}}", "deep.a": {"b": ["{{#x}}"]}}, "auth": {"user": "u", "password": 5},
            "headers": {"X-A": ["a"], "é".repeat(70): "a"}, "retry": "often", "responseTopic": {}, "errorTopic": 1,
            "max_waiting": 0, "signing_secret": ["a"],
        });
        let form = Form::of(&definition);
        let invalid = HookDefinition::parse(&definition).unwrap_err();
        let marks = invalid.problems().iter().map(|problem| form.mark(&problem.field).unwrap());
        let marks: Vec<_> = marks.map(|mark| (mark.field, mark.row)).collect();
        for expected in [
            ("event", None),
            ("url", None),
            ("request_type", None),
            ("device_id", None),
            ("disabled", None),
            ("form", Some(0)),
            ("form", Some(1)),
            ("username", None),
            ("password", None),
            ("headers", Some(0)),
            ("headers", Some(1)),
            ("retry", None),
            ("response_topic", None),
            ("error_response_topic", None),
            ("max_waiting", None),
            ("signing_secret", None),
        ] {
            assert!(marks.contains(&expected), "{expected:?}: {marks:?}");
        }
        assert_eq!(form.mark(""), None);
        assert_eq!(form.mark("json.a[2]").unwrap().field, "json");
    }

    #[test]
    fn every_mark_is_a_field_of_the_form() {
        let form = serde_json::to_value(Form::default()).unwrap();
        let fields = OTHERS.iter().map(|(_, field)| *field).chain(SAME);
        let absent: Vec<_> = fields.filter(|field| form.get(field).is_none()).collect();
        assert_eq!(absent, [""; 0]);
    }
}
