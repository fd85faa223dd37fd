//! How much went when, and that a stop does not forget it.

use serde_json::Value;
use serde_json::json;

use crate::gateway::Gateway;
use crate::gateway::Setup;
use crate::plain_http;
use crate::receiver::Answer;
use crate::receiver::Closed;
use crate::receiver::Receiver;

#[tokio::test]
async fn what_arrived_was_given_up_and_was_dropped_is_counted_also_after_a_stop_and_a_start() {
    let mut gateway = Setup::new().with("[limits]\ndevice_per_minute = 0").start().await;
    let mut receiver = Receiver::with(|request| Answer::status(if request.body == "bad" { 404 } else { 200 }));
    let away = Closed::new();
    let device = gateway.device("kitchen").await;
    let body = "{{PARTICLE_EVENT_VALUE}}";
    let hook = gateway.hook(&json!({ "event": "temp", "url": receiver.url("/"), "body": body })).await;
    let narrow = json!({ "event": "full", "url": away.url("/"), "max_waiting": 2, "when_full": "drop_newest" });
    let narrow = gateway.hook(&narrow).await;
    let mut client = gateway.login(&device).await;
    for data in ["1", "2", "bad"] {
        client.publish("temp", data).await;
    }
    receiver.bodies(3).await;
    for number in 0..5 {
        client.publish("full", &number.to_string()).await;
    }
    gateway.wait_for_queue("dropped", 3).await;
    gateway.wait_for_queue("failed", 1).await;
    gateway.wait_for_queue("delivered", 2).await;
    let token = gateway.json(&["token", "create"]).await["token"].as_str().unwrap().to_owned();

    for is_restarted in [false, true] {
        if is_restarted {
            gateway.stop().await;
            gateway.start_again().await;
            assert_eq!(gateway.json(&["status"]).await["queue"]["delivered"], 0, "this is since the start");
        }
        for (span, length) in [("day", 288), ("month", 720)] {
            let counted = get(&gateway, &format!("/v1/history?span={span}"), &token).await;
            let figures = ["delivered", "failed", "dropped"].map(|figures| sum(&counted[figures]));
            assert_eq!((figures, counted["depth"].as_array().map(Vec::len)), ([2, 1, 3], Some(length)), "{counted}");
            assert!(sum(&counted["attempts"]) >= 4, "the one that is away was asked, too: {counted}");
            assert!(counted["depth"].as_array().unwrap().iter().any(|depth| depth.as_u64() >= Some(2)), "{counted}");
        }
        let month = gateway.json(&["hook", "show", &hook]).await["last_30_days"].clone();
        assert_eq!(month, json!({ "delivered": 2, "failed": 1, "skipped": 0 }));
        let counters = &get(&gateway, &format!("/v1/webhooks/{narrow}"), &token).await["webhook"]["counters"];
        assert_eq!(*counters, json!([{ "success": 0, "error": 0, "skipped": 3 }]));
    }

    gateway.json(&["hook", "delete", &hook]).await;
    let counted = get(&gateway, "/v1/history", &token).await;
    assert_eq!(sum(&counted["delivered"]), 2, "it happened all the same");
}

async fn get(gateway: &Gateway, path: &str, token: &str) -> Value {
    let token = [("authorization", format!("Bearer {token}"))];
    let answer = plain_http::send(gateway.http, "GET", path, &token, "").await;
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json()
}

fn sum(figures: &Value) -> u64 {
    figures.as_array().unwrap().iter().filter_map(Value::as_u64).sum()
}
