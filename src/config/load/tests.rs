use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::num::NonZeroU64;
use std::num::NonZeroUsize;
use std::time::Duration;

use log::LevelFilter;

use super::*;
use crate::config::Over;
use crate::config::keys::KEYS;
use crate::model::DefaultBody;
use crate::model::WhenFull;
use crate::sources::RuleSet;

const DEFAULT_FILE: &str = include_str!("../../../etc/farhook/farhook.toml");
const HANDBOOK_PAGE: &str = include_str!("../../../docs/configuration.md");

#[test]
fn without_a_file_the_defaults_hold() {
    assert_eq!(Config::load(None).unwrap(), Config::default());
}

#[test]
fn the_shipped_file_changes_nothing() {
    assert_eq!(read(DEFAULT_FILE).unwrap(), Config::default());
}

#[test]
fn the_shipped_file_shows_every_key_at_its_default() {
    let uncommented = uncommented(DEFAULT_FILE);
    assert_eq!(read(&uncommented).unwrap(), Config::default());
    let (document, _) = DeTable::parse_recoverable(&uncommented);
    for key in &KEYS {
        let (section, name) = key.path.split_once('.').unwrap();
        assert!(document.get_ref()[section].get_ref().get(name).is_some(), "{} is not in the file", key.path);
    }
}

#[test]
fn the_handbook_shows_every_key_with_its_default() {
    let mut section = String::new();
    for line in uncommented(DEFAULT_FILE).lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        if line.starts_with('[') {
            line.trim_matches(['[', ']']).clone_into(&mut section);
        } else {
            let (name, value) = line.split_once(" = ").unwrap();
            let row = format!("| `{section}.{name}` | `{value}` |");
            assert!(HANDBOOK_PAGE.contains(&row), "docs/configuration.md has no {row}");
        }
    }
}

#[test]
fn every_key_reaches_its_field() {
    let text = r#"
        mqtt = { listen = "[::1]:1", max_connections = 2, session_days = 3, session_messages = 20, session_mb = 16 }
        egress.allow = ["127.0.0.0/8", "::1"]
        hooks.default_body = "form"
        queue.max_age_days = 4
        queue.max_waiting = 6
        queue.min_free_mb = 5
        queue.max_mb = 15
        queue.when_full = "drop_newest"
        queue.max_dead = 17
        queue.log_attempts = 21
        log.level = "trace"
        ble = { enabled = false, adapter = "b8:27:eb:1a:2b:3c", manage_power = true, links = 2 }
        delivery = { timeout_s = 6, per_host = 7, interleave = 18 }
        [limits]
        hooks_per_user = 8
        device_per_minute = 9
        device_over = "queue"
        host_over = "drop"
        host_per_minute = 1_0
        errors_in_a_row = 0x0b
        response_part_bytes = 12
        response_interval_ms = 13
        response_bytes = 14
        [http]
        listen = "10.0.0.1:3"
        https_listen = "[::]:0"
        https_redirect = true
        certificate = "/c.pem"
        certificate_key = "/k.pem"
        hosts = ["Farhook.example.COM", "pi"]
    "#;
    let config = read(text).unwrap();
    assert_eq!(config.mqtt.listen, "[::1]:1".parse::<SocketAddr>().unwrap());
    assert_eq!(config.mqtt.max_connections, 2);
    assert_eq!(config.mqtt.longest_away, Duration::from_secs(3 * 86_400));
    assert_eq!((config.mqtt.session_messages, config.mqtt.session_bytes), (20, 16 * 1_048_576));
    assert_eq!(config.http.listen, "10.0.0.1:3".parse::<SocketAddr>().unwrap());
    assert_eq!(config.http.https_listen, Some("[::]:0".parse::<SocketAddr>().unwrap()));
    assert!(config.http.https_redirect);
    assert_eq!(config.http.certificate.as_deref(), Some(Path::new("/c.pem")));
    assert_eq!(config.http.certificate_key.as_deref(), Some(Path::new("/k.pem")));
    assert_eq!(config.http.hosts, ["farhook.example.com", "pi"]);
    assert_eq!(config.egress.allow, ["127.0.0.0/8".parse().unwrap(), "::1".parse().unwrap()]);
    assert_eq!(config.hooks.default_body, DefaultBody::Form);
    assert_eq!(config.queue.max_age, Duration::from_secs(4 * 86_400));
    assert_eq!(config.queue.max_waiting, NonZeroU64::new(6));
    assert_eq!(config.queue.min_free_bytes, 5 * 1_048_576);
    assert_eq!(config.queue.max_bytes, NonZeroU64::new(15 * 1_048_576));
    assert_eq!(config.queue.when_full, WhenFull::DropNewest);
    assert!(config.queue.is_low(10 * 1_048_576 - 1) && !config.queue.is_low(10 * 1_048_576));
    assert_eq!((config.queue.max_dead, config.queue.log_attempts), (17, 21));
    assert_eq!(config.delivery.interleave, 18);
    assert_eq!((config.limits.device_over, config.limits.host_over), (Over::Queue, Over::Drop));
    assert_eq!(config.log.level, LevelFilter::Trace);
    assert_eq!(config.ble.adapter, Some([0xb8, 0x27, 0xeb, 0x1a, 0x2b, 0x3c]));
    assert!(!config.ble.enabled && config.ble.manage_power);
    assert_eq!(config.ble.links, 2);
    assert_eq!(config.delivery.timeout, Duration::from_secs(6));
    assert_eq!(config.delivery.per_host, 7);
    assert_eq!(config.limits.hooks_per_user, NonZeroU32::new(8));
    assert_eq!(config.limits.device_per_minute, NonZeroU32::new(9));
    assert_eq!(config.limits.host_per_minute, NonZeroU32::new(10));
    assert_eq!(config.limits.errors_in_a_row, NonZeroU32::new(11));
    assert_eq!(config.limits.response_part_bytes, NonZeroUsize::new(12));
    assert_eq!(config.limits.response_interval, Duration::from_millis(13));
    assert_eq!(config.limits.response_bytes, NonZeroUsize::new(14));
}

#[test]
fn zero_switches_a_limit_off() {
    let config = read("limits = { host_per_minute = 0, response_part_bytes = 0, response_bytes = 0 }").unwrap();
    assert_eq!(config.limits.host_per_minute, None);
    assert_eq!(config.limits.response_part_bytes, None);
    assert_eq!(config.limits.response_bytes, None);
}

#[test]
fn an_unknown_key_is_refused_with_its_line_and_the_nearest_key() {
    assert_eq!(
        refused("\n[limits]\n# a comment\nhost_per_minut = 5\n"),
        [r#"f.toml:4: unknown key "limits.host_per_minut"; did you mean "limits.host_per_minute"?"#]
    );
    assert_eq!(refused("[limit]\nx = 1"), [r#"f.toml:1: unknown key "limit"; did you mean "limits"?"#]);
    assert_eq!(refused("per_host = 3"), [r#"f.toml:1: unknown key "per_host"; did you mean "delivery.per_host"?"#]);
    assert_eq!(refused("[weather]\nplace = 'here'"), [r#"f.toml:1: unknown key "weather""#]);
}

#[test]
fn a_quoted_name_is_not_taken_for_a_path() {
    assert_eq!(refused("'limits.per_host' = 3"), [r#"f.toml:1: unknown key "'limits.per_host'""#]);
}

#[test]
fn a_wrong_value_says_what_is_expected() {
    let cases = [
        ("delivery.timeout_s = 301", "delivery.timeout_s: expected a whole number from 1 to 300, found 301"),
        ("delivery.timeout_s = 0", "delivery.timeout_s: expected a whole number from 1 to 300, found 0"),
        ("delivery.per_host = -1", "delivery.per_host: expected a whole number from 1 to 256, found -1"),
        ("delivery.per_host = 257", "delivery.per_host: expected a whole number from 1 to 256, found 257"),
        (
            "mqtt.max_connections = 99999999999999999999",
            "mqtt.max_connections: expected a whole number from 1 to 10000, found 99999999999999999999",
        ),
        (
            "limits.host_per_minute = 'many'",
            r#"limits.host_per_minute: expected 0 or a whole number from 1 to 1000, found "many""#,
        ),
        (
            "limits.response_part_bytes = 3",
            "limits.response_part_bytes: expected 0 or a whole number from 4 to 102400, found 3",
        ),
        (
            "mqtt.listen = 'localhost:1883'",
            r#"mqtt.listen: expected an address with a port like "0.0.0.0:1883" or "[::]:1883", found "localhost:1883""#,
        ),
        (
            "http.https_listen = ''",
            r#"http.https_listen: expected an address with a port like "0.0.0.0:8443", or "off", found """#,
        ),
        ("http.https_redirect = 'yes'", r#"http.https_redirect: expected true or false, found "yes""#),
        (
            "http.certificate = 'c.pem'",
            r#"http.certificate: expected a whole path like "/etc/farhook/certificate.pem", or "", found "c.pem""#,
        ),
        ("ble.adapter = 'hci0'", r#"ble.adapter: expected an address like "B8:27:EB:11:22:33", or "", found "hci0""#),
        (
            "ble.adapter = 'b8:27:eb:11:22'",
            r#"ble.adapter: expected an address like "B8:27:EB:11:22:33", or "", found "b8:27:eb:11:22""#,
        ),
        ("http.hosts = 'pi'", r#"http.hosts: expected a list of host names like ["farhook.example.com"], found "pi""#),
        ("log.level = 'loud'", r#"log.level: expected one of "error", "warn", "info", "debug", "trace", found "loud""#),
        ("hooks.default_body = true", r#"hooks.default_body: expected one of "json", "form", found true"#),
        ("limits = 3", "limits: expected a table of keys, found 3"),
        (
            "egress.allow = '::1'",
            r#"egress.allow: expected a list of address ranges like ["192.168.1.0/24", "::1"], found "::1""#,
        ),
    ];
    for (text, expected) in cases {
        assert_eq!(refused(text), [format!("f.toml:1: {expected}")]);
    }
}

#[test]
fn https_can_be_switched_off_and_its_files_be_none() {
    let config = read("http = { https_listen = 'off', certificate = '', certificate_key = '' }").unwrap();
    assert_eq!((config.http.https_listen, config.http.certificate, config.http.certificate_key), (None, None, None));
}

#[test]
fn only_names_are_host_names() {
    let too_long = ["a".repeat(64), "a.".repeat(127) + "a"];
    let wrong =
        ["", ".", "pi.", "a..b", "-a", "a-", "a b", "a_b", "pi:8443", "http://pi", "10.0.0.1", "::1", "*.a", "ä"];
    for name in wrong.map(str::to_owned).iter().chain(&too_long) {
        let told = refused(&format!("http.hosts = ['fine', '{name}']"));
        assert!(told[0].contains("expected a host name like"), "{name}: {told:?}");
    }
    let longest = format!("{}.{}a", "a".repeat(63), "a.".repeat(94));
    for name in ["a", "1", "xn--bcher-kva.example", "10.0.0.1a", longest.as_str()] {
        assert_eq!(read(&format!("http.hosts = ['{name}']")).unwrap().http.hosts, [name]);
    }
}

#[test]
fn a_certificate_needs_its_key_from_any_file() {
    let folder = tempfile::tempdir().unwrap();
    let main = folder.path().join("farhook.toml");
    let more = folder.path().join("conf.d");
    fs::create_dir(&more).unwrap();
    for (key, other) in [("certificate", "certificate_key"), ("certificate_key", "certificate")] {
        fs::write(&main, format!("http.{key} = '/x.pem'")).unwrap();
        fs::write(more.join("a.toml"), "").unwrap();
        let told = Config::load(Some(&main)).unwrap_err().to_string();
        assert_eq!(told, format!("{}: http.{key} is set and http.{other} is not", main.display()));
        fs::write(more.join("a.toml"), format!("http.{other} = '/y.pem'")).unwrap();
        assert!(Config::load(Some(&main)).is_ok());
    }
}

#[test]
fn a_wrong_range_is_found_on_its_own_line() {
    assert_eq!(
        refused("[egress]\nallow = [\n  '10.0.0.0/8',\n  '10.0.0.0/33',\n]"),
        [concat!(
            r#"f.toml:4: egress.allow: expected an address range like "192.168.1.0/24" "#,
            r#"(a prefix has at most 32 bits here, not 33), found "10.0.0.0/33""#
        )]
    );
}

#[test]
fn everything_that_is_wrong_is_told_in_the_order_of_the_lines() {
    let told = refused("log.level = 1\ndelivery.per_host = 0\nbody = 2\naaa = 3\n");
    let lines: Vec<&str> = told.iter().map(|problem| &problem[..9]).collect();
    assert_eq!(lines, ["f.toml:1:", "f.toml:2:", "f.toml:3:", "f.toml:4:"]);
}

#[test]
fn the_rules_of_sources_are_read_and_one_of_a_later_file_wins() {
    let rules = |event: &str| {
        format!("[[source]]\nname = \"house\"\n[[source.rule]]\ntopic = \"a/{{device}}\"\nevent = \"{event}\"\n")
    };
    let other = "[[source]]\nname = \"other\"\npreset = \"tasmota\"\n";
    let one = read(&format!("{}{other}", rules("one"))).unwrap();
    assert_eq!(one.sources.iter().map(RuleSet::name).collect::<Vec<_>>(), ["house", "other"]);
    assert!(one.rules("house").is_some() && one.rules("tasmota").is_some() && one.rules("none").is_none());
    let mut both = one.clone();
    assert_eq!(apply(&mut both, Path::new("later.toml"), &rules("two")).len(), 0);
    assert_eq!(both.sources.len(), 2);
    assert_ne!(both.rules("house"), one.rules("house"));
}

#[test]
fn wrong_rules_of_a_source_say_where_and_why() {
    assert_eq!(refused("source = 1"), ["f.toml:1: source: expected tables that begin with [[source]], found 1"]);
    let unknown = refused("[[source]]\nname = \"a\"\n[[source.rule]]\ntopik = \"a\"\nevent = \"e\"\n");
    assert!(unknown[0].starts_with("f.toml:4: source: unknown field `topik`"), "{unknown:?}");
    assert_eq!(
        refused(
            "[[source]]\nname = \"a\"\n\n[[source]]\nname = \"b\"\npreset = \"tasmoto\"\n[[source]]\nname = \"a\"\npreset = \"tasmota\""
        )[..2],
        [
            "f.toml:1: source: the source a has neither a preset nor a rule",
            "f.toml:4: source: there is no preset \"tasmoto\"; there are tasmota, shelly2, shelly1, esphome, \
             zigbee2mqtt, theengs, homie5",
        ]
    );
    let twice = "[[source]]\nname = \"a\"\npreset = \"tasmota\"\n".repeat(2);
    assert_eq!(refused(&twice), ["f.toml:4: source: a stands twice in this file"]);
    assert_eq!(refused("[[sources]]"), [r#"f.toml:1: unknown key "sources"; did you mean "source"?"#]);
}

#[test]
fn broken_toml_says_where() {
    let told = refused("[mqtt]\nlisten = \n[http\n");
    assert!(told[0].starts_with("f.toml:2: "), "{told:?}");
    assert!(told.iter().any(|problem| problem.starts_with("f.toml:3: ")), "{told:?}");
    assert!(refused("[mqtt]\n[mqtt]\n")[0].starts_with("f.toml:2: "));
}

#[test]
fn later_files_win_key_by_key() {
    let folder = tempfile::tempdir().unwrap();
    let main = folder.path().join("farhook.toml");
    let conf_d = folder.path().join("conf.d");
    fs::create_dir(&conf_d).unwrap();
    fs::write(&main, "[delivery]\ntimeout_s = 1\nper_host = 1\n[egress]\nallow = ['10.0.0.0/8']").unwrap();
    fs::write(conf_d.join("20-b.toml"), "delivery.timeout_s = 3\negress.allow = ['::1']").unwrap();
    fs::write(conf_d.join("10-a.toml"), "delivery.timeout_s = 2\nlog.level = 'warn'").unwrap();
    fs::write(conf_d.join(".#30-c.toml"), "nonsense").unwrap();
    fs::write(conf_d.join("README"), "nonsense").unwrap();

    let config = Config::load(Some(&main)).unwrap();

    assert_eq!(config.delivery.timeout, Duration::from_secs(3));
    assert_eq!(config.delivery.per_host, 1);
    assert_eq!(config.log.level, LevelFilter::Warn);
    assert_eq!(config.egress.allow, ["::1".parse().unwrap()]);
    assert_eq!(config.mqtt, Config::default().mqtt);
}

#[test]
fn what_is_wrong_with_any_file_is_told_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let main = folder.path().join("farhook.toml");
    let conf_d = folder.path().join("conf.d");
    fs::create_dir(&conf_d).unwrap();
    fs::write(&main, "a = 1").unwrap();
    fs::write(conf_d.join("a.toml"), "= 1").unwrap();
    fs::write(conf_d.join("b.toml"), b"# \xff").unwrap();

    let error = Config::load(Some(&main)).unwrap_err();

    assert!(matches!(&error.problems[0], Problem::UnknownKey { at, .. } if at.file == main));
    assert!(matches!(&error.problems[1], Problem::Syntax { at, .. } if at.file == conf_d.join("a.toml")));
    assert!(matches!(&error.problems[2], Problem::Unreadable { file, .. } if *file == conf_d.join("b.toml")));
    assert_eq!(error.to_string().lines().count(), 3);
}

#[test]
fn a_file_that_was_asked_for_has_to_exist() {
    let folder = tempfile::tempdir().unwrap();
    let missing = folder.path().join("farhook.toml");
    let error = Config::load(Some(&missing)).unwrap_err();
    assert!(matches!(&error.problems[..], [Problem::Unreadable { file, .. }] if *file == missing));
}

proptest::proptest! {
    #[test]
    fn no_text_can_panic_the_load(text in r#"(\[?[a-z.'"]{0,12}\]?( = )?[0-9a-z\[\]{}"'é]{0,8}\n?){0,6}"#) {
        let _ = read(&text);
    }
}

fn read(text: &str) -> Result<Config, Vec<Problem>> {
    let mut config = Config::default();
    let problems = apply(&mut config, Path::new("f.toml"), text);
    if problems.is_empty() { Ok(config) } else { Err(problems) }
}

fn refused(text: &str) -> Vec<String> {
    read(text).unwrap_err().iter().map(ToString::to_string).collect()
}

/// The file with its keys uncommented: `#key = value` becomes `key = value`, prose has a blank after its `#`.
fn uncommented(text: &str) -> String {
    let uncomment = |line: &str| match line.strip_prefix('#') {
        Some(key) if key.starts_with(|c: char| c.is_ascii_lowercase()) => key.to_owned(),
        _ => line.to_owned(),
    };
    text.lines().map(uncomment).collect::<Vec<String>>().join("\n")
}
