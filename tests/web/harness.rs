//! The harness itself: what goes wrong on a page is noticed, and the parts of the pages that others wrote keep to the
//! policy.

use serde_json::Value;

use crate::flow;
use crate::flow::Flow;

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
