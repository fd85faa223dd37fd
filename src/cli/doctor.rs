//! `farhook doctor`: what is wrong here, and what helps. It looks at the configuration and the clock and asks the daemon;
//! if none runs, it looks whether one could.

use std::io;
use std::net::SocketAddr;
use std::net::TcpListener;
use std::path::Path;
use std::path::PathBuf;

use anyhow::Context;
use anyhow::bail;
use clap::Args;
use serde::Serialize;
use serde_json::Value;
use serde_json::json;

use crate::bus::protocol::Request;
use crate::cli::client::Gateway;
use crate::cli::print;
use crate::cli::print::Output;
use crate::cli::print::counted;
use crate::cli::print::field;
use crate::cli::radio;
use crate::cli::service::CONFIG;
use crate::clock;
use crate::config::Config;
use crate::model::WallTime;

/// States of the radio about which there is nothing to do: it works, nobody wants it, or the machine has none.
const GOOD_RADIO: [&str; 6] = ["scanning", "starting", "disabled", "no_adapter", "no_bus", "no_bluetoothd"];

/// Look for what is wrong here, and say what helps
///
/// The exit code is 1 if there is something to do.
#[derive(Debug, Args)]
pub(super) struct Doctor {
    /// The configuration file that the daemon reads
    #[arg(long, default_value = CONFIG, value_name = "FILE")]
    config: PathBuf,
}

/// What was found.
#[derive(Debug, PartialEq, Eq, Serialize)]
struct Finding {
    about: &'static str,
    /// Whether there is nothing to do about it.
    is_well: bool,
    text: String,
}

impl Doctor {
    pub(super) async fn run(self, gateway: &Gateway, out: &mut Output) -> anyhow::Result<()> {
        let (config, of_config) = configuration(&self.config);
        let mut findings = vec![of_config, of_clock(clock::now().wall)];
        match gateway.ask(&Request::Status).await {
            Ok(status) => findings.extend(of_status(&status)),
            Err(error) => {
                findings.push(wrong("gateway", print::reason(&error)));
                findings.extend(of_ports(&config));
            }
        }
        out.show(&json!(findings), |_| told(&findings)).context("stdout takes nothing")?;
        match findings.iter().filter(|finding| !finding.is_well).count() {
            0 => Ok(()),
            1 => bail!("there is something to do"),
            more => bail!("there are {more} things to do"),
        }
    }
}

fn well(about: &'static str, text: impl Into<String>) -> Finding {
    Finding { about, is_well: true, text: text.into() }
}

fn wrong(about: &'static str, text: impl Into<String>) -> Finding {
    Finding { about, is_well: false, text: text.into() }
}

/// Without a configuration that can be read, the rest is looked at as if nobody had set anything.
fn configuration(file: &Path) -> (Config, Finding) {
    let about = "configuration";
    if !file.exists() {
        return (Config::default(), well(about, format!("there is no {}: the defaults hold", file.display())));
    }
    match Config::load(Some(file)) {
        Ok(config) => (config, well(about, file.display().to_string())),
        Err(error) => {
            let problems: Vec<String> = error.problems.iter().map(ToString::to_string).collect();
            (Config::default(), wrong(about, problems.join("; ")))
        }
    }
}

fn of_clock(now: WallTime) -> Finding {
    if now < clock::BUILT_AT {
        let hint = "a Raspberry Pi has no clock of its own and asks the network, see `timedatectl`; until then limits and \
                    expiries wait";
        wrong("clock", format!("it says {now}, which is before farhook was made: {hint}"))
    } else {
        well("clock", now.to_string())
    }
}

/// Whether a daemon could listen.
fn of_ports(config: &Config) -> Vec<Finding> {
    let listened = [
        ("mqtt.listen", Some(config.mqtt.listen)),
        ("mqtt.tls_listen", config.mqtt.tls_listen),
        ("http.listen", Some(config.http.listen)),
        ("http.https_listen", config.http.https_listen),
    ];
    listened.into_iter().filter_map(|(key, address)| of_port(key, address?)).collect()
}

fn of_port(key: &str, address: SocketAddr) -> Option<Finding> {
    let error = TcpListener::bind(address).err()?;
    let port = address.port();
    Some(wrong(
        "port",
        match error.kind() {
            io::ErrorKind::AddrInUse => format!(
                "another program has {address}: `sudo ss -ltnp sport = :{port}` shows which. Stop it, or set {key} to another \
             port"
            ),
            _ => format!("nobody can listen on {address} ({key}): {error}"),
        },
    ))
}

fn of_status(status: &Value) -> Vec<Finding> {
    let mut findings = vec![well("gateway", format!("version {} runs", field(status, "version")))];
    if status["claimed"] == false {
        findings.push(wrong("owner", "nobody owns it yet: `farhook claim` shows the code for the web page"));
    }
    for (part, key) in [("mqtt_problem", "mqtt.listen"), ("mqtt_tls_problem", "mqtt.tls_listen")] {
        if let Some(problem) = status["listening"][part].as_str() {
            let hint = "`sudo ss -ltnp` shows which programs have ports";
            findings.push(wrong("MQTT", format!("{problem}. {hint}; stop that one, or set {key} to another port")));
        }
    }
    for (about, part) in [("HTTPS", "https_problem"), ("certificate", "certificate_problem")] {
        if let Some(problem) = status["listening"][part].as_str() {
            findings.push(wrong(about, problem));
        }
    }
    let queue = &status["queue"];
    if queue.is_null() {
        // The rest is the owner's to see.
        return findings;
    }
    let internet = format!("{} since {}", field(queue, "state"), field(queue, "state_since"));
    // It is not known before something was sent.
    let is_there = queue["state"] == "online" || queue["state"] == "unknown";
    findings.push(if is_there { well("internet", internet) } else { wrong("internet", internet) });
    if !queue["paused_since"].is_null() {
        findings.push(wrong("queue", "sending is paused: `farhook queue resume`"));
    }
    if queue["targets_down"] != 0 {
        let down = counted(&queue["targets_down"], "target does", "targets do");
        findings.push(wrong("targets", format!("{down} not answer, see `farhook queue`")));
    }
    let is_good = status["ble"]["state"].as_str().is_some_and(|state| GOOD_RADIO.contains(&state));
    let radio = radio::in_words(&status["ble"]);
    findings.push(if is_good { well("Bluetooth", radio) } else { wrong("Bluetooth", radio) });
    if status["notices"] != 0 {
        let notices = counted(&status["notices"], "notice", "notices");
        findings.push(wrong("notices", format!("{notices} to read, see `farhook notices`")));
    }
    findings
}

fn told(findings: &[Finding]) -> String {
    let line = |finding: &Finding| {
        let mark = if finding.is_well { "ok" } else { "!!" };
        format!("{mark}  {:<13}  {}", finding.about, finding.text)
    };
    findings.iter().map(line).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wrongs(findings: Vec<Finding>) -> Vec<(&'static str, String)> {
        findings.into_iter().filter(|finding| !finding.is_well).map(|finding| (finding.about, finding.text)).collect()
    }

    #[test]
    fn a_gateway_without_bluetooth_is_well() {
        let status = json!({
            "version": "0.1.0", "claimed": true, "listening": {}, "notices": 0,
            "queue": { "state": "online", "state_since": "x", "paused_since": null, "targets_down": 0 },
            "ble": { "state": "no_bluetoothd", "hint": "install bluez", "reason": null },
        });
        let findings = of_status(&status);
        assert_eq!(told(&findings[2..]), "ok  Bluetooth      no bluetoothd: install bluez");
        assert_eq!(wrongs(findings), []);
    }

    #[test]
    fn what_can_be_mended_is_said_with_what_helps() {
        let status = json!({
            "version": "0.1.0", "claimed": false, "listening": { "certificate_problem": "it is too old", "mqtt_problem": "another program has it" },
            "notices": 1,
            "queue": { "state": "offline", "state_since": "x", "paused_since": "y", "targets_down": 2 },
            "ble": { "state": "blocked", "hint": "`rfkill unblock bluetooth`", "reason": null },
        });
        let wrongs = wrongs(of_status(&status));
        let about: Vec<_> = wrongs.iter().map(|(about, _)| *about).collect();
        assert_eq!(about, ["owner", "MQTT", "certificate", "internet", "queue", "targets", "Bluetooth", "notices"]);
        assert!(wrongs[1].1.contains("set mqtt.listen to another port"), "{wrongs:?}");
        assert!(wrongs[6].1.contains("rfkill unblock"), "{wrongs:?}");
        assert!(wrongs[5].1.starts_with("2 targets do not answer"), "{wrongs:?}");
    }

    #[test]
    fn a_port_that_somebody_has_is_named_with_its_key() {
        let taken = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = taken.local_addr().unwrap();
        let finding = of_port("mqtt.listen", address).unwrap();
        assert!(finding.text.contains("mqtt.listen") && finding.text.contains(&address.to_string()), "{finding:?}");
        assert_eq!(of_port("mqtt.listen", "127.0.0.1:0".parse().unwrap()), None);
    }

    #[test]
    fn a_clock_that_was_not_set_is_seen() {
        assert!(!of_clock(WallTime::from_millis(0)).is_well);
        assert!(of_clock(clock::now().wall).is_well);
    }

    #[test]
    fn a_configuration_with_mistakes_is_told_and_none_is_well() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("farhook.toml");
        assert!(configuration(&file).1.is_well);
        std::fs::write(&file, "[mqtt]\nlisten = 5").unwrap();
        let (_, finding) = configuration(&file);
        assert!(!finding.is_well && finding.text.contains("mqtt.listen"), "{finding:?}");
    }
}
