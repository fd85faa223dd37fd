//! Watches the way out of this machine: is there a default route, and is it still the same? Started by the daemon;
//! whoever wants to know reads [`Routes`] from the bus.
//!
//! ```text
//!   netlink: something changed ─> a moment for the rest ─> read /proc/net/route, ipv6_route ─> the same? else tell
//! ```
//! It asks nobody beyond this machine, and changes nothing. That packets get anywhere is for attempts to find out: a
//! default route leads into the house, not through it. Where the kernel cannot be watched, as in some sandboxes, there
//! counts as being a way out, always the same.

mod alarm;
mod tables;

use std::convert::Infallible;
use std::io;
use std::time::Duration;

use log::warn;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::sleep;

use crate::bus::Routes;
use crate::bus::routes;
use crate::bus::stopped;
use crate::network::alarm::Alarm;
use crate::network::alarm::Heard;
use crate::network::tables::Ways;

/// A change comes in many messages: an address, a link, each route. What comes within this time is looked at once.
const TOGETHER: Duration = Duration::from_millis(200);

/// What follows if the kernel cannot be watched.
const UNWATCHED: &str = "only attempts tell whether there is a way out";

/// Reads the routes, and watches them until `stop` is set.
pub fn watch(stop: watch::Receiver<bool>) -> (watch::Receiver<Routes>, JoinHandle<()>) {
    // First the alarm, then the first look: nothing happens unseen in between.
    watch_from(Alarm::open().and_then(|alarm| Ok((alarm, Ways::read()?))), stop)
}

fn watch_from(
    begun: io::Result<(Alarm, Ways)>,
    mut stop: watch::Receiver<bool>,
) -> (watch::Receiver<Routes>, JoinHandle<()>) {
    let (told, heard) = routes();
    let (alarm, ways) = match begun {
        Ok(begun) => begun,
        Err(error) => {
            warn!("the routes cannot be watched: {error}; {UNWATCHED}");
            return (heard, tokio::spawn(async {}));
        }
    };
    told.send_replace(Routes { has_default: ways.lead_out(), changes: 0 });
    let watching = tokio::spawn(async move {
        tokio::select! {
            () = stopped(&mut stop) => {}
            Err::<Infallible, _>(error) = follow(&alarm, ways, &told) => {
                warn!("the routes cannot be watched any longer: {error}; {UNWATCHED}");
                told.send_modify(|routes| *routes = Routes { has_default: true, changes: routes.changes + 1 });
            }
        }
    });
    (heard, watching)
}

/// Tells each change until the kernel cannot be watched any longer.
async fn follow(alarm: &Alarm, mut ways: Ways, told: &watch::Sender<Routes>) -> io::Result<Infallible> {
    loop {
        let mut heard = alarm.rings().await?;
        sleep(TOGETHER).await;
        heard = heard.max(alarm.listen()?);
        let now = Ways::read()?;
        // What was missed may have been there and gone.
        if now != ways || heard == Heard::TooMuch {
            let has_default = now.lead_out();
            told.send_modify(|routes| *routes = Routes { has_default, changes: routes.changes + 1 });
            ways = now;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // That routes are seen to come and go needs a network to take apart: tests/it/network.rs.

    #[tokio::test]
    async fn where_the_kernel_cannot_be_watched_there_counts_as_being_a_way_out() {
        let (_stop, stopping) = watch::channel(false);
        let (routes, watching) = watch_from(Err(io::ErrorKind::Unsupported.into()), stopping);
        watching.await.unwrap();
        assert_eq!(*routes.borrow(), Routes { has_default: true, changes: 0 });
    }

    #[tokio::test]
    async fn the_first_look_is_over_before_anybody_asks_and_the_watch_ends_with_the_stop() {
        let (stop, stopping) = watch::channel(false);
        let ways = Ways::default();
        let (routes, watching) = watch_from(Alarm::open().map(|alarm| (alarm, ways)), stopping);
        assert!(!routes.borrow().has_default);
        stop.send_replace(true);
        watching.await.unwrap();
    }
}
