//! A queue that is filled without a daemon: the deliveries that an outage leaves behind.

use std::path::Path;
use std::sync::Arc;

use farhook::clock;
use farhook::model::Event;
use farhook::model::EventId;
use farhook::model::EventName;
use farhook::model::Publishing;
use farhook::model::Source;
use farhook::model::UserId;
use farhook::store::Arrived;
use farhook::store::Changes;
use farhook::store::DeliveryKey;
use farhook::store::LaneKey;
use farhook::store::Queue;
use farhook::store::QueueWriter;
use farhook::store::StoredDelivery;

const DATA_BYTES: usize = 500;
/// Deliveries that become durable together.
const TOGETHER: usize = 256;

/// Stores so many deliveries for a hook, of each device in turn.
pub(crate) fn fill(data: &Path, hook: &str, devices: &[String], count: u64) {
    let (queue, _) = Queue::open(data).unwrap();
    let (writer, thread) = QueueWriter::start(&queue, 0);
    let now = clock::now();
    let mut changes = Changes::new();
    let mut together = 0;
    for (seq, device) in (queue.next_seq()..).zip(devices.iter().cycle()).take(usize::try_from(count).unwrap()) {
        let device = device.parse().unwrap();
        let mut id = [0; 12];
        id[..8].copy_from_slice(&seq.to_be_bytes());
        let event = Event {
            id: EventId::from_bytes(id),
            name: EventName::published("bench").unwrap(),
            data: text(seq),
            ttl_s: 60,
            published_at: now.wall,
            source: Source::Device(device),
            owner: UserId::from_bytes([0; 12]),
            product: None,
            publishing: Publishing::default(),
        };
        // Of another boot: its age is told by the wall clock.
        let arrived = Arrived { boot: [1; 16], mono_ms: 0 };
        let delivery = StoredDelivery { event: Arc::new(event), attempts: 0, not_before: None, mark: None, arrived };
        let lane = LaneKey { hook: hook.parse().unwrap(), device: Some(device) };
        changes.store(DeliveryKey { lane, seq }, &delivery);
        together += 1;
        if together == TOGETHER {
            writer.write(std::mem::take(&mut changes)).blocking_recv().unwrap().unwrap();
            together = 0;
        }
    }
    writer.write(changes).blocking_recv().unwrap().unwrap();
    writer.stop();
    thread.join();
}

fn text(seq: u64) -> String {
    let mut text = format!("{{\"n\":{seq},\"pad\":\"");
    while text.len() < DATA_BYTES - 2 {
        text.push('x');
    }
    text.push_str("\"}");
    text
}
