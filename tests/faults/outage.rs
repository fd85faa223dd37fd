//! A line that is cut: what comes in meanwhile waits, and goes out as soon as the line is back.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::time::Duration;

use futures_util::future::join_all;
use serde_json::json;
use tokio::time::Instant;

use crate::gateway::Device;
use crate::gateway::Gateway;
use crate::gateway::Setup;
use crate::line;
use crate::line::Line;
use crate::mqtt::Client;
use crate::receiver::Receiver;
use crate::receiver::Request;
use crate::tools;

/// Each has a hook and a server of its own.
const DEVICES: u8 = 20;

/// How long the line is away.
const OUTAGE: Duration = Duration::from_secs(60);
const SHORT_OUTAGE: Duration = Duration::from_secs(25);

/// From the return of the line to the first request.
const RESUMPTION: Duration = Duration::from_secs(5);

/// The guide's limit for requests to one host, and its window.
const HOST_PER_MINUTE: usize = 120;
const MINUTE: Duration = Duration::from_secs(60);

/// Longer than a request waits for anything but the line.
const PATIENCE: Duration = Duration::from_secs(90);

#[test]
fn two_thousand_events_of_a_minute_without_a_line_are_each_sent_once_in_order_and_within_the_hosts_limit() {
    if is_impossible() {
        return;
    }
    Line::new(DEVICES).on_gateway(async |line| {
        let (_servers, receivers) = line.serve(DEVICES);
        let gateway = gateway().await;
        let mut sensors = sensors(&gateway, receivers).await;

        line.cut();
        let cut = Instant::now();
        publish(&mut sensors, 1..=100, OUTAGE.mul_f64(0.98)).await;
        tokio::time::sleep_until(cut + OUTAGE).await;
        for sensor in &mut sensors {
            sensor.take_rest();
            assert_eq!(sensor.arrived.len(), 1, "the line is cut");
        }
        line.restore();
        let returned = Instant::now();

        for sensor in &mut sensors {
            sensor.wait_for(101).await;
        }
        assert_resumed(&sensors, returned);
        gateway.wait_for_queue("waiting", 0).await;
        gateway.wait_for_queue("targets_down", 0).await;
        let drained = returned.elapsed();
        // And then more to one host than may go in a minute.
        let sensor = &mut sensors[0];
        sensor.publish(101..=250, Duration::ZERO).await;
        sensor.wait_for(251).await;
        assert_drained(&gateway, &mut sensors).await;
        sensors.iter().for_each(Sensor::assert_each_once);
        let fullest = sensors[0].fullest_minute();
        assert_eq!(fullest, HOST_PER_MINUTE, "the limit is used in full");
        eprintln!("2000 events drained in {drained:?}");
    });
}

#[test]
fn an_event_is_not_lost_although_the_daemon_is_killed_while_the_line_is_cut() {
    if is_impossible() {
        return;
    }
    Line::new(DEVICES).on_gateway(async |line| {
        let (_servers, receivers) = line.serve(DEVICES);
        let mut gateway = gateway().await;
        let mut sensors = sensors(&gateway, receivers).await;

        line.cut();
        let cut = Instant::now();
        publish(&mut sensors, 1..=10, SHORT_OUTAGE.mul_f64(0.45)).await;
        gateway.kill().await;
        gateway.start_again().await;
        for sensor in &mut sensors {
            sensor.client = gateway.login(&sensor.device).await;
        }
        publish(&mut sensors, 11..=20, SHORT_OUTAGE.mul_f64(0.45)).await;
        tokio::time::sleep_until(cut + SHORT_OUTAGE).await;
        line.restore();
        let returned = Instant::now();

        for sensor in &mut sensors {
            sensor.wait_for(21).await;
        }
        assert_resumed(&sensors, returned);
        // A request that was under way when the daemon was killed may come twice.
        assert_drained(&gateway, &mut sensors).await;
    });
}

#[test]
fn sending_begins_again_when_the_gateways_own_cable_was_out() {
    if is_impossible() {
        return;
    }
    Line::new(DEVICES).on_gateway(async |line| {
        let (_servers, receivers) = line.serve(DEVICES);
        let gateway = gateway().await;
        let mut sensors = sensors(&gateway, receivers).await;

        line.pull_out();
        let cut = Instant::now();
        publish(&mut sensors, 1..=10, SHORT_OUTAGE.mul_f64(0.9)).await;
        tokio::time::sleep_until(cut + SHORT_OUTAGE).await;
        line.plug_in();
        let returned = Instant::now();

        for sensor in &mut sensors {
            sensor.wait_for(11).await;
        }
        assert_resumed(&sensors, returned);
        assert_drained(&gateway, &mut sensors).await;
        sensors.iter().for_each(Sensor::assert_each_once);
    });
}

/// A device, its session, and the server of its hook with what came there.
struct Sensor {
    device: Device,
    client: Client,
    topic: String,
    receiver: Receiver,
    arrived: Vec<Request>,
}

fn is_impossible() -> bool {
    tools::is_not_root() || tools::is_missing("ip", "iproute2")
}

async fn gateway() -> Gateway {
    Setup::bare().with(line::ALLOW).with("[limits]\ndevice_per_minute = 0").start().await
}

/// One for each receiver, and each has been heard once: the line works, and connections are open.
async fn sensors(gateway: &Gateway, receivers: Vec<Receiver>) -> Vec<Sensor> {
    let mut sensors = Vec::new();
    for (number, receiver) in receivers.into_iter().enumerate() {
        let topic = format!("reading-{number:02}");
        let url = receiver.url("/");
        gateway.hook(&json!({ "event": topic, "url": url, "body": "{{PARTICLE_EVENT_VALUE}}" })).await;
        let device = gateway.device(&format!("device-{number}")).await;
        let client = gateway.login(&device).await;
        let mut sensor = Sensor { device, client, topic, receiver, arrived: Vec::new() };
        sensor.publish(0..=0, Duration::ZERO).await;
        sensor.wait_for(1).await;
        sensors.push(sensor);
    }
    gateway.wait_for_queue("waiting", 0).await;
    sensors
}

/// All at once.
async fn publish(sensors: &mut [Sensor], numbers: RangeInclusive<u32>, within: Duration) {
    join_all(sensors.iter_mut().map(|sensor| sensor.publish(numbers.clone(), within))).await;
}

/// The first request after those of the beginning comes soon.
fn assert_resumed(sensors: &[Sensor], returned: Instant) {
    let first = sensors.iter().map(|sensor| sensor.arrived[1].at).min().unwrap();
    let last = sensors.iter().map(|sensor| sensor.arrived.last().unwrap().at).max().unwrap();
    let (after, until) = (first - returned, last - returned);
    eprintln!("the first request came {after:?} after the line, the last one {until:?}");
    assert!(after <= RESUMPTION, "{after:?} after the line");
}

/// Everything has been sent, in order and within the limits.
async fn assert_drained(gateway: &Gateway, sensors: &mut [Sensor]) {
    gateway.wait_for_queue("waiting", 0).await;
    for sensor in sensors {
        sensor.take_rest();
        sensor.assert_in_order();
        sensor.assert_within_limit();
    }
}

impl Sensor {
    /// Publishes the numbers evenly over this time; each is acknowledged, line or no line.
    async fn publish(&mut self, numbers: RangeInclusive<u32>, within: Duration) {
        let began = Instant::now();
        let pause = within / (numbers.end() + 1 - numbers.start());
        for (count, number) in (0..).zip(numbers) {
            tokio::time::sleep_until(began + pause * count).await;
            self.client.publish(&self.topic, &number.to_string()).await;
        }
    }

    /// Returns when `count` different events have come.
    async fn wait_for(&mut self, count: usize) {
        while self.first_arrivals().len() < count {
            self.arrived.push(self.receiver.next_within(PATIENCE).await);
        }
    }

    /// Notes what has come and nobody waited for.
    fn take_rest(&mut self) {
        self.arrived.extend(std::iter::from_fn(|| self.receiver.unexpected()));
    }

    /// The numbers in the order in which they came, without those that had come before with the same id.
    fn first_arrivals(&self) -> Vec<u32> {
        let mut seen = BTreeMap::new();
        let mut numbers = Vec::new();
        for request in &self.arrived {
            let number = request.body.parse().unwrap();
            let id = request.header("webhook-id").unwrap();
            match seen.insert(id, number) {
                None => numbers.push(number),
                Some(before) => assert_eq!(before, number, "two events have the id {id}"),
            }
        }
        numbers
    }

    fn assert_in_order(&self) {
        let numbers = self.first_arrivals();
        assert!(numbers.iter().copied().eq(0..u32::try_from(numbers.len()).unwrap()), "{}: {numbers:?}", self.topic);
    }

    fn assert_each_once(&self) {
        let (requests, events) = (self.arrived.len(), self.first_arrivals().len());
        assert_eq!(requests, events, "{}: some requests came again", self.topic);
    }

    fn assert_within_limit(&self) {
        let fullest = self.fullest_minute();
        assert!(fullest <= HOST_PER_MINUTE, "{}: {fullest} requests in a minute", self.topic);
    }

    /// The most requests that came in any minute.
    fn fullest_minute(&self) -> usize {
        let times: Vec<Instant> = self.arrived.iter().map(|request| request.at).collect();
        let since = |begin: usize| times[begin..].iter().take_while(|at| **at - times[begin] < MINUTE).count();
        (0..times.len()).map(since).max().unwrap_or_default()
    }
}
