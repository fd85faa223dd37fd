//! The ballast: a file of real blocks that is thrown away when the disk is so full that sled cannot even open (its
//! recovery writes). Made again once there is room for it.

use std::fs::File;
use std::io;
use std::path::Path;

use crate::store::disk;

/// Bytes of the ballast; sled's recovery wrote up to 4 MB of a 40 MB database when it was measured.
const BALLAST_BYTES: u64 = 16 << 20;

/// The ballast is made only where this many times its size is free.
const ROOM_FACTOR: u64 = 8;

const FILE: &str = "ballast";

/// Puts the ballast in place if it is missing and there is plenty of room.
pub(super) fn take_aboard(data: &Path) -> io::Result<()> {
    let path = data.join(FILE);
    let is_whole = |found: std::fs::Metadata| found.len() == BALLAST_BYTES;
    if path.metadata().is_ok_and(is_whole) || disk::free_bytes(data)? < ROOM_FACTOR * BALLAST_BYTES {
        return Ok(());
    }
    let file = File::create(&path)?;
    let bytes = i64::try_from(BALLAST_BYTES).expect("the ballast is small");
    nix::fcntl::posix_fallocate(&file, 0, bytes)?;
    file.sync_all()
}

/// Throws the ballast away. True if there was one.
pub(super) fn drop_overboard(data: &Path) -> bool {
    std::fs::remove_file(data.join(FILE)).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ballast_is_real_bytes_and_goes_once() {
        let data = tempfile::tempdir().unwrap();
        take_aboard(data.path()).unwrap();
        assert_eq!(std::fs::metadata(data.path().join(FILE)).unwrap().len(), BALLAST_BYTES);
        assert!(drop_overboard(data.path()));
        assert!(!drop_overboard(data.path()));
    }
}
