//! `particle publish` and `subscribe`.

use serde_json::json;

use crate::account::Account;
use crate::gateway::Gateway;
use crate::node;
use crate::particle::Particle;
use crate::receiver::Receiver;

#[tokio::test]
async fn what_is_published_is_heard_and_triggers_hooks() {
    if node::is_missing() {
        return;
    }
    let gateway = Gateway::start().await;
    let mut receiver = Receiver::start();
    let account = Account::new(&gateway, "me@example.com").await;
    let product = account.product(&gateway, "Weather stations").await;
    account.device(&gateway, "kitchen").await;
    account.tell("POST", "/v1/webhooks", &json!({ "event": "temp", "url": receiver.url("/") })).await;
    let particle = Particle::logged_in(&gateway, &account);
    let mut stream = account.stream("/v1/devices/events/temp").await;

    for (args, data) in [
        (["temp", "21.5"].as_slice(), json!("21.5")),
        (&["temp", r#"{"a":1}"#], json!(r#"{"a":1}"#)),
        (&["temp"], json!("")),
    ] {
        let said = particle.does(&[&["publish"], args].concat()).await;
        assert!(said.contains("Published private event: temp"), "{said}");
        let (name, event) = stream.event().await;
        assert_eq!((name.as_str(), &event["data"]), ("temp", &data));
        receiver.next().await;
    }

    let mut stream = account.stream(&format!("/v1/products/{}/events", product.id)).await;
    let said = particle.does(&["publish", "temp", "-1", "--product", &product.slug]).await;
    assert!(said.contains(&format!("Published private event: temp to product: {}", product.slug)), "{said}");
    assert_eq!(stream.event().await.1["data"], "-1");
    assert!(particle.fails(&["publish", "temp", "-2", "--product", "none"]).await.contains("Error publishing event"));
}

#[tokio::test]
async fn each_form_of_subscribe_hears_what_it_asks_for() {
    if node::is_missing() {
        return;
    }
    let gateway = Gateway::start().await;
    let account = Account::new(&gateway, "me@example.com").await;
    let product = account.product(&gateway, "Weather stations").await;
    let (kitchen, cellar) = (account.device(&gateway, "kitchen").await, account.device(&gateway, "cellar").await);
    let devices = format!("/v1/products/{}/devices", product.id);
    assert_eq!(account.tell("POST", &devices, &json!({ "id": cellar.id })).await.status, 200);
    let particle = Particle::logged_in(&gateway, &account);
    let forms: [(&[&str], &[&str]); 8] = [
        (&["temp/"], &["temp/kitchen", "temp/cellar"]),
        (&[], &["tempest", "temp/kitchen", "mine/1", "temp/cellar"]),
        (&["mine", "--until", "of mine"], &["mine/1"]),
        (&["temp", "--device", &cellar.id], &["temp/cellar"]),
        (&["--device", "kitchen"], &["tempest", "temp/kitchen", "mine/1"]),
        (&["temp/", "--all"], &["temp/kitchen", "temp/cellar"]),
        (&["--product", &product.slug], &["temp/cellar"]),
        (&["temp", "--product", &product.id, "--device", &cellar.id], &["temp/cellar"]),
    ];
    let mut subscribers = Vec::new();
    for (args, heard) in forms {
        let most = heard.len().to_string();
        let args = [&["subscribe"], args].concat();
        let ends_by_itself = args.contains(&"--until");
        let args = if ends_by_itself { args } else { [args, vec!["--max", &most]].concat() };
        let mut subscriber = particle.start(&args);
        subscriber.wait_for_stream().await;
        subscribers.push((args.join(" "), subscriber, heard));
    }

    let mut client = gateway.login(&kitchen).await;
    client.publish("tempest", "1").await;
    client.publish("temp/kitchen", "2").await;
    client.publish("mine/1", "of mine").await;
    gateway.login(&cellar).await.publish("temp/cellar", "3").await;

    for (command, subscriber, wanted) in subscribers {
        let events = subscriber.events().await;
        let names: Vec<&str> = events.iter().filter_map(|event| event["name"].as_str()).collect();
        assert!(names == wanted || (command.contains("mine") && names.ends_with(wanted)), "{command}: {names:?}");
        for event in &events {
            let from = if event["name"] == "temp/cellar" { &cellar } else { &kitchen };
            assert_eq!((&event["coreid"], &event["ttl"]), (&json!(from.id), &json!(60)), "{command}: {event}");
            assert!(event["published_at"].as_str().unwrap().ends_with('Z'), "{command}: {event}");
        }
    }
    assert!(particle.fails(&["subscribe", "--product", "none"]).await.contains("Error fetching event stream"));
}
