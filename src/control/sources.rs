//! What requests about sources do, and about the devices behind them.

use serde_json::Value;
use serde_json::json;

use crate::clock;
use crate::control::answer::Answer;
use crate::control::answer::Refused;
use crate::control::answer::refused;
use crate::control::clerk::Clerk;
use crate::model::DeviceName;
use crate::model::SourceLogin;
use crate::sources;

impl Clerk<'_> {
    pub(super) fn add_source(&self, name: String, rules: String) -> Answer {
        let name = DeviceName::try_from(name).map_err(refused)?;
        let login = self.login(rules)?;
        let (device, key) = self.change(|registry| registry.add_source(self.user, name, login, clock::now().wall))?;
        Ok(json!({ "id": device.id, "name": device.name, "key": key.reveal() }))
    }

    pub(super) fn set_source(&self, source: &str, rules: String) -> Answer {
        let login = self.login(rules)?;
        let device = self.change(|registry| registry.set_source(self.user, source, login))?;
        Ok(json!({ "id": device.id, "name": device.name }))
    }

    pub(super) fn sources(&self) -> Value {
        let config = self.parts.overview.config.borrow().clone();
        json!(self.parts.sources.overview(self.user, &self.parts.registry.snapshot(), &config))
    }

    /// Without a name of its own, it is called as it is there.
    pub(super) fn adopt_device(&self, source: &str, known_as: &str, name: Option<String>) -> Answer {
        if !sources::is_device_name(known_as) {
            return Err(refused(format!("no source calls a device {known_as:?}")));
        }
        let name = name.unwrap_or_else(|| short(known_as));
        let name = DeviceName::try_from(name).map_err(refused)?;
        let now = clock::now().wall;
        let device = self.change(|registry| registry.adopt_device(self.user, source, known_as, name, now))?;
        Ok(self.shown_device(&device))
    }

    pub(super) fn forget_adopted(&self, device: &str) -> Answer {
        let device = self.change(|registry| registry.forget_adopted(self.user, device))?;
        self.parts.presence.keep_registered(&self.parts.registry);
        Ok(json!({ "id": device.id, "name": device.name }))
    }

    fn login(&self, rules: String) -> Result<SourceLogin, Refused> {
        let config = self.parts.overview.config.borrow().clone();
        if config.rules(&rules).is_some() {
            return Ok(SourceLogin { rules });
        }
        let own = config.sources.iter().map(sources::RuleSet::name);
        let known: Vec<_> = sources::PRESETS.into_iter().chain(own).collect();
        Err(refused(format!("there are no rules {rules:?}; there are {}", known.join(", "))))
    }
}

/// As much of a name as a device's can have.
fn short(known_as: &str) -> String {
    known_as.chars().take(DeviceName::MAX_CHARS).collect::<String>().trim().to_owned()
}
