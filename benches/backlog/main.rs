//! What a long outage costs: `cargo bench --bench backlog`, or `… -- 200000` for one size.
//!
//! Fills the queue of a stopped daemon with deliveries of 20 devices for one hook, 500 bytes of data each, and measures
//! the real daemon on it, beside the machine:
//!
//! * from `farhook run` to its ready line: the first time, when all that was filled in has to be replayed, after a kill
//!   and after a stop; resident memory a few seconds later, while the hook's target refuses every connection;
//! * the target answers again: how long everything takes without limits, and the memory it takes meanwhile;
//! * what is given back after that: resident memory and disk half a minute later, and after a restart.

#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a bench reports on stdout and may end by panicking")]
#![expect(clippy::disallowed_methods, reason = "a bench measures time")]

#[allow(dead_code, reason = "the other benches use the rest")]
#[path = "../load/daemon.rs"]
mod daemon;
#[allow(dead_code, reason = "the other benches use the rest")]
#[path = "../load/machine.rs"]
mod machine;
#[allow(dead_code, reason = "the other benches use the rest")]
#[path = "../load/server.rs"]
mod server;

mod filling;

use std::fs::DirEntry;
use std::fs::File;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::Duration;
use std::time::Instant;

use nix::fcntl::PosixFadviseAdvice;
use nix::fcntl::posix_fadvise;

use crate::daemon::Daemon;
use crate::server::Closed;
use crate::server::Server;

const SIZES: [u64; 2] = [200_000, 1_000_000];
const DEVICES: usize = 20;
/// After a start, before its memory is read: the dispatcher has its first pages and its first refusals by then.
const SETTLED: Duration = Duration::from_secs(4);
/// From the end of the drain until everything has to be given back.
const GIVEN_BACK: Duration = Duration::from_secs(30);

fn main() {
    let asked: Vec<u64> = std::env::args().filter_map(|word| word.parse().ok()).collect();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    machine::print();
    for count in if asked.is_empty() { SIZES.to_vec() } else { asked } {
        runtime.block_on(measure(count));
    }
}

async fn measure(count: u64) {
    let closed = Closed::new();
    let mut daemon = Daemon::start(closed.port());
    let devices: Vec<String> = daemon.add_devices(DEVICES).into_iter().map(|(id, _)| id).collect();
    tokio::time::sleep(SETTLED).await;
    println!("\n{count} deliveries that wait");
    println!("  idle:            {:.1} MB resident", daemon.resident_mb());
    daemon.stop();
    let began = Instant::now();
    tokio::task::block_in_place(|| filling::fill(daemon.data(), daemon.hook(), &devices, count));
    println!("  filled:          {:.0} MB on disk, in {:.0?}", queue_mb(daemon.data()), began.elapsed());
    for name in ["first start:", "after a kill:", "after a stop:"] {
        forget_cached(daemon.data());
        daemon.start_again();
        while daemon.waiting() < count {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        tokio::time::sleep(SETTLED).await;
        print_start(name, &daemon);
        match name {
            "first start:" => daemon.kill(),
            "after a kill:" => daemon.stop(),
            _ => {}
        }
    }
    drain(&daemon, &closed.open(), count).await;
    tokio::time::sleep(GIVEN_BACK).await;
    println!(
        "  {GIVEN_BACK:.0?} later:      {:.1} MB resident, {:.1} MB on disk",
        daemon.resident_mb(),
        queue_mb(daemon.data())
    );
    daemon.stop();
    daemon.start_again();
    tokio::time::sleep(SETTLED).await;
    print_start("restarted:", &daemon);
    println!("                   {:.1} MB on disk", queue_mb(daemon.data()));
    daemon.stop();
}

fn print_start(name: &str, daemon: &Daemon) {
    println!(
        "  {name:<16} ready after {:.2} s, {:.0} MB read, {:.1} MB resident, at most {:.1} MB",
        daemon.ready_after().as_secs_f64(),
        daemon.read_kb() / 1024.0,
        daemon.resident_mb(),
        daemon.peak_mb()
    );
}

/// Waits until everything is delivered.
async fn drain(daemon: &Daemon, server: &Server, count: u64) {
    let asked = Instant::now();
    while server.answered() == 0 {
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    let (began, cpu_before, own_before) = (Instant::now(), daemon.cpu_s(), machine::own_cpu_s());
    let mut resident_mb: f64 = 0.0;
    while server.answered() < count {
        tokio::time::sleep(Duration::from_millis(100)).await;
        resident_mb = resident_mb.max(daemon.resident_mb());
    }
    let taken_s = began.elapsed().as_secs_f64();
    let (cpu, own) = (daemon.cpu_s() - cpu_before, machine::own_cpu_s() - own_before);
    let count_f = f64::from(u32::try_from(count).unwrap());
    println!("  drained:         in {taken_s:.1} s, {:.0}/s, begun after {:.1?}", count_f / taken_s, began - asked);
    println!(
        "                   {:.2} CPU s per 10,000 (the server: {:.2}), at most {resident_mb:.1} MB resident",
        cpu / count_f * 10_000.0,
        own / count_f * 10_000.0
    );
    while daemon.waiting() > 0 {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// Lets the kernel forget the database, as it is after a boot: what is read of it comes from the disk.
fn forget_cached(data: &Path) {
    let database = File::open(data.join("queue/db")).unwrap();
    // Only what is on the disk can be forgotten.
    database.sync_all().unwrap();
    posix_fadvise(&database, 0, 0, PosixFadviseAdvice::POSIX_FADV_DONTNEED).unwrap();
}

/// What the queue takes on the disk.
fn queue_mb(data: &Path) -> f64 {
    let blocks = |entry: std::io::Result<DirEntry>| entry.unwrap().metadata().unwrap().blocks();
    let blocks: u64 = std::fs::read_dir(data.join("queue")).unwrap().map(blocks).sum();
    // Blocks of 512 bytes, whatever the filesystem has.
    f64::from(u32::try_from(blocks).unwrap()) / 2_048.0
}
