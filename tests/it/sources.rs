//! Devices that people already have: a system logs in, and what it says of adopted devices reaches the web.

use serde_json::Value;
use serde_json::json;

use crate::gateway::Device;
use crate::gateway::Gateway;
use crate::gateway::Setup;
use crate::mosquitto;
use crate::mqtt::Client;
use crate::receiver::Receiver;

const TELEMETRY: &str = r#"{"Time":"2026-11-25T10:13:52","ENERGY":{"Power":12,"Voltage":231}}"#;

/// Registers a source.
async fn source(gateway: &Gateway, name: &str, preset: &str) -> Device {
    let added = gateway.json(&["source", "add", name, "--preset", preset]).await;
    let part = |part: &str| added[part].as_str().unwrap().to_owned();
    Device { id: part("id"), name: part("name"), key: part("key") }
}

/// The devices behind the first source, and as what they are adopted.
async fn devices(gateway: &Gateway) -> Vec<(String, Value)> {
    let sources = gateway.json(&["source", "devices"]).await;
    let devices = sources[0]["devices"].as_array().unwrap();
    devices.iter().map(|device| (device["known_as"].as_str().unwrap().to_owned(), device["name"].clone())).collect()
}

fn hook(receiver: &Receiver, event: &str) -> Value {
    let template = json!({
        "device": "{{PARTICLE_DEVICE_ID}}", "event": "{{PARTICLE_EVENT_NAME}}", "value": "{{{PARTICLE_EVENT_VALUE}}}",
    });
    json!({ "event": event, "url": receiver.url("/"), "json": template, "noDefaults": true })
}

#[tokio::test]
async fn a_tasmota_plug_is_listed_adopted_and_triggers_a_hook() {
    let gateway = Gateway::start().await;
    let mut receiver = Receiver::start();
    gateway.hook(&hook(&receiver, "sensor")).await;
    let house = source(&gateway, "house", "tasmota").await;
    let bystander = gateway.device("bystander").await;
    let mut plug = Client::login(gateway.mqtt, &house.name, &house.key).await.expect("the source may log in");

    plug.publish("tele/kitchen-plug/SENSOR", TELEMETRY).await;
    plug.publish("tele/hall-lamp/SENSOR", TELEMETRY).await;
    let found = [("hall-lamp", Value::Null), ("kitchen-plug", Value::Null)].map(|(name, as_)| (name.to_owned(), as_));
    assert_eq!(devices(&gateway).await, found);

    let adopted = gateway.json(&["source", "adopt", "house", "kitchen-plug", "--name", "Kitchen"]).await;
    assert_eq!(devices(&gateway).await[1], ("kitchen-plug".to_owned(), json!("Kitchen")));
    // It speaks for no other device, however that is called.
    for other in ["hall-lamp", "bystander", bystander.id.as_str(), adopted["id"].as_str().unwrap()] {
        plug.publish(&format!("tele/{other}/SENSOR"), TELEMETRY).await;
    }
    plug.publish("tele/kitchen-plug/SENSOR", TELEMETRY).await;
    let expected = json!({
        "device": adopted["id"], "event": "sensor/ENERGY", "value": r#"{"Power":12,"Voltage":231}"#,
    });
    assert_eq!(receiver.next().await.json(), expected);

    gateway.json(&["source", "forget", "Kitchen"]).await;
    plug.publish("tele/kitchen-plug/SENSOR", r#"{"ENERGY":{"Power":99}}"#).await;
    gateway.wait_for_queue("waiting", 0).await;
    assert!(receiver.unexpected().is_none());
}

#[tokio::test]
async fn own_rules_read_any_topic_and_what_is_adopted_stays_so() {
    let rules = r#"
        [[source]]
        name = "weather"
        [[source.rule]]
        topic = "a/very/long/way/to/the/weather/stations/{device}/and/then/some/more/levels/{what}"
        event = "weather/{what}"
        data = "/value"
    "#;
    let mut gateway = Setup::new().with(rules).start().await;
    let mut receiver = Receiver::start();
    gateway.hook(&hook(&receiver, "weather/")).await;
    let mast = source(&gateway, "mast", "weather").await;
    let reason = gateway.refused(&["source", "add", "other", "--preset", "wether"], "").await;
    assert!(reason.contains("weather") && reason.contains("zigbee2mqtt"), "{reason}");
    // It need not have been heard before.
    gateway.json(&["source", "adopt", "mast", "north"]).await;
    let token = gateway.json(&["token", "create"]).await;
    for (number, value) in [(1, "7.5"), (2, "8.0")] {
        let mut client = gateway.login(&mast).await;
        let topic = "a/very/long/way/to/the/weather/stations/north/and/then/some/more/levels/wind";
        client.publish(topic, &format!(r#"{{"value":{value},"number":{number}}}"#)).await;
        let request = receiver.next().await.json();
        assert_eq!((&request["event"], &request["value"]), (&json!("weather/wind"), &json!(value)));
        let path = format!("/v1/sources?access_token={}", token["token"].as_str().unwrap());
        let sources = gateway.get(&path).await;
        assert!(sources.contains(r#""known_as":"north""#) && sources.contains("weather/wind"), "{sources}");
        if number == 1 {
            gateway.stop().await;
            gateway.start_again().await;
        }
    }
}

#[tokio::test]
async fn what_a_client_publishes_retained_is_news_of_now() {
    if mosquitto::are_missing() {
        return;
    }
    let gateway = Gateway::start().await;
    let mut receiver = Receiver::start();
    gateway.hook(&hook(&receiver, "binary_sensor/")).await;
    let house = source(&gateway, "house", "esphome").await;
    gateway.json(&["source", "adopt", "house", "shed"]).await;
    let args = ["-r", "-q", "1", "-t", "shed/binary_sensor/door/state", "-m", "ON"];
    let output = mosquitto::publish(&gateway, &house.name, &house.key, &args).await;
    assert!(output.status.success(), "{output:?}");
    let request = receiver.next().await.json();
    assert_eq!((&request["event"], &request["value"]), (&json!("binary_sensor/door"), &json!("ON")));
}

#[tokio::test]
async fn a_system_that_tells_all_about_itself_in_one_packet_stays_connected() {
    let gateway = Gateway::start().await;
    let mut receiver = Receiver::start();
    gateway.hook(&hook(&receiver, "action")).await;
    let zigbee = source(&gateway, "zigbee", "zigbee2mqtt").await;
    gateway.json(&["source", "adopt", "zigbee", "bedside/switch"]).await;
    let mut bridge = gateway.login(&zigbee).await;
    bridge.publish("zigbee2mqtt/bridge/devices", &format!("[{:?}]", "x".repeat(300_000))).await;
    // The same again is another press.
    for _ in 0..2 {
        bridge.publish("zigbee2mqtt/bedside/switch", r#"{"action":"single"}"#).await;
        assert_eq!(receiver.next().await.json()["event"], "action");
    }
}
