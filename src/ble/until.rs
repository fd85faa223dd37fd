//! Waiting on the clock that decisions are made by.

use std::future::pending;
use std::time::Duration;

use tokio::time::sleep;

use crate::clock;

/// Waits until then, in milliseconds of [`clock::Now::mono_ms`]; for ever if there is no such time.
pub(super) async fn until(due_ms: Option<u64>) {
    match due_ms {
        Some(due_ms) => sleep(Duration::from_millis(due_ms.saturating_sub(clock::now().mono_ms))).await,
        None => pending().await,
    }
}
