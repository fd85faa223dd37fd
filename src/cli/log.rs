//! `farhook log`: the latest attempts, what was sent and what came back.

use std::num::NonZeroUsize;

use anyhow::Context;
use clap::Args;
use serde_json::Value;

use crate::bus::protocol::Request;
use crate::cli::client::Gateway;
use crate::cli::print::Output;
use crate::cli::print::field;
use crate::cli::print::one_line;
use crate::cli::print::table;
use crate::model::HookId;

/// Show the latest attempts: when, which event, how it ended, how long it took
///
/// The log keeps 200 attempts of each hook, and the last 20 that were no success in any case. Secrets are masked,
/// bodies cut at 4 KB.
#[derive(Debug, Args)]
pub(super) struct Log {
    /// Only of this hook
    #[arg(value_name = "HOOK")]
    hook: Option<HookId>,
    /// How many of each hook; the last errors come in addition
    #[arg(long, short = 'n', default_value = "20", value_name = "N")]
    count: NonZeroUsize,
    /// Show requests and responses as well
    #[arg(long)]
    full: bool,
}

impl Log {
    pub(super) async fn run(self, gateway: &Gateway, out: &mut Output) -> anyhow::Result<()> {
        let attempts = gateway.ask(&Request::Log { hook: self.hook, count: self.count.get() }).await?;
        let told = if self.full { told_in_full } else { told };
        out.show(&attempts, told).context("stdout takes nothing")
    }
}

fn told(attempts: &Value) -> String {
    let attempts = attempts.as_array().map(Vec::as_slice).unwrap_or_default();
    if attempts.is_empty() {
        return "Nothing was sent yet.".to_owned();
    }
    let row = |attempt: &Value| {
        let event = &attempt["event"];
        let times = [timing(attempt, "queued_ms"), timing(attempt, "total_ms")];
        let begin = [field(attempt, "at"), field(attempt, "delivery"), field(event, "name"), field(event, "coreid")];
        let end = [field(attempt, "outcome"), field(attempt, "summary"), field(attempt, "next_try")];
        [begin.to_vec(), times.to_vec(), end.to_vec()].concat()
    };
    let headings = ["AT", "DELIVERY", "EVENT", "FROM", "QUEUED", "TOOK", "OUTCOME", "ANSWER", "NEXT TRY"];
    table(&headings, &attempts.iter().map(row).collect::<Vec<_>>())
}

fn told_in_full(attempts: &Value) -> String {
    let attempts = attempts.as_array().map(Vec::as_slice).unwrap_or_default();
    if attempts.is_empty() {
        return "Nothing was sent yet.".to_owned();
    }
    attempts.iter().map(in_full).collect::<Vec<_>>().join("\n\n")
}

fn in_full(attempt: &Value) -> String {
    let event = &attempt["event"];
    let mut lines = vec![
        format!(
            "{}  {}  {} from {}",
            field(attempt, "at"),
            field(attempt, "delivery"),
            field(event, "name"),
            field(event, "coreid")
        ),
        format!(
            "  {}: {}; queued {}, connected in {}, first byte after {}, took {}",
            field(attempt, "outcome"),
            field(attempt, "summary"),
            timing(attempt, "queued_ms"),
            timing(attempt, "connect_ms"),
            timing(attempt, "first_byte_ms"),
            timing(attempt, "total_ms")
        ),
    ];
    if !attempt["next_try"].is_null() {
        lines.push(format!("  next try: {}", field(attempt, "next_try")));
    }
    let request = &attempt["request"];
    if request.is_object() {
        lines.push(format!("  > {} {}", field(request, "method"), field(request, "url")));
        lines.extend(message(request, "  > "));
    }
    let response = &attempt["response"];
    if response.is_object() {
        lines.push(format!("  < {}", field(response, "status")));
        lines.extend(message(response, "  < "));
    }
    lines.join("\n")
}

/// Headers and body, each line behind a mark.
fn message(message: &Value, mark: &str) -> Vec<String> {
    let headers = message["headers"].as_array().into_iter().flatten();
    let text = |value: &Value| one_line(value.as_str().unwrap_or_default());
    let mut lines: Vec<String> = headers.map(|pair| format!("{mark}{}: {}", text(&pair[0]), text(&pair[1]))).collect();
    let body = message["body"].as_str().unwrap_or_default();
    if !body.is_empty() {
        lines.push(mark.trim_end().to_owned());
        lines.extend(body.lines().map(|line| format!("{mark}{}", one_line(line))));
        let whole = message["body_bytes"].as_u64().unwrap_or_default();
        if whole > body.len() as u64 {
            lines.push(format!("{mark}… of {whole} bytes"));
        }
    }
    lines
}

fn timing(attempt: &Value, name: &str) -> String {
    match attempt["timing"][name].as_u64() {
        None => "-".to_owned(),
        Some(ms @ 0..10_000) => format!("{ms} ms"),
        Some(ms) => format!("{} s", ms / 1_000),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn attempts() -> Value {
        json!([{
            "at": "2016-04-16T13:37:08.728Z", "delivery": "01-7", "hook": "01",
            "event": { "id": "02", "name": "temp", "coreid": "api" },
            "outcome": "dead", "summary": "status 500", "next_try": null,
            "timing": { "queued_ms": 12_345, "connect_ms": 3, "first_byte_ms": 20, "total_ms": 21 },
            "request": { "method": "POST", "url": "http://a.example/", "headers": [["x", "y"]], "body": "{}\nb",
                         "body_bytes": 4 },
            "response": { "status": 500, "headers": [], "body": "no", "body_bytes": 9_000 },
        }])
    }

    #[test]
    fn attempts_are_told_in_a_table() {
        assert_eq!(
            told(&attempts()),
            "AT                        DELIVERY  EVENT  FROM  QUEUED  TOOK   OUTCOME  ANSWER      NEXT TRY\n\
             2016-04-16T13:37:08.728Z  01-7      temp   api   12 s    21 ms  dead     status 500  -"
        );
        assert_eq!(told(&json!([])), "Nothing was sent yet.");
    }

    #[test]
    fn in_full_they_show_what_was_sent_and_what_came_back() {
        assert_eq!(
            told_in_full(&attempts()),
            "2016-04-16T13:37:08.728Z  01-7  temp from api\n  \
               dead: status 500; queued 12 s, connected in 3 ms, first byte after 20 ms, took 21 ms\n  \
               > POST http://a.example/\n  > x: y\n  >\n  > {}\n  > b\n  < 500\n  <\n  < no\n  < … of 9000 bytes"
        );
    }
}
