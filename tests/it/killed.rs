//! What was acknowledged survives a SIGKILL, whenever it comes.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::collections::HashMap;
use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::Duration;

use rand::RngExt;
use rand::SeedableRng;
use rand::rngs::StdRng;
use serde_json::json;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::gateway::Device;
use crate::gateway::PATIENCE;
use crate::gateway::Setup;
use crate::mqtt::Client;
use crate::mqtt::Packet;
use crate::receiver::Answer;
use crate::receiver::Receiver;
use crate::receiver::Request;

const KILLS: usize = 50;
const DEVICES: usize = 4;

/// Publishes of one device that wait for their acknowledgement.
const WINDOW: usize = 20;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_was_acknowledged_is_delivered_although_the_daemon_is_killed_fifty_times() {
    let seed = std::env::var("FARHOOK_SEED").map_or_else(|_| rand::random(), |seed| seed.parse().unwrap());
    eprintln!("FARHOOK_SEED={seed}");
    let mut chance = StdRng::seed_from_u64(seed);
    let mut gateway = Setup::new().without_limits().start().await;
    let mut receiver = Receiver::with(|_| Answer::status(200));
    let template = json!({ "device": "{{PARTICLE_DEVICE_ID}}", "value": "{{PARTICLE_EVENT_VALUE}}" });
    gateway.hook(&json!({ "event": "n", "url": receiver.url("/"), "json": template, "noDefaults": true })).await;
    let (stop, stopped) = watch::channel(false);
    let mut publishing: Vec<(String, JoinHandle<Published>)> = Vec::new();
    for number in 0..DEVICES {
        let device = gateway.device(&format!("device-{number}")).await;
        publishing.push((device.id.clone(), tokio::spawn(publish(gateway.mqtt, device, stopped.clone()))));
    }

    for kill in 0..KILLS {
        tokio::time::sleep(Duration::from_millis(chance.random_range(1..200))).await;
        gateway.kill().await;
        // Sometimes again, while it takes up what it had; and sometimes it is stopped as it should be.
        if kill % 5 == 0 {
            gateway.start_and_kill(Duration::from_millis(chance.random_range(0..150))).await;
        }
        if kill % 10 == 5 {
            gateway.start_again().await;
            gateway.stop().await;
        }
        gateway.start_again().await;
    }
    stop.send_replace(true);
    let mut published = BTreeMap::new();
    for (device, ending) in publishing {
        published.insert(device, ending.await.unwrap());
    }

    let acknowledged: usize = published.values().map(|published| published.acknowledged.len()).sum();
    assert!(acknowledged > KILLS * DEVICES, "{acknowledged} events are no load");
    let mut arrived: Vec<(String, u32)> = Vec::new();
    let mut missing: BTreeSet<(String, u32)> =
        published.iter().flat_map(|(id, of)| of.acknowledged.iter().map(|number| (id.clone(), *number))).collect();
    while !missing.is_empty() {
        let request = timeout(PATIENCE / 2, receiver.next()).await;
        let arrival = read(&request.unwrap_or_else(|_| panic!("acknowledged and never delivered: {missing:?}")));
        missing.remove(&arrival);
        arrived.push(arrival);
    }
    gateway.wait_for_queue("waiting", 0).await;
    arrived.extend(std::iter::from_fn(|| receiver.unexpected()).map(|request| read(&request)));
    assert_in_order_and_published(&published, &arrived);
    eprintln!("{acknowledged} events, {KILLS} kills, {} requests", arrived.len());
}

/// What one device did: it published the numbers from 0 on.
struct Published {
    numbers: u32,
    acknowledged: BTreeSet<u32>,
}

/// Publishes numbers until it is told to stop, and then until all are acknowledged. What was not acknowledged when a
/// connection broke is sent again over the next.
async fn publish(at: SocketAddr, device: Device, stopped: watch::Receiver<bool>) -> Published {
    let mut published = Published { numbers: 0, acknowledged: BTreeSet::new() };
    let mut unacknowledged = VecDeque::new();
    loop {
        // The daemon may be down just now.
        let Some(mut client) = Client::login(at, &device.name, &device.key).await else {
            tokio::time::sleep(Duration::from_millis(5)).await;
            continue;
        };
        if session(&mut client, &mut published, &mut unacknowledged, &stopped).await.is_some() {
            return published;
        }
    }
}

/// One connection; `None` when it broke.
async fn session(
    client: &mut Client,
    published: &mut Published,
    unacknowledged: &mut VecDeque<u32>,
    stopped: &watch::Receiver<bool>,
) -> Option<()> {
    for number in unacknowledged.iter() {
        client.send_publish("n", packet_id(*number), &number.to_string(), true).await?;
    }
    loop {
        while unacknowledged.len() < WINDOW && !*stopped.borrow() {
            let number = published.numbers;
            published.numbers += 1;
            unacknowledged.push_back(number);
            client.send_publish("n", packet_id(number), &number.to_string(), false).await?;
        }
        if unacknowledged.is_empty() {
            return Some(());
        }
        if let Packet::PubAck(id) = client.packet().await? {
            let place = unacknowledged.iter().position(|number| packet_id(*number) == id).expect("it was published");
            published.acknowledged.extend(unacknowledged.remove(place));
        }
    }
}

fn packet_id(number: u32) -> u16 {
    u16::try_from(number % 60_000 + 1).unwrap()
}

fn read(request: &Request) -> (String, u32) {
    let body = request.json();
    let text = |name: &str| body[name].as_str().unwrap().to_owned();
    (text("device"), text("value").parse().unwrap())
}

fn assert_in_order_and_published(published: &BTreeMap<String, Published>, arrived: &[(String, u32)]) {
    let mut expected: HashMap<&str, u32> = HashMap::new();
    for (device, number) in arrived {
        let of = published.get(device).unwrap_or_else(|| panic!("{device} was invented"));
        assert!(*number < of.numbers, "{device}: {number} was invented");
        // All were acknowledged in the end, so the first arrivals have no gaps.
        let next = expected.entry(device).or_default();
        assert!(number <= next, "{device}: {number} came before {next}");
        *next = (*next).max(number + 1);
    }
}
