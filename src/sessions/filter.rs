//! Topic filters: which are valid, and what they match. Pure.
//!
//! Source: MQTT 3.1.1 and 5, section 4.7. rumqttd's own check is never called by it, and its matcher fails on topics
//! that begin with a character of several bytes.

/// Bytes of a filter: no event has a longer name, so a longer filter could match nothing.
const FILTER_BYTES: usize = crate::model::spec::EMITTED_NAME_CHARS;

/// A valid filter that a client may subscribe to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TopicFilter(String);

/// Why a filter is not subscribed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FilterRefusal {
    /// Empty, too long, holds NUL, or has `+` or `#` in a wrong place.
    #[error("not a valid topic filter")]
    Invalid,
    /// Shared subscriptions are not offered.
    #[error("shared subscriptions are not available")]
    Shared,
    /// Names that begin with `$` are nobody's to read.
    #[error("topics that begin with $ are not available")]
    Reserved,
}

impl TopicFilter {
    /// Checks a filter as it arrived.
    pub fn parse(text: String) -> Result<Self, FilterRefusal> {
        if text.starts_with("$share/") {
            return Err(FilterRefusal::Shared);
        }
        if text.starts_with('$') {
            return Err(FilterRefusal::Reserved);
        }
        if text.is_empty() || text.len() > FILTER_BYTES || text.contains('\0') || !has_wildcards_in_place(&text) {
            return Err(FilterRefusal::Invalid);
        }
        Ok(Self(text))
    }

    /// Whether a message on `topic` is for who subscribed to this.
    pub fn matches(&self, topic: &str) -> bool {
        // A leading wildcard does not match names that a server keeps for itself.
        if topic.starts_with('$') && !self.0.starts_with('$') {
            return false;
        }
        let mut levels = topic.split('/');
        for wanted in self.0.split('/') {
            if wanted == "#" {
                return true;
            }
            match levels.next() {
                Some(level) if wanted == "+" || wanted == level => {}
                _ => return false,
            }
        }
        levels.next().is_none()
    }

    /// The filter as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// `+` and `#` stand alone in their level, and nothing comes after `#`.
fn has_wildcards_in_place(filter: &str) -> bool {
    let mut ended = false;
    filter.split('/').all(|level| {
        let in_place = !ended && (level.len() == 1 || !level.contains(['+', '#']));
        ended = level == "#";
        in_place
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn matches(filter: &str, topic: &str) -> bool {
        TopicFilter::parse(filter.to_owned()).unwrap().matches(topic)
    }

    #[test]
    fn filters_match_as_the_standard_says() {
        for (filter, topic) in [
            ("sport/tennis/player1/#", "sport/tennis/player1"),
            ("sport/tennis/player1/#", "sport/tennis/player1/score/wimbledon"),
            ("sport/#", "sport"),
            ("#", "a/b/c"),
            ("sport/tennis/+", "sport/tennis/player1"),
            ("sport/+", "sport/"),
            ("+/+", "/finance"),
            ("/+", "/finance"),
            ("a//b", "a//b"),
            ("hook-response/temp/+", "hook-response/temp/0"),
            ("é/+", "é/x"),
        ] {
            assert!(matches(filter, topic), "{filter} {topic}");
        }
        for (filter, topic) in [
            ("sport/tennis/+", "sport/tennis/player1/ranking"),
            ("sport/+", "sport"),
            ("+", "/finance"),
            ("a/b", "a"),
            ("a", "a/b"),
            ("a/b", "a/B"),
            ("#", "$SYS/x"),
            ("+/x", "$SYS/x"),
        ] {
            assert!(!matches(filter, topic), "{filter} {topic}");
        }
    }

    #[test]
    fn filters_that_cannot_be_are_refused() {
        let refusal = |filter: &str| TopicFilter::parse(filter.to_owned()).unwrap_err();
        for filter in ["", "a/#/b", "a#", "#/a", "a+", "+a/b", "##", "a/b+/c", "a\0b", &"x".repeat(257)] {
            assert_eq!(refusal(filter), FilterRefusal::Invalid, "{filter:?}");
        }
        assert_eq!(refusal("$share/group/a"), FilterRefusal::Shared);
        assert_eq!(refusal("$SYS/#"), FilterRefusal::Reserved);
    }

    proptest! {
        #[test]
        fn a_filter_without_wildcards_matches_itself_alone(topic in "[a-c/]{1,8}", other in "[a-c/]{1,8}") {
            prop_assert_eq!(matches(&topic, &other), topic == other);
        }

        #[test]
        fn replacing_a_level_by_plus_keeps_the_match(levels in prop::collection::vec("[a-cé]{0,2}", 1..6), at in 0_usize..6) {
            let topic = levels.join("/");
            prop_assume!(!topic.is_empty());
            let mut wild = levels.clone();
            let at = at % levels.len();
            wild[at] = "+".to_owned();
            prop_assert!(matches(&wild.join("/"), &topic));
            wild.truncate(at);
            wild.push("#".to_owned());
            prop_assert!(matches(&wild.join("/"), &topic));
        }

        #[test]
        fn nothing_that_parses_panics_when_it_matches(filter in ".{0,12}", topic in ".{0,12}") {
            if let Ok(filter) = TopicFilter::parse(filter) {
                filter.matches(&topic);
            }
        }
    }
}
