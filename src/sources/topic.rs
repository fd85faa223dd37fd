//! Topic patterns: which topics a rule reads, and which of their parts have a name.
//!
//! ```text
//! tele/{device}/SENSOR      one level
//! zigbee2mqtt/{device+}     one level or more; once in a pattern
//! stat/{device}/POWER{n}    a part of a level, also an empty one
//! home/+/BTtoMQTT/#         any level; at the end, all that follows
//! ```

/// A pattern of topics.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct TopicPattern {
    levels: Vec<Level>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Level {
    /// `+`
    Any,
    /// `#`, at the end.
    Rest,
    Text(String),
    /// `{name}`, and what stands around it in the level.
    One {
        before: String,
        name: String,
        after: String,
    },
    /// `{name+}`
    Many(String),
}

/// What the named parts of a pattern are in a topic.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Captures<'a>(Vec<(&'a str, &'a str)>);

/// Why a text is no pattern.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TopicPatternError {
    /// It is empty.
    #[error("a topic has at least one character")]
    Empty,
    /// `+` or `#` beside other characters, or `#` before the end.
    #[error("+ is a whole level, and # a whole level at the end")]
    Wildcard,
    /// More than one part may be of several levels.
    #[error("of {{name+}} and # a topic has one at most")]
    TwoLong,
    /// A brace without its other half, or more than one name in a level.
    #[error("{level:?} is no level: {{name}} stands in a level once, and {{name+}} alone")]
    Level {
        /// The level.
        level: String,
    },
    /// A part cannot be called so.
    #[error("{name:?} is no name: small letters, digits and _, and neither key nor item")]
    Name {
        /// What was given.
        name: String,
    },
    /// Two parts are called so.
    #[error("{name:?} stands twice in the topic")]
    Twice {
        /// The name.
        name: String,
    },
}

impl TopicPattern {
    /// Reads a pattern.
    ///
    /// # Errors
    /// [`TopicPatternError`]
    pub(super) fn parse(text: &str) -> Result<Self, TopicPatternError> {
        if text.is_empty() {
            return Err(TopicPatternError::Empty);
        }
        let levels: Vec<Level> = text.split('/').map(level).collect::<Result<_, _>>()?;
        let is_long = |level: &&Level| matches!(level, Level::Many(_) | Level::Rest);
        if levels.iter().filter(is_long).count() > 1 {
            return Err(TopicPatternError::TwoLong);
        }
        if levels.iter().rev().skip(1).any(|level| *level == Level::Rest) {
            return Err(TopicPatternError::Wildcard);
        }
        let pattern = Self { levels };
        let names: Vec<&str> = pattern.names().collect();
        let twice = names.iter().enumerate().find(|(at, name)| names[..*at].contains(*name));
        match twice {
            Some((_, name)) => Err(TopicPatternError::Twice { name: (*name).to_owned() }),
            None => Ok(pattern),
        }
    }

    /// The names of its parts.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.levels.iter().filter_map(|level| match level {
            Level::One { name, .. } | Level::Many(name) => Some(name.as_str()),
            Level::Any | Level::Rest | Level::Text(_) => None,
        })
    }

    /// What the named parts are, if it is a pattern of the topic.
    pub(super) fn matches<'a>(&'a self, topic: &'a str) -> Option<Captures<'a>> {
        let mut captures = Captures::default();
        let long = self.levels.iter().position(|level| matches!(level, Level::Many(_) | Level::Rest));
        let Some(long) = long else {
            return (each(&self.levels, &mut topic.split('/'), &mut captures)
                && topic.split('/').count() == self.levels.len())
            .then_some(captures);
        };
        let given: Vec<&str> = topic.split('/').collect();
        let (head, tail) = (&self.levels[..long], &self.levels[long + 1..]);
        let least = usize::from(matches!(self.levels[long], Level::Many(_)));
        if given.len() < head.len() + least + tail.len() {
            return None;
        }
        let (begin, end) = (head.len(), given.len() - tail.len());
        let fits = each(head, &mut given[..begin].iter().copied(), &mut captures)
            && each(tail, &mut given[end..].iter().copied(), &mut captures);
        if let Level::Many(name) = &self.levels[long] {
            let bytes = |levels: &[&str]| levels.iter().map(|level| level.len() + 1).sum::<usize>();
            let middle = &topic[bytes(&given[..begin])..topic.len() - bytes(&given[end..])];
            if middle.is_empty() {
                return None;
            }
            captures.0.push((name, middle));
        }
        fits.then_some(captures)
    }
}

impl<'a> Captures<'a> {
    /// What the part with that name is.
    pub(super) fn get(&self, name: &str) -> Option<&'a str> {
        self.0.iter().find(|(known, _)| *known == name).map(|(_, value)| *value)
    }
}

/// Whether a text can name a part of a topic.
pub(super) fn is_name(name: &str) -> bool {
    let is_plain = name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_');
    is_plain && !name.is_empty() && !matches!(name, "key" | "item")
}

fn level(text: &str) -> Result<Level, TopicPatternError> {
    match text {
        "+" => return Ok(Level::Any),
        "#" => return Ok(Level::Rest),
        _ => {}
    }
    let wrong = || TopicPatternError::Level { level: text.to_owned() };
    let checked = |text: &str| {
        if text.contains(['+', '#']) {
            return Err(TopicPatternError::Wildcard);
        }
        if text.contains(['{', '}']) { Err(wrong()) } else { Ok(text.to_owned()) }
    };
    let Some((before, rest)) = text.split_once('{') else { return Ok(Level::Text(checked(text)?)) };
    let (name, after) = rest.split_once('}').ok_or_else(wrong)?;
    let (before, after) = (checked(before)?, checked(after)?);
    let (name, is_many) = name.strip_suffix('+').map_or((name, false), |name| (name, true));
    if !is_name(name) {
        return Err(TopicPatternError::Name { name: name.to_owned() });
    }
    let name = name.to_owned();
    match (is_many, before.is_empty() && after.is_empty()) {
        (false, _) => Ok(Level::One { before, name, after }),
        (true, true) => Ok(Level::Many(name)),
        (true, false) => Err(wrong()),
    }
}

/// Whether each of `levels` fits its level of the topic.
fn each<'a>(levels: &'a [Level], given: &mut dyn Iterator<Item = &'a str>, captures: &mut Captures<'a>) -> bool {
    levels.iter().all(|level| {
        let Some(given) = given.next() else { return false };
        match level {
            Level::Any | Level::Rest | Level::Many(_) => true,
            Level::Text(text) => text == given,
            Level::One { before, name, after } => {
                let part = given.strip_prefix(before.as_str()).and_then(|rest| rest.strip_suffix(after.as_str()));
                let is_whole = before.is_empty() && after.is_empty();
                let part = part.filter(|part| !is_whole || !part.is_empty());
                captures.0.extend(part.map(|part| (name.as_str(), part)));
                part.is_some()
            }
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(pattern: &str, topic: &str) -> Option<String> {
        let pattern = TopicPattern::parse(pattern).unwrap();
        let captures = pattern.matches(topic)?;
        Some(captures.0.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join(" "))
    }

    #[test]
    fn a_pattern_names_parts_of_a_topic() {
        for (pattern, topic, captures) in [
            ("tele/{device}/SENSOR", "tele/plug/SENSOR", Some("device=plug")),
            ("tele/{device}/SENSOR", "tele/plug/STATE", None),
            ("tele/{device}/SENSOR", "tele/plug/SENSOR/more", None),
            ("tele/{device}/SENSOR", "tele//SENSOR", None),
            ("tele/{device}", "tele", None),
            ("stat/{device}/POWER{n}", "stat/plug/POWER", Some("device=plug n=")),
            ("stat/{device}/POWER{n}", "stat/plug/POWER2", Some("device=plug n=2")),
            ("stat/{device}/POWER{n}", "stat/plug/power", None),
            ("a/pre{x}post", "a/prepost", Some("x=")),
            ("a/pre{x}post", "a/prep", None),
            ("z/{device+}", "z/kitchen/lamp", Some("device=kitchen/lamp")),
            ("z/{device+}", "z", None),
            ("z/{device+}", "z/", None),
            ("{device+}/{kind}/{id}/state", "a/b/sensor/t/state", Some("kind=sensor id=t device=a/b")),
            ("{device+}/{kind}/{id}/state", "sensor/t/state", None),
            ("z/{device+}/set", "z/a/b/set", Some("device=a/b")),
            ("z/bridge/#", "z/bridge/devices/x", Some("")),
            ("z/bridge/#", "z/bridge", Some("")),
            ("z/bridge/#", "z/bridges", None),
            ("+/x/{y}", "a/x/ü", Some("y=ü")),
        ] {
            assert_eq!(found(pattern, topic).as_deref(), captures, "{pattern} on {topic}");
        }
    }

    #[test]
    fn a_part_is_found_by_its_name() {
        let pattern = TopicPattern::parse("{a}/{b}").unwrap();
        let captures = pattern.matches("x/y").unwrap();
        assert_eq!((captures.get("b"), captures.get("c")), (Some("y"), None));
    }

    #[test]
    fn what_is_no_pattern_says_why() {
        let wrong = |text: &str| TopicPattern::parse(text).unwrap_err();
        assert_eq!(wrong(""), TopicPatternError::Empty);
        assert_eq!(wrong("a+/b"), TopicPatternError::Wildcard);
        assert_eq!(wrong("a/#/b"), TopicPatternError::Wildcard);
        assert_eq!(wrong("{a+}/b/{c+}"), TopicPatternError::TwoLong);
        assert_eq!(wrong("{a+}/#"), TopicPatternError::TwoLong);
        for level in ["{a", "a}", "{a}{b}", "x{a+}"] {
            assert_eq!(wrong(&format!("t/{level}")), TopicPatternError::Level { level: level.to_owned() });
        }
        for name in ["", "A", "key", "item", "a-b"] {
            assert_eq!(wrong(&format!("t/{{{name}}}")), TopicPatternError::Name { name: name.to_owned() });
        }
        assert_eq!(wrong("{a}/{a}"), TopicPatternError::Twice { name: "a".to_owned() });
    }
}
