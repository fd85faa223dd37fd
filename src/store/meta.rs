//! What people made: users, devices, tokens, products, hooks, secrets. Small, changed rarely, and readable: values are
//! JSON.
//!
//! Every change is flushed before it is answered, and then the whole content is written to `meta-export.json`, by
//! which a damaged database is restored.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::Path;
use std::sync::Mutex;

use log::error;
use log::warn;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::store::open;
use crate::store::open::OpenError;
use crate::store::shelf::Shelf;

/// sled's page cache, in bytes.
const CACHE_BYTES: u64 = 1 << 20;

const NAME: &str = "meta";
const EXPORT: &str = "meta-export.json";

/// Key of the row that says how the others are written.
const SCHEMA_KEY: &str = "schema";

/// Bytes of a value. sled writes long values to files that it never syncs, so a longer row is cut into pieces.
const PIECE_BYTES: usize = 4_000;

/// Keys of pieces begin with this; the row's key and the piece's number follow.
const PIECES: &str = "piece/";

/// A row that was cut has this in its place, followed by how many pieces there are. No JSON begins so.
const CUT: &str = "+";

/// How the rows are written. A farhook that knows only older schemas refuses to start.
pub const SCHEMA: u64 = 1;

/// Why what people made cannot be read or changed.
#[derive(Debug, thiserror::Error)]
pub enum MetaError {
    /// The database cannot be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// sled or the disk refuses.
    #[error("the registry cannot be read or written: {0}")]
    Disk(String),
    /// A newer farhook wrote it.
    #[error("the registry was written by a newer farhook (schema {found}, this one knows {SCHEMA})")]
    Newer {
        /// The schema found.
        found: u64,
    },
}

/// Rows that are stored and removed together, or not at all.
#[derive(Debug, Default)]
pub struct MetaChanges(Vec<(String, Option<Vec<u8>>)>);

impl MetaChanges {
    /// Stores a row in place of what was there.
    pub fn put<T: Serialize>(&mut self, key: String, row: &T) {
        let json = serde_json::to_vec(row).expect("rows of the registry are plain JSON");
        self.0.push((key, Some(json)));
    }

    /// Removes a row. Nothing happens if it is not there.
    pub fn remove(&mut self, key: String) {
        self.0.push((key, None));
    }
}

/// The open meta database.
#[derive(Debug)]
pub struct Meta {
    shelf: Shelf,
    exporting: Mutex<()>,
}

impl Meta {
    /// Opens the database in the data folder; a damaged one is restored from its export.
    ///
    /// # Errors
    /// When not even an empty one can be made, or a newer farhook wrote it.
    pub fn open(data: &Path) -> Result<Self, MetaError> {
        let (shelf, _) = Shelf::open(data, NAME, CACHE_BYTES)?;
        let meta = Self { shelf, exporting: Mutex::new(()) };
        // sled takes damage at the beginning of its log for an empty database: ask whether ours is there.
        if meta.read::<u64>(SCHEMA_KEY)?.is_none() {
            meta.restore()?;
        }
        match meta.read::<u64>(SCHEMA_KEY)? {
            Some(found) if found > SCHEMA => Err(MetaError::Newer { found }),
            Some(_) => Ok(meta),
            None => meta.put(SCHEMA_KEY, &SCHEMA).map(|()| meta),
        }
    }

    /// All rows whose key begins with `prefix`, without it, in order of their keys. A row that does not decode is
    /// reported in the log and left alone.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn all<T: DeserializeOwned>(&self, prefix: &str) -> Result<Vec<(String, T)>, MetaError> {
        self.with(|db| {
            let mut rows = Vec::new();
            for entry in db.scan_prefix(prefix) {
                let (key, value) = entry.map_err(disk)?;
                let key = String::from_utf8_lossy(&key);
                if key.starts_with(PIECES) {
                    continue;
                }
                match serde_json::from_slice(&whole(db, &key, &value)?) {
                    Ok(row) => rows.push((key[prefix.len()..].to_owned(), row)),
                    Err(error) => error!("the row {key} of the registry cannot be read: {error}"),
                }
            }
            Ok(rows)
        })
    }

    /// All rows but the schema's, as they are. One that is no JSON is reported in the log and left alone.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn rows(&self) -> Result<BTreeMap<String, Value>, MetaError> {
        let rows = self.all::<Value>("")?;
        Ok(rows.into_iter().filter(|(key, _)| key != SCHEMA_KEY).collect())
    }

    /// Stores a row durably, in place of what was there.
    ///
    /// # Errors
    /// As [`Self::apply`].
    pub fn put<T: Serialize>(&self, key: &str, row: &T) -> Result<(), MetaError> {
        let mut changes = MetaChanges::default();
        changes.put(key.to_owned(), row);
        self.apply(&changes)
    }

    /// Makes changes durable, all or none. If the disk refused before, the database is opened again and gets a second
    /// chance.
    ///
    /// # Errors
    /// When the disk refuses; the changes may or may not be stored then.
    pub fn apply(&self, changes: &MetaChanges) -> Result<(), MetaError> {
        if let Err(error) = self.change(changes) {
            warn!("{error}; the registry is opened again");
            self.shelf.reopen()?;
            self.change(changes)?;
        }
        // The database is what counts; without an export it still is.
        if let Err(error) = self.export() {
            warn!("{EXPORT} cannot be written: {error}");
        }
        Ok(())
    }

    fn read<T: DeserializeOwned>(&self, key: &str) -> Result<Option<T>, MetaError> {
        self.with(|db| {
            let value = db.get(key).map_err(disk)?;
            let json = value.map(|value| whole(db, key, &value)).transpose()?;
            Ok(json.and_then(|json| serde_json::from_slice(&json).ok()))
        })
    }

    fn with<T>(&self, read: impl FnOnce(&sled::Db) -> Result<T, MetaError>) -> Result<T, MetaError> {
        let closed = || Err(MetaError::Disk("it is closed after an error".to_owned()));
        self.shelf.with(read).unwrap_or_else(closed)
    }

    fn change(&self, changes: &MetaChanges) -> Result<(), MetaError> {
        let mut batch = sled::Batch::default();
        for (key, json) in &changes.0 {
            self.change_row(key, json.as_deref(), &mut batch)?;
        }
        self.shelf.write(batch).map_err(disk)
    }

    /// Replaces a row, or removes it, with all its pieces.
    fn change_row(&self, key: &str, json: Option<&[u8]>, batch: &mut sled::Batch) -> Result<(), MetaError> {
        let before = self.with(|db| db.get(key).map_err(disk))?;
        for piece in 0..before.map_or(0, |value| pieces(&value)) {
            batch.remove(piece_key(key, piece).as_str());
        }
        match json {
            None => batch.remove(key),
            Some(json) if json.len() <= PIECE_BYTES => batch.insert(key, json),
            Some(json) => {
                batch.insert(key, format!("{CUT}{}", json.len().div_ceil(PIECE_BYTES)).as_str());
                for (number, piece) in json.chunks(PIECE_BYTES).enumerate() {
                    batch.insert(piece_key(key, number).as_str(), piece);
                }
            }
        }
        Ok(())
    }

    fn export(&self) -> io::Result<()> {
        let _one_at_a_time = self.exporting.lock().expect("exporting does not panic");
        let rows = self.with(|db| {
            let mut rows = BTreeMap::new();
            for entry in db.iter() {
                let (key, value) = entry.map_err(disk)?;
                let key = String::from_utf8_lossy(&key).into_owned();
                if !key.starts_with(PIECES) {
                    let json: Result<Value, _> = serde_json::from_slice(&whole(db, &key, &value)?);
                    rows.insert(key, json.map_err(|error| MetaError::Disk(error.to_string()))?);
                }
            }
            Ok(rows)
        });
        let rows = rows.map_err(io::Error::other)?;
        let new = self.shelf.data().join(format!("{EXPORT}.new"));
        let file = open_private(&new)?;
        serde_json::to_writer_pretty(&file, &rows)?;
        file.sync_all()?;
        fs::rename(&new, self.shelf.data().join(EXPORT))?;
        open::sync_folder(self.shelf.data())
    }

    fn restore(&self) -> Result<(), MetaError> {
        let rows: BTreeMap<String, Value> = match fs::read(self.shelf.data().join(EXPORT)) {
            Ok(bytes) => serde_json::from_slice(&bytes).map_err(|error| MetaError::Disk(error.to_string()))?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(MetaError::Disk(error.to_string())),
        };
        let mut changes = MetaChanges::default();
        for (key, value) in &rows {
            changes.put(key.clone(), value);
        }
        self.change(&changes)?;
        warn!("the registry was restored from {EXPORT}: {} rows", rows.len());
        Ok(())
    }
}

/// The JSON of a row whose value in the database is `value`.
fn whole(db: &sled::Db, key: &str, value: &[u8]) -> Result<Vec<u8>, MetaError> {
    let mut whole = Vec::new();
    for piece in 0..pieces(value) {
        whole.extend_from_slice(&db.get(piece_key(key, piece)).map_err(disk)?.unwrap_or_default());
    }
    Ok(if whole.is_empty() { value.to_vec() } else { whole })
}

/// Into how many pieces a row was cut; none for one that is whole.
fn pieces(value: &[u8]) -> usize {
    let count = std::str::from_utf8(value).ok().and_then(|text| text.strip_prefix(CUT));
    count.and_then(|count| count.parse().ok()).unwrap_or(0)
}

fn piece_key(key: &str, number: usize) -> String {
    format!("{PIECES}{key}/{number}")
}

fn open_private(path: &Path) -> io::Result<fs::File> {
    use std::os::unix::fs::OpenOptionsExt;
    fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)
}

#[expect(clippy::needless_pass_by_value, reason = "it is given to map_err")]
fn disk(error: sled::Error) -> MetaError {
    MetaError::Disk(error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn remove(meta: &Meta, key: &str) {
        let mut changes = MetaChanges::default();
        changes.remove(key.to_owned());
        meta.apply(&changes).unwrap();
    }

    #[test]
    fn a_registry_that_was_refused_by_the_disk_is_opened_again() {
        let data = tempfile::tempdir().unwrap();
        let meta = Meta::open(data.path()).unwrap();
        meta.put("device/1", &"kitchen").unwrap();
        meta.shelf.close();
        assert!(meta.all::<String>("device/").is_err());
        meta.put("device/2", &"cellar").unwrap();
        assert_eq!(meta.all::<String>("device/").unwrap().len(), 2);
    }

    #[test]
    fn rows_survive_a_reopening() {
        let data = tempfile::tempdir().unwrap();
        Meta::open(data.path()).unwrap().put("device/1", &"kitchen").unwrap();
        let meta = Meta::open(data.path()).unwrap();
        assert_eq!(meta.all::<String>("device/").unwrap(), [("1".to_owned(), "kitchen".to_owned())]);
        remove(&meta, "device/1");
        assert!(meta.all::<String>("device/").unwrap().is_empty());
    }

    #[test]
    fn a_damaged_registry_is_restored_from_its_export() {
        let data = tempfile::tempdir().unwrap();
        Meta::open(data.path()).unwrap().put("device/1", &"kitchen").unwrap();
        fs::write(data.path().join("meta/conf"), b"nonsense").unwrap();
        let log = data.path().join("meta/db");
        let bytes = fs::metadata(&log).unwrap().len();
        fs::write(&log, vec![0xa5; usize::try_from(bytes).unwrap()]).unwrap();
        let meta = Meta::open(data.path()).unwrap();
        assert_eq!(meta.all::<String>("device/").unwrap().len(), 1);
    }

    #[test]
    fn a_long_row_is_read_as_it_was_written_although_no_value_is_long() {
        let data = tempfile::tempdir().unwrap();
        for bytes in [PIECE_BYTES - 2, PIECE_BYTES - 1, 2 * PIECE_BYTES - 2, 70_000, 9_000, 10] {
            let long = "x".repeat(bytes);
            Meta::open(data.path()).unwrap().put("hook/1", &long).unwrap();
            let meta = Meta::open(data.path()).unwrap();
            assert_eq!(meta.all::<String>("hook/").unwrap(), [("1".to_owned(), long)]);
            let lengths = |db: &sled::Db| db.iter().values().map(|value| value.unwrap().len()).collect::<Vec<_>>();
            let values = meta.shelf.with(lengths).unwrap();
            assert!(values.iter().all(|value| *value <= PIECE_BYTES), "{values:?}");
            let row_and_pieces = if bytes + 2 > PIECE_BYTES { 1 + (bytes + 2).div_ceil(PIECE_BYTES) } else { 1 };
            assert_eq!(values.len(), 1 + row_and_pieces, "nothing is left of the row before it");
        }
        let meta = Meta::open(data.path()).unwrap();
        meta.put("hook/1", &"x".repeat(9_000)).unwrap();
        remove(&meta, "hook/1");
        assert_eq!(meta.shelf.with(|db| db.len()), Some(1), "only the schema is left");
    }

    #[test]
    fn all_rows_are_whole_and_the_schema_is_none_of_them() {
        let data = tempfile::tempdir().unwrap();
        let meta = Meta::open(data.path()).unwrap();
        let long = "x".repeat(9_000);
        meta.put("hook/1", &long).unwrap();
        meta.put("owner", &5).unwrap();
        let rows = [("hook/1".to_owned(), Value::from(long)), ("owner".to_owned(), Value::from(5))];
        assert_eq!(meta.rows().unwrap(), BTreeMap::from(rows));
    }

    #[test]
    fn a_long_row_is_restored_from_the_export() {
        let data = tempfile::tempdir().unwrap();
        let long = "x".repeat(9_000);
        Meta::open(data.path()).unwrap().put("hook/1", &long).unwrap();
        fs::remove_dir_all(data.path().join("meta")).unwrap();
        let meta = Meta::open(data.path()).unwrap();
        assert_eq!(meta.all::<String>("hook/").unwrap(), [("1".to_owned(), long)]);
    }

    #[test]
    fn a_registry_of_a_newer_farhook_is_not_touched() {
        let data = tempfile::tempdir().unwrap();
        Meta::open(data.path()).unwrap().put(SCHEMA_KEY, &(SCHEMA + 1)).unwrap();
        assert!(matches!(Meta::open(data.path()), Err(MetaError::Newer { found: 2 })));
    }
}
