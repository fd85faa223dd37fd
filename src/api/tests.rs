//! The endpoints, as callers see them.

use std::sync::Arc;

use serde_json::Value;
use serde_json::json;
use tempfile::TempDir;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::*;
use crate::bus::Accepted;
use crate::bus::Board;
use crate::bus::Publication;
use crate::bus::Publisher;
use crate::bus::Refusal;
use crate::bus::orders;
use crate::chance::Chance;
use crate::config::Config;
use crate::limits::Meters;
use crate::model::DeviceName;
use crate::model::EventId;
use crate::model::EventName;
use crate::model::HookId;
use crate::model::WallTime;
use crate::registry::Registry;
use crate::store::Changes;
use crate::store::DeliveryKey;
use crate::store::LaneKey;
use crate::store::Meta;
use crate::store::Queue;
use crate::store::QueueWriter;

/// The routes, over a registry with a token and a device.
struct Scene {
    _data: TempDir,
    routes: Route,
    writer: QueueWriter,
    token: String,
    key: String,
    device: crate::model::DeviceId,
    /// What was published.
    published: watch::Receiver<Option<Publication>>,
    _intake: JoinHandle<()>,
}

impl Scene {
    /// A gateway whose intake answers this, on a disk that has to keep so much free.
    fn new(verdict: Result<Accepted, Refusal>, keep_free_bytes: u64) -> Self {
        let data = tempfile::tempdir().unwrap();
        let registry = Registry::load(Meta::open(data.path()).unwrap(), Chance::from_seed(1)).unwrap();
        let now = WallTime::from_millis(0);
        let (_, token) = registry.create_token(now).unwrap();
        let (device, key) = registry.add_device(DeviceName::try_from("kitchen".to_owned()).unwrap(), now).unwrap();
        let (queue, _) = Queue::open(data.path()).unwrap();
        let (writer, _) = QueueWriter::start(&queue, keep_free_bytes);
        let (intake, mut submissions) = Intake::new(1);
        let (seen, published) = watch::channel(None);
        let task = tokio::spawn(async move {
            while let Some(submission) = submissions.recv().await {
                seen.send_replace(Some(submission.publication));
                let _ = submission.verdict.send(verdict.clone());
            }
        });
        let overview = Overview {
            registry: registry.watch(),
            config: watch::channel(Arc::new(Config::default())).1,
            board: Board::default(),
            meters: Meters::restore(None, None, &[], [0; 16], 0),
            queue,
            writer: writer.clone(),
            orders: orders().0,
        };
        let routes = crate::http::answering_all(routes(&Context { overview, intake }));
        let (token, key) = (token.reveal().to_owned(), key.reveal().to_owned());
        Self { _data: data, routes, writer, token, key, device: device.id, published, _intake: task }
    }

    async fn status(&self, path: &str) -> u16 {
        warp::test::request().path(path).reply(&self.routes).await.status().as_u16()
    }

    /// Status and JSON of the answer to a publish.
    async fn publish(&self, kind: &str, token: &str, body: &str) -> (u16, Value) {
        let mut request = warp::test::request().method("POST").path("/v1/devices/events").header("content-type", kind);
        if !token.is_empty() {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        let answer = request.body(body).reply(&self.routes).await;
        (answer.status().as_u16(), serde_json::from_slice(answer.body()).unwrap())
    }
}

const ACCEPTED: Result<Accepted, Refusal> = Ok(Accepted::Stored(EventId::from_bytes([3; 12])));

const JSON: &str = "application/json";
const FORM: &str = "application/x-www-form-urlencoded";

#[tokio::test]
async fn a_full_disk_is_not_ready_but_alive() {
    let scene = Scene::new(ACCEPTED, u64::MAX);
    assert_eq!(scene.status("/readyz").await, 200, "nothing was tried yet");

    let mut changes = Changes::new();
    let lane = LaneKey { hook: HookId::from_bytes([1; 12]), device: None };
    changes.store(DeliveryKey { lane, seq: 1 }, &crate::store::tests::delivery("72"));
    scene.writer.write(changes).await.unwrap().unwrap_err();

    assert_eq!((scene.status("/readyz").await, scene.status("/healthz").await), (503, 200));
}

#[tokio::test]
async fn an_event_is_published_by_its_owner_or_by_its_device() {
    let mut scene = Scene::new(ACCEPTED, 0);
    let user = scene.publish(JSON, &scene.token, r#"{"name":"temp","data":{"c":21.5},"private":true}"#).await;
    assert_eq!(user, (200, json!({ "ok": true })));
    let seen = scene.published.borrow_and_update().clone().unwrap();
    assert_eq!((seen.name.as_str(), &seen.data[..]), ("temp", r#"{"c":21.5}"#.as_bytes()));
    assert!(matches!(seen.publisher, Publisher::User(_)));

    let device = scene.publish(FORM, &scene.key, "name=temp&data=21.5+%C2%B0C").await;
    assert_eq!(device.0, 200);
    let seen = scene.published.borrow_and_update().clone().unwrap();
    assert_eq!((&seen.data[..], seen.publisher), ("21.5 °C".as_bytes(), Publisher::Device(scene.device)));

    let with_token = format!("name=temp&access_token={}", scene.token);
    assert_eq!(scene.publish(FORM, "", &with_token).await.0, 200, "a form may bring its token");
    assert_eq!(scene.published.borrow().clone().unwrap().data.len(), 0);
}

#[tokio::test]
async fn what_cannot_be_published_is_told_why() {
    let scene = Scene::new(ACCEPTED, 0);
    let (status, told) = scene.publish(JSON, "", r#"{"name":"temp"}"#).await;
    assert_eq!((status, &told["error_description"]), (400, &json!("The access token was not found")));
    let (status, told) = scene.publish(JSON, "nobody's", r#"{"name":"temp"}"#).await;
    assert_eq!((status, &told["error"]), (401, &json!("invalid_token")));
    for nonsense in ["", "{", "[]", r#"{"name":5}"#] {
        assert_eq!(scene.publish(JSON, &scene.token, nonsense).await.0, 400, "{nonsense:?}");
    }
    assert_eq!(scene.publish(JSON, &scene.token, &" ".repeat(200_000)).await.0, 413);
    let name = EventName::published("").unwrap_err();
    let full = Refusal::Full { reason: "the disk is nearly full".to_owned() };
    let large = Refusal::DataTooLarge { bytes: 20_000 };
    for (refusal, expected) in [(Refusal::Name(name), 400), (large, 400), (full, 507), (Refusal::Stopping, 503)] {
        let scene = Scene::new(Err(refusal.clone()), 0);
        let (status, told) = scene.publish(JSON, &scene.token, r#"{"name":"temp"}"#).await;
        assert_eq!((status, told["ok"].as_bool()), (expected, Some(false)), "{refusal:?}");
    }
}

#[tokio::test]
async fn only_users_see_how_full_everything_is() {
    let scene = Scene::new(ACCEPTED, 0);
    let get = async |path: &str| {
        let answer = warp::test::request().path(path).reply(&scene.routes).await;
        (answer.status().as_u16(), serde_json::from_slice::<Value>(answer.body()).unwrap())
    };
    let (status, limits) = get(&format!("/v1/limits?access_token={}", scene.token)).await;
    assert_eq!((status, &limits["devices"][0]["name"]), (200, &json!("kitchen")));
    assert_eq!(limits["devices"][0]["allowed"], 10);
    assert_eq!(get(&format!("/v1/limits?access_token={}", scene.key)).await.0, 403);
    assert_eq!(get("/v1/limits").await.0, 400);
    assert_eq!(get("/v1/queue?access_token=x").await.0, 401);
    assert_eq!(
        get(&format!("/v1/queue?access_token={}", scene.token)).await.0,
        503,
        "nobody answers for the queue here"
    );
}
