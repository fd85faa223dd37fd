//! Looks after the sessions that have no connection: those whose time is over end, and wills are published in time.

use std::sync::Arc;
use std::time::Duration;

use log::info;
use tokio::sync::watch;
use tokio::time::interval;

use crate::bus::stopped;
use crate::clock;
use crate::mqtt::broker::Broker;

/// How often it looks.
const EVERY: Duration = Duration::from_secs(1);

/// Looks until `stop` is set.
pub(super) async fn run(broker: Arc<Broker>, mut stop: watch::Receiver<bool>) {
    let mut pulse = interval(EVERY);
    loop {
        tokio::select! {
            () = stopped(&mut stop) => return,
            _ = pulse.tick() => {}
        }
        broker.publish_due_wills().await;
        let registry = Arc::clone(&broker.registry.borrow());
        for key in broker.lasting.expire(&registry, clock::now().mono_ms) {
            info!(session:% = key; "a lasting MQTT session is over");
        }
    }
}
