//! The `farhook` command: what can be said, and who does it. `main` calls [`run`] and nothing else.
//!
//! `run` becomes the daemon; `check-config`, `hook preview`, `ble decode`, `user hash`, `manual` and `demo` work alone;
//! `login` and `logout` choose a gateway somewhere else; all others ask that one over HTTP, or a running daemon through
//! its socket. Each command prints through `Output` and fails with an error, which is told here, once, on stderr.
//!
//! Exit codes: 0 done, 1 refused or failed, 2 not understood.

mod adverts;
mod backup;
mod ble;
mod client;
mod dead;
mod demo;
mod device;
mod diagnostics;
mod doctor;
mod events;
mod hook;
mod input;
mod limits;
mod log;
mod login;
mod manual;
mod notices;
mod preview;
mod print;
mod product;
mod queue;
mod radio;
mod remote;
mod secret;
mod sensor;
mod service;
mod session;
mod source;
mod status;
mod token;
mod user;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use clap::Args;
use clap::Parser;
use clap::Subcommand;

use crate::chance::Chance;
use crate::cli::client::Gateway;
use crate::cli::print::Output;

/// The local half of a webhook cloud.
///
/// Devices publish events over MQTT, hooks turn events into web requests, and the answers go back to the devices. What
/// was acknowledged is on disk: an outage of the internet delays requests and loses none.
#[derive(Debug, Parser)]
#[command(name = "farhook", version, max_term_width = 100, after_help = EXIT_CODES, after_long_help = LONG_END)]
struct Cli {
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    shared: Shared,
}

#[derive(Debug, Args)]
struct Shared {
    /// The daemon's data folder
    ///
    /// `run` keeps its data there; the other commands find the daemon by it. Without it, `run` takes systemd's
    /// `STATE_DIRECTORY` or else ./farhook-data, and the others ask the gateway that you logged in to, else the
    /// system's (/run/farhook), else one that runs on ./farhook-data.
    #[arg(long, global = true, env = "FARHOOK_DATA", value_name = "DIR", display_order = 100)]
    data: Option<PathBuf>,
    /// Whose things are meant, at the gateway; without it the owner's
    #[arg(long, global = true, value_name = "NAME", display_order = 100)]
    user: Option<String>,
    /// Print JSON: one value, or one line for each event
    #[arg(long, global = true, display_order = 101)]
    json: bool,
}

const EXIT_CODES: &str = "Exit code: 0 done, 1 refused or failed (the reason is on stderr), 2 not understood.";

const LONG_END: &str = "\
The first webhook, with `farhook run` in another terminal:

  farhook device add kitchen
  farhook hook create temp https://example.com/readings
  farhook events

`farhook demo` shows all of it in a few seconds, and leaves nothing behind.

Exit code: 0 done, 1 refused or failed (the reason is on stderr), 2 not understood.";

#[derive(Debug, Subcommand)]
enum Command {
    Run(service::Run),
    CheckConfig(service::CheckConfig),
    /// Devices: who may publish
    #[command(subcommand)]
    Device(device::Command),
    /// Hooks: what is requested when something is published
    #[command(subcommand)]
    Hook(hook::Command),
    Events(events::Events),
    Publish(events::Publish),
    /// Show how the daemon is, and what waits
    Status,
    Queue(queue::Queue),
    Cancel(queue::Cancel),
    Log(log::Log),
    Dead(dead::Dead),
    Replay(dead::Replay),
    Discard(dead::Discard),
    /// Show what is used of each limit, and when more is free
    Limits,
    Notices(notices::Notices),
    /// Users: who may log in
    #[command(subcommand)]
    User(user::Command),
    /// Show the code with which somebody becomes the owner of a gateway that has none
    Claim,
    Login(login::Login),
    /// Log out of the gateway that you logged in to
    Logout,
    /// Products: fleets of devices that share hooks
    #[command(subcommand)]
    Product(product::Command),
    /// Secrets: named values that hooks may use
    #[command(subcommand)]
    Secret(secret::Command),
    /// Access tokens
    #[command(subcommand)]
    Token(token::Command),
    /// MQTT sessions that outlive their connection, of devices that sleep
    #[command(subcommand)]
    Session(session::Command),
    /// Sensors with Bluetooth Low Energy
    #[command(subcommand)]
    Ble(ble::Command),
    /// Devices that you already have, behind Tasmota, Zigbee2MQTT and the like
    #[command(subcommand)]
    Source(source::Command),
    Backup(backup::Backup),
    Restore(backup::Restore),
    Diagnostics(diagnostics::Diagnostics),
    Doctor(doctor::Doctor),
    Manual(manual::Manual),
    /// Show a webhook from end to end, with a gateway of its own that is gone afterwards
    Demo,
}

/// Does what the process was started for.
pub fn run() -> ExitCode {
    let Cli { command, shared } = Cli::parse();
    let mut out = Output::stdout(shared.json);
    match dispatch(command, shared, &mut out) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            print::complain(&print::reason(&error));
            ExitCode::FAILURE
        }
    }
}

fn dispatch(command: Command, shared: Shared, out: &mut Output) -> anyhow::Result<()> {
    match command {
        // The daemon makes threads of its own.
        Command::Run(run) => run.become_daemon(shared.data, shared.json),
        Command::CheckConfig(check) => check.run(out),
        Command::Manual(manual) => manual.run(out),
        Command::Hook(hook::Command::Preview(preview)) => preview.run(out),
        Command::Ble(ble::Command::Decode(decode)) => decode.run(out),
        Command::User(user::Command::Hash(owner)) => user::hash(owner, Chance::from_os().bytes(), out),
        command => {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.context("cannot start")?.block_on(ask(command, Gateway::at(shared.data, shared.user), out))
        }
    }
}

async fn ask(command: Command, gateway: Gateway, out: &mut Output) -> anyhow::Result<()> {
    match command {
        Command::Device(device) => device.run(&gateway, out).await,
        Command::Hook(hook) => hook.run(&gateway, out).await,
        Command::Events(events) => events.run(&gateway, out).await,
        Command::Publish(publish) => publish.run(&gateway, out).await,
        Command::Status => status::show(&gateway, out).await,
        Command::Queue(queue) => queue.run(&gateway, out).await,
        Command::Cancel(cancel) => cancel.run(&gateway, out).await,
        Command::Log(log) => log.run(&gateway, out).await,
        Command::Dead(dead) => dead.run(&gateway, out).await,
        Command::Replay(replay) => replay.run(&gateway, out).await,
        Command::Discard(discard) => discard.run(&gateway, out).await,
        Command::Limits => limits::show(&gateway, out).await,
        Command::Notices(notices) => notices.run(&gateway, out).await,
        Command::Session(session) => session.run(&gateway, out).await,
        Command::Token(token) => token.run(&gateway, out).await,
        Command::User(user) => user.run(&gateway, out).await,
        Command::Claim => user::claim(&gateway, out).await,
        Command::Login(login) => login.run(out).await,
        Command::Logout => login::logout(out).await,
        Command::Product(product) => product.run(&gateway, out).await,
        Command::Ble(ble) => ble.run(&gateway, out).await,
        Command::Source(source) => source.run(&gateway, out).await,
        Command::Secret(secret) => secret.run(&gateway, out).await,
        Command::Backup(backup) => backup.run(&gateway, out).await,
        Command::Restore(restore) => restore.run(&gateway, out).await,
        Command::Diagnostics(diagnostics) => diagnostics.run(&gateway, out).await,
        Command::Doctor(doctor) => doctor.run(&gateway, out).await,
        Command::Demo => demo::run(out).await,
        Command::Run(_) | Command::CheckConfig(_) | Command::Manual(_) => unreachable!("they need no runtime"),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;
    use clap::error::ErrorKind;

    use super::*;

    fn parsed(line: &str) -> Result<Cli, ErrorKind> {
        Cli::try_parse_from(line.split(' ')).map_err(|error| error.kind())
    }

    #[test]
    fn the_commands_do_not_contradict_each_other() {
        Cli::command().debug_assert();
    }

    #[test]
    #[expect(clippy::too_many_lines, reason = "one long list")]
    fn every_documented_line_is_understood() {
        for line in [
            "farhook run",
            "farhook run --data d --config f.toml --json",
            "farhook check-config",
            "farhook check-config f.toml --json",
            "farhook device add kitchen",
            "farhook device list --json",
            "farhook --json device show kitchen",
            "farhook device key kitchen --data d",
            "farhook device remove kitchen",
            "farhook hook create hook.json",
            "farhook hook create -",
            "farhook hook create temp https://example.com --force",
            "farhook hook list",
            "farhook hook show 0123456789abcdef01234567",
            "farhook hook delete 0123456789abcdef01234567",
            "farhook hook enable 0123456789abcdef01234567",
            "farhook hook disable 0123456789abcdef01234567",
            "farhook hook resume 0123456789abcdef01234567",
            "farhook hook try 0123456789abcdef01234567",
            "farhook hook test 0123456789abcdef01234567 --event e.json",
            "farhook hook preview --hook h.json --event - --default-body form --show-secrets",
            "farhook events",
            "farhook events temp --count 3 --json",
            "farhook publish temp 21.5",
            "farhook publish temp -21.5",
            "farhook publish temp",
            "farhook status",
            "farhook queue --json",
            "farhook cancel 0123456789abcdef01234567-5",
            "farhook cancel --hook 0123456789abcdef01234567",
            "farhook log",
            "farhook log 0123456789abcdef01234567 -n 5 --full",
            "farhook dead --hook 0123456789abcdef01234567 --from 2h",
            "farhook replay 0123456789abcdef01234567-5",
            "farhook replay --from 2026-11-24T18:00:00Z --until 2026-11-24T19:00",
            "farhook replay --all",
            "farhook discard --hook 0123456789abcdef01234567",
            "farhook limits --json",
            "farhook notices",
            "farhook notices --read 3",
            "farhook notices --read-all",
            "farhook user add me@example.com --password-stdin --json",
            "farhook user list",
            "farhook user password me@example.com",
            "farhook user mfa me@example.com --off",
            "farhook user remove you",
            "farhook user hash me@example.com --password-stdin",
            "farhook claim",
            "farhook login http://raspberrypi.local:8484 --name me --password-stdin",
            "farhook login https://raspberrypi.local:8443 --certificate c.pem",
            "farhook logout",
            "farhook device add kitchen --user you",
            "farhook device claim 0123456789abcdef01234567",
            "farhook device rename kitchen cellar",
            "farhook device note kitchen south-wall",
            "farhook product create greenhouse --description x",
            "farhook product list --user you --json",
            "farhook product show greenhouse",
            "farhook product add greenhouse kitchen",
            "farhook product remove greenhouse kitchen",
            "farhook product delete 1001",
            "farhook hook list --product greenhouse",
            "farhook hook create hook.json --product greenhouse --user you",
            "farhook secret set API_KEY --value-stdin",
            "farhook ble scan --json",
            "farhook ble adopt A4:C1:38:11:22:33 --name kitchen --bind-key 231d39c1d7cc1ab1aee224cd096db932",
            "farhook ble adopt A4:C1:38:11:22:33 --name kitchen --bind-key-stdin",
            "farhook ble adopt A4:C1:38:11:22:33 A4:C1:38:11:22:34 --prefix shed",
            "farhook ble adopt --model bthome --prefix shed",
            "farhook ble set kitchen --bind-key-stdin",
            "farhook ble set kitchen --max-interval 600 --deadband temperature=0.5 --deadband humidity=2",
            "farhook ble forget kitchen",
            "farhook ble list",
            "farhook source add house --preset tasmota",
            "farhook source set house --rules greenhouse",
            "farhook source list --json",
            "farhook source devices",
            "farhook source devices house",
            "farhook source adopt house kitchen-plug hall-plug",
            "farhook source adopt house kitchen-plug --name kitchen",
            "farhook source forget kitchen",
            "farhook secret list",
            "farhook secret remove API_KEY",
            "farhook token create --user you --expires-in 3600",
            "farhook token create",
            "farhook token list",
            "farhook token revoke 0123",
            "farhook session list",
            "farhook session list kitchen --json",
            "farhook session end kitchen",
            "farhook session end kitchen esp32-1 --user you",
            "farhook backup",
            "farhook backup b.tar.gz --passphrase-stdin --json",
            "farhook restore b.tar.gz --passphrase-stdin --yes",
            "farhook diagnostics d.tar.gz",
            "farhook doctor",
            "farhook doctor --config f.toml --json",
            "farhook manual d",
            "farhook ble decode",
            "farhook ble decode adverts.jsonl --json",
            "farhook demo",
        ] {
            assert!(parsed(line).is_ok(), "{line}");
        }
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        for (line, kind) in [
            ("farhook", ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand),
            ("farhook walk", ErrorKind::InvalidSubcommand),
            ("farhook device", ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand),
            ("farhook device add", ErrorKind::MissingRequiredArgument),
            ("farhook session end", ErrorKind::MissingRequiredArgument),
            ("farhook device add a b", ErrorKind::UnknownArgument),
            ("farhook hook show 5", ErrorKind::ValueValidation),
            ("farhook hook preview --hook h.json", ErrorKind::MissingRequiredArgument),
            ("farhook hook create a b c", ErrorKind::UnknownArgument),
            ("farhook cancel", ErrorKind::MissingRequiredArgument),
            ("farhook replay 0123-5 --all", ErrorKind::ArgumentConflict),
            ("farhook dead --from tomorrow", ErrorKind::ValueValidation),
            ("farhook events --count 0", ErrorKind::ValueValidation),
        ] {
            assert_eq!(parsed(line).err(), Some(kind), "{line}");
        }
    }

    #[test]
    fn every_command_explains_itself() {
        fn check(command: &clap::Command) {
            assert!(command.get_about().is_some(), "{}", command.get_name());
            for argument in command.get_arguments() {
                assert!(argument.get_help().is_some(), "{} {}", command.get_name(), argument.get_id());
            }
            command.get_subcommands().for_each(check);
        }
        check(&Cli::command());
    }
}
