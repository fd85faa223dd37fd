//! The harness itself: a browser reaches the gateway, what goes wrong on a page is noticed, and the parts of the pages
//! that others wrote keep to the policy.

use serde_json::Value;
use serde_json::json;

use crate::flow;
use crate::flow::Flow;
use crate::gateway::Gateway;
use crate::receiver::Receiver;

#[tokio::test]
async fn a_browser_reaches_the_gateway() {
    if flow::is_missing() {
        return;
    }
    let gateway = Gateway::start().await;
    let mut receiver = Receiver::start();
    gateway.device("kitchen").await;
    gateway.hook(&json!({ "event": "temperature", "url": receiver.url("/hook"), "requestType": "POST" })).await;
    let mut flow = Flow::on_unclaimed(&gateway, "reached.js").await;

    assert_eq!(flow.said().await, "it is there");
    gateway.json(&["publish", "temperature", "21.5"]).await;
    assert_eq!(receiver.next().await.method, "POST");
    flow.tell(&Value::from("go on")).await;
    flow.ends().await;
}

#[tokio::test]
async fn what_goes_wrong_on_a_page_is_noticed() {
    if !flow::is_missing() {
        Flow::run("watched.js", &Value::Null).await;
    }
}

#[tokio::test]
async fn what_others_wrote_keeps_to_the_policy_of_the_pages() {
    if !flow::is_missing() {
        Flow::run("vendor.js", &Value::Null).await;
    }
}
