//! The pages, as people see them: Debian's Chromium on the real daemon.
//!
//! What is done on a page stands in a script, `*.js`, on top of `browser.js`, which also fails whatever breaks the
//! page's policy, throws, cannot be loaded or is hard to use for somebody. What the gateway does meanwhile stands in the
//! tests here, one file for each part of the pages. The browser's parts come from `tests/node`; without them or without
//! Chromium the tests say so and pass, but never in CI. What the pages look like is in `target/screenshots/` afterwards.
#![expect(
    unreachable_pub,
    clippy::unwrap_used,
    reason = "a program of tests: nothing is outside, and a failure is a panic"
)]

#[expect(dead_code, reason = "tests/radio uses the rest")]
#[path = "../radio/bluez/mod.rs"]
mod bluez;
#[expect(dead_code, reason = "tests/radio uses the rest")]
#[path = "../radio/bus.rs"]
mod bus;
#[expect(dead_code, reason = "tests/it uses the rest")]
#[path = "../it/gateway.rs"]
mod gateway;
#[expect(dead_code, reason = "tests/it uses the rest")]
#[path = "../it/mqtt.rs"]
mod mqtt;
#[expect(dead_code, reason = "tests/particle uses the rest")]
#[path = "../particle/node.rs"]
mod node;
#[expect(dead_code, reason = "tests/it uses the rest")]
#[path = "../it/receiver.rs"]
mod receiver;
#[expect(dead_code, reason = "tests/radio uses the rest")]
#[path = "../radio/scene.rs"]
mod scene;
#[expect(dead_code, reason = "tests/it uses the rest")]
#[path = "../it/tools.rs"]
mod tools;
#[expect(dead_code, reason = "tests/it uses the rest")]
#[path = "../it/web_routes.rs"]
mod web_routes;

mod flow;

mod first_hour;
mod harness;
mod sensors;
mod settings;
mod sources;
