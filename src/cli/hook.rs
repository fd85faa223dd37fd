//! `farhook hook …`: what is requested when something is published. The preview, which needs no daemon, is in
//! `preview`.

use std::path::Path;
use std::path::PathBuf;

use anyhow::Context;
use anyhow::bail;
use clap::Args;
use clap::Subcommand;
use serde_json::Value;
use serde_json::json;

use crate::bus::protocol::Request;
use crate::cli::client::Gateway;
use crate::cli::input;
use crate::cli::preview::Preview;
use crate::cli::print::Output;
use crate::cli::print::field;
use crate::cli::print::one_line;
use crate::cli::print::pairs;
use crate::cli::print::table;
use crate::model::HookId;

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    Create(Create),
    Edit(Edit),
    List(List),
    /// Show one hook: its definition without secrets, and how it does
    Show(Which),
    /// Delete a hook, with what waits for it and its dead letters
    Delete(Which),
    /// Switch a hook on
    Enable(Which),
    /// Switch a hook off; what is published meanwhile is not sent later
    Disable(Which),
    /// Take a hook up again that was stopped after too many errors; what waited is sent
    Resume(Which),
    /// Send the oldest request of a hook that was stopped after too many errors; if that goes well, the hook goes on
    Try(Which),
    Test(Test),
    Preview(Preview),
}

/// Create a hook, from a hook file or from an event and an address
///
/// A hook file is the JSON of Particle's webhooks. With EVENT and URL, every event whose name begins with EVENT is
/// posted to URL as JSON.
#[derive(Debug, Args)]
pub(super) struct Create {
    /// The hook file, - for stdin; or what the names of the events begin with
    #[arg(value_name = "FILE|EVENT")]
    what: String,
    /// The address that events are posted to
    url: Option<String>,
    /// Create it even if there is the same hook already: then everything is sent twice
    #[arg(long)]
    force: bool,
    /// For the devices of this product alone: its number or slug
    #[arg(long, value_name = "PRODUCT")]
    product: Option<String>,
}

/// Give a hook another definition; what waits for it is sent by the new one
#[derive(Debug, Args)]
pub(super) struct Edit {
    /// The hook's id
    #[arg(value_name = "ID")]
    hook: HookId,
    /// The hook file, - for stdin; where it has [[SENSITIVE]], as `hook show` does, the secret stays as it is
    file: PathBuf,
}

/// List all hooks
#[derive(Debug, Args)]
pub(super) struct List {
    /// Only those of this product
    #[arg(long, value_name = "PRODUCT")]
    product: Option<String>,
}

#[derive(Debug, Args)]
pub(super) struct Which {
    /// The hook's id
    #[arg(value_name = "ID")]
    hook: HookId,
}

/// Send one event through a hook now, and show what happens; no device is told
#[derive(Debug, Args)]
pub(super) struct Test {
    /// The hook's id
    #[arg(value_name = "ID")]
    hook: HookId,
    /// The event as a JSON file, - for stdin: {"name": "temp", "data": "21.5"}; without it one is made up
    #[arg(long, value_name = "FILE")]
    event: Option<PathBuf>,
}

impl Command {
    pub(super) async fn run(self, gateway: &Gateway, out: &mut Output) -> anyhow::Result<()> {
        let (request, told): (Request, fn(&Value) -> String) = match self {
            Self::Test(test) => return test.run(gateway, out).await,
            Self::Try(Which { hook }) => return try_once(hook, gateway, out).await,
            Self::Preview(preview) => return preview.run(out),
            Self::Create(create) => (create.request()?, created),
            Self::Edit(Edit { hook, file }) => (Request::HookEdit { hook, definition: input::json(&file)? }, edited),
            Self::List(List { product }) => (Request::HookList { product }, list),
            Self::Show(Which { hook }) => (Request::HookShow { hook }, one),
            Self::Delete(Which { hook }) => (Request::HookDelete { hook }, deleted),
            Self::Enable(Which { hook }) => (Request::HookSwitch { hook, on: true }, switched),
            Self::Disable(Which { hook }) => (Request::HookSwitch { hook, on: false }, switched),
            Self::Resume(Which { hook }) => (Request::HookResume { hook }, resumed),
        };
        out.show(&gateway.ask(&request).await?, told).context("stdout takes nothing")
    }
}

impl Create {
    fn request(self) -> anyhow::Result<Request> {
        let definition = match self.url {
            Some(url) => json!({ "event": self.what, "url": url }),
            None => input::json(Path::new(&self.what))
                .context("a hook is created from a hook file, or from an event and an address")?,
        };
        Ok(Request::HookCreate { definition, again: self.force, product: self.product })
    }
}

impl Test {
    async fn run(self, gateway: &Gateway, out: &mut Output) -> anyhow::Result<()> {
        let event = self.event.map(|file| input::json(&file)).transpose()?;
        let report = gateway.ask(&Request::HookTest { hook: self.hook, event }).await?;
        out.show(&report, tested)?;
        if report["ok"] == true { Ok(()) } else { bail!("the test failed: {}", failure(&report)) }
    }
}

async fn try_once(hook: HookId, gateway: &Gateway, out: &mut Output) -> anyhow::Result<()> {
    let report = gateway.ask(&Request::HookTry { hook }).await?;
    let told = |report: &Value| match report["ok"].as_bool() {
        Some(true) => format!("It went well ({}): hook {hook} goes on.", field(report, "summary")),
        _ => format!("It went wrong: hook {hook} stays as it is."),
    };
    out.show(&report, told)?;
    if report["ok"] == true { Ok(()) } else { bail!("the target is not well yet: {}", field(&report, "summary")) }
}

fn created(hook: &Value) -> String {
    let [id, event, url] = ["id", "event", "url"].map(|part| field(hook, part));
    // The older name of the field.
    let event = if event == "-" { field(hook, "eventName") } else { event };
    format!("Hook {id} is created: events that begin with {event:?} go to {url}.")
}

fn edited(hook: &Value) -> String {
    format!("Hook {} has its new definition.", field(hook, "id"))
}

fn list(hooks: &Value) -> String {
    let hooks = hooks.as_array().map(Vec::as_slice).unwrap_or_default();
    if hooks.is_empty() {
        return "There are no hooks. Create one with `farhook hook create EVENT URL`.".to_owned();
    }
    let row = |hook: &Value| {
        let event = if hook["event"].is_null() { "eventName" } else { "event" };
        let parts = ["id", event, "product", "state", "delivered", "failed", "last_outcome", "url"];
        parts.map(|part| field(hook, part)).to_vec()
    };
    let headings = ["ID", "EVENT", "PRODUCT", "STATE", "DELIVERED", "FAILED", "LAST OUTCOME", "URL"];
    table(&headings, &hooks.iter().map(row).collect::<Vec<_>>())
}

fn one(hook: &Value) -> String {
    let Some(fields) = hook.as_object() else { return one_line(&hook.to_string()) };
    let own = [
        ("id", "id"),
        ("state", "state"),
        ("created", "created_at"),
        ("delivered since the start", "delivered"),
        ("failed", "failed"),
        ("dropped, its queue was full", "dropped"),
        ("refused, its queue was full", "refused"),
        ("dropped, over a device's limit", "over_limit"),
        ("errors in a row", "errors_in_a_row"),
        ("last outcome", "last_outcome"),
        ("last attempt", "last_at"),
    ];
    let shown = pairs(&own.map(|(label, name)| (label, field(hook, name))));
    let is_own = |key: &str| own.iter().any(|(_, name)| *name == key);
    let definition: serde_json::Map<_, _> =
        fields.iter().filter(|(key, _)| !is_own(key)).map(|(key, value)| (key.clone(), value.clone())).collect();
    format!("{shown}\n\n{:#}", Value::Object(definition))
}

fn deleted(hook: &Value) -> String {
    format!("Hook {} is deleted, with what waited for it and its dead letters.", field(hook, "id"))
}

fn switched(hook: &Value) -> String {
    let (id, state) = (field(hook, "id"), field(hook, "state"));
    if hook["state"] == "too many errors" {
        format!("Hook {id} is enabled, and still stopped after too many errors: `farhook hook resume {id}` goes on.")
    } else {
        format!("Hook {id} is {state}.")
    }
}

fn resumed(hook: &Value) -> String {
    format!("Hook {} goes on.", field(hook, "id"))
}

fn tested(report: &Value) -> String {
    let first = match &report["status"] {
        Value::Null => "No answer came.".to_owned(),
        status => format!("The target answered with status {status}."),
    };
    let results = report["results"].as_array().map(Vec::as_slice).unwrap_or_default();
    if results.is_empty() {
        return first;
    }
    let rows: Vec<_> = results.iter().map(|result| vec![field(result, "name"), field(result, "data")]).collect();
    format!("{first} The device would have been told:\n\n{}", table(&["EVENT", "DATA"], &rows))
}

fn failure(report: &Value) -> String {
    match (&report["error"], &report["status"]) {
        (Value::String(error), _) => one_line(error),
        (_, status) => format!("the target answered with status {status}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::print::reason;

    fn hook() -> Value {
        json!({
            "id": "0123", "event": "temp", "url": "https://a.example", "form": { "x": "{{y}}" },
            "created_at": "2016-04-16T13:37:08.728Z", "state": "enabled", "delivered": 3, "failed": 1,
            "errors_in_a_row": 0, "last_outcome": "200", "last_at": null,
        })
    }

    #[test]
    fn an_event_and_an_address_make_a_hook() {
        let create =
            Create { what: "temp".to_owned(), url: Some("https://a.example".to_owned()), force: true, product: None };
        let definition = json!({ "event": "temp", "url": "https://a.example" });
        assert_eq!(create.request().unwrap(), Request::HookCreate { definition, again: true, product: None });
        assert_eq!(created(&hook()), r#"Hook 0123 is created: events that begin with "temp" go to https://a.example."#);
    }

    #[test]
    fn an_event_without_an_address_is_told_what_is_missing() {
        let create = Create { what: "no-such-file".to_owned(), url: None, force: false, product: None };
        let error = reason(&create.request().unwrap_err());
        assert!(error.contains("from an event and an address: no-such-file cannot be read"), "{error}");
    }

    #[test]
    fn hooks_are_listed_in_a_table() {
        assert_eq!(
            list(&json!([hook()])),
            "ID    EVENT  PRODUCT  STATE    DELIVERED  FAILED  LAST OUTCOME  URL\n\
             0123  temp   -        enabled  3          1       200           https://a.example"
        );
        assert!(list(&json!([])).contains("hook create"));
    }

    #[test]
    fn a_hook_is_shown_with_its_definition_apart() {
        let shown = one(&hook());
        let begin: Vec<String> = shown.lines().take(2).map(|line| line.split_whitespace().collect()).collect();
        assert_eq!(begin, ["id0123", "stateenabled"], "{shown}");
        let (_, definition) = shown.split_once("\n\n").unwrap();
        let expected = json!({ "event": "temp", "url": "https://a.example", "form": { "x": "{{y}}" } });
        assert_eq!(serde_json::from_str::<Value>(definition).unwrap(), expected);
    }

    #[test]
    fn a_hook_that_errors_stopped_is_not_called_enabled() {
        let told = switched(&json!({ "id": "0123", "state": "too many errors" }));
        assert!(told.contains("farhook hook resume 0123"), "{told}");
        assert_eq!(switched(&json!({ "id": "0123", "state": "disabled" })), "Hook 0123 is disabled.");
    }

    #[test]
    fn a_test_shows_what_the_device_would_have_been_told() {
        let report = json!({ "ok": true, "status": 200, "error": null,
            "results": [{ "name": "hook-sent/temp", "data": "undefined" }, { "name": "hook-response/temp/0", "data": "a\n" }] });
        assert_eq!(
            tested(&report),
            "The target answered with status 200. The device would have been told:\n\n\
             EVENT                 DATA\n\
             hook-sent/temp        undefined\n\
             hook-response/temp/0  a\\n"
        );
        let silent = json!({ "ok": false, "status": null, "error": "no connection", "results": [] });
        assert_eq!((tested(&silent).as_str(), failure(&silent).as_str()), ("No answer came.", "no connection"));
        let angry = json!({ "ok": false, "status": 500, "error": null, "results": [] });
        assert_eq!(failure(&angry), "the target answered with status 500");
    }
}
