//! The lock of the data folder: one daemon at a time, and the second is told who the first is.

use std::fs;
use std::fs::DirBuilder;
use std::fs::File;
use std::io;
use std::io::Read;
use std::io::Seek;
use std::io::Write;
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;
use std::path::PathBuf;

use nix::errno::Errno;
use nix::fcntl::Flock;
use nix::fcntl::FlockArg;

/// Why the data folder cannot be had.
#[derive(Debug, thiserror::Error)]
pub(super) enum LockError {
    /// Another daemon has it.
    #[error("the data folder {folder} is in use by another farhook (process {process})", folder = folder.display())]
    InUse {
        /// The folder.
        folder: PathBuf,
        /// Who has it.
        process: String,
    },
    /// It cannot be made or opened.
    #[error("cannot use the data folder {folder}", folder = folder.display())]
    Folder {
        /// The folder.
        folder: PathBuf,
        /// What the system says.
        #[source]
        source: io::Error,
    },
}

/// Held as long as the daemon runs; the kernel lets go of it however the daemon ends.
#[derive(Debug)]
pub(super) struct DataLock(#[expect(dead_code, reason = "dropping it lets go of the lock")] Flock<File>);

impl DataLock {
    /// Makes the folder if it is missing, readable for its owner alone, and takes its lock.
    ///
    /// # Errors
    /// See [`LockError`].
    pub(super) fn take(folder: &Path) -> Result<Self, LockError> {
        let fail = |source| LockError::Folder { folder: folder.to_owned(), source };
        DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(fail)?;
        let path = folder.join("lock");
        let file = fs::OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path);
        match Flock::lock(file.map_err(fail)?, FlockArg::LockExclusiveNonblock) {
            Ok(mut lock) => {
                lock.set_len(0).and_then(|()| lock.rewind()).map_err(fail)?;
                writeln!(lock, "{}", std::process::id()).map_err(fail)?;
                Ok(Self(lock))
            }
            Err((mut file, Errno::EWOULDBLOCK)) => {
                let mut process = String::new();
                let _ = file.read_to_string(&mut process);
                Err(LockError::InUse { folder: folder.to_owned(), process: process.trim().to_owned() })
            }
            Err((_, error)) => Err(fail(error.into())),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_second_daemon_is_told_who_has_the_folder() {
        let data = tempfile::tempdir().unwrap();
        let folder = data.path().join("a/b");
        let first = DataLock::take(&folder).unwrap();
        let error = DataLock::take(&folder).unwrap_err().to_string();
        assert!(error.contains(&std::process::id().to_string()) && error.contains("a/b"), "{error}");
        assert_eq!(fs::metadata(&folder).unwrap().permissions().mode() & 0o777, 0o700);
        drop(first);
        DataLock::take(&folder).unwrap();
    }
}
