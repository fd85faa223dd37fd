//! How much a gateway does and what it costs: `cargo bench --bench load`.
//!
//! Starts the real daemon with its limits switched off, plays 50 MQTT devices and the webhook's server, and prints what
//! it measured beside the machine. Three figures:
//!
//! * the closed loop: each device keeps two events under way, QoS 1, 64 bytes of JSON, and publishes the next when the
//!   answer to one is back; deliveries a second, the daemon's CPU seconds per 10,000, its largest resident memory;
//! * latency: 100 events a second, from the publish to the arrival at the server;
//! * resident memory of a daemon that has nothing to do.

#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a bench reports on stdout and may end by panicking")]
#![expect(clippy::disallowed_methods, reason = "a bench measures time")]

#[allow(dead_code, reason = "the other benches use the rest")]
mod daemon;
mod device;
mod machine;
#[allow(dead_code, reason = "the other benches use the rest")]
mod server;

use std::sync::Arc;
use std::time::Duration;
use std::time::Instant;

use tokio::sync::mpsc;

use crate::daemon::Daemon;
use crate::device::Device;
use crate::server::Server;

const DEVICES: usize = 50;
const UNDER_WAY: usize = 2;
const WARM_UP: Duration = Duration::from_secs(2);
const MEASURED: Duration = Duration::from_secs(10);
const LATENCY_EVENTS: usize = 1_000;
const LATENCY_EVERY: Duration = Duration::from_millis(10);

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        machine::print();
        let server = Server::start();
        let mut daemon = Daemon::start(server.port());
        tokio::time::sleep(Duration::from_secs(1)).await;
        println!("idle:         resident memory {:.1} MB", daemon.resident_mb());
        let keys = daemon.add_devices(DEVICES);
        latency(&daemon, &server, &keys).await;
        closed_loop(&daemon, &keys).await;
        daemon.stop();
    });
}

/// Publishes steadily and takes the time until each event is at the server.
async fn latency(daemon: &Daemon, server: &Server, keys: &[(String, String)]) {
    let (id, key) = &keys[0];
    let (mut device, _answers) = Device::connect(daemon.mqtt(), id, key).await;
    let began = Instant::now();
    let mut ticks = tokio::time::interval(LATENCY_EVERY);
    server.watch_from(began);
    for number in 0..LATENCY_EVENTS {
        ticks.tick().await;
        device.publish("bench", &payload(began.elapsed().as_micros(), number)).await;
    }
    let mut taken_us = server.take_latencies(LATENCY_EVENTS).await;
    taken_us.sort_unstable();
    let at = |percent: usize| Duration::from_micros(taken_us[(taken_us.len() - 1) * percent / 100]);
    println!("latency:      100/s, publish to server: p50 {:.1?}, p99 {:.1?}", at(50), at(99));
}

/// Lets every device publish as fast as its answers come.
async fn closed_loop(daemon: &Daemon, keys: &[(String, String)]) {
    let (done, mut finished) = mpsc::unbounded_channel::<Instant>();
    for (id, key) in keys {
        let (mut device, mut answers) = Device::connect(daemon.mqtt(), id, key).await;
        let done = done.clone();
        tokio::spawn(async move {
            let mut number = 0;
            for _ in 0..UNDER_WAY {
                device.publish("bench", &payload(0, number)).await;
                number += 1;
            }
            while answers.recv().await.is_some() {
                if done.send(Instant::now()).is_err() {
                    return;
                }
                device.publish("bench", &payload(0, number)).await;
                number += 1;
            }
        });
    }
    tokio::time::sleep(WARM_UP).await;
    while finished.try_recv().is_ok() {}
    let (began, cpu_before, own_before) = (Instant::now(), daemon.cpu_s(), machine::own_cpu_s());
    tokio::time::sleep(MEASURED).await;
    let (elapsed, cpu, own) = (began.elapsed(), daemon.cpu_s() - cpu_before, machine::own_cpu_s() - own_before);
    let mut count = 0_u32;
    while finished.try_recv().is_ok() {
        count += 1;
    }
    let count = f64::from(count);
    println!(
        "closed loop:  {:.0} deliveries/s with answers, {DEVICES} devices, {} under way",
        count / elapsed.as_secs_f64(),
        DEVICES * UNDER_WAY
    );
    println!(
        "              {:.2} CPU s per 10,000 (this load generator: {:.2})",
        cpu / count * 10_000.0,
        own / count * 10_000.0
    );
    println!("              resident memory {:.1} MB, at most {:.1} MB", daemon.resident_mb(), daemon.peak_mb());
    println!(
        "              {:.1} kB written per delivery (as the process sees it)",
        daemon.written_kb() / f64::from(daemon.delivered())
    );
}

/// 64 bytes of JSON.
fn payload(sent_us: u128, number: usize) -> Arc<str> {
    let mut json = format!("{{\"us\":{sent_us},\"n\":{number},\"t\":21.5,\"pad\":\"");
    while json.len() < 62 {
        json.push('x');
    }
    json.push_str("\"}");
    json.into()
}
