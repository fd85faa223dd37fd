//! `farhook login`, `farhook logout`: using this command line with a gateway somewhere else.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::path::PathBuf;

use anyhow::Context;
use anyhow::anyhow;
use anyhow::bail;
use clap::Args;
use serde_json::Value;
use serde_json::json;

use crate::cli::print::Output;
use crate::cli::remote;
use crate::cli::remote::Login as Kept;
use crate::cli::user::Password;

/// Log in to a gateway somewhere else; all commands talk to it then, until `farhook logout`
///
/// The token goes into a file that only you can read, in ~/.config/farhook. Commands with --data or `FARHOOK_DATA` go
/// on talking to the daemon of that folder.
#[derive(Debug, Args)]
pub(super) struct Login {
    /// The gateway's address, such as `https://raspberrypi.local:8443`
    url: String,
    /// A certificate to trust, and no other: a copy of the gateway's own, tls/certificate.pem in its data folder
    #[arg(long, value_name = "FILE")]
    certificate: Option<PathBuf>,
    /// The name to log in with; it is asked for without this
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// A one-time password, if one is needed; it is asked for without this
    #[arg(long, value_name = "CODE")]
    otp: Option<String>,
    #[command(flatten)]
    password: Password,
}

impl Login {
    pub(super) async fn run(self, out: &mut Output) -> anyhow::Result<()> {
        let url = address(&self.url)?;
        let certificate = self.certificate.map(|file| trusted(&file)).transpose()?;
        if certificate.is_some() && !url.starts_with("https:") {
            bail!("a certificate is for an address that begins with https://");
        }
        let user = match self.name {
            Some(name) => name,
            None => prompt("User name: ")?,
        };
        let password = self.password.read()?;
        let fields =
            [("grant_type", "password"), ("username", &user), ("password", &password), ("client_id", "farhook")];
        let token = match remote::token(&url, certificate.as_deref(), &fields).await? {
            Ok(token) => token,
            Err(refused) if refused["error"] == "mfa_required" => {
                let otp = match self.otp {
                    Some(otp) => otp,
                    None => prompt("One-time password: ")?,
                };
                let mfa_token = refused["mfa_token"].as_str().unwrap_or_default();
                let grant = "urn:custom:mfa-otp";
                let fields = [("grant_type", grant), ("mfa_token", mfa_token), ("otp", &otp), ("client_id", "farhook")];
                let token = remote::token(&url, certificate.as_deref(), &fields).await?;
                token.map_err(|refused| said(&refused))?
            }
            Err(refused) => return Err(said(&refused)),
        };
        let path = Kept { url: url.clone(), user: user.clone(), token, certificate }.keep()?;
        let told = |_: &Value| {
            let told = format!("You are logged in to {url} as {user}; the token is in {}.", path.display());
            match std::env::var_os("FARHOOK_DATA") {
                Some(_) => format!(
                    "{told}\nFARHOOK_DATA is set: until it is not, commands go on talking to that folder's daemon."
                ),
                None => told,
            }
        };
        out.show(&json!({ "url": url, "user": user }), told).context("stdout takes nothing")
    }
}

/// Ends the token and forgets it. A gateway that cannot be reached does not keep anybody logged in.
pub(super) async fn logout(out: &mut Output) -> anyhow::Result<()> {
    let kept = match Kept::kept() {
        Ok(Some(kept)) => kept,
        Ok(None) => bail!("you are not logged in anywhere"),
        // What cannot be read logs nobody in.
        Err(error) => {
            return Kept::forget().and(Err(error.context("the login is forgotten, but the token may still hold")));
        }
    };
    let revoked = kept.revoke().await;
    Kept::forget()?;
    let told = move |_: &Value| match &revoked {
        Ok(()) => "You are logged out.".to_owned(),
        Err(error) => format!("You are logged out here, but the token may still hold: {error:#}"),
    };
    out.show(&json!({ "url": kept.url }), told).context("stdout takes nothing")
}

/// The address without a path.
fn address(url: &str) -> anyhow::Result<String> {
    let parsed = url::Url::parse(url).ok().filter(|parsed| matches!(parsed.scheme(), "http" | "https"));
    let parsed = parsed.with_context(|| format!("{url:?} is no address like http://raspberrypi.local:8484"))?;
    if parsed.path() != "/" || parsed.query().is_some() || !parsed.username().is_empty() {
        bail!("give the address without a path, like http://raspberrypi.local:8484");
    }
    Ok(parsed.origin().ascii_serialization())
}

/// What is in that file, if it is a certificate.
fn trusted(file: &Path) -> anyhow::Result<String> {
    let read = || {
        let pem = fs::read_to_string(file)?;
        remote::certificates(&pem)?;
        anyhow::Ok(pem)
    };
    read().with_context(|| file.display().to_string())
}

fn prompt(question: &str) -> anyhow::Result<String> {
    let mut stderr = std::io::stderr().lock();
    write!(stderr, "{question}").and_then(|()| stderr.flush())?;
    let mut line = String::new();
    std::io::stdin().read_line(&mut line)?;
    let line = line.trim();
    if line.is_empty() { Err(anyhow!("nothing was answered")) } else { Ok(line.to_owned()) }
}

fn said(refused: &Value) -> anyhow::Error {
    match refused["error_description"].as_str().or_else(|| refused["error"].as_str()) {
        Some(said) => anyhow!(said.to_owned()),
        None => anyhow!("that is no gateway: it gave no token and no reason"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_taken_without_its_slash_and_not_with_a_path() {
        assert_eq!(address("http://pi.local:8484/").unwrap(), "http://pi.local:8484");
        assert_eq!(address("https://[::1]").unwrap(), "https://[::1]");
        for bad in ["pi.local:8484", "http://a/b", "http://me@a/", "ftp://a"] {
            assert!(address(bad).is_err(), "{bad}");
        }
    }
}
