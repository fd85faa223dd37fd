//! The sessions of a device that outlive its connection, as its page shows them.

use serde::Deserialize;
use serde::Serialize;

use crate::bus::protocol::Request;
use crate::model::Device;
use crate::web::context::Context;
use crate::web::refusal::Refusal;
use crate::web::visit::Visit;

/// One of them, in the words of the command line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Session {
    client_id: String,
    connected: bool,
    waiting: u64,
    waiting_bytes: u64,
    dropped: u64,
}

impl Session {
    /// Those of a device, by client id.
    pub(super) async fn all_of(context: &Context, visit: &Visit, device: &Device) -> Result<Vec<Self>, Refusal> {
        let listed = context.ask(visit.user_id(), Request::SessionList { device: Some(device.id.to_string()) }).await?;
        Ok(listed.ok().and_then(|sessions| serde_json::from_value(sessions).ok()).unwrap_or_default())
    }

    #[cfg(test)]
    pub(super) fn samples() -> Vec<Self> {
        let client_id = |id: &str| format!("<b>{id}</b>");
        let connected = Self { client_id: client_id("one"), connected: true, waiting: 0, waiting_bytes: 0, dropped: 0 };
        let away = Self { client_id: client_id("two"), connected: false, waiting: 7, waiting_bytes: 2_100, dropped: 3 };
        vec![connected, away]
    }
}
