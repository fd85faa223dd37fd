//! What an adopted sensor sends arrives at a web server.

use std::borrow::Cow;
use std::cell::Cell;

use serde_json::Value;
use serde_json::json;

use crate::bluez::Sent;
use crate::receiver::Receiver;
use crate::scene;
use crate::scene::BTHOME;
use crate::scene::KITCHEN;
use crate::scene::Scene;
use crate::scene::wait_for;

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

    assert_eq!(scene.gateway.json(&["device", "show", "kitchen"]).await["last_heard"], Value::Null);
    scene.hear("hci0", sent(2, &WARM)).await;
    assert!(scene.gateway.json(&["device", "show", "kitchen"]).await["last_heard"].is_string());
    let request = receiver.next().await.json();
    assert_eq!((&request["name"], &request["device"]), (&json!("sensor"), &adopted["id"]));
    assert_eq!(
        request["data"],
        json!({ "temperature": 25.06, "humidity": 48, "rssi": -60, "adapter": scene::ADAPTER, "seq": 2, "authenticated": false })
    );

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

#[tokio::test]
async fn a_bind_key_from_stdin_is_tried_on_what_is_heard_before_it_is_saved() {
    if scene::is_missing() {
        return;
    }
    let scene = Scene::start("").await;
    let adopt = ["ble", "adopt", SEALED_BY, "--name", "kitchen", "--bind-key-stdin"];
    assert!(scene.gateway.refused(&adopt, "\n").await.contains("no bind key on stdin"));
    let wrong = format!("{}\n", "00".repeat(16));
    let reason = while_it_sends(&scene, scene.gateway.refused(&adopt, &wrong)).await;
    assert!(reason.contains("bind key"), "{reason}");
    let adopted = while_it_sends(&scene, scene.gateway.json_with(&adopt, &format!("{SEALED_WITH}\n"))).await;
    assert_eq!((&adopted["name"], &adopted["has_bind_key"]), (&json!("kitchen"), &json!(true)));

    // Another one is tried in the same way, and what else is set is saved only with it.
    let set = ["ble", "set", "kitchen", "--bind-key-stdin", "--per-minute", "6"];
    while_it_sends(&scene, scene.gateway.refused(&set, &wrong)).await;
    assert_eq!(scene.gateway.json(&["ble", "list"]).await[0]["telling"], adopted["telling"]);
    let set = while_it_sends(&scene, scene.gateway.json_with(&set, SEALED_WITH)).await;
    assert_eq!(set["telling"]["per_minute"], 6);
    let reason = scene.gateway.refused(&["ble", "set", "kitchen", "--deadband", "heat=1"], "").await;
    assert!(reason.contains("no sensor measures \"heat\""), "{reason}");
    scene.gateway.json(&["ble", "set", "kitchen", "--deadband", "co2=50"]).await;
    let telling = &scene.gateway.json(&["ble", "list"]).await[0]["telling"];
    assert_eq!((&telling["per_minute"], &telling["deadbands"]["co2"]), (&json!(6), &json!(50.0)));
}

#[tokio::test]
async fn several_sensors_are_adopted_at_once_and_why_one_is_not_is_told() {
    if scene::is_missing() {
        return;
    }
    let scene = Scene::start("").await;
    let sheds = ["A4:C1:38:00:0A:02", "A4:C1:38:00:0A:03", "A4:C1:38:00:0A:04"];
    let [two, three, four] = sheds;
    let sealed = vec![(BTHOME, vec![0x41, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11])];
    let shed = |address: &'static str| Sent { address: address.into(), name: None, ..sent(1, &WARM) };
    for sent in [shed(two), shed(three), Sent { service_data: sealed, ..shed(four) }] {
        scene.hear("hci0", sent).await;
    }
    let reason = scene.gateway.refused(&["ble", "adopt", two, three, "--name", "shed"], "").await;
    assert!(reason.contains("--prefix"), "{reason}");
    let reason = scene.gateway.refused(&["ble", "adopt", two, four, "A4", "--prefix", "shed"], "").await;
    assert!(
        reason.contains(&format!("{four}: ")) && reason.contains("bind key") && reason.contains("A4: "),
        "{reason}"
    );

    // The one that is left of its model.
    let adopted = scene.gateway.json(&["ble", "adopt", "--model", "bthome", "--prefix", "shed"]).await;
    assert_eq!((&adopted["adopted"][0]["address"], &adopted["refused"]), (&json!(three), &json!([])));
    let reason = scene.gateway.refused(&["ble", "adopt", "--model", "bthome", "--prefix", "shed"], "").await;
    assert!(reason.contains("nothing of the model"), "{reason}");
    let sensors = scene.gateway.json(&["ble", "list"]).await;
    let names: Vec<_> = sensors.as_array().unwrap().iter().map(|sensor| &sensor["name"]).collect();
    assert_eq!(names, ["shed-000A02", "shed-000A03"]);
}

/// The example of <https://bthome.io/encryption/>, read 2026-11: who sends it, with which key.
const SEALED_BY: &str = "54:48:E6:8F:80:A5";
const SEALED_WITH: &str = "231d39c1d7cc1ab1aee224cd096db932";
const SEALED: [u8; 15] = [0x41, 0xa4, 0x72, 0x66, 0xc9, 0x5f, 0x73, 0x00, 0x11, 0x22, 0x33, 0x78, 0x23, 0x72, 0x14];

/// Sends the example again and again until something is done.
async fn while_it_sends<T>(scene: &Scene, done: impl Future<Output = T>) -> T {
    let is_done = Cell::new(false);
    let done = async {
        let done = done.await;
        is_done.set(true);
        done
    };
    let send = async {
        while !is_done.get() {
            let (address, service_data) = (Cow::Borrowed(SEALED_BY), vec![(BTHOME, SEALED.to_vec())]);
            scene.hear("hci0", Sent { address, name: None, service_data, ..KITCHEN }).await;
        }
    };
    tokio::join!(done, send).0
}
