//! The configuration as people read it: every key with what holds for it, written as the file writes it.

use std::net::SocketAddr;
use std::num::NonZero;
use std::path::PathBuf;

use toml::Value;

use crate::config::Config;
use crate::config::Over;
use crate::config::schema::DAY_S;
use crate::config::schema::MB;
use crate::model::DefaultBody;
use crate::model::WhenFull;

/// Keys whose changes take effect at the next start only; all of `[mqtt]` is so, too.
const AT_START: [&str; 3] = ["http.listen", "http.https_listen", "http.https_redirect"];

/// One key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setting {
    /// The whole dotted key.
    pub key: &'static str,
    /// Its value, as it stands in a file.
    pub value: String,
    /// Whether it is what holds without a file.
    pub is_default: bool,
    /// Whether a change takes effect at the next start only.
    pub is_for_start: bool,
}

impl Config {
    /// Every key, in the order of the default configuration file.
    pub fn settings(&self) -> Vec<Setting> {
        let defaults = values(&Self::default());
        let all = values(self).into_iter().zip(defaults);
        all.map(|((key, value), (_, default))| Setting {
            key,
            is_default: value == default,
            value: value.to_string(),
            is_for_start: key.starts_with("mqtt.") || AT_START.contains(&key),
        })
        .collect()
    }

    /// Whether something differs in `after` that takes effect at the next start only.
    pub fn needs_start(&self, after: &Self) -> bool {
        let mut both = self.settings().into_iter().zip(after.settings());
        both.any(|(before, after)| before.is_for_start && before.value != after.value)
    }
}

fn values(config: &Config) -> Vec<(&'static str, Value)> {
    let Config { mqtt, http, limits, delivery, egress, hooks, queue, ble, log, sources: _ } = config;
    vec![
        ("mqtt.listen", text(mqtt.listen.to_string())),
        ("mqtt.tls_listen", address_or_off(mqtt.tls_listen)),
        ("mqtt.max_connections", number(mqtt.max_connections)),
        ("mqtt.max_connections_of_one", limit(mqtt.max_connections_of_one.map(NonZero::get))),
        ("mqtt.new_per_second", limit(mqtt.new_per_second.map(NonZero::get))),
        ("mqtt.new_per_second_of_one", limit(mqtt.new_per_second_of_one.map(NonZero::get))),
        ("mqtt.session_days", number(mqtt.longest_away.as_secs() / DAY_S)),
        ("mqtt.session_messages", number(mqtt.session_messages)),
        ("mqtt.session_mb", number(mqtt.session_bytes >> 20)),
        ("http.listen", text(http.listen.to_string())),
        ("http.https_listen", address_or_off(http.https_listen)),
        ("http.https_redirect", Value::Boolean(http.https_redirect)),
        ("http.certificate", file(http.certificate.as_ref())),
        ("http.certificate_key", file(http.certificate_key.as_ref())),
        ("http.hosts", Value::Array(http.hosts.iter().map(text).collect())),
        ("limits.hooks_per_user", limit(limits.hooks_per_user.map(NonZero::get))),
        ("limits.device_per_minute", limit(limits.device_per_minute.map(NonZero::get))),
        ("limits.device_over", over(limits.device_over)),
        ("limits.host_per_minute", limit(limits.host_per_minute.map(NonZero::get))),
        ("limits.host_over", over(limits.host_over)),
        ("limits.errors_in_a_row", limit(limits.errors_in_a_row.map(NonZero::get))),
        ("limits.response_part_bytes", limit(limits.response_part_bytes.map(NonZero::get))),
        ("limits.response_interval_ms", number(u64::try_from(limits.response_interval.as_millis()).unwrap_or(0))),
        ("limits.response_bytes", limit(limits.response_bytes.map(NonZero::get))),
        ("delivery.timeout_s", number(delivery.timeout.as_secs())),
        ("delivery.per_host", number(delivery.per_host)),
        ("delivery.interleave", number(delivery.interleave)),
        ("egress.allow", Value::Array(egress.allow.iter().map(|range| text(range.to_string())).collect())),
        ("hooks.default_body", default_body(hooks.default_body)),
        ("queue.max_age_days", number(queue.max_age.as_secs() / DAY_S)),
        ("queue.max_waiting", limit(queue.max_waiting.map(NonZero::get))),
        ("queue.max_mb", limit(queue.max_bytes.map(|bytes| bytes.get() / MB))),
        ("queue.when_full", when_full(queue.when_full)),
        ("queue.min_free_mb", number(queue.min_free_bytes / MB)),
        ("queue.max_dead", number(queue.max_dead)),
        ("queue.log_attempts", number(queue.log_attempts)),
        ("ble.enabled", Value::Boolean(ble.enabled)),
        ("ble.adapter", radio_address(ble.adapter)),
        ("ble.manage_power", Value::Boolean(ble.manage_power)),
        ("ble.links", number(ble.links)),
        ("log.level", text(log.level.as_str().to_ascii_lowercase())),
    ]
}

fn text(value: impl Into<String>) -> Value {
    Value::String(value.into())
}

fn address_or_off(address: Option<SocketAddr>) -> Value {
    address.map_or_else(|| text("off"), |address| text(address.to_string()))
}

fn file(file: Option<&PathBuf>) -> Value {
    text(file.map(|file| file.display().to_string()).unwrap_or_default())
}

fn radio_address(address: Option<[u8; 6]>) -> Value {
    let bytes = address.into_iter().flatten().map(|byte| format!("{byte:02X}"));
    text(bytes.collect::<Vec<_>>().join(":"))
}

fn number(value: impl TryInto<i64>) -> Value {
    Value::Integer(value.try_into().unwrap_or(i64::MAX))
}

/// None is written as 0.
fn limit<T: TryInto<i64>>(limit: Option<T>) -> Value {
    limit.map_or(Value::Integer(0), number)
}

fn over(over: Over) -> Value {
    text(match over {
        Over::Queue => "queue",
        Over::Drop => "drop",
    })
}

fn default_body(body: DefaultBody) -> Value {
    text(match body {
        DefaultBody::Json => "json",
        DefaultBody::Form => "form",
    })
}

fn when_full(policy: WhenFull) -> Value {
    let name = WhenFull::ALL.iter().zip(WhenFull::NAMES).find(|(known, _)| **known == policy);
    text(name.map_or("", |(_, name)| name))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::net::Ipv4Addr;

    use super::*;
    use crate::config::Http;
    use crate::config::keys;

    #[test]
    fn what_is_shown_can_be_written_into_a_file_as_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let main = folder.path().join("farhook.toml");
        let other = r#"
            [mqtt]
            listen = "[::1]:1"
            tls_listen = "off"
            max_connections = 7
            new_per_second = 0
            session_days = 8
            session_messages = 9
            session_mb = 10
            [http]
            https_listen = "off"
            https_redirect = true
            certificate = "/c\"é.pem"
            certificate_key = "/k.pem"
            hosts = ["a.example", "b.example"]
            [limits]
            hooks_per_user = 0
            device_over = "queue"
            response_interval_ms = 5
            [delivery]
            timeout_s = 3
            [egress]
            allow = ["192.168.1.0/24"]
            [hooks]
            default_body = "form"
            [queue]
            max_age_days = 2
            max_mb = 3
            when_full = "drop_newest"
            [ble]
            enabled = false
            adapter = "b8:27:EB:11:22:33"
            manage_power = true
            [log]
            level = "debug"
        "#;
        fs::write(&main, other).unwrap();
        let config = Config::load(Some(&main)).unwrap();
        let lines = config.settings().into_iter().map(|Setting { key, value, .. }| format!("{key} = {value}\n"));
        fs::write(&main, lines.collect::<String>()).unwrap();
        assert_eq!(Config::load(Some(&main)).unwrap(), config);
    }

    #[test]
    fn every_key_is_shown_and_the_defaults_are_known() {
        let shown = Config::default().settings();
        let keys: Vec<_> = keys::KEYS.iter().map(|key| key.path).collect();
        assert_eq!(shown.iter().map(|setting| setting.key).collect::<Vec<_>>(), keys);
        assert!(shown.iter().all(|setting| setting.is_default));
        let mut config = Config::default();
        config.queue.max_dead = 5;
        let changed: Vec<_> = config.settings().into_iter().filter(|setting| !setting.is_default).collect();
        let expected = Setting { key: "queue.max_dead", value: "5".to_owned(), is_default: false, is_for_start: false };
        assert_eq!(changed, [expected]);
    }

    #[test]
    fn another_certificate_needs_no_new_start_and_another_port_does() {
        let with = |http: Http| Config { http, ..Config::default() };
        let before = Http::default();
        let certificate = Http { certificate: Some("/c.pem".into()), hosts: vec!["a".to_owned()], ..before.clone() };
        assert!(!with(before.clone()).needs_start(&with(certificate)));
        for after in [
            Http { https_listen: None, ..before.clone() },
            Http { https_redirect: true, ..before.clone() },
            Http { listen: (Ipv4Addr::LOCALHOST, 1).into(), ..before.clone() },
        ] {
            assert!(with(before.clone()).needs_start(&with(after.clone())), "{after:?}");
        }
        let mut mqtt = Config::default();
        mqtt.mqtt.max_connections += 1;
        assert!(Config::default().needs_start(&mqtt));
    }
}
