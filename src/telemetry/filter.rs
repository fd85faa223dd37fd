//! Which records are written. Pure.

use log::Level;
use log::LevelFilter;

/// Whether a record of `target` is written while the owner wants to see `wanted`.
///
/// Our own targets follow the owner; libraries are heard only when something is wrong. Their `debug` and `trace` name
/// payloads and headers, which our own never do above `debug`. Three are never heard: the MQTT router reports each packet
/// as an error, the verifier of certificates each attempt at a target that has a wrong one, and TLS what any stranger
/// sends; what really fails reaches us as a value.
pub(super) fn admits(wanted: LevelFilter, level: Level, target: &str) -> bool {
    if is_ours(target) {
        level <= wanted
    } else {
        let is_loud = ["rumqttd", "rustls"].iter().any(|name| target.starts_with(name));
        !is_loud && level <= wanted.min(LevelFilter::Warn)
    }
}

fn is_ours(target: &str) -> bool {
    target.strip_prefix("farhook").is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_own_records_follow_the_level() {
        assert!(admits(LevelFilter::Info, Level::Info, "farhook::mqtt::login"));
        assert!(admits(LevelFilter::Trace, Level::Trace, "farhook"));
        assert!(!admits(LevelFilter::Info, Level::Debug, "farhook::mqtt::login"));
        assert!(!admits(LevelFilter::Off, Level::Error, "farhook"));
    }

    #[test]
    fn libraries_are_heard_only_when_something_is_wrong() {
        assert!(admits(LevelFilter::Trace, Level::Warn, "reqwest::connect"));
        assert!(!admits(LevelFilter::Trace, Level::Info, "reqwest::connect"));
        assert!(!admits(LevelFilter::Trace, Level::Error, "rumqttd::router::routing"));
        assert!(!admits(LevelFilter::Trace, Level::Error, "rustls_platform_verifier::verification::others"));
        assert!(!admits(LevelFilter::Trace, Level::Warn, "rustls::check"));
        assert!(!admits(LevelFilter::Error, Level::Warn, "hyper::proto"));
        assert!(!admits(LevelFilter::Info, Level::Info, "farhooks"));
    }
}
