//! The MQTT listener over real sockets, between an intake, a feed and a registry that the tests play.
#![expect(
    unreachable_pub,
    clippy::unwrap_used,
    reason = "a program of tests: nothing is outside, and a failure is a panic"
)]

mod aliases;
mod calls;
mod client;
mod gateway;
mod lasting;
mod listening;
mod login;
mod mosquitto;
mod publishing;
mod retained;
mod robustness;
mod stopping;
#[expect(dead_code, reason = "tests/it uses the rest")]
#[path = "../it/tools.rs"]
mod tools;
