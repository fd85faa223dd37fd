//! Input that means harm, or might as well. After each, the same daemon still delivers.

use serde_json::Value;
use serde_json::json;
use tokio::io::AsyncReadExt;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::net::UnixStream;
use tokio::time::timeout;

use crate::gateway::Device;
use crate::gateway::Gateway;
use crate::gateway::PATIENCE;
use crate::gateway::Setup;
use crate::mosquitto;
use crate::receiver::Answer;
use crate::receiver::Receiver;

/// A gateway with a device and a hook that works.
struct Scene {
    gateway: Gateway,
    device: Device,
    bystander: Device,
    receiver: Receiver,
}

impl Scene {
    async fn set(config: &str) -> Self {
        let gateway = Setup::new().with(config).start().await;
        let (device, bystander) = (gateway.device("kitchen").await, gateway.device("bystander").await);
        let receiver = Receiver::with(|_| Answer::status(200));
        let hook = json!({ "event": "normal", "url": receiver.url("/"), "body": "{{PARTICLE_EVENT_VALUE}}" });
        gateway.hook(&hook).await;
        Self { gateway, device, bystander, receiver }
    }

    async fn still_delivers(&mut self) {
        self.gateway.login(&self.bystander).await.publish("normal", "all is well").await;
        assert_eq!(self.receiver.next().await.body, "all is well");
    }
}

#[tokio::test]
async fn an_invalid_hook_is_refused_with_the_name_of_the_field() {
    let mut scene = Scene::set("").await;
    let with = |field: &str, value: Value| {
        let mut hook = json!({ "event": "temp", "url": "http://127.0.0.1/" });
        hook[field] = value;
        hook.to_string()
    };
    let deep = format!("{}{}", "[".repeat(100), "]".repeat(100));
    for (hook, named) in [
        ("{\"event\": ".to_owned(), "stdin"),
        ("[]".to_owned(), "an object"),
        (json!({ "url": "http://127.0.0.1/" }).to_string(), "event"),
        (json!({ "event": "temp" }).to_string(), "url"),
        (with("event", json!("é/x")), "event"),
        (with("url", json!("ftp://127.0.0.1/")), "url"),
        (with("url", json!("http://{{host}}/")), "url"),
        (with("requestType", json!("BREW")), "requestType"),
        (with("headers", json!({ "a b": "c" })), "headers.a b"),
        (with("headers", json!({ "A": "b\r\nc: d" })), "headers.A"),
        (with("form", json!({ "x": "{{#open}}" })), "form.x"),
        (with("json", json!({ "a": [1, "{{/shut}}"] })), "json.a[1]"),
        (with("auth", json!({ "password": "x" })), "auth.username"),
        (with("deviceID", json!("kitchen")), "deviceID"),
        (with("json", serde_json::from_str(&deep).unwrap()), "levels"),
    ] {
        let reason = scene.gateway.refused(&["hook", "create", "-"], &hook).await;
        assert!(reason.contains(named), "{hook}: {reason}");
    }
    assert_eq!(scene.gateway.json(&["hook", "list"]).await.as_array().unwrap().len(), 1);
    scene.still_delivers().await;
}

#[tokio::test]
async fn a_template_bomb_is_an_error_of_its_hook_alone() {
    let mut scene = Scene::set("").await;
    let bomb = format!("{}x{}", "{{#a}}".repeat(8), "{{/a}}".repeat(8));
    let target = Receiver::start();
    scene.gateway.hook(&json!({ "event": "bomb", "url": target.url("/"), "body": bomb })).await;
    let mut client = scene.gateway.login(&scene.device).await;
    client.subscribe("hook-error/#").await;

    client.publish("bomb", &json!({ "a": vec![1; 1000] }).to_string()).await;

    let told = client.hear().await;
    assert_eq!(told.topic, "hook-error/bomb/0");
    assert!(told.data.starts_with("body"), "{}", told.data);
    scene.still_delivers().await;
}

#[tokio::test]
async fn a_response_that_never_ends_is_cut_and_keeps_nobody_waiting() {
    let mut scene = Scene::set("[limits]\nresponse_interval_ms = 0").await;
    let endless = Receiver::with(|_| Answer::Endless);
    scene.gateway.hook(&json!({ "event": "endless", "url": endless.url("/") })).await;
    let mut client = scene.gateway.login(&scene.device).await;
    client.subscribe("hook-response/endless/#").await;

    client.publish("endless", "").await;
    scene.still_delivers().await;

    for index in 0..200 {
        let part = client.hear().await;
        assert_eq!((part.topic, part.data.len()), (format!("hook-response/endless/{index}"), 512));
    }
    scene.gateway.wait_for_queue("waiting", 0).await;
    assert_eq!(client.heard_so_far().await.len(), 0);
    scene.still_delivers().await;
}

#[tokio::test]
async fn a_host_that_never_answers_keeps_no_other_waiting() {
    let mut scene = Scene::set("[delivery]\ntimeout_s = 1").await;
    let mut silent = Receiver::with(|_| Answer::Silence);
    let hook = scene.gateway.hook(&json!({ "event": "n", "url": silent.url("/") })).await;
    scene.gateway.login(&scene.device).await.publish("normal", "first").await;
    silent.next().await;
    assert_eq!(scene.receiver.next().await.body, "first");

    for _ in 0..3 {
        scene.still_delivers().await;
    }

    scene.gateway.wait_for_queue("targets_down", 1).await;
    let shown = scene.gateway.json(&["hook", "show", &hook]).await;
    assert_eq!((&shown["last_outcome"], &shown["errors_in_a_row"]), (&json!("no answer within 1 s"), &json!(0)));
    scene.still_delivers().await;
    scene.gateway.wait_for_queue("waiting", 5).await;
}

#[tokio::test]
async fn a_name_that_is_no_event_name_is_refused_and_the_device_is_told() {
    let mut scene = Scene::set("").await;
    let mut client = scene.gateway.login(&scene.device).await;
    client.subscribe("farhook/#").await;
    let long = "x".repeat(65);

    for name in ["é/x", "hook-response/temp/0", "hook-sent/temp", "spark/status", "farhook/x", long.as_str()] {
        client.publish(name, "x").await;
        let reason = scene.gateway.refused(&["publish", name, "x"], "").await;
        assert!(reason.starts_with("farhook: "), "{reason}");
    }

    let told = client.hear().await;
    assert_eq!(told.topic, "farhook/refused");
    assert_eq!(serde_json::from_str::<Value>(&told.data).unwrap()["event"], "é/x", "{}", told.data);
    scene.still_delivers().await;
}

#[tokio::test]
async fn a_megabyte_ends_its_own_connection_only() {
    let mut scene = Scene::set("").await;
    let mut client = scene.gateway.login(&scene.device).await;
    // How far it gets is the gateway's choice.
    let _ = client.send_publish("normal", 1, &"x".repeat(1 << 20), false).await;
    client.wait_for_end().await;

    let mut client = scene.gateway.login(&scene.device).await;
    client.subscribe("farhook/#").await;
    client.publish("normal", &"x".repeat(16_385)).await;
    assert!(client.hear().await.data.contains("16385"), "what is a little too large is told");
    let largest = "x".repeat(16_384);
    client.publish("normal", &largest).await;
    assert_eq!(scene.receiver.next().await.body, largest);
    scene.still_delivers().await;
}

#[tokio::test]
async fn a_wrong_password_is_not_let_in() {
    if mosquitto::are_missing() {
        return;
    }
    let mut scene = Scene::set("").await;
    let (name, key) = (scene.device.name.clone(), scene.device.key.clone());
    for (name, key) in [(name.as_str(), "wrong"), (name.as_str(), ""), ("stranger", key.as_str())] {
        // Their numbers for a bad user name or password.
        for (version, code) in [("mqttv311", 4), ("mqttv5", 0x86)] {
            let args = ["-t", "normal", "-m", "x", "-q", "1", "-V", version];
            let refused = mosquitto::publish(&scene.gateway, name, key, &args).await;
            assert_eq!(refused.status.code(), Some(code), "{name:?} {key:?} {version}: {refused:?}");
        }
    }
    let anonymous = mosquitto::publish(&scene.gateway, "", "", &["-t", "normal", "-m", "x", "-q", "1"]).await;
    assert!(!anonymous.status.success(), "{anonymous:?}");
    assert!(scene.receiver.unexpected().is_none());
    scene.still_delivers().await;
}

#[tokio::test]
async fn nobody_hears_or_makes_up_the_results_of_another() {
    let mut scene = Scene::set("").await;
    let other = scene.gateway.device("cellar").await;
    let answering = Receiver::start();
    scene.gateway.hook(&json!({ "event": "ask", "url": answering.url("/") })).await;
    let mut spy = scene.gateway.login(&other).await;
    for filter in ["#", "hook-response/#", "hook-sent/+", "$SYS/#", "+/ask/0"] {
        spy.subscribe(filter).await;
    }
    let mut client = scene.gateway.login(&scene.device).await;
    client.subscribe("hook-response/ask/0").await;

    spy.publish("hook-response/ask/0", "forged").await;
    client.publish("ask", "").await;

    let answer = client.hear().await;
    assert_eq!((answer.topic.as_str(), answer.data.as_str()), ("hook-response/ask/0", "ok"));
    // Its own comes later, so nothing of the other's is still to come.
    spy.publish("normal", "marker").await;
    spy.hear_on("hook-sent/normal").await;
    let heard = spy.heard_so_far().await;
    assert!(heard.iter().all(|message| !message.topic.contains("ask")), "{heard:?}");
    assert_eq!(scene.receiver.next().await.body, "marker");
    scene.still_delivers().await;
}

#[tokio::test]
async fn noise_at_every_door_is_survived() {
    let mut scene = Scene::set("").await;
    let noise: Vec<u8> = (0..4096_u32).map(|number| u8::try_from(number * 167 % 251).unwrap()).collect();
    let doors = [scene.gateway.mqtt, scene.gateway.http];
    for bytes in [noise.as_slice(), b"GET / HTTP/1.1\r\n\r\n", b"\x10\xff\xff\xff\xff\x7f", b"\x30\x00", b"\0"] {
        for door in doors {
            let mut stream = TcpStream::connect(door).await.unwrap();
            // It may be thrown out in the middle.
            let _ = stream.write_all(bytes).await;
            let _ = stream.shutdown().await;
            let _ = timeout(PATIENCE, stream.read_to_end(&mut Vec::new())).await.expect("it hangs up");
        }
        let mut stream = UnixStream::connect(scene.gateway.data().join("ctl.sock")).await.unwrap();
        let _ = stream.write_all(bytes).await;
        let _ = stream.shutdown().await;
        let _ = timeout(PATIENCE, stream.read_to_end(&mut Vec::new())).await.expect("it hangs up");
    }
    scene.still_delivers().await;
}
