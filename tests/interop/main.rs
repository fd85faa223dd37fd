//! Clients that others wrote, on the real daemon: `paho-mqtt`, `rumqttc` and `mosquitto_sub`.
//!
//! `suite` runs the cases of Eclipse's interoperability suite (`paho.mqtt.testing`, `interoperability/client_test.py` for
//! MQTT 3.1.1 and `client_test5.py` for 5), under the names that they have there, as they are told in `python/`;
//! `returning` has clients that come back after the gateway was started again; `sleeping` a sensor that never waits for
//! its answers, while the gateway is killed. `./test` installs `paho-mqtt`; without it those tests say so and pass, but
//! never in CI.
#![expect(
    unreachable_pub,
    clippy::unwrap_used,
    reason = "a program of tests: nothing is outside, and a failure is a panic"
)]

#[expect(dead_code, reason = "tests/it uses the rest")]
#[path = "../it/gateway.rs"]
mod gateway;
#[expect(dead_code, reason = "tests/it uses the rest")]
#[path = "../it/mqtt.rs"]
mod mqtt;
#[expect(dead_code, reason = "tests/it uses the rest")]
#[path = "../it/receiver.rs"]
mod receiver;
#[expect(dead_code, reason = "tests/it uses the rest")]
#[path = "../it/tools.rs"]
mod tools;

mod known;
mod paho;

mod returning;
mod sleeping;
mod suite;
mod version_5;
