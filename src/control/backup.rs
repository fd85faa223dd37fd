//! What requests about backups do, and the diagnostics bundle.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use serde_json::json;
use tokio::task::block_in_place;

use crate::backup;
use crate::backup::Diagnostics;
use crate::clock;
use crate::control::answer::Answer;
use crate::control::answer::refused;
use crate::control::clerk::Clerk;
use crate::model::Hidden;

/// Attempts of each hook that a diagnostics bundle shows.
const ATTEMPTS: usize = 20;

impl Clerk<'_> {
    /// Secrets leave only at the gateway itself: a token alone shows nobody's password hash, nor the value of a named
    /// secret.
    pub(super) fn back_up(&self, passphrase: Option<&Hidden>) -> Answer {
        self.must_have_all()?;
        if passphrase.is_some() {
            self.must_be_local()?;
        }
        let now = clock::now().wall;
        let made = block_in_place(|| self.parts.backups.make(passphrase.map(Hidden::reveal), now));
        let (description, file) = made.map_err(refused)?;
        let mut made = json!(description);
        made["name"] = json!(backup::file_name(now));
        made["file"] = json!(STANDARD.encode(file));
        Ok(made)
    }

    /// A backup brings passwords, and other passwords need more than a token.
    pub(super) fn restore(&self, file: &Hidden, passphrase: Option<&Hidden>) -> Answer {
        self.must_be_local()?;
        let file = STANDARD.decode(file.reveal()).map_err(|_| refused("the file is not in base64"))?;
        let (by, now) = (self.parts.registry.owner(), clock::now().wall);
        let restored = block_in_place(|| self.parts.backups.restore(&file, passphrase.map(Hidden::reveal), by, now));
        let report = restored.map_err(refused)?;
        self.parts.presence.keep_registered(&self.parts.registry);
        Ok(json!(report))
    }

    pub(super) async fn diagnostics(&self) -> Answer {
        self.must_have_all()?;
        let now = clock::now();
        let snapshot = self.parts.registry.snapshot();
        let devices: Value = {
            let seen = snapshot.devices.values().filter(|device| self.sees(device.owner));
            seen.map(|device| self.shown_device(device)).collect()
        };
        let hooks: Value = {
            let seen = snapshot.hooks.values().filter(|hook| self.sees(hook.owner));
            seen.map(|hook| self.shown(hook)).collect()
        };
        let mut bundle = Diagnostics::new(now);
        bundle.add("status", &self.status());
        bundle.add("queue", &self.queue().await?);
        bundle.add("limits", &self.limits()?);
        bundle.add("notices", &self.unread()?);
        bundle.add("hooks", &hooks);
        bundle.add_devices(devices);
        bundle.add_attempts(self.log(None, ATTEMPTS)?);
        bundle.add_text("config", format!("{:#?}\n", self.parts.overview.config.borrow()));
        bundle.add("machine", &block_in_place(backup::machine));
        Ok(json!({ "name": bundle.file_name(), "file": STANDARD.encode(bundle.pack()) }))
    }
}
