//! What adopted sensors tell is neither lost nor told twice, whatever happens to the gateway.

use serde_json::Value;
use serde_json::json;

use crate::bluez::Sent;
use crate::receiver::Receiver;
use crate::scene;
use crate::scene::BTHOME;
use crate::scene::KITCHEN;
use crate::scene::Scene;
use crate::scene::wait_for;
use crate::scene::wait_for_state;

/// What the kitchen's sensor sends in the format of `BTHome`, with a packet id.
fn sent(packet_id: u8, objects: &[u8]) -> Sent {
    let data = [&[0x40, 0x00, packet_id], objects].concat();
    Sent { service_data: vec![(BTHOME, data)], ..KITCHEN }
}

/// 25.06 °C.
const WARM: [u8; 3] = [0x02, 0xca, 0x09];
const PRESSED: [u8; 2] = [0x3a, 0x01];
const PRESSED_TWICE: [u8; 2] = [0x3a, 0x02];

/// A gateway with a sensor, whose buttons are requested.
async fn with_a_button(receiver: &Receiver, more: &Value) -> Scene {
    let scene = Scene::start("").await;
    let mut hook = json!({
        "event": "sensor/button", "url": receiver.url("/"), "requestType": "POST",
        "headers": { "content-type": "application/json" }, "body": "{{{PARTICLE_EVENT_VALUE}}}",
    });
    hook.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    scene.gateway.hook(&hook).await;
    scene.gateway.json(&["ble", "adopt", &KITCHEN.address, "--name", "kitchen"]).await;
    scene
}

#[tokio::test]
async fn what_finds_no_room_is_told_when_there_is_some_and_once() {
    if scene::is_missing() {
        return;
    }
    let mut receiver = Receiver::start();
    let scene = with_a_button(&receiver, &json!({ "max_waiting": 1, "when_full": "reject" })).await;
    scene.gateway.json(&["queue", "pause"]).await;
    scene.hear("hci0", sent(1, &PRESSED)).await;
    wait_for(&scene.gateway, |scan| scan["ble"]["told"] == 1).await;
    scene.hear("hci0", sent(2, &PRESSED_TWICE)).await;
    scene.hear("hci0", sent(2, &PRESSED_TWICE)).await;
    assert_eq!(scene.gateway.json(&["ble", "scan"]).await["ble"]["told"], 1);
    scene.gateway.json(&["queue", "resume"]).await;
    for button in ["press", "double_press"] {
        assert_eq!(receiver.next().await.json()["button"], button);
    }
    let ble = wait_for(&scene.gateway, |scan| scan["ble"]["told"] == 2).await["ble"].clone();
    assert_eq!(ble["not_told"], json!({ "same_counter": 1 }));
    assert!(receiver.unexpected().is_none());
}

#[tokio::test]
async fn what_was_heard_before_a_stop_is_not_told_after_it() {
    if scene::is_missing() {
        return;
    }
    let mut receiver = Receiver::start();
    let mut scene = with_a_button(&receiver, &json!({})).await;
    scene.hear("hci0", sent(1, &WARM)).await;
    wait_for(&scene.gateway, |scan| scan["ble"]["told"] == 1).await;
    // Of this nothing is told.
    scene.hear("hci0", sent(2, &WARM)).await;
    scene.gateway.stop().await;
    scene.gateway.start_again().await;
    wait_for_state(&scene.gateway, "scanning").await;
    scene.hear("hci0", sent(2, &PRESSED)).await;
    let ble = scene.gateway.json(&["ble", "scan"]).await["ble"].clone();
    assert_eq!((&ble["told"], &ble["not_told"]), (&json!(0), &json!({ "same_counter": 1 })));
    scene.hear("hci0", sent(3, &PRESSED)).await;
    assert_eq!(receiver.next().await.json()["button"], "press");
    assert!(receiver.unexpected().is_none());
}
