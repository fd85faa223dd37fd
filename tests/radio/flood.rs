//! However much is sent, the gateway stays small and goes on hearing.

use std::fs;

use crate::bluez::Sent;
use crate::scene;
use crate::scene::KITCHEN;
use crate::scene::Scene;
use crate::scene::listed;
use crate::scene::wait_for;

/// Devices that send, and how often.
const DEVICES: usize = 1_000;
const ROUNDS: usize = 8;

/// Kilobytes that the process may have grown by: the list of 500 devices, and what the allocator keeps.
const GROWN_KB: u64 = 6_000;

#[tokio::test]
async fn a_burst_of_8000_adverts_leaves_nothing_behind_but_the_list() {
    if scene::is_missing() {
        return;
    }
    let scene = Scene::start("").await;
    scene.hear("hci0", KITCHEN).await;
    let before = resident_kb(scene.gateway.process_id());
    scene.bluez.when(|service| {
        for _ in 0..ROUNDS {
            for number in 0..DEVICES {
                let data = vec![(0x0499, vec![7; 24])];
                let address = format!("C0:00:00:00:{:02X}:{:02X}", number / 256, number % 256).into();
                assert!(service.send("hci0", &Sent { address, manufacturer_data: data, name: None, ..KITCHEN }));
            }
        }
    });
    let all = u64::try_from(DEVICES * ROUNDS).unwrap();
    let whole = |scan: &serde_json::Value| {
        let count = |name: &str| scan["ble"][name].as_u64().unwrap();
        count("heard") + count("dropped") > all
    };
    let scan = wait_for(&scene.gateway, whole).await;
    assert!(scan["devices"].as_array().unwrap().len() <= 500);
    let grown = resident_kb(scene.gateway.process_id()).saturating_sub(before);
    assert!(grown <= GROWN_KB, "it grew by {grown} kB");

    scene.hear("hci0", Sent { rssi: -20, ..KITCHEN }).await;
    let scan = scene.gateway.json(&["ble", "scan"]).await;
    assert!(listed(&scan, &KITCHEN.address).is_some());
}

fn resident_kb(process: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}
