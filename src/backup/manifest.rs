//! `manifest.json`: what is in a backup, and the sums by which a change is noticed.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::Serialize;
use serde_json::Value;
use sha2::Digest;
use sha2::Sha256;

use crate::backup::RestoreError;
use crate::backup::json;
use crate::model::WallTime;
use crate::model::hex;
use crate::store::SCHEMA;

/// Its name in the bundle.
pub(super) const NAME: &str = "manifest.json";

/// What it is the manifest of; no other program's backup has it.
const KIND: &str = "farhook-backup";

/// How backups are made. One of a newer format is refused.
const FORMAT: u32 = 1;

/// See the module. Its fields are written in this order: their sum is taken.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Manifest {
    kind: String,
    format: u32,
    /// How the rows are written.
    schema: u64,
    /// The version that made it.
    pub(super) farhook: String,
    pub(super) created_at: String,
    pub(super) counts: Counts,
    files: Vec<Listed>,
}

/// How much a backup has.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Counts {
    /// Users.
    pub users: usize,
    /// Devices.
    pub devices: usize,
    /// Products.
    pub products: usize,
    /// Hooks.
    pub hooks: usize,
    /// Named secrets.
    pub secrets: usize,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Listed {
    name: String,
    bytes: usize,
    sha256: String,
}

/// What is the same in all formats.
#[derive(Deserialize)]
struct Head {
    kind: String,
    format: u32,
    #[serde(default)]
    schema: u64,
    #[serde(default)]
    farhook: String,
}

impl Manifest {
    /// Of no files yet.
    pub(super) fn new(counts: Counts, now: WallTime) -> Self {
        Self {
            kind: KIND.to_owned(),
            format: FORMAT,
            schema: SCHEMA,
            farhook: env!("CARGO_PKG_VERSION").to_owned(),
            created_at: now.to_string(),
            counts,
            files: Vec::new(),
        }
    }

    /// # Errors
    /// When it is none, or of a newer format.
    pub(super) fn read(bytes: &[u8]) -> Result<Self, RestoreError> {
        let head: Head = serde_json::from_slice(bytes).map_err(|_| RestoreError::Foreign)?;
        if head.kind != KIND {
            return Err(RestoreError::Foreign);
        }
        if head.format > FORMAT || head.schema > SCHEMA {
            return Err(RestoreError::Newer { farhook: head.farhook });
        }
        serde_json::from_slice(bytes).map_err(|_| RestoreError::Unreadable { name: NAME })
    }

    /// Lists a file.
    pub(super) fn list(&mut self, name: &str, bytes: &[u8]) {
        let sha256 = hex(&Sha256::digest(bytes));
        self.files.push(Listed { name: name.to_owned(), bytes: bytes.len(), sha256 });
    }

    /// Whether such a file is listed.
    pub(super) fn lists(&self, name: &str) -> bool {
        self.files.iter().any(|listed| listed.name == name)
    }

    /// # Errors
    /// When these are not the files that are listed, or not as they were.
    pub(super) fn check(&self, files: &BTreeMap<String, Vec<u8>>) -> Result<(), RestoreError> {
        let unlisted = files.keys().find(|name| !self.lists(name));
        let changed = self.files.iter().find(|listed| {
            let is_same = |bytes: &Vec<u8>| bytes.len() == listed.bytes && hex(&Sha256::digest(bytes)) == listed.sha256;
            !files.get(&listed.name).is_some_and(is_same)
        });
        match unlisted.or(changed.map(|listed| &listed.name)) {
            Some(name) => Err(RestoreError::Changed { name: name.clone() }),
            None => Ok(()),
        }
    }

    /// The sum of it as it stands.
    pub(super) fn hash(&self) -> [u8; 32] {
        Sha256::digest(json(self)).into()
    }

    /// The sum of it before that file was listed.
    pub(super) fn hash_without(&self, name: &str) -> [u8; 32] {
        let mut before = self.clone();
        before.files.retain(|listed| listed.name != name);
        before.hash()
    }
}

impl Counts {
    /// Of the registry's rows.
    pub(super) fn of(rows: &BTreeMap<String, Value>) -> Self {
        let count = |prefix: &str| rows.keys().filter(|key| key.starts_with(prefix)).count();
        Self {
            users: count("user/"),
            devices: count("device/"),
            products: count("product/"),
            hooks: count("hook/"),
            secrets: count("secret/"),
        }
    }
}
