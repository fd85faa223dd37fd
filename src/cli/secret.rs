//! `farhook secret …`: named values for hooks, which nobody gets to see again.

use std::io::Read;

use anyhow::Context;
use clap::Subcommand;
use serde_json::Value;

use crate::bus::protocol::Request;
use crate::cli::client::Gateway;
use crate::cli::print::Output;
use crate::cli::print::field;
use crate::cli::print::table;
use crate::model::Hidden;

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Set a secret; its value is asked for
    Set {
        /// What templates call it, as in `{{{API_KEY}}}`: capital letters, digits and underscores
        name: String,
        /// Read the value from stdin, without asking for it
        #[arg(long)]
        value_stdin: bool,
    },
    /// List the names of all secrets
    List,
    /// Remove a secret
    Remove {
        /// Its name
        name: String,
    },
}

impl Command {
    pub(super) async fn run(self, gateway: &Gateway, out: &mut Output) -> anyhow::Result<()> {
        let (request, told): (Request, fn(&Value) -> String) = match self {
            Self::Set { name, value_stdin } => {
                (Request::SecretSet { name, value: Hidden::new(value(value_stdin)?) }, set)
            }
            Self::List => (Request::SecretList, list),
            Self::Remove { name } => (Request::SecretRemove { name }, removed),
        };
        out.show(&gateway.ask(&request).await?, told).context("stdout takes nothing")
    }
}

fn value(from_stdin: bool) -> anyhow::Result<String> {
    if !from_stdin {
        return rpassword::prompt_password("Value: ").context("a value cannot be asked for here, see --value-stdin");
    }
    let mut value = String::new();
    std::io::stdin().lock().take(65_536).read_to_string(&mut value).context("stdin cannot be read")?;
    // A file ends with a line break that is not meant.
    Ok(value.strip_suffix('\n').map_or(value.as_str(), |value| value.trim_end_matches('\r')).to_owned())
}

fn set(secret: &Value) -> String {
    let name = field(secret, "name");
    format!("Secret {name} is set. Hooks use it as {{{{{{{name}}}}}}}.")
}

fn removed(secret: &Value) -> String {
    format!("Secret {} is removed.", field(secret, "name"))
}

fn list(secrets: &Value) -> String {
    let secrets = secrets.as_array().map(Vec::as_slice).unwrap_or_default();
    if secrets.is_empty() {
        return "There are no secrets. Set one with `farhook secret set NAME`.".to_owned();
    }
    let row = |secret: &Value| vec![field(secret, "name"), field(secret, "updated_at")];
    table(&["NAME", "SET"], &secrets.iter().map(row).collect::<Vec<_>>())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_secret_is_told_by_its_name_alone() {
        assert_eq!(set(&json!({ "name": "KEY" })), "Secret KEY is set. Hooks use it as {{{KEY}}}.");
        let secrets = json!([{ "name": "KEY", "updated_at": "2016-04-16" }]);
        assert_eq!(list(&secrets), "NAME  SET\nKEY   2016-04-16");
    }
}
