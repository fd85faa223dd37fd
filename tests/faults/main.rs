//! The real daemon on machines that fail: lines that are cut, power that is lost, disks that are full. The machines are
//! made of network namespaces, loop devices and mounts, which takes root.
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
#[path = "../it/publishers.rs"]
mod publishers;
#[expect(dead_code, reason = "tests/it uses the rest")]
#[path = "../it/receiver.rs"]
mod receiver;
#[path = "../it/tools.rs"]
mod tools;

mod full_disk;
mod line;
mod loop_device;
mod namespace;
mod outage;
mod power_cut;
mod volatile_disk;
