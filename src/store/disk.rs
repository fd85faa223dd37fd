//! How much room the disk has.

use std::io;
use std::path::Path;

/// Bytes that an unprivileged process may still write on the filesystem of `path`.
///
/// # Errors
/// As `statvfs`.
#[allow(clippy::useless_conversion, reason = "on 32-bit machines these are u32")]
pub(super) fn free_bytes(path: &Path) -> io::Result<u64> {
    let fs = nix::sys::statvfs::statvfs(path)?;
    Ok(u64::from(fs.blocks_available()) * u64::from(fs.fragment_size()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_that_is_not_there_is_an_error() {
        assert!(free_bytes(Path::new("/")).unwrap() > 0);
        assert!(free_bytes(Path::new("/no/such/folder")).is_err());
    }
}
