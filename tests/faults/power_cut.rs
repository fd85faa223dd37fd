//! What was acknowledged survives a power cut, whenever it comes.

use std::path::PathBuf;
use std::time::Duration;

use rand::Rng;
use rand::RngExt;
use rand::SeedableRng;
use rand::rngs::StdRng;
use tempfile::TempDir;

use crate::gateway::Setup;
use crate::loop_device;
use crate::loop_device::LoopDevice;
use crate::publishers;
use crate::publishers::Publishers;
use crate::receiver::Answer;
use crate::receiver::Receiver;
use crate::tools;
use crate::volatile_disk::Image;
use crate::volatile_disk::VolatileDisk;

const CUTS: usize = 60;
const DEVICES: usize = 4;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_was_acknowledged_is_delivered_although_the_power_is_cut_sixty_times() {
    if is_impossible() {
        return;
    }
    let seed = std::env::var("FARHOOK_SEED").map_or_else(|_| rand::random(), |seed| seed.parse().unwrap());
    eprintln!("FARHOOK_SEED={seed}");
    let mut chance = StdRng::seed_from_u64(seed);
    let mut machine = Machine::new();
    let setup = Setup::new().without_limits().with("[queue]\nmin_free_mb = 0").data(&machine.data());
    let mut gateway = setup.start().await;
    let mut receiver = Receiver::with(|_| Answer::status(200));
    gateway.hook(&publishers::hook(&receiver)).await;
    let publishers = Publishers::start(&gateway, DEVICES).await;

    let (mut flushes, mut cuts_in_a_start) = (0, 0);
    for cut in 0..CUTS {
        let uptime = Duration::from_millis(chance.random_range(0..500));
        if cut % 4 == 3 {
            // While it takes up what it had, or just after.
            tokio::time::sleep(uptime / 4).await;
            cuts_in_a_start += usize::from(!gateway.log().contains("listening for MQTT"));
        } else {
            if cut > 0 {
                gateway.wait_until_ready().await;
            }
            tokio::time::sleep(uptime).await;
        }
        flushes += machine.cut_power(&mut chance);
        gateway.kill().await;
        machine.start_again();
        gateway.begin_again();
    }
    gateway.wait_until_ready().await;
    let account = publishers.end().await;

    let acknowledged = account.acknowledged();
    assert!(acknowledged > CUTS * DEVICES, "{acknowledged} events are no load");
    let requests = account.assert_all_arrive(&gateway, &mut receiver).await;
    eprintln!(
        "{acknowledged} events, {CUTS} cuts, {cuts_in_a_start} of them in a start, {flushes} flushes, {requests} requests"
    );
}

fn is_impossible() -> bool {
    tools::is_not_root()
        || tools::is_no_device("/dev/fuse")
        || tools::is_missing("losetup", "mount")
        || tools::is_missing("mkfs.ext4", "e2fsprogs")
}

/// The machine around the daemon: a disk, and a filesystem on it.
struct Machine {
    // In this order: the filesystem goes before its disk and its folder.
    mounted: Option<LoopDevice>,
    disk: VolatileDisk,
    folder: TempDir,
    /// What was on the disk when the power went.
    image: Image,
}

impl Machine {
    /// With an empty filesystem.
    fn new() -> Self {
        let (disk, folder) = (VolatileDisk::new(Image::default()), tempfile::tempdir().unwrap());
        loop_device::format(&disk.file());
        let mounted = Some(LoopDevice::mount(&disk.file(), folder.path()));
        Self { mounted, disk, folder, image: Image::default() }
    }

    /// The folder for the daemon.
    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// From here on nothing reaches the disk. Gives how often it was flushed.
    fn cut_power(&mut self, chance: &mut impl Rng) -> u64 {
        let is_lucky = chance.random_bool(0.75);
        self.image = self.disk.cut(chance, is_lucky);
        self.disk.flushes()
    }

    /// With what is on the disk.
    fn start_again(&mut self) {
        drop(self.mounted.take());
        self.disk = VolatileDisk::new(std::mem::take(&mut self.image));
        self.mounted = Some(LoopDevice::mount(&self.disk.file(), self.folder.path()));
    }
}
