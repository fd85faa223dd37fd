//! `farhook session …`: MQTT sessions that outlive their connection.

use anyhow::Context;
use clap::Subcommand;
use serde_json::Value;

use crate::bus::protocol::Request;
use crate::cli::client::Gateway;
use crate::cli::print::Output;
use crate::cli::print::counted;
use crate::cli::print::field;
use crate::cli::print::one_line;
use crate::cli::print::table;

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// List the sessions that outlive their connection, and what waits for each
    ///
    /// They are those of devices that connect without "clean session" (MQTT 3.1.1) or with an expiry (5). What was
    /// dropped is counted from the start of the daemon on.
    List {
        /// The name or id of the device, or of the user, whose sessions are listed; all without it
        device: Option<String>,
    },
    /// End a session that is away, and throw away what waits for it
    ///
    /// A device that connects again begins a new one, and has to subscribe again.
    End {
        /// The name or id of the device, or of the user, whose session it is
        device: String,
        /// Which, if there are several
        #[arg(value_name = "CLIENT-ID")]
        client_id: Option<String>,
    },
}

impl Command {
    pub(super) async fn run(self, gateway: &Gateway, out: &mut Output) -> anyhow::Result<()> {
        let (request, told): (Request, fn(&Value) -> String) = match self {
            Self::List { device } => (Request::SessionList { device }, list),
            Self::End { device, client_id } => (Request::SessionEnd { device, client_id }, ended),
        };
        out.show(&gateway.ask(&request).await?, told).context("stdout takes nothing")
    }
}

fn list(sessions: &Value) -> String {
    let sessions = sessions.as_array().map(Vec::as_slice).unwrap_or_default();
    if sessions.is_empty() {
        return "There are no sessions that outlive their connection.".to_owned();
    }
    let row = |session: &Value| {
        let [holder, name, client_id] = ["holder", "name", "client_id"].map(|part| field(session, part));
        let is_connected = session["connected"] == true;
        let since = if is_connected { "connected".to_owned() } else { field(session, "away_since") };
        let filters = session["filters"].as_array().into_iter().flatten().filter_map(Value::as_str);
        let filters = one_line(&filters.collect::<Vec<_>>().join(" "));
        let [waiting, bytes, dropped] = ["waiting", "waiting_bytes", "dropped"].map(|part| field(session, part));
        vec![format!("{holder} {name}"), client_id, since, waiting, bytes, dropped, filters]
    };
    let heads = ["OF", "CLIENT ID", "AWAY SINCE", "WAITING", "BYTES", "DROPPED", "FILTERS"];
    table(&heads, &sessions.iter().map(row).collect::<Vec<_>>())
}

fn ended(session: &Value) -> String {
    let [name, client_id] = ["name", "client_id"].map(|part| field(session, part));
    let waiting = counted(&session["waiting"], "message", "messages");
    format!("The session of {name} with the client id {client_id} is ended, with {waiting} that waited.")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_session_is_a_line_and_who_is_there_is_connected() {
        let session = |is_connected, since: Option<&str>| {
            json!({
                "holder": "device", "id": "01", "name": "kitchen", "client_id": "esp", "connected": is_connected,
                "away_since": since, "filters": ["a/#", "b"], "waiting": 2, "waiting_bytes": 30, "dropped": 1,
            })
        };
        assert_eq!(
            list(&json!([session(false, Some("2016-04-16T13:37:08.728Z")), session(true, None)])),
            "OF              CLIENT ID  AWAY SINCE                WAITING  BYTES  DROPPED  FILTERS\n\
             device kitchen  esp        2016-04-16T13:37:08.728Z  2        30     1        a/# b\n\
             device kitchen  esp        connected                 2        30     1        a/# b"
        );
        assert!(list(&json!([])).contains("no sessions"));
    }

    #[test]
    fn what_is_thrown_away_is_told() {
        let session = json!({ "name": "kitchen", "client_id": "esp", "waiting": 1 });
        let told = ended(&session);
        assert_eq!(told, "The session of kitchen with the client id esp is ended, with 1 message that waited.");
    }
}
