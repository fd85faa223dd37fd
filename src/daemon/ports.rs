//! Where devices connect over MQTT, said beside where else the gateway listens, and kept true: a port that another program has may
//! become free.

use serde_json::Value;
use serde_json::json;
use tokio::sync::watch;

use crate::mqtt::PortState;
use crate::mqtt::Server;

/// See the module.
pub(super) struct Ports {
    /// What each is called, and how it is.
    ports: Vec<(&'static str, watch::Receiver<PortState>)>,
}

impl Ports {
    /// Those of this server.
    pub(super) fn of(server: &Server) -> Self {
        let secure = server.secure().map(|port| ("mqtt_tls", port));
        Self { ports: [("mqtt", server.plain())].into_iter().chain(secure).collect() }
    }

    /// Says how each is.
    pub(super) fn describe(&self, listening: &mut Value) {
        for (name, port) in &self.ports {
            describe(name, &port.borrow(), listening);
        }
    }

    /// Says so whenever one changes, until whoever is told is gone.
    pub(super) fn follow(self, listening: &watch::Sender<Value>) {
        for (name, mut port) in self.ports {
            let listening = listening.clone();
            tokio::spawn(async move {
                while port.changed().await.is_ok() {
                    let state = port.borrow_and_update().clone();
                    listening.send_modify(|listening| describe(name, &state, listening));
                }
            });
        }
    }
}

fn describe(name: &str, port: &PortState, listening: &mut Value) {
    let (at, problem) = (name.to_owned(), format!("{name}_problem"));
    let (said, unsaid, text) = match &port.problem {
        None => (at, problem, port.address.to_string()),
        Some(text) => (problem, at, text.clone()),
    };
    if let Some(listening) = listening.as_object_mut() {
        listening.shift_remove(&unsaid);
        listening.insert(said, json!(text));
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    #[test]
    fn a_port_is_where_it_is_or_why_it_is_not() {
        let address = (Ipv4Addr::LOCALHOST, 1883).into();
        let mut listening = json!({ "http": "x" });
        describe("mqtt", &PortState { address, problem: Some("taken".to_owned()) }, &mut listening);
        assert_eq!(listening, json!({ "http": "x", "mqtt_problem": "taken" }));
        describe("mqtt", &PortState { address, problem: None }, &mut listening);
        assert_eq!(listening, json!({ "http": "x", "mqtt": "127.0.0.1:1883" }));
    }
}
