//! How full everything is, for whoever asks: what waits and for how long, what is used of each limit. The same for the
//! command line and for the web port.

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::num::NonZeroU64;
use std::sync::Arc;

use serde::Serialize;
use tokio::sync::mpsc;
use tokio::sync::oneshot;
use tokio::sync::watch;

use crate::bus::Board;
use crate::bus::FullReport;
use crate::bus::Order;
use crate::bus::QueueReport;
use crate::clock;
use crate::clock::Now;
use crate::config::Config;
use crate::history::History;
use crate::limits::Meters;
use crate::limits::Usage;
use crate::model::DeviceId;
use crate::model::DeviceName;
use crate::model::HookId;
use crate::registry::Hook;
use crate::registry::Role;
use crate::registry::Snapshot;
use crate::store::Queue;
use crate::store::QueueWriter;
use crate::store::WriteError;

/// Where everything can be seen. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Overview {
    /// Who and what is registered.
    pub registry: watch::Receiver<Arc<Snapshot>>,
    /// The limits and bounds.
    pub config: watch::Receiver<Arc<Config>>,
    /// What the dispatcher shows of its work.
    pub board: Board,
    /// How much went when.
    pub history: History,
    /// The limits' windows.
    pub meters: Meters,
    /// What waits.
    pub queue: Queue,
    /// Knows the disk.
    pub writer: QueueWriter,
    /// Where the dispatcher is asked.
    pub orders: mpsc::Sender<Order>,
}

/// Everything that waits.
#[derive(Debug, Clone, Serialize)]
pub struct QueueOverview {
    #[serde(flatten)]
    queue: QueueReport,
    #[serde(flatten)]
    report: FullReport,
    /// Deliveries that may wait, for all hooks together; none for any number.
    max_waiting: Option<NonZeroU64>,
    /// Bytes of events that may wait.
    max_bytes: Option<NonZeroU64>,
    /// Bytes that the database takes.
    disk_bytes: u64,
    /// Bytes that are free on its disk.
    disk_free_bytes: u64,
    /// Whether that is so little that the queue counts as full.
    disk_is_low: bool,
    /// Why new events may be refused, if they may.
    trouble: Option<String>,
    /// Whether the clock can be right: before the program was built it cannot.
    clock_is_set: bool,
}

/// What is used of each limit.
#[derive(Debug, Clone, Serialize)]
pub struct LimitsOverview {
    devices: Vec<DeviceUsage>,
    hosts: Vec<HostUsage>,
    hooks: Vec<HookUsage>,
    hooks_of_user: Places,
}

#[derive(Debug, Clone, Serialize)]
struct DeviceUsage {
    id: DeviceId,
    name: DeviceName,
    #[serde(flatten)]
    window: Window,
}

/// What is used of a host's limit.
#[derive(Debug, Clone, Serialize)]
pub struct HostUsage {
    host: String,
    #[serde(flatten)]
    window: Window,
}

#[derive(Debug, Clone, Serialize)]
struct HookUsage {
    id: HookId,
    event: String,
    errors_in_a_row: u32,
    allowed: Option<NonZeroU32>,
    disabled: bool,
    /// Triggers that were dropped because a device was over its limit, since the start.
    over_limit: u64,
    /// Events that were dropped because the queue was full, since the start.
    dropped: u64,
}

/// Places that are used, of those that there are.
#[derive(Debug, Clone, Copy, Serialize)]
struct Places {
    used: usize,
    /// None for any number.
    allowed: Option<NonZeroU32>,
}

/// What is used of the 60 seconds before now, and when more is free; none if it is now.
#[derive(Debug, Clone, Serialize)]
struct Window {
    #[serde(flatten)]
    places: Places,
    free_in_s: Option<u64>,
    free_at: Option<String>,
}

impl Overview {
    /// Why new events may be refused; none if they are not.
    pub fn trouble(&self) -> Option<String> {
        let is_low = self.config.borrow().queue.is_low(self.writer.free_bytes());
        self.writer.trouble().or_else(|| is_low.then(|| WriteError::NoRoom.to_string()))
    }

    /// What waits, hook by hook and target by target; none while the gateway goes down.
    pub async fn report(&self) -> Option<FullReport> {
        let (reply, answer) = oneshot::channel();
        self.orders.send(Order::Report { reply }).await.ok()?;
        answer.await.ok()
    }

    /// Everything that waits; none when the gateway is stopping.
    pub async fn queue(&self) -> Option<QueueOverview> {
        let report = self.report().await?;
        // Not borrowed: whoever is asked below borrows it, too.
        let config = Arc::clone(&self.config.borrow());
        let disk_free_bytes = self.writer.free_bytes();
        Some(QueueOverview {
            queue: self.board.queue(),
            report,
            max_waiting: config.queue.max_waiting,
            max_bytes: config.queue.max_bytes,
            disk_bytes: self.queue.size_on_disk(),
            disk_free_bytes,
            disk_is_low: config.queue.is_low(disk_free_bytes),
            trouble: self.trouble(),
            clock_is_set: clock::now().wall >= clock::BUILT_AT,
        })
    }

    /// What is used of the limit of every host that was or may be asked.
    pub fn hosts(&self) -> Vec<HostUsage> {
        let (snapshot, config) = (self.registry.borrow(), self.config.borrow());
        self.hosts_of(&snapshot, config.limits.host_per_minute, clock::now())
    }

    fn hosts_of(&self, snapshot: &Snapshot, allowed: Option<NonZeroU32>, now: Now) -> Vec<HostUsage> {
        let mut of_hosts = by_name(self.meters.hosts.lock().expect("windows do not panic").usage(now.mono_ms));
        for host in snapshot.hooks.values().filter_map(|hook| hook.definition.host()) {
            of_hosts.entry(host.to_owned()).or_insert(Usage { name: host.to_owned(), used: 0, free_in_ms: None });
        }
        let usage = |usage: &Usage| HostUsage { host: usage.name.clone(), window: window(Some(usage), allowed, now) };
        of_hosts.values().map(usage).collect()
    }

    /// What is used of each limit: of every device, of every host that was or may be asked, of every hook.
    pub fn limits(&self) -> LimitsOverview {
        let (now, config, snapshot) = (clock::now(), self.config.borrow(), self.registry.borrow());
        let limits = &config.limits;
        let of_devices = by_name(self.meters.devices.lock().expect("windows do not panic").usage(now.mono_ms));
        let mut devices: Vec<_> = snapshot.devices.values().collect();
        devices.sort_by(|one, other| one.name.as_str().cmp(other.name.as_str()));
        let device_usage = |id: DeviceId, name: &DeviceName| DeviceUsage {
            id,
            name: name.clone(),
            window: window(of_devices.get(&id.to_string()), limits.device_per_minute, now),
        };
        let hooks = snapshot.hooks.values().map(|hook| {
            let report = self.board.hook(hook.id);
            HookUsage {
                id: hook.id,
                event: hook.definition.event_prefix().to_owned(),
                errors_in_a_row: report.errors_in_a_row,
                allowed: limits.errors_in_a_row,
                disabled: report.too_many_errors,
                over_limit: report.over_limit,
                dropped: report.dropped,
            }
        });
        LimitsOverview {
            devices: devices.into_iter().map(|device| device_usage(device.id, &device.name)).collect(),
            hosts: self.hosts_of(&snapshot, limits.host_per_minute, now),
            hooks: hooks.collect(),
            hooks_of_user: Places { used: hooks_of_owner(&snapshot), allowed: limits.hooks_per_user },
        }
    }
}

/// The hooks of the owner's own, those of products not among them: each product has its own number.
fn hooks_of_owner(snapshot: &Snapshot) -> usize {
    let is_member = |hook: &Hook| snapshot.users.get(&hook.owner).is_some_and(|user| user.role == Role::Member);
    snapshot.hooks.values().filter(|hook| hook.product.is_none() && !is_member(hook)).count()
}

fn by_name(usage: Vec<Usage>) -> BTreeMap<String, Usage> {
    usage.into_iter().map(|usage| (usage.name.clone(), usage)).collect()
}

fn window(usage: Option<&Usage>, allowed: Option<NonZeroU32>, now: Now) -> Window {
    let free_in_ms = usage.and_then(|usage| usage.free_in_ms);
    let free_at = free_in_ms.map(|ms| now.wall_at(now.mono_ms.saturating_add(ms)).to_string());
    Window {
        places: Places { used: usage.map_or(0, |usage| usage.used), allowed },
        free_in_s: free_in_ms.map(|ms| ms.div_ceil(1_000)),
        free_at,
    }
}
