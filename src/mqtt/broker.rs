//! What all connections share, and the way of one connection from its socket to its end.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;
use std::time::Duration;

use log::debug;
use log::info;
use log::warn;
use tokio::io::AsyncRead;
use tokio::io::AsyncWrite;
use tokio::sync::watch;
use tokio::time::Instant;
use tokio::time::timeout;

use crate::bus::Intake;
use crate::bus::Noted;
use crate::bus::Presence;
use crate::bus::Publication;
use crate::bus::stopped;
use crate::clock;
use crate::model::DeviceId;
use crate::model::WallTime;
use crate::mqtt::carrier::Listeners;
use crate::mqtt::codec;
use crate::mqtt::connection::Connection;
use crate::mqtt::connection::now;
use crate::mqtt::deadlines::Deadlines;
use crate::mqtt::frame::Limits;
use crate::mqtt::handover::Handover;
use crate::mqtt::handshake;
use crate::mqtt::handshake::Refused;
use crate::mqtt::membership::Membership;
use crate::mqtt::packet::ConnAck;
use crate::mqtt::packet::Connect;
use crate::mqtt::packet::Offer;
use crate::mqtt::packet::Reason;
use crate::mqtt::packet::Reply;
use crate::mqtt::packet::Version;
use crate::mqtt::packet::Will;
use crate::mqtt::seats::Seats;
use crate::mqtt::session::Session;
use crate::mqtt::session::publisher;
use crate::mqtt::settings::Settings;
use crate::mqtt::slots::Slots;
use crate::mqtt::wills::Wills;
use crate::mqtt::wire::Wire;
use crate::registry::Identity;
use crate::registry::Snapshot;
use crate::retained::Retained;
use crate::sessions::Attached;
use crate::sessions::Expiry;
use crate::sessions::SessionKey;
use crate::sessions::Sessions;
use crate::store::Writes;

/// How long a will may wait for room in the intake's queue.
const WILL_TIMEOUT: Duration = Duration::from_secs(5);

/// See the module.
pub(super) struct Broker {
    pub(super) settings: Settings,
    pub(super) intake: Intake,
    pub(super) presence: Presence,
    pub(super) registry: watch::Receiver<Arc<Snapshot>>,
    pub(super) seats: Arc<Seats>,
    pub(super) lasting: Sessions,
    pub(super) wills: Mutex<Wills>,
    pub(super) slots: Arc<Slots>,
    pub(super) listeners: Listeners,
    pub(super) retained: Retained,
    /// Distinguishes the client ids made here from those of earlier runs.
    pub(super) started_ms: i64,
    pub(super) made_client_ids: AtomicU64,
}

impl Broker {
    /// Serves one connection from its first byte to its end.
    pub(super) async fn serve<S: AsyncRead + AsyncWrite + Send>(
        self: Arc<Self>,
        stream: S,
        peer: SocketAddr,
        mut stop: watch::Receiver<bool>,
    ) {
        let mut wire = Wire::new(stream);
        let greeting = timeout(self.settings.connect_timeout, handshake::read_connect(&mut wire.input, self.limits()));
        let asked = tokio::select! {
            asked = greeting => asked.unwrap_or(Err(Refused::Unanswered)),
            () = stopped(&mut stop) => return,
        };
        let refused = match asked {
            Ok((version, connect)) => match self.open(version, connect, wire, peer).await {
                Ok(opened) => return opened.run(&self, &mut stop).await,
                Err((reason, unopened)) => {
                    wire = unopened;
                    Refused::Answered { version, reason }
                }
            },
            Err(refused) => refused,
        };
        debug!(peer:% = peer; "no MQTT session: {refused}");
        if let Refused::Answered { version, reason } = refused {
            let connack = Reply::ConnAck(ConnAck { reason, session_present: false, offer: None });
            codec::encode(version, connack, &mut wire.output.bytes);
        }
        if wire.flush().await {
            wire.close().await;
        }
    }

    /// Sizes that packets may have.
    pub(super) fn limits(&self) -> Limits {
        Limits { packet_bytes: self.settings.max_packet_bytes, subscribe_bytes: self.settings.max_subscribe_bytes }
    }

    /// The same once it is known who the client is.
    pub(super) fn limits_of(&self, identity: &Identity) -> Limits {
        let is_source = matches!(identity, Identity::Device(device) if device.source.is_some());
        let packet_bytes = self.settings.max_source_packet_bytes;
        if is_source { Limits { packet_bytes, ..self.limits() } } else { self.limits() }
    }

    /// Opens the session that `connect` asks for, taking it over from another connection if need be.
    async fn open<S: AsyncRead + AsyncWrite + Send>(
        self: &Arc<Self>,
        version: Version,
        mut connect: Connect,
        mut wire: Wire<S>,
        peer: SocketAddr,
    ) -> Result<Opened<S>, (Reason, Wire<S>)> {
        // Seen first, so that no change after the login is missed.
        let mut registry = self.registry.clone();
        let arrived = clock::now().wall;
        let admitted = handshake::admit(version, &connect, &registry.borrow_and_update(), arrived);
        let identity = match admitted {
            Ok(identity) => identity,
            Err(reason) => {
                info!(peer:% = peer, reason:? = reason; "MQTT login refused");
                return Err((reason, wire));
            }
        };
        let assigned_client_id = connect.client_id.is_empty().then(|| self.make_client_id());
        let client_id = assigned_client_id.clone().unwrap_or_else(|| connect.client_id.clone());
        let key = SessionKey::new(&identity, client_id);
        let Ok(seat) = self.seats.claim(&key).await else { return Err((Reason::ServerBusy, wire)) };
        let Ok(slot) = self.slots.borrow().await else { return Err((Reason::ServerUnavailable, wire)) };
        let expiry = connect.expiry.at_most(self.settings.longest_away);
        let lasting = match self.lasting.attach(&key, connect.clean, expiry).await {
            Ok(lasting) => lasting,
            Err(cause) => {
                warn!(session:% = key; "no lasting MQTT session: {cause}");
                return Err((Reason::ServerBusy, wire));
            }
        };
        let session_present = lasting.as_ref().is_some_and(Attached::is_present);
        let withdrawn = self.wills().withdraw(&key);
        if let Some(will) = withdrawn.filter(|_| !session_present) {
            // The session that it belonged to is over.
            self.publish_will(&key, will).await;
        }
        let presence = Present::arrive(&self.presence, &identity, peer);
        let max_filters = self.settings.max_filters_per_session;
        let (listeners, retained) = (self.listeners.clone(), self.retained.clone());
        let membership =
            Membership::join(listeners, retained, &identity, key.fingerprint(), &slot, lasting.as_ref(), max_filters);
        let session = Session::new(version, &connect, &key, membership, lasting, &self.settings);
        let keep_alive_s = self.keep_alive_s(version, connect.keep_alive_s);
        let offer = Offer {
            topic_aliases: self.settings.topic_aliases,
            keep_alive_s: (keep_alive_s != connect.keep_alive_s).then_some(keep_alive_s),
            response_information: connect.wants_response_information.then(|| key.reply_prefix()),
            receive_maximum: self.settings.receive_maximum,
            max_packet_bytes: self.limits_of(&identity).packet_bytes,
            expiry_s: expiry.seconds().filter(|_| expiry != connect.expiry),
            assigned_client_id,
        };
        let connack = ConnAck { reason: Reason::Success, session_present, offer: Some(offer) };
        session.reply(Reply::ConnAck(connack), &mut wire.output.bytes);
        session.resume(&mut wire.output.bytes);
        debug!(session:% = key, peer:% = peer, version:? = version; "MQTT session opened");
        let deadlines = Deadlines::new(keep_alive_s, self.settings.write_timeout, now());
        let connection = Connection {
            deadlines: deadlines.admitted_until(token_end(&identity, arrived)),
            wire,
            session,
            slot,
            seat,
            identity,
            registry,
            handover: Handover::new(self.intake.clone(), self.settings.receive_maximum),
            broker: Arc::clone(self),
            promised: Writes::default(),
            reading: None,
            arrivals: VecDeque::new(),
            missing: 0,
            is_at_end: false,
        };
        Ok(Opened { connection, key, will: connect.will.take(), presence })
    }

    /// The keep alive that holds for a client. 3.1.1 has no words for another one than was asked for.
    fn keep_alive_s(&self, version: Version, asked_s: u16) -> u16 {
        let max_s = self.settings.max_keep_alive_s;
        match version {
            Version::V5 if asked_s == 0 || asked_s > max_s => max_s,
            _ => asked_s,
        }
    }

    fn make_client_id(&self) -> String {
        let number = self.made_client_ids.fetch_add(1, Ordering::Relaxed);
        format!("farhook-{:x}-{number:x}", self.started_ms)
    }

    /// The connection of a session is gone, and its will is to be published: now, or when the session ends or the will's
    /// delay is over, whichever comes first.
    async fn execute_will(&self, key: SessionKey, will: Will) {
        let longest_s = self.lasting.expiry_of(&key).and_then(Expiry::seconds).unwrap_or(0);
        match will.delay_s.min(longest_s) {
            0 => self.publish_will(&key, will).await,
            delay_s => self.wills().hold(key, will, clock::now().mono_ms + u64::from(delay_s) * 1_000),
        }
    }

    /// Publishes the wills whose time has come.
    pub(super) async fn publish_due_wills(&self) {
        let due = self.wills().due(clock::now().mono_ms);
        for (key, will) in due {
            self.publish_will(&key, will).await;
        }
    }

    fn wills(&self) -> MutexGuard<'_, Wills> {
        self.wills.lock().expect("wills do not panic")
    }

    /// Hands a will in, as an event like any other. Its verdict interests nobody.
    async fn publish_will(&self, key: &SessionKey, will: Will) {
        let publication = Publication {
            name: will.topic,
            data: will.data,
            ttl_s: None,
            publisher: publisher(key.holder),
            resend: None,
            publishing: will.publishing,
        };
        if timeout(WILL_TIMEOUT, self.intake.submit(publication)).await.is_err() {
            warn!(session:% = key; "a will was not taken in time");
        }
    }
}

/// When an observer's token expires, on tokio's clock.
fn token_end(identity: &Identity, arrived: WallTime) -> Option<Instant> {
    let Identity::Observer(token) = identity else { return None };
    let left_ms = token.expires_at?.as_millis() - arrived.as_millis();
    // What is too far away to be told counts as never.
    now().checked_add(Duration::from_millis(u64::try_from(left_ms).unwrap_or(0)))
}

/// A session that is about to run.
struct Opened<S> {
    connection: Connection<S>,
    key: SessionKey,
    will: Option<Will>,
    presence: Present,
}

impl<S: AsyncRead + AsyncWrite + Send> Opened<S> {
    async fn run(self, broker: &Broker, stop: &mut watch::Receiver<bool>) {
        let ended = self.connection.run(stop).await;
        // Before anybody else may publish in this session.
        if let Some(will) = self.will.filter(|_| ended.ending.publishes_will()) {
            broker.execute_will(self.key, will).await;
        }
        drop(self.presence);
        ended.close().await;
    }
}

/// A device counts as connected while this lives.
struct Present(Option<(Presence, DeviceId, Noted)>);

impl Present {
    fn arrive(presence: &Presence, identity: &Identity, peer: SocketAddr) -> Self {
        let Identity::Device(device) = identity else { return Self(None) };
        let noted = presence.connected(device.id, Some(peer.ip().to_canonical()), clock::now().wall);
        Self(Some((presence.clone(), device.id, noted)))
    }
}

impl Drop for Present {
    fn drop(&mut self) {
        if let Some((presence, device, noted)) = self.0.take() {
            presence.disconnected(device, noted);
        }
    }
}
