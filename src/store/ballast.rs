//! The ballast: a file of real blocks that is thrown away when the disk is so full that sled cannot even open (its
//! recovery writes). Made again once there is room for it.

use std::fs::File;
use std::io;
use std::path::Path;

use crate::store::disk;

/// Bytes of the ballast; sled's recovery wrote up to 4 MB of a 40 MB database when it was measured.
const BALLAST_BYTES: u64 = 16 << 20;

/// A smaller disk has a smaller ballast: this part of what is free.
const SHARE: u64 = 8;

/// A smaller ballast than this would be of no use.
const LEAST_BYTES: u64 = 1 << 20;

const FILE: &str = "ballast";

/// Puts the ballast in place if it is missing and there is room. False if there is none.
pub(super) fn take_aboard(data: &Path) -> io::Result<bool> {
    if is_aboard(data) {
        return Ok(true);
    }
    let bytes = BALLAST_BYTES.min(disk::free_bytes(data)? / SHARE);
    if bytes < LEAST_BYTES {
        return Ok(false);
    }
    let file = File::create(data.join(FILE))?;
    // A length is shorter on 32 bits.
    nix::fcntl::posix_fallocate(&file, 0, bytes.try_into().expect("the ballast is small"))?;
    file.sync_all()?;
    Ok(true)
}

/// Whether the ballast is in place.
pub(super) fn is_aboard(data: &Path) -> bool {
    data.join(FILE).metadata().is_ok_and(|found| found.len() >= LEAST_BYTES)
}

/// Whether the ballast is in place, or was just put there. Where there can be none, as on some filesystems, it is not
/// waited for.
pub(super) fn is_aboard_again(data: &Path) -> bool {
    take_aboard(data).unwrap_or_else(|error| error.kind() != io::ErrorKind::StorageFull)
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
        assert!(take_aboard(data.path()).unwrap() && is_aboard_again(data.path()));
        assert_eq!(std::fs::metadata(data.path().join(FILE)).unwrap().len(), BALLAST_BYTES);
        assert!(drop_overboard(data.path()));
        assert!(!drop_overboard(data.path()));
    }
}
