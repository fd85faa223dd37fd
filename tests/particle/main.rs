//! Particle's own clients, unmodified, on the real daemon: particle-cli, particle-api-js, and the requests that other
//! clients are known to send.
//!
//! `cli/` runs commands as a user types them and reads what they print; `api_js` calls every method of the library that
//! a gateway has an answer to, from the script `api.js`; `traps` sends plain requests, one test for each thing that a
//! server got wrong before; `roundtrip` sends hook files and gets them back; `openapi` lets schemathesis make requests
//! up from the API's own document. The clients come from `tests/node`; without them the tests say so and pass, but
//! never in CI.
#![expect(
    unreachable_pub,
    clippy::unwrap_used,
    reason = "a program of tests: nothing is outside, and a failure is a panic"
)]

#[expect(dead_code, reason = "tests/it uses the rest")]
#[path = "../it/account.rs"]
mod account;
#[expect(dead_code, reason = "tests/it uses the rest")]
#[path = "../it/gateway.rs"]
mod gateway;
#[expect(dead_code, reason = "tests/it uses the rest")]
#[path = "../it/mqtt.rs"]
mod mqtt;
#[expect(dead_code, reason = "tests/it uses the rest")]
#[path = "../it/plain_http.rs"]
mod plain_http;
#[expect(dead_code, reason = "tests/it uses the rest")]
#[path = "../it/receiver.rs"]
mod receiver;
#[expect(dead_code, reason = "tests/it uses the rest")]
#[path = "../it/tools.rs"]
mod tools;

mod hook_files;
mod node;
mod particle;
mod sensor;
mod shape;

mod api_js;
mod cli;
mod openapi;
mod roundtrip;
mod traps;
