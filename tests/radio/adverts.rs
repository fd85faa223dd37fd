//! What devices send is heard, and nothing else.

use dbus::channel::Channel;
use serde_json::json;

use crate::bluez::Bluez;
use crate::bluez::Sent;
use crate::bluez::device_path;
use crate::bluez::tell;
use crate::bus::Bus;
use crate::gateway::stderr;
use crate::scene;
use crate::scene::ADAPTER;
use crate::scene::BTHOME;
use crate::scene::KITCHEN;
use crate::scene::Scene;
use crate::scene::listed;
use crate::scene::wait_for;

const BATHROOM: &str = "A4:C1:38:00:00:02";

#[tokio::test]
async fn what_a_device_sends_is_listed() {
    if scene::is_missing() {
        return;
    }
    let scene = Scene::start("").await;
    // The first advert is told in another way than those that follow.
    let first = Sent { service_data: vec![(BTHOME, vec![0x40, 1])], ..KITCHEN };
    scene.hear("hci0", first.clone()).await;
    let scan = scene.gateway.json(&["ble", "scan"]).await;
    let kitchen = listed(&scan, &KITCHEN.address).unwrap();
    assert_eq!((&kitchen["name"], &kitchen["rssi"]), (&json!("kitchen"), &json!(-60)));
    assert_eq!((&kitchen["services"], &kitchen["manufacturers"]), (&json!([BTHOME]), &json!([])));
    assert_eq!(kitchen["count"], 1);
    assert!(kitchen["first_seen"].is_string() && kitchen["last_seen"].is_string(), "{kitchen}");

    // The same again; a little stronger, which is not told; much stronger; other data.
    scene.hear("hci0", first.clone()).await;
    scene.hear("hci0", Sent { rssi: -57, ..first.clone() }).await;
    assert_eq!(listed(&scene.gateway.json(&["ble", "scan"]).await, &KITCHEN.address).unwrap()["rssi"], -60);
    scene.hear("hci0", Sent { rssi: -40, ..KITCHEN }).await;
    scene.hear("hci0", Sent { rssi: -40, manufacturer_data: vec![(0x0499, vec![5])], ..KITCHEN }).await;
    let scan = scene.gateway.json(&["ble", "scan"]).await;
    let kitchen = listed(&scan, &KITCHEN.address).unwrap();
    assert_eq!((&kitchen["rssi"], &kitchen["count"]), (&json!(-40), &json!(5)));
    assert_eq!((&kitchen["services"], &kitchen["manufacturers"]), (&json!([BTHOME]), &json!([0x0499])));
    assert_eq!((&scan["ble"]["state"], &scan["ble"]["heard"]), (&json!("scanning"), &json!(5)));

    let told = scene.gateway.cli(&["ble", "scan"]).await;
    let told = String::from_utf8(told.stdout.clone()).unwrap() + &stderr(&told);
    assert!(told.contains("A4:C1:38:00:00:01  -40   5"), "{told}");
    // The same over the web port, for the owner.
    let token = scene.gateway.json(&["token", "create"]).await;
    let path = format!("/v1/ble?access_token={}", token["token"].as_str().unwrap());
    let answer = scene.gateway.get(&path).await;
    assert!(answer.starts_with("HTTP/1.1 200") && answer.contains(&*KITCHEN.address), "{answer}");
    assert!(scene.gateway.get("/v1/ble").await.starts_with("HTTP/1.1 400"));
}

#[tokio::test]
async fn the_scan_is_for_sensors_alone_and_hears_repetitions() {
    if scene::is_missing() {
        return;
    }
    let scene = Scene::start("").await;
    let scans = scene.bluez.when(|service| service.scans("hci0"));
    assert_eq!(scans, (true, vec!["DuplicateData=1 Transport=le".to_owned()]));
}

#[tokio::test]
async fn what_is_only_remembered_was_never_heard() {
    if scene::is_missing() {
        return;
    }
    let bus = Bus::start();
    let bluez = Bluez::start(&bus.address());
    bluez.when(|service| {
        service.plug("hci0", ADAPTER);
        service.know("hci0", &Sent { manufacturer_data: vec![(0x0499, vec![5])], ..KITCHEN });
    });
    let gateway = scene::gateway(&bus, "").await;
    let scan = wait_for(&gateway, |scan| listed(scan, &KITCHEN.address).is_some()).await;
    let kitchen = listed(&scan, &KITCHEN.address).unwrap();
    assert_eq!((&kitchen["name"], &kitchen["count"]), (&json!("kitchen"), &json!(0)));
    assert_eq!((&kitchen["rssi"], &kitchen["last_seen"]), (&json!(null), &json!(null)));
    assert_eq!(kitchen["manufacturers"], json!([]));
    assert_eq!(scan["ble"]["heard"], 0);
}

#[tokio::test]
async fn nobody_else_on_the_bus_can_make_up_adverts() {
    if scene::is_missing() {
        return;
    }
    let scene = Scene::start("").await;
    let mut stranger = Channel::open_private(&scene.bus.address()).unwrap();
    stranger.register().unwrap();
    let rssi = dbus::arg::Variant(Box::new(-30_i16) as Box<dyn dbus::arg::RefArg>);
    // The bus hands on in order what is sent in order.
    tell(&stranger, &device_path("hci0", BATHROOM), "org.bluez.Device1", [("RSSI", rssi)]);
    stranger.flush();
    scene.hear("hci0", KITCHEN).await;
    let scan = scene.gateway.json(&["ble", "scan"]).await;
    assert!(listed(&scan, BATHROOM).is_none(), "{scan}");
}

#[tokio::test]
async fn of_two_adapters_the_one_that_was_named_is_used() {
    if scene::is_missing() {
        return;
    }
    let bus = Bus::start();
    let bluez = Bluez::start(&bus.address());
    bluez.when(|service| {
        service.plug("hci0", ADAPTER);
        service.plug("hci1", "B8:27:EB:00:00:02");
    });
    let gateway = scene::gateway(&bus, "[ble]\nadapter = \"b8:27:eb:00:00:02\"").await;
    let ble = scene::wait_for_state(&gateway, "scanning").await;
    assert_eq!(ble["adapter"], "B8:27:EB:00:00:02");
    assert!(!bluez.when(|service| service.send("hci0", &KITCHEN)));
    let scene = Scene { gateway, bluez, bus };
    scene.hear("hci1", KITCHEN).await;
}
