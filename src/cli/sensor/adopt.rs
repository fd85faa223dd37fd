//! `farhook ble adopt`: making sensors devices, one or many at once.

use anyhow::Context;
use anyhow::bail;
use clap::Args;
use serde_json::Value;

use crate::bus::protocol::Request;
use crate::cli::client::Gateway;
use crate::cli::input;
use crate::cli::print::Output;
use crate::cli::print::field;
use crate::model::Hidden;
use crate::model::Link;

/// Make sensors devices: from now on their readings are events
///
/// What one measures is the event `sensor`; what happens there, as `sensor/button` or `sensor/door`, is an event by itself.
#[derive(Debug, Args)]
pub(in crate::cli) struct Adopt {
    /// The address of its radio, as `farhook ble scan` shows it; of several with --prefix
    #[arg(required_unless_present = "model", value_name = "ADDRESS")]
    addresses: Vec<String>,
    /// What the device is called
    #[arg(long, required_unless_present = "prefix")]
    name: Option<String>,
    /// What the names of several begin with; the end of the address follows, as in shed-112233
    #[arg(long, conflicts_with_all = ["name", "bind_key", "bind_key_stdin", "link"])]
    prefix: Option<String>,
    /// Adopt all that are heard of this model, as `farhook ble scan` shows it under SENSOR, but those that encrypt
    #[arg(long, requires = "prefix", conflicts_with = "addresses")]
    model: Option<String>,
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
    pub(in crate::cli) async fn run(self, gateway: &Gateway, out: &mut Output) -> anyhow::Result<()> {
        let Self { addresses, name, prefix, model, bind_key, bind_key_stdin, link } = self;
        if let Some(prefix) = prefix {
            let addresses = match model {
                Some(model) => of_model(&model, gateway).await?,
                None => addresses,
            };
            return several(addresses, prefix, gateway, out).await;
        }
        let (Ok([address]), Some(name)) = (<[String; 1]>::try_from(addresses), name) else {
            bail!("several sensors get their names from --prefix");
        };
        let bind_key = if bind_key_stdin { Some(input::secret("bind key")?) } else { bind_key };
        let request = Request::BleAdopt { address, name, bind_key: bind_key.map(Hidden::new), link };
        out.show(&gateway.ask(&request).await?, adopted).context("stdout takes nothing")
    }
}

/// Fails if one of them is not adopted, after those that are were told.
async fn several(addresses: Vec<String>, prefix: String, gateway: &Gateway, out: &mut Output) -> anyhow::Result<()> {
    let done = gateway.ask(&Request::BleAdoptAll { addresses, prefix }).await?;
    out.show(&done, all_adopted).context("stdout takes nothing")?;
    let reason = |refused: &Value| format!("{}: {}", field(refused, "address"), field(refused, "reason"));
    let reasons: Vec<_> = done["refused"].as_array().into_iter().flatten().map(reason).collect();
    if !reasons.is_empty() {
        bail!("not adopted: {}", reasons.join("; "));
    }
    Ok(())
}

/// Those that are heard and that nobody has adopted.
async fn of_model(model: &str, gateway: &Gateway) -> anyhow::Result<Vec<String>> {
    let (scan, known) = (gateway.ask(&Request::BleScan).await?, gateway.ask(&Request::BleList).await?);
    let found = adoptable(model, &scan["devices"], &known);
    if found.is_empty() {
        bail!("nothing of the model {model:?} is heard that could be adopted; `farhook ble scan` shows what is heard");
    }
    Ok(found)
}

fn adoptable(model: &str, heard: &Value, known: &Value) -> Vec<String> {
    let list = |list: &Value| list.as_array().cloned().unwrap_or_default();
    let known: Vec<_> = list(known).iter().map(|sensor| sensor["address"].clone()).collect();
    let is_wanted = |device: &Value| {
        let what = if device["model"].is_null() { &device["format"] } else { &device["model"] };
        *what == model
            && device["needs_key"] != true
            && device["rotates"] != true
            && !known.contains(&device["address"])
    };
    list(heard).iter().filter(|device| is_wanted(device)).map(|device| field(device, "address")).collect()
}

fn adopted(sensor: &Value) -> String {
    let [name, id, address] = ["name", "id", "address"].map(|part| field(sensor, part));
    let adopted = format!("Sensor {name} ({address}) is adopted: it is the device {id}.");
    match sensor.get("key").and_then(Value::as_str) {
        Some(key) => format!("{adopted}\nIts key, shown this once, for its firmware: {key}"),
        None => adopted,
    }
}

fn all_adopted(done: &Value) -> String {
    let lines: Vec<_> = done["adopted"].as_array().into_iter().flatten().map(adopted).collect();
    if lines.is_empty() { "No sensor is adopted.".to_owned() } else { lines.join("\n") }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn of_a_model_those_are_adopted_that_nobody_has_and_that_can_be() {
        let device = |address: &str, model: Value, needs_key: bool, rotates: bool| {
            json!({
                "address": address, "model": model, "format": "bthome", "needs_key": needs_key, "rotates": rotates,
            })
        };
        let heard = json!([
            device("01", Value::Null, false, false),
            device("02", json!("Shelly BLU Motion"), false, false),
            device("03", Value::Null, true, false),
            device("04", Value::Null, false, true),
            device("05", Value::Null, false, false),
        ]);
        let known = json!([{ "address": "05" }]);
        assert_eq!(adoptable("bthome", &heard, &known), ["01"]);
        assert_eq!(adoptable("Shelly BLU Motion", &heard, &known), ["02"]);
        assert!(adoptable("ruuvi", &heard, &known).is_empty());
    }
}
