//! What no page takes: people are told in words and find back, programs in JSON.

use serde_json::json;

use crate::gateway::Gateway;
use crate::plain_http;
use crate::plain_http::Answer;

/// Larger than any form but a backup.
const MUCH: usize = 2 << 20;

const TOO_LARGE: &str = "Was gesendet wurde, ist zu groß.";
const NO_FORM: &str = "An diese Adresse kann nichts gesendet werden.";

async fn ask(gateway: &Gateway, method: &str, path: &str, bytes: usize) -> Answer {
    let headers = [("accept-language", "de".to_owned()), ("content-type", "application/json".to_owned())];
    plain_http::send(gateway.http, method, path, &headers, vec![b' '; bytes]).await
}

#[tokio::test]
async fn what_no_page_takes_is_told_on_a_page_that_leads_back() {
    let gateway = Gateway::start().await;
    for (method, path, bytes, status, text) in [
        ("POST", "/devices", MUCH, 413, TOO_LARGE),
        ("POST", "/login", MUCH, 413, TOO_LARGE),
        ("PUT", "/devices", 0, 405, NO_FORM),
        ("POST", "/v1x", 0, 405, NO_FORM),
        ("GET", "/nothing", 0, 404, "Hier ist nichts."),
    ] {
        let answer = ask(&gateway, method, path, bytes).await;
        assert_eq!(
            (answer.status, answer.header("content-type")),
            (status, Some("text/html; charset=utf-8")),
            "{path}"
        );
        assert!(answer.body.contains(text) && answer.body.contains("<a href=\"/\">"), "{path}: {}", answer.body);
        let policy = answer.header("content-security-policy").unwrap_or_default();
        assert!(policy.starts_with("default-src 'none'"), "{path}: {policy}");
    }
}

#[tokio::test]
async fn what_no_endpoint_takes_is_told_in_json() {
    let gateway = Gateway::start().await;
    for (method, path, bytes, status) in [
        ("POST", "/v1/devices", MUCH, 413),
        ("PATCH", "/v1/devices", 0, 405),
        ("DELETE", "/oauth/token", 0, 405),
        ("POST", "/healthz", 0, 405),
        ("POST", "/readyz", 0, 405),
        ("GET", "//v1/nothing", 0, 404),
        ("GET", "/oauth", 0, 404),
    ] {
        let answer = ask(&gateway, method, path, bytes).await;
        assert_eq!((answer.status, &answer.json()["ok"]), (status, &json!(false)), "{method} {path}");
    }
}
