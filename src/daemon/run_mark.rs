//! A file that is there while a daemon runs, and afterwards if it did not get to stop.

use std::fs;
use std::path::Path;
use std::path::PathBuf;

use anyhow::Context;
use log::warn;

/// The mark of this run.
#[derive(Debug)]
pub(super) struct RunMark {
    path: PathBuf,
    was_there: bool,
}

impl RunMark {
    /// Sets the mark and sees whether the last daemon left one.
    pub(super) fn set(data: &Path) -> anyhow::Result<Self> {
        let path = data.join("running");
        let was_there = path.exists();
        fs::write(&path, b"").with_context(|| format!("cannot write {}", path.display()))?;
        Ok(Self { path, was_there })
    }

    /// Whether the last daemon ended without its stop.
    pub(super) fn was_killed(&self) -> bool {
        self.was_there
    }

    /// Everything is in order and on the disk.
    pub(super) fn clear(self) {
        if let Err(error) = fs::remove_file(&self.path) {
            warn!("{} cannot be removed: {error}", self.path.display());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_daemon_that_did_not_stop_leaves_its_mark() {
        let data = tempfile::tempdir().unwrap();
        let first = RunMark::set(data.path()).unwrap();
        assert!(!first.was_killed());
        let second = RunMark::set(data.path()).unwrap();
        assert!(second.was_killed());
        second.clear();
        assert!(!RunMark::set(data.path()).unwrap().was_killed());
    }
}
