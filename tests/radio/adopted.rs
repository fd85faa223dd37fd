//! What an adopted sensor sends arrives at a web server.

use serde_json::Value;
use serde_json::json;

use crate::bluez::Sent;
use crate::receiver::Receiver;
use crate::scene;
use crate::scene::KITCHEN;
use crate::scene::Scene;
use crate::scene::wait_for;

const BTHOME: &str = "0000fcd2-0000-1000-8000-00805f9b34fb";

/// What the kitchen's sensor sends in the format of `BTHome`, with a packet id.
fn sent(packet_id: u8, objects: &[u8]) -> Sent {
    let data = [&[0x40, 0x00, packet_id], objects].concat();
    Sent { service_data: vec![(BTHOME, data)], ..KITCHEN }
}

/// 25.06 °C and 48 %.
const WARM: [u8; 5] = [0x02, 0xca, 0x09, 0x2e, 0x30];

fn hook(receiver: &Receiver) -> Value {
    json!({
        "event": "sensor", "url": receiver.url("/"), "requestType": "POST",
        "headers": { "content-type": "application/json" },
        "body": "{\"name\":\"{{PARTICLE_EVENT_NAME}}\",\"device\":\"{{PARTICLE_DEVICE_ID}}\",\"data\":{{{PARTICLE_EVENT_VALUE}}}}",
    })
}

#[tokio::test]
async fn what_a_sensor_sends_is_requested_once_it_is_adopted_and_not_after_it_is_forgotten() {
    if scene::is_missing() {
        return;
    }
    let mut receiver = Receiver::start();
    let scene = Scene::start("").await;
    scene.gateway.hook(&hook(&receiver)).await;

    // Nobody has adopted it.
    scene.hear("hci0", sent(1, &WARM)).await;
    let scan = scene.gateway.json(&["ble", "scan"]).await;
    let kitchen = scene::listed(&scan, &KITCHEN.address).unwrap();
    assert_eq!((&kitchen["format"], &kitchen["reading"]["temperature"]), (&json!("bthome"), &json!(25.06)));
    assert_eq!(scan["ble"]["told"], 0);

    let adopted = scene.gateway.json(&["ble", "adopt", &KITCHEN.address, "--name", "kitchen"]).await;
    let again = scene.gateway.refused(&["ble", "adopt", &KITCHEN.address, "--name", "other"], "").await;
    assert!(again.contains("adopted already"), "{again}");

    scene.hear("hci0", sent(2, &WARM)).await;
    let request = receiver.next().await.json();
    assert_eq!((&request["name"], &request["device"]), (&json!("sensor"), &adopted["id"]));
    assert_eq!(request["data"], json!({ "temperature": 25.06, "humidity": 48, "rssi": -60 }));

    // The same again, and then a button.
    scene.hear("hci0", sent(2, &WARM)).await;
    scene.hear("hci0", sent(3, &[0x3a, 0x01])).await;
    let request = receiver.next().await.json();
    assert_eq!((&request["name"], &request["data"]["button"]), (&json!("sensor/button"), &json!("press")));
    let scan = wait_for(&scene.gateway, |scan| scan["ble"]["told"] == 2).await;
    assert_eq!(scan["ble"]["not_told"], json!({ "same_counter": 1 }));

    let sensors = scene.gateway.json(&["ble", "list"]).await;
    assert_eq!((&sensors[0]["name"], &sensors[0]["id"]), (&json!("kitchen"), &adopted["id"]));
    scene.gateway.json(&["ble", "forget", "kitchen"]).await;
    scene.hear("hci0", sent(4, &[0x3a, 0x01])).await;
    assert_eq!(scene.gateway.json(&["ble", "list"]).await, json!([]));
    assert_eq!(scene.gateway.json(&["ble", "scan"]).await["ble"]["told"], 2);
    assert!(receiver.unexpected().is_none());
}

#[tokio::test]
async fn a_sensor_that_encrypts_is_adopted_with_its_key_alone() {
    if scene::is_missing() {
        return;
    }
    let scene = Scene::start("").await;
    let sealed = Sent { service_data: vec![(BTHOME, vec![0x41, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11])], ..KITCHEN };
    scene.hear("hci0", sealed).await;
    let adopt = ["ble", "adopt", &KITCHEN.address, "--name", "kitchen"];
    let reason = scene.gateway.refused(&adopt, "").await;
    assert!(reason.contains("bind key"), "{reason}");
    let reason = scene.gateway.refused(&[&adopt[..], &["--bind-key", "0123"]].concat(), "").await;
    assert!(reason.contains("32 hex digits"), "{reason}");
    assert_eq!(scene.gateway.json(&["ble", "list"]).await, json!([]));
}
