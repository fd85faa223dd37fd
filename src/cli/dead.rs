//! `farhook dead`, `farhook replay`, `farhook discard`: deliveries that were given up.

use std::num::NonZeroUsize;

use anyhow::Context;
use anyhow::bail;
use anyhow::ensure;
use clap::Args;
use serde_json::Value;

use crate::bus::protocol::Chosen;
use crate::bus::protocol::Request;
use crate::cli::client::Gateway;
use crate::cli::input;
use crate::cli::print::Output;
use crate::cli::print::counted;
use crate::cli::print::field;
use crate::cli::print::one_line;
use crate::cli::print::table;
use crate::model::HookId;
use crate::model::WallTime;

const NONE: &str = "there are no such dead letters";

/// List dead letters: deliveries that were given up, newest first
#[derive(Debug, Args)]
pub(super) struct Dead {
    #[command(flatten)]
    range: Range,
    /// How many
    #[arg(long, short = 'n', default_value = "50", value_name = "N")]
    count: NonZeroUsize,
}

/// Send dead letters again: they wait as if they had just been published
#[derive(Debug, Args)]
pub(super) struct Replay {
    #[command(flatten)]
    some: Some,
}

/// Throw dead letters away
#[derive(Debug, Args)]
pub(super) struct Discard {
    #[command(flatten)]
    some: Some,
}

#[derive(Debug, Args)]
struct Range {
    /// Only those of this hook
    #[arg(long, value_name = "HOOK")]
    hook: Option<HookId>,
    /// Only those that were given up then or later: 2026-11-24T18:00, 2026-11-24T18:00:00Z, or 2h for two hours ago
    #[arg(long, value_name = "TIME", value_parser = input::time)]
    from: Option<WallTime>,
    /// Only those that were given up before
    #[arg(long, value_name = "TIME", value_parser = input::time)]
    until: Option<WallTime>,
}

#[derive(Debug, Args)]
struct Some {
    /// One dead letter, as `farhook dead` lists it
    #[arg(value_name = "DELIVERY", conflicts_with_all = ["hook", "from", "until", "all"])]
    id: Option<String>,
    #[command(flatten)]
    range: Range,
    /// All of them
    #[arg(long)]
    all: bool,
}

impl Dead {
    pub(super) async fn run(self, gateway: &Gateway, out: &mut Output) -> anyhow::Result<()> {
        let letters = gateway.ask(&Request::Dead { which: self.range.chosen(), count: self.count.get() }).await?;
        out.show(&letters, told).context("stdout takes nothing")
    }
}

impl Replay {
    pub(super) async fn run(self, gateway: &Gateway, out: &mut Output) -> anyhow::Result<()> {
        let done = gateway.ask(&Request::Replay { which: self.some.chosen()? }).await?;
        let told =
            |done: &Value| format!("Waiting again: {}.", counted(&done["replayed"], "dead letter", "dead letters"));
        ensure!(done["replayed"] != 0, NONE);
        out.show(&done, told).context("stdout takes nothing")?;
        match done["refused"].as_str() {
            Option::Some(reason) => bail!("the others are still dead: {}", one_line(reason)),
            None => Ok(()),
        }
    }
}

impl Discard {
    pub(super) async fn run(self, gateway: &Gateway, out: &mut Output) -> anyhow::Result<()> {
        let done = gateway.ask(&Request::Discard { which: self.some.chosen()? }).await?;
        let told =
            |done: &Value| format!("Thrown away: {}.", counted(&done["discarded"], "dead letter", "dead letters"));
        ensure!(done["discarded"] != 0, NONE);
        out.show(&done, told).context("stdout takes nothing")
    }
}

impl Range {
    fn chosen(self) -> Chosen {
        Chosen { id: None, hook: self.hook, from: self.from, until: self.until }
    }
}

impl Some {
    /// # Errors
    /// When nothing is chosen: that could mean all, and it could be a slip.
    fn chosen(self) -> anyhow::Result<Chosen> {
        let chosen = Chosen { id: self.id, ..self.range.chosen() };
        if chosen == Chosen::default() && !self.all {
            bail!("say which: one as it is listed, --hook, --from, --until, or --all");
        }
        Ok(chosen)
    }
}

fn told(letters: &Value) -> String {
    let letters = letters.as_array().map(Vec::as_slice).unwrap_or_default();
    if letters.is_empty() {
        return "There are no dead letters.".to_owned();
    }
    let row = |letter: &Value| {
        let event = &letter["event"];
        let begin = [field(letter, "id"), field(letter, "at"), field(event, "name"), field(event, "coreid")];
        [begin.to_vec(), vec![field(letter, "cause"), field(letter, "reason")]].concat()
    };
    table(&["DELIVERY", "GIVEN UP", "EVENT", "FROM", "CAUSE", "REASON"], &letters.iter().map(row).collect::<Vec<_>>())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn dead_letters_are_told_in_a_table() {
        let letters = json!([{
            "id": "01-7", "at": "2016-04-16T13:37:08.728Z", "event": { "name": "temp", "coreid": "api" },
            "cause": "failed", "reason": "status 500",
        }]);
        assert_eq!(
            told(&letters),
            "DELIVERY  GIVEN UP                  EVENT  FROM  CAUSE   REASON\n\
             01-7      2016-04-16T13:37:08.728Z  temp   api   failed  status 500"
        );
        assert_eq!(told(&json!([])), "There are no dead letters.");
    }
}
