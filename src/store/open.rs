//! Opening a sled database so that a daemon always starts. The ladder, each step only after the one before failed:
//!
//! 1. remove half-written snapshots, open (in a thread of its own panic: sled panics on some damage);
//! 2. the disk is full: throw the ballast away, open again;
//! 3. remove the snapshots, open again: they are rebuilt from the log;
//! 4. move the folder aside, start empty, and say so.
//!
//! An error of the disk or of permissions is no damage: it ends the start, and nothing is touched.

use std::fs;
use std::io;
use std::panic::AssertUnwindSafe;
use std::path::Path;
use std::path::PathBuf;
use std::time::Duration;

use log::error;
use log::warn;

use crate::store::ballast;
use crate::store::power_safe;

/// What sled says when its lock is held, and how long it is waited for.
const SLED_IS_LOCKED: &str = "could not acquire lock";
const LOCK_WAIT: Duration = Duration::from_millis(20);
const LOCK_WAITS: u32 = 100;

/// Why no database could be opened, not even an empty one.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The folder cannot be made, read or renamed.
    #[error("cannot use {path}", path = path.display())]
    Folder {
        /// The folder.
        path: PathBuf,
        /// What the system says.
        #[source]
        source: io::Error,
    },
    /// sled refuses, and moving the folder aside did not help or was not allowed.
    #[error("cannot open the database {path}: {reason}", path = path.display())]
    Refused {
        /// The database's folder.
        path: PathBuf,
        /// sled's reason or panic.
        reason: String,
    },
}

/// An open database, and whether what was there before had to be put aside.
#[derive(Debug)]
pub struct Opened {
    pub(super) db: sled::Db,
    /// Where the unreadable database was moved to.
    pub set_aside: Option<PathBuf>,
}

/// What a database is named, behind its name, until it takes its place.
const REBUILT: &str = ".new";

/// Where a database is rebuilt.
pub(super) fn rebuilt(data: &Path, name: &str) -> PathBuf {
    data.join(format!("{name}{REBUILT}"))
}

/// Removes what is left of a rebuilding, whether it was done or cut short: the database in its place is the right one.
pub(super) fn remove_rebuilt(data: &Path, name: &str) -> io::Result<()> {
    match fs::remove_dir_all(rebuilt(data, name)) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Opens or makes the database `name` in the data folder.
pub(super) fn open(data: &Path, name: &str, cache_bytes: u64) -> Result<Opened, OpenError> {
    remove_rebuilt(data, name).map_err(|source| OpenError::Folder { path: rebuilt(data, name), source })?;
    ballast_if_room(data);
    assert!(power_safe::is_in_place(), "sync_file_range is not ours: sled would not be power-safe");
    let path = data.join(name);
    let folder = |source| OpenError::Folder { path: path.clone(), source };
    fs::create_dir_all(&path).map_err(folder)?;
    let opened = match attempt(&path, cache_bytes) {
        Ok(db) => Opened { db, set_aside: None },
        Err(Failure::DiskFull) => {
            ballast::drop_overboard(data);
            warn!("the disk is full; opening {name} again without the ballast");
            let db = attempt(&path, cache_bytes)
                .map_err(|failure| OpenError::Refused { path: path.clone(), reason: failure.to_string() })?;
            Opened { db, set_aside: None }
        }
        Err(failure @ Failure::Io(_)) => {
            return Err(OpenError::Refused { path: path.clone(), reason: failure.to_string() });
        }
        Err(Failure::Damaged(reason)) => {
            warn!("{name} did not open ({reason}); trying without its snapshots");
            remove_snapshots(&path, |_| true).map_err(folder)?;
            match attempt(&path, cache_bytes) {
                Ok(db) => Opened { db, set_aside: None },
                Err(failure) => start_empty(&path, cache_bytes, &failure)?,
            }
        }
    };
    sync_folder(&path).and_then(|()| sync_folder(data)).map_err(folder)?;
    Ok(opened)
}

/// Opens after an error at run time, without repairing anything but room for it.
pub(super) fn reopen(data: &Path, name: &str, cache_bytes: u64) -> Result<sled::Db, OpenError> {
    let path = data.join(name);
    let opened = match attempt(&path, cache_bytes) {
        Err(Failure::DiskFull) if ballast::drop_overboard(data) => attempt(&path, cache_bytes),
        opened => opened,
    };
    opened.map_err(|failure| OpenError::Refused { path, reason: failure.to_string() })
}

/// Opens a new database in an empty folder.
pub(super) fn open_new(path: &Path, cache_bytes: u64) -> Result<sled::Db, OpenError> {
    let refused = |failure: Failure| OpenError::Refused { path: path.to_owned(), reason: failure.to_string() };
    attempt(path, cache_bytes).map_err(refused)
}

/// Makes the entries of a folder durable.
pub(super) fn sync_folder(path: &Path) -> io::Result<()> {
    fs::File::open(path)?.sync_all()
}

#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error("no space left on the device")]
    DiskFull,
    #[error("{0}")]
    Damaged(String),
    #[error("{0}")]
    Io(io::Error),
}

/// Opens once. A database that this process has just closed keeps its lock for a moment; nobody else can have it,
/// since the daemon holds the lock of the whole data folder.
fn attempt(path: &Path, cache_bytes: u64) -> Result<sled::Db, Failure> {
    let mut waits = 0;
    loop {
        match attempt_once(path, cache_bytes) {
            Err(Failure::Io(error)) if waits < LOCK_WAITS && error.to_string().contains(SLED_IS_LOCKED) => waits += 1,
            opened => return opened,
        }
        #[expect(clippy::disallowed_methods, reason = "sled's thread tells nobody when it lets go of the lock")]
        std::thread::sleep(LOCK_WAIT);
    }
}

fn attempt_once(path: &Path, cache_bytes: u64) -> Result<sled::Db, Failure> {
    remove_snapshots(path, |file| file.ends_with(".generating")).map_err(Failure::Io)?;
    let config = sled::Config::new().path(path).cache_capacity(cache_bytes).flush_every_ms(Some(1_000));
    match std::panic::catch_unwind(AssertUnwindSafe(|| config.open())) {
        Ok(Ok(db)) => Ok(db),
        Ok(Err(sled::Error::Io(error))) if error.kind() == io::ErrorKind::StorageFull => Err(Failure::DiskFull),
        Ok(Err(sled::Error::Io(error))) => Err(Failure::Io(error)),
        Ok(Err(error)) => Err(Failure::Damaged(error.to_string())),
        Err(panic) => {
            let reason = panic.downcast_ref::<String>().map(String::as_str).or(panic.downcast_ref::<&str>().copied());
            Err(Failure::Damaged(format!("sled panicked: {}", reason.unwrap_or("without a reason"))))
        }
    }
}

fn ballast_if_room(data: &Path) {
    match ballast::take_aboard(data) {
        Ok(true) => {}
        Ok(false) => warn!("there is no room for a ballast for the case of a full disk"),
        Err(error) => warn!("there is no ballast for the case of a full disk: {error}"),
    }
}

fn start_empty(path: &Path, cache_bytes: u64, failure: &Failure) -> Result<Opened, OpenError> {
    let mut aside = path.as_os_str().to_owned();
    aside.push(".damaged");
    let aside = PathBuf::from(aside);
    let folder = |source| OpenError::Folder { path: path.to_owned(), source };
    if aside.exists() {
        fs::remove_dir_all(&aside).map_err(folder)?;
    }
    fs::rename(path, &aside).map_err(folder)?;
    error!("{} cannot be read ({failure}); it was moved to {}", path.display(), aside.display());
    fs::create_dir_all(path).map_err(folder)?;
    let db = attempt(path, cache_bytes)
        .map_err(|failure| OpenError::Refused { path: path.to_owned(), reason: failure.to_string() })?;
    Ok(Opened { db, set_aside: Some(aside) })
}

fn remove_snapshots(path: &Path, which: impl Fn(&str) -> bool) -> io::Result<()> {
    for entry in fs::read_dir(path)? {
        let entry = entry?;
        let name = entry.file_name();
        if name.to_str().is_some_and(|name| name.starts_with("snap.") && which(name)) {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const CACHE: u64 = 1 << 20;

    fn fill(data: &Path) {
        let opened = open(data, "queue", CACHE).unwrap();
        for i in 0u32..500 {
            opened.db.insert(i.to_be_bytes(), vec![7; 5_000]).unwrap();
        }
        opened.db.flush().unwrap();
    }

    #[test]
    fn a_half_written_snapshot_does_not_stop_the_start() {
        let data = tempfile::tempdir().unwrap();
        fill(data.path());
        fs::write(data.path().join("queue/snap.0000000000000001.generating"), b"").unwrap();
        let opened = open(data.path(), "queue", CACHE).unwrap();
        assert_eq!(opened.set_aside, None);
        assert_eq!(opened.db.len(), 500);
    }

    #[test]
    fn a_damaged_snapshot_is_thrown_away_and_the_log_read() {
        let data = tempfile::tempdir().unwrap();
        fill(data.path());
        drop(open(data.path(), "queue", CACHE).unwrap());
        let snapshot = fs::read_dir(data.path().join("queue"))
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .find(|path| path.file_name().unwrap().to_str().unwrap().starts_with("snap."))
            .unwrap();
        let bytes = fs::read(&snapshot).unwrap();
        fs::write(&snapshot, &bytes[..bytes.len() / 2]).unwrap();
        let opened = open(data.path(), "queue", CACHE).unwrap();
        assert_eq!((opened.set_aside, opened.db.len()), (None, 500));
    }

    #[test]
    fn an_error_of_the_disk_is_no_reason_to_start_empty() {
        let data = tempfile::tempdir().unwrap();
        fs::create_dir_all(data.path().join("queue/db")).unwrap();
        assert!(matches!(open(data.path(), "queue", CACHE), Err(OpenError::Refused { .. })));
        assert!(data.path().join("queue/db").exists());
    }

    #[test]
    fn an_unreadable_database_is_moved_aside_and_an_empty_one_opened() {
        let data = tempfile::tempdir().unwrap();
        fill(data.path());
        remove_snapshots(&data.path().join("queue"), |_| true).unwrap();
        let log = data.path().join("queue/db");
        let mut bytes = fs::read(&log).unwrap();
        for page in bytes.chunks_mut(4_096).skip(20).step_by(40) {
            page.fill(0);
        }
        fs::write(&log, bytes).unwrap();
        // Which damage of its log sled passes over depends on how its threads laid it out. Without its settings it
        // opens nothing.
        fs::write(data.path().join("queue/conf"), "no settings").unwrap();

        let opened = open(data.path(), "queue", CACHE).unwrap();

        assert_eq!(opened.set_aside, Some(data.path().join("queue.damaged")));
        assert!(data.path().join("queue.damaged/db").exists());
        assert_eq!(opened.db.len(), 0);
    }
}
