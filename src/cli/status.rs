//! `farhook status`: how the daemon is, and what waits.

use anyhow::Context;
use serde_json::Value;

use crate::bus::protocol::Request;
use crate::cli::client::Gateway;
use crate::cli::print::Output;
use crate::cli::print::counted;
use crate::cli::print::field;
use crate::cli::print::pairs;
use crate::cli::queue::paused;
use crate::cli::radio;

/// Asks and shows.
pub(super) async fn show(gateway: &Gateway, out: &mut Output) -> anyhow::Result<()> {
    out.show(&gateway.ask(&Request::Status).await?, told).context("stdout takes nothing")
}

fn told(status: &Value) -> String {
    let queue = |name: &str| field(&status["queue"], name);
    let listening = status["listening"].as_object().into_iter().flatten();
    let mut lines = vec![("version", field(status, "version"))];
    let parts: Vec<(String, String)> =
        listening.map(|(part, _)| (part.replace('_', " "), field(&status["listening"], part))).collect();
    lines.extend(parts.iter().map(|(part, place)| (part.as_str(), place.clone())));
    lines.extend(users(status));
    lines.extend([
        ("devices", format!("{}, {} online", field(status, "devices"), field(status, "devices_online"))),
        ("hooks", field(status, "hooks")),
    ]);
    lines.extend(sessions(&status["sessions"]));
    if status["queue"].is_null() {
        // The rest concerns everybody's things, and is the owner's to see.
        return pairs(&lines);
    }
    lines.extend((!status["queue"]["paused_since"].is_null()).then(|| ("sending", paused(&status["queue"]))));
    lines.extend([
        ("connections", connections(&status["mqtt"])),
        ("internet", internet(&status["queue"])),
        ("waiting", format!("{} requests, {} under way", queue("waiting"), queue("under_way"))),
        ("to be told", format!("{} parts of responses", queue("parts_waiting"))),
        ("down", counted(&status["queue"]["targets_down"], "target", "targets")),
        ("dead letters", queue("dead")),
        ("Bluetooth", radio::in_words(&status["ble"])),
        ("notices", notices(&status["notices"])),
        ("since start", format!("{} delivered, {} failed", queue("delivered"), queue("failed"))),
    ]);
    pairs(&lines)
}

fn connections(mqtt: &Value) -> String {
    let count = |name: &str| mqtt[name].as_u64().unwrap_or(0);
    let turned_away = count("too_many") + count("too_many_of_one") + count("too_fast");
    let over = if turned_away == 0 { String::new() } else { format!(", {turned_away} turned away since the start") };
    format!("{} over MQTT{over}", count("connections"))
}

fn users(status: &Value) -> Option<(&'static str, String)> {
    let is_claimed = status["claimed"].as_bool()?;
    let told = if is_claimed { field(status, "users") } else { "none yet, see `farhook claim`".to_owned() };
    Some(("users", told))
}

/// Nothing while there are none.
fn sessions(figures: &Value) -> Option<(&'static str, String)> {
    let figure = |name: &str| figures[name].as_u64().unwrap_or(0);
    let (connected, away, dropped) = (figure("connected"), figure("away"), figure("dropped"));
    let dropped = if dropped > 0 { format!(", {dropped} dropped") } else { String::new() };
    let told = format!("{connected} connected, {away} away, {} messages wait{dropped}", figure("waiting"));
    (connected + away > 0).then_some(("sessions", told))
}

fn notices(count: &Value) -> String {
    if count == 0 { "none".to_owned() } else { format!("{count} to read, see `farhook notices`") }
}

fn internet(queue: &Value) -> String {
    format!("{} since {}", field(queue, "state"), field(queue, "state_since"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_status_is_told_in_lines() {
        let status = json!({
            "version": "0.1.0", "listening": { "mqtt": "0.0.0.0:1883" }, "devices": 3, "devices_online": 1, "hooks": 2,
            "claimed": false, "users": 0, "mqtt": { "connections": 2, "too_many": 3, "too_many_of_one": 0, "too_fast": 1 },
            "queue": {
                "waiting": 5, "under_way": 1, "parts_waiting": 0, "targets_down": 1, "delivered": 9, "failed": 0,
                "state": "offline", "state_since": "2016-04-16T13:37:08.728Z", "dead": 4,
            },
            "notices": 2, "ble": { "state": "scanning", "hint": null, "reason": null },
        });
        assert_eq!(
            told(&status),
            "version       0.1.0\n\
             mqtt          0.0.0.0:1883\n\
             users         none yet, see `farhook claim`\n\
             devices       3, 1 online\n\
             hooks         2\n\
             connections   2 over MQTT, 4 turned away since the start\n\
             internet      offline since 2016-04-16T13:37:08.728Z\n\
             waiting       5 requests, 1 under way\n\
             to be told    0 parts of responses\n\
             down          1 target\n\
             dead letters  4\n\
             Bluetooth     scanning\n\
             notices       2 to read, see `farhook notices`\n\
             since start   9 delivered, 0 failed"
        );
    }

    #[test]
    fn sessions_are_told_if_there_are_any() {
        let status = |figures: Value| json!({ "version": "0.1.0", "sessions": figures });
        let some = told(&status(json!({ "connected": 1, "away": 2, "waiting": 30, "dropped": 4 })));
        assert!(some.contains("\nsessions  1 connected, 2 away, 30 messages wait, 4 dropped"), "{some}");
        let none = told(&status(json!({ "connected": 0, "away": 0, "waiting": 0, "dropped": 0 })));
        assert!(!none.contains("sessions"), "{none}");
    }

    #[test]
    fn a_pause_is_told() {
        let status = json!({ "queue": { "waiting": 5, "paused_since": "2016-04-16T13:37:08.728Z" } });
        assert!(told(&status).contains("\nsending       paused since 2016-04-16T13:37:08.728Z\n"), "{}", told(&status));
    }

    #[test]
    fn a_member_is_told_of_their_own_things() {
        let status = json!({ "version": "0.1.0", "devices": 1, "devices_online": 0, "hooks": 2 });
        assert_eq!(told(&status), "version  0.1.0\ndevices  1, 0 online\nhooks    2");
    }
}
