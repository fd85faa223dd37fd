//! The clients of the mosquitto project. Skipped where they are not installed (`apt install mosquitto-clients`).

use std::process::Stdio;

use tokio::io::AsyncBufReadExt;
use tokio::io::BufReader;
use tokio::process::Command;
use tokio::time::timeout;

use crate::client::PATIENCE;
use crate::gateway::Gateway;
use crate::gateway::KITCHEN;
use crate::gateway::result_for;
use crate::tools;

fn command(program: &str, gateway: &Gateway, version: &str, name: &str) -> Command {
    // Without this what the subscriber says of itself would wait in its buffer.
    let mut command = Command::new("stdbuf");
    command.args(["-oL", program]);
    command.args(["-h", "127.0.0.1", "-p", &gateway.at.port().to_string(), "-V", version, "-u", name]);
    command.args(["-P", &format!("key of {name}")]).kill_on_drop(true);
    command
}

#[tokio::test]
async fn mosquitto_publishes_and_subscribes_with_every_version_and_qos() {
    if tools::is_missing("mosquitto_pub", "mosquitto-clients") {
        return;
    }
    let gateway = Gateway::start().await.accept_all();
    for version in ["mqttv311", "mqttv5"] {
        for qos in ["0", "1", "2"] {
            let mut subscriber = command("mosquitto_sub", &gateway, version, "kitchen")
                .args(["-t", "temp/#", "-t", "hook-response/#", "-q", qos, "-F", "%q %t %p", "-d"])
                .stdout(Stdio::piped())
                .spawn()
                .unwrap();
            let mut lines = BufReader::new(subscriber.stdout.take().unwrap()).lines();
            wait_for(&mut lines, "SUBACK").await;
            let published = command("mosquitto_pub", &gateway, version, "cellar")
                .args(["-t", "temp/cellar", "-m", "21.5", "-q", qos])
                .output();
            assert!(timeout(PATIENCE, published).await.unwrap().unwrap().status.success());
            wait_for(&mut lines, &format!("{qos} temp/cellar 21.5")).await;
            gateway.announce("hook-response/temp/0", "fine", result_for(KITCHEN)).await;
            wait_for(&mut lines, &format!("{qos} hook-response/temp/0 fine")).await;
        }
        let refused =
            command("mosquitto_pub", &gateway, version, "cellar").args(["-P", "wrong", "-t", "t", "-m", "x"]).output();
        assert!(!timeout(PATIENCE, refused).await.unwrap().unwrap().status.success());
    }
}

async fn wait_for(lines: &mut tokio::io::Lines<BufReader<tokio::process::ChildStdout>>, part: &str) {
    loop {
        let line = timeout(PATIENCE, lines.next_line()).await.expect(part).unwrap().expect(part);
        if line.contains(part) {
            return;
        }
    }
}
