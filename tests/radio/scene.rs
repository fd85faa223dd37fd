//! A gateway, a bus and a Bluetooth service, and what the gateway says of it.

use std::borrow::Cow;

use serde_json::Value;
use tokio::time::Instant;

use crate::bluez::Bluez;
use crate::bluez::Sent;
use crate::bluez::Service;
use crate::bus::Bus;
use crate::gateway::Gateway;
use crate::gateway::PATIENCE;
use crate::gateway::Setup;
use crate::tools;

/// The adapter of most scenes.
pub const ADAPTER: &str = "B8:27:EB:00:00:01";

/// The service under which sensors send in the format of `BTHome`.
pub const BTHOME: &str = "0000fcd2-0000-1000-8000-00805f9b34fb";

/// A sensor that sends.
pub const KITCHEN: Sent = Sent {
    address: Cow::Borrowed("A4:C1:38:00:00:01"),
    name: Some("kitchen"),
    rssi: -60,
    manufacturer_data: Vec::new(),
    service_data: Vec::new(),
    services: Vec::new(),
};

/// Whether the tests cannot be done here. In CI that is a failure.
pub fn is_missing() -> bool {
    tools::is_missing("dbus-daemon", "dbus-daemon")
}

/// A running gateway that scans with an adapter.
pub struct Scene {
    pub gateway: Gateway,
    pub bluez: Bluez,
    pub bus: Bus,
}

impl Scene {
    /// With more configuration.
    pub async fn start(config: &str) -> Self {
        let bus = Bus::start();
        let bluez = Bluez::start(&bus.address());
        bluez.when(|service| service.plug("hci0", ADAPTER));
        let gateway = gateway(&bus, config).await;
        wait_for_state(&gateway, "scanning").await;
        Self { gateway, bluez, bus }
    }

    /// A device sends, and it is heard by the gateway.
    pub async fn hear(&self, hci: &'static str, sent: Sent) {
        let address = sent.address.clone();
        let before = count(&self.gateway, &address).await;
        assert!(self.bluez.when(move |service| service.send(hci, &sent)), "nobody scans");
        wait_for(&self.gateway, |scan| count_of(scan, &address) > before).await;
    }

    /// Waits until the Bluetooth service is as wanted.
    pub async fn until(&self, is_so: fn(&Service) -> bool) {
        let deadline = Instant::now() + PATIENCE;
        while !self.bluez.when(is_so) {
            assert!(Instant::now() < deadline, "the service is never as wanted");
            tokio::task::yield_now().await;
        }
    }
}

/// A gateway on that bus.
pub async fn gateway(bus: &Bus, config: &str) -> Gateway {
    Setup::new().with(config).env("DBUS_SYSTEM_BUS_ADDRESS", &bus.address()).start().await
}

/// What `farhook ble scan` says, once it is as wanted.
pub async fn wait_for(gateway: &Gateway, is_wanted: impl Fn(&Value) -> bool) -> Value {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let scan = gateway.json(&["ble", "scan"]).await;
        if is_wanted(&scan) {
            return scan;
        }
        assert!(Instant::now() < deadline, "it is never as wanted: {scan}");
    }
}

/// What `farhook status` says of Bluetooth, once that is its state.
pub async fn wait_for_state(gateway: &Gateway, state: &str) -> Value {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let status = gateway.json(&["status"]).await;
        if status["ble"]["state"] == state {
            return status["ble"].clone();
        }
        assert!(Instant::now() < deadline, "it is never {state}: {status}");
    }
}

/// A device as it is listed.
pub fn listed<'a>(scan: &'a Value, address: &str) -> Option<&'a Value> {
    scan["devices"].as_array().unwrap().iter().find(|device| device["address"] == address)
}

async fn count(gateway: &Gateway, address: &str) -> u64 {
    count_of(&gateway.json(&["ble", "scan"]).await, address)
}

fn count_of(scan: &Value, address: &str) -> u64 {
    listed(scan, address).map_or(0, |device| device["count"].as_u64().unwrap())
}
