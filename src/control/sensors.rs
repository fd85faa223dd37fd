//! What requests about Bluetooth and its sensors do. The radio is the owner's, and who hears what.

use std::sync::Arc;

use serde_json::Value;
use serde_json::json;

use crate::bus::BleFound;
use crate::clock;
use crate::control::answer::Answer;
use crate::control::answer::Refused;
use crate::control::answer::refused;
use crate::control::clerk::Clerk;
use crate::model::Address;
use crate::model::Device;
use crate::model::DeviceName;
use crate::model::Hidden;
use crate::model::Link;
use crate::model::Sensor;
use crate::model::TellingChange;

/// Sensors that are adopted with one request. Ours: as many as the list of what is heard has.
const AT_ONCE: usize = 500;

impl Clerk<'_> {
    pub(super) async fn heard_by_bluetooth(&self) -> Answer {
        self.must_have_all()?;
        Ok(json!({ "ble": self.parts.ble.report(), "devices": self.found().await? }))
    }

    /// With a bind key this waits for a packet of the sensor, on which the key is tried.
    pub(super) async fn adopt_sensor(
        &self,
        address: &str,
        name: String,
        bind_key: Option<Hidden>,
        link: Option<Link>,
    ) -> Answer {
        self.must_have_all()?;
        let address: Address = address.parse().map_err(refused)?;
        let name = DeviceName::try_from(name).map_err(refused)?;
        match &bind_key {
            Some(key) => self.parts.ble.try_key(address, key.clone()).await.map_err(refused)?,
            None if heard(&self.found().await?, address).is_some_and(|found| found.needs_key) => {
                return Err(refused(format!("{address} encrypts what it sends: give its bind key")));
            }
            None => {}
        }
        let sensor = Sensor { bind_key, link, ..Sensor::at(address) };
        let (device, key) =
            self.change(|registry| registry.adopt_sensor(self.user, name, sensor, clock::now().wall))?;
        let mut adopted = shown(&device, None);
        if link == Some(Link::Farhook) {
            adopted["key"] = json!(key.reveal());
        }
        Ok(adopted)
    }

    /// Those that need no bind key.
    pub(super) async fn adopt_sensors(&self, addresses: Vec<String>, prefix: &str) -> Answer {
        self.must_have_all()?;
        if prefix.is_empty() {
            return Err(refused("say what their names shall begin with"));
        }
        if addresses.len() > AT_ONCE {
            return Err(refused(format!("{AT_ONCE} sensors are adopted at once, and not more")));
        }
        let (mut adopted, mut not) = (Vec::new(), Vec::new());
        for address in addresses {
            let sensor = match address.parse() {
                Ok(parsed) => self.adopt_sensor(&address, named(prefix, parsed), None, None).await,
                Err(error) => Err(refused(error)),
            };
            match sensor {
                Ok(sensor) => adopted.push(sensor),
                Err(Refused(reason)) => not.push(json!({ "address": address, "reason": reason })),
            }
        }
        Ok(json!({ "adopted": adopted, "refused": not }))
    }

    /// With a bind key this waits for a packet of the sensor, on which the key is tried.
    pub(super) async fn set_sensor(&self, device: &str, telling: &TellingChange, bind_key: Option<Hidden>) -> Answer {
        self.must_have_all()?;
        let measured = self.parts.ble.measured();
        if let Some(key) = &bind_key {
            let snapshot = self.parts.registry.snapshot();
            let sensor = snapshot.device_of(self.user, device).and_then(|device| device.sensor.as_ref());
            if let Some(sensor) = sensor {
                // What is wrong with the rest is better said before the wait than after it.
                sensor.telling.changed(telling, measured).map_err(refused)?;
                self.parts.ble.try_key(sensor.address, key.clone()).await.map_err(refused)?;
            }
        }
        let device = self.change(|registry| registry.set_sensor(self.user, device, telling, bind_key, measured))?;
        Ok(shown(&device, None))
    }

    pub(super) fn forget_sensor(&self, device: &str) -> Answer {
        let device = self.change(|registry| registry.forget_sensor(self.user, device))?;
        Ok(json!({ "id": device.id, "name": device.name }))
    }

    pub(super) async fn sensors(&self) -> Answer {
        self.must_have_all()?;
        let found = self.found().await?;
        let snapshot = self.parts.registry.snapshot();
        let mut sensors: Vec<_> = snapshot.sensors().filter(|(device, _)| device.owner == self.user).collect();
        sensors.sort_by(|(one, _), (other, _)| one.name.as_str().cmp(other.name.as_str()));
        let listed = |(device, sensor): (&Arc<Device>, &Sensor)| {
            let mut listed = shown(device, heard(&found, sensor.address));
            listed["link"] = json!(self.parts.ble.link(device.id));
            listed
        };
        Ok(sensors.into_iter().map(listed).collect())
    }

    async fn found(&self) -> Result<Vec<BleFound>, Refused> {
        self.parts.ble.found().await.ok_or_else(|| refused("the gateway is stopping"))
    }
}

/// What one of several is called: the end of its address stands on many of them.
fn named(prefix: &str, address: Address) -> String {
    let [.., one, two, three] = address.bytes();
    format!("{prefix}-{one:02X}{two:02X}{three:02X}")
}

fn heard(found: &[BleFound], address: Address) -> Option<&BleFound> {
    let address = address.to_string();
    found.iter().find(|found| found.address == address)
}

/// A sensor, with what was heard of it in the last hour.
fn shown(device: &Device, heard: Option<&BleFound>) -> Value {
    let sensor = device.sensor.as_ref();
    json!({
        "id": device.id,
        "name": device.name,
        "address": sensor.map(|sensor| sensor.address),
        "has_bind_key": sensor.is_some_and(|sensor| sensor.bind_key.is_some()),
        "telling": sensor.map(|sensor| &sensor.telling),
        "heard": heard,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_ends_as_the_address_does() {
        assert_eq!(named("shed", "A4:C1:38:00:0a:02".parse().unwrap()), "shed-000A02");
    }
}
