//! All parts of one gateway, joined.

use std::fs;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use log::warn;
use serde_json::Value;
use serde_json::json;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::accounts::Accounts;
use crate::api;
use crate::backup::Backups;
use crate::ble;
use crate::bus::ANSWER_WITHIN;
use crate::bus::Ble;
use crate::bus::Board;
use crate::bus::Calls;
use crate::bus::Intake;
use crate::bus::Live;
use crate::bus::Overview;
use crate::bus::Presence;
use crate::bus::Replays;
use crate::bus::Sources;
use crate::bus::arrivals;
use crate::bus::ble as ble_wires;
use crate::bus::orders;
use crate::bus::remote_requests;
use crate::bus::visitors;
use crate::chance::Chance;
use crate::clock;
use crate::config::Config;
use crate::control;
use crate::daemon::certificate::Certificate;
use crate::daemon::https::Https;
use crate::daemon::ports::Ports;
use crate::daemon::preset;
use crate::daemon::recalled::Recalled;
use crate::daemon::run_mark::RunMark;
use crate::daemon::shared::Shared;
use crate::dispatch;
use crate::http;
use crate::intake;
use crate::mqtt;
use crate::network;
use crate::registry::Registry;
use crate::store::Meta;
use crate::store::Queue;
use crate::store::QueueWriter;
use crate::store::WriterThread;
use crate::web;

/// Publications that may wait in front of the intake.
const INTAKE_WAITING: usize = 256;

/// How long the web port and the socket may take to let go of their callers.
const FAREWELL: Duration = Duration::from_millis(500);

/// A running gateway.
pub(super) struct Gateway {
    listening: watch::Sender<Value>,
    certificate: Certificate,
    accounts: Arc<Accounts>,
    ble: Ble,
    config: watch::Sender<Arc<Config>>,
    live: Live,
    queue: Queue,
    writer: QueueWriter,
    writer_thread: WriterThread,
    mqtt: mqtt::Server,
    work: Vec<JoinHandle<()>>,
    faces: Vec<JoinHandle<()>>,
    stop_work: watch::Sender<bool>,
    stop_faces: watch::Sender<bool>,
    runtime_link: Option<PathBuf>,
    running: RunMark,
}

impl Gateway {
    /// Starts everything. The data folder is locked by the caller. `config` was read from `config_file`.
    #[expect(clippy::too_many_lines, reason = "the one list of all tasks, in the order in which they are joined")]
    pub(super) async fn start(
        data: &Path,
        config: Arc<Config>,
        config_file: Option<PathBuf>,
        chance: Chance,
    ) -> anyhow::Result<Self> {
        let registry = Arc::new(Registry::load(Meta::open(data)?, chance.clone())?);
        let recalled = Recalled::read(data, &config)?;
        let Recalled { queue, writer, writer_thread, running, boot, known, healths, .. } = recalled;
        let Recalled { meters, logbook, notices, history, recent, retained, sensors, sessions, .. } = recalled;
        let (replays, replays_out) = Replays::new(queue.clone());

        let (config_tx, config_rx) = watch::channel(Arc::clone(&config));
        let (stop_work, work_stopped) = watch::channel(false);
        let (stop_faces, faces_stopped) = watch::channel(false);
        let (live, feed) = Live::remembering(recent);
        let (intake, intake_queue) = Intake::new(INTAKE_WAITING);
        let (arrivals_in, arrivals_out) = arrivals();
        let (orders_in, orders_out) = orders();
        let (presence, board, sources) = (Presence::default(), Board::default(), Sources::default());
        let calls = Calls::new(live.clone(), chance.clone(), ANSWER_WITHIN, work_stopped.clone());

        let (routes, watching) = network::watch(faces_stopped.clone());
        let dispatcher = dispatch::Dispatcher::new(dispatch::Parts {
            arrivals: arrivals_out,
            orders: orders_out,
            registry: registry.watch(),
            config: config_rx.clone(),
            routes,
            queue: queue.clone(),
            writer: writer.clone(),
            live: live.clone(),
            sessions: sessions.clone(),
            board: board.clone(),
            chance: chance.clone(),
            logbook: logbook.clone(),
            notices: notices.clone(),
            history: history.clone(),
            hosts: Arc::clone(&meters.hosts),
            healths,
            boot,
            was_killed: running.was_killed(),
        });
        let dispatching = dispatcher.run(work_stopped.clone());
        let accepting = intake::run(
            intake::Parts {
                queue: intake_queue,
                replays: replays_out,
                store: queue.clone(),
                triggers: Arc::clone(&meters.devices),
                registry: registry.watch(),
                config: config_rx.clone(),
                writer: writer.clone(),
                live: live.clone(),
                arrivals: arrivals_in,
                board: board.clone(),
                history: history.clone(),
                calls: calls.clone(),
                presence: presence.clone(),
                sessions: sessions.clone(),
                retained: retained.clone(),
                sources: sources.clone(),
                chance: chance.clone(),
                known,
            },
            work_stopped,
        );
        let certificate = Certificate::open(data, &config, clock::now().wall);
        let (visitors_in, visitors) = visitors();
        let parts = mqtt::Parts {
            intake: intake.clone(),
            feed,
            registry: registry.watch(),
            presence: presence.clone(),
            lasting: sessions.clone(),
            board: board.clone(),
            visitors,
            identity: certificate.identity(),
            retained,
        };
        let mqtt = mqtt::start(mqtt_settings(&config), parts, faces_stopped.clone()).await?;
        let (ble, ble_asked) = ble_wires(ble::measured());
        let ble_parts = ble::Parts {
            ble: ble.clone(),
            asked: ble_asked,
            config: config_rx.clone(),
            registry: registry.watch(),
            intake: intake.clone(),
            kept: sensors,
            writer: writer.clone(),
            live: live.clone(),
            presence: presence.clone(),
            chance: chance.clone(),
        };
        let bridging = ble::start(ble_parts, faces_stopped.clone());
        let overview = Overview {
            registry: registry.watch(),
            config: config_rx,
            board,
            history,
            meters,
            queue: queue.clone(),
            writer: writer.clone(),
            orders: orders_in,
        };
        let (remote, remote_requests) = remote_requests();
        let accounts = Arc::new(Accounts::new(Arc::clone(&registry), chance.clone()));
        preset::make_owner(&accounts);
        let backups = Backups::new(Arc::clone(&registry), chance.clone());
        let shared = Shared {
            registry,
            accounts,
            intake,
            live: live.clone(),
            presence,
            sessions,
            overview,
            sources,
            ble: ble.clone(),
            logbook,
            backups,
            chance,
        };
        let accounts = Arc::clone(&shared.accounts);
        let (mut listeners, http_address) = http::Listeners::bind(config.http.listen).await?;
        let https = Https::start(&config.http, certificate.identity(), &mut listeners).await;
        let socket = control::Socket::listen(data)?;
        let mqtt_ports = Ports::of(&mqtt);
        let mut places = json!({});
        mqtt_ports.describe(&mut places);
        places["http"] = json!(http_address.to_string());
        https.describe(&mut places);
        certificate.describe(&mut places);
        places["socket"] = json!(socket.path().display().to_string());
        let (listening, listening_out) = watch::channel(places);
        mqtt_ports.follow(&listening);
        let pages = shared.for_web(remote.clone(), notices.clone(), listening_out.clone(), config_file);
        let routes = api::routes(shared.for_api(calls, remote, faces_stopped.clone()));
        let mqtt_over_websocket = http::websocket(&["/mqtt"], "mqtt", visitors_in);
        let routes = http::one_of([routes, mqtt_over_websocket, web::routes(pages)]);
        let serving = http::serve(listeners, routes, faces_stopped.clone());

        let runtime_link = link_socket(socket.path());
        let parts = shared.for_control(notices, replays, listening_out);
        let answering = control::serve(socket, remote_requests, parts, faces_stopped);
        Ok(Self {
            listening,
            certificate,
            accounts,
            ble,
            config: config_tx,
            live,
            queue,
            writer,
            writer_thread,
            mqtt,
            work: vec![tokio::spawn(accepting), tokio::spawn(dispatching)],
            faces: vec![serving, watching, bridging, tokio::spawn(answering)],
            stop_work,
            stop_faces,
            runtime_link,
            running,
        })
    }

    /// Where it listens, as the first line of `run --json` says it.
    pub(super) fn listening(&self) -> Value {
        self.listening.borrow().clone()
    }

    /// The code that makes the first user; none once there is one.
    pub(super) fn claim_code(&self) -> Option<&str> {
        self.accounts.claim_code()
    }

    /// Takes a new configuration up. Addresses to listen on are kept until the next start.
    pub(super) fn reconfigure(&mut self, config: Arc<Config>) {
        let before = Arc::clone(&self.config.borrow());
        if before.needs_start(&config) {
            warn!("changes of [mqtt], and of where and how [http] listens, take effect at the next start");
        }
        self.writer.keep_free(config.queue.min_free_bytes);
        self.config.send_replace(config);
        self.renew_certificate();
    }

    /// Takes up what changed about the certificate, and makes the gateway's own anew in time.
    pub(super) fn renew_certificate(&mut self) {
        self.certificate.renew(&self.config.borrow().http, clock::now().wall);
        self.listening.send_modify(|listening| self.certificate.describe(listening));
    }

    /// Waits until a part fails that the gateway cannot do without. Says which.
    pub(super) async fn failed(&mut self) -> &'static str {
        let (intake, dispatcher) = self.work.split_at_mut(1);
        tokio::select! {
            _ = &mut intake[0] => "the intake ended",
            _ = &mut dispatcher[0] => "the dispatcher ended",
            _ = self.mqtt.failed() => "the MQTT router ended",
        }
    }

    /// Takes everything down: first the work, so that what is under way can still be told; then the store, with the
    /// events of late and a last flush, since nobody else writes; then the faces, where a stranger can make a farewell
    /// long.
    pub(super) async fn stop(self) {
        self.stop_work.send_replace(true);
        for work in self.work {
            // A task that failed before was reported then.
            if !work.is_finished() {
                let _ = work.await;
            }
        }
        if let Err(error) = keep_recent(&self.live, &self.queue, &self.writer).await {
            warn!("the events of late are not kept for the next start: {error}");
        }
        self.ble.keep().await;
        self.writer.stop();
        let _ = tokio::task::spawn_blocking(|| self.writer_thread.join()).await;
        self.running.clear();
        self.stop_faces.send_replace(true);
        self.mqtt.stopped().await;
        for mut face in self.faces {
            if timeout(FAREWELL, &mut face).await.is_err() {
                face.abort();
            }
        }
        if let Some(link) = self.runtime_link {
            let _ = fs::remove_file(link);
        }
    }
}

/// Keeps the events of late for the next start, when nobody announces any more. Only an orderly stop writes them, so
/// that no event costs the disk anything; after a kill the next start finds those of the stop before it.
async fn keep_recent(live: &Live, queue: &Queue, writer: &QueueWriter) -> anyhow::Result<()> {
    let changes = queue.keeping_recent(&live.recent())?;
    if !changes.is_empty() {
        writer.write(changes).await??;
    }
    Ok(())
}

fn mqtt_settings(config: &Config) -> mqtt::Settings {
    mqtt::Settings {
        listen: config.mqtt.listen,
        tls_listen: config.mqtt.tls_listen,
        max_connections: config.mqtt.max_connections as usize,
        max_connections_of_one: config.mqtt.max_connections_of_one,
        new_per_second: config.mqtt.new_per_second,
        new_per_second_of_one: config.mqtt.new_per_second_of_one,
        longest_away: config.mqtt.longest_away,
        ..mqtt::Settings::default()
    }
}

/// Under systemd the command line looks in the runtime folder; there a link leads to the socket.
fn link_socket(socket: &Path) -> Option<PathBuf> {
    let folder = std::env::var_os("RUNTIME_DIRECTORY")?;
    let link = Path::new(&folder).join(socket.file_name()?);
    let target = fs::canonicalize(socket).ok()?;
    let _ = fs::remove_file(&link);
    match std::os::unix::fs::symlink(target, &link) {
        Ok(()) => Some(link),
        Err(error) => {
            warn!("{} cannot be made: {error}", link.display());
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use tokio::io::AsyncWriteExt;
    use tokio::net::TcpStream;

    use super::*;
    use crate::model::EventId;
    use crate::store::tests::delivery;

    #[tokio::test(flavor = "multi_thread")]
    async fn half_a_request_does_not_hold_the_stop_up() {
        let data = tempfile::tempdir().unwrap();
        let gateway = Gateway::start(data.path(), local(), None, Chance::from_seed(1)).await.unwrap();
        let mut caller = TcpStream::connect(gateway.listening()["http"].as_str().unwrap()).await.unwrap();
        caller.write_all(b"GET /healthz HTTP/1.1\r\nhost: a\r\nx-").await.unwrap();

        timeout(Duration::from_secs(4), gateway.stop()).await.expect("it stops in time");
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn the_events_of_late_are_known_after_a_stop_and_a_start() {
        let data = tempfile::tempdir().unwrap();
        let event = delivery("72").event;
        for restarted in [false, true, true] {
            let gateway = Gateway::start(data.path(), local(), None, Chance::from_seed(1)).await.unwrap();
            let (missed, _) = gateway.live.watch_since(EventId::from_bytes([0; 12]));
            assert_eq!(missed, if restarted { vec![Arc::clone(&event)] } else { vec![] });
            if !restarted {
                gateway.live.announce(Arc::clone(&event)).await;
            }
            gateway.stop().await;
        }
    }

    /// On ports of this machine that the system chooses.
    fn local() -> Arc<Config> {
        let mut config = Config::default();
        config.mqtt.listen = (Ipv4Addr::LOCALHOST, 0).into();
        config.mqtt.tls_listen = None;
        config.http.listen = (Ipv4Addr::LOCALHOST, 0).into();
        config.http.https_listen = Some((Ipv4Addr::LOCALHOST, 0).into());
        Arc::new(config)
    }
}
