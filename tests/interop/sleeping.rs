//! A sensor that sleeps: it is there for a moment, publishes, and has gone before its answer comes, while the gateway
//! is killed and started again now and then. It is told of every answer all the same. The client is `rumqttc`.

use std::collections::HashSet;
use std::time::Duration;

use rand::RngExt;
use rand::SeedableRng;
use rand::rngs::StdRng;
use rumqttc::AsyncClient;
use rumqttc::Event;
use rumqttc::EventLoop;
use rumqttc::MqttOptions;
use rumqttc::Packet;
use rumqttc::QoS;
use serde_json::json;
use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::task::block_in_place;
use tokio::time::timeout;

use crate::gateway::Device;
use crate::gateway::Gateway;
use crate::gateway::PATIENCE;
use crate::gateway::Setup;
use crate::known;
use crate::receiver::Answer;
use crate::receiver::Receiver;

const CYCLES: usize = 100;

/// Between two times that the gateway is killed, and that it is stopped and started again.
const KILLED_EVERY: usize = 7;
const STOPPED_EVERY: usize = 11;

const NO_LIMITS: &str = "[limits]\ndevice_per_minute = 0\nhost_per_minute = 0\nresponse_interval_ms = 0";

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_sensor_that_sleeps_is_told_of_every_answer_although_the_gateway_is_killed() {
    let seed = std::env::var("FARHOOK_SEED").map_or_else(|_| rand::random(), |seed| seed.parse().unwrap());
    eprintln!("FARHOOK_SEED={seed}");
    let mut chance = StdRng::seed_from_u64(seed);
    let (awake, is_awake) = watch::channel(false);
    // No answer is given before the sensor has gone.
    let receiver = Receiver::with(move |_| {
        let mut is_awake = is_awake.clone();
        block_in_place(|| Handle::current().block_on(async { is_awake.wait_for(|awake| !awake).await.map(drop) }))
            .unwrap();
        Answer::ok("ok")
    });
    let mut gateway = Setup::new().with(NO_LIMITS).start().await;
    gateway.hook(&json!({ "event": "reading", "url": receiver.url("/") })).await;
    let mut sensor = Sensor { device: gateway.device("sensor").await, heard: HashSet::new() };

    for cycle in 0..CYCLES {
        awake.send_replace(true);
        sensor.publish(&gateway, cycle).await;
        awake.send_replace(false);
        if cycle % KILLED_EVERY == 3 {
            // Any moment will do: before the answer comes, while it is stored, or after that.
            tokio::time::sleep(Duration::from_millis(chance.random_range(0..30))).await;
            gateway.kill().await;
            gateway.start_again().await;
        } else if cycle % STOPPED_EVERY == 5 {
            gateway.stop().await;
            gateway.start_again().await;
        }
    }

    let wanted = (0..CYCLES).map(|cycle| format!("hook-response/reading/{cycle}/0")).collect();
    let all = timeout(2 * PATIENCE, sensor.hear_until(&gateway, &wanted)).await;
    let lost: Vec<&String> = wanted.difference(&sensor.heard).collect();
    known::judge("sleeping", all.map_err(|_| format!("lost: {lost:?}")));
}

/// The sensor, and the topics of the answers that it was told of; they may come twice.
struct Sensor {
    device: Device,
    heard: HashSet<String>,
}

impl Sensor {
    /// Comes, publishes, and goes when that is acknowledged: every other time without saying so.
    async fn publish(&mut self, gateway: &Gateway, cycle: usize) {
        let (client, mut events) = self.come(gateway);
        let is_there = self.wait_for(&client, &mut events, |packet| match packet {
            Packet::ConnAck(connack) => Some(connack.session_present),
            _ => None,
        });
        let is_there = is_there.await;
        assert_eq!(is_there, cycle > 0, "the session is there from the second time on");
        if !is_there {
            client.subscribe("hook-response/#", QoS::AtLeastOnce).await.unwrap();
            self.wait_for(&client, &mut events, |packet| matches!(packet, Packet::SubAck(_)).then_some(())).await;
        }
        client.publish(format!("reading/{cycle}"), QoS::AtLeastOnce, false, cycle.to_string()).await.unwrap();
        self.wait_for(&client, &mut events, |packet| matches!(packet, Packet::PubAck(_)).then_some(())).await;
        if cycle % 2 == 0 {
            client.disconnect().await.unwrap();
            while let Ok(event) = events.poll().await {
                self.note(&client, &event);
            }
        }
    }

    /// Comes, and stays until it was told of all of these.
    async fn hear_until(&mut self, gateway: &Gateway, wanted: &HashSet<String>) {
        let (client, mut events) = self.come(gateway);
        while !wanted.is_subset(&self.heard) {
            let event = events.poll().await.unwrap();
            self.note(&client, &event);
        }
    }

    fn come(&self, gateway: &Gateway) -> (AsyncClient, EventLoop) {
        let mut options = MqttOptions::new("sensor", gateway.mqtt.ip().to_string(), gateway.mqtt.port());
        options.set_credentials(&self.device.name, &self.device.key).set_clean_session(false);
        // The client would acknowledge what it has read, although nobody has taken it yet.
        options.set_manual_acks(true);
        AsyncClient::new(options, 2 * CYCLES)
    }

    /// Waits for a packet, and notes the answers that come before it.
    async fn wait_for<T>(
        &mut self,
        client: &AsyncClient,
        events: &mut EventLoop,
        mut wanted: impl FnMut(&Packet) -> Option<T>,
    ) -> T {
        loop {
            let event = timeout(PATIENCE, events.poll()).await.expect("it comes in time").unwrap();
            self.note(client, &event);
            let Event::Incoming(packet) = event else { continue };
            if let Some(found) = wanted(&packet) {
                return found;
            }
        }
    }

    fn note(&mut self, client: &AsyncClient, event: &Event) {
        if let Event::Incoming(Packet::Publish(publish)) = event {
            self.heard.insert(publish.topic.clone());
            // Without room for it the acknowledgement is left out, and the answer comes again.
            let _ = client.try_ack(publish);
        }
    }
}
