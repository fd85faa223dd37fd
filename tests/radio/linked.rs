//! A gateway with a device that it is connected to, and what it says of the link.

use serde_json::Value;
use serde_json::json;
use tokio::time::Instant;

use crate::gateway::Gateway;
use crate::gateway::PATIENCE;
use crate::peripheral::Peripheral;
use crate::receiver::Answer;
use crate::receiver::Receiver;
use crate::scene::Scene;
use crate::scene::listed;
use crate::scene::wait_for;

pub const ADDRESS: &str = "C0:00:00:00:00:01";
pub const NAME: &str = "pump";

/// See the module.
pub struct Linked {
    pub scene: Scene,
    pub device: Peripheral,
    /// Who the device is, and what its firmware knows.
    pub id: String,
    pub key: String,
}

impl Linked {
    /// Over the service of farhook, both sides proven.
    pub async fn framed(mtu: u16) -> Self {
        let mut linked = Self::adopted(Peripheral::framed(ADDRESS, mtu), "farhook", "").await;
        linked.taken_up().await;
        linked
    }

    /// Over a UART.
    pub async fn uart(mtu: u16) -> Self {
        let mut linked = Self::adopted(Peripheral::uart(ADDRESS, mtu), "uart", "").await;
        linked.device.connected().await;
        wait_for_link(&linked.scene.gateway, NAME, "connected").await;
        linked
    }

    /// Adopted, and not yet connected to.
    pub async fn adopted(mut device: Peripheral, kind: &str, config: &str) -> Self {
        let scene = Scene::start(config).await;
        device.come(&scene.bluez);
        let adopted = adopt(&scene.gateway, &device, NAME, kind).await;
        let part = |part: &str| adopted[part].as_str().unwrap_or_default().to_owned();
        let (id, key) = (part("id"), part("key"));
        assert_eq!(key.is_empty(), kind == "uart", "{adopted}");
        Self { scene, device, id, key }
    }

    /// The gateway is connected, and each has proved to the other who it is.
    pub async fn taken_up(&mut self) {
        self.device.taken_up(&self.key).await;
        wait_for_link(&self.scene.gateway, NAME, "connected").await;
    }

    /// A hook on everything that is called like `temp`.
    pub async fn hook(&self, receiver: &Receiver) {
        self.hook_to(&receiver.url("/")).await;
    }

    /// The same, to wherever this is.
    pub async fn hook_to(&self, url: &str) {
        self.scene.gateway.hook(&hook(url)).await;
    }
}

/// Adopts a device that is heard.
pub async fn adopt(gateway: &Gateway, device: &Peripheral, name: &str, kind: &str) -> Value {
    wait_for(gateway, |scan| listed(scan, device.address).is_some()).await;
    gateway.json(&["ble", "adopt", device.address, "--name", name, "--link", kind]).await
}

/// What it sends arrives with the name and the device of the event, which is `temp` or begins so.
fn hook(url: &str) -> Value {
    json!({
        "event": "temp", "url": url, "requestType": "POST", "noDefaults": true,
        "headers": { "content-type": "application/json" },
        "json": {
            "name": "{{{PARTICLE_EVENT_NAME}}}", "device": "{{{PARTICLE_DEVICE_ID}}}",
            "data": "{{{PARTICLE_EVENT_VALUE}}}",
        },
    })
}

/// Answers that are longer than one part may be: three parts.
pub fn long_answer() -> (String, [String; 3]) {
    let parts = [("a", 512), ("b", 512), ("c", 276)].map(|(letter, length)| letter.repeat(length));
    (parts.concat(), parts)
}

/// A receiver that answers everything so.
pub fn answering(answer: String) -> Receiver {
    Receiver::with(move |_| Answer::ok(&answer))
}

/// What `farhook ble list` says of a device's link.
pub async fn link(gateway: &Gateway, name: &str) -> Value {
    let sensors = gateway.json(&["ble", "list"]).await;
    let sensor = sensors.as_array().unwrap().iter().find(|sensor| sensor["name"] == name);
    sensor.unwrap_or_else(|| panic!("{name} is not listed: {sensors}"))["link"].clone()
}

/// The same, once the link is in that state.
pub async fn wait_for_link(gateway: &Gateway, name: &str, state: &str) -> Value {
    wait_until_link(gateway, name, |link| link["state"] == state).await
}

/// The same, once it is as wanted.
pub async fn wait_until_link(gateway: &Gateway, name: &str, is_wanted: impl Fn(&Value) -> bool) -> Value {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let link = link(gateway, name).await;
        if is_wanted(&link) {
            return link;
        }
        assert!(Instant::now() < deadline, "the link of {name} is never as wanted: {link}");
    }
}
