//! The requests that hooks make, and that a preview shows them as they are.

use std::fs;
use std::sync::Arc;

use serde_json::Value;
use serde_json::json;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::CertificateDer;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;
use tokio_rustls::rustls::pki_types::pem::PemObject;

use crate::gateway::Gateway;
use crate::gateway::Setup;
use crate::receiver::Answer;
use crate::receiver::Receiver;
use crate::receiver::Request;

const DATA: &str = r#"{"my-var":"foo bar","n":21.5,"who":"a \"b\" & c=d"}"#;

/// Hooks of all kinds. Each sends the time of the event in a header, so that the same event can be previewed.
fn definitions() -> Vec<Value> {
    let mut definitions: Vec<Value> = ["GET", "POST", "PUT", "DELETE", "PATCH"]
        .into_iter()
        .map(|method| json!({ "requestType": method, "path": "/things/{{{my-var}}}" }))
        .collect();
    definitions.extend([
        json!({ "path": "/?a=1", "requestType": "GET", "query": { "q": "{{who}}", "n": "{{n}}" } }),
        json!({ "path": "/", "form": { "api_key": "k", "field1": "{{who}}" }, "noDefaults": true }),
        json!({ "path": "/", "json": { "deep": [{ "n": "{{n}}" }], "who": "{{{who}}}" } }),
        json!({ "path": "/", "json": "{\"v\": \"{{PARTICLE_EVENT_VALUE}}\"}", "noDefaults": true }),
        json!({ "path": "/", "body": "<v at=\"{{SPARK_PUBLISHED_AT}}\">{{{who}}}</v>" }),
        json!({ "path": "/", "noDefaults": true }),
        json!({ "path": "/", "auth": { "username": "me", "password": "pass {{n}}" } }),
        json!({ "path": "/", "headers": { "X-Device": "{{PARTICLE_DEVICE_ID}}", "Content-Type": "text/x-own" },
            "body": "own" }),
    ]);
    definitions
}

#[tokio::test]
async fn every_kind_of_request_is_made_as_the_preview_shows_it() {
    let gateway = Setup::new().without_limits().start().await;
    let mut receiver = Receiver::with(|_| Answer::status(200));
    let device = gateway.device("kitchen").await;
    let mut client = gateway.login(&device).await;
    for mut definition in definitions() {
        let path = definition["path"].as_str().unwrap().to_owned();
        definition["event"] = json!("temp");
        definition["url"] = json!(receiver.url(&path));
        definition["headers"]["x-published-at"] = json!("{{PARTICLE_PUBLISHED_AT}}");
        let hook = gateway.hook(&definition).await;

        client.publish("temp/outside", DATA).await;

        let request = receiver.next().await;
        let event = json!({
            "name": "temp/outside", "data": DATA, "coreid": device.id,
            "published_at": request.header("x-published-at").unwrap(),
        });
        assert_is_as_shown(&request, &preview(&gateway, &definition, &event).await, &definition);
        gateway.json(&["hook", "delete", &hook]).await;
    }
}

async fn preview(gateway: &Gateway, definition: &Value, event: &Value) -> Value {
    let [hook_file, event_file] = ["hook.json", "event.json"].map(|name| gateway.folder().join(name));
    fs::write(&hook_file, definition.to_string()).unwrap();
    fs::write(&event_file, event.to_string()).unwrap();
    let files = [hook_file.to_str().unwrap(), event_file.to_str().unwrap()];
    gateway.json(&["hook", "preview", "--hook", files[0], "--event", files[1]]).await
}

fn assert_is_as_shown(request: &Request, shown: &Value, definition: &Value) {
    assert_eq!(shown["method"], request.method, "{definition}");
    let url = format!("http://{}{}", request.header("host").unwrap(), request.path);
    assert_eq!(shown["url"], url, "{definition}");
    assert_eq!(shown["body"], request.body, "{definition}");
    let headers = shown["headers"].as_object().unwrap();
    for (name, value) in headers.iter().filter(|(name, _)| *name != "webhook-id") {
        let name = name.to_ascii_lowercase();
        assert_eq!(request.header(&name), value.as_str(), "{name} of {definition}");
    }
    let of_the_connection = ["host", "content-length", "accept", "accept-encoding"];
    for (name, _) in request.headers.iter().filter(|(name, _)| !of_the_connection.contains(&name.as_str())) {
        let is_shown = headers.keys().any(|shown| shown.eq_ignore_ascii_case(name));
        assert!(is_shown, "{name} is sent and not shown: {definition}");
    }
}

#[tokio::test]
async fn what_is_made_of_an_event_is_what_the_guide_says() {
    let gateway = Setup::new().without_limits().start().await;
    let mut receiver = Receiver::with(|_| Answer::status(200));
    let device = gateway.device("kitchen").await;
    let mut client = gateway.login(&device).await;
    let mut sent = async |mut definition: Value| {
        definition["event"] = json!("temp");
        let path = definition["path"].as_str().unwrap_or("/").to_owned();
        definition["url"] = json!(receiver.url(&path));
        let hook = gateway.hook(&definition).await;
        client.publish("temp", DATA).await;
        let request = receiver.next().await;
        gateway.json(&["hook", "delete", &hook]).await;
        request
    };

    let request = sent(json!({})).await;
    assert_eq!((request.method.as_str(), request.header("content-type")), ("POST", Some("application/json")));
    let body = request.json();
    assert_eq!((&body["event"], &body["data"], &body["coreid"]), (&json!("temp"), &json!(DATA), &json!(device.id)));
    assert!(body["published_at"].as_str().unwrap().ends_with('Z'), "{body}");

    let request = sent(json!({ "requestType": "GET", "query": { "who": "{{{who}}}" }, "noDefaults": true })).await;
    assert_eq!((request.method.as_str(), request.body.as_str()), ("GET", ""));
    let query = request.path.strip_prefix("/?").unwrap().as_bytes();
    let query: Vec<(String, String)> = url::form_urlencoded::parse(query).into_owned().collect();
    assert_eq!(query, [("who".to_owned(), "a \"b\" & c=d".to_owned())]);

    let request = sent(json!({ "auth": { "username": "me", "password": "{{n}}" } })).await;
    assert_eq!(request.header("authorization"), Some("Basic bWU6MjEuNQ=="));

    let request = sent(json!({ "json": { "who": "{{{who}}}" }, "noDefaults": true })).await;
    assert_eq!(request.json(), json!({ "who": "a \"b\" & c=d" }), "no value can break a body");

    let request = sent(json!({ "body": "n={{n}}", "requestType": "PATCH" })).await;
    assert_eq!((request.method.as_str(), request.body.as_str()), ("PATCH", "n=21.5"));
}

#[tokio::test]
async fn a_certificate_of_its_own_making_is_trusted_only_on_request() {
    let gateway = Gateway::start().await;
    let device = gateway.device("kitchen").await;
    let own = || acceptor(include_bytes!("self-signed.pem"));
    let (mut strict, mut lenient) = (Receiver::with_tls(own()), Receiver::with_tls(own()));
    let url = |receiver: &Receiver| format!("https://127.0.0.1:{}/", receiver.port());
    let hook = gateway.hook(&json!({ "event": "temp", "url": url(&strict) })).await;
    gateway.hook(&json!({ "event": "temp", "url": url(&lenient), "rejectUnauthorized": false })).await;

    gateway.login(&device).await.publish("temp", "72").await;

    assert_eq!(lenient.next().await.json()["data"], "72");
    gateway.wait_for_queue("targets_down", 1).await;
    let shown = gateway.json(&["hook", "show", &hook]).await;
    let outcome = shown["last_outcome"].as_str().unwrap();
    assert!(outcome.contains("certificate"), "{outcome}");
    assert_eq!(shown["errors_in_a_row"], 0, "no answer is no error");
    assert!(strict.unexpected().is_none());
}

/// The portal's certificate is a good one, for `portal.example`.
#[tokio::test]
async fn a_certificate_for_another_name_is_taken_for_a_captive_portal() {
    let authority = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/authority.pem");
    let gateway = Setup::new().env("SSL_CERT_FILE", authority).start().await;
    let device = gateway.device("kitchen").await;
    let mut portal = Receiver::with_tls(acceptor(include_bytes!("portal.pem")));
    let url = format!("https://127.0.0.1:{}/", portal.port());
    let hook = gateway.hook(&json!({ "event": "temp", "url": url })).await;

    gateway.login(&device).await.publish("temp", "72").await;

    gateway.wait_for_queue("targets_down", 1).await;
    gateway.wait_for_queue("waiting", 1).await;
    let shown = gateway.json(&["hook", "show", &hook]).await;
    let outcome = shown["last_outcome"].as_str().unwrap();
    assert!(outcome.starts_with("captive portal: another host answers"), "{outcome}");
    assert!(portal.unexpected().is_none());
}

/// Serves a certificate and the key to it. `self-signed.pem` is for 127.0.0.1 and nobody vouches for it, made once by
/// `openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 36500 -addext
/// subjectAltName=IP:127.0.0.1`; `portal.pem` is for `portal.example`, and the authority that vouches for it is
/// `authority.pem`, made in the same way.
fn acceptor(pem: &[u8]) -> TlsAcceptor {
    let certificate = CertificateDer::from_pem_slice(pem).unwrap();
    let key = PrivateKeyDer::from_pem_slice(pem).unwrap();
    let provider = Arc::new(tokio_rustls::rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let config = config.with_no_client_auth().with_single_cert(vec![certificate], key).unwrap();
    TlsAcceptor::from(Arc::new(config))
}

#[tokio::test]
async fn a_signed_request_is_verified_by_a_target_that_knows_the_secret() {
    const SECRET: &str = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";
    let gateway = Gateway::start().await;
    let mut receiver = Receiver::with(|_| Answer::status(200));
    let device = gateway.device("kitchen").await;
    gateway.hook(&json!({ "event": "temp", "url": receiver.url("/"), "signing_secret": SECRET })).await;

    gateway.login(&device).await.publish("temp", "21.5").await;

    let request = receiver.next().await;
    let mut headers = http::HeaderMap::new();
    for (name, value) in &request.headers {
        headers.insert(http::HeaderName::try_from(name).unwrap(), value.parse().unwrap());
    }
    let target = standardwebhooks::Webhook::new(SECRET).unwrap();
    target.verify(request.body.as_bytes(), &headers).unwrap();
    let shown = gateway.json(&["hook", "list"]).await.to_string();
    assert!(!shown.contains("C2FVsBQ"), "{shown}");
}

#[tokio::test]
async fn a_named_secret_reaches_the_target_and_nobody_else() {
    const VALUE: &str = "p\"q/r s3cret";
    let gateway = Gateway::start().await;
    let mut receiver = Receiver::with(|request| {
        let sent = request.json();
        Answer::Status(if sent["password"] == VALUE { 200 } else { 500 }, Vec::new(), request.body.clone())
    });
    gateway.json_with(&["secret", "set", "API_KEY", "--value-stdin"], &format!("{VALUE}\n")).await;
    let device = gateway.device("kitchen").await;
    let hook = gateway
        .hook(&json!({
            "event": "temp", "url": receiver.url("/bot{{{API_KEY}}}?k={{{API_KEY}}}"),
            "auth": { "username": "me", "password": "{{{API_KEY}}}" },
            "json": { "note": "of {{{API_KEY}}}", "password": "{{{API_KEY}}}" }, "noDefaults": true,
            "responseTopic": "answer/{{{API_KEY}}}", "responseTemplate": "{{{API_KEY}}}{{{note}}}",
        }))
        .await;
    let mut client = gateway.login(&device).await;
    let mut observer = gateway.observer().await;

    client.publish("temp", r#"{"API_KEY":"forged"}"#).await;

    let request = receiver.next().await;
    assert_eq!(request.path, "/botp%22q/r%20s3cret?k=p%22q/r%20s3cret");
    assert_eq!(request.json(), json!({ "note": format!("of {VALUE}"), "password": VALUE }));
    assert_eq!(request.header("authorization"), Some("Basic bWU6cCJxL3IgczNjcmV0"));
    // The topic is of the event's data, and the response is what the target said.
    assert_eq!(observer.hear_on("answer/forged/0").await.data, format!("of {VALUE}"));

    gateway.json_with(&["secret", "set", "API_KEY", "--value-stdin"], "other s3cret").await;
    client.publish("temp", "1").await;
    assert_eq!(receiver.next().await.json()["password"], "other s3cret");
    gateway.wait_for_queue("failed", 1).await;

    let shown = [
        gateway.json(&["log", &hook, "--full"]).await,
        gateway.json(&["dead"]).await,
        gateway.json(&["hook", "show", &hook]).await,
        gateway.json(&["secret", "list"]).await,
        gateway.json(&["status"]).await,
    ];
    for shown in shown {
        let shown = shown.to_string();
        assert!(!shown.contains("s3cret"), "{shown}");
    }
    assert!(!gateway.log().contains("s3cret"));
}
