//! `particle webhook`.

use serde_json::json;

use crate::account::Account;
use crate::gateway::Gateway;
use crate::node;
use crate::particle::Particle;
use crate::receiver::Receiver;

#[tokio::test]
async fn a_hook_file_becomes_a_hook_that_does_all_it_says() {
    if node::is_missing() {
        return;
    }
    let gateway = Gateway::start().await;
    let mut receiver = Receiver::start();
    let account = Account::new(&gateway, "me@example.com").await;
    let device = account.device(&gateway, "kitchen").await;
    let other = account.device(&gateway, "cellar").await;
    let particle = Particle::logged_in(&gateway, &account);
    let hook = json!({
        "event": "weather/", "url": receiver.url("/{{my-var}}"), "deviceid": device.id, "requestType": "PUT",
        "name": "My weather", "mydevices": true, "noDefaults": true, "rejectUnauthorized": false,
        "auth": { "username": "u", "password": "p" }, "headers": { "X-Device": "{{PARTICLE_DEVICE_ID}}" },
        "query": { "q": "{{PARTICLE_EVENT_NAME}}" }, "json": { "t": "{{temp}}" }, "_note": "kept as it is",
    });
    particle.file("hook.json", &hook);
    particle.file("short.json", &json!({ "eventName": "short", "url": receiver.url("/short") }));

    let said = particle.does(&["webhook", "create", "hook.json"]).await;
    assert!(said.contains("Successfully created webhook with ID"), "{said}");
    particle.does(&["webhook", "create", "short.json"]).await;

    let (mut kitchen, mut cellar) = (gateway.login(&device).await, gateway.login(&other).await);
    cellar.publish("weather/1", r#"{"my-var":"cellar"}"#).await;
    kitchen.publish("weather/2", r#"{"my-var":"foo","temp":"98.6F"}"#).await;
    let request = receiver.next().await;
    assert_eq!((request.method.as_str(), request.path.as_str()), ("PUT", "/foo?q=weather%2F2"));
    assert_eq!(request.header("authorization"), Some("Basic dTpw"));
    assert_eq!(request.header("x-device"), Some(device.id.as_str()));
    assert_eq!(request.json(), json!({ "t": "98.6F" }));
    kitchen.publish("short", "1").await;
    assert_eq!(receiver.next().await.path, "/short");
    assert!(receiver.unexpected().is_none());
}

#[tokio::test]
async fn hooks_are_made_of_arguments_listed_and_deleted() {
    if node::is_missing() {
        return;
    }
    let gateway = Gateway::start().await;
    let mut receiver = Receiver::start();
    let account = Account::new(&gateway, "me@example.com").await;
    let device = account.device(&gateway, "kitchen").await;
    let particle = Particle::logged_in(&gateway, &account);
    let [plain, put, get, post] = ["/plain", "/put", "/get", "/post"].map(|path| receiver.url(path));

    let made = particle.does(&["webhook", "create", "temp", &plain]).await;
    particle.does(&["webhook", "create", "temp", &put, &device.id, "PUT"]).await;
    particle.does(&["webhook", "GET", "temp", &get, &device.id]).await;
    particle.does(&["webhook", "POST", "temp", &post]).await;
    let refused = particle.fails(&["webhook", "create", "temp", "not a url"]).await;
    assert!(refused.contains("Error creating webhook: ") && !refused.contains("Server error"), "{refused}");

    let listed = particle.does(&["webhook", "list"]).await;
    assert!(listed.contains("Found 4 hooks registered"), "{listed}");
    assert_eq!(listed.matches(&format!("for device {}", device.id)).count(), 2, "{listed}");
    for url in [&plain, &put, &get, &post] {
        assert!(listed.contains(&format!("and sending to: {url}")), "{listed}");
    }
    assert!(listed.contains("is watching for \"temp\"") && !listed.contains("undefined"), "{listed}");
    gateway.login(&device).await.publish("temp", "1").await;
    let mut requests = Vec::new();
    for _ in 0..4 {
        let request = receiver.next().await;
        requests.push(format!("{} {}", request.method, request.path.split('?').next().unwrap()));
    }
    requests.sort();
    assert_eq!(requests, ["GET /get", "POST /plain", "POST /post", "PUT /put"]);

    let id = made.lines().find_map(|line| line.strip_prefix("Successfully created webhook with ID ")).unwrap();
    let said = particle.does(&["webhook", "delete", id]).await;
    assert!(said.contains("Successfully deleted webhook!"), "{said}");
    let said = particle.fails(&["webhook", "delete", id]).await;
    assert!(said.contains("Error deleting webhook: Webhook not found"), "{said}");
    let said = particle.does_with(&["webhook", "delete", "all"], "y\n").await;
    assert_eq!(said.matches("Successfully deleted webhook!").count(), 3, "{said}");
    assert!(particle.does(&["webhook", "list"]).await.contains("Found 0 hooks registered"));
}
