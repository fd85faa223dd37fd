//! `farhook hook preview`: the request that a hook would make of an event, without sending it and without a daemon.
//!
//! It is built by the same rules as the one that is sent. What the HTTP client adds to every request (`host`, `accept`,
//! `accept-encoding`, `content-length`) is not shown, and `webhook-id`, which each event has of its own, is all zeros.

use std::convert::Infallible;
use std::path::Path;
use std::path::PathBuf;

use anyhow::Context;
use anyhow::bail;
use clap::Args;
use clap::ValueEnum;
use serde_json::Value;
use serde_json::json;

use crate::cli::input;
use crate::cli::print;
use crate::cli::print::Output;
use crate::cli::print::one_line;
use crate::clock;
use crate::hooks::HookDefinition;
use crate::hooks::HookRequest;
use crate::hooks::InvalidHook;
use crate::hooks::masking::ShownRequest;
use crate::hooks::preview;
use crate::hooks::preview::Missing;
use crate::hooks::preview::NoPreview;
use crate::hooks::preview::Preview as Previewed;
use crate::hooks::sample_event;
use crate::hooks::sample_event::SampleError;
use crate::model::DefaultBody;
use crate::model::EventId;
use crate::model::Secret;
use crate::model::SecretName;
use crate::model::Secrets;
use crate::model::UserId;
use crate::model::WallTime;

/// Show the request that a hook would make of an event, without sending it
///
/// Needs no daemon. The request is exactly the one that would be sent, but for its webhook-id, which is all zeros here,
/// and for what the HTTP client adds to every request (host, accept, accept-encoding, content-length). Give the event
/// its `published_at` to get the same request each time.
///
/// For people, what looks like a secret is masked. --json prints {"method", "url", "headers", "body"} unmasked, for
/// scripts that compare requests.
#[derive(Debug, Args)]
pub(super) struct Preview {
    /// The hook file, - for stdin
    #[arg(long, value_name = "FILE")]
    hook: PathBuf,
    /// The event as a JSON file, - for stdin: {"name": "temp", "data": "21.5"}
    #[arg(long, value_name = "FILE")]
    event: PathBuf,
    /// What a hook without json, form and body sends; as `hooks.default_body` in the configuration
    #[arg(long, value_name = "KIND", value_enum, default_value = "json")]
    default_body: Kind,
    /// A named secret that the hook's templates may use; once for each. The gateway's own are not known here
    #[arg(long = "secret", value_name = "NAME=VALUE", value_parser = given_secret)]
    secrets: Vec<Result<(SecretName, Secret), String>>,
    /// Show secrets to people, too
    #[arg(long)]
    show_secrets: bool,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Kind {
    /// The event as a JSON object
    Json,
    /// The event as a web form
    Form,
}

impl Preview {
    pub(super) fn run(self, out: &mut Output) -> anyhow::Result<()> {
        if [&self.hook, &self.event].into_iter().all(|file| file == Path::new("-")) {
            bail!("only one of hook and event can come from stdin");
        }
        let (hook, event) = (input::json(&self.hook)?, input::json(&self.event)?);
        let default_body = match self.default_body {
            Kind::Json => DefaultBody::Json,
            Kind::Form => DefaultBody::Form,
        };
        let secrets = self.secrets.into_iter().collect::<Result<_, _>>().map_err(anyhow::Error::msg)?;
        let previewed = preview(&hook, &event, &secrets, default_body, clock::now().wall);
        let (missing, mismatch) = match &previewed {
            Ok(preview) => (&preview.missing, preview.mismatch),
            Err(Unpreviewed::NoPreview(failed)) => (&failed.missing, failed.mismatch),
            Err(_) => (&Vec::new(), None),
        };
        for missing in missing {
            print::complain(&note(missing));
        }
        if let Some(mismatch) = mismatch {
            print::complain(&format!("note: this event does not trigger the hook: {mismatch}"));
        }
        let preview = previewed?;
        if out.is_json() {
            out.json(&for_scripts(&preview.exact))
        } else if self.show_secrets {
            out.text(&for_people(&unmasked(&preview.exact)))
        } else {
            out.text(&for_people(&preview.request))
        }
        .context("stdout takes nothing")
    }
}

/// Never fails, since clap would repeat the value with its complaint.
#[expect(clippy::unnecessary_wraps, reason = "that is how clap wants it")]
fn given_secret(given: &str) -> Result<Result<(SecretName, Secret), String>, Infallible> {
    Ok(named_secret(given))
}

fn named_secret(given: &str) -> Result<(SecretName, Secret), String> {
    let given = given.split_once('=').filter(|(_, value)| !value.is_empty());
    let (name, value) = given.ok_or("a secret is given as NAME=VALUE")?;
    let name = SecretName::try_from(name.to_owned()).map_err(|error| error.to_string())?;
    let never = WallTime::from_millis(0);
    Ok((name, Secret { value: value.to_owned(), created_at: never, updated_at: never }))
}

/// Why there is nothing to show.
#[derive(Debug, thiserror::Error)]
enum Unpreviewed {
    #[error("the hook cannot be used")]
    Hook(#[source] InvalidHook),
    #[error("the event cannot be used")]
    Event(#[source] SampleError),
    #[error("no request can be made of this event")]
    NoPreview(#[source] NoPreview),
}

fn preview(
    hook: &Value,
    event: &Value,
    secrets: &Secrets,
    default_body: DefaultBody,
    now: WallTime,
) -> Result<Previewed, Unpreviewed> {
    let hook = HookDefinition::parse(hook).map_err(Unpreviewed::Hook)?;
    let (id, owner) = (EventId::from_bytes([0; 12]), UserId::from_bytes([0; 12]));
    let event = sample_event::parse(event, id, owner, now).map_err(Unpreviewed::Event)?;
    preview::preview(&hook, &event, secrets, default_body, now).map_err(Unpreviewed::NoPreview)
}

fn note(missing: &Missing) -> String {
    let Missing { name, field } = missing;
    match missing.secret_name() {
        Some(name) => format!("note: {name} in {field} is empty; if it is a secret, give --secret {name}=VALUE"),
        None => format!("note: {name} in {field} is empty: this event has no such variable"),
    }
}

fn for_scripts(request: &HookRequest) -> Value {
    let headers: serde_json::Map<_, _> =
        request.headers.iter().map(|(name, value)| (name.clone(), json!(value))).collect();
    json!({
        "method": request.method.as_str(),
        "url": request.url.as_str(),
        "headers": headers,
        "body": String::from_utf8_lossy(&request.body),
    })
}

/// The request line, the headers, and apart from them the body.
fn for_people(request: &ShownRequest) -> String {
    let mut lines = vec![format!("{} {}", request.method, one_line(&request.url))];
    lines.extend(request.headers.iter().map(|(name, value)| format!("{name}: {}", one_line(value))));
    let head = lines.join("\n");
    if request.body.is_empty() { head } else { format!("{head}\n\n{}", request.body) }
}

fn unmasked(request: &HookRequest) -> ShownRequest {
    ShownRequest {
        method: request.method,
        url: request.url.to_string(),
        headers: request.headers.clone(),
        body: String::from_utf8_lossy(&request.body).into_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hooks::matching::Mismatch;

    /// The first hook of the guide.
    fn thingspeak() -> Value {
        json!({
            "event": "temp", "url": "https://api.thingspeak.com/update", "requestType": "POST",
            "form": { "api_key": "YOUR_API_KEY", "field1": "{{PARTICLE_EVENT_VALUE}}" },
        })
    }

    /// An event as the guide writes one.
    fn temp() -> Value {
        json!({
            "name": "temp", "data": "72", "ttl": "60", "published_at": "2016-04-16T13:37:08.728Z",
            "coreid": "0123456789abcdef01234567",
        })
    }

    fn previewed(hook: &Value, event: &Value) -> Previewed {
        preview(hook, event, &Secrets::new(), DefaultBody::Json, WallTime::from_millis(0)).unwrap()
    }

    fn refused(hook: &Value, event: &Value) -> String {
        let refused = preview(hook, event, &Secrets::new(), DefaultBody::Json, WallTime::from_millis(0));
        print::reason(&refused.err().unwrap().into())
    }

    const FORM: &str = "field1=72&event=temp&data=72&published_at=2016-04-16T13%3A37%3A08.728Z\
        &coreid=0123456789abcdef01234567";

    #[test]
    fn scripts_get_the_exact_request() {
        let request = previewed(&thingspeak(), &temp()).exact;
        let expected = json!({
            "method": "POST",
            "url": "https://api.thingspeak.com/update",
            "headers": {
                "user-agent": concat!("farhook/", env!("CARGO_PKG_VERSION")),
                "content-type": "application/x-www-form-urlencoded",
                "webhook-id": "000000000000000000000000",
            },
            "body": format!("api_key=YOUR_API_KEY&{FORM}"),
        });
        // As text, for the order of the keys matters too.
        assert_eq!(for_scripts(&request).to_string(), expected.to_string());
    }

    #[test]
    fn people_see_the_request_without_its_secrets() {
        let Previewed { request, exact, .. } = previewed(&thingspeak(), &temp());
        let head = concat!(
            "POST https://api.thingspeak.com/update\nuser-agent: farhook/",
            env!("CARGO_PKG_VERSION"),
            "\ncontent-type: application/x-www-form-urlencoded\nwebhook-id: 000000000000000000000000\n\n",
        );
        let masked = format!("{head}api_key=[[SENSITIVE]]&{FORM}");
        assert_eq!(for_people(&request), masked);
        assert_eq!(for_people(&unmasked(&exact)), format!("{head}api_key=YOUR_API_KEY&{FORM}"));
    }

    #[test]
    fn a_named_secret_is_filled_in_for_scripts_and_hidden_from_people() {
        let mut hook = thingspeak();
        hook["form"]["api_key"] = json!("{{{API_KEY}}}");
        hook["form"]["field2"] = json!("{{{ROOM}}}");
        let secrets = [named_secret("API_KEY=s3=cret").unwrap()].into();
        let event = json!({ "name": "temp", "data": { "ROOM": 5 } });
        let previewed = preview(&hook, &event, &secrets, DefaultBody::Json, WallTime::from_millis(0)).unwrap();
        assert!(for_scripts(&previewed.exact)["body"].as_str().unwrap().starts_with("api_key=s3%3Dcret&"));
        assert!(!for_people(&previewed.request).contains("cret"));
        assert_eq!(previewed.missing, []);
        let without = preview(&hook, &temp(), &Secrets::new(), DefaultBody::Json, WallTime::from_millis(0)).unwrap();
        assert_eq!(
            without.missing.iter().map(note).collect::<Vec<_>>(),
            [
                "note: API_KEY in form.api_key is empty; if it is a secret, give --secret API_KEY=VALUE",
                "note: ROOM in form.field2 is empty; if it is a secret, give --secret ROOM=VALUE",
            ]
        );
        assert!(named_secret("PRODUCT_ID=s3cret").is_err_and(|error| !error.contains("s3cret")));
        assert!(named_secret("s3cret").is_err_and(|error| !error.contains("s3cret")));
    }

    #[test]
    fn a_bare_hook_sends_what_was_chosen() {
        let hook = json!({ "event": "temp", "url": "http://a.example" });
        let body = |default_body| {
            let previewed = preview(&hook, &temp(), &Secrets::new(), default_body, WallTime::from_millis(0)).unwrap();
            String::from_utf8(previewed.exact.body.to_vec()).unwrap()
        };
        assert!(body(DefaultBody::Json).starts_with(r#"{"event":"temp","data":"72","#));
        assert!(body(DefaultBody::Form).starts_with("event=temp&data=72&"));
    }

    #[test]
    fn a_get_has_no_body_to_show() {
        let hook = json!({ "event": "temp", "url": "http://a.example", "requestType": "GET", "noDefaults": true });
        let shown = for_people(&unmasked(&previewed(&hook, &temp()).exact));
        assert!(shown.ends_with("webhook-id: 000000000000000000000000"), "{shown}");
    }

    #[test]
    fn what_is_wrong_is_told_with_its_field() {
        let mut hook = thingspeak();
        hook["form"]["field1"] = json!("{{#x}}");
        let error = refused(&hook, &temp());
        assert!(error.starts_with("the hook cannot be used: form.field1 is no template: "), "{error}");
        let error = refused(&thingspeak(), &json!({ "data": "72" }));
        assert_eq!(error, "the event cannot be used: name: an event has a name, a text");
        let error = refused(&thingspeak(), &json!({ "name": "hook-sent/x" }));
        assert_eq!(error, r#"the event cannot be used: name: names that begin with "hook-sent/" are farhook's own"#);
        let hook = json!({ "event": "temp", "url": "http://a.example", "requestType": "{{m}}" });
        let error = refused(&hook, &temp());
        assert!(error.starts_with("no request can be made of this event: requestType: "), "{error}");
    }

    #[test]
    fn an_event_that_does_not_trigger_the_hook_is_shown_with_a_note() {
        let event = json!({ "name": "humidity", "data": "5" });
        assert_eq!(previewed(&thingspeak(), &event).mismatch, Some(Mismatch::Name));
        assert_eq!(previewed(&thingspeak(), &temp()).mismatch, None);
    }
}
