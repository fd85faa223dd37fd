//! particle-api-js 12.0.3: each of its calls, made by `api.js`, and its event stream, kept open by `stream.js`.

use std::collections::HashMap;
use std::time::Duration;

use serde_json::Value;
use serde_json::json;
use tokio::time::Instant;
use tokio::time::timeout;

use crate::account::Account;
use crate::account::PASSWORD;
use crate::gateway::Gateway;
use crate::node;
use crate::node::Script;
use crate::sensor::Sensor;
use crate::shape::has;
use crate::shape::is_id;

/// The client gives a stream up after 15 s without a sign of life, and tries again 2 s later. Source: EventStream.js.
const RECONNECTED_WITHIN: Duration = Duration::from_secs(10);

/// What the fields of a device are, by the contract.
const DEVICE: [&str; 12] = [
    "id:string",
    "name:string",
    "last_app:string|null",
    "last_ip_address:string|null",
    "last_heard:string|null",
    "last_handshake_at:string|null",
    "product_id:number",
    "platform_id:number",
    "connected:bool",
    "online:bool",
    "cellular:bool",
    "status:string",
];

/// What was answered to each call of the script.
struct Answers(HashMap<String, Value>);

impl Answers {
    async fn of(mut script: Script) -> Self {
        let mut answers = HashMap::new();
        while let Some(answer) = script.line().await {
            answers.insert(answer["call"].as_str().unwrap().to_owned(), answer);
        }
        Self(answers)
    }

    /// The body of a good answer with this status.
    #[track_caller]
    fn good(&self, call: &str, status: u16) -> &Value {
        let answer = self.0.get(call).unwrap_or_else(|| panic!("{call:?} was not called"));
        assert_eq!(answer["status"], status, "{answer}");
        &answer["body"]
    }

    #[track_caller]
    fn ok(&self, call: &str) -> &Value {
        self.good(call, 200)
    }

    /// The body of a refusal with this status.
    #[track_caller]
    fn refused(&self, call: &str, status: u16) -> &Value {
        let answer = self.0.get(call).unwrap_or_else(|| panic!("{call:?} was not called"));
        assert_eq!(answer["failed"]["status"], status, "{answer}");
        &answer["failed"]["body"]
    }
}

#[tokio::test]
async fn every_call_is_answered_as_the_cloud_answers_it() {
    if node::is_missing() {
        return;
    }
    let gateway = Gateway::start().await;
    let account = Account::new(&gateway, "me@example.com").await;
    let device = account.device(&gateway, "pi-node").await;
    let product = account.product(&gateway, "Weather stations").await;
    let mut sensor = Sensor::start(&gateway, &device).await;
    let told = json!({
        "gateway": format!("http://{}", gateway.http), "username": account.name, "password": PASSWORD,
        "device": device.id, "product": product.id, "url": "http://127.0.0.1:9/hook",
    });

    let answers = Answers::of(Script::start("api.js", &told)).await;

    of_accounts(&answers);
    of_devices(&answers, &device.id);
    assert_eq!(sensor.asked().await, ("led".to_owned(), "on".to_owned()));
    assert_eq!(sensor.asked().await, ("signal".to_owned(), "1".to_owned()));
    of_events(&answers);
    of_webhooks(&answers, &device.id);
    of_integrations(&answers, &device.id);
    of_the_end(&answers, &device.id);
}

fn of_accounts(answers: &Answers) {
    let refused = answers.refused("login bad", 400);
    assert_eq!(
        (&refused["error"], &refused["error_description"]),
        (&json!("invalid_grant"), &json!("User credentials are invalid"))
    );
    let login = answers.ok("login");
    assert_eq!((&login["token_type"], &login["expires_in"]), (&json!("bearer"), &json!(7_776_000)));
    for part in ["access_token", "refresh_token"] {
        let token = login[part].as_str().unwrap();
        assert!(token.len() == 40 && token.bytes().all(|byte| byte.is_ascii_hexdigit()), "{login}");
    }
    assert_eq!(answers.ok("login again")["expires_in"], 60);
    let user = answers.ok("getUserInfo");
    assert_eq!((&user["username"], &user["mfa"]["enabled"]), (&json!("me@example.com"), &json!(false)));
    has(
        user,
        &["account_info:object", "memberships:array", "wifi_device_count:number", "cellular_device_count:number"],
    );
    has(answers.ok("trackingIdentity"), &["id:string", "email:string"]);
    has(answers.ok("listOAuthClients"), &["clients:array"]);
    assert_eq!(answers.refused("bad token", 401)["error"], "invalid_token");
    assert_eq!(answers.refused("no token", 400)["error"], "invalid_request");
    assert_eq!(answers.ok("deleteAccessToken")["ok"], true);
    assert_eq!(answers.refused("after deleteAccessToken", 401)["error"], "invalid_token");
}

fn of_devices(answers: &Answers, device: &str) {
    for call in ["addDeviceToProduct", "addDeviceToProduct file"] {
        let added = answers.ok(call);
        has(added, &["updated:number", "updatedDeviceIds:array", "nonmemberDeviceIds:array", "invalidDeviceIds:array"]);
        assert_eq!(added["invalidDeviceIds"], json!([]), "{added}");
    }
    let products = answers.ok("listProducts")["products"].as_array().unwrap();
    let product = &answers.ok("getProduct")["product"];
    assert_eq!((products.len(), &products[0]["id"]), (1, &product["id"]));
    has(product, &["id:number", "platform_id:number", "name:string", "slug:string", "groups:array", "settings:object"]);
    for (call, count) in [("listDevices product", 1), ("listDevices product page 2", 0)] {
        let listed = answers.ok(call);
        has(listed, &["devices:array", "customers:array", "meta:object"]);
        assert_eq!((listed["devices"].as_array().unwrap().len(), &listed["meta"]["total_pages"]), (count, &json!(1)));
    }
    for found in [
        &answers.ok("listDevices")[0],
        &answers.ok("listDevices product")["devices"][0],
        answers.ok("getDevice"),
        answers.ok("getDevice product"),
    ] {
        has(found, &DEVICE);
        assert_eq!((&found["id"], &found["connected"]), (&json!(device), &json!(true)), "{found}");
        assert_eq!((&found["product_id"], &found["platform_id"]), (&product["id"], &json!(43)), "{found}");
    }
    for found in [answers.ok("getDevice"), answers.ok("getDevice product")] {
        assert_eq!((&found["variables"], &found["functions"]), (&json!({ "temp": "double" }), &json!(["led"])));
    }
    let unknown = answers.refused("getDevice none", 403);
    assert_eq!(unknown["error"], "Permission Denied");
    assert!(unknown["info"].as_str().unwrap().starts_with("I didn't recognize that device name or ID"), "{unknown}");
    let renamed = answers.ok("renameDevice");
    has(renamed, &["updated_at:string"]);
    assert_eq!((&renamed["id"], &renamed["name"]), (&json!(device), &json!("x1")));
    answers.ok("setDeviceNotes product");
    let noted = answers.ok("getDevice noted");
    assert_eq!((&noted["id"], &noted["notes"]), (&json!(device), &json!("n")));
    of_calls(answers, device);
    has(answers.0["getClaimCode"].get("body").unwrap(), &["claim_code:string", "device_ids:array"]);
}

fn of_calls(answers: &Answers, device: &str) {
    for call in ["getVariable", "getVariable product"] {
        let variable = answers.ok(call);
        assert_eq!((&variable["cmd"], &variable["name"]), (&json!("VarReturn"), &json!("temp")), "{variable}");
        assert_eq!(
            (&variable["result"], &variable["coreInfo"]["deviceID"]),
            (&json!(21.5), &json!(device)),
            "{variable}"
        );
        has(&variable["coreInfo"], &["last_app:string|null", "last_heard:string|null", "connected:bool"]);
    }
    assert_eq!(answers.refused("getVariable none", 404)["error"], "Variable not found");
    let called = answers.ok("callFunction");
    assert_eq!(
        (&called["id"], &called["connected"], &called["return_value"]),
        (&json!(device), &json!(true), &json!(1))
    );
    assert_eq!(answers.refused("callFunction none", 404)["error"], "Function none not found");
    let signalled = answers.ok("signalDevice");
    assert_eq!((&signalled["id"], &signalled["signaling"]), (&json!(device), &json!(true)), "{signalled}");
}

fn of_events(answers: &Answers) {
    assert_eq!(answers.ok("publishEvent")["ok"], true);
    assert_eq!(answers.ok("publishEvent product")["ok"], true);
    answers.refused("publishEvent unnamed", 400);
    for call in ["getEventStream mine", "getEventStream name"] {
        let event = answers.ok(call);
        assert_eq!((&event["name"], &event["data"]), (&json!("a/b c"), &json!("line1\nline2 \"q\" é")), "{event}");
        has(event, &["ttl:number", "published_at:string", "coreid:string"]);
    }
    assert_eq!(answers.ok("getEventStream no data")["name"], "nodata");
    assert_eq!(answers.ok("getEventStream product")["data"], r#"{"a":1}"#);
    answers.refused("getEventStream unknown device", 403);
    assert_eq!(answers.ok("getEventStream org")["data"], "5", "an organization means one's own things");
    assert_eq!(answers.ok("getEventStream org product")["data"], "7");
    let description = answers.0["getEventStream bad token"]["failed"]["description"].as_str().unwrap();
    assert!(description.contains("The access token provided is invalid"), "{description}");
}

fn of_webhooks(answers: &Answers, device: &str) {
    for call in ["createWebhook", "createWebhook full", "createWebhook product", "createWebhook body"] {
        let made = answers.good(call, 201);
        has(made, &["id:string", "event:string", "url:string", "created_at:string", "hookUrl:string"]);
        assert!(is_id(&made["id"]) && made["ok"] == true && made.get("error").is_none(), "{made}");
    }
    has(answers.refused("createWebhook no url", 400), &["error:string"]);
    let listed = answers.ok("listWebhooks").as_array().unwrap();
    assert_eq!(listed.len(), 3, "{listed:?}");
    for hook in listed {
        has(hook, &["id:string", "event:string", "url:string", "created_at:string", "requestType:string"]);
    }
    let full = listed.iter().find(|hook| hook["id"] == answers.good("createWebhook full", 201)["id"]).unwrap();
    assert_eq!((&full["deviceID"], &full["requestType"]), (&json!(device), &json!("PUT")));
    assert_eq!((&full["responseTopic"], &full["errorResponseTopic"]), (&json!("re"), &json!("ee")));
    assert_eq!((&full["rejectUnauthorized"], &full["noDefaults"]), (&json!(false), &json!(true)));
    assert_eq!(answers.ok("listWebhooks product").as_array().unwrap().len(), 1);
    assert_eq!(answers.ok("deleteWebhook")["ok"], true);
    assert_eq!(answers.ok("deleteWebhook product")["ok"], true);
    for call in ["deleteWebhook missing", "deleteWebhook product missing"] {
        assert_eq!(answers.refused(call, 404)["error"], "Webhook not found");
    }
}

fn of_integrations(answers: &Answers, device: &str) {
    for call in ["createIntegration", "createIntegration product"] {
        let made = answers.good(call, 201);
        assert!(is_id(&made["id"]) && made["integration_type"] == "Webhook", "{made}");
    }
    answers.ok("editIntegration");
    answers.ok("editIntegration product");
    answers.refused("editIntegration missing", 404);
    let edited = |list: &str, made: &str| {
        let id = &answers.good(made, 201)["id"];
        answers.ok(list).as_array().unwrap().iter().find(|hook| hook["id"] == *id).unwrap().clone()
    };
    let own = edited("listIntegrations", "createIntegration");
    assert_eq!((&own["event"], &own["requestType"]), (&json!("e2"), &json!("GET")), "{own}");
    assert!(own["url"].as_str().unwrap().ends_with("/hook2"), "{own}");
    let of_product = edited("listIntegrations product", "createIntegration product");
    assert_eq!((&of_product["event"], &of_product["requestType"]), (&json!("e2"), &json!("POST")), "{of_product}");
    assert!([200, 204].contains(&answers.0["deleteIntegration"]["status"].as_u64().unwrap_or_default()), "{device}");
    answers.refused("deleteIntegration missing", 404);
}

fn of_the_end(answers: &Answers, device: &str) {
    let _ = answers.0["removeDevice product"]["status"].as_u64().expect("it is taken out of the product");
    assert_eq!(answers.ok("removeDevice")["ok"], true);
    answers.refused("getDevice removed", 403);
    let claimed = answers.ok("claimDevice");
    has(claimed, &["user_id:string", "connected:bool"]);
    assert_eq!((&claimed["id"], &claimed["ok"]), (&json!(device), &json!(true)));
    assert_eq!(answers.refused("claimDevice unknown", 404)["errors"], json!(["device does not exist"]));
    assert!(answers.0["deleteCurrentAccessToken"]["status"].is_number());
    assert_eq!(answers.refused("after deleteCurrentAccessToken", 401)["error"], "invalid_token");
}

#[tokio::test]
async fn a_stream_stays_open_while_nothing_happens_and_goes_on_after_a_restart() {
    if node::is_missing() {
        return;
    }
    let mut gateway = Gateway::start().await;
    let account = Account::new(&gateway, "me@example.com").await;
    let told = json!({ "gateway": format!("http://{}", gateway.http), "auth": account.token });
    let mut stream = Script::start("stream.js", &told);
    assert_eq!(stream.line().await.unwrap()["what"], "open");

    let said = timeout(Duration::from_secs(60), stream.next()).await;
    assert!(said.is_err(), "for a minute nothing happened, but for {said:?}");
    account.publish(&json!({ "name": "temp", "data": "1" })).await;
    assert_eq!(stream.line().await.unwrap()["event"]["data"], "1");

    gateway.stop().await;
    assert_eq!(stream.line().await.unwrap()["what"], "disconnect");
    gateway.start_again().await;
    let started = Instant::now();
    assert_eq!(stream.line().await.unwrap()["what"], "reconnect-success");
    assert!(started.elapsed() < RECONNECTED_WITHIN, "it took {:?}", started.elapsed());
    account.publish(&json!({ "name": "temp", "data": "2" })).await;
    assert_eq!(stream.line().await.unwrap()["event"]["data"], "2");
}
