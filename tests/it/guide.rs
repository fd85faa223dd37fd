//! The examples of the guide, as they are written there.

use std::fmt::Write;
use std::path::Path;
use std::time::Duration;

use serde_json::Value;
use serde_json::json;
use tokio::time::Instant;

use crate::gateway::Gateway;
use crate::mosquitto;
use crate::mosquitto::Subscriber;
use crate::mqtt::Message;
use crate::receiver::Answer;
use crate::receiver::Receiver;

#[tokio::test]
async fn the_first_example_arrives_as_a_form_and_its_answer_comes_back_to_the_device_alone() {
    if mosquitto::are_missing() {
        return;
    }
    let gateway = Gateway::start().await;
    let mut receiver = Receiver::with(|_| Answer::ok("101"));
    let (device, other) = (gateway.device("kitchen").await, gateway.device("cellar").await);
    gateway
        .hook(&json!({
            "event": "temp",
            "url": receiver.url("/update"),
            "requestType": "POST",
            "form": { "api_key": "YOUR_API_KEY", "field1": "{{PARTICLE_EVENT_VALUE}}" },
            "mydevices": true,
        }))
        .await;
    let mut own = Subscriber::start(&gateway, "kitchen", &device.key, "hook-response/temp/#").await;
    let mut others = gateway.login(&other).await;
    others.subscribe("#").await;

    let args = ["-t", "temp", "-m", "72", "-q", "1"];
    let published = mosquitto::publish(&gateway, "kitchen", &device.key, &args).await;
    assert!(published.status.success(), "{published:?}");

    let request = receiver.next().await;
    assert_eq!((request.method.as_str(), request.path.as_str()), ("POST", "/update"));
    assert_eq!(request.header("content-type"), Some("application/x-www-form-urlencoded"));
    let form: Vec<(String, String)> = url::form_urlencoded::parse(request.body.as_bytes()).into_owned().collect();
    let field = |name: &str| form.iter().find(|(other, _)| other == name).map(|(_, value)| value.as_str());
    assert_eq!((field("api_key"), field("field1")), (Some("YOUR_API_KEY"), Some("72")), "{form:?}");
    assert_eq!(field("coreid"), Some(device.id.as_str()), "the defaults are added: {form:?}");
    assert_eq!(own.hear().await, "hook-response/temp/0 101");
    assert_eq!(own.end().await, [] as [&str; 0]);

    // What concerns the other device comes after what did not concern it.
    others.publish("temp", "73").await;
    let heard = others.hear_on("hook-response/temp/0").await;
    assert_eq!(heard.data, "101");
    receiver.bodies(1).await;
}

#[tokio::test]
async fn the_example_of_custom_templates_fills_url_and_json_from_the_events_data() {
    let gateway = Gateway::start().await;
    let mut receiver = Receiver::start();
    let device = gateway.device("kitchen").await;
    gateway
        .hook(&json!({
            "eventName": "my-event",
            "url": receiver.url("/{{my-var}}"),
            "requestType": "POST",
            "json": { "temp": "{{my-temp}}", "where": ["{{my-var}}", 1, true] },
            "noDefaults": true,
        }))
        .await;
    let mut client = gateway.login(&device).await;

    client.publish("my-event", r#"{"my-var":"foo","my-temp":"98.6F"}"#).await;

    let request = receiver.next().await;
    assert_eq!(request.path, "/foo");
    assert_eq!(request.header("content-type"), Some("application/json"));
    assert_eq!(request.json(), json!({ "temp": "98.6F", "where": ["foo", 1, true] }));
}

#[tokio::test]
async fn the_weather_comes_back_in_parts_of_512_bytes_four_a_second_and_in_order() {
    let weather = weather();
    let gateway = Gateway::start().await;
    let answer = weather.clone();
    let mut receiver = Receiver::with(move |_| Answer::ok(&answer));
    let device = gateway.device("station").await;
    gateway.hook(&json!({ "event": "get_weather", "url": receiver.url("/xml"), "requestType": "GET" })).await;
    let mut client = gateway.login(&device).await;
    client.subscribe("hook-response/#").await;

    // A part that this machine was late to read makes the next gap look short; that does not happen every time.
    let mut gaps = Vec::new();
    for _ in 0..3 {
        client.publish("get_weather", "MN").await;
        let asked = receiver.next().await.at;
        let parts = hear_parts(&mut client, &weather).await;
        assert_parts(&parts, &weather, asked);
        gaps = parts.windows(2).map(|pair| pair[1].at - pair[0].at).collect::<Vec<Duration>>();
        if gaps.iter().all(|gap| *gap >= Duration::from_millis(240)) {
            return;
        }
    }
    panic!("the parts came too fast three times, the last time in {gaps:?}");
}

async fn hear_parts(client: &mut crate::mqtt::Client, whole: &str) -> Vec<Message> {
    let mut parts: Vec<Message> = Vec::new();
    while parts.iter().map(|part| part.data.len()).sum::<usize>() < whole.len() {
        parts.push(client.hear().await);
    }
    parts
}

fn assert_parts(parts: &[Message], whole: &str, asked: Instant) {
    assert_eq!(parts.len(), whole.len().div_ceil(512));
    for (index, part) in parts.iter().enumerate() {
        assert_eq!(part.topic, format!("hook-response/get_weather/{index}"));
        assert!(part.data.len() == 512 || index == parts.len() - 1, "part {index} has {} bytes", part.data.len());
        // However late this machine reads: no part is on its way before its time.
        let earliest = Duration::from_millis(250) * u32::try_from(index).unwrap();
        assert!(part.at - asked >= earliest, "part {index} came after {:?}", part.at - asked);
    }
    assert_eq!(parts.iter().map(|part| part.data.as_str()).collect::<String>(), whole);
}

/// The answer of the guide's example, from its text where that is at hand, else one of its size.
fn weather() -> String {
    let guide = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/reference/particle-webhooks-guide.txt");
    if let Ok(guide) = std::fs::read_to_string(guide) {
        let mut lines = guide.lines().map(str::trim);
        let mut whole = String::new();
        while let Some(line) = lines.next() {
            if line.starts_with("hook-response/get_weather/") && !line.contains('`') {
                let part = lines.next().expect("the part follows");
                whole.push_str(&serde_json::from_str::<String>(part).expect("the guide writes parts as JSON"));
            }
        }
        assert!(whole.starts_with("<?xml") && whole.ends_with("</current_observation>\n"));
        return whole;
    }
    let mut whole = String::from("<?xml version=\"1.0\"?>\r\n");
    for station in 0..24 {
        write!(whole, "<observation station=\"K{station}\">\r\n\t<temp_f>{}.0</temp_f>\r\n\t", station + 14).unwrap();
        whole.push_str("<weather>Fair</weather>\r\n</observation>\r\n");
    }
    whole
}

#[tokio::test]
async fn the_pattern_of_a_success_is_seen_by_the_owner() {
    let gateway = Gateway::start().await;
    let receiver = Receiver::start();
    let device = gateway.device("kitchen").await;
    gateway.hook(&json!({ "event": "name_of_my", "url": receiver.url("/") })).await;
    let mut tail = gateway.command(&["events", "--count", "3", "--json"]);
    let tail = tail.stdout(std::process::Stdio::piped()).spawn().unwrap();
    let mut client = gateway.login(&device).await;
    let mut observer = gateway.observer().await;

    // The command does not say when it begins to watch.
    let ended = tail.wait_with_output();
    tokio::pin!(ended);
    let output = loop {
        client.publish("name_of_my_event", "data_sent_with_event").await;
        observer.hear_on("hook-response/name_of_my_event/0").await;
        if let Ok(output) = tokio::time::timeout(Duration::from_millis(500), &mut ended).await {
            break output.unwrap();
        }
    };

    let lines = String::from_utf8(output.stdout).unwrap();
    let events: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let told = |event: &Value| ["name", "data", "ttl", "coreid"].map(|key| event[key].as_str().unwrap().to_owned());
    let mut told: Vec<_> = events.iter().map(told).collect();
    // It may have begun to watch in the middle.
    told.sort_unstable();
    assert_eq!(
        told,
        [
            ["hook-response/name_of_my_event/0", "ok", "60", "particle-internal"],
            ["hook-sent/name_of_my_event", "undefined", "60", "particle-internal"],
            ["name_of_my_event", "data_sent_with_event", "60", device.id.as_str()],
        ]
    );
}
