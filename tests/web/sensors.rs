//! Sensors over Bluetooth, with scripts and without: from a gateway without an adapter to events at a web server.

use std::borrow::Cow;

use serde_json::Value;
use serde_json::json;

use crate::bluez::Bluez;
use crate::bluez::Sent;
use crate::bus::Bus;
use crate::flow;
use crate::flow::Flow;
use crate::gateway::Gateway;
use crate::receiver::Receiver;
use crate::scene;
use crate::scene::ADAPTER;
use crate::scene::KITCHEN;
use crate::scene::Scene;

const BTHOME: &str = "0000fcd2-0000-1000-8000-00805f9b34fb";

/// The example of <https://bthome.io/encryption/>, read 2026-11: who sends it, and what.
const SEALED_BY: &str = "54:48:E6:8F:80:A5";
const SEALED: [u8; 15] = [0x41, 0xa4, 0x72, 0x66, 0xc9, 0x5f, 0x73, 0x00, 0x11, 0x22, 0x33, 0x78, 0x23, 0x72, 0x14];

#[tokio::test]
async fn sensors_are_found_adopted_set_and_forgotten() {
    if !are_missing() {
        walk_through(true).await;
    }
}

/// Whether there is no browser or no bus.
pub fn are_missing() -> bool {
    flow::is_missing() || scene::is_missing()
}

/// Lets a script be the person at the browser, and is the Bluetooth service, the sensors and the web service. Where its
/// forms were posted to.
pub async fn walk_through(has_script: bool) -> Vec<String> {
    let mut receiver = Receiver::start();
    let bus = Bus::start();
    let bluez = Bluez::start(&bus.address());
    let gateway = scene::gateway(&bus, "").await;
    scene::wait_for_state(&gateway, "no_adapter").await;
    let scene = Scene { gateway, bluez, bus };
    let mut flow = Flow::on_unclaimed(&scene.gateway, "sensors.js", &json!({ "script": has_script })).await;
    let posted = loop {
        let said = flow.said().await;
        let answer = match said["do"].as_str().unwrap_or_else(|| panic!("{said}")) {
            "plug" => {
                scene.bluez.when(|service| service.plug("hci0", ADAPTER));
                scene::wait_for_state(&scene.gateway, "scanning").await;
                json!("plugged in")
            }
            // A sensor sends, and is heard.
            "send" => {
                scene.hear("hci0", sent(&said)).await;
                json!("sent")
            }
            "hook" => json!(hook(&scene.gateway, &receiver).await),
            "receive" => receiver.next().await.json(),
            "end" => break flow::posted(&said),
            other => panic!("nobody can {other}"),
        };
        flow.tell(&answer).await;
    };
    flow.ends().await;
    assert!(receiver.unexpected().is_none(), "nothing is sent that was not told");
    posted
}

/// What a script wants to be sent: the encrypted example, something of no known format, or temperature and humidity in
/// the format of `BTHome`, with a packet id.
fn sent(said: &Value) -> Sent {
    let service_data = |data| vec![(BTHOME, data)];
    match said["what"].as_str() {
        Some("sealed") => Sent {
            address: Cow::Borrowed(SEALED_BY),
            name: None,
            service_data: service_data(SEALED.to_vec()),
            ..KITCHEN
        },
        Some("unknown") => Sent {
            address: Cow::Borrowed("A4:C1:38:00:00:99"),
            name: Some("<b>toothbrush</b>"),
            manufacturer_data: vec![(0x00dc, vec![1, 2, 3])],
            ..KITCHEN
        },
        _ => {
            let packet_id = u8::try_from(said["packet"].as_u64().unwrap()).unwrap();
            let data = vec![0x40, 0x00, packet_id, 0x02, 0xca, 0x09, 0x2e, 0x30];
            let address = Cow::Owned(said["address"].as_str().unwrap().to_owned());
            Sent { address, service_data: service_data(data), ..KITCHEN }
        }
    }
}

async fn hook(gateway: &Gateway, receiver: &Receiver) -> String {
    let body = "{\"name\":\"{{PARTICLE_EVENT_NAME}}\",\"data\":{{{PARTICLE_EVENT_VALUE}}}}";
    let headers = json!({ "content-type": "application/json" });
    let definition = json!({
        "event": "sensor", "url": receiver.url("/"), "requestType": "POST", "headers": headers, "body": body,
    });
    gateway.hook(&definition).await
}
