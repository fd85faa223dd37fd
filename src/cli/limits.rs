//! `farhook limits`: what is used of each limit, and when more is free.

use anyhow::Context;
use serde_json::Value;

use crate::bus::protocol::Request;
use crate::cli::client::Gateway;
use crate::cli::print::Output;
use crate::cli::print::field;
use crate::cli::print::table;

/// Asks and shows.
pub(super) async fn show(gateway: &Gateway, out: &mut Output) -> anyhow::Result<()> {
    out.show(&gateway.ask(&Request::Limits).await?, told).context("stdout takes nothing")
}

fn told(limits: &Value) -> String {
    let own = &limits["hooks_of_user"];
    let mut parts = vec![format!("hooks: {} of {}", field(own, "used"), allowed(own))];
    let windows = |list: &str, name: &str, heading: &str| {
        let rows: Vec<_> = rows(&limits[list], |window| {
            vec![field(window, name), field(window, "used"), allowed(window), free(window)]
        });
        (!rows.is_empty()).then(|| table(&[heading, "USED", "ALLOWED A MINUTE", "FREE AGAIN"], &rows))
    };
    parts.extend(windows("devices", "name", "DEVICE"));
    parts.extend(windows("hosts", "host", "HOST"));
    let hooks = rows(&limits["hooks"], |hook| {
        let state = if hook["disabled"] == true { "disabled" } else { "-" };
        let counts = ["errors_in_a_row"].map(|part| field(hook, part)).to_vec();
        let dropped = ["over_limit", "dropped"].map(|part| field(hook, part)).to_vec();
        let names = ["id", "event"].map(|part| field(hook, part)).to_vec();
        [names, counts, vec![allowed(hook), state.to_owned()], dropped].concat()
    });
    if !hooks.is_empty() {
        let headings = ["HOOK", "EVENT", "ERRORS IN A ROW", "ALLOWED", "STATE", "OVER DEVICE LIMIT", "DROPPED"];
        parts.push(table(&headings, &hooks));
    }
    parts.join("\n\n")
}

fn rows(list: &Value, row: impl Fn(&Value) -> Vec<String>) -> Vec<Vec<String>> {
    list.as_array().into_iter().flatten().map(row).collect()
}

fn allowed(value: &Value) -> String {
    if value["allowed"].is_null() { "any number".to_owned() } else { field(value, "allowed") }
}

fn free(window: &Value) -> String {
    match window["free_in_s"].as_u64() {
        Some(seconds) => format!("in {seconds} s"),
        None => "now".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn limits_are_told_in_tables() {
        let limits = json!({
            "devices": [{ "id": "01", "name": "kitchen", "used": 10, "allowed": 10, "free_in_s": 42 }],
            "hosts": [{ "host": "a.example", "used": 3, "allowed": null, "free_in_s": null }],
            "hooks": [{ "id": "02", "event": "temp", "errors_in_a_row": 10, "allowed": 10, "disabled": true,
                        "over_limit": 5, "dropped": 0 }],
            "hooks_of_user": { "used": 1, "allowed": 20 },
        });
        assert_eq!(
            told(&limits),
            "hooks: 1 of 20\n\
             \n\
             DEVICE   USED  ALLOWED A MINUTE  FREE AGAIN\n\
             kitchen  10    10                in 42 s\n\
             \n\
             HOST       USED  ALLOWED A MINUTE  FREE AGAIN\n\
             a.example  3     any number        now\n\
             \n\
             HOOK  EVENT  ERRORS IN A ROW  ALLOWED  STATE     OVER DEVICE LIMIT  DROPPED\n\
             02    temp   10               10       disabled  5                  0"
        );
    }
}
