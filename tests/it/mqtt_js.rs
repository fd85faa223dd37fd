//! MQTT.js 5 as a device, over TCP, TLS and WebSocket. It comes from `tests/node`.

use std::process::Stdio;

use serde_json::Value;
use serde_json::json;
use tokio::io::AsyncBufReadExt;
use tokio::io::BufReader;
use tokio::time::timeout;

use crate::gateway::Gateway;
use crate::node;
use crate::receiver::Answer;
use crate::receiver::Receiver;
use crate::tools;

fn is_missing() -> bool {
    tools::is_missing("node", "nodejs")
        || (!node::package("mqtt").is_dir()
            && tools::skip("MQTT.js is not installed, npm ci --ignore-scripts in tests/node"))
}

/// Runs it as a device until it got the answer of a hook; gives what it said.
async fn said(told: &Value) -> Vec<Value> {
    let mut command = node::node(&std::env::temp_dir());
    command.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/mqtt.js")).arg(told.to_string());
    let mut process = command.env("NODE_PATH", node::package("")).stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
    let mut said = Vec::new();
    while said.len() < 2 {
        let line = timeout(node::PATIENCE, lines.next_line()).await.expect("it says something").unwrap();
        said.push(serde_json::from_str(&line.unwrap_or_else(|| panic!("it ends: {said:?}"))).unwrap());
    }
    said
}

#[tokio::test]
async fn mqtt_js_publishes_to_a_hook_and_hears_its_answer_over_everything() {
    if is_missing() {
        return;
    }
    let gateway = Gateway::start().await;
    let device = gateway.device("kitchen").await;
    let mut receiver = Receiver::with(|_| Answer::Status(200, Vec::new(), "well done".to_owned()));
    gateway.hook(&json!({ "event": "temp", "url": receiver.url("/"), "body": "{{PARTICLE_EVENT_VALUE}}" })).await;
    let certificate = gateway.data().join("tls/certificate.pem");
    for url in [
        format!("mqtt://{}", gateway.mqtt),
        format!("mqtts://{}", gateway.mqtt_tls),
        format!("ws://{}/mqtt", gateway.http),
        format!("wss://{}/mqtt", gateway.https),
    ] {
        for version in [4, 5] {
            let told = json!({
                "url": url, "version": version, "name": "kitchen", "key": device.key, "certificate": certificate,
            });
            let said = said(&told).await;
            let published = json!({ "what": "published" });
            let heard = json!({ "what": "message", "topic": "hook-response/temp/0", "data": "well done" });
            assert!(said.contains(&published) && said.contains(&heard), "{url}, version {version}: {said:?}");
            assert_eq!(receiver.next().await.body, "21.5");
        }
    }
    let unknown =
        json!({ "url": format!("mqtts://{}", gateway.mqtt_tls), "version": 5, "name": "kitchen", "key": device.key });
    let refused = said_once(&unknown).await;
    assert_eq!(refused["what"], "error", "who trusts no such certificate does not connect: {refused}");
}

async fn said_once(told: &Value) -> Value {
    let mut command = node::node(&std::env::temp_dir());
    command.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/mqtt.js")).arg(told.to_string());
    let output = timeout(node::PATIENCE, command.env("NODE_PATH", node::package("")).output()).await.unwrap().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    serde_json::from_str(text.lines().next().unwrap()).unwrap()
}
