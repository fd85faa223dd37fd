//! Looks after the sessions that have no connection: those whose time is over end.

use std::sync::Arc;
use std::time::Duration;

use log::info;
use tokio::sync::watch;
use tokio::time::interval;

use crate::bus::stopped;
use crate::clock;
use crate::registry::Snapshot;
use crate::sessions::Sessions;

/// How often it looks.
const EVERY: Duration = Duration::from_secs(1);

/// Looks until `stop` is set.
pub(super) async fn run(lasting: Sessions, registry: watch::Receiver<Arc<Snapshot>>, mut stop: watch::Receiver<bool>) {
    let mut pulse = interval(EVERY);
    loop {
        tokio::select! {
            () = stopped(&mut stop) => return,
            _ = pulse.tick() => {}
        }
        let registry = Arc::clone(&registry.borrow());
        for key in lasting.expire(&registry, clock::now().mono_ms) {
            info!(session:% = key; "a lasting MQTT session is over");
        }
    }
}
