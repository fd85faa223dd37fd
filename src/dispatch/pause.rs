//! Sending nothing because somebody wants it so, and asking what is down before its time. Part of the driver.
//!
//! While sending is paused no delivery is let go, and no target is asked. Everything else goes on: events arrive and wait
//! within their bounds, what is under way ends, what has waited too long is given up, and what a person tries out is
//! sent, since they asked for it. The pause is on the disk before whoever asked hears of it.

use log::info;
use log::warn;

use crate::bus::WakeRefusal;
use crate::clock::Now;
use crate::dispatch::driver::Driver;
use crate::model::WallTime;
use crate::store::Changes;

impl Driver {
    /// Takes up the pause of before the restart, if there was one.
    pub(super) fn recall_pause(&mut self) {
        match self.queue.paused_since() {
            Ok(since) => self.paused_since = since,
            // What cannot be read may be no pause: what waits is not kept back for ever because of it.
            Err(error) => warn!("whether sending was paused cannot be read: {error}"),
        }
        if let Some(since) = self.paused_since {
            warn!("sending is paused since {since}");
        }
    }

    /// Lets nothing more go. Gives since when.
    pub(super) async fn pause(&mut self, now: Now) -> WallTime {
        if let Some(since) = self.paused_since {
            return since;
        }
        self.paused_since = Some(now.wall);
        let mut changes = Changes::new();
        changes.put_pause(now.wall);
        // A disk that refuses is owed it; nothing is sent in any case.
        let _ = self.writer.write(changes).await;
        warn!("sending is paused");
        now.wall
    }

    /// Lets deliveries go again. False if they were let go.
    pub(super) async fn unpause(&mut self) -> bool {
        if self.paused_since.take().is_none() {
            return false;
        }
        let mut changes = Changes::new();
        changes.remove_pause();
        let _ = self.writer.write(changes).await;
        info!("sending goes on");
        true
    }

    /// What is down is asked at once: one target, or all.
    pub(super) fn wake(&mut self, target: Option<&str>, now: Now) -> Result<Vec<String>, WakeRefusal> {
        if self.paused_since.is_some() {
            return Err(WakeRefusal::Paused);
        }
        self.lanes.wake(target, now.mono_ms)
    }
}
