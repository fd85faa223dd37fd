//! An open sled database that can be opened again: after an error sled refuses everything until then. Both databases
//! stand on one.

use std::fs;
use std::io;
use std::panic::AssertUnwindSafe;
use std::path::Path;
use std::path::PathBuf;
use std::sync::RwLock;

use nix::fcntl::AT_FDCWD;
use nix::fcntl::RenameFlags;
use nix::fcntl::renameat2;

use crate::store::open;
use crate::store::open::OpenError;
use crate::store::open::Opened;

/// Rows that are copied together into a new database.
const COPIED_AT_ONCE: usize = 256;

/// A database; closed only while it is being opened again, or when that failed.
#[derive(Debug)]
pub(super) struct Shelf {
    data: PathBuf,
    name: &'static str,
    cache_bytes: u64,
    db: RwLock<Option<sled::Db>>,
}

impl Shelf {
    /// Opens the database `name` in the data folder. The path is where a damaged one was put aside.
    pub(super) fn open(
        data: &Path,
        name: &'static str,
        cache_bytes: u64,
    ) -> Result<(Self, Option<PathBuf>), OpenError> {
        let Opened { db, set_aside } = open::open(data, name, cache_bytes)?;
        Ok((Self { data: data.to_owned(), name, cache_bytes, db: RwLock::new(Some(db)) }, set_aside))
    }

    /// The folder that the database is in.
    pub(super) fn data(&self) -> &Path {
        &self.data
    }

    /// Reads from the database; none while it is closed.
    pub(super) fn with<T>(&self, read: impl FnOnce(&sled::Db) -> T) -> Option<T> {
        self.db.read().expect("no reader panics").as_ref().map(read)
    }

    /// Applies a batch and waits until it is on the disk.
    pub(super) fn write(&self, batch: sled::Batch) -> Result<(), sled::Error> {
        let write = |db: &sled::Db| {
            caught(|| {
                db.apply_batch(batch)?;
                db.flush()?;
                Ok(())
            })
        };
        self.with(write).unwrap_or_else(|| Err(not_open()))
    }

    /// Whether there is a row of that key.
    pub(super) fn contains(&self, key: &[u8]) -> Result<bool, sled::Error> {
        self.with(|db| db.contains_key(key)).unwrap_or_else(|| Err(not_open()))
    }

    /// Whether the database is open.
    pub(super) fn is_open(&self) -> bool {
        self.db.read().expect("no reader panics").is_some()
    }

    /// Copies what there is into a new database and puts that in the place of the old one: sled itself gives back
    /// neither the memory nor the disk of a backlog that is gone. Readers wait meanwhile. After an error the old
    /// database is open as before, or none is and [`Self::reopen`] has to try.
    ///
    /// # Errors
    /// When the disk refuses, or the filesystem cannot exchange two folders at once.
    pub(super) fn rebuild(&self) -> Result<(), RebuildError> {
        let mut open = self.db.write().expect("no reader panics");
        let Some(old) = open.as_ref() else { return Ok(()) };
        let new_path = open::rebuilt(&self.data, self.name);
        if let Err(error) = self.copy_to(old, &new_path) {
            // On a full disk half a copy would be in everybody's way.
            open::remove_rebuilt(&self.data, self.name)?;
            return Err(error);
        }
        drop(open.take());
        // From here on an error leaves it closed, and the next opening finds either the old or the new one in its
        // place.
        renameat2(AT_FDCWD, &self.data.join(self.name), AT_FDCWD, &new_path, RenameFlags::RENAME_EXCHANGE)
            .map_err(io::Error::from)?;
        open::sync_folder(&self.data)?;
        *open = Some(open::reopen(&self.data, self.name, self.cache_bytes)?);
        open::remove_rebuilt(&self.data, self.name)?;
        Ok(())
    }

    fn copy_to(&self, old: &sled::Db, path: &Path) -> Result<(), RebuildError> {
        open::remove_rebuilt(&self.data, self.name)?;
        fs::create_dir(path)?;
        let new = open::open_new(path, self.cache_bytes)?;
        caught(|| copy(old, &new))?;
        drop(new);
        open::sync_folder(path)?;
        Ok(())
    }

    /// Closes and opens the database.
    pub(super) fn reopen(&self) -> Result<(), OpenError> {
        let mut open = self.db.write().expect("no reader panics");
        drop(open.take());
        *open = Some(open::reopen(&self.data, self.name, self.cache_bytes)?);
        Ok(())
    }

    /// Closes the database, as an error at opening it again would.
    #[cfg(test)]
    pub(super) fn close(&self) {
        self.db.write().unwrap().take();
    }
}

/// Why a database was not rebuilt.
#[derive(Debug, thiserror::Error)]
pub(super) enum RebuildError {
    /// The new one cannot be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// A row cannot be copied.
    #[error(transparent)]
    Copy(#[from] sled::Error),
    /// A folder cannot be made, exchanged or removed.
    #[error(transparent)]
    Folder(#[from] io::Error),
}

fn copy(from: &sled::Db, to: &sled::Db) -> Result<(), sled::Error> {
    let mut rows = from.iter();
    loop {
        let mut batch = sled::Batch::default();
        let mut count = 0;
        for row in rows.by_ref().take(COPIED_AT_ONCE) {
            let (key, value) = row?;
            batch.insert(key, value);
            count += 1;
        }
        to.apply_batch(batch)?;
        if count < COPIED_AT_ONCE {
            to.flush()?;
            return Ok(());
        }
    }
}

fn not_open() -> sled::Error {
    sled::Error::Unsupported("the database is not open".to_owned())
}

/// Makes an error of a panic: sled panics on some damage, and the writer must outlive it.
fn caught(write: impl FnOnce() -> Result<(), sled::Error>) -> Result<(), sled::Error> {
    let panicked = |_| Err(sled::Error::ReportableBug("sled panicked".to_owned()));
    std::panic::catch_unwind(AssertUnwindSafe(write)).unwrap_or_else(panicked)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rebuilt_database_has_the_same_rows_and_less_of_everything() {
        let data = tempfile::tempdir().unwrap();
        let (shelf, _) = Shelf::open(data.path(), "queue", 1 << 20).unwrap();
        let batch = |change: &dyn Fn(&mut sled::Batch, u32)| {
            let mut batch = sled::Batch::default();
            (0..20_000).for_each(|number| change(&mut batch, number));
            shelf.write(batch).unwrap();
        };
        batch(&|batch, number| batch.insert(&number.to_be_bytes(), vec![7; 1_000]));
        batch(&|batch, number| {
            if number % 100 != 0 {
                batch.remove(&number.to_be_bytes());
            }
        });
        let size = || shelf.with(|db| db.size_on_disk().unwrap()).unwrap();
        let rows = || shelf.with(|db| db.iter().map(Result::unwrap).collect::<Vec<_>>()).unwrap();
        let (before, size_before) = (rows(), size());

        shelf.rebuild().unwrap();

        assert_eq!((rows(), before.len()), (before, 200));
        assert!(size() * 10 < size_before, "{} of {size_before}", size());
        assert_eq!(
            std::fs::read_dir(data.path())
                .unwrap()
                .filter(|entry| { entry.as_ref().unwrap().file_name().to_str().unwrap().starts_with("queue") })
                .count(),
            1
        );
        shelf.write(sled::Batch::default()).unwrap();
        drop(shelf);
        let (shelf, _) = Shelf::open(data.path(), "queue", 1 << 20).unwrap();
        assert_eq!(shelf.with(|db| db.len()), Some(200));
    }

    #[test]
    fn a_rebuilding_that_was_cut_short_leaves_nothing_behind() {
        let data = tempfile::tempdir().unwrap();
        std::fs::create_dir(data.path().join("queue.new")).unwrap();
        std::fs::write(data.path().join("queue.new/db"), b"half").unwrap();
        let (shelf, _) = Shelf::open(data.path(), "queue", 1 << 20).unwrap();
        assert!(!data.path().join("queue.new").exists());
        shelf.rebuild().unwrap();
    }

    #[test]
    fn a_panic_of_sled_is_an_error_of_the_disk() {
        assert!(caught(|| panic!("on purpose")).is_err());
        assert!(caught(|| Ok(())).is_ok());
    }
}
