//! GET /settings/gateway, POST /settings/gateway/name
//!
//! What the gateway is called, where it listens, and what holds of the configuration; for the owner. The configuration
//! is written by people, in a file: here stands what to write where.

use std::sync::Arc;

use serde::Serialize;
use tokio::task::block_in_place;

use crate::config::Config;
use crate::config::Setting;
use crate::http::PageStatus;
use crate::http::Route;
use crate::registry::Snapshot;
use crate::web::context::Context;
use crate::web::flash::Flash;
use crate::web::language::Language;
use crate::web::pages::go_on;
use crate::web::pages::show;
use crate::web::pages::show_as;
use crate::web::route::Shown;
use crate::web::route::Site;
use crate::web::templates::Page;
use crate::web::visit::Visit;

const PATH: &str = "/settings/gateway";

#[derive(Serialize)]
pub(in crate::web::pages) struct Gateway {
    name: String,
    name_chars: usize,
    /// Why another name was refused.
    error: Option<String>,
    listening: Listening,
    /// The file that the configuration is read from.
    file: Option<String>,
    /// The folder whose files are read over it.
    folder: Option<String>,
    /// The number by which the system knows the gateway.
    process: u32,
    sections: Vec<Section>,
}

/// Where it listens.
#[derive(Clone, Default, Serialize)]
struct Listening {
    mqtt: Option<String>,
    /// Why nobody can connect there.
    mqtt_problem: Option<String>,
    mqtt_tls: Option<String>,
    mqtt_tls_problem: Option<String>,
    http: String,
    https: Option<String>,
    fingerprint: Option<String>,
    /// What is wrong with HTTPS.
    https_problem: Option<String>,
    /// What is wrong with the certificate.
    problem: Option<String>,
}

/// A part of the configuration.
#[derive(Serialize)]
struct Section {
    name: String,
    rows: Vec<Row>,
}

#[derive(Serialize)]
struct Row {
    label: String,
    key: &'static str,
    value: String,
    is_default: bool,
    is_for_start: bool,
}

impl Page for Gateway {
    const TEMPLATE: &'static str = "pages/settings/gateway.html";

    #[cfg(test)]
    fn samples() -> Vec<(&'static str, Self)> {
        let mut config = Config::default();
        config.http.hosts = vec!["<b>x</b>".to_owned()];
        let of = |listening, file: Option<&str>| Self {
            name: "<b>Greenhouse</b>".to_owned(),
            name_chars: Snapshot::GATEWAY_CHARS,
            error: file.map(|_| "a gateway's name has 1 to 64 characters".to_owned()),
            listening,
            file: file.map(ToOwned::to_owned),
            folder: file.map(|_| "/etc/<b>farhook</b>/conf.d".to_owned()),
            process: 1234,
            sections: sections(&config, Language::English),
        };
        let plain = Listening {
            mqtt: Some("0.0.0.0:1883".to_owned()),
            http: "0.0.0.0:8484".to_owned(),
            ..Listening::default()
        };
        let whole = Listening {
            https: Some("0.0.0.0:8443".to_owned()),
            fingerprint: Some("AB:CD".to_owned()),
            problem: Some("<b>/c.pem</b> cannot be read".to_owned()),
            mqtt: None,
            mqtt_problem: Some("another program has that port".to_owned()),
            mqtt_tls: Some("0.0.0.0:8883".to_owned()),
            ..plain.clone()
        };
        vec![("plain", of(plain, None)), ("full", of(whole, Some("/etc/<b>farhook</b>/farhook.toml")))]
    }
}

pub(super) fn routes(site: &Site) -> Vec<Route> {
    vec![site.page(&[PATH], gateway), site.form(&["/settings/gateway/name"], rename)]
}

async fn gateway(context: Arc<Context>, visit: Visit) -> Shown {
    visit.must_be_owner()?;
    let name = context.snapshot().gateway_name().to_owned();
    Ok(show(&context, &visit, &page(&context, &visit, name, None)))
}

async fn rename(context: Arc<Context>, visit: Visit) -> Shown {
    visit.must_be_owner()?;
    let name = visit.form.text("name");
    if let Err(error) = block_in_place(|| context.registry.name_gateway(name)) {
        let page = page(&context, &visit, name.to_owned(), Some(error.to_string()));
        return Ok(show_as(&context, &visit, PageStatus::Unusable, &page));
    }
    Ok(go_on(&context, &visit, PATH, Flash::Done { text: visit.t("Renamed.") }))
}

fn page(context: &Context, visit: &Visit, name: String, error: Option<String>) -> Gateway {
    let listening = context.listening.borrow();
    let said = |key: &str| listening[key].as_str().map(ToOwned::to_owned);
    let file = context.config_file.as_ref();
    Gateway {
        name,
        name_chars: Snapshot::GATEWAY_CHARS,
        error,
        listening: Listening {
            mqtt: said("mqtt"),
            mqtt_problem: said("mqtt_problem"),
            mqtt_tls: said("mqtt_tls"),
            mqtt_tls_problem: said("mqtt_tls_problem"),
            http: said("http").unwrap_or_default(),
            https: said("https"),
            fingerprint: said("certificate_fingerprint"),
            https_problem: said("https_problem"),
            problem: said("certificate_problem"),
        },
        file: file.map(|file| file.display().to_string()),
        folder: file.map(|file| file.with_file_name("conf.d").display().to_string()),
        process: std::process::id(),
        sections: sections(&context.overview.config.borrow(), visit.language),
    }
}

fn sections(config: &Config, language: Language) -> Vec<Section> {
    let mut sections: Vec<Section> = Vec::new();
    for Setting { key, value, is_default, is_for_start } in config.settings() {
        let name = key.split('.').next().unwrap_or_default();
        if sections.last().is_none_or(|section| section.name != name) {
            sections.push(Section { name: name.to_owned(), rows: Vec::new() });
        }
        let row = Row { label: label(language, key).to_owned(), key, value, is_default, is_for_start };
        sections.last_mut().expect("there is one now").rows.push(row);
    }
    sections
}

/// What a key says, in few words.
fn label(language: Language, key: &str) -> &str {
    let t = |text: &'static str| language.text(text);
    match key {
        "mqtt.listen" => t("Where devices connect"),
        "mqtt.tls_listen" => t("Where devices connect over TLS"),
        "mqtt.max_connections_of_one" => t("Connections at once from one address; 0 for any number"),
        "mqtt.new_per_second" => t("New connections in a second; 0 for any number"),
        "mqtt.new_per_second_of_one" => t("New connections in a second from one address; 0 for any number"),
        "mqtt.max_connections" => t("Connections of devices at once"),
        "mqtt.session_days" => t("Days that the session of a device that sleeps is kept"),
        "mqtt.session_messages" => t("Messages that wait for one session"),
        "mqtt.session_mb" => t("Megabytes of messages that wait for one session"),
        "http.listen" => t("Where HTTP is answered"),
        "http.https_listen" => t("Where HTTPS is answered"),
        "http.https_redirect" => t("Whether callers over HTTP are sent to HTTPS"),
        "http.certificate" => t("File of a certificate of your own"),
        "http.certificate_key" => t("File of its key"),
        "http.hosts" => t("Further names of the gateway"),
        "limits.hooks_per_user" => t("Integrations of one user; 0 for any number"),
        "limits.device_per_minute" => t("Triggers of one device in a minute; 0 for any number"),
        "limits.device_over" => t("What becomes of triggers over that"),
        "limits.host_per_minute" => t("Requests to one host in a minute; 0 for any number"),
        "limits.host_over" => t("What becomes of requests over that"),
        "limits.errors_in_a_row" => t("Errors in a row that stop an integration; 0 for never"),
        "limits.response_part_bytes" => t("Bytes of one part of an answer; 0 for one part"),
        "limits.response_interval_ms" => t("Milliseconds between parts of answers"),
        "limits.response_bytes" => t("Bytes of an answer that devices get; 0 for all"),
        "delivery.timeout_s" => t("Seconds that a request may take"),
        "delivery.per_host" => t("Requests to one host at once"),
        "delivery.interleave" => t("While much waits, one in so many requests is for a new event"),
        "egress.allow" => t("Local addresses to which requests may go"),
        "hooks.default_body" => t("The body of a request that says nothing of one"),
        "queue.max_age_days" => t("Days that a request waits at most"),
        "queue.max_waiting" => t("Requests that may wait; 0 for any number"),
        "queue.max_mb" => t("Megabytes of events that may wait; 0 for any number"),
        "queue.when_full" => t("What happens when the queue is full"),
        "queue.min_free_mb" => t("Megabytes of the disk that are left free"),
        "queue.max_dead" => t("Given-up requests that are kept for each integration"),
        "queue.log_attempts" => t("Attempts that are kept for each integration"),
        "ble.enabled" => t("Whether Bluetooth sensors are listened for"),
        "ble.adapter" => t("Address of the Bluetooth adapter; empty for any"),
        "ble.manage_power" => t("Whether the adapter may be switched on and off"),
        "ble.links" => t("Bluetooth devices that are connected to at once"),
        "log.level" => t("How much is written into the log"),
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_is_told_in_words() {
        for language in [Language::English, Language::German] {
            for row in sections(&Config::default(), language).iter().flat_map(|section| &section.rows) {
                assert!(!row.label.is_empty(), "{}", row.key);
            }
        }
    }
}
