//! `farhook device …`: who may publish.

use anyhow::Context;
use clap::Subcommand;
use serde_json::Value;

use crate::bus::protocol::Request;
use crate::cli::client::Gateway;
use crate::cli::print::Output;
use crate::cli::print::field;
use crate::cli::print::one_line;
use crate::cli::print::pairs;
use crate::cli::print::table;

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Register a device, and show its key this once
    Add {
        /// Its name: what it logs in with, beside its id
        name: String,
    },
    /// Take a device that was removed
    ///
    /// Who removed it gets it with its key; somebody else gets it with a new one, which is shown this once.
    Claim {
        /// Its id
        id: String,
    },
    /// List all devices
    List,
    /// Show one device
    Show {
        /// Its name or id
        device: String,
    },
    /// Give a device a new key; the old one no longer holds
    Key {
        /// Its name or id
        device: String,
    },
    /// Give a device another name
    Rename {
        /// Its name or id
        device: String,
        /// The new name
        name: String,
    },
    /// Note something about a device
    Note {
        /// Its name or id
        device: String,
        /// What to remember; nothing takes the note away
        #[arg(default_value = "", hide_default_value = true)]
        notes: String,
    },
    /// Remove a device; if it is connected, it is disconnected
    ///
    /// Its id and key are kept for a while: `farhook device claim` takes it back.
    Remove {
        /// Its name or id
        device: String,
    },
}

impl Command {
    pub(super) async fn run(self, gateway: &Gateway, out: &mut Output) -> anyhow::Result<()> {
        let (request, told): (Request, fn(&Value) -> String) = match self {
            Self::Add { name } => return show_key(Request::DeviceAdd { name }, gateway, out, with_key).await,
            Self::Key { device } => return show_key(Request::DeviceKey { device }, gateway, out, with_key).await,
            Self::Claim { id } => (Request::DeviceClaim { id }, claimed),
            Self::Rename { device, name } => (Request::DeviceRename { device, name }, one),
            Self::Note { device, notes } => (Request::DeviceNote { device, notes }, one),
            Self::List => (Request::DeviceList, list),
            Self::Show { device } => (Request::DeviceShow { device }, one),
            Self::Remove { device } => (Request::DeviceRemove { device }, removed),
        };
        out.show(&gateway.ask(&request).await?, told).context("stdout takes nothing")
    }
}

/// Asks for something that has a key, and shows it this once. `told` is given it, and a line for the shell that publishes
/// with it.
pub(super) async fn show_key(
    request: Request,
    gateway: &Gateway,
    out: &mut Output,
    told: fn(&Value, &str) -> String,
) -> anyhow::Result<()> {
    let device = gateway.ask(&request).await?;
    if out.is_json() {
        return out.json(&device).context("stdout takes nothing");
    }
    // The key is told only now: not knowing the port must not keep it back.
    let status = gateway.ask(&Request::Status).await.unwrap_or_default();
    let publish = publish_line(
        &field(&device, "name"),
        &field(&device, "key"),
        status["listening"]["mqtt"].as_str(),
        gateway.host().ok().flatten(),
    );
    out.text(&told(&device, &publish)).context("stdout takes nothing")
}

fn with_key(device: &Value, publish: &str) -> String {
    let [id, name, key] = ["id", "name", "key"].map(|part| field(device, part));
    let shown = pairs(&[("id", id), ("name", name), ("key", key)]);
    format!(
        "{shown}\n\nThe key is the device's MQTT password. It is shown only this once; a new one comes from\n\
         `farhook device key`. To publish as the device, from this machine:\n\n    {publish}"
    )
}

/// A line for the shell that publishes as the device; `elsewhere` is the gateway's host if it is not this machine.
fn publish_line(name: &str, key: &str, listening: Option<&str>, elsewhere: Option<String>) -> String {
    let address = listening.and_then(|listening| listening.parse::<std::net::SocketAddr>().ok());
    let host = address.map(|address| address.ip()).filter(|ip| !ip.is_unspecified() && !ip.is_loopback());
    let host = elsewhere.or(host.map(|ip| ip.to_string())).map(|host| format!(" -h {host}")).unwrap_or_default();
    let port = address.map(|address| format!(" -p {}", address.port())).unwrap_or_default();
    format!("mosquitto_pub{host}{port} -u {} -P {key} -q 1 -t temp -m 21.5", quoted(name))
}

/// A word for the shell.
fn quoted(word: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    if !word.is_empty() && word.chars().all(is_plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

fn list(devices: &Value) -> String {
    let devices = devices.as_array().map(Vec::as_slice).unwrap_or_default();
    if devices.is_empty() {
        return "There are no devices. Add one with `farhook device add NAME`.".to_owned();
    }
    let row =
        |device: &Value| vec![field(device, "name"), field(device, "id"), online(device), field(device, "last_heard")];
    table(&["NAME", "ID", "ONLINE", "LAST HEARD"], &devices.iter().map(row).collect::<Vec<_>>())
}

fn one(device: &Value) -> String {
    pairs(&[
        ("id", field(device, "id")),
        ("name", field(device, "name")),
        ("online", online(device)),
        ("last heard", field(device, "last_heard")),
        ("product", field(device, "product")),
        ("notes", field(device, "notes")),
        ("variables", names(&device["variables"])),
        ("functions", names(&device["functions"])),
        ("version", field(device, "version")),
        ("created", field(device, "created_at")),
    ])
}

/// What it said that it offers.
fn names(offered: &Value) -> String {
    let names = offered.as_array().into_iter().flatten().filter_map(Value::as_str);
    let names: Vec<_> = names.map(one_line).collect();
    if names.is_empty() { "-".to_owned() } else { names.join(", ") }
}

fn claimed(device: &Value) -> String {
    if device["key"].is_null() {
        return one(device);
    }
    let key = field(device, "key");
    format!("{}\nkey         {key}\n\nIt was somebody else's: the key is new, and shown only this once.", one(device))
}

fn removed(device: &Value) -> String {
    format!("Device {} ({}) is removed.", field(device, "name"), field(device, "id"))
}

fn online(device: &Value) -> String {
    if device["online"] == true { "yes" } else { "no" }.to_owned()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_key_is_shown_with_a_line_to_paste() {
        let device = json!({ "id": "0123", "name": "kitchen", "key": "s3cret" });
        let shown = with_key(&device, &publish_line("kitchen", "s3cret", Some("0.0.0.0:1884"), None));
        assert!(shown.starts_with("id    0123\nname  kitchen\nkey   s3cret\n"), "{shown}");
        assert!(shown.ends_with("\n    mosquitto_pub -p 1884 -u kitchen -P s3cret -q 1 -t temp -m 21.5"), "{shown}");
    }

    #[test]
    fn the_line_to_paste_names_what_the_shell_and_the_network_need() {
        let line = |name, listening| publish_line(name, "k", listening, None);
        assert_eq!(
            line("Bob's shed", Some("192.168.1.10:1883")),
            r"mosquitto_pub -h 192.168.1.10 -p 1883 -u 'Bob'\''s shed' -P k -q 1 -t temp -m 21.5"
        );
        assert_eq!(line("$(x)", Some("[::]:1883")), "mosquitto_pub -p 1883 -u '$(x)' -P k -q 1 -t temp -m 21.5");
        let remote = publish_line("a", "k", Some("0.0.0.0:1883"), Some("pi.local".to_owned()));
        assert_eq!(remote, "mosquitto_pub -h pi.local -p 1883 -u a -P k -q 1 -t temp -m 21.5");
        assert_eq!(line("a", None), "mosquitto_pub -u a -P k -q 1 -t temp -m 21.5");
    }

    #[test]
    fn devices_are_listed_in_a_table() {
        let devices = json!([
            { "id": "01", "name": "a", "online": true, "last_heard": "2016-04-16T13:37:08.728Z" },
            { "id": "02", "name": "bad\u{1b}[2J", "online": false, "last_heard": null },
        ]);
        assert_eq!(
            list(&devices),
            "NAME          ID  ONLINE  LAST HEARD\n\
             a             01  yes     2016-04-16T13:37:08.728Z\n\
             bad\\u{1b}[2J  02  no      -"
        );
        assert!(list(&json!([])).contains("device add"));
    }
}
