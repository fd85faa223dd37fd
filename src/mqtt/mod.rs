//! The MQTT side: devices and observers over MQTT 3.1.1 and 5, on one port.
//!
//! ```text
//!  socket ─> listener ─> broker: handshake, login, seat ─> connection (one task each)
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
//! what was kept for it does not pass the router. Retained messages are not kept, and a will is an event like any other.
//!
//! rumqttd logs through `tracing`, at level error for every event that it carries. A logger of this process must turn
//! the targets `rumqttd` and `tracing` away.
//!
//! Only this module names rumqttd. It never touches the disk and never decides what becomes of an event.

mod audience;
mod broker;
mod carrier;
mod codec;
mod connection;
mod deadlines;
mod ending;
mod envelope;
mod frame;
mod handover;
mod handshake;
mod inbound;
mod keeper;
mod listener;
mod load;
mod membership;
mod outbound;
mod packet;
mod recording;
mod seats;
mod session;
mod settings;
mod slots;
mod wire;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use log::error;
use log::info;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::sync::watch;
use tokio::task::JoinHandle;

pub use settings::Settings;
pub use slots::RouterLost;

use crate::bus::Intake;
use crate::bus::MqttFeed;
use crate::bus::Presence;
use crate::clock;
use crate::mqtt::broker::Broker;
use crate::mqtt::carrier::Carrier;
use crate::mqtt::carrier::Listeners;
use crate::mqtt::seats::Seats;
use crate::mqtt::slots::Slots;
use crate::registry::Snapshot;
use crate::sessions::Sessions;

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
}

/// Why the listener did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Another program, or another gateway, listens there.
    #[error("{address} is in use by another program")]
    AddressInUse {
        /// Where it should have listened.
        address: SocketAddr,
    },
    /// The system refused the address.
    #[error("cannot listen on {address}")]
    Bind {
        /// Where it should have listened.
        address: SocketAddr,
        /// What the system said.
        #[source]
        cause: io::Error,
    },
    /// The router did not come up.
    #[error(transparent)]
    Router(#[from] RouterLost),
}

/// A running listener. Dropping this does not stop it.
#[derive(Debug)]
pub struct Server {
    local_addr: SocketAddr,
    is_failed: watch::Receiver<bool>,
    task: JoinHandle<()>,
}

/// Starts the listener. It runs until `stop` becomes true or its sender is dropped; then it accepts and reads nothing
/// more, answers the publishes whose verdicts come within [`Settings::stop_timeout`], takes leave of its clients and
/// ends.
///
/// # Errors
/// See [`StartError`].
pub async fn start(settings: Settings, parts: Parts, stop: watch::Receiver<bool>) -> Result<Server, StartError> {
    let address = settings.listen;
    let listener = TcpListener::bind(address).await.map_err(|cause| bind_error(address, cause))?;
    let local_addr = listener.local_addr().map_err(|cause| StartError::Bind { address, cause })?;
    let listeners = Listeners::new();
    let slots = Slots::start(settings.max_connections);
    let carrier = Carrier::connect(&slots, listeners.clone()).await?;
    let Parts { intake, feed, registry, presence, lasting } = parts;
    let broker = Arc::new(Broker {
        seats: Seats::new(settings.max_connections),
        settings,
        intake,
        presence,
        lasting,
        registry,
        slots,
        listeners,
        started_ms: clock::now().wall.as_millis(),
        made_client_ids: AtomicU64::new(0),
    });
    tokio::spawn(keeper::run(broker.lasting.clone(), broker.registry.clone(), stop.clone()));
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
        listener::run(listener, broker, stop).await;
        // The last results are carried until the last session is gone.
        drop(ending);
        let _ = carrying.await;
        info!("MQTT listener stopped");
    });
    info!(address:% = local_addr; "listening for MQTT");
    Ok(Server { local_addr, is_failed, task })
}

impl Server {
    /// Where it listens; with the port that the system chose if it was asked to.
    pub fn local_addr(&self) -> SocketAddr {
        self.local_addr
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

fn bind_error(address: SocketAddr, cause: io::Error) -> StartError {
    match cause.kind() {
        io::ErrorKind::AddrInUse => StartError::AddressInUse { address },
        _ => StartError::Bind { address, cause },
    }
}
