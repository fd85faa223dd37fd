//! `farhook token …`: access tokens, with which a program acts as a user.

use anyhow::Context;
use clap::Subcommand;
use serde_json::Value;

use crate::bus::protocol::Request;
use crate::cli::client::Gateway;
use crate::cli::print::Output;
use crate::cli::print::field;
use crate::cli::print::pairs;
use crate::cli::print::table;

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Make an access token, and show it this once
    ///
    /// It is what Particle's tools, the web API and other programs log in with. Who logs in to MQTT with it as the
    /// password, under any user name, hears all events of the user and publishes as the user.
    Create {
        /// Seconds after which it holds no longer; it never ends without this
        #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u32).range(1..))]
        expires_in: Option<u32>,
    },
    /// List all access tokens by their ids
    List,
    /// Revoke an access token
    Revoke {
        /// The token's id, as it is listed
        #[arg(value_name = "ID")]
        token: String,
    },
}

impl Command {
    pub(super) async fn run(self, gateway: &Gateway, out: &mut Output) -> anyhow::Result<()> {
        let (request, told): (Request, fn(&Value) -> String) = match self {
            Self::Create { expires_in } => (Request::TokenCreate { expires_in_s: expires_in }, created),
            Self::List => (Request::TokenList, list),
            Self::Revoke { token } => (Request::TokenRevoke { token }, revoked),
        };
        out.show(&gateway.ask(&request).await?, told).context("stdout takes nothing")
    }
}

fn created(token: &Value) -> String {
    let shown = pairs(&[("id", field(token, "id")), ("token", field(token, "token"))]);
    format!("{shown}\n\nThe token is a password for everything of yours. It is shown only this once.")
}

fn list(tokens: &Value) -> String {
    let tokens = tokens.as_array().map(Vec::as_slice).unwrap_or_default();
    if tokens.is_empty() {
        return "There are no tokens. Make one with `farhook token create`.".to_owned();
    }
    let row = |token: &Value| ["id", "created_at", "expires_at", "client"].map(|part| field(token, part)).to_vec();
    table(&["ID", "CREATED", "EXPIRES", "CLIENT"], &tokens.iter().map(row).collect::<Vec<_>>())
}

fn revoked(token: &Value) -> String {
    format!("Token {} is revoked.", field(token, "id"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_token_is_shown_once_and_listed_by_its_id() {
        let shown = created(&json!({ "id": "01", "token": "s3cret" }));
        assert!(shown.starts_with("id     01\ntoken  s3cret\n"), "{shown}");
        let tokens = json!([{ "id": "01", "created_at": "2016-04-16", "expires_at": null, "client": "CLI2" }]);
        assert_eq!(list(&tokens), "ID  CREATED     EXPIRES  CLIENT\n01  2016-04-16  -        CLI2");
        assert!(list(&json!([])).contains("token create"));
    }
}
