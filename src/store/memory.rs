//! Gives memory back to the system. glibc keeps what was freed in pieces, for the next time; after a long backlog that
//! is as much as the backlog took. Beside `power_safe` the only unsafe code of farhook.

/// Hands freed memory to the system. Takes some milliseconds.
#[cfg(target_env = "gnu")]
#[expect(unsafe_code, reason = "glibc offers it only as a C function")]
pub(super) fn give_back() {
    // SAFETY: malloc_trim may be called at any time from any thread, and touches only what is free.
    unsafe {
        libc::malloc_trim(0);
    }
}

/// Other C libraries keep nothing.
#[cfg(not(target_env = "gnu"))]
pub(super) fn give_back() {}
