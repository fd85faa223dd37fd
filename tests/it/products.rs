//! Products: fleets of devices that share hooks, as the guide describes product webhooks.

use serde_json::Value;
use serde_json::json;

use crate::account::Account;
use crate::account::Product;
use crate::gateway::Device;
use crate::gateway::Gateway;
use crate::plain_http;
use crate::receiver::Answer;
use crate::receiver::Receiver;

/// A user with a product and two devices, of which none is in the product yet.
struct Scene {
    gateway: Gateway,
    account: Account,
    product: Product,
    kitchen: Device,
    cellar: Device,
}

impl Scene {
    async fn new() -> Self {
        let gateway = Gateway::start().await;
        let account = Account::new(&gateway, "me@example.com").await;
        let product = account.product(&gateway, "Weather Stations").await;
        let kitchen = account.device(&gateway, "kitchen").await;
        let cellar = account.device(&gateway, "cellar").await;
        Self { gateway, account, product, kitchen, cellar }
    }

    /// A path below the product's.
    fn path(&self, rest: &str) -> String {
        format!("/v1/products/{}{rest}", self.product.slug)
    }

    async fn hook(&self, definition: &Value) -> String {
        let answer = self.account.tell("POST", &self.path("/webhooks"), definition).await;
        assert_eq!(answer.status, 201, "{answer:?}");
        answer.json()["id"].as_str().unwrap().to_owned()
    }

    async fn put_in(&self, devices: &[&Device]) {
        let ids: Vec<&str> = devices.iter().map(|device| device.id.as_str()).collect();
        let answer = self.account.tell("POST", &self.path("/devices"), &json!({ "ids": ids })).await;
        assert_eq!((answer.status, &answer.json()["updatedDeviceIds"]), (200, &json!(ids)), "{answer:?}");
    }
}

fn forwarding(receiver: &Receiver) -> Value {
    json!({ "event": "temp", "url": receiver.url("/"), "body": "{{PARTICLE_DEVICE_ID}} {{{PARTICLE_EVENT_VALUE}}}" })
}

#[tokio::test]
async fn a_products_hook_fires_for_its_devices_and_answers_them() {
    let scene = Scene::new().await;
    let mut receiver = Receiver::with(|_| Answer::ok("cloudy"));
    scene.put_in(&[&scene.kitchen]).await;
    scene.hook(&forwarding(&receiver)).await;
    let mut outside = scene.gateway.login(&scene.cellar).await;
    let mut inside = scene.gateway.login(&scene.kitchen).await;
    for client in [&mut outside, &mut inside] {
        client.subscribe("hook-response/#").await;
    }

    outside.publish("temp/outside", "1").await;
    scene.account.publish(&json!({ "name": "temp", "data": "2" })).await;
    inside.publish("temp/inside", "3").await;

    assert_eq!(receiver.next().await.body, format!("{} 3", scene.kitchen.id));
    assert_eq!(inside.hear_on("hook-response/temp/inside/0").await.data, "cloudy");
    scene.gateway.wait_for_queue("waiting", 0).await;
    assert!(receiver.unexpected().is_none(), "only the product's devices trigger it");
    assert!(outside.heard_so_far().await.is_empty());
}

#[tokio::test]
async fn an_event_published_for_a_product_triggers_its_hooks() {
    let scene = Scene::new().await;
    let mut receiver = Receiver::start();
    scene.hook(&forwarding(&receiver)).await;
    let answer = scene.account.tell("POST", &scene.path("/events"), &json!({ "name": "temp", "data": "1" })).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(receiver.next().await.body, "api 1");
}

#[tokio::test]
async fn a_hook_of_the_user_fires_for_devices_of_products_as_well() {
    let scene = Scene::new().await;
    let mut receiver = Receiver::start();
    scene.put_in(&[&scene.kitchen]).await;
    let made = scene.account.tell("POST", "/v1/webhooks", &forwarding(&receiver)).await;
    assert_eq!(made.status, 201, "{made:?}");
    for device in [&scene.kitchen, &scene.cellar] {
        scene.gateway.login(device).await.publish("temp", "1").await;
        assert_eq!(receiver.next().await.body, format!("{} 1", device.id));
    }
}

#[tokio::test]
async fn a_device_that_is_taken_out_triggers_the_products_hooks_no_more() {
    let scene = Scene::new().await;
    let mut receiver = Receiver::start();
    scene.put_in(&[&scene.kitchen, &scene.cellar]).await;
    scene.hook(&forwarding(&receiver)).await;
    let mut clients = [scene.gateway.login(&scene.kitchen).await, scene.gateway.login(&scene.cellar).await];
    clients[0].publish("temp", "1").await;
    assert_eq!(receiver.next().await.body, format!("{} 1", scene.kitchen.id));

    // As particle-cli asks for it.
    let taken_out =
        scene.account.tell("DELETE", &scene.path(&format!("/devices/{}", scene.kitchen.id)), &json!({})).await;
    assert_eq!((taken_out.status, &taken_out.json()["ok"]), (200, &json!(true)));

    for client in &mut clients {
        client.publish("temp", "2").await;
    }
    assert_eq!(receiver.next().await.body, format!("{} 2", scene.cellar.id));
    scene.gateway.wait_for_queue("waiting", 0).await;
    assert!(receiver.unexpected().is_none());
    let listed = scene.account.ask("GET", &scene.path("/devices")).await.json();
    assert_eq!((listed["devices"].as_array().unwrap().len(), &listed["meta"]["total"]), (1, &json!(1)));
    let again = scene.account.ask("DELETE", &scene.path(&format!("/devices/{}", scene.kitchen.id))).await;
    assert_eq!(again.status, 403, "{again:?}");
    assert_eq!(scene.account.ask("GET", "/v1/devices/kitchen").await.status, 200, "it is its owner's all the same");
}

#[tokio::test]
async fn with_a_product_go_its_hooks_and_what_waits_for_them() {
    let scene = Scene::new().await;
    let mut receiver = Receiver::start();
    scene.put_in(&[&scene.kitchen]).await;
    let dead_end = scene.hook(&json!({ "event": "temp", "url": "http://127.0.0.1:1/" })).await;
    let own = scene.account.tell("POST", "/v1/webhooks", &forwarding(&receiver)).await.json();
    let mut client = scene.gateway.login(&scene.kitchen).await;
    client.publish("temp", "1").await;
    receiver.next().await;
    scene.gateway.wait_for_queue("waiting", 1).await;

    assert_eq!(scene.account.ask("DELETE", &scene.path("")).await.status, 200);

    scene.gateway.wait_for_queue("waiting", 0).await;
    for path in ["", "/webhooks", "/devices", "/events"] {
        let answer = scene.account.ask("GET", &scene.path(path)).await;
        assert_eq!((answer.status, &answer.json()["error"]), (404, &json!("Product not found.")), "{path}");
    }
    let shown = scene.account.ask("GET", &format!("/v1/webhooks/{dead_end}")).await;
    assert_eq!(shown.status, 404);
    let hooks = scene.gateway.json(&["hook", "list", "--user", &scene.account.name]).await;
    assert_eq!((hooks.as_array().unwrap().len(), &hooks[0]["id"]), (1, &own["id"]));
    client.publish("temp", "2").await;
    assert_eq!(receiver.next().await.body, format!("{} 2", scene.kitchen.id), "the session of the device goes on");
}

#[tokio::test]
async fn a_products_hooks_are_not_among_the_users_own() {
    let scene = Scene::new().await;
    let hook = json!({ "event": "temp", "url": "http://127.0.0.1:9/" });
    let of_product = scene.hook(&hook).await;
    let own = scene.account.tell("POST", "/v1/integrations", &hook).await.json()["id"].as_str().unwrap().to_owned();
    let number = format!("/v1/products/{}", scene.product.id);
    for (path, expected) in [
        ("/v1/webhooks".to_owned(), &own),
        (scene.path("/webhooks"), &of_product),
        (scene.path("/integrations"), &of_product),
        (format!("{number}/webhooks"), &of_product),
    ] {
        let listed = scene.account.ask("GET", &path).await.json();
        let ids: Vec<&Value> = listed.as_array().unwrap().iter().map(|hook| &hook["id"]).collect();
        assert_eq!(ids, [&json!(expected)], "{path}");
    }
    for (path, expected) in [
        (format!("/v1/webhooks/{of_product}"), 404),
        (scene.path(&format!("/webhooks/{own}")), 404),
        (scene.path(&format!("/webhooks/{of_product}")), 200),
        (format!("/v1/webhooks/{own}"), 200),
    ] {
        assert_eq!(scene.account.ask("GET", &path).await.status, expected, "{path}");
        assert_eq!(scene.account.ask("DELETE", &path).await.status, expected, "{path}");
    }
}

#[tokio::test]
async fn devices_come_into_a_product_as_an_uploaded_file_and_as_json() {
    let scene = Scene::new().await;
    let other = Account::new(&scene.gateway, "you@example.com").await;
    let others = other.device(&scene.gateway, "kitchen").await;
    let unknown = "1".repeat(24);
    // As particle-cli sends it.
    let boundary = "--------------------------a3363864de6d85debb4a7a01";
    let file = format!("{}\n{}\n{unknown}\nnonsense\n", scene.kitchen.id, others.id);
    let body = format!(
        "--{boundary}\r\nContent-Disposition: form-data; name=\"file\"; filename=\"file\"\r\n\
         Content-Type: application/octet-stream\r\n\r\n{file}\r\n--{boundary}--\r\n"
    );
    let headers = [
        ("authorization", format!("Bearer {}", scene.account.token)),
        ("content-type", format!("multipart/form-data; boundary={boundary}")),
    ];
    let answer = plain_http::send(scene.gateway.http, "POST", &scene.path("/devices"), &headers, &body).await;
    let told = answer.json();
    assert_eq!(
        (answer.status, &told["updated"], &told["updatedDeviceIds"]),
        (200, &json!(1), &json!([scene.kitchen.id]))
    );
    assert_eq!(told["nonmemberDeviceIds"], json!([others.id]), "{told}");
    let invalid = told["invalidDeviceIds"].as_array().unwrap();
    assert!(invalid.len() == 2 && invalid.contains(&json!(unknown)) && invalid.contains(&json!("nonsense")), "{told}");

    let one = scene.account.tell("POST", &scene.path("/devices"), &json!({ "id": scene.cellar.id })).await.json();
    assert_eq!(one["updatedDeviceIds"], json!([scene.cellar.id]));
    let listed = scene.account.ask("GET", &scene.path("/devices?sortAttr=deviceName&sortDir=desc")).await.json();
    let listed = listed["devices"].as_array().unwrap();
    assert_eq!(listed.iter().map(|device| &device["name"]).collect::<Vec<_>>(), ["kitchen", "cellar"]);
    let number: u32 = scene.product.id.parse().unwrap();
    assert!(listed.iter().all(|device| device["product_id"] == number), "{listed:?}");
    let nothing = scene.account.tell("POST", &scene.path("/devices"), &json!({})).await;
    assert_eq!(nothing.status, 400, "{nothing:?}");
    assert_eq!(other.ask("GET", &format!("/v1/devices/{}", others.id)).await.json()["product_id"], 43);
}

#[tokio::test]
async fn a_product_has_at_most_twenty_hooks_beside_those_of_its_user() {
    let scene = Scene::new().await;
    let definition = |number: usize| json!({ "event": format!("temp{number}"), "url": "http://127.0.0.1:9/" });
    let mut hooks = Vec::new();
    for number in 0..20 {
        hooks.push(scene.hook(&definition(number)).await);
    }
    let refused = scene.account.tell("POST", &scene.path("/webhooks"), &definition(20)).await;
    let told = refused.json();
    let words = "a product can have up to 20 webhooks, and there are 20; delete one first";
    assert_eq!((refused.status, &told["error"]), (400, &json!(words)), "{told}");
    assert_eq!(scene.account.tell("POST", "/v1/webhooks", &definition(20)).await.status, 201);
    let others = scene.account.product(&scene.gateway, "Other").await;
    let path = format!("/v1/products/{}/webhooks", others.slug);
    assert_eq!(scene.account.tell("POST", &path, &definition(20)).await.status, 201);
    scene.account.ask("DELETE", &scene.path(&format!("/webhooks/{}", hooks[0]))).await;
    scene.hook(&definition(20)).await;
}
