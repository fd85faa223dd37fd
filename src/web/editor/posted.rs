//! The form as a browser sends it.
//!
//! Fields are named as those of [`Form`]. Rows are numbered: `form_name[0]`, `form_value[0]`, `form_name[1]` …, and the
//! same with `query_` and `headers_`; numbers may be missing. A browser does not send a box that is not ticked: before
//! each box stands a hidden field of the same name with `false` in it, and the later one counts. So a field that is not
//! there at all has its default.

use serde_json::Map;
use serde_json::Value;

use crate::web::editor::form::Content;
use crate::web::editor::form::Form;
use crate::web::editor::form::known_method;
use crate::web::editor::form::known_retry;
use crate::web::editor::rows::Row;
use crate::web::editor::rows::is_showable;
use crate::web::editor::values::shown;
use crate::web::editor::values::with_plain_lines;

impl Form {
    /// The form that was sent with these fields. Others are ignored.
    pub(in crate::web) fn read(fields: &Map<String, Value>) -> Self {
        let text = |name: &str| match fields.get(name) {
            Some(Value::String(text)) => text.clone(),
            other => shown(other),
        };
        let long = |name: &str| with_plain_lines(&text(name));
        let is_ticked = |name: &str, default: bool| match fields.get(name) {
            None => default,
            Some(_) => matches!(text(name).as_str(), "true" | "on" | "1"),
        };
        Self {
            event: text("event"),
            url: text("url"),
            allowed_hosts: text("allowed_hosts"),
            request_type: known_method(&text("request_type")),
            device_id: text("device_id"),
            name: text("name"),
            disabled: is_ticked("disabled", false),
            content: Content::from_name(&text("content")),
            json: long("json"),
            form: rows(fields, "form"),
            body: long("body"),
            query: rows(fields, "query"),
            headers: rows(fields, "headers"),
            username: text("username"),
            password: text("password"),
            reject_unauthorized: is_ticked("reject_unauthorized", true),
            no_defaults: is_ticked("no_defaults", false),
            response_topic: text("response_topic"),
            error_response_topic: text("error_response_topic"),
            response_template: long("response_template"),
            unchunked: is_ticked("unchunked", false),
            data_url_response_event: is_ticked("data_url_response_event", false),
            retry: known_retry(&text("retry")),
            signing_secret: text("signing_secret"),
            allow_lan: is_ticked("allow_lan", false),
            max_waiting: text("max_waiting"),
            max_waiting_bytes: text("max_waiting_bytes"),
            max_age_s: text("max_age_s"),
            when_full: text("when_full"),
        }
    }
}

fn rows(fields: &Map<String, Value>, of: &str) -> Vec<Row> {
    let column = |part: &str| fields.get(&format!("{of}_{part}")).and_then(Value::as_object);
    let text = |value: Option<&Value>| value.and_then(Value::as_str).unwrap_or_default().to_owned();
    let Some(names) = column("name") else { return Vec::new() };
    let row = |(at, name): (&String, &Value)| {
        let value = text(column("value").and_then(|values| values.get(at)));
        Some((at.parse::<u32>().ok()?, Row { name: text(Some(name)), value }))
    };
    let mut rows: Vec<_> = names.iter().filter_map(row).filter(|(_, row)| is_showable(&row.name)).collect();
    rows.sort_by_key(|(at, _)| *at);
    rows.into_iter().map(|(_, row)| row).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(fields: &Value) -> Form {
        Form::read(fields.as_object().unwrap())
    }

    #[test]
    fn rows_are_sorted_by_their_numbers_and_empty_ones_dropped() {
        let form = read(&json!({
            "form_name": {"10": "c", "9": "b", "0": "a", "3": " ", "x": "y"},
            "form_value": {"0": "1", "9": "2", "3": "4"},
            "query_value": {"0": "1"},
        }));
        let rows: Vec<_> = form.form.iter().map(|row| (row.name.as_str(), row.value.as_str())).collect();
        assert_eq!(rows, [("a", "1"), ("b", "2"), ("c", "")]);
        assert_eq!(form.query, []);
    }

    #[test]
    fn no_fields_are_an_empty_form() {
        assert_eq!(read(&json!({})), Form::default());
        let form = Form::default();
        assert_eq!(
            (form.request_type.as_str(), form.reject_unauthorized, form.retry.as_str()),
            ("POST", true, "network")
        );
    }

    #[test]
    fn a_box_that_is_not_ticked_is_told_by_the_field_before_it() {
        assert!(!read(&json!({"reject_unauthorized": "false"})).reject_unauthorized);
        assert!(read(&json!({"no_defaults": "on"})).no_defaults);
        assert_eq!(read(&json!({"body": "a\r\nb"})).body, "a\nb");
    }
}
