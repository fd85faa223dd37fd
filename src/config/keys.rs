//! Every key: how its value is checked and which field it sets. A key that is not here is unknown.

use std::num::NonZeroU64;
use std::time::Duration;

use log::LevelFilter;

use crate::config::Config;
use crate::config::Over;
use crate::config::check::Found;
use crate::config::check::Wrong;
use crate::config::check::address_ranges;
use crate::config::check::file;
use crate::config::check::host_names;
use crate::config::check::limit;
use crate::config::check::radio_address;
use crate::config::check::socket_address;
use crate::config::check::socket_address_or_off;
use crate::config::check::truth;
use crate::config::check::whole;
use crate::config::check::whole_u16;
use crate::config::check::whole_u32;
use crate::config::check::word;
use crate::config::schema::DAY_S;
use crate::config::schema::MB;
use crate::model::DefaultBody;
use crate::model::WhenFull;

/// One key of the configuration.
pub(super) struct Key {
    /// The whole dotted key.
    pub(super) path: &'static str,
    /// Checks the value and puts it in its place; a wrong one changes nothing.
    pub(super) set: fn(&mut Config, Found) -> Result<(), Wrong>,
}

/// Every key, in the order of the default configuration file.
pub(super) const KEYS: [Key; 41] = [
    Key { path: "mqtt.listen", set: |config, found| put(&mut config.mqtt.listen, socket_address(found)) },
    Key {
        path: "mqtt.tls_listen",
        set: |config, found| put(&mut config.mqtt.tls_listen, socket_address_or_off(found)),
    },
    Key {
        path: "mqtt.max_connections",
        set: |config, found| put(&mut config.mqtt.max_connections, whole_u32(found, 1..=10_000)),
    },
    Key {
        path: "mqtt.max_connections_of_one",
        set: |config, found| put(&mut config.mqtt.max_connections_of_one, limit(found, 1..=10_000)),
    },
    Key {
        path: "mqtt.new_per_second",
        set: |config, found| put(&mut config.mqtt.new_per_second, limit(found, 1..=10_000)),
    },
    Key {
        path: "mqtt.new_per_second_of_one",
        set: |config, found| put(&mut config.mqtt.new_per_second_of_one, limit(found, 1..=10_000)),
    },
    Key {
        path: "mqtt.session_days",
        set: |config, found| {
            put(&mut config.mqtt.longest_away, whole(found, 1..=365).map(|days| Duration::from_secs(days * DAY_S)))
        },
    },
    Key {
        path: "mqtt.session_messages",
        // Each acknowledgement is looked for among them.
        set: |config, found| put(&mut config.mqtt.session_messages, whole_u32(found, 1..=10_000)),
    },
    Key {
        path: "mqtt.session_mb",
        // As much as there may be for all sessions together.
        set: |config, found| {
            put(&mut config.mqtt.session_bytes, whole_u16(found, 1..=16).map(|mb| usize::from(mb) << 20))
        },
    },
    Key { path: "http.listen", set: |config, found| put(&mut config.http.listen, socket_address(found)) },
    Key {
        path: "http.https_listen",
        set: |config, found| put(&mut config.http.https_listen, socket_address_or_off(found)),
    },
    Key { path: "http.https_redirect", set: |config, found| put(&mut config.http.https_redirect, truth(found)) },
    Key { path: "http.certificate", set: |config, found| put(&mut config.http.certificate, file(found)) },
    Key { path: "http.certificate_key", set: |config, found| put(&mut config.http.certificate_key, file(found)) },
    Key { path: "http.hosts", set: |config, found| put(&mut config.http.hosts, host_names(found)) },
    Key {
        path: "limits.hooks_per_user",
        set: |config, found| put(&mut config.limits.hooks_per_user, limit(found, 1..=1_000)),
    },
    Key {
        path: "limits.device_per_minute",
        // A window is one row of the store, and a long row would not be power-safe.
        set: |config, found| put(&mut config.limits.device_per_minute, limit(found, 1..=1_000)),
    },
    Key { path: "limits.device_over", set: |config, found| put(&mut config.limits.device_over, over(found)) },
    Key {
        path: "limits.host_per_minute",
        set: |config, found| put(&mut config.limits.host_per_minute, limit(found, 1..=1_000)),
    },
    Key { path: "limits.host_over", set: |config, found| put(&mut config.limits.host_over, over(found)) },
    Key {
        path: "limits.errors_in_a_row",
        set: |config, found| put(&mut config.limits.errors_in_a_row, limit(found, 1..=1_000)),
    },
    Key {
        path: "limits.response_part_bytes",
        // A part is cut between characters, and a character has up to 4 bytes.
        set: |config, found| put(&mut config.limits.response_part_bytes, limit(found, 4..=102_400)),
    },
    Key {
        path: "limits.response_interval_ms",
        set: |config, found| {
            put(&mut config.limits.response_interval, whole(found, 0..=60_000).map(Duration::from_millis))
        },
    },
    Key {
        path: "limits.response_bytes",
        set: |config, found| put(&mut config.limits.response_bytes, limit(found, 1..=10_485_760)),
    },
    Key {
        path: "delivery.timeout_s",
        set: |config, found| put(&mut config.delivery.timeout, whole(found, 1..=300).map(Duration::from_secs)),
    },
    Key {
        path: "delivery.per_host",
        set: |config, found| put(&mut config.delivery.per_host, whole_u32(found, 1..=256)),
    },
    Key {
        path: "delivery.interleave",
        set: |config, found| put(&mut config.delivery.interleave, whole_u32(found, 0..=1_000)),
    },
    Key { path: "egress.allow", set: |config, found| put(&mut config.egress.allow, address_ranges(found)) },
    Key {
        path: "hooks.default_body",
        set: |config, found| {
            let body = word(found, &["json", "form"], &[DefaultBody::Json, DefaultBody::Form]);
            put(&mut config.hooks.default_body, body)
        },
    },
    Key {
        path: "queue.max_age_days",
        set: |config, found| {
            put(&mut config.queue.max_age, whole(found, 1..=365).map(|days| Duration::from_secs(days * DAY_S)))
        },
    },
    Key {
        path: "queue.max_waiting",
        set: |config, found| put(&mut config.queue.max_waiting, limit(found, 1..=10_000_000)),
    },
    Key {
        path: "queue.max_mb",
        set: |config, found| {
            let bytes = limit(found, 1..=1_048_576).map(|mb: Option<NonZeroU64>| mb.map(in_bytes));
            put(&mut config.queue.max_bytes, bytes)
        },
    },
    Key {
        path: "queue.when_full",
        set: |config, found| put(&mut config.queue.when_full, word(found, WhenFull::NAMES, &WhenFull::ALL)),
    },
    Key {
        path: "queue.min_free_mb",
        set: |config, found| put(&mut config.queue.min_free_bytes, whole(found, 0..=1_048_576).map(|mb| mb * MB)),
    },
    Key {
        path: "queue.max_dead",
        set: |config, found| put(&mut config.queue.max_dead, whole_u32(found, 0..=1_000_000)),
    },
    Key {
        path: "queue.log_attempts",
        set: |config, found| put(&mut config.queue.log_attempts, whole_u16(found, 20..=1_000)),
    },
    Key { path: "ble.enabled", set: |config, found| put(&mut config.ble.enabled, truth(found)) },
    Key { path: "ble.adapter", set: |config, found| put(&mut config.ble.adapter, radio_address(found)) },
    Key { path: "ble.manage_power", set: |config, found| put(&mut config.ble.manage_power, truth(found)) },
    // What controllers can do differs; few can do more.
    Key { path: "ble.links", set: |config, found| put(&mut config.ble.links, whole_u32(found, 0..=16)) },
    Key { path: "log.level", set: |config, found| put(&mut config.log.level, level(found)) },
];

/// The list of tables that is no key: rules are not one value.
pub(super) const SOURCES: &str = "source";

/// Every section and every key, as they can be meant by an unknown one.
pub(super) fn names() -> impl Iterator<Item = &'static str> + Clone {
    KEYS.iter().flat_map(|key| key.path.split('.').next().into_iter().chain([key.path])).chain([SOURCES])
}

/// The key with that path.
pub(super) fn find(path: &str) -> Option<&'static Key> {
    KEYS.iter().find(|key| key.path == path)
}

/// Whether keys stand under that path.
pub(super) fn is_section(path: &str) -> bool {
    KEYS.iter().any(|key| key.path.strip_prefix(path).is_some_and(|rest| rest.starts_with('.')))
}

fn level(found: Found) -> Result<LevelFilter, Wrong> {
    const LEVELS: [LevelFilter; 5] =
        [LevelFilter::Error, LevelFilter::Warn, LevelFilter::Info, LevelFilter::Debug, LevelFilter::Trace];
    word(found, &["error", "warn", "info", "debug", "trace"], &LEVELS)
}

fn over(found: Found) -> Result<Over, Wrong> {
    word(found, &["queue", "drop"], &[Over::Queue, Over::Drop])
}

fn in_bytes(mb: NonZeroU64) -> NonZeroU64 {
    mb.saturating_mul(NonZeroU64::new(MB).expect("a megabyte is not empty"))
}

fn put<T>(place: &mut T, value: Result<T, Wrong>) -> Result<(), Wrong> {
    *place = value?;
    Ok(())
}
