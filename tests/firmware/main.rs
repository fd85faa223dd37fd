//! The firmware in `examples/firmware/`: its link speaks with the gateway's own codecs, its programs compile, and what
//! its guide reckons is right.
#![expect(
    unreachable_pub,
    clippy::unwrap_used,
    reason = "a program of tests: nothing is outside, and a failure is a panic"
)]

mod board;
mod conversation;
mod disturbed;
mod guide;
mod peer;
mod sketches;
#[expect(dead_code, reason = "tests/it uses the rest")]
#[path = "../it/tools.rs"]
mod tools;
