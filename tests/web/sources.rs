//! Devices that people already have, with scripts and without: from a login for a plug to a device.

use serde_json::json;

use crate::flow;
use crate::flow::Flow;
use crate::gateway::Gateway;
use crate::mqtt::Client;

#[tokio::test]
async fn a_plug_that_somebody_has_already_is_listed_and_adopted() {
    if !flow::is_missing() {
        walk_through(true).await;
    }
}

/// Lets a script be the person at the browser, and is the plug. Where its forms were posted to.
pub async fn walk_through(has_script: bool) -> Vec<String> {
    let gateway = Gateway::start().await;
    let mut flow = Flow::on_unclaimed(&gateway, "sources.js", &json!({ "script": has_script })).await;
    let posted = loop {
        let said = flow.said().await;
        let text = |name: &str| said[name].as_str().unwrap_or_else(|| panic!("{said}")).to_owned();
        match text("do").as_str() {
            "publish" => {
                let client = Client::login(gateway.mqtt, &text("name"), &text("password")).await;
                client.expect("the source may log in").publish(&text("topic"), &text("data")).await;
                flow.tell(&json!("published")).await;
            }
            "end" => break flow::posted(&said),
            other => panic!("nobody can {other}"),
        }
    };
    flow.ends().await;
    posted
}
