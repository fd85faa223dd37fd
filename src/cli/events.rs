//! `farhook events` and `farhook publish`: hearing and saying.

use std::num::NonZeroU64;

use anyhow::Context;
use anyhow::bail;
use clap::Args;
use serde_json::Value;

use crate::bus::protocol::Request;
use crate::cli::client::Gateway;
use crate::cli::client::Heard;
use crate::cli::print;
use crate::cli::print::Output;
use crate::cli::print::field;

/// Watch events as they happen, until Ctrl-C or until the daemon ends
///
/// Events of devices and of users are shown, and what farhook tells of them: hook-sent, hook-response, hook-error. At
/// the gateway everybody's, unless --user says whose; from elsewhere your own.
#[derive(Debug, Args)]
pub(super) struct Events {
    /// Show only events whose name begins so
    #[arg(default_value = "", hide_default_value = true)]
    prefix: String,
    /// End after this many events
    #[arg(long, value_name = "N")]
    count: Option<NonZeroU64>,
}

/// Publish an event as a user
///
/// It triggers hooks as an event of a device does.
#[derive(Debug, Args)]
pub(super) struct Publish {
    /// The event's name, at most 64 characters
    name: String,
    /// The event's data, at most 16384 bytes
    // `--data` is the daemon's folder, and ids are one space.
    #[arg(id = "event-data", value_name = "DATA", default_value = "", hide_default_value = true)]
    #[arg(allow_hyphen_values = true)]
    data: String,
}

impl Events {
    pub(super) async fn run(self, gateway: &Gateway, out: &mut Output) -> anyhow::Result<()> {
        let mut tail = gateway.events(self.prefix).await?;
        let mut shown = 0;
        while self.count.is_none_or(|count| shown < count.get()) && !out.is_closed() {
            match tail.next().await? {
                Some(Heard::Event(event)) => {
                    out.show(&event, line).context("stdout takes nothing")?;
                    shown += 1;
                }
                Some(Heard::Missed(events)) => print::complain(&events),
                None => {
                    if let Some(count) = self.count {
                        bail!("the gateway ended after {shown} of {count} events");
                    }
                    print::complain("the gateway ended");
                    break;
                }
            }
        }
        Ok(())
    }
}

impl Publish {
    pub(super) async fn run(self, gateway: &Gateway, out: &mut Output) -> anyhow::Result<()> {
        let told = format!("Published {}.", print::one_line(&self.name));
        let reply = gateway.ask(&Request::Publish { name: self.name, data: self.data }).await?;
        out.show(&reply, |_| told).context("stdout takes nothing")
    }
}

/// An event on a line: when, what, who, and the data as far as it goes.
fn line(event: &Value) -> String {
    let [at, name, coreid, data] = ["published_at", "name", "coreid", "data"].map(|part| field(event, part));
    format!("{at}  {name:<24}  {coreid:<24}  {data}")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_event_stays_on_its_line() {
        let event = json!({
            "name": "temp", "data": "21.5\n\u{1b}[2J", "ttl": "60", "published_at": "2016-04-16T13:37:08.728Z",
            "coreid": "0123456789abcdef01234567",
        });
        assert_eq!(
            line(&event),
            "2016-04-16T13:37:08.728Z  temp                      0123456789abcdef01234567  21.5\\n\\u{1b}[2J"
        );
    }
}
