//! `farhook ble adopt`, `set`, `forget` and `list`: the sensors whose readings are events.

mod adopt;
mod set;

use anyhow::Context;
use serde_json::Value;

use crate::bus::protocol::Request;
use crate::cli::client::Gateway;
use crate::cli::print::Output;
use crate::cli::print::field;
use crate::cli::print::table;
use crate::cli::radio;

pub(super) use adopt::Adopt;
pub(super) use set::Set;

/// Forgets one.
pub(super) async fn forget(device: String, gateway: &Gateway, out: &mut Output) -> anyhow::Result<()> {
    out.show(&gateway.ask(&Request::BleForget { device }).await?, forgotten).context("stdout takes nothing")
}

/// Lists all.
pub(super) async fn list(gateway: &Gateway, out: &mut Output) -> anyhow::Result<()> {
    out.show(&gateway.ask(&Request::BleList).await?, listed).context("stdout takes nothing")
}

fn forgotten(sensor: &Value) -> String {
    format!("Sensor {} ({}) is forgotten.", field(sensor, "name"), field(sensor, "id"))
}

fn listed(sensors: &Value) -> String {
    let sensors = sensors.as_array().map(Vec::as_slice).unwrap_or_default();
    if sensors.is_empty() {
        return "No sensor is adopted. `farhook ble scan` shows what is heard.".to_owned();
    }
    let row = |sensor: &Value| {
        let heard = &sensor["heard"];
        let [name, id, address] = ["name", "id", "address"].map(|part| field(sensor, part));
        vec![
            name,
            id,
            address,
            field(heard, "rssi"),
            field(heard, "last_seen"),
            connection(&sensor["link"]),
            set::in_words(sensor),
            radio::reading(heard),
        ]
    };
    table(
        &["NAME", "ID", "ADDRESS", "RSSI", "LAST", "CONNECTION", "SET", "READING"],
        &sensors.iter().map(row).collect::<Vec<_>>(),
    )
}

/// How a connection is, and why there is none.
fn connection(link: &Value) -> String {
    let state = field(link, "state");
    match link.get("reason").and_then(Value::as_str) {
        Some(reason) => format!("{state}: {reason}"),
        None => state,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn sensors_are_listed_with_what_was_heard_of_them() {
        let sensors = json!([
            {
                "id": "01", "name": "a", "address": "A4:C1:38:11:22:33", "has_bind_key": false,
                "telling": { "per_minute": 6 },
                "heard": { "rssi": -61, "last_seen": null, "reading": { "battery": 97 }, "needs_key": false },
            },
            { "id": "02", "name": "b", "address": "A4:C1:38:11:22:34", "has_bind_key": true, "heard": null,
              "link": { "state": "waiting", "reason": "it is not heard" } },
        ]);
        assert_eq!(
            listed(&sensors),
            "NAME  ID  ADDRESS            RSSI  LAST  CONNECTION                SET           READING\n\
             a     01  A4:C1:38:11:22:33  -61   -     -                         per-minute 6  battery 97\n\
             b     02  A4:C1:38:11:22:34  -     -     waiting: it is not heard  -             -"
        );
        assert!(listed(&json!([])).contains("ble scan"));
    }
}
