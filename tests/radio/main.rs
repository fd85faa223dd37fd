//! The real daemon beside a Bluetooth service that the tests play, on a bus of its own: everything that can happen to
//! a radio, without one.
#![expect(
    unreachable_pub,
    clippy::unwrap_used,
    reason = "a program of tests: nothing is outside, and a failure is a panic"
)]

mod bluez;
mod bus;
mod frames;
#[expect(dead_code, reason = "tests/it uses the rest")]
#[path = "../it/gateway.rs"]
mod gateway;
mod linked;
#[expect(dead_code, reason = "tests/it uses the rest")]
#[path = "../it/mqtt.rs"]
mod mqtt;
mod peripheral;
#[expect(dead_code, reason = "tests/it uses the rest")]
#[path = "../it/receiver.rs"]
mod receiver;
mod scene;
#[expect(dead_code, reason = "tests/it uses the rest")]
#[path = "../it/tools.rs"]
mod tools;

mod adopted;
mod adverts;
mod failures;
mod flood;
mod gatt;
mod kept;
mod links;
mod played;
