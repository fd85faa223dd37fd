//! Which known key was probably meant by an unknown one. Pure.

use strsim::damerau_levenshtein;

/// The nearest of `known` to `key`, if one is near enough to be worth mentioning.
///
/// A key that only stands in the wrong section is found whatever the distance.
pub(super) fn nearest<'a>(key: &str, known: impl Iterator<Item = &'a str> + Clone) -> Option<&'a str> {
    let name = last_part(key);
    if let Some(moved) = known.clone().find(|candidate| last_part(candidate) == name) {
        return Some(moved);
    }
    known
        .map(|candidate| (damerau_levenshtein(key, candidate), candidate))
        .filter(|(distance, candidate)| distance * 3 <= candidate.len())
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

fn last_part(key: &str) -> &str {
    key.rsplit('.').next().unwrap_or(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    const KNOWN: [&str; 4] = ["limits", "limits.host_per_minute", "limits.device_per_minute", "mqtt.listen"];

    fn nearest_of(key: &str) -> Option<&'static str> {
        nearest(key, KNOWN.into_iter())
    }

    #[test]
    fn a_slip_of_the_finger_finds_the_key() {
        assert_eq!(nearest_of("limits.host_per_minut"), Some("limits.host_per_minute"));
        assert_eq!(nearest_of("limits.deivce_per_minute"), Some("limits.device_per_minute"));
        assert_eq!(nearest_of("limit"), Some("limits"));
    }

    #[test]
    fn a_key_in_the_wrong_section_finds_its_own() {
        assert_eq!(nearest_of("host_per_minute"), Some("limits.host_per_minute"));
        assert_eq!(nearest_of("delivery.listen"), Some("mqtt.listen"));
    }

    #[test]
    fn something_else_finds_nothing() {
        assert_eq!(nearest_of("colour"), None);
        assert_eq!(nearest_of("ble.adapter"), None);
    }
}
