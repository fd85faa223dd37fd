//! Programs for a device that can be pasted as they are: they log in at this gateway and publish. Pure.
//!
//! They are texts for other languages, not HTML: what stands in them is quoted for these, and the page escapes the
//! whole. A device logs in with its id, which it keeps when it gets another name.

use std::sync::LazyLock;

use minijinja::AutoEscape;
use minijinja::Environment;
use minijinja::UndefinedBehavior;
use minijinja::Value;
use minijinja::syntax::SyntaxConfig;
use minijinja::value::Serde;
use serde::Serialize;

use crate::model::DeviceId;

/// What stands in place of a key that is not known: the gateway keeps its hash alone.
const NO_KEY: &str = "YOUR_DEVICE_KEY";

/// Their files below `sketches/`, and what each is called.
const SOURCES: [(&str, &str, &str); 5] = [
    ("arduino", "ESP32: Arduino, PubSubClient", include_str!("sketches/arduino.txt")),
    ("micropython", "MicroPython: umqtt.simple", include_str!("sketches/micropython.txt")),
    ("esphome", "ESPHome", include_str!("sketches/esphome.txt")),
    ("curl", "curl", include_str!("sketches/curl.txt")),
    ("mosquitto", "mosquitto_pub", include_str!("sketches/mosquitto.txt")),
];

static TEMPLATES: LazyLock<Environment<'static>> = LazyLock::new(|| {
    let mut templates = Environment::new();
    templates.set_undefined_behavior(UndefinedBehavior::Strict);
    templates.set_auto_escape_callback(|_| AutoEscape::None);
    let syntax = SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build();
    templates.set_syntax(syntax.expect("the delimiters are the usual ones"));
    templates.add_filter("quoted", |text: &str| quoted(text));
    templates.add_filter("shell", |text: &str| shell(text));
    for (name, _, source) in SOURCES {
        templates.add_template(name, source).expect("a test compiles every sketch");
    }
    templates
});

/// A program.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Sketch {
    /// What it is called in addresses and ids.
    id: &'static str,
    title: &'static str,
    text: String,
}

/// What a program has to know.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Facts {
    /// The gateway's host, as devices write it.
    host: String,
    /// Where devices connect.
    port: u16,
    /// The web port's address, without a path.
    base: String,
    device: String,
    key: String,
}

impl Facts {
    /// For a device and its key, if that is known, at a gateway that was reached as `base`, like `http://pi.local:8484`.
    pub(super) fn of(device: DeviceId, key: Option<&str>, base: &str, mqtt_port: u16) -> Self {
        let key = key.unwrap_or(NO_KEY).to_owned();
        Self { host: host_of(base), port: mqtt_port, base: base.to_owned(), device: device.to_string(), key }
    }

    /// The gateway's host.
    pub(super) fn host(&self) -> &str {
        &self.host
    }

    /// Whether the host is a name, which not every board can look up.
    pub(super) fn is_name(&self) -> bool {
        self.host.parse::<std::net::IpAddr>().is_err()
    }

    /// Whether the host is the gateway itself for whoever uses it: then no other machine gets there.
    pub(super) fn is_loopback(&self) -> bool {
        let address = self.host.parse::<std::net::IpAddr>();
        self.host == "localhost" || address.is_ok_and(|address| address.is_loopback())
    }
}

/// All of them.
pub(super) fn all(facts: &Facts) -> Vec<Sketch> {
    let sketch = |(id, title, _): (&'static str, &'static str, &str)| {
        let template = TEMPLATES.get_template(id).expect("it was added");
        Sketch { id, title, text: template.render(Value::from(Serde(facts))).expect("a test renders every sketch") }
    };
    SOURCES.into_iter().map(sketch).collect()
}

/// The host of an address: without a port, and without the brackets of IPv6.
fn host_of(base: &str) -> String {
    let host = base.split_once("://").map_or(base, |(_, rest)| rest);
    let host = match host.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((address, _)) => address,
        None => host.split(':').next().unwrap_or_default(),
    };
    host.to_owned()
}

/// A text of C, Python and YAML: all three read what JSON writes.
fn quoted(text: &str) -> String {
    serde_json::to_string(text).expect("a text is JSON")
}

/// A word for the shell.
fn shell(word: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | ':' | '/');
    if !word.is_empty() && word.chars().all(is_plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DEVICE: DeviceId = DeviceId::from_bytes([0xab; 12]);

    fn sketch(id: &str, facts: &Facts) -> String {
        all(facts).into_iter().find(|sketch| sketch.id == id).unwrap().text
    }

    #[test]
    fn a_sketch_has_the_address_the_device_and_its_key() {
        let facts = Facts::of(DEVICE, Some("s3cret-key_"), "http://192.168.1.10:8484", 1_884);
        for sketch in all(&facts) {
            let wanted = if sketch.id == "curl" { "http://192.168.1.10:8484/v1/devices/events" } else { "1884" };
            assert!(sketch.text.contains(wanted), "{}", sketch.text);
            assert!(sketch.text.contains("s3cret-key_") && !sketch.text.contains(NO_KEY), "{}", sketch.text);
            assert!(!sketch.text.contains("{{"), "{}", sketch.text);
        }
        let wanted = format!("mosquitto_pub -h 192.168.1.10 -p 1884 -u {DEVICE} -P s3cret-key_ -q 1 -t temp -m 21.5");
        assert!(sketch("mosquitto", &facts).contains(&wanted), "{}", sketch("mosquitto", &facts));
    }

    #[test]
    fn without_a_key_it_says_where_the_key_belongs() {
        let facts = Facts::of(DEVICE, None, "http://pi.local", 1_883);
        assert!(all(&facts).iter().all(|sketch| sketch.text.contains(NO_KEY)));
        assert!(sketch("curl", &facts).contains("Bearer YOUR_DEVICE_KEY"));
    }

    #[test]
    fn a_host_is_written_as_each_program_wants_it() {
        for (base, host) in [
            ("http://192.168.1.10:8484", "192.168.1.10"),
            ("https://pi.local", "pi.local"),
            ("http://[fe80::1]:8484", "fe80::1"),
            ("http://localhost:1", "localhost"),
        ] {
            assert_eq!(host_of(base), host);
        }
        let facts = |base| Facts::of(DEVICE, None, base, 1_883);
        assert!(facts("http://pi.local").is_name() && !facts("http://pi.local").is_loopback());
        assert!(facts("http://localhost").is_loopback() && facts("http://[::1]:80").is_loopback());
    }

    #[test]
    fn nothing_breaks_out_of_a_sketch() {
        let facts = Facts::of(DEVICE, Some("a\"; $(rm) ' \\"), "http://x'\"$(y)", 1_883);
        assert!(sketch("arduino", &facts).contains(r#"KEY = "a\"; $(rm) ' \\""#));
        assert!(sketch("micropython", &facts).contains(r#"KEY = "a\"; $(rm) ' \\""#));
        assert!(sketch("mosquitto", &facts).contains(r#"-h 'x'\''"$(y)' "#), "{}", sketch("mosquitto", &facts));
        assert!(sketch("curl", &facts).contains(r#"'Authorization: Bearer a"; $(rm) '\'' \'"#));
    }
}
