//! `farhook source …`: devices that people already have, behind a system that publishes for them.

use anyhow::Context;
use anyhow::bail;
use clap::Subcommand;
use serde_json::Value;

use crate::bus::protocol::Request;
use crate::cli::client::Gateway;
use crate::cli::device;
use crate::cli::print::Output;
use crate::cli::print::field;
use crate::cli::print::one_line;
use crate::cli::print::table;

/// What is asked for where rules are named.
const RULES_HELP: &str = "How its topics are read: tasmota, shelly2 (second generation and later), shelly1, esphome, \
                          zigbee2mqtt, theengs, homie5, or the name of a [[source]] in the configuration";

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Register the login of a system that publishes for many devices, and show its key this once
    ///
    /// All devices of the system may share the login. What they publish makes events when you adopted them.
    Add {
        /// Its name: what it logs in with
        name: String,
        #[arg(long, visible_alias = "rules", help = RULES_HELP)]
        preset: String,
    },
    /// Have the topics of a source read in another way
    Set {
        /// Its name or id
        source: String,
        #[arg(long, visible_alias = "rules", help = RULES_HELP)]
        preset: String,
    },
    /// List the sources
    List,
    /// List the devices that sources spoke of since the start, adopted or not
    Devices {
        /// Only those of this source: its name or id
        source: Option<String>,
    },
    /// Make devices behind a source devices of their own, whose readings are events
    Adopt {
        /// The source's name or id
        source: String,
        /// What the devices are called there
        #[arg(required = true)]
        devices: Vec<String>,
        /// What the device shall be called here; without it, as it is there
        #[arg(long)]
        name: Option<String>,
    },
    /// Forget an adopted device: what its source says of it is no event any more
    Forget {
        /// Its name or id
        device: String,
    },
}

impl Command {
    pub(super) async fn run(self, gateway: &Gateway, out: &mut Output) -> anyhow::Result<()> {
        let (request, told): (Request, fn(&Value) -> String) = match self {
            Self::Add { name, preset } => {
                return device::show_key(Request::SourceAdd { name, rules: preset }, gateway, out, with_key).await;
            }
            Self::Adopt { source, devices, name } => return adopt(source, devices, name, gateway, out).await,
            Self::Devices { source } => return list_devices(source.as_deref(), gateway, out).await,
            Self::Set { source, preset } => (Request::SourceSet { source, rules: preset }, set),
            Self::List => (Request::SourceList, list),
            Self::Forget { device } => (Request::SourceForget { device }, forgotten),
        };
        out.show(&gateway.ask(&request).await?, told).context("stdout takes nothing")
    }
}

async fn adopt(
    source: String,
    devices: Vec<String>,
    name: Option<String>,
    gateway: &Gateway,
    out: &mut Output,
) -> anyhow::Result<()> {
    if name.is_some() && devices.len() > 1 {
        bail!("--name is for one device");
    }
    for known_as in devices {
        let request = Request::SourceAdopt { source: source.clone(), known_as, name: name.clone() };
        let told = |device: &Value| format!("Device {} ({}) is adopted.", field(device, "name"), field(device, "id"));
        out.show(&gateway.ask(&request).await?, told).context("stdout takes nothing")?;
    }
    Ok(())
}

async fn list_devices(source: Option<&str>, gateway: &Gateway, out: &mut Output) -> anyhow::Result<()> {
    let mut sources = gateway.ask(&Request::SourceList).await?;
    if let (Some(wanted), Some(all)) = (source, sources.as_array_mut()) {
        let is_called = |one: &Value| {
            one["id"] == wanted || one["name"].as_str().is_some_and(|name| name.to_lowercase() == wanted.to_lowercase())
        };
        all.retain(is_called);
        if all.is_empty() {
            bail!("there is no source {wanted:?}");
        }
    }
    out.show(&sources, devices).context("stdout takes nothing")
}

/// The lines about a new source; `host` and `port` are what its devices connect to.
fn with_key(source: &Value, _publish: &str) -> String {
    let [name, key] = ["name", "key"].map(|part| field(source, part));
    format!(
        "Set this in your devices:\n\n    user name  {name}\n    password   {key}\n\nThe password is shown only this \
         once; a new one comes from `farhook device key`. When they are\nconnected, `farhook source devices` lists \
         them, and `farhook source adopt` makes devices of them."
    )
}

fn set(source: &Value) -> String {
    format!("The topics of {} are read in the other way from now on.", field(source, "name"))
}

fn forgotten(device: &Value) -> String {
    format!("Device {} ({}) is forgotten.", field(device, "name"), field(device, "id"))
}

fn list(sources: &Value) -> String {
    let sources = sources.as_array().map(Vec::as_slice).unwrap_or_default();
    if sources.is_empty() {
        return "There is no source. `farhook source add` makes one.".to_owned();
    }
    let row = |source: &Value| {
        let devices = source["devices"].as_array().map(Vec::as_slice).unwrap_or_default();
        let adopted = devices.iter().filter(|device| !device["id"].is_null()).count();
        let no_rules = if source["has_rules"] == false { " (there are none)" } else { "" };
        let unread = match source["unread_topic"].as_str() {
            Some(topic) => format!("{}, last {}", source["unread"], one_line(topic)),
            None => "-".to_owned(),
        };
        vec![
            field(source, "name"),
            field(source, "id"),
            format!("{}{no_rules}", field(source, "rules")),
            devices.len().to_string(),
            adopted.to_string(),
            unread,
        ]
    };
    table(&["NAME", "ID", "RULES", "DEVICES", "ADOPTED", "NOT READ"], &sources.iter().map(row).collect::<Vec<_>>())
}

fn devices(sources: &Value) -> String {
    let of = |source: &Value| {
        let name = field(source, "name");
        let devices = source["devices"].as_array().cloned().unwrap_or_default();
        devices.into_iter().map(move |device| (name.clone(), device)).collect::<Vec<_>>()
    };
    let rows: Vec<_> = sources.as_array().into_iter().flatten().flat_map(of).map(row).collect();
    if rows.is_empty() {
        return "Nothing was heard of any device since the start.".to_owned();
    }
    table(&["SOURCE", "DEVICE", "ADOPTED AS", "LAST", "READING"], &rows)
}

fn row((source, device): (String, Value)) -> Vec<String> {
    let reading = match device["reading"].as_object() {
        Some(reading) => {
            let [event, data] = ["event", "data"].map(|part| reading[part].as_str().unwrap_or_default());
            one_line(&format!("{event} {data}"))
        }
        None => "-".to_owned(),
    };
    vec![source, one_line(&field(&device, "known_as")), field(&device, "name"), field(&device, "last_seen"), reading]
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn sources() -> Value {
        json!([{
            "id": "01", "name": "house", "rules": "tasmota", "has_rules": true, "unread": 3, "unread_topic": "a/b",
            "devices": [
                { "known_as": "lamp", "id": null, "name": null, "last_seen": "now", "count": 1,
                  "reading": { "event": "sensor/x", "data": "{\"t\":1}" } },
                { "known_as": "plug", "id": "02", "name": "Kitchen", "last_seen": null, "count": 0, "reading": null },
            ],
        }, { "id": "03", "name": "shed", "rules": "old", "has_rules": false, "unread": 0, "devices": [] }])
    }

    #[test]
    fn sources_are_listed_with_how_much_is_behind_them() {
        assert_eq!(
            list(&sources()),
            "NAME   ID  RULES                 DEVICES  ADOPTED  NOT READ\n\
             house  01  tasmota               2        1        3, last a/b\n\
             shed   03  old (there are none)  0        0        -"
        );
        assert!(list(&json!([])).contains("source add"));
    }

    #[test]
    fn devices_are_listed_with_what_was_said_of_them_last() {
        assert_eq!(
            devices(&sources()),
            "SOURCE  DEVICE  ADOPTED AS  LAST  READING\n\
             house   lamp    -           now   sensor/x {\"t\":1}\n\
             house   plug    Kitchen     -     -"
        );
        assert_eq!(devices(&json!([])), "Nothing was heard of any device since the start.");
    }
}
