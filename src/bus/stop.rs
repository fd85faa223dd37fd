//! The signal to stop: every task holds a receiver and ends when it says so.

use tokio::sync::watch;

/// Waits until it is time to stop; also when whoever would say so is gone.
pub async fn stopped(stop: &mut watch::Receiver<bool>) {
    let _ = stop.wait_for(|stop| *stop).await;
}
