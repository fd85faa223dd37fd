//! What does not pass yet, and why. Who is listed here must fail: a test that passes has to be taken from the list, so
//! that the list never says more than is true.

use crate::suite;

/// Tests by their names, with what is missing. Empty is what it should be.
pub const KNOWN_TO_FAIL: &[(&str, &str)] = &[
    ("v5::test_request_response", NO_LOCAL),
    ("v5::test_server_keep_alive", "the gateway has no keep-alive of its own"),
    ("v5::test_shared_subscriptions", "there are no shared subscriptions"),
    ("v5::test_subscribe_options", NO_LOCAL),
    ("v5::test_will_delay", "a will is published at once"),
];

/// What may be listed beside the cases of the suite.
const OTHERS: [&str; 2] = ["returning::paho", "sleeping"];

const NO_LOCAL: &str = "\"no local\" of an observer silences the other observers of its user, too";

#[test]
fn who_is_known_to_fail_exists() {
    for (test, _) in KNOWN_TO_FAIL {
        assert!(OTHERS.contains(test) || suite::has(test), "there is no {test}");
    }
}

/// What is missing for this test, if it is known to fail.
pub fn reason(test: &str) -> Option<&'static str> {
    KNOWN_TO_FAIL.iter().find(|(name, _)| *name == test).map(|(_, reason)| *reason)
}

/// Holds how a test went against the list.
pub fn judge(test: &str, went: Result<(), String>) {
    match (went, reason(test)) {
        (Ok(()), None) => {}
        (Err(said), None) => panic!("{test}: {said}"),
        (Err(said), Some(reason)) => eprintln!("{test} is known to fail: {reason}\n{said}"),
        (Ok(()), Some(_)) => panic!("{test} passes: take it from KNOWN_TO_FAIL"),
    }
}
