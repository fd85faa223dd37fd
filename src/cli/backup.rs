//! `farhook backup`, `farhook restore`: everything that was set up, in one file, and back.

use std::fs;
use std::io;
use std::io::BufRead;
use std::io::IsTerminal;
use std::io::Read;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::path::PathBuf;

use anyhow::Context;
use anyhow::bail;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use clap::Args;
use serde_json::Value;
use serde_json::json;

use crate::backup;
use crate::bus::protocol::Request;
use crate::cli::client::Gateway;
use crate::cli::print;
use crate::cli::print::Output;
use crate::cli::print::counted;
use crate::cli::print::field;
use crate::cli::print::one_line;
use crate::model::Hidden;

/// Write everything that is set up into one file: users, devices, products, hooks
///
/// With a passphrase the secrets are in it, too: passwords, tokens, named secrets, the secret parts of hooks. It is
/// asked for on a terminal; nothing, or no terminal, makes a backup without secrets. Devices keep their keys either
/// way. What waits to be sent is not in a backup. See docs/backup.md.
#[derive(Debug, Args)]
pub(super) struct Backup {
    /// The file, which must not be there yet; without it farhook-backup-DATE.tar.gz in this folder
    file: Option<PathBuf>,
    #[command(flatten)]
    passphrase: Passphrase,
}

/// Put what is in a backup in the place of everything that is set up
///
/// With the passphrase everything is as it was. Without it, you keep your account and have what was the owner's, the
/// other users need a new password, and hooks whose secrets are missing are switched off; the command tells which.
#[derive(Debug, Args)]
pub(super) struct Restore {
    /// The backup
    file: PathBuf,
    #[command(flatten)]
    passphrase: Passphrase,
    /// Do not ask whether everything shall be replaced
    #[arg(long)]
    yes: bool,
}

/// Where a passphrase comes from.
#[derive(Debug, Args)]
struct Passphrase {
    /// Read the passphrase from stdin, without asking for it
    #[arg(long)]
    passphrase_stdin: bool,
}

impl Backup {
    pub(super) async fn run(self, gateway: &Gateway, out: &mut Output) -> anyhow::Result<()> {
        if let Some(file) = self.file.as_deref().filter(|file| file.exists()) {
            bail!("{} is there already; a backup overwrites nothing", file.display());
        }
        let passphrase = match gateway.host()? {
            // It would be refused: the secrets stay where they are.
            Some(_) if !self.passphrase.passphrase_stdin => None,
            _ => self.passphrase.read_new()?,
        };
        let mut made = gateway.ask(&Request::Backup { passphrase }).await?;
        save(&mut made, self.file)?;
        out.show(&made, backed_up).context("stdout takes nothing")
    }
}

impl Restore {
    pub(super) async fn run(self, gateway: &Gateway, out: &mut Output) -> anyhow::Result<()> {
        if let Some(host) = gateway.host()? {
            bail!("a backup can be restored only at the gateway itself, not from afar at {host}");
        }
        let name = self.file.display();
        let mut bytes = Vec::new();
        let file = fs::File::open(&self.file).with_context(|| format!("{name} cannot be read"))?;
        // One more tells that it is too large.
        let most_bytes = backup::FILE_BYTES as u64 + 1;
        file.take(most_bytes).read_to_end(&mut bytes).with_context(|| format!("{name} cannot be read"))?;
        let backup = backup::describe(&bytes).with_context(|| format!("{name} cannot be restored"))?;
        let passphrase =
            if backup.has_secrets || self.passphrase.passphrase_stdin { self.passphrase.read()? } else { None };
        if !self.yes {
            let now = gateway.ask(&Request::Status).await?;
            ask(&question(&now, &json!(backup), passphrase.is_some()))?;
        }
        let file = Hidden::new(STANDARD.encode(bytes));
        let report = gateway.ask(&Request::Restore { file, passphrase }).await?;
        out.show(&report, restored).context("stdout takes nothing")
    }
}

impl Passphrase {
    /// The passphrase of a backup that exists; none if there is nobody to ask, or they have none.
    fn read(&self) -> anyhow::Result<Option<Hidden>> {
        let passphrase = if self.passphrase_stdin {
            let mut passphrase = String::new();
            io::stdin().lock().take(4_096).read_to_string(&mut passphrase).context("stdin cannot be read")?;
            let passphrase = passphrase.trim_end_matches(['\r', '\n']).to_owned();
            if passphrase.is_empty() {
                bail!("there is no passphrase on stdin");
            }
            passphrase
        } else if io::stdin().is_terminal() {
            rpassword::prompt_password("Passphrase (nothing: without the secrets): ")
                .context("a passphrase cannot be asked for here, see --passphrase-stdin")?
        } else {
            String::new()
        };
        Ok(Some(passphrase).filter(|passphrase| !passphrase.is_empty()).map(Hidden::new))
    }

    /// A passphrase to be chosen: who types it, types it twice.
    fn read_new(&self) -> anyhow::Result<Option<Hidden>> {
        let passphrase = self.read()?;
        if let (Some(passphrase), false) = (&passphrase, self.passphrase_stdin) {
            if rpassword::prompt_password("Again: ")? != passphrase.reveal() {
                bail!("these were two different passphrases");
            }
        }
        Ok(passphrase)
    }
}

/// Writes the file that a reply has in `file`, as `to` or as the reply calls it; the reply has its path then.
pub(super) fn save(reply: &mut Value, to: Option<PathBuf>) -> anyhow::Result<()> {
    let bytes = reply["file"].as_str().and_then(|file| STANDARD.decode(file).ok());
    let bytes = bytes.context("the gateway's answer cannot be understood")?;
    let to = match to {
        Some(to) => to,
        // A gateway somewhere else shall not choose a folder.
        None => Path::new(reply["name"].as_str().unwrap_or_default()).file_name().context("it has no name")?.into(),
    };
    write_new(&to, &bytes)?;
    if let Some(reply) = reply.as_object_mut() {
        reply.shift_remove("name");
        reply.insert("file".to_owned(), json!(to));
        reply.insert("bytes".to_owned(), json!(bytes.len()));
    }
    Ok(())
}

/// Writes a file that only its owner can read, and that was not there before.
fn write_new(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    let name = path.display();
    let file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    let mut file = match file {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => bail!("{name} is there already"),
        file => file.with_context(|| format!("{name} cannot be written"))?,
    };
    let written = file.write_all(bytes).and_then(|()| file.sync_all());
    if written.is_err() {
        // Half a file would pass for a whole one.
        let _ = fs::remove_file(path);
    }
    written.with_context(|| format!("{name} cannot be written"))
}

fn ask(question: &str) -> anyhow::Result<()> {
    if !io::stdin().is_terminal() {
        bail!("{question}\nNobody can be asked here; say --yes if that is meant.");
    }
    print::complain_plainly(&format!("{question}\nType yes to go on:"));
    let mut answer = String::new();
    io::stdin().lock().read_line(&mut answer).context("stdin cannot be read")?;
    if answer.trim().eq_ignore_ascii_case("yes") { Ok(()) } else { bail!("nothing was changed") }
}

fn question(now: &Value, backup: &Value, with_secrets: bool) -> String {
    let manner = if with_secrets {
        "with its secrets: passwords and tokens will be those of the backup"
    } else {
        "without secrets: named secrets, and the passwords and tokens of all but the owner, will be gone"
    };
    format!(
        "Everything that is set up here ({}) will be replaced by the backup of {} ({}), {manner}.",
        things(now),
        field(backup, "created_at"),
        things(&backup["counts"])
    )
}

fn things(counts: &Value) -> String {
    let [users, devices, hooks] = [("users", "user"), ("devices", "device"), ("hooks", "hook")]
        .map(|(more, one)| counted(&counts[more], one, more));
    format!("{users}, {devices}, {hooks}")
}

fn backed_up(made: &Value) -> String {
    let secrets = if made["has_secrets"] == true {
        "The secrets are in it, sealed: without the passphrase nobody can read them, you neither."
    } else {
        "The secrets are not in it: a restore needs them to be given again."
    };
    format!("{} has {}.\n{secrets}", field(made, "file"), things(&made["counts"]))
}

fn restored(report: &Value) -> String {
    let backup = &report["backup"];
    let mut lines = vec![format!("Restored: {}, as of {}.", things(&backup["counts"]), field(backup, "created_at"))];
    if report["is_whole"] == true {
        lines.push("Everything is as it was; passwords and tokens are those of the backup.".to_owned());
    }
    let list = |key: &str| report[key].as_array().cloned().unwrap_or_default();
    for hook in list("disabled_hooks") {
        let missing: Vec<_> =
            hook["missing"].as_array().into_iter().flatten().filter_map(Value::as_str).map(one_line).collect();
        let hook = named(&hook, "event");
        lines.push(format!("{hook} is switched off, its secrets are missing: {}", missing.join(", ")));
    }
    for hook in list("lost_hooks") {
        lines.push(format!("{} cannot be used by this version, and is not there.", named(&hook, "called")));
    }
    for (key, told) in [
        ("users_without_password", "User {} has no password: farhook user password {}"),
        ("missing_secrets", "Secret {} has to be set again: farhook secret set"),
        ("missing_programs", "Program {} has to be registered again."),
    ] {
        for name in list(key) {
            lines.push(told.replace("{}", &one_line(name.as_str().unwrap_or_default())));
        }
    }
    lines.join("\n")
}

/// A hook of a report: its id, what it is called, and whose it is, as far as that is known.
fn named(hook: &Value, called: &str) -> String {
    let known = |key: &str| hook[key].as_str().map(one_line);
    let called = known(called).map(|called| format!(" ({called})")).unwrap_or_default();
    let user = known("user").map(|user| format!(" of {user}")).unwrap_or_default();
    format!("Hook {}{called}{user}", field(hook, "id"))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_file_is_written_for_its_owner_and_overwrites_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("b.tar.gz");
        let reply = || json!({ "name": "../../x", "file": STANDARD.encode(b"abc"), "has_secrets": false });
        let mut first = reply();
        save(&mut first, Some(path.clone())).unwrap();
        assert_eq!(first, json!({ "file": path, "has_secrets": false, "bytes": 3 }));
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        let refused = save(&mut reply(), Some(path.clone())).unwrap_err().to_string();
        assert!(refused.ends_with("b.tar.gz is there already"), "{refused}");
        assert_eq!(fs::read(path).unwrap(), b"abc");
    }

    #[test]
    fn what_is_left_to_do_is_told() {
        let counts = json!({ "users": 1, "devices": 2, "products": 0, "hooks": 3, "secrets": 1 });
        let report = json!({
            "backup": { "created_at": "2016-04-16T13:37:08.728Z", "counts": counts },
            "is_whole": false,
            "disabled_hooks": [
                { "id": "0123", "event": "temp", "user": null, "missing": ["headers", "API_KEY"] },
                { "id": "4567", "event": "door", "user": "you", "missing": ["url"] },
            ],
            "lost_hooks": [
                { "id": "89ab", "called": "a\nb", "user": "you" },
                { "id": "cdef", "called": null, "user": null },
            ],
            "users_without_password": ["you"],
            "missing_secrets": ["API_KEY of me"],
            "missing_programs": [],
        });
        assert_eq!(
            restored(&report),
            "Restored: 1 user, 2 devices, 3 hooks, as of 2016-04-16T13:37:08.728Z.\n\
             Hook 0123 (temp) is switched off, its secrets are missing: headers, API_KEY\n\
             Hook 4567 (door) of you is switched off, its secrets are missing: url\n\
             Hook 89ab (a\\nb) of you cannot be used by this version, and is not there.\n\
             Hook cdef cannot be used by this version, and is not there.\n\
             User you has no password: farhook user password you\n\
             Secret API_KEY of me has to be set again: farhook secret set"
        );
        let asked = question(&json!({ "users": 0, "devices": 1, "hooks": 0 }), &report["backup"], true);
        assert!(asked.contains("(0 users, 1 device, 0 hooks) will be replaced"), "{asked}");
    }
}
