//! GET /healthz, GET /readyz
//!
//! For whoever watches over the gateway: is the process there, and can it do its work? Neither tells anything that a
//! neighbour on the Wi-Fi should not know.

use serde_json::json;
use warp::Filter;

use crate::api::Context;
use crate::http;
use crate::http::Response;
use crate::http::Route;
use crate::store::QueueWriter;

/// The process is there.
pub(super) fn is_alive() -> Route {
    warp::path!("healthz").and(warp::get()).map(|| http::json(&json!({ "ok": true }))).boxed()
}

/// Events can be stored; if not, 503 says why.
pub(super) fn is_ready(context: &Context) -> Route {
    let writer = context.writer.clone();
    warp::path!("readyz").and(warp::get()).map(move || readiness(&writer)).boxed()
}

fn readiness(writer: &QueueWriter) -> Response {
    match writer.trouble() {
        None => http::json(&json!({ "ok": true })),
        Some(reason) => http::unavailable(&reason),
    }
}

#[cfg(test)]
mod tests {
    use crate::api::Context;
    use crate::api::routes;
    use crate::store::Changes;
    use crate::store::DeliveryKey;
    use crate::store::Queue;
    use crate::store::QueueWriter;

    #[tokio::test]
    async fn a_full_disk_is_not_ready_but_alive() {
        let data = tempfile::tempdir().unwrap();
        let (queue, _) = Queue::open(data.path()).unwrap();
        let (writer, thread) = QueueWriter::start(&queue, u64::MAX);
        let routes = routes(&Context { writer: writer.clone() });
        let status = async |path: &str| warp::test::request().path(path).reply(&routes).await.status().as_u16();
        assert_eq!(status("/readyz").await, 200, "nothing was tried yet");

        let mut changes = Changes::new();
        let key = DeliveryKey { hook: crate::model::HookId::from_bytes([1; 12]), seq: 1 };
        changes.store(key, &crate::store::tests::delivery("72"));
        writer.write(changes).await.unwrap().unwrap_err();

        assert_eq!((status("/readyz").await, status("/healthz").await), (503, 200));
        writer.stop();
        thread.join();
    }
}
