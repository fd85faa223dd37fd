//! A set of rules with a name: a preset, or what a user wrote. The first rule that can read a publish does.

use std::sync::Arc;

use serde::Deserialize;

use crate::sources::payload::Payload;
use crate::sources::presets;
use crate::sources::rule::Made;
use crate::sources::rule::Rule;
use crate::sources::rule::RuleError;
use crate::sources::rule::Telling;
use crate::sources::rule::WrittenRule;

/// Rules of one set, those of its preset aside. Ours.
const MOST_RULES: usize = 64;

/// Characters of a set's name. Ours.
const NAME_CHARS: usize = 64;

/// A set as it is written.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WrittenRuleSet {
    name: String,
    /// The preset whose rules come after its own.
    preset: Option<String>,
    #[serde(default)]
    rule: Vec<WrittenRule>,
}

/// See the module. Cheap to clone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleSet {
    name: Arc<str>,
    rules: Arc<[Rule]>,
}

/// Why a set cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RuleSetError {
    /// It cannot be called so.
    #[error("the name of a source's rules has 1 to {NAME_CHARS} small letters, digits, - and _")]
    Name,
    /// That is what a preset is called.
    #[error("{name} is a preset: give your own rules another name, and preset = \"{name}\"")]
    Preset {
        /// The name.
        name: String,
    },
    /// There is no such preset.
    #[error("there is no preset {preset:?}; there are {}", presets::PRESETS.join(", "))]
    NoPreset {
        /// What was given.
        preset: String,
    },
    /// It has none.
    #[error("the source {name} has neither a preset nor a rule")]
    Empty {
        /// Its name.
        name: String,
    },
    /// It has too many.
    #[error("a source has at most {MOST_RULES} rules of its own")]
    TooMany,
    /// One of them is wrong.
    #[error("rule {number} of {name}: {cause}")]
    Rule {
        /// The name of the set.
        name: String,
        /// Which, from 1.
        number: usize,
        /// What is wrong with it.
        #[source]
        cause: RuleError,
    },
}

impl RuleSet {
    /// What it is called.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What the first rule that can read the publish makes of it, and when that is told.
    pub(super) fn read(&self, topic: &str, payload: &Payload) -> Option<(Made, Telling)> {
        // Nothing is said with nothing: so a retained message is taken back.
        if payload.bytes().is_empty() {
            return None;
        }
        self.rules.iter().find_map(|rule| Some((rule.read(topic, payload)?, rule.telling)))
    }

    pub(super) fn compile(name: &str, rules: Vec<WrittenRule>) -> Result<Vec<Rule>, RuleSetError> {
        if rules.len() > MOST_RULES {
            return Err(RuleSetError::TooMany);
        }
        let compiled = rules.into_iter().enumerate().map(|(at, rule)| {
            let wrong = |cause| RuleSetError::Rule { name: name.to_owned(), number: at + 1, cause };
            Rule::try_from(rule).map_err(wrong)
        });
        compiled.collect()
    }

    pub(super) fn of(name: &str, rules: Vec<Rule>) -> Self {
        Self { name: name.into(), rules: rules.into() }
    }
}

impl TryFrom<WrittenRuleSet> for RuleSet {
    type Error = RuleSetError;

    fn try_from(written: WrittenRuleSet) -> Result<Self, RuleSetError> {
        let WrittenRuleSet { name, preset, rule } = written;
        let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '_');
        if name.is_empty() || name.len() > NAME_CHARS || !name.chars().all(is_plain) {
            return Err(RuleSetError::Name);
        }
        if presets::preset(&name).is_some() {
            return Err(RuleSetError::Preset { name });
        }
        let mut rules = Self::compile(&name, rule)?;
        if let Some(preset) = preset {
            let found = presets::preset(&preset).ok_or(RuleSetError::NoPreset { preset })?;
            rules.extend(found.rules.iter().cloned());
        }
        if rules.is_empty() { Err(RuleSetError::Empty { name }) } else { Ok(Self::of(&name, rules)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sources::rule::Reading;

    fn read(text: &str) -> Result<RuleSet, RuleSetError> {
        RuleSet::try_from(toml::from_str::<WrittenRuleSet>(text).unwrap())
    }

    #[test]
    fn the_first_rule_that_can_read_a_publish_does_and_a_users_come_before_those_of_the_preset() {
        let set = read(
            r#"
            name = "house"
            preset = "tasmota"
            [[rule]]
            topic = "tele/{device}/STATE"
            event = "heap"
            data = "/Heap"
            "#,
        )
        .unwrap();
        let event = |topic: &str, payload: &'static str| {
            let (made, _) = set.read(topic, &Payload::new(payload.into()))?;
            let Reading { event, data, .. } = made.readings.into_iter().next()?;
            Some((event, String::from_utf8(data.to_vec()).unwrap()))
        };
        let is = |event: &str, data: &str| Some((event.to_owned(), data.to_owned()));
        assert_eq!(event("tele/a/STATE", r#"{"Heap":24}"#), is("heap", "24"));
        assert_eq!(event("tele/a/STATE", r#"{"POWER":"ON"}"#), is("state", r#"{"POWER":"ON"}"#));
        assert_eq!(event("tele/a/STATE", ""), None);
        assert_eq!(event("elsewhere", "1"), None);
    }

    #[test]
    fn a_set_that_cannot_be_used_says_why() {
        let wrong = |text: &str| read(text).unwrap_err();
        assert_eq!(wrong("name = \"A b\""), RuleSetError::Name);
        assert_eq!(wrong("name = \"tasmota\""), RuleSetError::Preset { name: "tasmota".to_owned() });
        assert_eq!(wrong("name = \"a\""), RuleSetError::Empty { name: "a".to_owned() });
        let unknown = RuleSetError::NoPreset { preset: "x".to_owned() };
        assert_eq!(wrong("name = \"a\"\npreset = \"x\""), unknown);
        let rule = "[[rule]]\ntopic = \"a/{device}\"\nevent = \"e\"\n";
        let broken = format!("name = \"a\"\n{rule}[[rule]]\ntopic = \"a\"\nevent = \"e\"\n");
        let cause = RuleError::NoPart { name: "device".to_owned() };
        assert_eq!(wrong(&broken), RuleSetError::Rule { name: "a".to_owned(), number: 2, cause });
        assert_eq!(wrong(&format!("name = \"a\"\n{}", rule.repeat(MOST_RULES + 1))), RuleSetError::TooMany);
    }
}
