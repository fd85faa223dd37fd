//! The rules for systems that many people have: one table each, in the language of a user's own rules.

use std::sync::LazyLock;

use serde::Deserialize;

use crate::sources::rule::WrittenRule;
use crate::sources::rules::RuleSet;

/// What the presets are called.
pub const PRESETS: [&str; 7] = ["tasmota", "shelly2", "shelly1", "esphome", "zigbee2mqtt", "theengs", "homie5"];

const TEXTS: [&str; 7] = [
    include_str!("presets/tasmota.toml"),
    include_str!("presets/shelly2.toml"),
    include_str!("presets/shelly1.toml"),
    include_str!("presets/esphome.toml"),
    include_str!("presets/zigbee2mqtt.toml"),
    include_str!("presets/theengs.toml"),
    include_str!("presets/homie5.toml"),
];

static ALL: LazyLock<Vec<RuleSet>> = LazyLock::new(|| {
    let both = PRESETS.iter().zip(TEXTS);
    both.map(|(name, text)| read(name, text)).collect()
});

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    rule: Vec<WrittenRule>,
}

/// The preset with that name.
pub fn preset(name: &str) -> Option<&'static RuleSet> {
    ALL.iter().find(|set| set.name() == name)
}

fn read(name: &str, text: &str) -> RuleSet {
    let table: Table = toml::from_str(text).expect("a test reads every preset");
    RuleSet::of(name, RuleSet::compile(name, table.rule).expect("a test reads every preset"))
}

#[cfg(test)]
mod tests;
