//! The real daemon as a process, with real clients on one side and a web service that the tests play on the other.
#![expect(
    unreachable_pub,
    clippy::unwrap_used,
    reason = "a program of tests: nothing is outside, and a failure is a panic"
)]

#[expect(dead_code, reason = "tests/particle uses the rest")]
mod account;
mod browser;
#[expect(dead_code, reason = "tests/faults uses the rest")]
mod gateway;
mod household;
mod mosquitto;
mod mqtt;
mod mqtt_js;
#[expect(dead_code, reason = "tests/particle uses the rest")]
#[path = "../particle/node.rs"]
mod node;
mod plain_http;
mod publishers;
mod receiver;
#[expect(dead_code, reason = "tests/faults uses the rest")]
mod tools;
mod web_routes;

mod accounts;
mod backup;
mod clock;
mod command_line;
mod deliveries;
mod doors;
mod durable;
mod egress;
mod guide;
mod history;
mod hostile;
mod https;
mod isolation;
mod killed;
mod life;
mod limits;
mod network;
mod outage;
mod pages_devices;
mod pages_hooks;
mod pages_settings;
mod pause;
mod products;
mod remote;
mod requests;
mod retained;
mod sleeping;
mod sources;
mod streams;
mod systemd;
mod web_markup;
mod web_refusals;
mod web_security;
mod web_sessions;
