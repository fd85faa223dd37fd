//! Backup and restore: everything that people set up, in one file; and the diagnostics bundle.
//!
//! ```text
//! registry ─ rows ─> redacted ─ registry.json ─┐
//!                       └─ what was left out ─ sealed by a passphrase ─ secrets.enc ─┤
//!                                                                 manifest.json ─────┴─> one .tar.gz
//! ```
//! Whoever asks waits: for the disk, and with a passphrase for argon2. Who may ask is decided where they ask; only that
//! a restore is the owner's is looked at here, too. The queue is in no backup.

mod bundle;
mod diagnostics;
mod error;
mod manifest;
mod redacted;
mod report;
mod restored;
mod sealed;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::sync::Mutex;

use log::info;
use log::warn;
use serde::Deserialize;
use serde::Serialize;
use serde_json::Value;

use crate::backup::manifest::Manifest;
use crate::backup::redacted::Redacted;
use crate::chance::Chance;
use crate::model::UserId;
use crate::model::WallTime;
use crate::registry::Registry;

pub use diagnostics::Diagnostics;
pub use diagnostics::machine;
pub use error::BackupError;
pub use error::RestoreError;
pub use manifest::Counts;
pub use report::DisabledHook;
pub use report::LostHook;
pub use report::RestoreReport;

/// Bytes of the largest backup file that is read. Ours: ten thousand devices take less than one megabyte.
pub const FILE_BYTES: usize = 16 << 20;

/// Characters of a passphrase at least, and bytes at most. Ours: whoever has the file may guess as long as they like.
const PASSPHRASE_CHARS: usize = 8;
const PASSPHRASE_BYTES: usize = 1_024;

const REGISTRY: &str = "registry.json";
const SECRETS: &str = "secrets.enc";

/// Makes and restores backups. Cheap to clone.
#[derive(Clone)]
pub struct Backups {
    registry: Arc<Registry>,
    chance: Chance,
    /// One at a time: each takes much memory.
    turn: Arc<Mutex<()>>,
}

/// What a backup says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Description {
    /// When it was made.
    pub created_at: String,
    /// The version of farhook that made it.
    pub farhook: String,
    /// How much is in it.
    pub counts: Counts,
    /// Whether a passphrase opens the secrets in it.
    pub has_secrets: bool,
}

/// `registry.json`.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Content {
    /// The rows, without their secrets.
    rows: BTreeMap<String, Value>,
    /// Keys of the rows from which something was left out.
    incomplete: Vec<String>,
}

impl Backups {
    /// Of that registry.
    pub fn new(registry: Arc<Registry>, chance: Chance) -> Self {
        Self { registry, chance, turn: Arc::default() }
    }

    /// Makes a backup, and says what is in it; with a passphrase the secrets are, too. Blocks: call it where a thread may.
    ///
    /// # Errors
    /// When the passphrase cannot be used, or the disk refuses.
    pub fn make(&self, passphrase: Option<&str>, now: WallTime) -> Result<(Description, Vec<u8>), BackupError> {
        if passphrase.is_some_and(|text| text.chars().count() < PASSPHRASE_CHARS || text.len() > PASSPHRASE_BYTES) {
            return Err(BackupError::Passphrase);
        }
        let _turn = self.turn.lock().expect("backups do not panic");
        let Redacted { rows, incomplete, left_out } = redacted::redacted(self.registry.rows()?);
        let counts = Counts::of(&rows);
        let content = json(&Content { rows, incomplete });
        let mut manifest = Manifest::new(counts, now);
        manifest.list(REGISTRY, &content);
        let mut files = vec![(REGISTRY, content)];
        if let Some(passphrase) = passphrase {
            let sealed =
                sealed::seal(&json(&left_out), passphrase, &manifest.hash(), self.chance.bytes(), self.chance.bytes());
            manifest.list(SECRETS, &sealed);
            files.push((SECRETS, sealed));
        }
        files.insert(0, (manifest::NAME, json(&manifest)));
        let file = bundle::pack(&files, now);
        if file.len() > FILE_BYTES || files.iter().map(|(_, bytes)| bytes.len()).sum::<usize>() > bundle::WHOLE_BYTES {
            return Err(BackupError::TooLarge);
        }
        info!(has_secrets = passphrase.is_some(), bytes = file.len(); "a backup was made");
        Ok((describe_manifest(&manifest), file))
    }

    /// Replaces everything that is registered by what is in the backup. Blocks: call it where a thread may.
    ///
    /// With the passphrase everything is as it was. Without it the account of who restores stays, with its tokens, and
    /// has what was the owner's; the other users have no password; hooks with masked parts, or with secrets that are
    /// not there, are switched off; named secrets, tokens and programs of the backup are not restored. The report tells
    /// which.
    ///
    /// # Errors
    /// See [`RestoreError`]. Nothing changed.
    pub fn restore(
        &self,
        file: &[u8],
        passphrase: Option<&str>,
        by: UserId,
        now: WallTime,
    ) -> Result<RestoreReport, RestoreError> {
        if by != self.registry.owner() {
            return Err(RestoreError::NotOwner);
        }
        let _turn = self.turn.lock().expect("backups do not panic");
        let (manifest, mut files) = read(file)?;
        let content: Content = files
            .remove(REGISTRY)
            .and_then(|bytes| serde_json::from_slice(&bytes).ok())
            .ok_or(RestoreError::Unreadable { name: REGISTRY })?;
        let left_out = match (passphrase, files.remove(SECRETS)) {
            (None, _) => None,
            (Some(_), None) => return Err(RestoreError::NoSecrets),
            (Some(passphrase), Some(sealed)) => {
                Some(sealed::open(&sealed, passphrase, &manifest.hash_without(SECRETS))?)
            }
        };
        let report = RestoreReport::of(describe_manifest(&manifest), left_out.is_some());
        let report = self.registry.replace(|before| {
            // Between the question above and this moment the owner may have become another one.
            if before.owner != Some(by) {
                return Err(RestoreError::NotOwner);
            }
            match left_out {
                Some(left_out) => restored::whole(content, left_out, before, report),
                None => restored::without_secrets(content, before, report),
            }
        })?;
        let (made, at) = (&report.backup.created_at, now.to_string());
        warn!(made:%, at:%; "everything that is registered was replaced by a backup");
        Ok(report)
    }
}

impl fmt::Debug for Backups {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Backups").finish_non_exhaustive()
    }
}

/// What a backup says of itself. It is whole then, and can be read by this version.
///
/// # Errors
/// When it is not.
pub fn describe(file: &[u8]) -> Result<Description, RestoreError> {
    read(file).map(|(manifest, _)| describe_manifest(&manifest))
}

/// The name of a backup that is made now.
pub fn file_name(now: WallTime) -> String {
    bundle::name("backup", now)
}

fn describe_manifest(manifest: &Manifest) -> Description {
    Description {
        created_at: manifest.created_at.clone(),
        farhook: manifest.farhook.clone(),
        counts: manifest.counts,
        has_secrets: manifest.lists(SECRETS),
    }
}

fn read(file: &[u8]) -> Result<(Manifest, BTreeMap<String, Vec<u8>>), RestoreError> {
    if file.len() > FILE_BYTES {
        return Err(RestoreError::TooLarge);
    }
    let mut files = bundle::unpack(file)?;
    let manifest = files.remove(manifest::NAME).ok_or(RestoreError::Foreign)?;
    let manifest = Manifest::read(&manifest)?;
    manifest.check(&files)?;
    Ok((manifest, files))
}

fn json<T: Serialize>(value: &T) -> Vec<u8> {
    serde_json::to_vec(value).expect("it is plain JSON")
}

#[cfg(test)]
mod tests;
