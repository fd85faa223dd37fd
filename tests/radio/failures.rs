//! Whatever happens to the radio, it is told by its name, and when it is over adverts are heard again.

use crate::bluez::Bluez;
use crate::bluez::Sent;
use crate::bus::Bus;
use crate::gateway::Setup;
use crate::scene;
use crate::scene::ADAPTER;
use crate::scene::KITCHEN;
use crate::scene::Scene;
use crate::scene::wait_for_state;

#[tokio::test]
async fn without_a_bus_everything_else_works_and_one_line_says_so() {
    let gateway = Setup::new().env("DBUS_SYSTEM_BUS_ADDRESS", "unix:path=/nonexistent/bus").start().await;
    let ble = wait_for_state(&gateway, "no_bus").await;
    assert!(ble["hint"].is_string() && ble["reason"].is_string(), "{ble}");
    gateway.json(&["publish", "temp", "21"]).await;
    assert_eq!(gateway.json(&["ble", "scan"]).await["devices"], serde_json::json!([]));
    let log = gateway.log();
    let lines: Vec<&str> = log.lines().filter(|line| line.contains("Bluetooth")).collect();
    assert_eq!(lines.len(), 1, "{log}");
    assert!(lines[0].contains("INFO") || lines[0].contains("info"), "{log}");
}

#[tokio::test]
async fn without_a_service_or_an_adapter_it_waits_until_they_are_there() {
    if scene::is_missing() {
        return;
    }
    let bus = Bus::start();
    let gateway = scene::gateway(&bus, "").await;
    wait_for_state(&gateway, "no_bluetoothd").await;
    let bluez = Bluez::start(&bus.address());
    wait_for_state(&gateway, "no_adapter").await;
    bluez.when(|service| service.plug("hci0", ADAPTER));
    wait_for_state(&gateway, "scanning").await;
    Scene { gateway, bluez, bus }.hear("hci0", KITCHEN).await;
}

#[tokio::test]
async fn an_adapter_that_somebody_switched_off_stays_off_until_they_switch_it_on() {
    if scene::is_missing() {
        return;
    }
    let scene = Scene::start("").await;
    scene.hear("hci0", KITCHEN).await;
    scene.bluez.when(|service| service.switch("hci0", false));
    let ble = wait_for_state(&scene.gateway, "off").await;
    assert!(ble["hint"].as_str().unwrap().contains("power on"), "{ble}");
    assert!(!scene.bluez.when(|service| service.scans("hci0")).0);
    scene.bluez.when(|service| service.switch("hci0", true));
    wait_for_state(&scene.gateway, "scanning").await;
    scene.hear("hci0", Sent { rssi: -30, ..KITCHEN }).await;
}

#[tokio::test]
async fn an_adapter_is_switched_on_if_that_may_be() {
    if scene::is_missing() {
        return;
    }
    let scene = Scene::start("[ble]\nmanage_power = true").await;
    scene.bluez.when(|service| service.switch("hci0", false));
    // It may be on again before anybody could see that it was off.
    scene.until(|service| !service.scans("hci0").1.is_empty()).await;
    wait_for_state(&scene.gateway, "scanning").await;
    scene.hear("hci0", KITCHEN).await;
}

#[tokio::test]
async fn a_blocked_adapter_is_told_and_used_when_it_is_free() {
    if scene::is_missing() {
        return;
    }
    let scene = Scene::start("[ble]\nmanage_power = true").await;
    scene.bluez.when(|service| service.block("hci0", true));
    let ble = wait_for_state(&scene.gateway, "blocked").await;
    assert!(ble["hint"].as_str().unwrap().contains("rfkill"), "{ble}");
    scene.bluez.when(|service| service.block("hci0", false));
    wait_for_state(&scene.gateway, "scanning").await;
    scene.hear("hci0", KITCHEN).await;
}

#[tokio::test]
async fn an_adapter_that_is_plugged_in_again_is_known_by_its_address() {
    if scene::is_missing() {
        return;
    }
    let scene = Scene::start("").await;
    scene.hear("hci0", KITCHEN).await;
    scene.bluez.when(|service| service.unplug("hci0", &[&KITCHEN.address]));
    let ble = wait_for_state(&scene.gateway, "unplugged").await;
    assert_eq!(ble["adapter"], ADAPTER);
    scene.bluez.when(|service| service.plug("hci7", ADAPTER));
    wait_for_state(&scene.gateway, "scanning").await;
    scene.hear("hci7", KITCHEN).await;
}

#[tokio::test]
async fn a_bluetooth_service_that_is_started_again_is_heard_again() {
    if scene::is_missing() {
        return;
    }
    let mut scene = Scene::start("").await;
    scene.hear("hci0", KITCHEN).await;
    scene.bluez.stop();
    wait_for_state(&scene.gateway, "no_bluetoothd").await;
    scene.bluez = Bluez::start(&scene.bus.address());
    scene.bluez.when(|service| service.plug("hci0", ADAPTER));
    wait_for_state(&scene.gateway, "scanning").await;
    scene.hear("hci0", KITCHEN).await;
}

#[tokio::test]
async fn a_bluetooth_service_that_ends_before_it_answers_has_refused_nothing() {
    if scene::is_missing() {
        return;
    }
    let mut scene = Scene::start("").await;
    scene.bluez.when(|service| service.switch("hci0", false));
    wait_for_state(&scene.gateway, "off").await;
    scene.bluez.when(|service| {
        service.hang_scans("hci0");
        service.switch("hci0", true);
    });
    scene.until(|service| service.is_waited_for("hci0")).await;
    scene.bluez.stop();
    wait_for_state(&scene.gateway, "no_bluetoothd").await;
    let log = scene.gateway.log();
    assert!(log.contains("Bluetooth: no_bluetoothd") && !log.contains("Bluetooth: refused"), "{log}");
}

#[tokio::test]
async fn a_bus_that_is_started_again_is_heard_again() {
    if scene::is_missing() {
        return;
    }
    let mut scene = Scene::start("").await;
    scene.hear("hci0", KITCHEN).await;
    for _ in 0..2 {
        scene.bus.kill();
        wait_for_state(&scene.gateway, "no_bus").await;
        scene.bus.start_again();
        scene.bluez = Bluez::start(&scene.bus.address());
        scene.bluez.when(|service| service.plug("hci0", ADAPTER));
        wait_for_state(&scene.gateway, "scanning").await;
        scene.hear("hci0", KITCHEN).await;
    }
    let log = scene.gateway.log();
    assert!(!log.contains("panicked"), "{log}");
    scene.gateway.stop().await;
}

#[tokio::test]
async fn a_scan_that_ends_is_begun_again_and_counted() {
    if scene::is_missing() {
        return;
    }
    let scene = Scene::start("").await;
    // One that is told, and one that is found out by asking.
    for (lost, is_told) in [(1, true), (2, false)] {
        scene.bluez.when(move |service| service.lose_scan("hci0", is_told));
        scene::wait_for(&scene.gateway, |scan| scan["ble"]["scans_lost"] == lost).await;
        wait_for_state(&scene.gateway, "scanning").await;
        scene.hear("hci0", Sent { manufacturer_data: vec![(1, vec![])], ..KITCHEN }).await;
    }
}

#[tokio::test]
async fn a_scan_that_the_kernel_refuses_is_none_whatever_the_service_says() {
    if scene::is_missing() {
        return;
    }
    let bus = Bus::start();
    let bluez = Bluez::start(&bus.address());
    bluez.when(|service| {
        service.plug("hci0", ADAPTER);
        service.refuse_scans("hci0", true);
    });
    let gateway = scene::gateway(&bus, "").await;
    let ble = wait_for_state(&gateway, "refused").await;
    assert!(ble["reason"].as_str().unwrap().contains("kernel"), "{ble}");
    bluez.when(|service| service.refuse_scans("hci0", false));
    wait_for_state(&gateway, "scanning").await;
    let scene = Scene { gateway, bluez, bus };
    scene.hear("hci0", KITCHEN).await;
    // One that is lost, and refused when it is to be begun anew.
    scene.bluez.when(|service| {
        service.refuse_scans("hci0", true);
        service.lose_scan("hci0", true);
    });
    let lost = |scan: &serde_json::Value| scan["ble"]["state"] == "scan_lost" && scan["ble"]["reason"].is_string();
    scene::wait_for(&scene.gateway, lost).await;
    scene.bluez.when(|service| service.refuse_scans("hci0", false));
    wait_for_state(&scene.gateway, "scanning").await;
    scene.hear("hci0", Sent { rssi: -30, ..KITCHEN }).await;
}

#[tokio::test]
async fn it_is_switched_off_and_on_while_the_gateway_runs() {
    if scene::is_missing() {
        return;
    }
    let mut scene = Scene::start("").await;
    let with = |config: &str, address: &str| Setup::new().with(config).env("DBUS_SYSTEM_BUS_ADDRESS", address);
    scene.gateway.reload(with("[ble]\nenabled = false", &scene.bus.address())).await;
    let ble = wait_for_state(&scene.gateway, "disabled").await;
    assert!(ble["hint"].as_str().unwrap().contains("ble.enabled"), "{ble}");
    assert_eq!(scene.bluez.when(|service| service.scans("hci0")).1, [""; 0]);
    scene.gateway.reload(with("", &scene.bus.address())).await;
    wait_for_state(&scene.gateway, "scanning").await;
    scene.hear("hci0", KITCHEN).await;
}
