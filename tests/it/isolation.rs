//! Users of one gateway: none sees, hears or touches what is another's.

use std::collections::BTreeMap;

use serde_json::Value;
use serde_json::json;

use crate::gateway::Gateway;
use crate::household::Household;
use crate::mqtt::Client;
use crate::plain_http;
use crate::plain_http::Stream;
use crate::receiver::Answer;
use crate::receiver::Receiver;

/// What stands for anything in a path that is not somebody's: whatever it is, it means the caller's own things.
const NOBODYS: [(&str, &str); 4] = [("org", "any"), ("prefix", "temp"), ("variable", "temp"), ("function", "led")];

/// Paths that answer with what concerns the whole gateway, to its owner.
const FOR_THE_OWNER: [&str; 3] = ["/v1/users", "/v1/limits", "/v1/queue"];

struct Scene {
    gateway: Gateway,
    owner: Household,
    member: Household,
    owners_receiver: Receiver,
    members_receiver: Receiver,
}

impl Scene {
    async fn new() -> Self {
        let gateway = Gateway::start().await;
        let (owners_receiver, members_receiver) =
            (Receiver::with(|_| Answer::ok("for the owner")), Receiver::with(|_| Answer::ok("for the member")));
        let owner = Household::new(&gateway, "olga", &owners_receiver.url("/olga-target")).await;
        let member = Household::new(&gateway, "mike", &members_receiver.url("/mike-target")).await;
        Self { gateway, owner, member, owners_receiver, members_receiver }
    }

    /// Who tries, and whose things.
    fn pairs(&self) -> [(&Household, &Household); 2] {
        [(&self.owner, &self.member), (&self.member, &self.owner)]
    }

    /// The device of the owner becomes the member's; then the owner publishes something.
    async fn pass_to_the_member(&self) {
        let (before, device) = (&self.owner.account, &self.owner.device.id);
        assert_eq!(before.ask("DELETE", &format!("/v1/devices/{device}")).await.status, 200);
        let claimed = self.member.account.tell("POST", "/v1/devices", &json!({ "id": device })).await;
        assert_eq!(claimed.status, 200, "{claimed:?}");
        before.publish(&json!({ "name": "word", "data": "of the old owner" })).await;
    }

    async fn operations(&self) -> Vec<(String, String)> {
        let document = plain_http::send(self.gateway.http, "GET", "/v1/openapi.json", &[], "").await.json();
        let paths = document["paths"].as_object().unwrap().iter();
        let operations: Vec<_> = paths
            .flat_map(|(path, item)| {
                let methods = item.as_object().unwrap().keys().filter(|key| *key != "parameters");
                methods.map(|method| (method.to_uppercase(), path.clone()))
            })
            .collect();
        assert!(operations.len() > 60, "{operations:?}");
        operations
    }
}

fn placeholders(path: &str) -> Vec<&str> {
    path.split('/').filter_map(|segment| segment.strip_prefix('{')?.strip_suffix('}')).collect()
}

/// All ways to fill the path in which something is `other`'s, everything else being `own`.
fn fillings(path: &str, own: &Household, other: &Household) -> Vec<String> {
    let mut fillings = vec![(path.to_owned(), false)];
    for placeholder in placeholders(path) {
        let slot = format!("{{{placeholder}}}");
        fillings = fillings
            .iter()
            .flat_map(|(path, is_foreign)| {
                let nobodys = NOBODYS.iter().find(|(name, _)| *name == placeholder);
                let choices: Vec<(&str, bool)> = if let Some((_, text)) = nobodys {
                    vec![(text, *is_foreign)]
                } else {
                    let mine = own.things(placeholder).into_iter().map(|thing| (thing, *is_foreign));
                    mine.chain(other.things(placeholder).into_iter().map(|thing| (thing, true))).collect()
                };
                choices
                    .into_iter()
                    .map(|(thing, is_foreign)| (path.replacen(&slot, thing, 1), is_foreign))
                    .collect::<Vec<_>>()
            })
            .collect();
    }
    fillings.into_iter().filter(|(_, is_foreign)| *is_foreign).map(|(path, _)| path).collect()
}

/// A body with which whatever is asked would be done.
fn plausible() -> Value {
    json!({
        "name": "stolen", "notes": "stolen", "signal": "1", "arg": "on", "data": "stolen", "description": "stolen",
        "event": "temp", "url": "http://127.0.0.1:9/stolen", "secret": { "value": "stolen" },
    })
}

#[tokio::test]
async fn nobodys_token_opens_what_is_anothers() {
    let scene = Scene::new().await;
    let operations = scene.operations().await;
    for (intruder, victim) in scene.pairs() {
        let before = victim.all().await;
        let mut session = scene.gateway.login(&victim.device).await;
        let mut tried = BTreeMap::new();
        for (method, path) in &operations {
            // The owner may remove members, and names of secrets are each user's own.
            let is_owner = intruder.account.name == scene.owner.account.name;
            if (path == "/v1/users/{user}" && is_owner) || (path.ends_with("/secrets/{secret}") && method == "PUT") {
                continue;
            }
            for filled in fillings(path, intruder, victim) {
                let answer = match method.as_str() {
                    "GET" | "DELETE" => intruder.account.ask(method, &filled).await,
                    _ => intruder.account.tell(method, &filled, &plausible()).await,
                };
                *tried.entry(path.clone()).or_insert(0) += 1;
                let is_harmless = match path.as_str() {
                    // That it holds no longer is said of every token that is not there.
                    "/v1/access_tokens/{token}" => answer.json() == json!({ "ok": true }),
                    _ => false,
                };
                assert!(
                    (400..500).contains(&answer.status) || is_harmless,
                    "{} at {method} {filled}: {answer:?}",
                    intruder.account.name
                );
                for word in victim.words().iter().filter(|word| !filled.contains(*word)) {
                    assert!(!answer.body.contains(word), "{method} {filled}: {answer:?}");
                }
            }
        }
        assert!(tried.len() > 40, "{tried:?}");
        assert_eq!(without_sightings(victim.all().await), without_sightings(before), "{}", victim.account.name);
        session.publish("else", "the device may still log in and publish").await;
    }
}

#[tokio::test]
async fn secrets_of_the_same_name_are_two_secrets() {
    let scene = Scene::new().await;
    let path = "/v1/secrets/KEY";
    let set = |value: &str| json!({ "secret": { "value": value } });
    let first = scene.owner.account.tell("PUT", path, &set("one")).await;
    assert_eq!(first.status, 200, "{first:?}");
    let before = scene.owner.account.ask("GET", path).await.json();
    assert_eq!(scene.member.account.ask("GET", path).await.status, 404);
    for (method, status) in [("PUT", 200), ("DELETE", 200), ("DELETE", 404)] {
        assert_eq!(scene.member.account.tell(method, path, &set("two")).await.status, status, "{method}");
        assert_eq!(scene.owner.account.ask("GET", path).await.json(), before, "{method}");
    }
}

/// When a device was heard is no matter here.
fn without_sightings(mut all: Vec<Value>) -> Vec<Value> {
    fn clear(value: &mut Value) {
        match value {
            Value::Object(fields) => {
                fields.retain(|key, _| {
                    !["last_heard", "last_handshake_at", "last_ip_address", "connected", "online"]
                        .contains(&key.as_str())
                });
                fields.values_mut().for_each(clear);
            }
            Value::Array(items) => items.iter_mut().for_each(clear),
            _ => {}
        }
    }
    all.iter_mut().for_each(clear);
    all
}

#[tokio::test]
async fn no_list_shows_what_is_anothers() {
    let scene = Scene::new().await;
    let operations = scene.operations().await;
    for (reader, other) in scene.pairs() {
        let mut read = 0;
        for (method, path) in &operations {
            let is_own = placeholders(path).iter().all(|placeholder| *placeholder == "org");
            let is_for_owner = FOR_THE_OWNER.contains(&path.as_str()) && reader.account.name == "olga";
            if method != "GET" || !is_own || is_for_owner {
                continue;
            }
            let answer = reader.account.ask(method, &path.replace("{org}", &other.account.name)).await;
            for word in other.words() {
                assert!(!answer.body.contains(&word), "{word} in {path}: {answer:?}");
            }
            assert!(
                !answer.body.contains("-target") || !answer.body.contains(&format!("{}-target", other.account.name))
            );
            read += 1;
        }
        assert!(read > 10, "{read}");
        // Nor can another's devices be put into one's product, nor claimed.
        let path = format!("/v1/products/{}/devices", reader.product.slug);
        let put = reader.account.tell("POST", &path, &json!({ "ids": [other.device.id] })).await.json();
        assert_eq!((&put["updated"], &put["nonmemberDeviceIds"]), (&json!(0), &json!([other.device.id])));
        let claimed = reader.account.tell("POST", "/v1/devices", &json!({ "id": other.device.id })).await;
        assert_eq!(claimed.status, 403, "{claimed:?}");
        let made = json!({ "name": "new", "product_id": other.product.id });
        assert_eq!(reader.account.tell("POST", "/v1/devices", &made).await.status, 404);
    }
}

#[tokio::test]
async fn a_command_line_elsewhere_reaches_only_what_is_its_users() {
    let scene = Scene::new().await;
    for (intruder, victim) in scene.pairs() {
        let before = victim.all().await;
        let (device, product, hook) = (&victim.device.id, &victim.product.slug, &victim.hook);
        let definition = json!({ "event": "temp", "url": "http://127.0.0.1:9/stolen" });
        let mut asked = vec![
            json!({ "ask": "device-claim", "id": device }),
            json!({ "ask": "device-show", "device": device }),
            json!({ "ask": "device-key", "device": device }),
            json!({ "ask": "device-rename", "device": device, "name": "stolen" }),
            json!({ "ask": "device-note", "device": device, "notes": "stolen" }),
            json!({ "ask": "device-remove", "device": device }),
            json!({ "ask": "hook-create", "definition": definition, "again": true, "product": product }),
            json!({ "ask": "hook-list", "product": product }),
            json!({ "ask": "product-show", "product": product }),
            json!({ "ask": "product-delete", "product": product }),
            json!({ "ask": "product-add", "product": product, "device": intruder.device.id }),
            json!({ "ask": "product-add", "product": intruder.product.slug, "device": device }),
            json!({ "ask": "product-remove", "product": product, "device": device }),
            json!({ "ask": "secret-remove", "name": victim.secret }),
            json!({ "ask": "token-revoke", "token": victim.token }),
            json!({ "ask": "device-list", "user": victim.account.name }),
            json!({ "ask": "user-password", "name": victim.account.name, "password": "stolen!" }),
            json!({ "ask": "user-mfa", "name": victim.account.name, "on": true }),
            json!({ "ask": "claim-code" }),
        ];
        if intruder.account.name != scene.owner.account.name {
            // The owner sees to everybody's hooks: how they do is how the gateway does.
            let chosen = json!({ "hook": hook, "id": null, "from": null, "until": null });
            asked.extend([
                json!({ "ask": "hook-show", "hook": hook }),
                json!({ "ask": "hook-delete", "hook": hook }),
                json!({ "ask": "hook-switch", "hook": hook, "on": false }),
                json!({ "ask": "hook-resume", "hook": hook }),
                json!({ "ask": "hook-try", "hook": hook }),
                json!({ "ask": "hook-test", "hook": hook, "event": null }),
                json!({ "ask": "waiting", "hook": hook, "count": 5 }),
                json!({ "ask": "log", "hook": hook, "count": 5 }),
                json!({ "ask": "cancel", "which": chosen }),
                json!({ "ask": "dead", "which": chosen, "count": 5 }),
                json!({ "ask": "replay", "which": chosen }),
                json!({ "ask": "discard", "which": chosen }),
                json!({ "ask": "session-end", "device": victim.device.id }),
                json!({ "ask": "user-list" }),
                json!({ "ask": "user-remove", "name": victim.account.name }),
                json!({ "ask": "user-add", "name": "third", "password": "stolen!" }),
                json!({ "ask": "queue" }),
                json!({ "ask": "limits" }),
                json!({ "ask": "notices" }),
            ]);
        }
        for ask in asked {
            let told = intruder.account.tell("POST", "/v1/command", &ask).await.json();
            assert!(told["refused"].is_string() && told.as_object().unwrap().len() == 1, "{ask}: {told}");
        }
        for ask in ["device-list", "product-list", "secret-list", "token-list", "session-list", "status"] {
            let told = intruder.account.tell("POST", "/v1/command", &json!({ "ask": ask })).await;
            assert!(victim.words().iter().all(|word| !told.body.contains(word)), "{ask}: {told:?}");
        }
        assert_eq!(without_sightings(victim.all().await), without_sightings(before));
    }
}

#[tokio::test]
async fn nobody_hears_anothers_events_and_no_hook_fires_for_anothers_devices() {
    let mut scene = Scene::new().await;
    let http = scene.gateway.http;
    let mut ears = Vec::new();
    for household in [&scene.owner, &scene.member] {
        let mut observer = Client::login(scene.gateway.mqtt, "observer", &household.account.token).await.unwrap();
        observer.subscribe("#").await;
        let mut device = scene.gateway.login(&household.device).await;
        device.subscribe("#").await;
        let streams = [
            household.account.stream("/v1/devices/events").await,
            household.account.stream(&format!("/v1/products/{}/events", household.product.slug)).await,
            Stream::open(http, "/v1/devices/events", &household.device.key).await,
        ];
        ears.push((observer, device, streams));
    }

    for (index, household) in [&scene.owner, &scene.member].into_iter().enumerate() {
        ears[index].1.publish("temp", &format!("of {}", household.account.name)).await;
        household.account.publish(&json!({ "name": "word", "data": format!("of {}", household.account.name) })).await;
    }

    let ids = [&scene.owner, &scene.member].map(|household| household.device.id.clone());
    for (receiver, id) in [(&mut scene.owners_receiver, &ids[0]), (&mut scene.members_receiver, &ids[1])] {
        // By the user's hook and by the product's.
        assert_eq!(receiver.bodies(2).await, [id.as_str(), id]);
    }
    scene.gateway.wait_for_queue("waiting", 0).await;
    scene.gateway.wait_for_queue("parts_waiting", 0).await;
    assert!(scene.owners_receiver.unexpected().is_none() && scene.members_receiver.unexpected().is_none());
    scene.gateway.stop().await;
    let words = [["of olga", "for the owner"], ["of mike", "for the member"]];
    for (index, (mut observer, mut device, streams)) in ears.into_iter().enumerate() {
        let (own, others) = (words[index], words[1 - index]);
        for client in [&mut observer, &mut device] {
            let mut heard = Vec::new();
            while let Some(message) = client.next().await {
                heard.push(message.data);
            }
            assert!(own.iter().all(|word| heard.iter().any(|data| data == word)), "{heard:?}");
            assert!(!others.iter().any(|word| heard.iter().any(|data| data == word)), "{heard:?}");
        }
        for stream in streams {
            let heard = stream.rest().await;
            assert!(heard.contains(own[0]) && !others.iter().any(|word| heard.contains(word)), "{heard}");
            assert!(!heard.contains(&ids[1 - index]), "{heard}");
        }
    }
}

#[tokio::test]
async fn devices_of_the_same_name_log_in_each_as_its_owners() {
    let scene = Scene::new().await;
    let (mine, yours) = (&scene.owner, &scene.member);
    assert_eq!(mine.device.name, yours.device.name);
    let mut streams =
        [mine.account.stream("/v1/devices/events/x").await, yours.account.stream("/v1/devices/events/x").await];
    let mut sessions = Vec::new();
    for household in [mine, yours] {
        let mut client = scene.gateway.login(&household.device).await;
        client.publish("x", &household.account.name).await;
        sessions.push(client);
    }
    for (stream, household) in streams.iter_mut().zip([mine, yours]) {
        let (_, data) = stream.event().await;
        assert_eq!((&data["coreid"], &data["data"]), (&json!(household.device.id), &json!(household.account.name)));
    }
    // The one session did not end the other.
    for client in &mut sessions {
        client.ping().await;
    }
    assert!(Client::login(scene.gateway.mqtt, &mine.device.id, &yours.device.key).await.is_none());
}

#[tokio::test]
async fn a_device_that_passes_to_another_user_hears_its_old_owner_no_more() {
    let scene = Scene::new().await;
    let mut session = scene.gateway.login(&scene.owner.device).await;
    session.subscribe("#").await;
    scene.pass_to_the_member().await;
    while let Some(message) = session.next().await {
        assert_ne!(message.data, "of the old owner");
    }
}

#[tokio::test]
async fn a_stream_of_a_device_that_passes_to_another_user_shows_nothing_more_of_its_old_owner() {
    let mut scene = Scene::new().await;
    let stream = Stream::open(scene.gateway.http, "/v1/devices/events", &scene.owner.device.key).await;
    scene.pass_to_the_member().await;
    scene.gateway.stop().await;
    let heard = stream.rest().await;
    assert!(!heard.contains("of the old owner"), "{heard}");
}

#[tokio::test]
async fn a_code_for_devices_of_a_product_is_for_who_has_the_product() {
    let scene = Scene::new().await;
    for product in [&scene.member.product.slug, "nothing"] {
        let path = format!("/v1/products/{product}/device_claims");
        let answer = scene.owner.account.tell("POST", &path, &json!({})).await;
        assert_eq!(answer.status, 404, "{answer:?}");
    }
}

#[tokio::test]
async fn at_the_gateway_a_hook_of_another_user_is_touched_only_by_their_name() {
    let scene = Scene::new().await;
    let hook = scene.member.hook.as_str();
    for command in ["show", "disable", "delete", "test"] {
        let reason = scene.gateway.refused(&["hook", command, hook], "").await;
        assert!(reason.contains(&format!("--user {}", scene.member.account.name)), "{command}: {reason}");
    }
    let shown = scene.gateway.json(&["hook", "show", hook, "--user", &scene.member.account.name]).await;
    assert_eq!(shown["id"], hook);
}
