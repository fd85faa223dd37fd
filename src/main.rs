//! The `farhook` command.

use std::process::ExitCode;

fn main() -> ExitCode {
    farhook::cli::run()
}
