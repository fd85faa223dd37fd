//! How the Bluetooth radio is, for `farhook status`, and `farhook ble scan`: which devices it hears.

use anyhow::Context;
use serde_json::Value;

use crate::bus::protocol::Request;
use crate::cli::client::Gateway;
use crate::cli::print::Output;
use crate::cli::print::field;
use crate::cli::print::table;

/// The end of the long form of every short id of the Bluetooth specification.
/// Source: Bluetooth Core Specification 5.4, volume 3 part B, 2.5.1, read 2026-11.
const SHORT_ID_END: &str = "-0000-1000-8000-00805f9b34fb";

/// Asks what is heard, and shows it.
pub(super) async fn scan(gateway: &Gateway, out: &mut Output) -> anyhow::Result<()> {
    out.show(&gateway.ask(&Request::BleScan).await?, told).context("stdout takes nothing")
}

/// How the radio is, in one line.
pub(super) fn in_words(ble: &Value) -> String {
    let told = |name: &str| ble[name].as_str();
    let state = field(ble, "state").replace('_', " ");
    let reason = told("reason").map(|reason| format!(" ({reason})")).unwrap_or_default();
    match told("hint") {
        Some(hint) => format!("{state}{reason}: {hint}"),
        None => format!("{state}{reason}"),
    }
}

fn told(scan: &Value) -> String {
    let devices = scan["devices"].as_array().map(Vec::as_slice).unwrap_or_default();
    let rows: Vec<Vec<String>> = devices.iter().map(row).collect();
    let state = format!("Bluetooth: {}", in_words(&scan["ble"]));
    if rows.is_empty() { state } else { format!("{state}\n\n{}", table(&HEADINGS, &rows)) }
}

const HEADINGS: [&str; 9] = ["ADDRESS", "RSSI", "HEARD", "LAST", "NAME", "SENSOR", "READING", "COMPANIES", "SERVICES"];

fn row(device: &Value) -> Vec<String> {
    let list = |name: &str, told: fn(&Value) -> String| {
        let ids: Vec<String> = device[name].as_array().into_iter().flatten().map(told).collect();
        if ids.is_empty() { "-".to_owned() } else { ids.join(" ") }
    };
    let company = |id: &Value| format!("{:04x}", id.as_u64().unwrap_or_default());
    let service = |id: &Value| short(id.as_str().unwrap_or_default()).to_owned();
    let [address, rssi, count, last_seen, name] =
        ["address", "rssi", "count", "last_seen", "name"].map(|name| field(device, name));
    let sensor = if device["model"].is_null() { field(device, "format") } else { field(device, "model") };
    let (companies, services) = (list("manufacturers", company), list("services", service));
    vec![address, rssi, count, last_seen, name, sensor, reading(device), companies, services]
}

/// What was read last, or why nothing can be.
pub(super) fn reading(device: &Value) -> String {
    if device["needs_key"] == true {
        return "needs a bind key".to_owned();
    }
    let Some(values) = device["reading"].as_object() else { return field(device, "refusal") };
    let told: Vec<String> = values.keys().map(|name| format!("{name} {}", field(&device["reading"], name))).collect();
    if told.is_empty() { "-".to_owned() } else { told.join(", ") }
}

/// The short form of a service's id, if it has one.
fn short(id: &str) -> &str {
    id.strip_suffix(SHORT_ID_END).map_or(id, |short| short.strip_prefix("0000").unwrap_or(short))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_heard_is_told_in_a_table() {
        let scan = json!({
            "ble": { "state": "scanning", "hint": null, "reason": null },
            "devices": [
                {
                    "address": "A4:C1:38:11:22:33", "name": "kitchen", "rssi": -61, "count": 7,
                    "first_seen": "2016-04-16T13:37:08.728Z", "last_seen": "2016-04-16T13:38:08.728Z",
                    "services": ["0000fcd2-0000-1000-8000-00805f9b34fb", "6e400001-b5a3-f393-e0a9-e50e24dcca9e"],
                    "manufacturers": [1177], "format": "bthome", "model": null,
                    "reading": { "battery": 97, "motion": true }, "needs_key": false, "refusal": null,
                },
                {
                    "address": "A4:C1:38:11:22:34", "name": null, "rssi": null, "count": 0,
                    "first_seen": "2016-04-16T13:37:08.728Z", "last_seen": null, "services": [], "manufacturers": [],
                    "format": null, "model": null, "reading": null, "needs_key": true, "refusal": "x",
                },
            ],
        });
        assert_eq!(
            told(&scan),
            "Bluetooth: scanning\n\
             \n\
             ADDRESS            RSSI  HEARD  LAST                      NAME     SENSOR  \
             READING                  COMPANIES  SERVICES\n\
             A4:C1:38:11:22:33  -61   7      2016-04-16T13:38:08.728Z  kitchen  bthome  \
             battery 97, motion true  0499       fcd2 6e400001-b5a3-f393-e0a9-e50e24dcca9e\n\
             A4:C1:38:11:22:34  -     0      -                         -        -       \
             needs a bind key         -          -"
        );
    }

    #[test]
    fn why_nothing_is_heard_is_told() {
        let ble = json!({ "state": "no_bus", "reason": "x", "hint": "install it" });
        assert_eq!(told(&json!({ "ble": ble, "devices": [] })), "Bluetooth: no bus (x): install it");
    }
}
