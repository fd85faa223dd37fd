//! Devices that publish at full speed through whatever befalls the daemon, and the account of what has to arrive.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::collections::HashMap;
use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::Duration;

use serde_json::Value;
use serde_json::json;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::gateway::Device;
use crate::gateway::Gateway;
use crate::gateway::PATIENCE;
use crate::mqtt::Client;
use crate::mqtt::Packet;
use crate::receiver::Receiver;
use crate::receiver::Request;

/// Publishes of one device that wait for their acknowledgement.
const WINDOW: usize = 20;

/// The hook through which the receiver hears who published what.
pub fn hook(receiver: &Receiver) -> Value {
    let template = json!({ "device": "{{PARTICLE_DEVICE_ID}}", "value": "{{PARTICLE_EVENT_VALUE}}" });
    json!({ "event": "n", "url": receiver.url("/"), "json": template, "noDefaults": true })
}

/// Devices at work.
pub struct Publishers {
    stop: watch::Sender<bool>,
    publishing: Vec<(String, JoinHandle<Published>)>,
}

/// What all devices did, by their ids.
pub struct Account(BTreeMap<String, Published>);

/// What one device did: it published the numbers from 0 on.
struct Published {
    numbers: u32,
    acknowledged: BTreeSet<u32>,
}

impl Publishers {
    pub async fn start(gateway: &Gateway, devices: usize) -> Self {
        let (stop, stopped) = watch::channel(false);
        let mut publishing = Vec::new();
        for number in 0..devices {
            let device = gateway.device(&format!("device-{number}")).await;
            publishing.push((device.id.clone(), tokio::spawn(publish(gateway.mqtt, device, stopped.clone()))));
        }
        Self { stop, publishing }
    }

    /// Lets them stop once everything that they published is acknowledged.
    pub async fn end(self) -> Account {
        self.stop.send_replace(true);
        let mut account = BTreeMap::new();
        for (device, ending) in self.publishing {
            account.insert(device, ending.await.unwrap());
        }
        Account(account)
    }
}

impl Account {
    /// Events that were acknowledged.
    pub fn acknowledged(&self) -> usize {
        self.0.values().map(|published| published.acknowledged.len()).sum()
    }

    /// Everything that was acknowledged must come, in order and perhaps more than once, and nothing else. Gives the
    /// number of requests.
    pub async fn assert_all_arrive(&self, gateway: &Gateway, receiver: &mut Receiver) -> usize {
        let mut arrived: Vec<(String, u32)> = Vec::new();
        let mut missing: BTreeSet<(String, u32)> =
            self.0.iter().flat_map(|(id, of)| of.acknowledged.iter().map(|number| (id.clone(), *number))).collect();
        while !missing.is_empty() {
            let request = timeout(PATIENCE / 2, receiver.next()).await;
            let lost = |_| panic!("{} acknowledged and never delivered, with {:?}", missing.len(), missing.first());
            let arrival = read(&request.unwrap_or_else(lost));
            missing.remove(&arrival);
            arrived.push(arrival);
        }
        gateway.wait_for_queue("waiting", 0).await;
        arrived.extend(std::iter::from_fn(|| receiver.unexpected()).map(|request| read(&request)));
        self.assert_in_order_and_published(&arrived);
        arrived.len()
    }

    fn assert_in_order_and_published(&self, arrived: &[(String, u32)]) {
        let mut expected: HashMap<&str, u32> = HashMap::new();
        for (device, number) in arrived {
            let of = self.0.get(device).unwrap_or_else(|| panic!("{device} was invented"));
            assert!(*number < of.numbers, "{device}: {number} was invented");
            // All were acknowledged in the end, so the first arrivals have no gaps.
            let next = expected.entry(device).or_default();
            assert!(number <= next, "{device}: {number} came before {next}");
            *next = (*next).max(number + 1);
        }
    }
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
