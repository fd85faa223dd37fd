//! The API's own document, `GET /v1/openapi.json`: what it says there is, is there, and schemathesis, which makes
//! requests up from it, good ones and bad ones, finds no answer that it does not tell of.

use std::collections::BTreeMap;
use std::process::Stdio;
use std::time::Duration;

use serde_json::Value;
use serde_json::json;
use tokio::process::Command;
use tokio::time::timeout;

use crate::account::Account;
use crate::gateway::Gateway;
use crate::gateway::Setup;
use crate::plain_http;
use crate::tools;

/// Requests that are made up, altogether.
const EXAMPLES: u64 = 2_000;

/// How long that may take; reached only when something is very slow.
const FUZZED_WITHIN: Duration = Duration::from_secs(240);

/// What would end the token of the test, or the user that it belongs to.
const ENDS_THE_TEST: [(&str, &str); 3] =
    [("DELETE", "/v1/access_tokens"), ("DELETE", "/v1/access_tokens/current"), ("PUT", "/v1/user")];

#[tokio::test]
async fn all_that_is_documented_is_there() {
    let gateway = Gateway::start().await;
    let document = document(&gateway).await;
    let nothing = plain_http::send(gateway.http, "GET", "/v1/no/such/path", &[], "").await;
    assert_eq!(nothing.status, 404);
    let operations = operations(&document);
    assert!(operations.len() > 30, "{operations:?}");

    for (method, path) in operations.keys() {
        let path: String =
            path.split('/').map(|part| if part.starts_with('{') { "x" } else { part }).collect::<Vec<_>>().join("/");
        // A stream would never end, but nobody has this token.
        let token = [("authorization", "Bearer none".to_owned())];
        let answer = plain_http::send(gateway.http, method, &path, &token, "").await;
        assert!(answer.status != 405 && answer.body != nothing.body, "{method} {path}: {answer:?}");
    }
}

#[tokio::test]
async fn made_up_requests_are_answered_as_documented() {
    if tools::is_missing("schemathesis", "python3-venv, then ./test installs schemathesis") {
        return;
    }
    let gateway = Setup::new().without_limits().start().await;
    let account = Account::new(&gateway, "me@example.com").await;
    let folder = tempfile::tempdir().unwrap();
    let mut document = document(&gateway).await;
    let each = leave_out_what_cannot_be_tried(&mut document);
    std::fs::write(folder.path().join("openapi.json"), document.to_string()).unwrap();

    let mut command = Command::new("schemathesis");
    command.current_dir(folder.path()).env("NO_PROXY", "*").stdin(Stdio::null()).kill_on_drop(true);
    command.args(["run", "openapi.json", "--no-color", "--warnings", "off", "--phases", "fuzzing"]);
    command.args([
        "--url",
        &format!("http://{}", gateway.http),
        "-H",
        &format!("Authorization: Bearer {}", account.token),
    ]);
    command.args(["--checks", "not_a_server_error,status_code_conformance,content_type_conformance"]);
    command.args(["--seed", "1", "--generation-database", "none", "--max-examples", &each.to_string()]);
    command.args([
        "--request-timeout",
        "10",
        "--continue-on-failure",
        "--report",
        "json",
        "--report-json-path",
        "report.json",
    ]);
    let output = timeout(FUZZED_WITHIN, command.output()).await.expect("schemathesis ends").unwrap();

    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}\n{}", String::from_utf8_lossy(&output.stderr));
    let report: Value = serde_json::from_slice(&std::fs::read(folder.path().join("report.json")).unwrap()).unwrap();
    let tried = report["test_cases"]["generated"].as_u64().unwrap();
    assert!(tried >= EXAMPLES, "only {tried} requests");
    let answer = account.ask("GET", "/v1/user").await;
    assert_eq!(answer.status, 200, "the token still holds, so that most requests were let in");
}

/// The document, as whoever asks for it gets it.
async fn document(gateway: &Gateway) -> Value {
    let answer = plain_http::send(gateway.http, "GET", "/v1/openapi.json", &[], "").await;
    assert_eq!(answer.status, 200);
    let document = answer.json();
    assert!(document["openapi"].as_str().unwrap().starts_with("3."), "{document}");
    document
}

/// Method and path of each operation, and the operation.
fn operations(document: &Value) -> BTreeMap<(String, String), Value> {
    let methods = ["get", "post", "put", "patch", "delete"];
    let paths = document["paths"].as_object().unwrap().iter();
    paths
        .flat_map(|(path, item)| {
            let of_path = item.as_object().unwrap().iter().filter(|(name, _)| methods.contains(&name.as_str()));
            of_path.map(|(method, operation)| ((method.to_uppercase(), path.clone()), operation.clone()))
        })
        .collect()
}

/// Streams, which never end, and what ends the test. Gives how many requests each of the others gets.
fn leave_out_what_cannot_be_tried(document: &mut Value) -> u64 {
    let mut varied = 0;
    for ((method, path), operation) in operations(document) {
        let is_stream = operation["tags"].as_array().is_some_and(|tags| tags.contains(&json!("stream")));
        if is_stream || ENDS_THE_TEST.contains(&(method.as_str(), path.as_str())) {
            document["paths"][&path].as_object_mut().unwrap().remove(&method.to_lowercase());
        } else if ["parameters", "requestBody"].iter().any(|input| operation.get(input).is_some()) {
            // There is only one request for an operation that takes nothing, and there are few for some others.
            varied += 1;
        }
    }
    (EXAMPLES * 11 / 10).div_ceil(varied)
}
