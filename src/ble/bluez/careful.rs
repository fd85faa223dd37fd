//! What btleplug hands out must not be dropped once the bus is lost: it would tell the bus, and panic.
//!
//! Source: bluez-async 0.9.0, `src/messagestream.rs`, read 2026-11.

use std::ops::Deref;
use std::ops::DerefMut;

use tokio::sync::watch;

/// Something of btleplug. If the bus is lost by then, it is leaked instead of dropped: a few hundred bytes each time.
pub(super) struct Careful<T> {
    /// Always there, until it is dropped.
    inner: Option<T>,
    lost: watch::Receiver<bool>,
}

impl<T> Careful<T> {
    /// `lost` says whether the bus is.
    pub(super) fn new(inner: T, lost: watch::Receiver<bool>) -> Self {
        Self { inner: Some(inner), lost }
    }
}

impl<T> Deref for Careful<T> {
    type Target = T;

    fn deref(&self) -> &T {
        self.inner.as_ref().expect("it is not dropped yet")
    }
}

impl<T> DerefMut for Careful<T> {
    fn deref_mut(&mut self) -> &mut T {
        self.inner.as_mut().expect("it is not dropped yet")
    }
}

impl<T> Drop for Careful<T> {
    fn drop(&mut self) {
        if *self.lost.borrow() {
            std::mem::forget(self.inner.take());
        }
    }
}
