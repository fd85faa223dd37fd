//! Carries out what the supervisor decides, and waits. Beside it, in the same task, `listen` takes out of the air what
//! the radio heard: a Bluetooth service that does not answer holds up the first, and never the second.

use std::future::pending;
use std::sync::Arc;
use std::sync::Mutex;
use std::time::Duration;

use log::info;
use log::warn;
use tokio::sync::mpsc;
use tokio::sync::watch;
use tokio::time::sleep;

use crate::ble::advert::Address;
use crate::ble::air::Air;
use crate::ble::links;
use crate::ble::links::Hub;
use crate::ble::links::Links;
use crate::ble::listen::Listening;
use crate::ble::pulse::Pulse;
use crate::ble::radio::Radio;
use crate::ble::supervisor::Action;
use crate::ble::supervisor::Seen;
use crate::ble::supervisor::Supervisor;
use crate::bus::Ble;
use crate::bus::BleAsk;
use crate::bus::BleReport;
use crate::bus::BleState;
use crate::bus::Intake;
use crate::bus::Live;
use crate::bus::Presence;
use crate::bus::stopped;
use crate::chance::Chance;
use crate::clock;
use crate::config;
use crate::config::Config;
use crate::model::DeviceId;
use crate::registry::Snapshot;
use crate::store::QueueWriter;
use crate::store::StoredSensor;

/// What the bridge works with.
pub struct Parts {
    /// Where it tells how the radio is.
    pub ble: Ble,
    /// Who wants to know what was heard.
    pub asked: mpsc::Receiver<BleAsk>,
    /// Whether there is a bridge, and which radio it uses.
    pub config: watch::Receiver<Arc<Config>>,
    /// Which sensors are adopted.
    pub registry: watch::Receiver<Arc<Snapshot>>,
    /// Where their events are handed in.
    pub intake: Intake,
    /// Where their counters stood when they last told something.
    pub kept: Vec<(DeviceId, StoredSensor)>,
    /// What makes that durable.
    pub writer: QueueWriter,
    /// Where what hooks answer is told.
    pub live: Live,
    /// Where it is noted which devices are heard and connected.
    pub presence: Presence,
    /// For jitter and for what proves who a device is.
    pub chance: Chance,
}

/// Runs until `stop` is set. Whatever is wrong with the radio, it goes on.
pub(super) async fn run<R: Radio>(radio: R, air: Air, parts: Parts, mut stop: watch::Receiver<bool>) {
    let Parts { ble, asked, config, registry, intake, kept, writer, live, presence, chance } = parts;
    let pulse = Mutex::default();
    let links = Links::default();
    let (central, centrals) = watch::channel(None);
    let hub_parts = links::Parts {
        links: links.clone(),
        ble: ble.clone(),
        live,
        intake: intake.clone(),
        presence: presence.clone(),
        chance,
        config: config.clone(),
        registry: registry.clone(),
    };
    let mut hub = Hub::new(hub_parts, centrals);
    let listening = Listening {
        air: &air,
        pulse: &pulse,
        ble: &ble,
        intake: &intake,
        writer: &writer,
        links: &links,
        presence: &presence,
    };
    tokio::select! {
        () = stopped(&mut stop) => {}
        () = listening.run(asked, registry, kept) => {}
        () = drive(radio, &central, &pulse, &ble, config) => {}
        () = hub.run() => {}
    }
    hub.close().await;
}

/// Keeps the radio scanning, as the configuration wants it.
async fn drive<R: Radio>(
    mut radio: R,
    central: &watch::Sender<Option<R::Central>>,
    pulse: &Mutex<Pulse>,
    ble: &Ble,
    mut config: watch::Receiver<Arc<Config>>,
) {
    loop {
        let settings = config.borrow_and_update().ble.clone();
        if settings.enabled {
            supervise(&mut radio, central, &settings, pulse, ble, &mut config).await;
            central.send_replace(None);
            // Nobody listens from here on, or in another way.
            let _ = radio.stop_scan().await;
        } else {
            show(ble, BleState::Disabled, |_| {});
            changed(&mut config, &settings).await;
        }
    }
}

/// Does what the supervisor decides until the configuration is another one.
async fn supervise<R: Radio>(
    radio: &mut R,
    central: &watch::Sender<Option<R::Central>>,
    settings: &config::Ble,
    pulse: &Mutex<Pulse>,
    ble: &Ble,
    config: &mut watch::Receiver<Arc<Config>>,
) {
    let mut supervisor = Supervisor::new(settings.manage_power);
    let mut seen = Seen::Begun;
    let mut connects_with = None;
    loop {
        let now_ms = clock::now().mono_ms;
        let action = supervisor.decide(seen, &pulse.lock().expect("nothing here panics").clone(), now_ms);
        tell(&supervisor, ble);
        // Connections do not outlive a scan that was lost: whatever ended it has most likely ended them.
        let scan = supervisor.is_up().then(|| (supervisor.adapter(), supervisor.scans_lost()));
        if connects_with != scan {
            connects_with = scan;
            central.send_replace(scan.and_then(|_| radio.central()));
        }
        let done = match action {
            Action::Connect => radio.connect().await.map(|()| Seen::Connected),
            Action::Look => radio.find(settings.adapter.map(Address::from_bytes)).await.map(Seen::Found),
            Action::Power(on) => radio.set_power(on).await.map(|()| Seen::Powered(on)),
            Action::StartScan => radio.start_scan().await.map(Seen::Scans),
            Action::StopScan => radio.stop_scan().await.map(|()| Seen::Stopped),
            Action::WaitUntil(until_ms) => tokio::select! {
                () = radio.changed() => Ok(Seen::Changed),
                () = sleep(Duration::from_millis(until_ms.saturating_sub(now_ms))) => Ok(Seen::Time),
                () = changed(config, settings) => return,
            },
        };
        seen = done.unwrap_or_else(Seen::Failed);
    }
}

/// Waits until the bridge's part of the configuration is another one.
async fn changed(config: &mut watch::Receiver<Arc<Config>>, settings: &config::Ble) {
    if config.wait_for(|config| config.ble != *settings).await.is_err() {
        // The gateway goes down, and this with it.
        pending::<()>().await;
    }
}

fn tell(supervisor: &Supervisor, ble: &Ble) {
    show(ble, supervisor.state(), |report| {
        report.reason = supervisor.reason().map(str::to_owned);
        report.adapter = supervisor.adapter().map(|address| address.to_string());
        report.scans_lost = supervisor.scans_lost();
        report.restarts = supervisor.restarts();
    });
}

/// Shows the state, and logs it when it is another one. What is tried again and again says nothing meanwhile.
fn show(ble: &Ble, state: BleState, more: impl FnOnce(&mut BleReport)) {
    let mut is_new = false;
    ble.change(|report| {
        is_new = report.state != state || report.since.is_none();
        report.state = state;
        report.hint = state.hint();
        if is_new {
            report.since = Some(clock::now().wall);
        }
        more(report);
    });
    let (name, hint) = (state.name(), state.hint().unwrap_or_default());
    match state {
        _ if !is_new => {}
        BleState::Starting | BleState::Disabled => {}
        BleState::Scanning => info!("Bluetooth: {name}"),
        BleState::Stalled | BleState::ScanLost => warn!("Bluetooth: {name}: {hint}"),
        _ => info!("Bluetooth: {name}: {hint}"),
    }
}

#[cfg(test)]
mod tests;
