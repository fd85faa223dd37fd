//! What listening for Bluetooth costs: `cargo bench --bench radio`.
//!
//! With the real daemon, on a bus of its own with a Bluetooth service that is played: 680 adverts a second of 100
//! devices, for 20 seconds. Prints the daemon's share of one core, its resident memory before and after, and whether it
//! heard them all. Beside it stands what the bus and the played service take, which is no part of the daemon.

#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a bench reports on stdout and may end by panicking")]
#![expect(clippy::disallowed_methods, reason = "a bench measures time")]
#![expect(unreachable_pub, reason = "it shares what the tests play")]

#[allow(dead_code, reason = "the tests use the rest")]
#[path = "../../tests/radio/bluez/mod.rs"]
mod bluez;
#[allow(dead_code, reason = "the tests use the rest")]
#[path = "../../tests/radio/bus.rs"]
mod bus;
#[allow(dead_code, reason = "the other benches use the rest")]
#[path = "../load/daemon.rs"]
mod daemon;
#[path = "../load/machine.rs"]
mod machine;

use std::ops::Range;
use std::time::Duration;
use std::time::Instant;

use crate::bluez::Bluez;
use crate::bluez::Sent;
use crate::bus::Bus;
use crate::daemon::Daemon;

/// About what btleplug 0.13.5 can take of its own events, each of which it asks BlueZ about.
const PER_SECOND: u32 = 680;
const MEASURED: Duration = Duration::from_secs(20);
const DEVICES: u32 = 100;

/// What is due is sent once in such a turn.
const TURN: Duration = Duration::from_millis(5);

fn main() {
    machine::print();
    let bus = Bus::start();
    let bluez = Bluez::start(&bus.address());
    bluez.when(|service| service.plug("hci0", "B8:27:EB:00:00:01"));
    let mut daemon = Daemon::start_on_bus(&bus.address());
    wait(|| daemon.ask(&["status"])["ble"]["state"] == "scanning");
    send(&bluez, 0..DEVICES);
    let heard = || daemon.ask(&["status"])["ble"]["heard"].as_u64().unwrap();
    wait(|| heard() >= u64::from(DEVICES));

    let (cpu_before, own_before, memory_before) = (daemon.cpu_s(), machine::own_cpu_s(), daemon.resident_mb());
    let (began, all) = (Instant::now(), PER_SECOND * u32::try_from(MEASURED.as_secs()).unwrap());
    let mut sent = 0;
    while sent < all {
        let due = (PER_SECOND * u32::try_from(began.elapsed().as_millis()).unwrap() / 1_000).min(all);
        send(&bluez, sent..due);
        sent = due;
        std::thread::sleep(TURN);
    }
    let elapsed = began.elapsed().as_secs_f64();
    let (cpu, own) = (daemon.cpu_s() - cpu_before, machine::own_cpu_s() - own_before);
    wait(|| heard() >= u64::from(DEVICES + all));
    let told = daemon.ask(&["status"]);
    println!("adverts:      {all} in {elapsed:.1} s, {:.0} a second", f64::from(all) / elapsed);
    println!(
        "              {:.1} % of one core (what plays the service: {:.1} %)",
        share(cpu, elapsed),
        share(own, elapsed)
    );
    println!("              resident memory {memory_before:.1} MB, then {:.1} MB", daemon.resident_mb());
    println!("              heard {}, dropped {}", told["ble"]["heard"], told["ble"]["dropped"]);
    daemon.stop();
}

/// Sensors in turn send their next readings.
fn send(bluez: &Bluez, numbers: Range<u32>) {
    bluez.when(|service| {
        for number in numbers {
            let data = [&[0x40, 0x00], number.to_be_bytes().as_slice()].concat();
            let sent = Sent {
                address: format!("A4:C1:38:00:00:{:02X}", number % DEVICES).into(),
                rssi: -60,
                service_data: vec![("0000fcd2-0000-1000-8000-00805f9b34fb", data)],
                ..Sent::default()
            };
            assert!(service.send("hci0", &sent), "nobody scans");
        }
    });
}

fn wait(is_so: impl Fn() -> bool) {
    let began = Instant::now();
    while !is_so() {
        assert!(began.elapsed() < Duration::from_secs(30), "it never is so");
    }
}

fn share(cpu_s: f64, elapsed_s: f64) -> f64 {
    100.0 * cpu_s / elapsed_s
}
