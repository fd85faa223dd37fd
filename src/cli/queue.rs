//! `farhook queue`, `farhook cancel`: what waits, what shall not, and whether anything is sent.

use std::num::NonZeroUsize;

use anyhow::Context;
use anyhow::ensure;
use clap::Args;
use clap::Subcommand;
use serde_json::Value;

use crate::bus::protocol::Chosen;
use crate::bus::protocol::Request;
use crate::cli::client::Gateway;
use crate::cli::print::Output;
use crate::cli::print::counted;
use crate::cli::print::field;
use crate::cli::print::pairs;
use crate::cli::print::table;
use crate::model::HookId;

/// Bytes of a megabyte, as the configuration counts them.
const MB: f64 = 1_048_576.0;

/// Show everything that waits: how much, how long, how much longer there is room
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(super) struct Queue {
    #[command(subcommand)]
    order: Option<Order>,
    /// List the deliveries that wait for this hook, oldest first
    #[arg(value_name = "HOOK")]
    hook: Option<HookId>,
    /// How many of them
    #[arg(long, short = 'n', default_value = "50", value_name = "N", requires = "hook")]
    count: NonZeroUsize,
}

#[derive(Debug, Subcommand)]
enum Order {
    /// Send nothing more, of any hook, until `farhook queue resume`; events go on to arrive and wait
    Pause,
    /// Send again what waits
    Resume,
    /// Ask targets that are down now, instead of at their next probe
    Wake {
        /// Only this one, as `farhook queue` lists it; or all of this host
        #[arg(value_name = "TARGET")]
        target: Option<String>,
    },
}

/// Cancel deliveries that wait: they become dead letters, and `farhook replay` brings them back
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub(super) struct Cancel {
    /// One delivery, as `farhook queue HOOK` lists it
    #[arg(value_name = "DELIVERY")]
    id: Option<String>,
    /// Everything that waits for this hook
    #[arg(long, value_name = "HOOK")]
    hook: Option<HookId>,
}

impl Queue {
    pub(super) async fn run(self, gateway: &Gateway, out: &mut Output) -> anyhow::Result<()> {
        let (request, told): (_, fn(&Value) -> String) = match (self.order, self.hook) {
            (Some(Order::Pause), _) => (Request::Pause, |done| format!("Sending is {}.", paused(done))),
            (Some(Order::Resume), _) => (Request::Unpause, |_| "Sending goes on.".to_owned()),
            (Some(Order::Wake { target }), _) => (Request::Wake { target }, asked),
            (None, Some(hook)) => (Request::Waiting { hook, count: self.count.get() }, listed),
            (None, None) => (Request::Queue, told),
        };
        out.show(&gateway.ask(&request).await?, told).context("stdout takes nothing")
    }
}

impl Cancel {
    pub(super) async fn run(self, gateway: &Gateway, out: &mut Output) -> anyhow::Result<()> {
        let which = Chosen { id: self.id, hook: self.hook, ..Chosen::default() };
        let done = gateway.ask(&Request::Cancel { which }).await?;
        let told = |done: &Value| format!("Cancelled: {}.", counted(&done["cancelled"], "delivery", "deliveries"));
        ensure!(done["cancelled"] != 0, "nothing waits there");
        out.show(&done, told).context("stdout takes nothing")
    }
}

/// How a pause is told.
pub(super) fn paused(queue: &Value) -> String {
    format!("paused since {}", field(queue, "paused_since"))
}

fn asked(done: &Value) -> String {
    let asked: Vec<&str> = done["asked"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    if asked.is_empty() {
        "Nothing that waits has a target that is down.".to_owned()
    } else {
        format!("Asked now: {}.", asked.join(", "))
    }
}

fn listed(waiting: &Value) -> String {
    let waiting = waiting.as_array().map(Vec::as_slice).unwrap_or_default();
    if waiting.is_empty() {
        return "Nothing waits for it.".to_owned();
    }
    let row = |delivery: &Value| {
        let event = ["published_at", "name", "coreid"].map(|part| field(&delivery["event"], part));
        let end = ["answers", "not_before"].map(|part| field(delivery, part));
        [vec![field(delivery, "id")], event.to_vec(), end.to_vec()].concat()
    };
    let headings = ["DELIVERY", "PUBLISHED", "EVENT", "FROM", "ANSWERS", "NOT BEFORE"];
    table(&headings, &waiting.iter().map(row).collect::<Vec<_>>())
}

fn told(queue: &Value) -> String {
    let mut lines = vec![
        ("internet", format!("{} since {}", field(queue, "state"), field(queue, "state_since"))),
        ("waiting", format!("{}, {} under way", share(queue, "waiting", "max_waiting"), field(queue, "under_way"))),
        ("bytes", bytes(queue)),
        ("oldest", oldest(queue)),
        ("full in", hours_left(queue)),
        ("dead letters", field(queue, "dead")),
        ("dropped", format!("{} since the start", field(queue, "dropped"))),
        ("disk", disk(queue)),
    ];
    if !queue["paused_since"].is_null() {
        lines.insert(0, ("sending", paused(queue)));
    }
    if queue["clock_is_set"] == false {
        lines.push(("clock", "not set yet: requests over TLS wait for it".to_owned()));
    }
    let mut parts = vec![pairs(&lines)];
    parts.extend(hooks(queue));
    parts.extend(targets(queue));
    parts.join("\n\n")
}

fn hooks(queue: &Value) -> Option<String> {
    let hooks = queue["hooks"].as_array().filter(|hooks| !hooks.is_empty())?;
    let row = |hook: &Value| {
        let waiting = share(hook, "waiting", "max_waiting");
        let begin = ["id", "event", "state"].map(|part| field(hook, part));
        let rest = ["bytes", "dead", "dropped", "refused"].map(|part| field(hook, part));
        [begin.to_vec(), vec![waiting, oldest(hook)], rest.to_vec()].concat()
    };
    let headings = ["HOOK", "EVENT", "STATE", "WAITING", "OLDEST", "BYTES", "DEAD", "DROPPED", "REFUSED"];
    Some(table(&headings, &hooks.iter().map(row).collect::<Vec<_>>()))
}

fn targets(queue: &Value) -> Option<String> {
    let targets = queue["targets"].as_array().filter(|targets| !targets.is_empty())?;
    let state = |target: &Value| match (target["is_down"].as_bool(), target["next_probe_s"].as_u64()) {
        (Some(true), Some(seconds)) => format!("down, asked again in {seconds} s"),
        (Some(true), None) => "down".to_owned(),
        _ => "up".to_owned(),
    };
    let row = |target: &Value| vec![field(target, "target"), field(target, "under_way"), state(target)];
    Some(table(&["TARGET", "UNDER WAY", "STATE"], &targets.iter().map(row).collect::<Vec<_>>()))
}

/// A number, and how many it may be.
fn share(value: &Value, name: &str, most: &str) -> String {
    match value[most].as_u64() {
        Some(most) => format!("{} of {most}", field(value, name)),
        None => field(value, name),
    }
}

fn bytes(queue: &Value) -> String {
    let used = megabytes(&queue["bytes"]);
    match (queue["bytes"].as_f64(), queue["max_bytes"].as_f64()) {
        (Some(bytes), Some(most)) => {
            format!("{used} of {}, {:.0} %", megabytes(&queue["max_bytes"]), bytes / most * 100.0)
        }
        _ => used,
    }
}

fn disk(queue: &Value) -> String {
    let mut text = format!("{} used, {} free", megabytes(&queue["disk_bytes"]), megabytes(&queue["disk_free_bytes"]));
    if queue["disk_is_low"] == true {
        text.push_str(", low");
    }
    if let Some(trouble) = queue["trouble"].as_str() {
        text = format!("{text}; {trouble}");
    }
    text
}

fn megabytes(value: &Value) -> String {
    format!("{:.1} MB", value.as_f64().unwrap_or_default() / MB)
}

fn hours_left(queue: &Value) -> String {
    match queue["hours_left"].as_f64() {
        Some(0.0) => "now".to_owned(),
        Some(hours) => format!("{hours:.1} hours at the present rate"),
        None => "- (it does not grow)".to_owned(),
    }
}

/// How long the oldest has waited, as people say it.
fn oldest(of: &Value) -> String {
    match of["oldest_s"].as_u64().filter(|_| of["waiting"] != 0) {
        None => "-".to_owned(),
        Some(seconds @ 0..120) => format!("{seconds} s"),
        Some(seconds @ 120..7_200) => format!("{} min", seconds / 60),
        Some(seconds @ 7_200..172_800) => format!("{} h", seconds / 3_600),
        Some(seconds) => format!("{} days", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_queue_is_told_in_lines_and_tables() {
        let queue = json!({
            "state": "offline", "state_since": "2016-04-16T13:37:08.728Z", "waiting": 30, "max_waiting": 200_000,
            "under_way": 1, "bytes": 5_242_880, "max_bytes": 268_435_456, "oldest_s": 4_000, "hours_left": 12.34,
            "dead": 2, "dropped": 0, "disk_bytes": 1_048_576, "disk_free_bytes": 104_857_600, "disk_is_low": true,
            "trouble": "the disk is nearly full", "clock_is_set": false,
            "hooks": [{ "id": "01", "event": "temp", "state": "enabled", "waiting": 30, "max_waiting": 50, "bytes": 7,
                        "oldest_s": 4_000, "dead": 2, "dropped": 0, "refused": 1 }],
            "targets": [{ "target": "https://a.example:443", "is_down": true, "next_probe_s": 3, "under_way": 0 }],
        });
        assert_eq!(
            told(&queue),
            "internet      offline since 2016-04-16T13:37:08.728Z\n\
             waiting       30 of 200000, 1 under way\n\
             bytes         5.0 MB of 256.0 MB, 2 %\n\
             oldest        66 min\n\
             full in       12.3 hours at the present rate\n\
             dead letters  2\n\
             dropped       0 since the start\n\
             disk          1.0 MB used, 100.0 MB free, low; the disk is nearly full\n\
             clock         not set yet: requests over TLS wait for it\n\
             \n\
             HOOK  EVENT  STATE    WAITING   OLDEST  BYTES  DEAD  DROPPED  REFUSED\n\
             01    temp   enabled  30 of 50  66 min  7      2     0        1\n\
             \n\
             TARGET                 UNDER WAY  STATE\n\
             https://a.example:443  0          down, asked again in 3 s"
        );
    }

    #[test]
    fn a_full_queue_says_so_and_what_waits_can_be_listed() {
        let queue = json!({ "waiting": 5, "oldest_s": 0, "hours_left": 0.0 });
        let told = told(&queue);
        assert!(told.contains("full in       now") && told.contains("oldest        0 s"), "{told}");
        let waiting = json!([{
            "id": "01-7", "answers": 1, "not_before": null,
            "event": { "name": "temp", "published_at": "2016-04-16T13:37:08.728Z", "coreid": "api" },
        }]);
        assert_eq!(
            listed(&waiting),
            "DELIVERY  PUBLISHED                 EVENT  FROM  ANSWERS  NOT BEFORE\n\
             01-7      2016-04-16T13:37:08.728Z  temp   api   1        -"
        );
        assert_eq!(listed(&json!([])), "Nothing waits for it.");
    }

    #[test]
    fn a_pause_is_told_first_and_who_is_asked_by_name() {
        let queue = json!({ "waiting": 5, "paused_since": "2016-04-16T13:37:08.728Z" });
        assert!(told(&queue).starts_with("sending       paused since 2016-04-16T13:37:08.728Z\n"), "{}", told(&queue));
        assert_eq!(asked(&json!({ "asked": ["http://a:80", "http://b:80"] })), "Asked now: http://a:80, http://b:80.");
        assert!(asked(&json!({ "asked": [] })).starts_with("Nothing"));
    }

    #[test]
    fn an_empty_queue_has_no_tables() {
        let queue = json!({ "state": "unknown", "waiting": 0, "hooks": [], "targets": [], "clock_is_set": true });
        let told = told(&queue);
        assert!(!told.contains("HOOK") && told.contains("full in       - (it does not grow)"), "{told}");
    }
}
