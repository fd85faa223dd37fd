//! HTTPS on the web port. It may fail without the rest: a port that is taken is no reason to lose events. What is wrong is in the
//! log and in the status.

use std::net::SocketAddr;
use std::sync::Arc;

use log::warn;
use serde_json::Value;
use serde_json::json;

use crate::config::Http;
use crate::http::Listeners;
use crate::tls::Identity;

/// See the module.
pub(super) enum Https {
    /// Nobody wants it, or there is no certificate, which says why itself.
    Off,
    /// There it is.
    On(SocketAddr),
    /// It cannot be had.
    Failed(String),
}

impl Https {
    /// Adds it to the listeners, if it is wanted and possible.
    pub(super) async fn start(config: &Http, identity: Option<Arc<Identity>>, listeners: &mut Listeners) -> Self {
        let Some((listen, identity)) = config.https_listen.zip(identity) else { return Self::Off };
        match listeners.bind_https(listen, identity).await {
            Ok(address) => {
                if config.https_redirect {
                    listeners.redirect_to(address.port());
                }
                Self::On(address)
            }
            Err(error) => {
                let problem = format!("there is no HTTPS: {:#}", anyhow::Error::from(error));
                warn!("{problem}");
                Self::Failed(problem)
            }
        }
    }

    /// Says how it is beside where else the gateway listens.
    pub(super) fn describe(&self, listening: &mut Value) {
        match self {
            Self::Off => {}
            Self::On(address) => listening["https"] = json!(address.to_string()),
            Self::Failed(problem) => listening["https_problem"] = json!(problem),
        }
    }
}
