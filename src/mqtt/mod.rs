//! The MQTT side: devices and observers over MQTT 3.1.1 and 5, on one port, over TLS on another, and over WebSocket on the web port.
//!
//! ```text
//!  port ─> listener: gate ─> TLS ─> broker: handshake, login, seat ─> connection (one task each)
//!                                                          │ frame, codec   bytes to packets and back
//!                                                          │ session        what packets mean
//!                                                          │ inbound, outbound   unfinished QoS 1 and 2
//!                                                          v
//!                                     Intake ── verdict ─> PUBACK
//!
//!  MqttFeed ─> carrier: audience (who hears?) ─> envelope ─> router ─> slot ─> session ─> socket
//!                                             crate::sessions: what was kept ──────┘
//! ```
//! A publish is handed to the intake with the identity that logged in, and acknowledged when its verdict is there.
//! rumqttd brings the codecs and the router; this module never lets a client's bytes or names reach either unchecked,
//! for both have panics. What outlives a connection is in `crate::sessions`: a session's task writes and reads it there, and
//! what was kept for it does not pass the router. Retained messages are the intake's to keep, and a will is an event like any
//! other.
//!
//! rumqttd logs through `tracing`, at level error for every event that it carries. A logger of this process must turn
//! the targets `rumqttd` and `tracing` away.
//!
//! Only this module names rumqttd. It never touches the disk and never decides what becomes of an event.

mod aliases;
mod audience;
mod broker;
mod carrier;
mod codec;
mod connection;
mod deadlines;
mod ending;
mod envelope;
mod frame;
#[cfg(test)]
mod fuzz;
mod gate;
mod handover;
mod handshake;
mod inbound;
mod keeper;
mod listener;
mod load;
mod membership;
mod outbound;
mod packet;
mod port;
mod seats;
mod session;
mod settings;
mod slots;
mod waiting;
mod wills;
mod wire;

use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::AtomicU64;

use log::error;
use log::info;
use tokio::sync::mpsc;
use tokio::sync::oneshot;
use tokio::sync::watch;
use tokio::task::JoinHandle;

pub use port::PortState;
pub use settings::Settings;
pub use slots::RouterLost;

use crate::bus::Board;
use crate::bus::Intake;
use crate::bus::MqttFeed;
use crate::bus::Presence;
use crate::bus::Visitor;
use crate::clock;
use crate::mqtt::broker::Broker;
use crate::mqtt::carrier::Carrier;
use crate::mqtt::carrier::Listeners;
use crate::mqtt::listener::Doors;
use crate::mqtt::port::Port;
use crate::mqtt::seats::Seats;
use crate::mqtt::slots::Slots;
use crate::registry::Snapshot;
use crate::retained::Retained;
use crate::sessions::Sessions;
use crate::tls::Identity;
use crate::tls::Tls;

/// What the listener works with.
#[derive(Debug)]
pub struct Parts {
    /// Where publishes are handed in.
    pub intake: Intake,
    /// Every event that may be heard.
    pub feed: MqttFeed,
    /// Who may log in, now and later.
    pub registry: watch::Receiver<Arc<Snapshot>>,
    /// Where it is noted who is connected.
    pub presence: Presence,
    /// The sessions that outlive their connection.
    pub lasting: Sessions,
    /// Where it is shown how many are connected.
    pub board: Board,
    /// Connections that the web port hands over.
    pub visitors: mpsc::Receiver<Visitor>,
    /// What is shown over TLS; without it there is none.
    pub identity: Option<Arc<Identity>>,
    /// What those get who subscribe later.
    pub retained: Retained,
}

/// Why the listener did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The router did not come up.
    #[error(transparent)]
    Router(#[from] RouterLost),
}

/// A running listener. Dropping this does not stop it.
#[derive(Debug)]
pub struct Server {
    plain: watch::Receiver<PortState>,
    secure: Option<watch::Receiver<PortState>>,
    is_failed: watch::Receiver<bool>,
    task: JoinHandle<()>,
}

/// Starts the listener. A port that cannot be had is tried again until it can. It runs until `stop` becomes true or its
/// sender is dropped; then it accepts and reads nothing more, answers the publishes whose verdicts come within
/// [`Settings::stop_timeout`], takes leave of its clients and ends.
///
/// # Errors
/// See [`StartError`].
pub async fn start(settings: Settings, parts: Parts, stop: watch::Receiver<bool>) -> Result<Server, StartError> {
    let Parts { intake, feed, registry, presence, lasting, retained, board, visitors, identity } = parts;
    let plain = Port::open(settings.listen, None).await;
    let secure = match settings.tls_listen.zip(identity) {
        Some((address, identity)) => Some(Port::open(address, Some(Tls::new(identity, &[]))).await),
        None => None,
    };
    let states = (plain.state(), secure.as_ref().map(Port::state));
    let doors = Doors { plain, secure, visitors };
    let listeners = Listeners::new();
    let slots = Slots::start(settings.max_connections);
    let carrier = Carrier::connect(&slots, listeners.clone()).await?;
    let broker = Arc::new(Broker {
        seats: Seats::new(settings.max_connections),
        settings,
        intake,
        presence,
        lasting,
        wills: Mutex::default(),
        registry,
        slots,
        listeners,
        retained,
        started_ms: clock::now().wall.as_millis(),
        made_client_ids: AtomicU64::new(0),
    });
    tokio::spawn(keeper::run(Arc::clone(&broker), stop.clone()));
    let (failing, is_failed) = watch::channel(false);
    let (ending, ended) = oneshot::channel();
    let carrying = tokio::spawn(async move {
        // A panic of the carrier is a failure, too: nobody hears anything after it.
        match tokio::spawn(carrier.run(feed, ended)).await {
            Ok(Ok(())) => return,
            Ok(Err(cause)) => error!("{cause}"),
            Err(cause) => error!("the MQTT carrier failed: {cause}"),
        }
        failing.send_replace(true);
    });
    let task = tokio::spawn(async move {
        listener::run(doors, broker, board, stop).await;
        // The last results are carried until the last session is gone.
        drop(ending);
        let _ = carrying.await;
        info!("MQTT listener stopped");
    });
    let (plain, secure) = states;
    Ok(Server { plain, secure, is_failed, task })
}

impl Server {
    /// The port without TLS, now and later.
    pub fn plain(&self) -> watch::Receiver<PortState> {
        self.plain.clone()
    }

    /// The port with TLS, if there shall be one, now and later.
    pub fn secure(&self) -> Option<watch::Receiver<PortState>> {
        self.secure.clone()
    }

    /// Waits until the router has died: then no event reaches any client, and only a restart of the process helps.
    /// Never returns otherwise.
    pub async fn failed(&self) -> RouterLost {
        let mut is_failed = self.is_failed.clone();
        match is_failed.wait_for(|failed| *failed).await {
            Ok(_) => RouterLost,
            Err(_) => std::future::pending().await,
        }
    }

    /// Waits until the listener has stopped and all of its connections are closed.
    pub async fn stopped(self) {
        if let Err(cause) = self.task.await {
            error!("the MQTT listener failed: {cause}");
        }
    }
}
