//! The link of `examples/firmware/` in conversation with the gateway's own codecs.
#![expect(
    unreachable_pub,
    clippy::unwrap_used,
    reason = "a program of tests: nothing is outside, and a failure is a panic"
)]

mod board;
mod conversation;
mod disturbed;
mod peer;
#[expect(dead_code, reason = "tests/it uses the rest")]
#[path = "../it/tools.rs"]
mod tools;
