//! What a gateway writes to its SD card: `cargo bench --bench wear`, as root.
//!
//! Runs the real daemon on an ext4 filesystem on a loop device and counts the sectors that are written to the device,
//! journal and all: at 1 event a second, at 1,000, and with nothing to do. Events come over MQTT with QoS 1, 500 bytes
//! each, and are delivered at once; limits are off. Beside it stands what `SQLite` writes for the same on the same
//! filesystem, see `sqlite.py`.

#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a bench reports on stdout and may end by panicking")]
#![expect(clippy::disallowed_methods, reason = "a bench measures time")]

#[allow(dead_code, reason = "the other benches use the rest")]
#[path = "../load/daemon.rs"]
mod daemon;
#[path = "../load/device.rs"]
mod device;
#[allow(dead_code, unreachable_pub, reason = "tests/faults uses the rest, and nothing is outside of a bench")]
#[path = "../../tests/faults/loop_device.rs"]
mod loop_device;
#[allow(dead_code, reason = "the other benches use the rest")]
#[path = "../load/machine.rs"]
mod machine;
#[allow(dead_code, reason = "the other benches use the rest")]
#[path = "../load/server.rs"]
mod server;

mod disk;
mod sqlite;

use std::time::Duration;

use crate::daemon::Daemon;
use crate::device::Device;
use crate::disk::Disk;
use crate::server::Server;

const DATA_BYTES: usize = 500;
const IDLE: Duration = Duration::from_secs(60);
/// Events a second, and for how many seconds.
const RATES: [Rate; 2] = [Rate { per_second: 1, seconds: 60 }, Rate { per_second: 1_000, seconds: 10 }];
/// Devices that publish in turn.
const DEVICES: usize = 20;

/// How fast events come.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rate {
    per_second: u32,
    seconds: u32,
}

impl Rate {
    fn events(self) -> u32 {
        self.per_second * self.seconds
    }

    fn interval(self) -> Duration {
        Duration::from_secs(1) / self.per_second
    }
}

fn main() {
    if !nix::unistd::geteuid().is_root() {
        println!("skipped: only root can mount a filesystem on a loop device");
        return;
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    machine::print();
    let disk = Disk::new();
    println!("{:<20} {:>14} {:>14}", "kB for an event", "farhook", "SQLite WAL");
    let mut idle_kb = 0.0;
    runtime.block_on(async {
        let server = Server::start();
        let mut daemon = Daemon::start_in(disk.folder(), server.port());
        let keys = daemon.add_devices(DEVICES);
        for rate in RATES {
            let farhook_kb = of_farhook(&daemon, &server, &keys, rate, &disk).await;
            let sqlite_kb = sqlite::written_kb(&disk, rate);
            let show = |kb: Option<f64>| {
                kb.map_or("no python3".to_owned(), |kb| format!("{:.1}", kb / f64::from(rate.events())))
            };
            println!(
                "{:<20} {:>14} {:>14}",
                format!("at {}/s", rate.per_second),
                show(Some(farhook_kb)),
                show(sqlite_kb)
            );
        }
        // The log of attempts is written within half a minute.
        tokio::time::sleep(Duration::from_secs(35)).await;
        let before_kb = disk.written_kb();
        tokio::time::sleep(IDLE).await;
        idle_kb = disk.written_kb() - before_kb;
        daemon.stop();
    });
    println!("nothing to do        {idle_kb:.1} kB in {IDLE:.0?}");
}

/// Kilobytes that the device had to take while so many events came and were delivered.
async fn of_farhook(daemon: &Daemon, server: &Server, keys: &[(String, String)], rate: Rate, disk: &Disk) -> f64 {
    let mut devices = Vec::new();
    let mut answers = Vec::new();
    for (id, key) in keys {
        let (device, told) = Device::connect(daemon.mqtt(), id, key).await;
        devices.push(device);
        answers.push(told);
    }
    let (before_kb, expected) = (disk.written_kb(), server.answered() + u64::from(rate.events()));
    let mut ticks = tokio::time::interval(rate.interval());
    for number in 0..rate.events() as usize {
        ticks.tick().await;
        devices[number % DEVICES].publish("bench", &data(number)).await;
    }
    while server.answered() < expected || daemon.waiting() > 0 {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    disk.written_kb() - before_kb
}

fn data(number: usize) -> String {
    let mut text = format!("{{\"n\":{number},\"pad\":\"");
    while text.len() < DATA_BYTES - 2 {
        text.push('x');
    }
    text.push_str("\"}");
    text
}
