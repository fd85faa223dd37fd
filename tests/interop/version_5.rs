//! `rumqttc` as a client of version 5. Of version 3.1.1 it is the sensor of `sleeping`.

use rumqttc::v5::AsyncClient;
use rumqttc::v5::Event;
use rumqttc::v5::EventLoop;
use rumqttc::v5::MqttOptions;
use rumqttc::v5::mqttbytes::QoS;
use rumqttc::v5::mqttbytes::v5::Packet;
use tokio::time::timeout;

use crate::gateway::Gateway;
use crate::gateway::PATIENCE;

#[tokio::test]
async fn a_client_of_version_5_hears_what_it_publishes_with_each_qos() {
    let gateway = Gateway::start().await;
    let device = gateway.device("sensor").await;
    let mut options = MqttOptions::new("sensor", gateway.mqtt.ip().to_string(), gateway.mqtt.port());
    options.set_credentials(&device.name, &device.key);
    let (client, mut events) = AsyncClient::new(options, 8);
    client.subscribe("temp", QoS::ExactlyOnce).await.unwrap();
    wait_for(&mut events, |packet| matches!(packet, Packet::SubAck(_)).then_some(())).await;

    for qos in [QoS::AtMostOnce, QoS::AtLeastOnce, QoS::ExactlyOnce] {
        client.publish("temp", qos, false, "21.5").await.unwrap();
        let heard = wait_for(&mut events, |packet| match packet {
            Packet::Publish(publish) => Some(publish.clone()),
            _ => None,
        });
        let heard = heard.await;
        assert_eq!((heard.topic.as_ref(), heard.payload.as_ref()), (b"temp".as_slice(), b"21.5".as_slice()));
        assert_eq!(heard.qos, qos);
    }
}

async fn wait_for<T>(events: &mut EventLoop, mut wanted: impl FnMut(&Packet) -> Option<T>) -> T {
    loop {
        let event = timeout(PATIENCE, events.poll()).await.expect("it comes in time").unwrap();
        if let Event::Incoming(packet) = event {
            if let Some(found) = wanted(&packet) {
                return found;
            }
        }
    }
}
