//! What connected devices cost, and what those leave behind that do not come back: `cargo bench --bench memory`.
//!
//! Starts the real daemon and prints its resident memory beside the machine, three times:
//!
//! * with 500 registered devices, none connected;
//! * with all of them connected and idle, each with one subscription: at most 40 MB more;
//! * after one device came 10,000 times under another client id, subscribed to another filter, published on another
//!   topic and went without a word, every other time with a session that was to outlast that: within 10 %.

#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a bench reports on stdout and may end by panicking")]
#![expect(clippy::disallowed_methods, reason = "a bench measures time")]

mod abandoned;
#[allow(dead_code, reason = "the other benches use the rest")]
#[path = "../load/daemon.rs"]
mod daemon;
#[allow(dead_code, reason = "the other benches use the rest")]
#[path = "../load/device.rs"]
mod device;
#[allow(dead_code, reason = "the other benches use the rest")]
#[path = "../load/machine.rs"]
mod machine;

use std::time::Duration;

use crate::daemon::Daemon;
use crate::device::Device;

const DEVICES: usize = 500;
const ABANDONED: usize = 10_000;

/// For what the daemon does after it has answered.
const SETTLED_AFTER: Duration = Duration::from_secs(3);

fn main() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        machine::print();
        let mut daemon = Daemon::start_on_bus("unix:path=/nonexistent/bus");
        let keys = daemon.add_devices(DEVICES);
        let start = measure(&daemon, &format!("{DEVICES} devices, none connected")).await;
        let mut connected = Vec::new();
        for (id, key) in &keys {
            connected.push(Device::connect(daemon.mqtt(), id, key).await);
        }
        let idle = measure(&daemon, &format!("{DEVICES} devices connected and idle")).await;
        println!("              {:+.1} MB, {:.1} kB each", idle - start, (idle - start) * 1024.0 / as_f64(DEVICES));
        let (id, key) = &keys[0];
        for number in 0..ABANDONED {
            abandoned::come_once(daemon.mqtt(), id, key, number).await;
        }
        let after = measure(&daemon, &format!("{ABANDONED} client ids abandoned")).await;
        println!("              {:+.1} MB, {:+.1} %", after - idle, (after / idle - 1.0) * 100.0);
        drop(connected);
        daemon.stop();
    });
}

/// Prints the resident memory, in MB.
async fn measure(daemon: &Daemon, what: &str) -> f64 {
    tokio::time::sleep(SETTLED_AFTER).await;
    let resident_mb = daemon.resident_mb();
    println!("memory:       {resident_mb:.1} MB, {what}");
    resident_mb
}

fn as_f64(count: usize) -> f64 {
    f64::from(u32::try_from(count).unwrap())
}
