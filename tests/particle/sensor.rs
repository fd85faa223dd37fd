//! A device as its firmware makes it: it says what it offers, and answers for it over MQTT.

use serde_json::json;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::gateway::Device;
use crate::gateway::Gateway;
use crate::gateway::PATIENCE;
use crate::mqtt::Client;

/// What the variable `temp` is.
pub const TEMP: &str = "21.5";

/// A device with the variable `temp`, and the function `led`, which gives 1 for "on" and else 0.
pub struct Sensor {
    asked: mpsc::UnboundedReceiver<(String, String)>,
    answering: JoinHandle<()>,
}

impl Sensor {
    pub async fn start(gateway: &Gateway, device: &Device) -> Self {
        let mut client = gateway.login(device).await;
        for filter in ["farhook/variable/+/+", "farhook/function/+/+", "farhook/signal"] {
            client.subscribe(filter).await;
        }
        let offers = json!({ "variables": { "temp": "double" }, "functions": ["led"] });
        client.publish("farhook/describe", &offers.to_string()).await;
        let (sender, asked) = mpsc::unbounded_channel();
        Self { asked, answering: tokio::spawn(answer(client, sender)) }
    }

    /// What it was asked for next: the name of a function or `signal`, and the argument.
    pub async fn asked(&mut self) -> (String, String) {
        timeout(PATIENCE, self.asked.recv()).await.expect("it is asked").expect("it answers")
    }
}

impl Drop for Sensor {
    fn drop(&mut self) {
        self.answering.abort();
    }
}

async fn answer(mut client: Client, asked: mpsc::UnboundedSender<(String, String)>) {
    while let Some(message) = client.next().await {
        let words: Vec<&str> = message.topic.split('/').collect();
        match words.as_slice() {
            ["farhook", "variable", "temp", request] => {
                client.publish(&format!("farhook/result/{request}"), TEMP).await;
            }
            ["farhook", "function", name, request] => {
                let _ = asked.send(((*name).to_owned(), message.data.clone()));
                let result = if message.data == "on" { "1" } else { "0" };
                client.publish(&format!("farhook/result/{request}"), result).await;
            }
            ["farhook", "signal"] => drop(asked.send(("signal".to_owned(), message.data))),
            _ => panic!("{message:?}"),
        }
    }
}
