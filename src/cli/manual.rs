//! `farhook manual`: the manual pages, and the completions for shells, written into a folder for whoever packages
//! farhook. All of them are made from the commands themselves, so they say what `--help` says.

mod settings;

use std::fs;
use std::path::Path;
use std::path::PathBuf;

use anyhow::Context;
use clap::Args;
use clap::CommandFactory;
use clap_complete::Shell;
use serde_json::json;

use crate::cli::Cli;
use crate::cli::print::Output;

/// Shells that get completions.
const SHELLS: [Shell; 3] = [Shell::Bash, Shell::Zsh, Shell::Fish];

/// Write the manual pages, and completions for bash, zsh and fish, into a folder
///
/// Pages are written to man/man1 and man/man5 of it, completions to completions. `man -M DIR/man farhook` shows them.
#[derive(Debug, Args)]
pub(super) struct Manual {
    /// The folder; made if it is missing
    #[arg(value_name = "DIR")]
    folder: PathBuf,
}

impl Manual {
    pub(super) fn run(&self, out: &mut Output) -> anyhow::Result<()> {
        let folder = self.folder.display();
        write(&self.folder).with_context(|| format!("{folder} cannot be written"))?;
        out.show(&json!({ "folder": self.folder }), |_| format!("written into {folder}"))
            .context("stdout takes nothing")
    }
}

fn write(folder: &Path) -> anyhow::Result<()> {
    let [commands, files, completions] = ["man/man1", "man/man5", "completions"].map(|below| folder.join(below));
    for folder in [&commands, &files, &completions] {
        fs::create_dir_all(folder)?;
    }
    clap_mangen::generate_to(Cli::command(), commands)?;
    fs::write(files.join("farhook.toml.5"), settings::page())?;
    for shell in SHELLS {
        clap_complete::generate_to(shell, &mut Cli::command(), "farhook", &completions)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_command_has_a_page_and_is_completed() {
        fn check(folder: &Path, command: &clap::Command, page: &str) {
            assert!(folder.join(format!("man/man1/{page}.1")).is_file(), "{page}");
            command.get_subcommands().for_each(|below| check(folder, below, &format!("{page}-{}", below.get_name())));
        }
        let folder = tempfile::tempdir().unwrap();

        write(folder.path()).unwrap();

        check(folder.path(), &Cli::command(), "farhook");
        for name in ["farhook.bash", "_farhook", "farhook.fish"] {
            let text = fs::read_to_string(folder.path().join("completions").join(name)).unwrap();
            assert!(text.contains("diagnostics"), "{name}");
        }
    }
}
