//! `farhook ble adopt`, `set`, `forget` and `list`: the sensors whose readings are events.

mod set;

use anyhow::Context;
use clap::Args;
use serde_json::Value;

use crate::bus::protocol::Request;
use crate::cli::client::Gateway;
use crate::cli::input;
use crate::cli::print::Output;
use crate::cli::print::field;
use crate::cli::print::table;
use crate::cli::radio;
use crate::model::Hidden;
use crate::model::Link;

pub(super) use set::Set;

/// Make a sensor a device: from now on its readings are events
///
/// What it measures is the event `sensor`; what happens there, as `sensor/button` or `sensor/door`, is an event by itself.
#[derive(Debug, Args)]
pub(super) struct Adopt {
    /// The address of its radio, as `farhook ble scan` shows it
    address: String,
    /// What the device is called
    #[arg(long)]
    name: String,
    /// The key with which it encrypts what it sends; it is tried on the next packet, for which this waits a minute
    #[arg(long, value_name = "HEX")]
    bind_key: Option<String>,
    /// Read that key from stdin, so that it stands neither in the history of the shell nor in the list of processes
    #[arg(long, conflicts_with = "bind_key")]
    bind_key_stdin: bool,
    /// How it is connected to, beside hearing its adverts: "farhook" for firmware with the service of farhook, "uart"
    /// for one that sends lines over the UART service of Nordic Semiconductor
    #[arg(long, value_name = "KIND")]
    link: Option<Link>,
}

impl Adopt {
    pub(super) async fn run(self, gateway: &Gateway, out: &mut Output) -> anyhow::Result<()> {
        let Self { address, name, bind_key, bind_key_stdin, link } = self;
        let bind_key = if bind_key_stdin { Some(input::secret("bind key")?) } else { bind_key };
        let request = Request::BleAdopt { address, name, bind_key: bind_key.map(Hidden::new), link };
        out.show(&gateway.ask(&request).await?, adopted).context("stdout takes nothing")
    }
}

/// Forgets one.
pub(super) async fn forget(device: String, gateway: &Gateway, out: &mut Output) -> anyhow::Result<()> {
    out.show(&gateway.ask(&Request::BleForget { device }).await?, forgotten).context("stdout takes nothing")
}

/// Lists all.
pub(super) async fn list(gateway: &Gateway, out: &mut Output) -> anyhow::Result<()> {
    out.show(&gateway.ask(&Request::BleList).await?, listed).context("stdout takes nothing")
}

fn adopted(sensor: &Value) -> String {
    let [name, id, address] = ["name", "id", "address"].map(|part| field(sensor, part));
    let adopted = format!("Sensor {name} ({address}) is adopted: it is the device {id}.");
    match sensor.get("key").and_then(Value::as_str) {
        Some(key) => format!("{adopted}\nIts key, shown this once, for its firmware: {key}"),
        None => adopted,
    }
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
            set::in_words(sensor),
            radio::reading(heard),
        ]
    };
    table(&["NAME", "ID", "ADDRESS", "RSSI", "LAST", "SET", "READING"], &sensors.iter().map(row).collect::<Vec<_>>())
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
            { "id": "02", "name": "b", "address": "A4:C1:38:11:22:34", "has_bind_key": true, "heard": null },
        ]);
        assert_eq!(
            listed(&sensors),
            "NAME  ID  ADDRESS            RSSI  LAST  SET           READING\n\
             a     01  A4:C1:38:11:22:33  -61   -     per-minute 6  battery 97\n\
             b     02  A4:C1:38:11:22:34  -     -     -             -"
        );
        assert!(listed(&json!([])).contains("ble scan"));
    }
}
