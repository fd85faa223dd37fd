//! The real listener on a free port, between a registry, an intake and a feed that the test holds in its hands.

use std::net::SocketAddr;
use std::sync::Arc;

use farhook::bus::Accepted;
use farhook::bus::Board;
use farhook::bus::Intake;
use farhook::bus::IntakeQueue;
use farhook::bus::Live;
use farhook::bus::Presence;
use farhook::bus::Publisher;
use farhook::bus::Refusal;
use farhook::bus::ResendMark;
use farhook::bus::Submission;
use farhook::bus::visitors;
use farhook::clock;
use farhook::model::Device;
use farhook::model::DeviceId;
use farhook::model::DeviceName;
use farhook::model::Event;
use farhook::model::EventId;
use farhook::model::EventName;
use farhook::model::HookId;
use farhook::model::KeyHash;
use farhook::model::Publishing;
use farhook::model::Source;
use farhook::model::UserId;
use farhook::model::WallTime;
use farhook::mqtt;
use farhook::mqtt::Parts;
use farhook::mqtt::Server;
use farhook::mqtt::Settings;
use farhook::registry::Snapshot;
use farhook::registry::Token;
use farhook::retained::Retained;
use farhook::sessions::Bounds;
use farhook::sessions::Sessions;
use farhook::store::Changes;
use farhook::store::Queue;
use farhook::store::QueueWriter;
use tempfile::TempDir;
use tokio::sync::watch;
use tokio::time::timeout;

use crate::client::Client;
use crate::client::Connect;
use crate::client::PATIENCE;

pub(crate) const OWNER: UserId = UserId::from_bytes([1; 12]);
pub(crate) const STRANGER: UserId = UserId::from_bytes([2; 12]);

/// Devices by name; the key of each is `key of <name>`. `stranger` belongs to somebody else.
pub(crate) const KITCHEN: DeviceId = DeviceId::from_bytes([0x11; 12]);
pub(crate) const CELLAR: DeviceId = DeviceId::from_bytes([0x12; 12]);
pub(crate) const OTHER: DeviceId = DeviceId::from_bytes([0x13; 12]);

/// What outlives a gateway: the store, and the sessions in it.
pub(crate) struct Kept {
    _data: TempDir,
    queue: Queue,
    writer: QueueWriter,
    pub(crate) sessions: Sessions,
}

impl Kept {
    pub(crate) fn new() -> Self {
        Self::bounded(Bounds::default())
    }

    pub(crate) fn bounded(bounds: Bounds) -> Self {
        let data = tempfile::tempdir().unwrap();
        let (queue, _) = Queue::open(data.path()).unwrap();
        let (writer, _) = QueueWriter::start(&queue, 0);
        let sessions = Sessions::restore(&queue, &writer, bounds, 0).unwrap();
        Self { _data: data, queue, writer, sessions }
    }

    /// The sessions as a gateway finds them that starts after this one was killed, when all was written that it had
    /// given to the disk.
    pub(crate) async fn recalled(&self) -> Self {
        self.writer.write(Changes::new()).await.unwrap().unwrap();
        let sessions = Sessions::restore(&self.queue, &self.writer, Bounds::default(), 0).unwrap();
        let data = tempfile::tempdir().unwrap();
        Self { _data: data, queue: self.queue.clone(), writer: self.writer.clone(), sessions }
    }

    /// As the real intake does: kept, on the disk, told.
    pub(crate) async fn keep(&self, event: &Event, resend: Option<ResendMark>, registry: &Snapshot) {
        let mut changes = Changes::new();
        if let Some(held) = resend.filter(|resend| resend.is_held) {
            changes.put_received(held.session, held.packet_id);
        }
        let kept = self.sessions.keep(event, registry, &mut changes);
        if !changes.is_empty() {
            self.writer.write(changes).await.unwrap().unwrap();
        }
        self.sessions.stored(&kept);
        self.sessions.tell(&kept);
    }
}

pub(crate) struct Gateway {
    pub(crate) at: SocketAddr,
    pub(crate) intake: Option<IntakeQueue>,
    pub(crate) live: Live,
    pub(crate) registry: watch::Sender<Arc<Snapshot>>,
    pub(crate) presence: Presence,
    pub(crate) kept: Arc<Kept>,
    pub(crate) retained: Retained,
    pub(crate) stop: watch::Sender<bool>,
    pub(crate) server: Server,
}

impl Gateway {
    pub(crate) async fn start() -> Self {
        Self::start_with(settings()).await
    }

    pub(crate) async fn start_with(settings: Settings) -> Self {
        Self::restart(settings, Arc::new(Kept::new())).await
    }

    /// One that finds the sessions of an earlier one.
    pub(crate) async fn restart(settings: Settings, kept: Arc<Kept>) -> Self {
        let (intake, queue) = Intake::new(256);
        let (live, feed) = Live::new();
        let (registry, snapshots) = watch::channel(Arc::new(registered()));
        let (stop, stopping) = watch::channel(false);
        let presence = Presence::default();
        let lasting = kept.sessions.clone();
        let retained = Retained::restore(Vec::new(), [0; 16]);
        let parts = Parts {
            intake,
            feed,
            registry: snapshots,
            presence: presence.clone(),
            lasting,
            retained: retained.clone(),
            board: Board::default(),
            visitors: visitors().1,
            identity: None,
        };
        let server = mqtt::start(settings, parts, stopping).await.unwrap();
        let at = server.plain().borrow().address;
        Self { at, intake: Some(queue), live, registry, presence, kept, retained, stop, server }
    }

    /// From now on everything with a good name is accepted, retained if it shall be, and announced, as the real intake
    /// does.
    pub(crate) fn accept_all(mut self) -> Self {
        let mut queue = self.intake.take().unwrap();
        let (live, kept, registry) = (self.live.clone(), Arc::clone(&self.kept), self.registry.subscribe());
        let retained = self.retained.clone();
        tokio::spawn(async move {
            while let Some(Submission { publication, verdict }) = queue.recv().await {
                let judged = EventName::published(&publication.name).map_err(Refusal::Name);
                let accepted = match judged {
                    Ok(name) => {
                        let source = match publication.publisher {
                            Publisher::Device(id) => Source::Device(id),
                            Publisher::User { .. } => Source::Api,
                        };
                        let data = String::from_utf8_lossy(&publication.data).into_owned();
                        let owner = if publication.publisher == Publisher::Device(OTHER) { STRANGER } else { OWNER };
                        let publishing = publication.publishing.clone();
                        let event = Arc::new(Event { publishing, ..event(name, &data, source, owner) });
                        let keeping = retained.keep(&event, clock::now(), &mut Changes::new());
                        if let Ok(Some(keeping)) = keeping {
                            retained.settle(keeping, true);
                        }
                        let snapshot = Arc::clone(&registry.borrow());
                        kept.keep(&event, publication.resend, &snapshot).await;
                        live.announce_kept(event).await;
                        Ok(accepted())
                    }
                    Err(refusal) => Err(refusal),
                };
                let _ = verdict.send(accepted);
            }
        });
        self
    }

    pub(crate) async fn submission(&mut self) -> Submission {
        let queue = self.intake.as_mut().expect("not accept_all");
        timeout(PATIENCE, queue.recv()).await.expect("a submission in time").unwrap()
    }

    pub(crate) async fn announce(&self, name: &str, data: &str, source: Source) {
        self.live.announce(Arc::new(event(EventName::emitted(name), data, source, OWNER))).await;
    }

    /// A session of the device `name`, with that as its client id.
    pub(crate) async fn device(&self, level: u8, name: &str) -> Client {
        Client::open(self.at, &login(level, name)).await
    }

    /// Something is retained, published before anybody listened.
    pub(crate) fn retain(&self, name: &str, data: &str, source: Source, publishing: Publishing) {
        let publishing = Publishing { retain: true, ..publishing };
        let event = Event { publishing, ..event(EventName::emitted(name), data, source, OWNER) };
        let keeping = self.retained.keep(&Arc::new(event), clock::now(), &mut Changes::new());
        self.retained.settle(keeping.unwrap().expect("it is to be retained"), true);
    }

    /// A session of the owner.
    pub(crate) async fn observer(&self, level: u8) -> Client {
        Client::open(self.at, &Connect::new(level, "observer", "whoever", "token of the owner")).await
    }

    pub(crate) async fn stop(self) {
        self.stop.send(true).unwrap();
        timeout(PATIENCE, self.server.stopped()).await.expect("the listener stops in time");
    }
}

pub(crate) fn settings() -> Settings {
    Settings { listen: "127.0.0.1:0".parse().unwrap(), ..Settings::default() }
}

pub(crate) fn login(level: u8, name: &str) -> Connect {
    Connect::new(level, name, name, &format!("key of {name}"))
}

pub(crate) fn registered() -> Snapshot {
    let mut snapshot = Snapshot::default();
    for (id, name, owner) in [(KITCHEN, "kitchen", OWNER), (CELLAR, "cellar", OWNER), (OTHER, "other", STRANGER)] {
        let device = Device {
            id,
            name: DeviceName::try_from(name.to_owned()).unwrap(),
            owner,
            key_hash: KeyHash::of(&format!("key of {name}")),
            created_at: WallTime::from_millis(0),
            reads_all_results: false,
            product: None,
            notes: None,
            sensor: None,
            source: None,
            adoption: None,
        };
        snapshot.devices.insert(id, Arc::new(device));
    }
    let token = Token::lasting(OWNER, KeyHash::of("token of the owner"), WallTime::from_millis(0));
    snapshot.tokens.insert(token.hash, token);
    snapshot
}

pub(crate) fn accepted() -> Accepted {
    Accepted::PassedOn(EventId::from_bytes([0; 12]))
}

pub(crate) fn result_for(device: DeviceId) -> Source {
    Source::Hook { hook: HookId::from_bytes([7; 12]), device: Some(device) }
}

fn event(name: EventName, data: &str, source: Source, owner: UserId) -> Event {
    let (id, published_at) = (EventId::from_bytes([0; 12]), WallTime::from_millis(0));
    Event {
        id,
        name,
        data: data.to_owned(),
        ttl_s: 60,
        published_at,
        source,
        owner,
        product: None,
        publishing: Publishing::default(),
    }
}
