//! The endpoints, as callers see them.

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use serde_json::json;
use tempfile::TempDir;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::*;
use crate::accounts::Accounts;
use crate::bus::Accepted;
use crate::bus::Board;
use crate::bus::Calls;
use crate::bus::Intake;
use crate::bus::Live;
use crate::bus::Overview;
use crate::bus::Presence;
use crate::bus::Publication;
use crate::bus::Publisher;
use crate::bus::Refusal;
use crate::bus::Sources;
use crate::bus::ble;
use crate::bus::orders;
use crate::bus::remote_requests;
use crate::chance::Chance;
use crate::clock;
use crate::config::Config;
use crate::history::History;
use crate::history::What;
use crate::http::Method;
use crate::http::Streams;
use crate::http::answering_all;
use crate::limits::Meters;
use crate::logbook::Logbook;
use crate::model::DeviceId;
use crate::model::DeviceName;
use crate::model::EventId;
use crate::model::EventName;
use crate::model::HookId;
use crate::model::ProductId;
use crate::model::UserId;
use crate::model::WallTime;
use crate::registry::PasswordHash;
use crate::registry::ProductChange;
use crate::registry::Registry;
use crate::registry::UserName;
use crate::registry::Wish;
use crate::store::Changes;
use crate::store::DeliveryKey;
use crate::store::LaneKey;
use crate::store::Meta;
use crate::store::Queue;
use crate::store::QueueWriter;
use crate::store::tests::delivery;

const ACCEPTED: Result<Accepted, Refusal> = Ok(Accepted::Stored(EventId::from_bytes([3; 12])));

const JSON: &str = "application/json";
const FORM: &str = "application/x-www-form-urlencoded";

/// The routes, over a registry with an owner and a member, and a device and a product of the owner.
struct Scene {
    _data: TempDir,
    routes: Route,
    writer: QueueWriter,
    owner: UserId,
    member: UserId,
    history: History,
    owners_token: String,
    members_token: String,
    device: DeviceId,
    key: String,
    product: ProductId,
    /// What was published.
    published: watch::Receiver<Option<Publication>>,
    _intake: JoinHandle<()>,
    _stop: watch::Sender<bool>,
}

impl Scene {
    /// A gateway whose intake answers this, on a disk that has to keep so much free.
    fn new(verdict: Result<Accepted, Refusal>, keep_free_bytes: u64) -> Self {
        let (data, chance, now) = (tempfile::tempdir().unwrap(), Chance::from_seed(1), WallTime::from_millis(0));
        let registry = Arc::new(Registry::load(Meta::open(data.path()).unwrap(), chance.clone()).unwrap());
        let named = |name: &str| UserName::try_from(name.to_owned()).unwrap();
        let nobodys = || PasswordHash::from_text("no hash".to_owned());
        let owner = registry.claim(named("me"), nobodys(), now).unwrap().id;
        let member = registry.add_user(named("you"), nobodys(), now).unwrap().id;
        let token = |user| registry.create_token(user, Wish::default(), now).unwrap().secret.reveal().to_owned();
        let (owners_token, members_token) = (token(owner), token(member));
        let name = DeviceName::try_from("kitchen".to_owned()).unwrap();
        let (device, key) = registry.add_device(owner, Some(name), None, now).unwrap();
        let green = ProductChange { name: Some("Green".to_owned()), ..ProductChange::default() };
        let product = registry.add_product(owner, green, now).unwrap().id;
        let (queue, _) = Queue::open(data.path()).unwrap();
        let (writer, _) = QueueWriter::start(&queue, keep_free_bytes);
        let (intake, published, task) = intake(verdict);
        let (live, _) = Live::new();
        let (stop, stopped) = watch::channel(false);
        let history = History::default();
        let overview = Overview {
            registry: registry.watch(),
            config: watch::channel(Arc::new(Config::default())).1,
            board: Board::default(),
            history: history.clone(),
            meters: Meters::restore(None, None, &[], [0; 16], 0),
            queue: queue.clone(),
            writer: writer.clone(),
            orders: orders().0,
        };
        let context = Context {
            accounts: Arc::new(Accounts::new(Arc::clone(&registry), chance.clone())),
            registry,
            overview,
            ble: ble(Vec::new()).0,
            sources: Sources::default(),
            intake,
            calls: Calls::new(live.clone(), chance.clone(), Duration::ZERO, stopped.clone()),
            live,
            streams: Streams::default(),
            presence: Presence::default(),
            logbook: Logbook::new(queue),
            remote: remote_requests().0,
            chance,
            stop: stopped,
        };
        Self {
            _data: data,
            routes: answering_all(routes(context)),
            writer,
            owner,
            member,
            history,
            owners_token,
            members_token,
            device: device.id,
            key: key.reveal().to_owned(),
            product,
            published,
            _intake: task,
            _stop: stop,
        }
    }

    /// Status and JSON of the answer to a request of whoever has that token or key, or nobody.
    async fn ask(&self, method: &Method, path: &str, secret: &str) -> (u16, Value) {
        let request = warp::test::request().method(method.as_str()).path(path);
        let request =
            if secret.is_empty() { request } else { request.header("authorization", format!("Bearer {secret}")) };
        let answer = request.reply(&self.routes).await;
        (answer.status().as_u16(), serde_json::from_slice(answer.body()).unwrap())
    }

    async fn get(&self, path: &str, secret: &str) -> (u16, Value) {
        self.ask(&Method::GET, path, secret).await
    }

    /// The same for a publication.
    async fn publish_at(&self, path: &str, kind: &str, secret: &str, body: &str) -> (u16, Value) {
        let request = warp::test::request().method("POST").path(path).header("content-type", kind).body(body);
        let request =
            if secret.is_empty() { request } else { request.header("authorization", format!("Bearer {secret}")) };
        let answer = request.reply(&self.routes).await;
        (answer.status().as_u16(), serde_json::from_slice(answer.body()).unwrap())
    }

    async fn publish(&self, kind: &str, secret: &str, body: &str) -> (u16, Value) {
        self.publish_at("/v1/devices/events", kind, secret, body).await
    }

    /// What was published since this was asked the last time.
    fn published(&mut self) -> Option<Publication> {
        let has_changed = self.published.has_changed().unwrap();
        let publication = self.published.borrow_and_update();
        publication.clone().filter(|_| has_changed)
    }
}

/// An intake that answers this to everything, and what it was asked last.
fn intake(verdict: Result<Accepted, Refusal>) -> (Intake, watch::Receiver<Option<Publication>>, JoinHandle<()>) {
    let (intake, mut submissions) = Intake::new(1);
    let (seen, published) = watch::channel(None);
    let task = tokio::spawn(async move {
        while let Some(submission) = submissions.recv().await {
            seen.send_replace(Some(submission.publication));
            let _ = submission.verdict.send(verdict.clone());
        }
    });
    (intake, published, task)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_is_not_ready_but_alive() {
    let scene = Scene::new(ACCEPTED, u64::MAX);
    assert_eq!(scene.get("/readyz", "").await.0, 200, "nothing was tried yet");

    let mut changes = Changes::new();
    let lane = LaneKey { hook: HookId::from_bytes([1; 12]), device: None };
    changes.store(DeliveryKey { lane, seq: 1 }, &delivery("72"));
    scene.writer.write(changes).await.unwrap().unwrap_err();

    let (status, told) = scene.get("/readyz", "").await;
    assert_eq!((status, told["ok"].as_bool()), (503, Some(false)), "{told}");
    assert_eq!(scene.get("/healthz", "").await, (200, json!({ "ok": true })));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_is_published_by_a_user_or_by_a_device() {
    let mut scene = Scene::new(ACCEPTED, 0);
    let token = scene.owners_token.clone();
    let user = scene.publish(JSON, &token, r#"{"name":"temp","data":{"c":21.5},"private":true}"#).await;
    assert_eq!(user, (200, json!({ "ok": true })));
    let seen = scene.published().unwrap();
    assert_eq!((seen.name.as_str(), &seen.data[..]), ("temp", r#"{"c":21.5}"#.as_bytes()));
    assert_eq!(seen.publisher, Publisher::user(scene.owner));

    let key = scene.key.clone();
    assert_eq!(scene.publish(FORM, &key, "name=temp&data=21.5+%C2%B0C").await.0, 200);
    let seen = scene.published().unwrap();
    assert_eq!((&seen.data[..], seen.publisher), ("21.5 °C".as_bytes(), Publisher::Device(scene.device)));

    assert_eq!(scene.publish(FORM, "", &format!("name=temp&access_token={token}")).await.0, 200, "a form may bring it");
    assert_eq!(scene.published().unwrap().data.len(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_publishes_for_a_product_of_theirs_only() {
    let mut scene = Scene::new(ACCEPTED, 0);
    let publisher = Publisher::User { user: scene.owner, product: Some(scene.product) };
    for path in ["/v1/products/green/events", "/v1/orgs/any/products/green/events", "/v1/products/1001/events"] {
        assert_eq!(scene.publish_at(path, JSON, &scene.owners_token, r#"{"name":"temp"}"#).await.0, 200, "{path}");
        assert_eq!(scene.published().unwrap().publisher, publisher, "{path}");
        let (status, told) = scene.publish_at(path, JSON, &scene.members_token, r#"{"name":"temp"}"#).await;
        assert_eq!((status, &told["error"]), (404, &json!("Product not found.")), "{path}");
        assert!(scene.published().is_none(), "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_published_is_told_why() {
    let scene = Scene::new(ACCEPTED, 0);
    let (status, told) = scene.publish(JSON, "", r#"{"name":"temp"}"#).await;
    assert_eq!((status, &told["error_description"]), (400, &json!("The access token was not found")));
    let (status, told) = scene.publish(JSON, "nobody's", r#"{"name":"temp"}"#).await;
    assert_eq!((status, &told["error"]), (401, &json!("invalid_token")));
    for nonsense in ["", "{", "[]", r#"{"name":5}"#, r#"{"name":""}"#, r#"{"data":"21.5"}"#] {
        assert_eq!(scene.publish(JSON, &scene.owners_token, nonsense).await.0, 400, "{nonsense:?}");
    }
    assert_eq!(scene.publish(JSON, &scene.owners_token, &" ".repeat(200_000)).await.0, 413);
    let name = EventName::published("").unwrap_err();
    let full = Refusal::Full { reason: "the disk is nearly full".to_owned() };
    let large = Refusal::DataTooLarge { bytes: 20_000 };
    for (refusal, expected) in [
        (Refusal::Name(name), 400),
        (large, 400),
        (full, 507),
        (Refusal::Stopping, 503),
        (Refusal::UnknownPublisher, 401),
    ] {
        let scene = Scene::new(Err(refusal.clone()), 0);
        let (status, told) = scene.publish(JSON, &scene.owners_token, r#"{"name":"temp"}"#).await;
        assert_eq!(status, expected, "{refusal:?}");
        assert!(told["error"].is_string() && told["error_description"].is_string(), "{refusal:?}: {told}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_owner_sees_how_much_went_for_all_and_a_member_how_much_went_for_them() {
    let scene = Scene::new(ACCEPTED, 0);
    let now = clock::now();
    scene.history.count(What::Delivered, HookId::from_bytes([3; 12]), scene.owner, 2, now);
    scene.history.count(What::Delivered, HookId::from_bytes([4; 12]), scene.member, 1, now);
    let sum = |series: &Value| series.as_array().unwrap().iter().filter_map(Value::as_u64).sum::<u64>();
    for (query, step_s, length) in [("", 300, 288), ("?span=day", 300, 288), ("?span=month", 3_600, 720)] {
        let path = format!("/v1/history{query}");
        let (status, all) = scene.get(&path, &scene.owners_token).await;
        assert_eq!((status, &all["step_s"], sum(&all["delivered"])), (200, &json!(step_s), 3));
        for figures in ["attempts", "delivered", "failed", "dropped", "depth"] {
            assert_eq!(all[figures].as_array().map(Vec::len), Some(length), "{figures}");
        }
        assert!(all["starts_at"].as_str().is_some_and(|at| at.ends_with(":00.000Z")), "{all}");
        let (status, own) = scene.get(&path, &scene.members_token).await;
        assert_eq!((status, sum(&own["delivered"]), own.get("depth")), (200, 1, None));
        assert_eq!(scene.get(&path, &scene.key).await.0, 403);
    }
    let (status, told) = scene.get("/v1/history?span=year", &scene.owners_token).await;
    assert_eq!(status, 400, "{told}");
    assert!(told.to_string().contains("day or month"), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_owner_sees_how_full_everything_is() {
    let scene = Scene::new(ACCEPTED, 0);
    let (status, limits) = scene.get(&format!("/v1/limits?access_token={}", scene.owners_token), "").await;
    assert_eq!((status, &limits["devices"][0]["name"]), (200, &json!("kitchen")));
    assert_eq!(limits["devices"][0]["allowed"], 10);
    let (status, told) = scene.get("/v1/queue", &scene.owners_token).await;
    assert_eq!((status, &told["error"]), (503, &json!("the gateway is stopping")), "nobody answers for it here");
    for path in ["/v1/limits", "/v1/queue", "/v1/users"] {
        for (secret, expected) in [(scene.members_token.as_str(), 403), (&scene.key, 403), ("x", 401), ("", 400)] {
            let (status, told) = scene.get(path, secret).await;
            assert_eq!(status, expected, "{path}: {told}");
            assert!(!told.to_string().contains("kitchen"), "{path}: {told}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_told_to_who_shows_no_token_or_one_that_is_nobodys() {
    let scene = Scene::new(ACCEPTED, 0);
    for (endpoint, path) in closed() {
        let what = format!("{} {path}", endpoint.method);
        let (status, told) = scene.ask(&endpoint.method, &path, "").await;
        assert_eq!((status, &told["error"]), (400, &json!("invalid_request")), "{what}: {told}");
        assert_eq!(told["error_description"], "The access token was not found", "{what}");
        let (status, told) = scene.ask(&endpoint.method, &path, "nobody's").await;
        assert_eq!((status, &told["error"]), (401, &json!("invalid_token")), "{what}: {told}");
        assert_eq!(told["error_description"], "The access token provided is invalid.", "{what}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn with_a_devices_key_one_publishes_and_listens_and_nothing_else() {
    let scene = Scene::new(ACCEPTED, 0);
    for (endpoint, path) in closed() {
        let is_for_devices = endpoint.is_stream || endpoint.summary == "Publish an event";
        let what = format!("{} {path}", endpoint.method);
        if is_for_devices {
            continue;
        }
        let (status, told) = scene.ask(&endpoint.method, &path, &scene.key).await;
        assert_eq!((status, &told["error"]), (403, &json!("invalid_scope")), "{what}: {told}");
    }
}

/// Every endpoint that is not for everybody, with each of its paths; placeholders stand for something that is there, if
/// there is one.
fn closed() -> impl Iterator<Item = (Endpoint, String)> {
    let closed = endpoints().into_iter().filter(|endpoint| !endpoint.is_open);
    closed.flat_map(|endpoint| {
        let filled = |segment: &'static str| match segment {
            ":device" => "kitchen",
            ":product" => "green",
            segment if segment.starts_with([':', '*']) => "x",
            segment => segment,
        };
        let path = move |path: &'static str| path.split('/').map(filled).collect::<Vec<_>>().join("/");
        endpoint.paths.iter().map(move |of| (endpoint.clone(), path(of)))
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn what_no_endpoint_takes_is_refused_in_json() {
    let scene = Scene::new(ACCEPTED, 0);
    for (method, path, expected) in [
        (Method::GET, "/v1/nothing", 404),
        (Method::GET, "/", 404),
        (Method::PATCH, "/v1/devices", 405),
        (Method::DELETE, "/oauth/token", 405),
    ] {
        let (status, told) = scene.ask(&method, path, &scene.owners_token).await;
        assert_eq!((status, told["ok"].as_bool()), (expected, Some(false)), "{method} {path}: {told}");
        assert!(told["error"].is_string(), "{told}");
    }
}
