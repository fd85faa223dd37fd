//! `farhook user …`, `farhook claim`: who may log in. `user hash` alone asks no gateway.

use anyhow::Context;
use anyhow::bail;
use clap::Args;
use clap::Subcommand;
use serde_json::Value;
use serde_json::json;

use crate::accounts::preset_line;
use crate::bus::protocol::Request;
use crate::cli::client::Gateway;
use crate::cli::input;
use crate::cli::print::Output;
use crate::cli::print::field;
use crate::cli::print::pairs;
use crate::cli::print::table;
use crate::model::Hidden;
use crate::registry::UserName;

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Add a user; the first one owns the gateway, and all that was made before
    Add(WithPassword),
    /// List all users
    List,
    /// Remove a user, with their hooks, products, secrets and tokens; their devices are released
    Remove {
        /// The user's name
        name: String,
    },
    /// Give a user another password; all their tokens end
    Password(WithPassword),
    /// Ask a user for one-time passwords of an authenticator app, beside the password
    Mfa {
        /// The user's name
        name: String,
        /// Ask for them no more
        #[arg(long)]
        off: bool,
    },
    /// Print the line that makes somebody the owner of a gateway that was never started
    ///
    /// It is `NAME:HASH`, for whoever makes an image: systemd's credential `farhook.owner`, or what the package asks. No
    /// gateway is asked, and none has to be there.
    Hash(WithPassword),
}

#[derive(Debug, Args)]
pub(super) struct WithPassword {
    /// The user's name, often an e-mail address
    name: String,
    #[command(flatten)]
    password: Password,
}

/// Where a password comes from.
#[derive(Debug, Args)]
pub(super) struct Password {
    /// Read the password from stdin, without asking for it
    #[arg(long)]
    password_stdin: bool,
}

impl Command {
    pub(super) async fn run(self, gateway: &Gateway, out: &mut Output) -> anyhow::Result<()> {
        let (request, told): (Request, fn(&Value) -> String) = match self {
            Self::Add(WithPassword { name, password }) => {
                // Before anybody has to think of a password.
                UserName::try_from(name.clone())?;
                (Request::UserAdd { name, password: Hidden::new(password.read_new()?) }, added)
            }
            Self::Password(WithPassword { name, password }) => {
                (Request::UserPassword { name, password: Hidden::new(password.read_new()?) }, changed)
            }
            Self::List => (Request::UserList, list),
            Self::Remove { name } => (Request::UserRemove { name }, removed),
            Self::Mfa { name, off } => (Request::UserMfa { name, on: !off }, mfa),
            Self::Hash(_) => unreachable!("it needs no gateway"),
        };
        out.show(&gateway.ask(&request).await?, told).context("stdout takes nothing")
    }
}

/// Shows the line that makes an owner, with a salt that was just drawn.
pub(super) fn hash(owner: WithPassword, salt: [u8; 16], out: &mut Output) -> anyhow::Result<()> {
    let name = UserName::try_from(owner.name)?;
    let line = preset_line(&name, &owner.password.read_new()?, salt)?;
    out.show(&json!({ "owner": line }), |shown| field(shown, "owner")).context("stdout takes nothing")
}

/// Shows what makes the first user.
pub(super) async fn claim(gateway: &Gateway, out: &mut Output) -> anyhow::Result<()> {
    out.show(&gateway.ask(&Request::ClaimCode).await?, code).context("stdout takes nothing")
}

impl Password {
    /// A password that exists already.
    ///
    /// # Errors
    /// When there is nobody to ask and nothing on stdin.
    pub(super) fn read(&self) -> anyhow::Result<String> {
        if self.password_stdin {
            return input::secret("password");
        }
        rpassword::prompt_password("Password: ").context("a password cannot be asked for here, see --password-stdin")
    }

    /// A password to be chosen: who types it, types it twice.
    fn read_new(&self) -> anyhow::Result<String> {
        let password = self.read()?;
        if !self.password_stdin && rpassword::prompt_password("Again: ")? != password {
            bail!("these were two different passwords");
        }
        Ok(password)
    }
}

fn added(user: &Value) -> String {
    let role = field(user, "role");
    let (name, is_owner) = (field(user, "name"), role == "owner");
    format!("User {name} is added{}.", if is_owner { ", and owns this gateway" } else { "" })
}

fn changed(user: &Value) -> String {
    format!("User {} has another password; their tokens have ended.", field(user, "name"))
}

fn removed(user: &Value) -> String {
    format!("User {} is removed.", field(user, "name"))
}

fn mfa(user: &Value) -> String {
    let name = field(user, "name");
    if user["mfa"] != true {
        return format!("User {name} is not asked for one-time passwords any more.");
    }
    let shown = pairs(&[("secret", field(user, "secret")), ("address", field(user, "url"))]);
    format!(
        "{shown}\n\nPut one of them into an authenticator app. They are shown only this once, and earlier ones hold no\n\
         longer. From now on user {name} is asked for a one-time password at each login."
    )
}

fn list(users: &Value) -> String {
    let users = users.as_array().map(Vec::as_slice).unwrap_or_default();
    if users.is_empty() {
        return "There are no users. The first one owns the gateway: `farhook user add NAME`.".to_owned();
    }
    let row = |user: &Value| {
        let mfa = if user["mfa"] == true { "yes" } else { "no" };
        vec![field(user, "name"), field(user, "role"), mfa.to_owned(), field(user, "created_at")]
    };
    table(&["NAME", "ROLE", "MFA", "CREATED"], &users.iter().map(row).collect::<Vec<_>>())
}

fn code(code: &Value) -> String {
    format!(
        "{}\n\nWhoever has this code becomes the owner of the gateway; it holds until somebody did, or until the next start.\n\
         Here at the gateway, `farhook user add NAME` does the same without it.",
        field(code, "code")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users_are_listed_and_the_owner_is_told_so() {
        let owner = json!({ "name": "me", "role": "owner", "mfa": true, "created_at": "2016-04-16" });
        assert_eq!(added(&owner), "User me is added, and owns this gateway.");
        assert_eq!(list(&json!([owner])), "NAME  ROLE   MFA  CREATED\nme    owner  yes  2016-04-16");
        assert!(list(&json!([])).contains("user add"));
    }
}
