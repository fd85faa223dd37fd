//! The first hour with a gateway, from the claim code to a request that was given up and is sent again: with scripts in
//! all colours and sizes, and without them.

use std::net::SocketAddr;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;

use serde_json::Value;
use serde_json::json;
use tokio::io::AsyncWriteExt;
use tokio::process::Command;
use tokio::time::timeout;

use crate::flow;
use crate::flow::Flow;
use crate::gateway::PATIENCE;
use crate::gateway::Setup;
use crate::mqtt::Client;
use crate::receiver::Answer;
use crate::receiver::Receiver;
use crate::sensors;
use crate::settings;
use crate::sources;
use crate::tools;
use crate::web_routes;
use crate::web_routes::WebRoute;

/// What only a script posts, while somebody types.
const FOR_SCRIPTS: &str = "/integrations/preview";

#[tokio::test]
async fn the_first_hour_leads_from_the_claim_to_a_request_that_is_sent_again() {
    if !are_missing() {
        walk_through("first_hour.js").await;
    }
}

#[tokio::test]
async fn every_form_does_what_it_says_without_script() {
    if are_missing() || sensors::are_missing() {
        return;
    }
    let mut posted = walk_through("without_script.js").await;
    posted.extend(settings::walk_through(false).await);
    posted.extend(sensors::walk_through(false).await);
    posted.extend(sources::walk_through(false).await);
    for route in web_routes::forms() {
        let is_posted = posted.iter().any(|path| leads_to(path, &route));
        assert!(is_posted || route.path == FOR_SCRIPTS, "{} was never posted: {posted:?}", route.path);
    }
}

/// Whether that is an address of the route.
fn leads_to(path: &str, route: &WebRoute) -> bool {
    let (asked, own): (Vec<_>, Vec<_>) = (path.split('/').collect(), route.path.split('/').collect());
    asked.len() == own.len() && own.iter().zip(&asked).all(|(own, asked)| own.starts_with(':') || own == asked)
}

/// Whether there is no browser or no sensor.
fn are_missing() -> bool {
    flow::is_missing() || tools::is_missing("mosquitto_pub", "mosquitto-clients")
}

/// Lets a script be the person at the browser, and is everything around it: the sensor and the web service. Where its
/// forms were posted to.
async fn walk_through(script: &str) -> Vec<String> {
    let gateway = Setup::new().with("[limits]\ndevice_per_minute = 0\nhost_per_minute = 0").start().await;
    let is_broken = Arc::new(AtomicBool::new(false));
    let broken = Arc::clone(&is_broken);
    let mut receiver = Receiver::with(move |_| {
        if broken.load(Ordering::SeqCst) {
            Answer::Status(500, Vec::new(), "<b>out of order</b>".to_owned())
        } else {
            Answer::ok("7")
        }
    });
    let mut flow = Flow::on_unclaimed(&gateway, script, &Value::Null).await;
    let posted = loop {
        let said = flow.said().await;
        let answer = match said["do"].as_str().unwrap_or_else(|| panic!("{said}")) {
            // The sensor wakes up and publishes some values.
            "publish" => {
                publish(gateway.mqtt, &said).await;
                json!("published")
            }
            // The sensor subscribes, and sleeps.
            "sleep" => {
                let word = |name: &str| said[name].as_str().unwrap_or_else(|| panic!("{said}"));
                let (mut client, _) = Client::resume(gateway.mqtt, word("device"), word("key")).await;
                client.subscribe("for-who-sleeps").await;
                client.leave().await;
                json!("asleep")
            }
            // The web service gets a request.
            "receive" => json!(receiver.next().await.body),
            "break" | "mend" => {
                is_broken.store(said["do"] == "break", Ordering::SeqCst);
                json!("done")
            }
            // Until so many are waiting, delivered or given up.
            "wait" => {
                gateway.wait_for_queue(said["for"].as_str().unwrap(), said["count"].as_u64().unwrap()).await;
                json!("done")
            }
            "target" => json!(receiver.url("/update")),
            // What a page weighs, for whoever runs this with --nocapture.
            "note" => {
                eprintln!("{script}: {}", said["text"].as_str().unwrap());
                json!("noted")
            }
            "end" => break flow::posted(&said),
            other => panic!("nobody can {other}"),
        };
        flow.tell(&answer).await;
    };
    flow.ends().await;
    assert!(receiver.unexpected().is_none(), "nothing is sent that was not published");
    posted
}

async fn publish(at: SocketAddr, said: &Value) {
    let word = |name: &str| said[name].as_str().unwrap_or_else(|| panic!("{said}")).to_owned();
    let (host, port) = (at.ip().to_string(), at.port().to_string());
    let mut command = Command::new("mosquitto_pub");
    command.args(["-h", &host, "-p", &port, "-u", &word("device"), "-P", &word("key"), "-q", "1"]);
    // Each line of its input is a value.
    command.args(["-t", &word("name"), "-l"]).stdin(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    let mut process = command.spawn().unwrap();
    let line = |value: &Value| format!("{}\n", value.as_str().map_or_else(|| value.to_string(), ToOwned::to_owned));
    let lines: Vec<_> = said["values"].as_array().unwrap().iter().map(line).collect();
    process.stdin.take().unwrap().write_all(lines.concat().as_bytes()).await.unwrap();
    let output = timeout(PATIENCE, process.wait_with_output()).await.expect("mosquitto_pub ends").unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}
