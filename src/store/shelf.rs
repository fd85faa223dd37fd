//! An open sled database that can be opened again: after an error sled refuses everything until then. Both databases
//! stand on one.

use std::panic::AssertUnwindSafe;
use std::path::Path;
use std::path::PathBuf;
use std::sync::RwLock;

use crate::store::open;
use crate::store::open::OpenError;
use crate::store::open::Opened;

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
        self.with(write).unwrap_or_else(|| Err(sled::Error::Unsupported("the database is not open".to_owned())))
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

/// Makes an error of a panic: sled panics on some damage, and the writer must outlive it.
fn caught(write: impl FnOnce() -> Result<(), sled::Error>) -> Result<(), sled::Error> {
    let panicked = |_| Err(sled::Error::ReportableBug("sled panicked".to_owned()));
    std::panic::catch_unwind(AssertUnwindSafe(write)).unwrap_or_else(panicked)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_of_sled_is_an_error_of_the_disk() {
        assert!(caught(|| panic!("on purpose")).is_err());
        assert!(caught(|| Ok(())).is_ok());
    }
}
