//! A disk that is full: new events are refused in words that their devices understand, what is queued is sent all the
//! same, and when there is room again everything goes on by itself.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::ErrorKind;
use std::io::Write;
use std::path::PathBuf;
use std::time::Duration;

use serde_json::json;
use tempfile::TempDir;
use tokio::time::Instant;

use crate::gateway::Gateway;
use crate::gateway::Setup;
use crate::loop_device;
use crate::loop_device::LoopDevice;
use crate::mqtt::Client;
use crate::receiver::Answer;
use crate::receiver::Closed;
use crate::receiver::Receiver;
use crate::tools;

/// Left by others once the daemon runs.
const LEFT_BYTES: u64 = 20 << 20;

/// "Quota exceeded". Source: MQTT 5.0, section 3.4.2.1.
const QUOTA_EXCEEDED: u8 = 0x97;

/// Longer than the daemon waits before it tries again.
const PATIENCE: Duration = Duration::from_secs(90);

#[tokio::test]
async fn on_a_disk_that_is_full_to_the_brim_nothing_is_lost_and_all_goes_on_when_there_is_room_again() {
    fill_and_free(Case { disk_bytes: 40 << 20, min_free_mb: 0, event_bytes: 8 << 10, events: 500 }).await;
}

#[tokio::test]
async fn the_same_when_some_room_was_to_be_kept_free_and_others_took_it() {
    fill_and_free(Case { disk_bytes: 40 << 20, min_free_mb: 4, event_bytes: 8 << 10, events: 500 }).await;
}

/// The disk is large enough for the daemon to have a reserve, without which a full one cannot even be read.
#[tokio::test]
async fn the_same_when_more_waits_than_the_daemon_keeps_in_memory() {
    fill_and_free(Case { disk_bytes: 256 << 20, min_free_mb: 4, event_bytes: 2 << 10, events: 1_500 }).await;
}

struct Case {
    disk_bytes: u64,
    min_free_mb: u32,
    /// Of the data of one event.
    event_bytes: usize,
    /// So many at least have room.
    events: usize,
}

async fn fill_and_free(case: Case) {
    if is_impossible() {
        return;
    }
    let mut disk = SmallDisk::new(case.disk_bytes);
    let config = format!("[queue]\nmin_free_mb = {}", case.min_free_mb);
    let mut gateway = Setup::new().without_limits().with(&config).data(&disk.data()).start().await;
    let target = Closed::new();
    gateway.hook(&json!({ "event": "n", "url": target.url("/"), "body": "{{PARTICLE_EVENT_VALUE}}" })).await;
    let mut publisher = Publisher::new(&gateway, case.event_bytes).await;
    let old = gateway.device("old").await;
    let mut old = gateway.login(&old).await;
    disk.leave(LEFT_BYTES);

    while publisher.publish().await.is_ok() {}
    let taken_in = publisher.acknowledged.len();
    assert!(taken_in >= case.events, "{taken_in} events are no load");
    disk.fill();
    for _ in 0..3 {
        assert_eq!(publisher.publish().await, Err(Some(QUOTA_EXCEEDED)));
    }
    assert_eq!(old.try_publish("n", "0").await, Err(None), "3.1.1 has no words for it");
    // It runs, and says how it is.
    gateway.wait_for_queue("targets_down", 1).await;
    let readiness = gateway.get("/readyz").await;
    assert!(readiness.starts_with("HTTP/1.1 503 ") && readiness.contains("disk"), "{readiness}");
    gateway.wait_for_log("disk").await;

    // What is queued needs no room to go.
    let mut receiver = target.open(|_| Answer::status(200));
    let mut arrived = BTreeSet::new();
    while arrived.len() < taken_in {
        arrived.insert(number(&receiver.next_within(PATIENCE).await.body));
    }
    disk.free();
    let freed = Instant::now();
    while publisher.publish().await.is_err() {
        assert!(freed.elapsed() < PATIENCE, "there is room, and events are refused");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    eprintln!("{taken_in} events on a full disk; accepted again {:?} after there was room", freed.elapsed());
    while !arrived.is_superset(&publisher.acknowledged) {
        arrived.insert(number(&receiver.next_within(PATIENCE).await.body));
    }
    gateway.wait_for_queue("waiting", 0).await;
    assert!(gateway.get("/readyz").await.starts_with("HTTP/1.1 200 "));
    assert_forgotten(&mut gateway, &mut receiver).await;
}

/// What was delivered is not delivered again after the next start.
async fn assert_forgotten(gateway: &mut Gateway, receiver: &mut Receiver) {
    gateway.stop().await;
    while receiver.unexpected().is_some() {}
    gateway.start_again().await;
    gateway.wait_for_queue("waiting", 0).await;
    assert!(receiver.unexpected().is_none(), "it is sent again");
}

fn is_impossible() -> bool {
    tools::is_not_root()
        || tools::is_no_device("/dev/loop-control")
        || tools::is_missing("losetup", "mount")
        || tools::is_missing("mkfs.ext4", "e2fsprogs")
}

/// A device that speaks MQTT 5 and publishes numbers, each as the beginning of much data.
struct Publisher {
    client: Client,
    event_bytes: usize,
    next: u32,
    acknowledged: BTreeSet<u32>,
}

impl Publisher {
    async fn new(gateway: &Gateway, event_bytes: usize) -> Self {
        let device = gateway.device("new").await;
        let client = Client::login_5(gateway.mqtt, &device.name, &device.key).await.expect("the device may log in");
        Self { client, event_bytes, next: 1, acknowledged: BTreeSet::new() }
    }

    /// Publishes the next number.
    async fn publish(&mut self) -> Result<(), Option<u8>> {
        let number = self.next;
        self.next += 1;
        self.client.try_publish("n", &format!("{number} {}", "x".repeat(self.event_bytes))).await?;
        self.acknowledged.insert(number);
        Ok(())
    }
}

fn number(body: &str) -> u32 {
    body.split(' ').next().unwrap().parse().unwrap()
}

/// A disk that others write on, too.
struct SmallDisk {
    // In this order: what is mounted on a folder goes before it.
    _mounted: LoopDevice,
    folder: TempDir,
    others: Option<File>,
    _backing: TempDir,
}

impl SmallDisk {
    fn new(bytes: u64) -> Self {
        let (folder, backing) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let file = backing.path().join("disk");
        File::create(&file).unwrap().set_len(bytes).unwrap();
        loop_device::format(&file);
        let mounted = LoopDevice::mount(&file, folder.path());
        let others = Some(File::create(folder.path().join("others")).unwrap());
        Self { _mounted: mounted, folder, others, _backing: backing }
    }

    /// The folder for the daemon.
    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// Others take all but this much.
    fn leave(&mut self, bytes: u64) {
        let block = vec![b'x'; 1 << 20];
        let free_bytes = || {
            let disk = nix::sys::statvfs::statvfs(self.folder.path()).unwrap();
            disk.blocks_available() * disk.fragment_size()
        };
        while free_bytes() > bytes {
            self.others.as_ref().unwrap().write_all(&block).unwrap();
            self.others.as_ref().unwrap().sync_all().unwrap();
        }
    }

    /// Others take all that is left.
    fn fill(&mut self) {
        let mut others = self.others.as_ref().unwrap();
        for bytes in [1 << 20, 1 << 12, 1] {
            let block = vec![b'x'; bytes];
            let refused = loop {
                if let Err(error) = others.write_all(&block).and_then(|()| others.sync_all()) {
                    break error;
                }
            };
            assert_eq!(refused.kind(), ErrorKind::StorageFull, "{refused}");
        }
    }

    /// Others go, and what they wrote with them.
    fn free(&mut self) {
        drop(self.others.take());
        std::fs::remove_file(self.folder.path().join("others")).unwrap();
    }
}
