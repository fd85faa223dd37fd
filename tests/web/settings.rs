//! The settings, with scripts and without.

use serde_json::json;

use crate::flow;
use crate::flow::Flow;
use crate::gateway::Gateway;

#[tokio::test]
async fn the_settings_are_changed_and_come_back_from_a_backup() {
    if !flow::is_missing() {
        walk_through(true).await;
    }
}

/// Where its forms were posted to.
pub async fn walk_through(has_script: bool) -> Vec<String> {
    let gateway = Gateway::start().await;
    let mut flow = Flow::on_unclaimed(&gateway, "settings.js", &json!({ "script": has_script })).await;
    let posted = flow::posted(&flow.said().await);
    flow.ends().await;
    posted
}
