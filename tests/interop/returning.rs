//! Clients with a lasting session that find what came while they were away, although the gateway was killed meanwhile.

use std::process::Stdio;

use tokio::process::Command;
use tokio::time::timeout;

use crate::gateway::Device;
use crate::gateway::Gateway;
use crate::gateway::PATIENCE;
use crate::known;
use crate::paho;
use crate::tools;

#[tokio::test]
async fn mosquitto_sub_finds_what_came_while_it_was_away() {
    if tools::is_missing("mosquitto_sub", "mosquitto-clients") {
        return;
    }
    let mut gateway = Gateway::start().await;
    let listener = gateway.device("listener").await;
    let sensor = gateway.device("sensor").await;
    let lasting = [["-V", "mqttv311"].as_slice(), &["-V", "mqttv5", "-x", "3600"]];
    for how in lasting {
        // It goes as soon as its subscription holds.
        assert_eq!(mosquitto_sub(&gateway, &listener, &[how, &["-E"]].concat()).await, "");
    }
    let mut publisher = gateway.login(&sensor).await;
    publisher.publish("temp", "1").await;
    gateway.kill().await;
    gateway.start_again().await;
    let mut publisher = gateway.login(&sensor).await;
    publisher.publish("temp", "2").await;
    gateway.kill().await;
    gateway.start_again().await;

    for how in lasting {
        let heard = mosquitto_sub(&gateway, &listener, &[how, &["-C", "2", "-F", "%t %p"]].concat()).await;
        assert_eq!(heard, "temp 1\ntemp 2\n", "{how:?}");
    }
}

#[tokio::test]
async fn paho_finds_what_came_while_it_was_away() {
    if paho::is_missing() {
        return;
    }
    let mut gateway = Gateway::start().await;
    let token = gateway.json(&["token", "create"]).await;
    let token = token["token"].as_str().unwrap();
    paho::case(&gateway, token, PATIENCE, "returning", "test_go").await.unwrap();
    gateway.kill().await;
    gateway.start_again().await;
    let came_back = paho::case(&gateway, token, PATIENCE, "returning", "test_come_back").await;
    known::judge("returning::paho", came_back);
}

/// What it says, as a lasting client of that version.
async fn mosquitto_sub(gateway: &Gateway, device: &Device, args: &[&str]) -> String {
    let (host, port) = (gateway.mqtt.ip().to_string(), gateway.mqtt.port().to_string());
    let mut command = Command::new("mosquitto_sub");
    command.args(["-h", &host, "-p", &port, "-u", &device.name, "-P", &device.key, "-c", "-i", args[1], "-q", "1"]);
    command.args(["-t", "temp"]).args(args).stdin(Stdio::null()).kill_on_drop(true);
    let output = timeout(PATIENCE, command.output()).await.expect("mosquitto_sub ends").unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}
