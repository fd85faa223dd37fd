//! Makes sled's flush survive a power cut. sled 0.34 ends a flush in `sync_file_range`, which does not wait for the
//! disk's own cache; most power cuts then lose data that was said to be safe. Here that symbol is ours and calls
//! `fdatasync`, so every flush of sled is one. Beside `memory` the only unsafe code of farhook.

#![expect(unsafe_code, reason = "a C symbol can only be replaced by a C symbol")]

use libc::c_int;
use libc::c_uint;
use libc::off64_t;

/// Stands in for glibc's function of this name in the whole process. The range is ignored: all of the file is
/// written. Returns 0, or -1 with `errno` set, as both functions do.
#[unsafe(no_mangle)]
pub(super) extern "C" fn sync_file_range(file: c_int, _offset: off64_t, _bytes: off64_t, _flags: c_uint) -> c_int {
    // SAFETY: fdatasync takes any number; one that is no open file gives -1 and EBADF.
    unsafe { libc::fdatasync(file) }
}

/// Calls what sled calls, with a number that is no file. True if our function answered: glibc's would have refused
/// the negative range before it looked at the file.
pub(super) fn is_in_place() -> bool {
    // SAFETY: both functions only look at their arguments and refuse them.
    let answer = unsafe { libc::sync_file_range(-1, -1, -1, 0) };
    answer == -1 && std::io::Error::last_os_error().raw_os_error() == Some(libc::EBADF) && {
        // The same through our own name, so that the linker keeps it.
        sync_file_range(-1, 0, 0, 0) == -1
    }
}
