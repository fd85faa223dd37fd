//! `farhook notices`: what a person should read.

use anyhow::Context;
use clap::Args;
use serde_json::Value;

use crate::bus::protocol::Request;
use crate::cli::client::Gateway;
use crate::cli::print::Output;
use crate::cli::print::field;
use crate::cli::print::table;

/// Show what happened that somebody should know; each notice stays until it is read
#[derive(Debug, Args)]
pub(super) struct Notices {
    /// The notice of this number was read
    #[arg(long, value_name = "NUMBER", conflicts_with = "read_all")]
    read: Option<u64>,
    /// All were read
    #[arg(long)]
    read_all: bool,
}

impl Notices {
    pub(super) async fn run(self, gateway: &Gateway, out: &mut Output) -> anyhow::Result<()> {
        if self.read.is_some() || self.read_all {
            let done = gateway.ask(&Request::NoticeRead { number: self.read }).await?;
            let told = |done: &Value| format!("{} notices are read.", field(done, "read"));
            return out.show(&done, told).context("stdout takes nothing");
        }
        out.show(&gateway.ask(&Request::Notices).await?, told).context("stdout takes nothing")
    }
}

fn told(notices: &Value) -> String {
    let notices = notices.as_array().map(Vec::as_slice).unwrap_or_default();
    if notices.is_empty() {
        return "There is nothing to read.".to_owned();
    }
    let row = |notice: &Value| ["number", "at", "times", "hook", "text"].map(|part| field(notice, part)).to_vec();
    table(&["NUMBER", "AT", "TIMES", "HOOK", "WHAT"], &notices.iter().map(row).collect::<Vec<_>>())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn notices_are_told_in_a_table() {
        let notices = json!([{ "number": 1, "at": "2016-04-16T13:37:08.728Z", "times": 2, "hook": "01", "text": "x" }]);
        assert_eq!(
            told(&notices),
            "NUMBER  AT                        TIMES  HOOK  WHAT\n\
             1       2016-04-16T13:37:08.728Z  2      01    x"
        );
        assert_eq!(told(&json!([])), "There is nothing to read.");
    }
}
