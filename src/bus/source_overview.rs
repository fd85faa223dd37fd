//! The sources of a user and the devices behind them, adopted or not: the same for the command line and for the web
//! port.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::bus::Sources;
use crate::config::Config;
use crate::model::DeviceId;
use crate::model::DeviceName;
use crate::model::UserId;
use crate::model::WallTime;
use crate::registry::Snapshot;
use crate::sources::Found;
use crate::sources::LastReading;

/// A source.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SourceOverview {
    /// The device that is its login.
    pub id: DeviceId,
    /// What that is called.
    pub name: DeviceName,
    /// The name of its rules.
    pub rules: String,
    /// Whether there are such rules.
    pub has_rules: bool,
    /// The devices behind it: that it spoke of since the start, or that were adopted from it; by name.
    pub devices: Vec<SourceDevice>,
    /// Publishes that no rule could read, since the start.
    pub unread: u64,
    /// The topic of the last of them.
    pub unread_topic: Option<String>,
    /// Readings of adopted devices that were no events, by reason.
    pub not_told: BTreeMap<&'static str, u64>,
}

/// A device behind a source.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SourceDevice {
    /// What it is called there.
    pub known_as: String,
    /// The device that it was adopted as; none if it was not.
    pub id: Option<DeviceId>,
    /// What that is called.
    pub name: Option<DeviceName>,
    /// When it was spoken of first, since the start.
    pub first_seen: Option<String>,
    /// When it was spoken of last.
    pub last_seen: Option<String>,
    /// How often.
    pub count: u64,
    /// What was said last.
    pub reading: Option<LastReading>,
}

impl Sources {
    /// The sources of one user, by name.
    pub fn overview(&self, user: UserId, registry: &Snapshot, config: &Config) -> Vec<SourceOverview> {
        let logins = registry.devices_of(user).filter_map(|device| Some((device, device.source.as_ref()?)));
        let mut sources: Vec<_> = logins
            .map(|(source, login)| {
                let report = self.report(source.id);
                SourceOverview {
                    id: source.id,
                    name: source.name.clone(),
                    rules: login.rules.clone(),
                    has_rules: config.rules(&login.rules).is_some(),
                    devices: devices(report.devices, source.id, user, registry),
                    unread: report.unread,
                    unread_topic: report.unread_topic,
                    not_told: report.not_told,
                }
            })
            .collect();
        sources.sort_by(|one, other| one.name.as_str().cmp(other.name.as_str()));
        sources
    }
}

fn devices(found: Vec<Found>, source: DeviceId, user: UserId, registry: &Snapshot) -> Vec<SourceDevice> {
    let text = |at: WallTime| Some(at.to_string());
    let heard = found.into_iter().map(|found| SourceDevice {
        first_seen: text(found.first_seen),
        last_seen: text(found.last_seen),
        count: found.count,
        reading: found.reading,
        ..SourceDevice::silent(found.name)
    });
    let mut devices: BTreeMap<String, SourceDevice> = heard.map(|device| (device.known_as.clone(), device)).collect();
    for device in registry.devices_of(user) {
        if let Some(adoption) = device.adoption.as_ref().filter(|adoption| adoption.source == source) {
            let silent = || SourceDevice::silent(adoption.name.clone());
            let known = devices.entry(adoption.name.clone()).or_insert_with(silent);
            known.id = Some(device.id);
            known.name = Some(device.name.clone());
        }
    }
    devices.into_values().collect()
}

impl SourceDevice {
    fn silent(known_as: String) -> Self {
        Self { known_as, id: None, name: None, first_seen: None, last_seen: None, count: 0, reading: None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Now;
    use crate::model::Adoption;
    use crate::model::Device;
    use crate::model::SourceLogin;
    use crate::registry::samples::OWNER;
    use crate::registry::samples::device;
    use crate::registry::samples::snapshot;
    use crate::sources::Message;
    use crate::sources::preset;

    #[test]
    fn what_spoke_and_what_was_adopted_is_listed_once_each() {
        let login = |rules: &str| Some(SourceLogin { rules: rules.to_owned() });
        let adopted = |number, name: &str| {
            let adoption = Adoption { source: DeviceId::from_bytes([1; 12]), name: name.to_owned() };
            Device { adoption: Some(adoption), ..device(number) }
        };
        let registry = snapshot(
            [
                Device { source: login("tasmota"), ..device(1) },
                Device { source: login("gone"), ..device(2) },
                adopted(3, "plug"),
                adopted(4, "silent"),
                device(5),
            ],
            [],
        );
        let sources = Sources::default();
        let now = Now { mono_ms: 0, wall: WallTime::from_millis(0) };
        for topic in ["stat/plug/POWER", "stat/lamp/POWER", "elsewhere"] {
            let message = Message { topic, payload: "ON".into(), is_replay: false };
            sources.hear(DeviceId::from_bytes([1; 12]), preset("tasmota").unwrap(), message, &registry, now);
        }
        let [one, other] = sources.overview(OWNER, &registry, &Config::default()).try_into().unwrap();
        let shown = |device: &SourceDevice| (device.known_as.clone(), device.id.is_some(), device.count);
        let devices: Vec<_> = one.devices.iter().map(shown).collect();
        let expected = [("lamp", false, 1), ("plug", true, 1), ("silent", true, 0)];
        assert_eq!(devices, expected.map(|(name, is_adopted, count)| (name.to_owned(), is_adopted, count)));
        assert_eq!((one.has_rules, one.unread, one.unread_topic.as_deref()), (true, 1, Some("elsewhere")));
        assert_eq!((other.has_rules, other.devices.len()), (false, 0));
        assert_eq!(sources.overview(UserId::from_bytes([9; 12]), &registry, &Config::default()), []);
    }
}
