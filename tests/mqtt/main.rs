//! The MQTT listener over real sockets, between an intake, a feed and a registry that the tests play.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod calls;
mod client;
mod gateway;
mod listening;
mod login;
mod mosquitto;
mod publishing;
mod robustness;
mod stopping;
#[expect(dead_code, reason = "tests/it uses the rest")]
#[path = "../it/tools.rs"]
mod tools;
