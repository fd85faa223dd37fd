//! What does not pass yet, and why. Who is listed here must fail: a test that passes has to be taken from the list, so
//! that the list never says more than is true.

use crate::suite;

/// Tests by their names, with what is missing. Empty is what it should be.
pub const KNOWN_TO_FAIL: &[(&str, &str)] = &[
    (
        "v5::test_server_keep_alive",
        "the gateway tells a keep-alive of an hour only to who asks for more, not one of 60 s",
    ),
    ("v5::test_shared_subscriptions", "there are no shared subscriptions"),
];

/// What may be listed beside the cases of the suite.
const OTHERS: [&str; 2] = ["returning::paho", "sleeping"];

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
