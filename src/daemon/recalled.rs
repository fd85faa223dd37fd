//! What the daemon knows when it starts: everything that is read from the disk before the tasks begin.

use std::path::Path;
use std::sync::Arc;

use anyhow::Context;
use log::error;

use crate::clock;
use crate::config::Config;
use crate::daemon::boot;
use crate::daemon::run_mark::RunMark;
use crate::history::History;
use crate::intake::Known;
use crate::limits::Meters;
use crate::logbook::Logbook;
use crate::model::DeviceId;
use crate::model::Event;
use crate::model::HookId;
use crate::notices::Kind;
use crate::notices::Notices;
use crate::retained::Retained;
use crate::sessions::Bounds;
use crate::sessions::Sessions;
use crate::store::Queue;
use crate::store::QueueWriter;
use crate::store::StoredHealth;
use crate::store::StoredSensor;
use crate::store::WriterThread;

/// The queue, with its writer at work, and what was remembered in it.
pub(super) struct Recalled {
    pub(super) queue: Queue,
    pub(super) writer: QueueWriter,
    pub(super) writer_thread: WriterThread,
    pub(super) running: RunMark,
    pub(super) boot: [u8; 16],
    pub(super) known: Known,
    pub(super) healths: Vec<(HookId, StoredHealth)>,
    pub(super) meters: Meters,
    pub(super) logbook: Logbook,
    pub(super) notices: Notices,
    pub(super) history: History,
    pub(super) recent: Vec<Arc<Event>>,
    pub(super) retained: Retained,
    pub(super) sensors: Vec<(DeviceId, StoredSensor)>,
    pub(super) sessions: Sessions,
}

impl Recalled {
    /// Reads it all. A queue that cannot be read is put aside, and that is a notice.
    pub(super) fn read(data: &Path, config: &Config) -> anyhow::Result<Self> {
        let (queue, set_aside) = Queue::open(data)?;
        let running = RunMark::set(data)?;
        let (writer, writer_thread) = QueueWriter::start(&queue, config.queue.min_free_bytes);
        let (boot, now, limits) = (boot::id(), clock::now(), &config.limits);
        let notices = Notices::restore(queue.notices()?);
        if let Some(set_aside) = set_aside {
            let text = format!("the queue was damaged; what waited is in {}, not delivered", set_aside.display());
            error!("{text}");
            writer.ride_along(notices.post(Kind::QueueDamaged, None, &text, now.wall));
        }
        let windows = queue.windows().context("the limits' windows cannot be read")?;
        let (per_device, per_host) = (limits.device_per_minute, limits.host_per_minute);
        let sessions = Sessions::restore(&queue, &writer, session_bounds(config), now.mono_ms);
        Ok(Self {
            sessions: sessions.context("the lasting MQTT sessions cannot be read")?.posting(notices.clone()),
            writer,
            writer_thread,
            running,
            boot,
            known: Known::recall(&queue, boot).context("what waits cannot be read")?,
            healths: queue.healths()?,
            meters: Meters::restore(per_device, per_host, &windows, boot, now.mono_ms),
            logbook: Logbook::new(queue.clone()),
            notices,
            history: History::restore(queue.figures()?),
            recent: queue.recent()?,
            retained: Retained::restore(queue.retained()?, boot),
            sensors: queue.sensors()?,
            queue,
        })
    }
}

fn session_bounds(config: &Config) -> Bounds {
    Bounds {
        messages: config.mqtt.session_messages as usize,
        bytes: config.mqtt.session_bytes,
        longest_away: config.mqtt.longest_away,
        ..Bounds::default()
    }
}
